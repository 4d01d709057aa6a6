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
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)
    index = faiss.read_index(options.index)
    queries = numpy.fromfile(options.queries, numpy.float32).reshape(-1, index.d)
    index.search(queries[:1], options.count)
    begun = time.perf_counter()
    found = [index.search(query[None], options.count)[1][0] for query in queries]
    seconds = time.perf_counter() - begun
    each = 1000 * seconds / len(queries)
    print(json.dumps({"queries": len(queries), "seconds": seconds, "ms_per_query": each, "found": [row.tolist() for row in found]}))


if __name__ == "__main__":
    main()
