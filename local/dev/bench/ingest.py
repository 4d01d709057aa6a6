"""Building all collections of the sample site, beside embedding the same texts."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

from .. import paths
from ..say import Trouble, line
from . import programs
from .figures import HOIDAP, Figure, Figures
from .sides import Sides

ABOUT = "pages/s and chunks/s of `hoidap-index build`, beside embedding alone by Hoidap and by Python"
ALONE, PEER = "Hoidap's embedder alone", "Python, embedding alone"
MOST_ROUNDS = 3
"""A build takes so long that a few of them tell enough."""


def run(sides: Sides, rounds: int) -> list[Figure]:
    """Builds from scratch into a folder that is removed again; all sides embed on every core, 16 texts a call."""
    figures = Figures()
    sides.hoidap.start_servers()
    texts = sides.folder / "chunks.jsonl"
    told = programs.peer("data", "chunks", "--out", texts, *sides.peer_data())
    cores = len(os.sched_getaffinity(0))
    options = ("--texts", texts, "--batch", 16, "--callers", cores)
    for number in range(1, min(rounds, MOST_ROUNDS) + 1):
        span = _build(sides)
        figures.add("pages/s", "1/s", HOIDAP, told["documents"] / span)
        figures.add("chunks/s", "1/s", HOIDAP, told["chunks"] / span)
        figures.add("chunks/s", "1/s", ALONE, programs.hoidap_bench("embed", *options)["texts_per_second"])
        figures.add("chunks/s", "1/s", PEER, programs.peer("embed", *options, *sides.peer_model())["texts_per_second"])
        line(f"    {told['documents']} pages with {told['chunks']} chunks in {span:.1f} s; round {number} done")
    return figures.all()


def _build(sides: Sides) -> float:
    folder = sides.folder / "indices"
    settings = {**os.environ, **sides.hoidap.instance.settings("operator"), "HOIDAP_INDICES__DIR": str(folder)}
    begun = time.monotonic()
    done = subprocess.run(
        [str(paths.BINARIES / "hoidap-index"), "build"], env=settings, cwd=paths.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    span = time.monotonic() - begun
    shutil.rmtree(folder, ignore_errors=True)
    if done.returncode != 0:
        raise Trouble(f"hoidap-index build failed: {(done.stderr.strip().splitlines() or ['it says nothing'])[-1]}")
    return span
