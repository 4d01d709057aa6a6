"""The progress of a build, with the real Cargo and a small workspace."""

import contextlib
import io
import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from dev import build, progress


def artifact(name: str, kind: str = "lib", fresh: bool = False, version: str = "1.0.0") -> str:
    package_id = f"registry+https://index.example#{name}@{version}"
    return json.dumps({"reason": "compiler-artifact", "package_id": package_id, "target": {"kind": [kind]}, "fresh": fresh})


class Progress(unittest.TestCase):
    def setUp(self):
        crates = {"faiss-sys 1.0.0", "program 1.0.0", *(f"small{number} 1.0.0" for number in range(10))}
        self.progress = progress.Progress(crates, {"program 1.0.0"})

    def test_crates_are_counted_as_they_are_done(self):
        self.assertEqual(self.progress.text(0.0), "")
        self.assertTrue(self.progress.handle_line("   Compiling small0 v1.0.0\n", 0.0))
        self.assertTrue(self.progress.handle_line("\x1b[1m\x1b[32m   Compiling\x1b[0m faiss-sys v1.0.0 (/a/b)\n", 0.0))
        self.progress.handle_message(artifact("small0", "custom-build"))
        self.assertRegex(self.progress.text(1.0), "^crates 0 of 12; at work: faiss-sys .C.. of FAISS.*, small0$")
        self.progress.handle_message(artifact("small0"))
        self.progress.handle_message(artifact("small0"))
        self.progress.handle_message(artifact("small1", "proc-macro"))
        self.progress.handle_message("no JSON")
        self.progress.handle_message('{"reason": "build-finished", "success": true}')
        self.assertRegex(self.progress.text(1.0), "^crates 2 of 12; at work: faiss-sys")
        self.progress.handle_message(artifact("program"))
        self.assertIn("crates 2 of 12", self.progress.text(1.0))
        self.progress.handle_message(artifact("program", "bin"))
        self.assertIn("crates 3 of 12", self.progress.text(1.0))

    def test_the_remaining_time_follows_the_speed_and_includes_the_slow_crate(self):
        self.progress.handle_line("   Compiling faiss-sys v1.0.0\n", 0.0)
        for number in range(5):
            self.progress.handle_message(artifact(f"small{number}"))
        self.assertIsNone(self.progress.seconds_left(1.0))
        earlier = self.progress.seconds_left(100.0)
        self.assertGreater(earlier, 100)
        later = self.progress.seconds_left(200.0)
        self.assertLess(later, earlier)
        self.progress.handle_message(artifact("faiss-sys"))
        self.assertLess(self.progress.seconds_left(240.0), 20)
        self.assertIn("about 10 s left", self.progress.text(240.0))

    def test_crates_compiled_before_do_not_count_for_the_speed(self):
        self.progress.handle_message(artifact("faiss-sys", fresh=True))
        self.progress.handle_line("   Compiling small0 v1.0.0\n", 0.0)
        self.progress.handle_message(artifact("small0"))
        self.assertEqual(self.progress.seconds_left(20.0), 20 * 10)


class Build(unittest.TestCase):
    """A workspace of a program that uses a library, which uses a library with a build script."""

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.write("Cargo.toml", '[workspace]\nresolver = "3"\nmembers = ["program", "middle", "below"]\n')
        for name, dependency in (("program", "middle"), ("middle", "below"), ("below", None)):
            dependency_line = f'{dependency} = {{ path = "../{dependency}" }}\n' if dependency else ""
            package_section = f'[package]\nname = "{name}"\nversion = "1.2.3"\nedition = "2024"\n'
            self.write(f"{name}/Cargo.toml", f"{package_section}[dependencies]\n{dependency_line}")
        self.write("program/src/main.rs", "fn main() { middle::word(); }\n")
        self.write("middle/src/lib.rs", "pub fn word() { below::word(); }\n")
        self.write("below/build.rs", "fn main() {}\n")
        self.write("below/src/lib.rs", "pub fn word() {}\n")
        self.write("Cargo.lock", "version = 4\n" + "".join(
            f'\n[[package]]\nname = "{name}"\nversion = "1.2.3"\n' + (f'dependencies = [\n "{dependency}",\n]\n' if dependency else "")
            for name, dependency in (("below", None), ("middle", "below"), ("program", "middle"))
        ))  # fmt: skip

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def build(self) -> tuple[int, str, str]:
        variables = {**os.environ, "CARGO_TARGET_DIR": str(self.folder / "target")}
        with (
            contextlib.redirect_stdout(io.StringIO()) as output,
            contextlib.redirect_stderr(io.StringIO()) as errors,
            mock.patch.object(build, "PROGRESS_INTERVAL", 0),
        ):
            status = build.run(["cargo", "build", "--locked", "--offline", "--workspace", "--bins"], self.folder, variables)
        return status, output.getvalue(), errors.getvalue()

    def test_the_first_build_counts_its_crates_and_the_next_prints_nothing(self):
        status, output, errors = self.build()
        self.assertEqual(status, 0, errors)
        self.assertRegex(output.splitlines()[-1], "^    crates 3 of 3$")
        self.assertIn("at work: ", output)
        self.assertNotIn("Compiling", errors)
        self.assertIn("Finished", errors)
        status, output, errors = self.build()
        self.assertEqual((status, output), (0, ""), errors)

    def test_an_error_and_a_warning_are_shown_as_cargo_shows_them(self):
        self.write("below/src/lib.rs", "pub fn word() { let unused = 1; }\n")
        self.write("middle/src/lib.rs", "pub fn word() { below::nothing(); }\n")
        status, output, errors = self.build()
        self.assertEqual(status, 101)
        self.assertIn("unused variable: `unused`", errors)
        self.assertIn("error[E0425]: cannot find function `nothing`", errors)
        self.assertIn("middle/src/lib.rs:1:24", errors)
        self.assertRegex(output.splitlines()[-1], "^    crates 1 of 3")

    def test_cargo_reports_a_workspace_that_cannot_be_read(self):
        self.write("Cargo.toml", "[workspace\n")
        status, _, errors = self.build()
        self.assertEqual(status, 101)
        self.assertIn("Cargo.toml", errors)


if __name__ == "__main__":
    unittest.main()
