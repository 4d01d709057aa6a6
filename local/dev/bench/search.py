"""FAISS's exact and approximate search, beside the same index files in Python's FAISS."""

from __future__ import annotations

import os
from pathlib import Path

from .. import paths
from ..say import line, step
from . import programs
from .figures import HOIDAP, Figure, Figures
from .sides import Sides

ABOUT = "FAISS exact and HNSW search with one thread, and its recall@8, beside Python's FAISS on the same index files"
PEER = "Python"
VECTORS, MANY = 200_000, 1_000_000
QUERIES = 200
CANDIDATES, COUNT = 100, 8
"""As many neighbours as Hoidap asks for each wording, and how many of them are compared."""
FACTORIES = {"Flat": "exact", "HNSW32": "HNSW32"}
"""What Hoidap builds below and above `indices.exact_up_to` chunks."""


def run(sides: Sides, rounds: int) -> list[Figure]:
    """The vectors lie between those of the sample site's chunks; they and the indexes are kept for the next time."""
    figures = Figures()
    sides.hoidap.start_servers()
    folder = paths.MADE / "bench" / "search"
    folder.mkdir(parents=True, exist_ok=True)
    count = MANY if sides.million else VECTORS
    vectors, queries = folder / f"vectors-{count}.f32", folder / f"queries-{count}.f32"
    if not queries.exists():
        with step(f"making {count:,} vectors"):
            programs.peer("data", "vectors", "--count", count, "--queries", QUERIES, "--out", vectors, "--queries-out", queries, *sides.peer_data())
    indexes = {factory: _index(folder, vectors, factory, count) for factory in FACTORIES}
    for number in range(1, rounds + 1):
        found = {}
        for factory, name in FACTORIES.items():
            options = ("--index", indexes[factory], "--queries", queries, "--count", CANDIDATES)
            for side, report in ((HOIDAP, programs.hoidap_bench("search", *options)), (PEER, programs.peer("search", *options))):
                figures.add(f"{name} search of {count:,} vectors", "ms", side, report["ms_per_query"])
                found[factory, side] = report["found"]
        for side in (HOIDAP, PEER):
            figures.add(f"recall@{COUNT} of HNSW32", "%", side, 100 * recall(found["Flat", side], found["HNSW32", side]))
        line(f"    round {number} of {rounds} done")
    return figures.all()


def recall(exact: list[list[int]], found: list[list[int]]) -> float:
    """Which share of the nearest neighbours is among the first found."""
    hits = sum(len(set(nearest[:COUNT]) & set(other[:COUNT])) for nearest, other in zip(exact, found, strict=True))
    return hits / sum(len(nearest[:COUNT]) for nearest in exact)


def _index(folder: Path, vectors: Path, factory: str, count: int) -> Path:
    path = folder / f"{factory}-{count}.faiss"
    if not path.exists():
        with step(f"building {factory} of {count:,} vectors"):
            unfinished = path.with_suffix(".unfinished")
            options = ("--vectors", vectors, "--factory", factory, "--index", unfinished)
            programs.hoidap_bench("index", *options, threads=len(os.sched_getaffinity(0)))
            unfinished.rename(path)
    return path
