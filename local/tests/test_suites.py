"""The outcomes of `./dev test` if Hoidap does not start or stop, with fake programs for ./dev and the test runners."""

import contextlib
import io
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from dev import paths, suites, temporary_instance, web

FAKE_DEV = """#!/bin/sh
test "$1" != "$LATE" || exec sleep 600
test "$1" != "$BROKEN"
"""
FAKE_NPM = """#!/bin/sh
case "$*" in
*stub*) echo http://127.0.0.1:9; exec sleep 600 ;;
*) echo "      Tests  2 passed (2)" ;;
esac
"""
FAKE_PYTHON = """#!/bin/sh
echo "Ran 1 test in 0.100s"
"""
SUITES = ["web: browser", "clients: OpenAI's (JavaScript)", "clients: OpenAI's (Python)", "clients: the OpenAPI document"]


class RunningInstance(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        programs = {"dev": FAKE_DEV, "npm": FAKE_NPM, "python": FAKE_PYTHON, "st": "#!/bin/sh\n"}
        for name, text in programs.items():
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o755)
        for name, path in (("ROOT", "."), ("CLIENTS_PYTHON", "python"), ("CLIENTS_FOLDER", "."), ("DOT_LOCAL", "dot-local")):
            self.enterContext(mock.patch.object(paths, name, self.folder / path))
        self.enterContext(mock.patch.object(web, "npm", lambda *arguments: [str(self.folder / "npm"), *arguments]))

    def run_suites(self, **settings: str) -> list[tuple[str, int, int, str]]:
        with contextlib.redirect_stdout(io.StringIO()):
            outcomes = suites._run_against_instance({**os.environ, **settings})
        return [(outcome.name, outcome.passed, outcome.failed, outcome.note) for outcome in outcomes]

    def test_all_suites_run_if_hoidap_starts(self):
        self.assertEqual(self.run_suites(), [(name, passed, 0, "") for name, passed in zip(SUITES, (2, 2, 1, 1), strict=True)])

    def test_a_failed_start_fails_all_suites(self):
        failure = "./dev up --detach failed for the tests: its output is above"
        self.assertEqual(self.run_suites(BROKEN="up"), [(name, 0, 1, failure) for name in SUITES])

    def test_a_slow_start_fails_all_suites(self):
        with mock.patch.object(temporary_instance, "START_TIMEOUT", 1):
            outcomes = self.run_suites(LATE="up")
        self.assertEqual([(name, failed) for name, _, failed, _ in outcomes], [(name, 1) for name in SUITES])
        self.assertIn("did not finish within 1 s", outcomes[0][3])

    def test_a_failed_stop_is_one_more_failure_and_the_results_are_kept(self):
        *kept, stop_outcome = self.run_suites(BROKEN="down")
        self.assertEqual([(name, failed) for name, _, failed, _ in kept], [(name, 0) for name in SUITES])
        self.assertEqual(stop_outcome, ("the tests' Hoidap", 0, 1, "./dev down failed for the tests: its output is above"))


if __name__ == "__main__":
    unittest.main()
