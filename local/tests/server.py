"""Starts one of the Python servers for a test, on a free port."""

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
        first_line = self.process.stdout.readline().decode()
        match = re.search(r"http://127\.0\.0\.1:(\d+)", first_line)
        if not match:
            self.process.wait(10)
            self.log.seek(0)
            output = self.log.read().decode()
            self.__exit__()
            raise AssertionError(f"the server printed {first_line!r} instead of its address, and {output!r}")
        self.port = int(match.group(1))
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def request(self, path: str, body: bytes | None = None, headers: dict | None = None) -> tuple[int, dict, bytes]:
        """The status, headers and body of a response, also of an error."""
        http_request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers or {})
        try:
            with urllib.request.urlopen(http_request, timeout=60) as response:
                return response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()
