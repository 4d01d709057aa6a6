"""Searches a FAISS index, one query at a time, as `hoidap-bench search` does."""

from __future__ import annotations

import argparse
import json
import time

import faiss
import numpy


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", required=True)
    parser.add_argument("--queries", required=True)
    parser.add_argument("--count", type=int, default=8)
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    index = faiss.read_index(arguments.index)
    queries = numpy.fromfile(arguments.queries, numpy.float32).reshape(-1, index.d)
    index.search(queries[:1], arguments.count)
    started_at = time.perf_counter()
    neighbours = [index.search(query[None], arguments.count)[1][0] for query in queries]
    seconds = time.perf_counter() - started_at
    ms_per_query = 1000 * seconds / len(queries)
    print(json.dumps({"queries": len(queries), "seconds": seconds, "ms_per_query": ms_per_query, "found": [row.tolist() for row in neighbours]}))


if __name__ == "__main__":
    main()
