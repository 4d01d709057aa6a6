"""The single checks: the tests that a name selects, the pinned versions, and the git hook in a temporary repository."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from dev import checks, paths, system
from dev.console import DevError

FAKE_DEV = """#!/bin/sh
echo "$*" >> calls
test ! -e fail
"""
FAKE_RUSTUP = """#!/bin/sh
case "$1" in
toolchain) cat "$(dirname "$0")/installed" ;;
default) echo "stable-x86_64-unknown-linux-gnu (default)" ;;
esac
"""


class Names(unittest.TestCase):
    def test_a_crate_is_named_by_its_folder_or_its_package(self):
        self.assertEqual(checks.package_name("workers"), "hoidap-workers")
        self.assertEqual(checks.package_name("hoidap-shared"), "hoidap-shared")
        self.assertEqual(checks.package_name("runtime"), "hoidap-runtime")
        crates = "analytics, bench, gateway, indices, runtime, shared, stages, testing, workbench, workers"
        with self.assertRaisesRegex(DevError, f"there is no crate `worker`: choose from {crates}"):
            checks.package_name("worker")

    def test_tests_of_the_model_are_left_out_until_it_is_downloaded(self):
        self.assertEqual(checks.nextest_filter("hoidap-shared", None, True), "package(hoidap-shared)")
        with contextlib.redirect_stdout(io.StringIO()) as output:
            test_filter = checks.nextest_filter("hoidap-workers", "dead", False)
        self.assertEqual(
            test_filter, "(package(hoidap-workers) & test(dead)) - (test(llama::) | test(the_model_may_stop_and_start))"
        )
        self.assertIn("are left out", output.getvalue())

    def test_a_browser_test_is_named_by_its_name_or_its_path(self):
        choices = Path("tests/widget/choices.test.ts")
        for name in ("choices", "choices.test.ts", "widget/choices", f"gateway/web/{choices}", str(paths.WEB / choices)):
            self.assertEqual(checks.browser_file(name), choices, name)
        self.assertEqual(checks.browser_file("replay"), Path("tests/replay/replay.test.ts"))
        for name in ("choice", "dashboard/choices", "openai"):
            with self.assertRaisesRegex(DevError, f"there is no browser test `{name}`: choose from .*choices, .*swap"):
                checks.browser_file(name)


class Rust(unittest.TestCase):
    def test_every_file_names_the_same_version(self):
        pinned = system.pinned_rust()
        oldest = re.search(r'rust-version = "(.*)"', (paths.ROOT / "Cargo.toml").read_text())[1]
        self.assertEqual(pinned.split(".")[:2], oldest.split("."))
        for file in ("Dockerfile", ".github/workflows/ci.yml"):
            images = re.findall(r"rust:([\d.]+)", (paths.ROOT / file).read_text())
            self.assertEqual(set(images), {pinned}, file)

    def test_the_default_toolchain_is_used_if_the_pinned_one_is_missing(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.program(folder / "rustup", FAKE_RUSTUP)
        installed = folder / "installed"
        for toolchains, version, chosen in (
            ("stable-x86_64-unknown-linux-gnu (default)\n", system.pinned_rust(), "stable-x86_64-unknown-linux-gnu"),
            ("stable-x86_64-unknown-linux-gnu (default)\n", "1.2.3", None),
            (f"stable-x86_64-unknown-linux-gnu\n{system.pinned_rust()}-x86_64-unknown-linux-gnu\n", system.pinned_rust(), None),
        ):
            installed.write_text(toolchains)
            self.program(folder / "rustc", f"#!/bin/sh\necho rustc {version}\n")
            environment = {name: value for name, value in os.environ.items() if name != "RUSTUP_TOOLCHAIN"}
            environment["PATH"] = f"{folder}{os.pathsep}{environment['PATH']}"
            with mock.patch.dict(os.environ, environment, clear=True):
                system._choose_toolchain("1.95")
                self.assertEqual(os.environ.get("RUSTUP_TOOLCHAIN"), chosen, toolchains)

    def program(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)


class Release(unittest.TestCase):
    def test_every_file_names_the_same_version_of_hoidap(self):
        version = re.search(r'(?m)^version = "(.*)"', (paths.ROOT / "Cargo.toml").read_text())[1]
        locked = (paths.ROOT / "Cargo.lock").read_text()
        versions = set(re.findall(r'name = "hoidap-[a-z]+"\nversion = "(.*)"', locked))
        versions |= set(re.findall(r"(?m)^HOIDAP_VERSION=(.*)$", (paths.ROOT / ".env.example").read_text()))
        versions |= set(re.findall(r"HOIDAP_VERSION:-([^}]*)}", (paths.ROOT / "compose.yaml").read_text()))
        self.assertEqual(versions, {version})


class Hooks(unittest.TestCase):
    """A repository with the real hook and a ./dev that records its arguments."""

    def setUp(self):
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environment |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        self.enterContext(mock.patch.dict(os.environ, environment, clear=True))
        self.output = self.enterContext(contextlib.redirect_stdout(io.StringIO()))
        self.git("init", "--quiet")
        (self.root / checks.HOOKS_FOLDER).mkdir(parents=True)
        shutil.copy(paths.ROOT / checks.HOOKS_FOLDER / "pre-commit", self.root / checks.HOOKS_FOLDER)
        (self.root / "dev").write_text(FAKE_DEV)
        (self.root / "dev").chmod(0o755)

    def git(self, *arguments: str) -> int:
        return subprocess.run(["git", *arguments], cwd=self.root, capture_output=True).returncode

    def commit(self, *options: str) -> tuple[bool, list[str]]:
        """Whether a commit is made, and the arguments of each call of ./dev."""
        calls = self.root / "calls"
        calls.write_text("")
        author = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
        status = self.git(*author, "commit", "--quiet", "--allow-empty", "-m", "a commit", *options)
        return status == 0, calls.read_text().splitlines()

    def test_the_hook_is_off_until_it_is_switched_on(self):
        self.assertEqual(self.commit(), (True, []))
        checks.hooks(True, self.root)
        self.assertEqual(self.commit(), (True, ["fmt --check", "lint"]))
        checks.hooks(True, self.root)
        checks.hooks(False, self.root)
        checks.hooks(False, self.root)
        self.assertEqual(self.commit(), (True, []))

    def test_a_check_that_fails_stops_the_commit(self):
        checks.hooks(True, self.root)
        (self.root / "fail").touch()
        self.assertEqual(self.commit(), (False, ["fmt --check"]))
        self.assertEqual(self.commit("--no-verify"), (True, []))

    def test_hooks_of_somebody_else_are_left_alone(self):
        self.git("config", "core.hooksPath", "my-hooks")
        for on in (True, False):
            with self.assertRaisesRegex(DevError, "core.hooksPath is already `my-hooks`"):
                checks.hooks(on, self.root)
        configured = subprocess.run(["git", "config", "core.hooksPath"], cwd=self.root, capture_output=True, text=True)
        self.assertEqual(configured.stdout.strip(), "my-hooks")


if __name__ == "__main__":
    unittest.main()
