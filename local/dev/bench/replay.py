"""Replay without a model, compared with the fleet that made the recording and with only decoding the recording."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from .. import paths
from ..console import DevError, print_line
from . import programs
from .metrics import HOIDAP, Metric, Metrics
from .sides import Sides

DESCRIPTION = "jobs/s of a replay without a model, beside the fleet's own questions/s and decoding the recording alone"
FLEET_RATE, DECODING = "the fleet, 64 in flight", "decoding alone"
RANGES = {"all stages": (), "from the generator": ("--from-stage", "generator")}
MAX_ROUNDS = 3
"""A round takes long, so that a few rounds are enough."""
COPIES = 8
"""Copies of the recording, as files of a folder, for the measurements that would be too short with one."""
SPEED_LINE = re.compile(r"(\d+) jobs in ([\d.]+) s: ([\d.]+) jobs/s")


def run(sides: Sides, rounds: int) -> list[Metric]:
    """The recording has all jobs of the first load. The fleet is idle during the other measurements."""
    metrics = Metrics()
    sides.stop_peers()
    sides.start_hoidap()
    folder = sides.folder / "recordings"
    folder.mkdir()
    recording = folder / "1.jsonl.zst"
    for number in range(1, min(rounds, MAX_ROUNDS) + 1):
        sides.clear_caches(sides.hoidap)
        started_at = datetime.now(UTC)
        fleet_rate = programs.load(sides.hoidap.url, sides.question_file(), 64, "--new-connections")["answers_per_second"]
        if not recording.exists():
            _run_worker(sides, "log", "export", "--from", started_at.isoformat(), "-o", recording)
            for copy in range(2, COPIES + 1):
                shutil.copy(recording, folder / f"{copy}.jsonl.zst")
        decoding = programs.hoidap_bench("decode", "--recording", folder)
        for name, options in RANGES.items():
            jobs, speed = parse_speed(_run_worker(sides, "replay", folder if options else recording, *options))
            metrics.add(f"jobs/s, {name}", "1/s", HOIDAP, speed)
            metrics.add(f"jobs/s, {name}", "1/s", FLEET_RATE, fleet_rate)
            metrics.add(f"jobs/s, {name}", "1/s", DECODING, decoding["jobs_per_second"])
            print_line(f"    {jobs} jobs, {name}: {speed:.0f} jobs/s")
        print_line(f"    round {number} of {rounds} done")
    return metrics.all()


def parse_speed(output: str) -> tuple[int, float]:
    """The number of jobs and the jobs per second in the output of a replay."""
    if (match := SPEED_LINE.search(output)) is None:
        raise DevError(f"the output of the replay has no speed: {output.strip()[-200:]}")
    return int(match[1]), float(match[3])


def _run_worker(sides: Sides, *arguments: str | Path) -> str:
    """Runs hoidap-worker as the operator and returns its output."""
    settings = {**os.environ, **sides.hoidap.instance.settings("operator")}
    command = [str(paths.BINARIES / "hoidap-worker"), *map(str, arguments)]
    process = subprocess.run(command, env=settings, cwd=paths.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if process.returncode != 0:
        raise DevError(f"hoidap-worker {arguments[0]} failed: {(process.stderr.strip().splitlines() or ['no message'])[-1]}")
    return process.stdout
