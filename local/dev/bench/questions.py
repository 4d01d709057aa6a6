"""Questions per second, latencies and processor time, without answers from a cache."""

from __future__ import annotations

from ..console import print_line
from . import programs
from .metrics import Metric, Metrics
from .sides import Side, Sides

DESCRIPTION = "questions/s at 16 and 64 in flight, latency at one, processor time a question; beside a Python service, bare and full"
SEQUENTIAL_QUESTIONS = 160
"""Number of questions in the load with one in flight."""
LOADS = ((1, SEQUENTIAL_QUESTIONS), (16, None), (64, None))
"""Questions in flight, and the number of questions; None for all."""


def run(sides: Sides, rounds: int) -> list[Metric]:
    """In every round, puts each load on one side after the other."""
    metrics = Metrics()
    running = sides.start()
    for number in range(1, rounds + 1):
        for in_flight, count in LOADS:
            for side in running:
                _measure(metrics, sides, side, in_flight, count)
        print_line(f"    round {number} of {rounds} done")
    return metrics.all()


def _measure(metrics: Metrics, sides: Sides, side: Side, in_flight: int, count: int | None) -> None:
    sides.clear_caches(side)
    cpu_before = side.cpu_seconds()
    report = programs.load(side.url, sides.question_file(count), in_flight, "--new-connections")
    cpu_after = side.cpu_seconds()
    print_line(f"    {side.name}, {in_flight} in flight: {report['answers_per_second']:.1f} questions/s, p50 {report['p50_ms']:.1f} ms")
    if report["cached"]:
        print_line(f"    {report['cached']} of these answers came from the cache")
    if in_flight == 1:
        metrics.add("p50 with one question in flight", "ms", side.name, report["p50_ms"])
        metrics.add("p99 with one question in flight", "ms", side.name, report["p99_ms"])
        return
    load = f"{in_flight} in flight"
    metrics.add(f"questions/s, {load}", "1/s", side.name, report["answers_per_second"])
    metrics.add(f"p50, {load}", "ms", side.name, report["p50_ms"])
    metrics.add(f"p99, {load}", "ms", side.name, report["p99_ms"])
    if in_flight == 16:
        for key, label in (("all", "with the servers"), ("own", "own processes")):
            cpu_ms = 1000 * (cpu_after[key] - cpu_before[key]) / report["answered"]
            metrics.add(f"processor time a question ({label})", "ms", side.name, cpu_ms)
