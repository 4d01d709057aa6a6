"""Questions each second, latencies and processor time, without an answer from a cache."""

from __future__ import annotations

from ..say import line
from . import programs
from .figures import Figure, Figures
from .sides import Side, Sides

ABOUT = "questions/s at 16 and 64 in flight, latency at one, processor time a question; beside a Python service, bare and full"
ALONE = 160
"""Questions that are asked one at a time."""
LOADS = ((1, ALONE), (16, None), (64, None))
"""Questions in flight, and how many are asked; None for all."""


def run(sides: Sides, rounds: int) -> list[Figure]:
    """Each load on each side, one side after the other, in every round."""
    figures = Figures()
    running = sides.start()
    for number in range(1, rounds + 1):
        for in_flight, count in LOADS:
            for side in running:
                _measure(figures, sides, side, in_flight, count)
        line(f"    round {number} of {rounds} done")
    return figures.all()


def _measure(figures: Figures, sides: Sides, side: Side, in_flight: int, count: int | None) -> None:
    sides.forget(side)
    before = side.cpu()
    report = programs.load(side.url, sides.file(count), in_flight, "--new-connections")
    after = side.cpu()
    line(f"    {side.name}, {in_flight} in flight: {report['answers_per_second']:.1f} questions/s, p50 {report['p50_ms']:.1f} ms")
    if report["cached"]:
        line(f"    {report['cached']} of these answers came from the cache")
    if in_flight == 1:
        figures.add("p50 with one question in flight", "ms", side.name, report["p50_ms"])
        figures.add("p99 with one question in flight", "ms", side.name, report["p99_ms"])
        return
    load = f"{in_flight} in flight"
    figures.add(f"questions/s, {load}", "1/s", side.name, report["answers_per_second"])
    figures.add(f"p50, {load}", "ms", side.name, report["p50_ms"])
    figures.add(f"p99, {load}", "ms", side.name, report["p99_ms"])
    if in_flight == 16:
        for what, whose in (("all", "with the servers"), ("own", "own processes")):
            spent = 1000 * (after[what] - before[what]) / report["answered"]
            figures.add(f"processor time a question ({whose})", "ms", side.name, spent)
