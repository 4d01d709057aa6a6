"""The embedder, beside the same model file in Python's ONNX Runtime."""

from __future__ import annotations

from ..say import line
from . import programs
from .figures import HOIDAP, Figure, Figures
from .sides import Sides

ABOUT = "texts/s of the embedding model for several lengths, one and 16 texts a call, beside the same file in Python's ONNX Runtime"
PEER = "Python"
TOKENS = (12, 32, 145, 200)
"""Lengths of texts: of a question, a long one, a usual chunk and the longest."""
BATCHES = (1, 16)
SECONDS = 1
"""How long each is measured in a round."""


def run(sides: Sides, rounds: int) -> list[Figure]:
    """One caller, in turn; with as many callers as cores, both would share what the machine has in the same way."""
    figures = Figures()
    sides.hoidap.start_servers()
    texts = {tokens: sides.folder / f"texts-{tokens}.jsonl" for tokens in TOKENS}
    for tokens, path in texts.items():
        programs.peer("data", "texts", "--tokens", tokens, "--out", path, *sides.peer_data())
    for number in range(1, rounds + 1):
        for tokens, path in texts.items():
            for batch in BATCHES:
                options = ("--texts", path, "--batch", batch, "--callers", 1, "--seconds", SECONDS)
                what = f"{tokens} tokens, {batch} a call"
                figures.add(what, "texts/s", HOIDAP, programs.hoidap_bench("embed", *options)["texts_per_second"])
                figures.add(what, "texts/s", PEER, programs.peer("embed", *options, *sides.peer_model())["texts_per_second"])
        line(f"    round {number} of {rounds} done")
    return figures.all()
