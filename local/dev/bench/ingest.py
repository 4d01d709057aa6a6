"""Building all collections of the sample site, compared with only embedding the same texts."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

from .. import paths
from ..console import DevError, print_line
from . import programs
from .metrics import HOIDAP, Metric, Metrics
from .sides import Sides

DESCRIPTION = "pages/s and chunks/s of `hoidap-index build`, beside embedding alone by Hoidap and by Python"
EMBEDDER_ONLY, PYTHON_EMBEDDER = "Hoidap's embedder alone", "Python, embedding alone"
MAX_ROUNDS = 3
"""A build takes long, so that a few rounds are enough."""


def run(sides: Sides, rounds: int) -> list[Metric]:
    """Builds from scratch into a temporary folder. All sides embed on every core, 16 texts per call."""
    metrics = Metrics()
    sides.hoidap.start_servers()
    texts = sides.folder / "chunks.jsonl"
    counts = programs.peer("data", "chunks", "--out", texts, *sides.peer_data())
    cores = len(os.sched_getaffinity(0))
    options = ("--texts", texts, "--batch", 16, "--callers", cores)
    for number in range(1, min(rounds, MAX_ROUNDS) + 1):
        duration = _build(sides)
        metrics.add("pages/s", "1/s", HOIDAP, counts["documents"] / duration)
        metrics.add("chunks/s", "1/s", HOIDAP, counts["chunks"] / duration)
        metrics.add("chunks/s", "1/s", EMBEDDER_ONLY, programs.hoidap_bench("embed", *options)["texts_per_second"])
        metrics.add("chunks/s", "1/s", PYTHON_EMBEDDER, programs.peer("embed", *options, *sides.peer_model())["texts_per_second"])
        print_line(f"    {counts['documents']} pages with {counts['chunks']} chunks in {duration:.1f} s; round {number} done")
    return metrics.all()


def _build(sides: Sides) -> float:
    folder = sides.folder / "indices"
    settings = {**os.environ, **sides.hoidap.instance.settings("operator"), "HOIDAP_INDICES__DIR": str(folder)}
    started_at = time.monotonic()
    process = subprocess.run(
        [str(paths.BINARIES / "hoidap-index"), "build"], env=settings, cwd=paths.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    duration = time.monotonic() - started_at
    shutil.rmtree(folder, ignore_errors=True)
    if process.returncode != 0:
        raise DevError(f"hoidap-index build failed: {(process.stderr.strip().splitlines() or ['no message'])[-1]}")
    return duration
