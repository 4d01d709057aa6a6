"""The embedding model in Python: texts each second, as `hoidap-bench embed` measures Hoidap's embedder."""

from __future__ import annotations

import argparse
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .model import Model


def main() -> None:
    """Reads a JSON string from each line, and prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--callers", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0)
    options = parser.parse_args()
    lines = options.texts.read_text(encoding="utf-8").splitlines()
    # Texts of similar length share a call, so that little of it is padding.
    texts = sorted(map(json.loads, lines), key=len)
    calls = [texts[start : start + options.batch] for start in range(0, len(texts), options.batch)]
    models = [Model(options.model) for _ in range(options.callers)]
    for model in models:
        model.embed(calls[0], "passage")
    least = 0 if options.seconds else len(calls)
    begun = time.perf_counter()
    turns = itertools.count()

    def call(model: Model) -> int:
        done = 0
        while (turn := next(turns)) < least or time.perf_counter() - begun < options.seconds:
            batch = calls[turn % len(calls)]
            model.embed(batch, "passage")
            done += len(batch)
        return done

    with ThreadPoolExecutor(options.callers) as callers:
        done = sum(callers.map(call, models))
    seconds = time.perf_counter() - begun
    each = 1000 * options.callers * seconds / done
    print(json.dumps({"texts": done, "seconds": seconds, "texts_per_second": done / seconds, "ms_per_text": each}))


if __name__ == "__main__":
    main()
