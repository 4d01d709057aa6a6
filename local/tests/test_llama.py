"""llama.cpp's server, with the real model."""

import json
import os
import signal
import unittest
from pathlib import Path

from dev import paths

from .server import Server

KEY = "a-key-of-the-tests"
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
SYSTEM = "Answer in one short sentence, using only the text."
VIETNAMESE = ("Gói Pro có giá 299.000 đồng mỗi tháng.", "Gói Pro giá bao nhiêu?", "299.000")
ENGLISH = ("The Pro plan has 100 GB of storage.", "How much storage has the Pro plan?", "100 GB")


def chat(text: str, question: str, **options) -> bytes:
    messages = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": f"Text: {text}\nQuestion: {question}"},
    ]
    return json.dumps({"messages": messages, "max_tokens": 48, **options}).encode()


class Llama(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        arguments = ["--model", str(paths.LANGUAGE_MODEL), "--threads", str(min(2, os.cpu_count()))]
        cls.server = cls.enterClassContext(Server("llama", *arguments, variables={"LLAMA_API_KEY": KEY}))

    def ask(self, path: str, body: bytes) -> bytes:
        status, _, answer = self.server.request(path, body, HEADERS)
        self.assertEqual(status, 200, answer)
        return answer

    def test_a_chat_uses_the_template_of_the_model_file(self):
        prompt = json.loads(self.ask("/apply-template", chat(*ENGLISH[:2])))["prompt"]
        self.assertEqual(
            prompt,
            f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\nText: {ENGLISH[0]}\nQuestion: {ENGLISH[1]}<|im_end|>\n"
            "<|im_start|>assistant\n",
        )

    def test_answers_have_the_fact_and_a_stream_has_the_same_text(self):
        for text, question, fact in (VIETNAMESE, ENGLISH):
            content = json.loads(self.ask("/v1/chat/completions", chat(text, question)))["choices"][0]["message"]["content"]
            self.assertIn(fact, content)
        events = self.ask("/v1/chat/completions", chat(text, question, stream=True)).decode().split("\n\n")
        data = [event.removeprefix("data: ") for event in events if event]
        self.assertEqual(data.pop(), "[DONE]")
        deltas = [
            choice["delta"].get("content") or "" for event in map(json.loads, data) for choice in event["choices"]
        ]
        self.assertGreater(len(deltas), 3)
        self.assertEqual("".join(deltas), content)

    def test_requests_of_web_pages_or_without_the_key_are_refused(self):
        body = json.dumps({"prompt": "a", "max_tokens": 1}).encode()
        page = {"Origin": "https://www.example.com"}
        for path in ("/completion", "/v1/completions", "/v1/chat/completions", "/tokenize", "/apply-template"):
            for headers in ({}, page, {"Authorization": "Bearer another"}):
                with self.subTest(path=path, headers=headers):
                    self.assertEqual(self.server.request(path, body, headers)[0], 401)
        self.assertEqual(self.server.request("/v1/completions", body, HEADERS)[0], 200)
        allowed = self.server.request("/health", None, page)[1].get("Access-Control-Allow-Origin")
        self.assertNotEqual(allowed, page["Origin"])


class Lifecycle(unittest.TestCase):
    def test_the_server_stops_on_sigterm(self):
        with Server("llama", "--model", str(paths.LANGUAGE_MODEL)) as server:
            self.assertEqual(server.request("/health")[0], 200)
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(20), 0)

    def test_a_missing_model_is_reported(self):
        with (
            self.assertRaisesRegex(AssertionError, "no model at .*missing.gguf"),
            Server("llama", "--model", str(Path("/missing.gguf"))),
        ):
            pass


if __name__ == "__main__":
    unittest.main()
