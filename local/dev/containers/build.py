"""Builds an image, and shows how far the build is."""

from __future__ import annotations

import subprocess
import time
from collections import deque
from pathlib import Path

from ..say import Trouble, line
from .engine import Engine

EVERY = 20
"""Seconds between two lines of progress."""
LAST = 40
"""Lines of a failed build that are shown."""


def build_image(engine: Engine, context: Path, tag: str, options: list[str]) -> None:
    """Builds and tags; a line of the build is shown now and then, and its end when it fails."""
    plain = ["--progress", "plain"] if Path(engine.client).name == "docker" else []
    command = [engine.client, "build", *plain, "--tag", tag, *options, str(context)]
    process = subprocess.Popen(
        command,
        env=engine.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    last, shown = deque(maxlen=LAST), time.monotonic()
    try:
        for text in process.stdout:
            if not text.strip() or text.rstrip().endswith(" ..."):  # what goes on meanwhile
                continue
            last.append(text.rstrip())
            if time.monotonic() - shown >= EVERY:
                shown = time.monotonic()
                line(f"    {last[-1][:120]}")
    except BaseException:
        process.terminate()
        raise
    finally:
        status = process.wait()
        process.stdout.close()
    if status != 0:
        line("\n".join(f"    | {text}" for text in last))
        raise Trouble(f"the image {tag} could not be built: the end of the build is above")
