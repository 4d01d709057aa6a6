"""Replay without a model, beside the fleet that made the recording and decoding the recording alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from .. import paths
from ..say import Trouble, line
from . import programs
from .figures import HOIDAP, Figure, Figures
from .sides import Sides

ABOUT = "jobs/s of a replay without a model, beside the fleet's own questions/s and decoding the recording alone"
FLEET, DECODE = "the fleet, 64 in flight", "decoding alone"
RANGES = {"all stages": (), "from the generator": ("--from-stage", "generator")}
MOST_ROUNDS = 3
"""A round takes so long that a few of them tell enough."""
COPIES = 8
"""How often the recording is there for what is over soon: one after the other, as files of a folder."""
SPEED = re.compile(r"(\d+) jobs in ([\d.]+) s: ([\d.]+) jobs/s")


def run(sides: Sides, rounds: int) -> list[Figure]:
    """The recording has all jobs of the first load. The fleet is idle while something else is measured."""
    figures = Figures()
    sides.stop_peers()
    sides.start_hoidap()
    folder = sides.folder / "recordings"
    folder.mkdir()
    recording = folder / "1.jsonl.zst"
    for number in range(1, min(rounds, MOST_ROUNDS) + 1):
        sides.forget(sides.hoidap)
        begun = datetime.now(UTC)
        answered = programs.load(sides.hoidap.url, sides.file(), 64, "--new-connections")["answers_per_second"]
        if not recording.exists():
            _worker(sides, "log", "export", "--from", begun.isoformat(), "-o", recording)
            for copy in range(2, COPIES + 1):
                shutil.copy(recording, folder / f"{copy}.jsonl.zst")
        decoded = programs.hoidap_bench("decode", "--recording", folder)
        for name, options in RANGES.items():
            jobs, speed = replayed(_worker(sides, "replay", folder if options else recording, *options))
            figures.add(f"jobs/s, {name}", "1/s", HOIDAP, speed)
            figures.add(f"jobs/s, {name}", "1/s", FLEET, answered)
            figures.add(f"jobs/s, {name}", "1/s", DECODE, decoded["jobs_per_second"])
            line(f"    {jobs} jobs, {name}: {speed:.0f} jobs/s")
        line(f"    round {number} of {rounds} done")
    return figures.all()


def replayed(told: str) -> tuple[int, float]:
    """The jobs of a replay and how many a second it says that it replayed."""
    if (found := SPEED.search(told)) is None:
        raise Trouble(f"the replay does not say how fast it was: {told.strip()[-200:]}")
    return int(found[1]), float(found[3])


def _worker(sides: Sides, *arguments: str | Path) -> str:
    """What a tool of the operator's prints."""
    settings = {**os.environ, **sides.hoidap.instance.settings("operator")}
    command = [str(paths.BINARIES / "hoidap-worker"), *map(str, arguments)]
    done = subprocess.run(command, env=settings, cwd=paths.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Trouble(f"hoidap-worker {arguments[0]} failed: {(done.stderr.strip().splitlines() or ['it says nothing'])[-1]}")
    return done.stdout
