"""The embedder, compared with the same model file in Python's ONNX Runtime."""

from __future__ import annotations

from ..console import print_line
from . import programs
from .metrics import HOIDAP, Metric, Metrics
from .sides import Sides

DESCRIPTION = "texts/s of the embedding model for several lengths, one and 16 texts a call, beside the same file in Python's ONNX Runtime"
PEER = "Python"
TOKENS = (12, 32, 145, 200)
"""Tokens per text: a question, a long question, a usual chunk, the longest chunk."""
BATCHES = (1, 16)
SECONDS = 1
"""Seconds of each measurement."""


def run(sides: Sides, rounds: int) -> list[Metric]:
    """Measures the sides in turn with one caller. With one caller per core, both sides would share the machine in the same way."""
    metrics = Metrics()
    sides.hoidap.start_servers()
    texts = {tokens: sides.folder / f"texts-{tokens}.jsonl" for tokens in TOKENS}
    for tokens, path in texts.items():
        programs.peer("data", "texts", "--tokens", tokens, "--out", path, *sides.peer_data())
    for number in range(1, rounds + 1):
        for tokens, path in texts.items():
            for batch in BATCHES:
                options = ("--texts", path, "--batch", batch, "--callers", 1, "--seconds", SECONDS)
                name = f"{tokens} tokens, {batch} a call"
                metrics.add(name, "texts/s", HOIDAP, programs.hoidap_bench("embed", *options)["texts_per_second"])
                metrics.add(name, "texts/s", PEER, programs.peer("embed", *options, *sides.peer_model())["texts_per_second"])
        print_line(f"    round {number} of {rounds} done")
    return metrics.all()
