"""Starts one of the Python servers for a test, on a free port and with a folder of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

LOCAL = Path(__file__).resolve().parents[1]


class Server:
    """A server process; use it as a context manager."""

    def __init__(self, folder: str, *arguments: str, variables: dict[str, str] | None = None):
        self.command = [sys.executable, "-B", str(LOCAL / folder), "--port", "0", *arguments]
        self.environment = {**os.environ, **(variables or {})}
        self.log = tempfile.TemporaryFile()

    def __enter__(self) -> Server:
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log
        )
        first = self.process.stdout.readline().decode()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", first)
        if not found:
            self.process.wait(10)
            self.log.seek(0)
            said = self.log.read().decode()
            self.__exit__()
            raise AssertionError(f"the server said {first!r} in place of its address, and {said!r}")
        self.port = int(found.group(1))
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def request(self, path: str, body: bytes | None = None, headers: dict | None = None) -> tuple[int, dict, bytes]:
        """Status, headers and body of an answer, also when the status is an error."""
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers or {})
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()
