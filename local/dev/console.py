"""The output of ./dev on the terminal, and its exception."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, suppress


class DevError(Exception):
    """An error that the user can act on: one sentence that says what is wrong and what to do."""


def print_line(text: str = "") -> None:
    """Prints a line and flushes it, also into a file. Prints nothing if the reader has closed the pipe."""
    with suppress(BrokenPipeError):
        print(text, flush=True)


@contextmanager
def step(description: str):
    """Prints what is being done and, at the end, how long it took."""
    print_line(f"==> {description}")
    start = time.monotonic()
    yield
    print_line(f"    done in {format_duration(time.monotonic() - start)}")


def print_skipped(name: str) -> None:
    """Prints that a step is not needed again."""
    print_line(f"==> {name}: already there")


def format_duration(seconds: float) -> str:
    """A duration for people: `40 ms`, `12.0 s`, `3 min 5 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 100 else f"{int(seconds) // 60} min {int(seconds) % 60} s"


def is_terminal() -> bool:
    """Whether the output goes to a terminal, which can show a progress bar."""
    return sys.stdout.isatty()
