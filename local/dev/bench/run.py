"""`./dev bench`: runs benchmarks, prints a table for each, and writes all values to a file."""

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
from ..console import DevError, format_duration, print_line
from . import analytics, cached, embedding, growth, ingest, machine, memory, python_peer, questions, relay, replay, search, sides, start
from .metrics import Metric, table

BENCH_FOLDER = paths.DOT_LOCAL / "bench"
ROUNDS = 7


@dataclass(frozen=True)
class Benchmark:
    """A one-line description of what is measured, the function that measures it, and the one that formats its table."""

    description: str
    run: Callable[[sides.Sides, int], list[Metric]]
    table: Callable[[list[Metric]], list[str]]


BENCHMARKS = {
    module.__name__.rpartition(".")[2]: Benchmark(module.DESCRIPTION, module.run, getattr(module, "table", table))
    for module in (questions, memory, growth, start, cached, embedding, ingest, search, replay, analytics, relay)
}
"""All benchmarks by name."""


def print_names() -> None:
    """Prints the name and the description of each benchmark."""
    width = max(map(len, BENCHMARKS))
    for name, benchmark in BENCHMARKS.items():
        print_line(f"{name:<{width}}  {benchmark.description}")


def run(names: list[str], rounds: int, count: int | None, million: bool, minutes: float, out: Path | None, skip_build: bool) -> None:
    """Runs the named benchmarks, or all. `million` searches a million vectors; `skip_build` measures the existing binaries."""
    if unknown := [name for name in names if name not in BENCHMARKS]:
        raise DevError(f"there is no benchmark `{unknown[0]}`: choose from {', '.join(BENCHMARKS)}")
    if not skip_build:
        build.install_and_build()
    python_peer.install()
    started_at, results = time.monotonic(), {}
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=BENCH_FOLDER))
    try:
        with sides.running(folder, count, million, minutes) as running:
            description = machine.describe(running.hoidap.instance, rounds, len(running.questions))
            print_line(machine.summary(description))
            for name in names or BENCHMARKS:
                results[name] = _run_benchmark(name, running, rounds)
                benchmarks = {key: [metric.as_json() for metric in metrics] for key, metrics in results.items()}
                _write(out or _default_file(), {**description, "benchmarks": benchmarks})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_line()
    print_line(machine.summary(description))
    for name, metrics in results.items():
        print_line(f"\n{name}: median of the rounds (min–max)")
        for row in BENCHMARKS[name].table(metrics):
            print_line(f"  {row}")
    print_line(f"\nMeasured in {format_duration(time.monotonic() - started_at)}; written to {out or _default_file()}.")


def _run_benchmark(name: str, running: sides.Sides, rounds: int) -> list[Metric]:
    print_line(f"==> {name}: {BENCHMARKS[name].description}")
    started_at = time.monotonic()
    metrics = BENCHMARKS[name].run(running, rounds)
    print_line(f"    done in {format_duration(time.monotonic() - started_at)}")
    return metrics


def _default_file() -> Path:
    return BENCH_FOLDER / f"{datetime.now(UTC):%Y-%m-%d}.json"


def _write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
