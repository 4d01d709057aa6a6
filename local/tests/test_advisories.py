"""The check of the npm packages, by the real npm, against a registry that answers as npm's does."""

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

VULNERABLE = {
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
        self.send_json(self.answer)

    def do_GET(self):
        versions = {version: {"name": "small-thing", "version": version} for version in ("1.0.0", "2.0.0")}
        self.send_json({"name": "small-thing", "dist-tags": {"latest": "2.0.0"}, "versions": versions})

    def send_json(self, content: dict) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class WebPackages(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        package = {"name": "web", "version": "1.0.0", "dependencies": {"small-thing": "^1.0.0"}}
        installed = {"version": "1.0.0", "resolved": "https://registry.example/small-thing/-/small-thing-1.0.0.tgz"}
        lock_file = {"name": "web", "version": "1.0.0", "lockfileVersion": 3, "requires": True}
        lock_file["packages"] = {"": package, "node_modules/small-thing": installed}
        (self.folder / "package.json").write_text(json.dumps(package))
        (self.folder / "package-lock.json").write_text(json.dumps(lock_file))

    def check(self, answer: dict | None) -> tuple[advisories.Result, str]:
        handler = type("Handler", (Registry,), {"answer": answer})
        with (
            http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as registry,
            contextlib.redirect_stdout(io.StringIO()) as output,
        ):
            threading.Thread(target=registry.serve_forever, daemon=True).start()
            settings = {**os.environ, "npm_config_registry": f"http://127.0.0.1:{registry.server_port}/"}
            settings |= {"npm_config_cache": str(self.folder / "cache"), "npm_config_fetch_retries": "0"}
            result = advisories.check_web(settings, self.folder)
            registry.shutdown()
        return result, output.getvalue()

    def test_a_known_vulnerability_fails_and_is_named(self):
        result, output = self.check(VULNERABLE)
        self.assertIs(result.passed, False)
        self.assertIn("high: small-thing", output)
        self.assertIn("It can be made to run anything", output)

    def test_no_vulnerability_passes(self):
        self.assertEqual(self.check({})[0], advisories.Result(True))

    def test_a_registry_without_advisories_does_not_pass(self):
        result, _ = self.check(None)
        self.assertEqual(result, advisories.Result(None, advisories.UNREACHABLE))

    def test_the_table_names_what_was_not_checked(self):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            skipped = suites._advisory_check("advisories (web)", lambda: advisories.Result(None, advisories.UNREACHABLE))
            passed = suites._advisory_check("advisories (Rust)", lambda: advisories.Result(True))
            failed = suites._advisory_check("advisories (other)", lambda: advisories.Result(False))
            suites._print_table([skipped, passed, failed])
        counts = [(outcome.passed, outcome.failed, outcome.skipped) for outcome in (skipped, passed, failed)]
        self.assertEqual(counts, [(0, 0, 1), (1, 0, 0), (0, 1, 0)])
        self.assertIn("not checked: the advisory database cannot be reached", output.getvalue())
        self.assertIn("Not checked here: advisories (web). Run `./dev advisories`", output.getvalue())


if __name__ == "__main__":
    unittest.main()
