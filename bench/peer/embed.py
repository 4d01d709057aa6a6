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
    arguments = parser.parse_args()
    lines = arguments.texts.read_text(encoding="utf-8").splitlines()
    # Texts of similar length share a call, so that little of it is padding.
    texts = sorted(map(json.loads, lines), key=len)
    batches = [texts[start : start + arguments.batch] for start in range(0, len(texts), arguments.batch)]
    models = [Model(arguments.model) for _ in range(arguments.callers)]
    for model in models:
        model.embed(batches[0], "passage")
    min_calls = 0 if arguments.seconds else len(batches)
    started_at = time.perf_counter()
    call_numbers = itertools.count()

    def call(model: Model) -> int:
        embedded = 0
        while (number := next(call_numbers)) < min_calls or time.perf_counter() - started_at < arguments.seconds:
            batch = batches[number % len(batches)]
            model.embed(batch, "passage")
            embedded += len(batch)
        return embedded

    with ThreadPoolExecutor(arguments.callers) as callers:
        embedded = sum(callers.map(call, models))
    seconds = time.perf_counter() - started_at
    ms_per_text = 1000 * arguments.callers * seconds / embedded
    print(json.dumps({"texts": embedded, "seconds": seconds, "texts_per_second": embedded / seconds, "ms_per_text": ms_per_text}))


if __name__ == "__main__":
    main()
