"""FAISS's exact and approximate search, compared with Python's FAISS on the same index files."""

from __future__ import annotations

import os
from pathlib import Path

from .. import paths
from ..console import print_line, step
from . import programs
from .metrics import HOIDAP, Metric, Metrics
from .sides import Sides

DESCRIPTION = "FAISS exact and HNSW search with one thread, and its recall@8, beside Python's FAISS on the same index files"
PYTHON = "Python"
VECTORS, MILLION = 200_000, 1_000_000
QUERIES = 200
CANDIDATES, RECALL_DEPTH = 100, 8
"""Neighbours per query, as in Hoidap, and the number of first neighbours for which recall is computed."""
FACTORIES = {"Flat": "exact", "HNSW32": "HNSW32"}
"""The FAISS index types that Hoidap builds below and above `indices.exact_up_to` chunks."""


def run(sides: Sides, rounds: int) -> list[Metric]:
    """The vectors are mixtures of those of the sample site's chunks. They and the indexes are kept for the next run."""
    metrics = Metrics()
    sides.hoidap.start_servers()
    folder = paths.DOT_LOCAL / "bench" / "search"
    folder.mkdir(parents=True, exist_ok=True)
    count = MILLION if sides.million else VECTORS
    vectors, queries = folder / f"vectors-{count}.f32", folder / f"queries-{count}.f32"
    if not queries.exists():
        with step(f"making {count:,} vectors"):
            programs.peer("data", "vectors", "--count", count, "--queries", QUERIES, "--out", vectors, "--queries-out", queries, *sides.peer_data())
    indexes = {factory: _build_index(folder, vectors, factory, count) for factory in FACTORIES}
    for number in range(1, rounds + 1):
        neighbours = {}
        for factory, name in FACTORIES.items():
            options = ("--index", indexes[factory], "--queries", queries, "--count", CANDIDATES)
            for side, report in ((HOIDAP, programs.hoidap_bench("search", *options)), (PYTHON, programs.peer("search", *options))):
                metrics.add(f"{name} search of {count:,} vectors", "ms", side, report["ms_per_query"])
                neighbours[factory, side] = report["found"]
        for side in (HOIDAP, PYTHON):
            metrics.add(f"recall@{RECALL_DEPTH} of HNSW32", "%", side, 100 * recall(neighbours["Flat", side], neighbours["HNSW32", side]))
        print_line(f"    round {number} of {rounds} done")
    return metrics.all()


def recall(exact: list[list[int]], approximate: list[list[int]]) -> float:
    """The share of the exact nearest neighbours that approximate search finds."""
    hits = sum(len(set(expected[:RECALL_DEPTH]) & set(actual[:RECALL_DEPTH])) for expected, actual in zip(exact, approximate, strict=True))
    return hits / sum(len(expected[:RECALL_DEPTH]) for expected in exact)


def _build_index(folder: Path, vectors: Path, factory: str, count: int) -> Path:
    path = folder / f"{factory}-{count}.faiss"
    if not path.exists():
        with step(f"building {factory} of {count:,} vectors"):
            unfinished = path.with_suffix(".unfinished")
            options = ("--vectors", vectors, "--factory", factory, "--index", unfinished)
            programs.hoidap_bench("index", *options, threads=len(os.sched_getaffinity(0)))
            unfinished.rename(path)
    return path
