"""OpenAI's Python client against a running gateway; only its base URL is changed."""

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

    def ask(self, **options):
        messages = [
            {"role": "system", "content": "You are a pirate."},
            {"role": "user", "content": "Xin chào"},
            {"role": "assistant", "content": "Chào bạn!"},
            {"role": "user", "content": QUESTION},
        ]
        return self.client.chat.completions.create(model="hoidap", messages=messages, metadata=PAGE, **options)

    def test_a_completion(self):
        completion = self.ask()
        choice = completion.choices[0]
        self.assertEqual((choice.message.role, choice.finish_reason), ("assistant", "stop"))
        self.assertIn("[1]", choice.message.content)
        self.assertEqual(completion.usage.total_tokens, completion.usage.prompt_tokens + completion.usage.completion_tokens)
        source = completion.model_extra["hoidap"]["sources"][0]
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

    def test_an_invalid_request_raises_the_exception_of_the_client(self):
        with self.assertRaises(openai.UnprocessableEntityError) as raised:
            self.client.chat.completions.create(model="hoidap", messages=[])
        self.assertEqual(raised.exception.param, "messages")


if __name__ == "__main__":
    unittest.main()
