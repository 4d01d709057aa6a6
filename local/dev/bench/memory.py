"""The memory of each process, idle after its start and after a load."""

from __future__ import annotations

import time
from pathlib import Path

from .. import paths
from ..console import print_line
from . import programs, usage
from .hoidap import FLEET, Hoidap
from .metrics import HOIDAP, Metric, Metrics, format_number
from .python_peer import MODES
from .sides import Side, Sides, wait_until_idle

DESCRIPTION = "resident memory of each process, idle, after a load and with 1,000 open streams; beside the Python service"
KINDS, PHASES = ("RSS", "PSS"), ("idle", "after the load")
TOTAL = "own, together"
"""The sum of a side's processes without the third-party servers."""
IDLE_SECONDS = 2
"""Seconds without load before idle processes are measured."""
STREAM_COUNT = 1000
"""Open streams of one gateway."""
RELEASE_SECONDS = 12
"""Seconds after which the allocator has returned free memory: it takes about ten."""
MEBIBYTE = 1 << 20


def run(sides: Sides, rounds: int) -> list[Metric]:
    """Restarts each side, measures it, asks all questions, and measures it again; once, regardless of `rounds`."""
    metrics = Metrics()
    metrics.add("the embedding model's files", "MiB", HOIDAP, _size(paths.EMBEDDING_MODEL))
    sides.stop_peers()
    sides.hoidap.start()
    sides.hoidap.stop_fleet()
    sides.hoidap.start()
    for side in (sides.hoidap, *map(sides.new_peer, MODES)):
        wait_until_idle(side)
        time.sleep(IDLE_SECONDS)
        _measure(metrics, side, PHASES[0])
        programs.load(side.url, sides.question_file(), 16, "--new-connections")
        wait_until_idle(side)
        _measure(metrics, side, PHASES[1])
    _measure_streams(metrics, sides)
    return metrics.all()


def table(metrics: list[Metric]) -> list[str]:
    """The lines of a table with one row per process, and a line below for each other metric."""
    process_metrics = [metric for metric in metrics if ": " in metric.name]
    other_metrics = [metric for metric in metrics if ": " not in metric.name]
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for metric in process_metrics:
        process, _, column = metric.name.rpartition(": ")
        for side, values in metric.values.items():
            rows.setdefault((side, process), {})[column] = values[0]
    columns = [f"{kind} {phase}" for kind in KINDS for phase in PHASES]
    lines = [f"{'MiB':<12}{'':<18}" + "".join(f"{column:>20}" for column in columns)]
    for (side, process), values in sorted(rows.items(), key=lambda row: (row[0][0] != HOIDAP, row[0][0], row[0][1] == TOTAL)):
        lines.append(f"{side:<12}{process:<18}" + "".join(f"{format_number(values[column]):>20}" for column in columns))
    return [*lines, *(f"{metric.name}: {format_number(metric.values[HOIDAP][0])} {metric.unit}" for metric in other_metrics)]


def _measure_streams(metrics: Metrics, sides: Sides) -> None:
    """Measures a gateway that has just started, without and with open streams of questions that wait for a stage."""
    hoidap = sides.hoidap
    hoidap.stop_fleet(["gateway"])
    hoidap.start_process("gateway")
    hoidap.wait_until_ready("gateway")
    hoidap.stop_fleet(["classifier"])
    time.sleep(IDLE_SECONDS)
    without_streams = _gateway_rss(hoidap)
    with programs.streams(hoidap.url, sides.question_file(), STREAM_COUNT) as count:
        time.sleep(RELEASE_SECONDS)
        with_streams = _gateway_rss(hoidap)
    metrics.add("a gateway without streams, RSS", "MiB", HOIDAP, without_streams)
    metrics.add(f"a gateway with {count:,} open streams, RSS", "MiB", HOIDAP, with_streams)
    metrics.add("an open stream holds", "KiB", HOIDAP, (with_streams - without_streams) * 1024 / count)
    print_line(f"    {HOIDAP}: a gateway holds {without_streams:.0f} MiB, and {with_streams:.0f} MiB with {count:,} open streams")
    # The waiting questions are answered before anything else is measured.
    hoidap.start_process("classifier")
    hoidap.wait_until_ready("classifier")
    wait_until_idle(hoidap)


def _gateway_rss(hoidap: Hoidap) -> float:
    return usage.memory(hoidap.pids()["gateway"])[0]


def _measure(metrics: Metrics, side: Side, phase: str) -> None:
    totals = dict.fromkeys(KINDS, 0.0)
    for name, root in side.pids().items():
        usages = [usage.memory(pid) for pid in (usage.process_tree(root) if side.name == HOIDAP else [root])]
        for kind, values in zip(KINDS, zip(*usages, strict=True), strict=True):
            metrics.add(f"{name}: {kind} {phase}", "MiB", side.name, sum(values))
            totals[kind] += sum(values) if side.name != HOIDAP or name in FLEET else 0
    for kind, total in totals.items():
        metrics.add(f"{TOTAL}: {kind} {phase}", "MiB", side.name, total)
    print_line(f"    {side.name}, {phase}: " + ", ".join(f"{total:.0f} MiB {kind}" for kind, total in totals.items()) + " in its own processes")


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.glob("model.onnx*")) / MEBIBYTE
