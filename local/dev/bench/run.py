"""`./dev bench`: runs benchmarks, prints a table for each, and writes all of it to a file."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .. import build, paths
from ..say import Trouble, line, seconds
from . import analytics, cached, embedding, growth, ingest, machine, memory, python_peer, questions, relay, replay, search, sides, start
from .figures import Figure, table

FOLDER = paths.MADE / "bench"
ROUNDS = 7


@dataclass(frozen=True)
class Benchmark:
    """What is measured, in a line, and the code that measures it."""

    about: str
    run: Callable[[sides.Sides, int], list[Figure]]
    table: Callable[[list[Figure]], list[str]]


BENCHMARKS = {
    module.__name__.rpartition(".")[2]: Benchmark(module.ABOUT, module.run, getattr(module, "table", table))
    for module in (questions, memory, growth, start, cached, embedding, ingest, search, replay, analytics, relay)
}
"""Every benchmark by its name."""


def names() -> None:
    """Prints a line for each benchmark."""
    width = max(map(len, BENCHMARKS))
    for name, benchmark in BENCHMARKS.items():
        line(f"{name:<{width}}  {benchmark.about}")


def run(chosen: list[str], rounds: int, count: int | None, million: bool, minutes: float, out: Path | None, built: bool) -> None:
    """Runs the chosen benchmarks, or all; `million` searches more vectors, and `built` measures the binaries that are there."""
    if unknown := [name for name in chosen if name not in BENCHMARKS]:
        raise Trouble(f"there is no benchmark `{unknown[0]}`: choose from {', '.join(BENCHMARKS)}")
    if not built:
        build.install_and_build()
    python_peer.install()
    begun, measured = time.monotonic(), {}
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=FOLDER))
    try:
        with sides.running(folder, count, million, minutes) as both:
            described = machine.describe(both.hoidap.instance, rounds, len(both.questions))
            line(machine.line(described))
            for name in chosen or BENCHMARKS:
                measured[name] = _one(name, both, rounds)
                _write(out or _default(), {**described, "benchmarks": {of: [one.as_json() for one in what] for of, what in measured.items()}})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    line()
    line(machine.line(described))
    for name, figures in measured.items():
        line(f"\n{name}: median of the rounds (least–most)")
        for row in BENCHMARKS[name].table(figures):
            line(f"  {row}")
    line(f"\nMeasured in {seconds(time.monotonic() - begun)}; written to {out or _default()}.")


def _one(name: str, both: sides.Sides, rounds: int) -> list[Figure]:
    line(f"==> {name}: {BENCHMARKS[name].about}")
    begun = time.monotonic()
    figures = BENCHMARKS[name].run(both, rounds)
    line(f"    done in {seconds(time.monotonic() - begun)}")
    return figures


def _default() -> Path:
    return FOLDER / f"{datetime.now(UTC):%Y-%m-%d}.json"


def _write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
