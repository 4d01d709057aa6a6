"""Serves the sentences that a capable language model wrote about a site, as an OpenAI-compatible model.

    python3 sentences_server.py bank/sentences.jsonl
    hoidap-worker eval --questions bank/questions.jsonl --config sentences.toml

A question without a recorded sentence gets NO_ANSWER.
"""

from __future__ import annotations

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BEGIN, END = "<<<question\n", "\n<<<end"


def sentences(file: Path) -> dict[str, str]:
    """The recorded sentence of each question, as the prompt has it."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return {record["question"]: record["sentence"] for record in map(json.loads, lines)}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    recorded: dict[str, str] = {}

    def do_GET(self) -> None:
        self._reply({"data": [{"id": "recorded"}]})

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        prompt = request["messages"][-1]["content"]
        question = prompt.partition(BEGIN)[2].partition(END)[0]
        text = self.recorded.get(question, "NO_ANSWER")
        message = {"role": "assistant", "content": text}
        self._reply({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    def _reply(self, value: dict) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="the sentences: JSON Lines of `question` and `sentence`")
    parser.add_argument("--port", type=int, default=8090)
    arguments = parser.parse_args()
    Handler.recorded = sentences(arguments.file)
    ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
