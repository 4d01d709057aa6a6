"""OpenAI's own Python client against a running gateway, unchanged but for its address."""

import os
import unittest

import openai

URL = os.environ["HOIDAP_TEST_URL"]
QUESTION = "Hạn mức gửi thư mỗi ngày của Diệc Mail được tính thế nào?"
PAGE = {"url": "https://www.diecxam.example/vi/mail/gioi-han.html", "product": "mail"}


class OpenAi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = openai.OpenAI(base_url=f"{URL}/v1", api_key="any", max_retries=0)
        cls.addClassCleanup(cls.client.close)

    def ask(self, **more):
        messages = [
            {"role": "system", "content": "You are a pirate."},
            {"role": "user", "content": "Xin chào"},
            {"role": "assistant", "content": "Chào bạn!"},
            {"role": "user", "content": QUESTION},
        ]
        return self.client.chat.completions.create(model="hoidap", messages=messages, metadata=PAGE, **more)

    def test_a_completion(self):
        done = self.ask()
        choice = done.choices[0]
        self.assertEqual((choice.message.role, choice.finish_reason), ("assistant", "stop"))
        self.assertIn("[1]", choice.message.content)
        self.assertEqual(done.usage.total_tokens, done.usage.prompt_tokens + done.usage.completion_tokens)
        source = done.model_extra["hoidap"]["sources"][0]
        self.assertIn("/vi/mail/", source["metadata"]["url"])

    def test_a_stream(self):
        text, finished, usage = "", [], None
        for chunk in self.ask(stream=True, stream_options={"include_usage": True}):
            usage = chunk.usage or usage
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finished += [choice.finish_reason] if choice.finish_reason else []
        self.assertEqual(finished, ["stop"])
        self.assertIn("[1]", text)
        self.assertIsNotNone(usage)

    def test_what_is_wrong_is_their_exception(self):
        with self.assertRaises(openai.UnprocessableEntityError) as raised:
            self.client.chat.completions.create(model="hoidap", messages=[])
        self.assertEqual(raised.exception.param, "messages")


if __name__ == "__main__":
    unittest.main()
