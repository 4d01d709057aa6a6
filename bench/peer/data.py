"""Makes what the benchmarks are fed with, from the chunks of the collections: texts of a length, all chunks, many vectors."""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy

from .chunks import embedded_texts, load, versions
from .model import Model, unit

TEXTS = 64
"""Texts of each length."""
MIXED, NOISE = 3, 0.01
"""A made vector lies between so many chunks' vectors; and the standard deviation of what is added to each of its numbers."""
BLOCK = 50_000


def main() -> None:
    """Writes a file and prints one JSON object that says what is in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["texts", "chunks", "vectors"])
    parser.add_argument("--indices", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=0)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--queries", type=int, default=0)
    parser.add_argument("--queries-out", type=Path)
    options = parser.parse_args()
    print(json.dumps({"texts": _texts, "chunks": _chunks, "vectors": _vectors}[options.what](options)))


def _texts(options: argparse.Namespace) -> dict:
    """Parts of the chunks' texts with so many tokens, with those that the model adds."""
    model = Model(options.model)
    model.tokenizer.no_truncation()
    own = options.tokens - len(model.tokenizer.encode("passage:").ids)
    whole = " ".join(" ".join(embedded_texts(options.indices)).split())
    spans = model.tokenizer.encode(whole, add_special_tokens=False).offsets
    starts = range(0, len(spans) - own, max(own, (len(spans) - own) // TEXTS))
    texts = [whole[spans[start][0] : spans[start + own - 1][1]].strip() for start in itertools.islice(starts, TEXTS)]
    _write(options.out, texts)
    lengths = [len(model.tokenizer.encode(f"passage: {text}").ids) for text in texts]
    return {"texts": len(texts), "tokens": sum(lengths) / len(lengths)}


def _chunks(options: argparse.Namespace) -> dict:
    """The text of each chunk, as it is embedded."""
    texts = embedded_texts(options.indices)
    _write(options.out, texts)
    files = [folder / "documents.jsonl" for folder in versions(options.indices)]
    documents = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)
    return {"chunks": len(texts), "documents": documents}


def _vectors(options: argparse.Namespace) -> dict:
    """Vectors between those of some chunks, so that they lie as close together as those of real texts; and queries made alike."""
    chunks = load(options.indices)[1]
    chance = numpy.random.default_rng(1)

    def some(count: int) -> numpy.ndarray:
        chosen = chunks[chance.integers(len(chunks), size=(count, MIXED))]
        shares = chance.dirichlet(numpy.ones(MIXED), count)
        mixed = numpy.einsum("nm,nmd->nd", shares, chosen)
        return unit(mixed + chance.normal(0, NOISE, mixed.shape)).astype(numpy.float32)

    with options.out.open("wb") as file:
        for start in range(0, options.count, BLOCK):
            some(min(BLOCK, options.count - start)).tofile(file)
    some(options.queries).tofile(options.queries_out)
    return {"vectors": options.count, "queries": options.queries}


def _write(path: Path, texts: list[str]) -> None:
    path.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")


if __name__ == "__main__":
    main()
