"""Missing requirements are reported before anything is downloaded, on a machine with fake programs."""

import contextlib
import io
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from dev import main, parts, system, web

PROGRAMS = {
    "cargo": "cargo",
    "rustc": f"rustc {system.pinned_rust()}",
    "node": f"v{web.MIN_NODE}.0",
    "npm": "10.0.0",
    "chromium": "Chromium",
}
FAKE_DPKG_QUERY = """#!/bin/sh
case "$*" in *chromium*) exit 1 ;; esac
echo ii
"""


class MissingPrograms(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.programs = self.folder / "bin"
        self.programs.mkdir()
        for name, output in PROGRAMS.items():
            self.program(name, f"#!/bin/sh\necho {output}\n")
        self.program("dpkg-query", FAKE_DPKG_QUERY)
        self.program("apt-get", "#!/bin/sh\nexit 1\n")
        environment = {"PATH": str(self.programs), "CARGO_HOME": str(self.folder)}
        self.enterContext(mock.patch.dict(os.environ, environment, clear=True))
        self.enterContext(mock.patch.object(os, "geteuid", return_value=1000))
        self.enterContext(mock.patch.object(web, "REPLAY_PAGE", self.folder / "replay.html"))

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def refused(self, *command: str) -> str:
        """The output of a command that must fail before it downloads anything."""
        download_started = AssertionError("something is downloaded")
        with (
            mock.patch.object(parts, "install", side_effect=download_started),
            mock.patch.object(web, "build", side_effect=download_started),
            contextlib.redirect_stdout(io.StringIO()) as output,
        ):
            self.assertEqual(main.run(list(command)), 1)
        return output.getvalue()

    def test_node_is_required_before_anything_is_downloaded(self):
        (self.programs / "node").unlink()
        for command in (["up", "--model", "none"], ["build"], ["check", "workers"], ["test"]):
            self.assertIn(f"Node {web.MIN_NODE} or newer with npm is needed", self.refused(*command), command)

    def test_built_web_code_needs_no_node(self):
        (self.programs / "node").unlink()
        stamp = self.folder / "stamp"
        stamp.write_text(web._fingerprint())
        (self.folder / "replay.html").touch()
        with mock.patch.object(web, "BUILD_STAMP", stamp):
            web.require()

    def test_a_browser_is_required_before_anything_is_downloaded(self):
        (self.programs / "chromium").unlink()
        for command in (["test"], ["browser", "choices"]):
            self.assertIn("chromium must be installed, which needs root", self.refused(*command), command)


if __name__ == "__main__":
    unittest.main()
