"""How the memory of each process grows under a steady load."""

from __future__ import annotations

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from ..say import line
from . import programs, usage
from .figures import HOIDAP, Figure, Figures, number
from .sides import Side, Sides

ABOUT = "resident memory of each process at the start and the end of a steady load, and its slope; beside the Python service"
RATE = 10
"""Questions each second, to each side."""
PAUSE = 5
"""Seconds between two measurements."""
WHAT = {"at the start": "MiB", "at the end": "MiB", "slope of the second half": "MiB/h"}
MINUTE, HOUR = 60, 3600

Samples = dict[tuple[str, str], list[tuple[float, float]]]
"""RSS by side and process: when, and how much."""


def run(sides: Sides, rounds: int) -> list[Figure]:
    """Both sides are asked at the same time, once, whatever the rounds. Before all questions come again, caches are emptied."""
    sides.stop_peers()
    sides.hoidap.stop_fleet()
    sides.start_hoidap()
    running: list[Side] = [sides.hoidap, sides.start_peer("full")]
    over = threading.Event()
    with ThreadPoolExecutor(len(running)) as asking:
        loads = [asking.submit(_ask, sides, side, over) for side in running]
        try:
            samples = _watch(running, sides.minutes * MINUTE, loads)
        finally:
            over.set()
    asked = sum(load.result() for load in loads)
    line(f"    {asked:,} questions in {sides.minutes:g} minutes, {RATE} a second to each side")
    figures = Figures()
    for (side, process), values in samples.items():
        for what, value in zip(WHAT, grown(values), strict=True):
            figures.add(f"{process}: RSS {what}", WHAT[what], side, value)
    return figures.all()


def table(figures: list[Figure]) -> list[str]:
    """A row for each process, in place of one for each figure."""
    rows: dict[tuple[str, str], list[float]] = {}
    for figure in figures:
        for side, values in figure.values.items():
            rows.setdefault((side, figure.name.rpartition(": ")[0]), []).append(values[0])
    heads = [f"{what}, {unit}" for what, unit in WHAT.items()]
    lines = [f"{'RSS':<12}{'':<18}" + "".join(f"{head:>34}" for head in heads)]
    for (side, process), told in rows.items():
        lines.append(f"{side:<12}{process:<18}" + "".join(f"{number(value):>34}" for value in told))
    return lines


def grown(samples: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Memory at the start and at the end, each a median of three, and the slope of the second half in MiB an hour."""
    sizes = [size for _, size in samples]
    later = samples[len(samples) // 2 :] if len(samples) > 3 else samples
    times = [moment / HOUR for moment, _ in later]
    slope = statistics.linear_regression(times, [size for _, size in later]).slope if len(later) > 1 else 0.0
    return statistics.median(sizes[:3]), statistics.median(sizes[-3:]), slope


def _watch(running: list[Side], seconds: float, loads: list) -> Samples:
    """Measures all processes again and again, and stops early where a load fails."""
    samples: Samples = {}
    begun = time.monotonic()
    while (now := time.monotonic() - begun) < seconds and not any(load.done() for load in loads):
        for side in running:
            for name, root in side.pids().items():
                pids = usage.tree(root) if side.name == HOIDAP else [root]
                samples.setdefault((side.name, name), []).append((now, sum(usage.memory(pid)[0] for pid in pids)))
        time.sleep(PAUSE)
    return samples


def _ask(sides: Sides, side: Side, over: threading.Event) -> int:
    """Asks all questions at a steady rate, again and again until it is over; returns how many."""
    per_load = RATE * PAUSE
    asked, at = 0, 0
    while not over.is_set():
        if at == 0:
            side.empty_cache()
        questions = sides.questions[at : at + per_load]
        file = sides.write(f"growth-{HOIDAP if side is sides.hoidap else 'peer'}", questions)
        asked += programs.load(side.url, file, None, "--rate", RATE, "--new-connections")["sent"]
        at = at + per_load if at + per_load < len(sides.questions) else 0
    return asked
