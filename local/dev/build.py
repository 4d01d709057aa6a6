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
from .console import DevError, is_terminal, print_line, step

PROGRESS_INTERVAL = 20
"""Seconds between two lines of progress if the output is not a terminal."""


def install_and_build() -> None:
    """Installs what is missing, then builds the web code and the binaries, one of which embeds a page."""
    system.require()
    parts.install()
    web.build()
    build()


def build(background_progress: Callable[[], str] = str) -> None:
    """Builds the binaries by Cargo and shows the progress, together with that of work in the background."""
    with step("Hoidap: building in release mode (the first time takes many minutes)"):
        command = ["cargo", "build", "--release", "--locked", "--workspace", "--bins"]
        if run(command, paths.ROOT, environment(), background_progress) != 0:
            raise DevError("the build failed: Cargo's message is above")


def run(command: list[str], folder: Path, variables: dict[str, str], background_progress: Callable[[], str] = str) -> int:
    """Runs a Cargo build and shows its progress, warnings and errors; returns its exit status."""
    variables = {**variables, "CARGO_TERM_PROGRESS_WHEN": "never"}
    if is_terminal():
        variables = {"CARGO_TERM_COLOR": "always", **variables}
    build_progress = progress.for_workspace(folder, variables)
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
    output: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()

    def read(stream: str, pipe: IO[str]) -> None:
        for text in pipe:
            output.put((stream, text))
        output.put((stream, ""))

    for stream, pipe in (("message", process.stdout), ("line", process.stderr)):
        threading.Thread(target=read, args=(stream, pipe), daemon=True).start()
    progress_line, closed_streams = _ProgressLine(), 0
    try:
        while closed_streams < 2:
            with suppress(queue.Empty):
                stream, text = output.get(timeout=1)
                closed_streams += text == ""
                if stream == "message":
                    build_progress.handle_message(text)
                elif not build_progress.handle_line(text, time.monotonic()):
                    progress_line.print_above(text)
            progress_line.progress("; ".join(filter(None, [build_progress.text(time.monotonic()), background_progress()])))
    except BaseException:
        process.terminate()
        raise
    finally:
        status = process.wait()
        process.stdout.close()
        process.stderr.close()
    progress_line.end(build_progress.text(time.monotonic()))
    return status


class _ProgressLine:
    """The progress line: overwritten on a terminal, otherwise printed again at intervals."""

    def __init__(self):
        self._width, self._next_at = 0, time.monotonic() + PROGRESS_INTERVAL
        self._last_text = ""

    def progress(self, text: str) -> None:
        if not text or text == self._last_text:
            return
        if is_terminal():
            self._write(text)
        elif time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + PROGRESS_INTERVAL
            self._last_text = text
            print_line(f"    {text}")

    def print_above(self, text: str) -> None:
        """Prints a line of Cargo's output above the progress line."""
        if self._width:
            self._clear()
        with suppress(BrokenPipeError):
            sys.stderr.write(text)
            sys.stderr.flush()

    def end(self, text: str) -> None:
        if self._width:
            self._clear()
        if text:
            print_line(f"    {text}")

    def _write(self, text: str) -> None:
        text = f"    {text}"[: os.get_terminal_size().columns - 1]
        print("\r" + text.ljust(self._width), end="", flush=True)
        self._width = len(text)

    def _clear(self) -> None:
        print("\r" + " " * self._width + "\r", end="", flush=True)
        self._width = 0


def environment() -> dict[str, str]:
    """The environment variables of a build. `.cargo/config.toml` has flags for processors with AVX2; older ones need others."""
    flags = {}
    if "avx2" not in Path("/proc/cpuinfo").read_text().split():
        print_line("    this processor has no AVX2: Hoidap is built without it and is slower")
        flags = {"CXXFLAGS_x86_64_unknown_linux_gnu": "-O3", "RUSTFLAGS": "-C force-frame-pointers=yes"}
    return {**flags, **os.environ}
