"""What `./dev test` makes of a Hoidap that does not start or stop: programs that only say so stand in for ./dev and the runners."""

import contextlib
import io
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from dev import paths, suites, trial, web

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


class Trial(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        programs = {"dev": FAKE_DEV, "npm": FAKE_NPM, "python": FAKE_PYTHON, "st": "#!/bin/sh\n"}
        for name, text in programs.items():
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o755)
        for name, path in (("ROOT", "."), ("CLIENTS_PYTHON", "python"), ("CLIENTS_FOLDER", "."), ("MADE", "made")):
            self.enterContext(mock.patch.object(paths, name, self.folder / path))
        self.enterContext(mock.patch.object(web, "npm", lambda *arguments: [str(self.folder / "npm"), *arguments]))

    def trial(self, **settings: str) -> list[tuple[str, int, int, str]]:
        with contextlib.redirect_stdout(io.StringIO()):
            outcomes = suites._trial({**os.environ, **settings})
        return [(one.name, one.passed, one.failed, one.note) for one in outcomes]

    def test_all_suites_run_against_a_hoidap_that_starts(self):
        self.assertEqual(self.trial(), [(name, passed, 0, "") for name, passed in zip(SUITES, (2, 2, 1, 1), strict=True)])

    def test_a_hoidap_that_does_not_start_fails_its_suites(self):
        failure = "./dev up --detach failed for the tests: its output is above"
        self.assertEqual(self.trial(BROKEN="up"), [(name, 0, 1, failure) for name in SUITES])

    def test_a_start_that_takes_too_long_fails_its_suites(self):
        with mock.patch.object(trial, "PATIENCE", 1):
            outcomes = self.trial(LATE="up")
        self.assertEqual([(name, failed) for name, _, failed, _ in outcomes], [(name, 1) for name in SUITES])
        self.assertIn("was not done within 1 s", outcomes[0][3])

    def test_a_hoidap_that_does_not_stop_is_a_failure_and_the_results_are_kept(self):
        *kept, stopped = self.trial(BROKEN="down")
        self.assertEqual([(name, failed) for name, _, failed, _ in kept], [(name, 0) for name in SUITES])
        self.assertEqual(stopped, ("the tests' Hoidap", 0, 1, "./dev down failed for the tests: its output is above"))


if __name__ == "__main__":
    unittest.main()
