"""Builds Hoidap's binaries in release mode."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from . import parts, paths, progress, system, web
from .say import Trouble, line, step, terminal

EVERY = 20
"""Seconds between two lines of progress where nobody watches a terminal."""


def install_and_build() -> None:
    """Installs what is missing, then builds the web code and the binaries, one of which embeds a page."""
    system.require()
    parts.install()
    web.build()
    build()


def build(beside: Callable[[], str] = str) -> None:
    """Cargo decides what is to be done; while it does, a line says how far it is, and what else is done `beside` it."""
    with step("Hoidap: building in release mode (the first time takes many minutes)"):
        command = ["cargo", "build", "--release", "--locked", "--workspace", "--bins"]
        if run(command, paths.ROOT, environment(), beside) != 0:
            raise Trouble("the build failed: Cargo's message is above")


def run(command: list[str], folder: Path, variables: dict[str, str], beside: Callable[[], str] = str) -> int:
    """Runs a build of Cargo's and shows its progress, its warnings and its errors; its exit status."""
    variables = {**variables, "CARGO_TERM_PROGRESS_WHEN": "never"}
    if terminal():
        variables = {"CARGO_TERM_COLOR": "always", **variables}
    known = progress.of_workspace(folder, variables)
    process = subprocess.Popen(
        [*command, "--message-format", "json-render-diagnostics"],
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    told: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()

    def read(name: str, pipe: IO[str]) -> None:
        for text in pipe:
            told.put((name, text))
        told.put((name, ""))

    for name, pipe in (("message", process.stdout), ("line", process.stderr)):
        threading.Thread(target=read, args=(name, pipe), daemon=True).start()
    shown, ended = _Line(), 0
    try:
        while ended < 2:
            with suppress(queue.Empty):
                name, text = told.get(timeout=1)
                ended += text == ""
                if name == "message":
                    known.message(text)
                elif not known.line(text, time.monotonic()):
                    shown.above(text)
            shown.progress("; ".join(filter(None, [known.text(time.monotonic()), beside()])))
    except BaseException:
        process.terminate()
        raise
    finally:
        status = process.wait()
        process.stdout.close()
        process.stderr.close()
    shown.end(known.text(time.monotonic()))
    return status


class _Line:
    """The line of progress: written over on a terminal, else one now and then."""

    def __init__(self):
        self._width, self._next = 0, time.monotonic() + EVERY
        self._last = ""

    def progress(self, text: str) -> None:
        if not text or text == self._last:
            return
        if terminal():
            self._write(text)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            self._last = text
            line(f"    {text}")

    def above(self, text: str) -> None:
        """A line of Cargo's own, above the progress."""
        if self._width:
            self._clear()
        with suppress(BrokenPipeError):
            sys.stderr.write(text)
            sys.stderr.flush()

    def end(self, text: str) -> None:
        if self._width:
            self._clear()
        if text:
            line(f"    {text}")

    def _write(self, text: str) -> None:
        text = f"    {text}"[: os.get_terminal_size().columns - 1]
        print("\r" + text.ljust(self._width), end="", flush=True)
        self._width = len(text)

    def _clear(self) -> None:
        print("\r" + " " * self._width + "\r", end="", flush=True)
        self._width = 0


def environment() -> dict[str, str]:
    """The variables of a build. `.cargo/config.toml` sets flags for processors with AVX2; an older one needs others."""
    flags = {}
    if "avx2" not in Path("/proc/cpuinfo").read_text().split():
        line("    this processor has no AVX2: Hoidap is built without it and is slower")
        flags = {"CXXFLAGS_x86_64_unknown_linux_gnu": "-O3", "RUSTFLAGS": "-C force-frame-pointers=yes"}
    return {**flags, **os.environ}
