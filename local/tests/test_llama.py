"""llama.cpp's server over the real model."""

import json
import os
import signal
import unittest
from pathlib import Path

from dev import paths

from .server import Server

KEY = "a-key-of-the-tests"
GIVEN = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
SYSTEM = "Answer in one short sentence, using only the text."
VIETNAMESE = ("Gói Pro có giá 299.000 đồng mỗi tháng.", "Gói Pro giá bao nhiêu?", "299.000")
ENGLISH = ("The Pro plan has 100 GB of storage.", "How much storage has the Pro plan?", "100 GB")


def chat(text: str, question: str, **more) -> bytes:
    messages = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": f"Text: {text}\nQuestion: {question}"},
    ]
    return json.dumps({"messages": messages, "max_tokens": 48, **more}).encode()


class Llama(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        arguments = ["--model", str(paths.MODEL), "--threads", str(min(2, os.cpu_count()))]
        cls.server = cls.enterClassContext(Server("llama", *arguments, variables={"LLAMA_API_KEY": KEY}))

    def ask(self, path: str, body: bytes) -> bytes:
        status, _, answer = self.server.request(path, body, GIVEN)
        self.assertEqual(status, 200, answer)
        return answer

    def test_a_chat_gets_the_template_of_its_file(self):
        prompt = json.loads(self.ask("/apply-template", chat(*ENGLISH[:2])))["prompt"]
        self.assertEqual(
            prompt,
            f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\nText: {ENGLISH[0]}\nQuestion: {ENGLISH[1]}<|im_end|>\n"
            "<|im_start|>assistant\n",
        )

    def test_answers_hold_the_fact_and_a_stream_says_the_same(self):
        for text, question, fact in (VIETNAMESE, ENGLISH):
            whole = json.loads(self.ask("/v1/chat/completions", chat(text, question)))["choices"][0]["message"]["content"]
            self.assertIn(fact, whole)
        events = self.ask("/v1/chat/completions", chat(text, question, stream=True)).decode().split("\n\n")
        data = [event.removeprefix("data: ") for event in events if event]
        self.assertEqual(data.pop(), "[DONE]")
        pieces = [
            choice["delta"].get("content") or "" for event in map(json.loads, data) for choice in event["choices"]
        ]
        self.assertGreater(len(pieces), 3)
        self.assertEqual("".join(pieces), whole)

    def test_no_page_and_nobody_without_the_key_is_answered(self):
        body = json.dumps({"prompt": "a", "max_tokens": 1}).encode()
        page = {"Origin": "https://www.example.com"}
        for path in ("/completion", "/v1/completions", "/v1/chat/completions", "/tokenize", "/apply-template"):
            for headers in ({}, page, {"Authorization": "Bearer another"}):
                with self.subTest(path=path, headers=headers):
                    self.assertEqual(self.server.request(path, body, headers)[0], 401)
        self.assertEqual(self.server.request("/v1/completions", body, GIVEN)[0], 200)
        allowed = self.server.request("/health", None, page)[1].get("Access-Control-Allow-Origin")
        self.assertNotEqual(allowed, page["Origin"])


class Life(unittest.TestCase):
    def test_it_ends_when_told(self):
        with Server("llama", "--model", str(paths.MODEL)) as server:
            self.assertEqual(server.request("/health")[0], 200)
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(20), 0)

    def test_a_missing_model_is_named(self):
        with (
            self.assertRaisesRegex(AssertionError, "no model at .*nowhere.gguf"),
            Server("llama", "--model", str(Path("/nowhere.gguf"))),
        ):
            pass


if __name__ == "__main__":
    unittest.main()
