"""Builds an image, and shows the progress."""

from __future__ import annotations

import subprocess
import time
from collections import deque
from pathlib import Path

from ..console import DevError, print_line
from .engine import Engine

PROGRESS_INTERVAL = 20
"""Seconds between two lines of progress."""
FAILURE_LINES = 40
"""Last lines of a failed build that are shown."""


def build_image(engine: Engine, context: Path, tag: str, options: list[str]) -> None:
    """Builds and tags an image. Prints the latest line of the build at intervals, and its last lines if it fails."""
    progress_option = ["--progress", "plain"] if Path(engine.client).name == "docker" else []
    command = [engine.client, "build", *progress_option, "--tag", tag, *options, str(context)]
    process = subprocess.Popen(
        command,
        env=engine.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    last_lines, printed_at = deque(maxlen=FAILURE_LINES), time.monotonic()
    try:
        for text in process.stdout:
            if not text.strip() or text.rstrip().endswith(" ..."):  # progress of a step that still runs
                continue
            last_lines.append(text.rstrip())
            if time.monotonic() - printed_at >= PROGRESS_INTERVAL:
                printed_at = time.monotonic()
                print_line(f"    {last_lines[-1][:120]}")
    except BaseException:
        process.terminate()
        raise
    finally:
        status = process.wait()
        process.stdout.close()
    if status != 0:
        print_line("\n".join(f"    | {text}" for text in last_lines))
        raise DevError(f"the image {tag} could not be built: the end of the build is above")
