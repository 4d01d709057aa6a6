"""The check of the pages' packages, by the real npm, against a registry that answers as npm's own does."""

import contextlib
import http.server
import io
import json
import os
import tempfile
import threading
import unittest
from pathlib import Path

from dev import advisories, suites

WEAK = {
    "small-thing": [
        {
            "id": 1,
            "url": "https://advisories.example/1",
            "title": "It can be made to run anything",
            "severity": "high",
            "vulnerable_versions": "<2.0.0",
            "cwe": [],
            "cvss": {"score": 8.0},
        }
    ]
}


class Registry(http.server.BaseHTTPRequestHandler):
    answer: dict | None = None

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.answer is None or not self.path.endswith("/advisories/bulk"):
            return self.send_error(405)
        self.tell(self.answer)

    def do_GET(self):
        versions = {version: {"name": "small-thing", "version": version} for version in ("1.0.0", "2.0.0")}
        self.tell({"name": "small-thing", "dist-tags": {"latest": "2.0.0"}, "versions": versions})

    def tell(self, what: dict) -> None:
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Pages(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        package = {"name": "pages", "version": "1.0.0", "dependencies": {"small-thing": "^1.0.0"}}
        thing = {"version": "1.0.0", "resolved": "https://registry.example/small-thing/-/small-thing-1.0.0.tgz"}
        locked = {"name": "pages", "version": "1.0.0", "lockfileVersion": 3, "requires": True}
        locked["packages"] = {"": package, "node_modules/small-thing": thing}
        (self.folder / "package.json").write_text(json.dumps(package))
        (self.folder / "package-lock.json").write_text(json.dumps(locked))

    def check(self, answer: dict | None) -> tuple[advisories.Found, str]:
        handler = type("Handler", (Registry,), {"answer": answer})
        with (
            http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as registry,
            contextlib.redirect_stdout(io.StringIO()) as said,
        ):
            threading.Thread(target=registry.serve_forever, daemon=True).start()
            settings = {**os.environ, "npm_config_registry": f"http://127.0.0.1:{registry.server_port}/"}
            settings |= {"npm_config_cache": str(self.folder / "cache"), "npm_config_fetch_retries": "0"}
            found = advisories.of_pages(settings, self.folder)
            registry.shutdown()
        return found, said.getvalue()

    def test_a_known_weakness_fails_and_is_named(self):
        found, said = self.check(WEAK)
        self.assertIs(found.passed, False)
        self.assertIn("high: small-thing", said)
        self.assertIn("It can be made to run anything", said)

    def test_nothing_known_passes(self):
        self.assertEqual(self.check({})[0], advisories.Found(True))

    def test_a_registry_that_cannot_say_is_not_taken_for_a_good_one(self):
        found, _ = self.check(None)
        self.assertEqual(found, advisories.Found(None, advisories.UNREACHABLE))

    def test_the_table_says_what_was_not_checked(self):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            skipped = suites._advisories("advisories (pages)", lambda: advisories.Found(None, advisories.UNREACHABLE))
            passed = suites._advisories("advisories (Rust)", lambda: advisories.Found(True))
            failed = suites._advisories("advisories (other)", lambda: advisories.Found(False))
            suites._table([skipped, passed, failed])
        counts = [(one.passed, one.failed, one.skipped) for one in (skipped, passed, failed)]
        self.assertEqual(counts, [(0, 0, 1), (1, 0, 0), (0, 1, 0)])
        self.assertIn("not checked: the advisory database cannot be reached", said.getvalue())
        self.assertIn("Not checked here: advisories (pages). Run `./dev advisories`", said.getvalue())


if __name__ == "__main__":
    unittest.main()
