"""llama.cpp's server with the template for a base model, over the real model."""

import json
import os
import signal
import unittest
from pathlib import Path

from .server import LOCAL, Server

MODEL = LOCAL.parent / ".local" / "models" / "gemma-3-270m-q4_k_m.gguf"
VIETNAMESE = {
    "messages": [
        {"role": "system", "content": "Trả lời câu hỏi chỉ dựa vào đoạn văn."},
        {
            "role": "user",
            "content": "Đoạn văn: Gói Pro có giá 299.000 đồng mỗi tháng.\nCâu hỏi: Gói Pro giá bao nhiêu?",
        },
    ],
    "stop": ["\nCâu hỏi", "\n\n"],
    "max_tokens": 48,
}
ENGLISH = {
    "messages": [
        {"role": "user", "content": "an earlier question"},
        {"role": "assistant", "content": "an earlier answer"},
        {"role": "system", "content": "Answer the question using only the passage."},
        {
            "role": "user",
            "content": "Passage: The Pro plan has 100 GB of storage.\nQuestion: How much storage has the Pro plan?",
        },
    ],
    "stop": ["\nQuestion", "\n\n"],
    "max_tokens": 48,
}


class Llama(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(
            Server("llama", "--model", str(MODEL), "--threads", str(min(2, os.cpu_count())))
        )

    def ask(self, path: str, body: dict) -> bytes:
        status, _, answer = self.server.request(path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        self.assertEqual(status, 200, answer)
        return answer

    def test_a_chat_becomes_the_completion_prompt(self):
        self.assertEqual(
            json.loads(self.ask("/apply-template", VIETNAMESE))["prompt"],
            "Trả lời câu hỏi chỉ dựa vào đoạn văn.\n\n"
            "Đoạn văn: Gói Pro có giá 299.000 đồng mỗi tháng.\nCâu hỏi: Gói Pro giá bao nhiêu?\nTrả lời:",
        )
        self.assertEqual(
            json.loads(self.ask("/apply-template", ENGLISH))["prompt"],
            "Answer the question using only the passage.\n\n"
            "Passage: The Pro plan has 100 GB of storage.\nQuestion: How much storage has the Pro plan?\nAnswer:",
        )

    def test_answers_hold_the_fact_and_repeat(self):
        for body, fact in ((VIETNAMESE, "299.000"), (ENGLISH, "100 GB")):
            answers = {
                json.loads(self.ask("/v1/chat/completions", body))["choices"][0]["message"]["content"] for _ in range(2)
            }
            self.assertEqual(len(answers), 1, answers)
            self.assertIn(fact, answers.pop())

    def test_with_a_key_no_page_and_nobody_without_it_is_answered(self):
        key = "a-key-of-the-tests"
        with Server("llama", "--model", str(MODEL), variables={"LLAMA_API_KEY": key}) as server:
            body = json.dumps({"prompt": "a", "max_tokens": 1}).encode()
            page = {"Origin": "https://www.example.com"}
            for path in ("/completion", "/v1/completions", "/v1/chat/completions", "/tokenize", "/apply-template"):
                for headers in ({}, page, {"Authorization": "Bearer another"}):
                    with self.subTest(path=path, headers=headers):
                        self.assertEqual(server.request(path, body, headers)[0], 401)
            given = {"Authorization": f"Bearer {key}"}
            self.assertEqual(server.request("/v1/completions", body, given)[0], 200)
            self.assertNotEqual(server.request("/health", None, page)[1].get("Access-Control-Allow-Origin"), page["Origin"])

    def test_the_stream_is_the_answer(self):
        whole = json.loads(self.ask("/v1/chat/completions", ENGLISH))["choices"][0]["message"]["content"]
        events = self.ask("/v1/chat/completions", {**ENGLISH, "stream": True}).decode().split("\n\n")
        data = [event.removeprefix("data: ") for event in events if event]
        self.assertEqual(data.pop(), "[DONE]")
        pieces = [
            choice["delta"].get("content") or "" for event in map(json.loads, data) for choice in event["choices"]
        ]
        self.assertGreater(len(pieces), 3)
        self.assertEqual("".join(pieces), whole)


class Life(unittest.TestCase):
    def test_it_ends_when_told(self):
        with Server("llama", "--model", str(MODEL)) as server:
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
