"""How much memory each process has, idle after its start and after a load."""

from __future__ import annotations

import time
from pathlib import Path

from .. import paths
from ..say import line
from . import programs, usage
from .figures import HOIDAP, Figure, Figures, number
from .hoidap import FLEET, Hoidap
from .python_peer import MODES
from .sides import Side, Sides, wait_until_calm

ABOUT = "resident memory of each process, idle, after a load and with 1,000 open streams; beside the Python service"
KINDS, WHEN = ("RSS", "PSS"), ("idle", "after the load")
TOGETHER = "own, together"
"""All of a side's processes but the servers of others."""
IDLE = 2
"""Seconds without a question before idle processes are measured."""
STREAMS = 1000
"""Streams that are open in one gateway."""
SETTLED = 12
"""Seconds after which the allocator has given back what is free: it takes some ten."""
MEBIBYTE = 1 << 20


def run(sides: Sides, rounds: int) -> list[Figure]:
    """Starts each side anew, measures it, asks all questions, and measures again; once, whatever the rounds."""
    figures = Figures()
    figures.add("the embedding model's files", "MiB", HOIDAP, _size(paths.EMBEDDING))
    sides.stop_peers()
    sides.hoidap.start()
    sides.hoidap.stop_fleet()
    sides.hoidap.start()
    for side in (sides.hoidap, *map(sides.new_peer, MODES)):
        wait_until_calm(side)
        time.sleep(IDLE)
        _measure(figures, side, WHEN[0])
        programs.load(side.url, sides.file(), 16, "--new-connections")
        wait_until_calm(side)
        _measure(figures, side, WHEN[1])
    _streams(figures, sides)
    return figures.all()


def table(figures: list[Figure]) -> list[str]:
    """A row for each process, in place of one for each figure; figures of no process in lines below."""
    measured = [figure for figure in figures if ": " in figure.name]
    others = [figure for figure in figures if ": " not in figure.name]
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for figure in measured:
        process, _, what = figure.name.rpartition(": ")
        for side, values in figure.values.items():
            rows.setdefault((side, process), {})[what] = values[0]
    heads = [f"{kind} {when}" for kind in KINDS for when in WHEN]
    lines = [f"{'MiB':<12}{'':<18}" + "".join(f"{head:>20}" for head in heads)]
    for (side, process), told in sorted(rows.items(), key=lambda row: (row[0][0] != HOIDAP, row[0][0], row[0][1] == TOGETHER)):
        lines.append(f"{side:<12}{process:<18}" + "".join(f"{number(told[head]):>20}" for head in heads))
    return [*lines, *(f"{other.name}: {number(other.values[HOIDAP][0])} {other.unit}" for other in others)]


def _streams(figures: Figures, sides: Sides) -> None:
    """A gateway that has just started, without and with streams of questions that wait for a stage."""
    hoidap = sides.hoidap
    hoidap.stop_fleet(["gateway"])
    hoidap.begin("gateway")
    hoidap.wait_until_ready("gateway")
    hoidap.stop_fleet(["classifier"])
    time.sleep(IDLE)
    before = _rss_of_gateway(hoidap)
    with programs.streams(hoidap.url, sides.file(), STREAMS) as count:
        time.sleep(SETTLED)
        after = _rss_of_gateway(hoidap)
    figures.add("a gateway without streams, RSS", "MiB", HOIDAP, before)
    figures.add(f"a gateway with {count:,} open streams, RSS", "MiB", HOIDAP, after)
    figures.add("an open stream holds", "KiB", HOIDAP, (after - before) * 1024 / count)
    line(f"    {HOIDAP}: a gateway holds {before:.0f} MiB, and {after:.0f} MiB with {count:,} open streams")
    # The questions that waited are answered before anything else is measured.
    hoidap.begin("classifier")
    hoidap.wait_until_ready("classifier")
    wait_until_calm(hoidap)


def _rss_of_gateway(hoidap: Hoidap) -> float:
    return usage.memory(hoidap.pids()["gateway"])[0]


def _measure(figures: Figures, side: Side, when: str) -> None:
    together = dict.fromkeys(KINDS, 0.0)
    for name, root in side.pids().items():
        told = [usage.memory(pid) for pid in (usage.tree(root) if side.name == HOIDAP else [root])]
        for kind, values in zip(KINDS, zip(*told, strict=True), strict=True):
            figures.add(f"{name}: {kind} {when}", "MiB", side.name, sum(values))
            together[kind] += sum(values) if side.name != HOIDAP or name in FLEET else 0
    for kind, total in together.items():
        figures.add(f"{TOGETHER}: {kind} {when}", "MiB", side.name, total)
    line(f"    {side.name}, {when}: " + ", ".join(f"{total:.0f} MiB {kind}" for kind, total in together.items()) + " in its own processes")


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.glob("model.onnx*")) / MEBIBYTE
