"""The growth of each process's memory under a steady load."""

from __future__ import annotations

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from ..console import print_line
from . import programs, usage
from .metrics import HOIDAP, Metric, Metrics, format_number
from .sides import Side, Sides

DESCRIPTION = "resident memory of each process at the start and the end of a steady load, and its slope; beside the Python service"
QUESTIONS_PER_SECOND = 10
"""The rate of the load on each side."""
SAMPLE_INTERVAL = 5
"""Seconds between two measurements."""
COLUMNS = {"at the start": "MiB", "at the end": "MiB", "slope of the second half": "MiB/h"}
MINUTE, HOUR = 60, 3600

Samples = dict[tuple[str, str], list[tuple[float, float]]]
"""RSS by side and process: seconds since the start, and MiB."""


def run(sides: Sides, rounds: int) -> list[Metric]:
    """Loads both sides at the same time, once, regardless of `rounds`. The caches are emptied before the questions are repeated."""
    sides.stop_peers()
    sides.hoidap.stop_fleet()
    sides.start_hoidap()
    running: list[Side] = [sides.hoidap, sides.start_peer("full")]
    stopped = threading.Event()
    with ThreadPoolExecutor(len(running)) as pool:
        loads = [pool.submit(_send_questions, sides, side, stopped) for side in running]
        try:
            samples = _sample(running, sides.minutes * MINUTE, loads)
        finally:
            stopped.set()
    questions_sent = sum(load.result() for load in loads)
    print_line(f"    {questions_sent:,} questions in {sides.minutes:g} minutes, {QUESTIONS_PER_SECOND} a second to each side")
    metrics = Metrics()
    for (side, process), values in samples.items():
        for name, value in zip(COLUMNS, memory_growth(values), strict=True):
            metrics.add(f"{process}: RSS {name}", COLUMNS[name], side, value)
    return metrics.all()


def table(metrics: list[Metric]) -> list[str]:
    """The lines of a table with one row per process."""
    rows: dict[tuple[str, str], list[float]] = {}
    for metric in metrics:
        for side, values in metric.values.items():
            rows.setdefault((side, metric.name.rpartition(": ")[0]), []).append(values[0])
    headings = [f"{name}, {unit}" for name, unit in COLUMNS.items()]
    lines = [f"{'RSS':<12}{'':<18}" + "".join(f"{heading:>34}" for heading in headings)]
    for (side, process), values in rows.items():
        lines.append(f"{side:<12}{process:<18}" + "".join(f"{format_number(value):>34}" for value in values))
    return lines


def memory_growth(samples: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Memory at the start and at the end, each a median of three, and the slope of the second half in MiB per hour."""
    sizes = [size for _, size in samples]
    second_half = samples[len(samples) // 2 :] if len(samples) > 3 else samples
    hours = [seconds / HOUR for seconds, _ in second_half]
    slope = statistics.linear_regression(hours, [size for _, size in second_half]).slope if len(second_half) > 1 else 0.0
    return statistics.median(sizes[:3]), statistics.median(sizes[-3:]), slope


def _sample(running: list[Side], seconds: float, loads: list) -> Samples:
    """Measures the memory of all processes at intervals. Stops early if a load fails."""
    samples: Samples = {}
    started_at = time.monotonic()
    while (now := time.monotonic() - started_at) < seconds and not any(load.done() for load in loads):
        for side in running:
            for name, root in side.pids().items():
                pids = usage.process_tree(root) if side.name == HOIDAP else [root]
                samples.setdefault((side.name, name), []).append((now, sum(usage.memory(pid)[0] for pid in pids)))
        time.sleep(SAMPLE_INTERVAL)
    return samples


def _send_questions(sides: Sides, side: Side, stopped: threading.Event) -> int:
    """Sends all questions at a steady rate, repeatedly until `stopped` is set; returns the number of questions."""
    questions_per_load = QUESTIONS_PER_SECOND * SAMPLE_INTERVAL
    sent, start = 0, 0
    while not stopped.is_set():
        if start == 0:
            side.empty_cache()
        questions = sides.questions[start : start + questions_per_load]
        file = sides.write(f"growth-{HOIDAP if side is sides.hoidap else 'peer'}", questions)
        sent += programs.load(side.url, file, None, "--rate", QUESTIONS_PER_SECOND, "--new-connections")["sent"]
        start = start + questions_per_load if start + questions_per_load < len(sides.questions) else 0
    return sent
