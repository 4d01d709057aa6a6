"""What ./dev prints: one line for what it does, one for how long it took; and its one kind of error."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, suppress


class Trouble(Exception):
    """Something the reader can act on: one sentence that names it and the way out."""


def line(text: str = "") -> None:
    """One line, at once, also when the output goes to a file; nothing when its reader has gone."""
    with suppress(BrokenPipeError):
        print(text, flush=True)


@contextmanager
def step(doing: str):
    """Says what is being done and, when it is done, how long it took."""
    line(f"==> {doing}")
    start = time.monotonic()
    yield
    line(f"    done in {seconds(time.monotonic() - start)}")


def already(what: str) -> None:
    """Says that a step is not needed again."""
    line(f"==> {what}: already there")


def seconds(span: float) -> str:
    """A span of time as people read it: `40 ms`, `12.0 s`, `3 min 5 s`."""
    if span < 1:
        return f"{span * 1000:.0f} ms"
    return f"{span:.1f} s" if span < 100 else f"{int(span) // 60} min {int(span) % 60} s"


def terminal() -> bool:
    """Whether the output is watched by a person, so that a progress bar makes sense."""
    return sys.stdout.isatty()
