"""Makes the input data of the benchmarks from the chunks of the collections: texts of one length, all chunks, or many vectors."""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy

from .chunks import current_versions, embedded_texts, load
from .model import Model, unit_vectors

TEXTS_PER_LENGTH = 64
MIXED_CHUNKS, NOISE = 3, 0.01
"""Number of chunk vectors that are mixed to one vector, and the standard deviation of the noise added to each component."""
VECTORS_PER_WRITE = 50_000


def main() -> None:
    """Writes a file and prints one JSON object that describes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["texts", "chunks", "vectors"])
    parser.add_argument("--indices", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=0)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--queries", type=int, default=0)
    parser.add_argument("--queries-out", type=Path)
    arguments = parser.parse_args()
    print(json.dumps({"texts": _texts, "chunks": _chunks, "vectors": _vectors}[arguments.kind](arguments)))


def _texts(arguments: argparse.Namespace) -> dict:
    """Parts of the chunks' texts with the given number of tokens, the prefix and special tokens included."""
    model = Model(arguments.model)
    model.tokenizer.no_truncation()
    length = arguments.tokens - len(model.tokenizer.encode("passage:").ids)
    all_text = " ".join(" ".join(embedded_texts(arguments.indices)).split())
    spans = model.tokenizer.encode(all_text, add_special_tokens=False).offsets
    starts = range(0, len(spans) - length, max(length, (len(spans) - length) // TEXTS_PER_LENGTH))
    texts = [all_text[spans[start][0] : spans[start + length - 1][1]].strip() for start in itertools.islice(starts, TEXTS_PER_LENGTH)]
    _write(arguments.out, texts)
    lengths = [len(model.tokenizer.encode(f"passage: {text}").ids) for text in texts]
    return {"texts": len(texts), "tokens": sum(lengths) / len(lengths)}


def _chunks(arguments: argparse.Namespace) -> dict:
    """The text of each chunk, as it is embedded."""
    texts = embedded_texts(arguments.indices)
    _write(arguments.out, texts)
    files = [folder / "documents.jsonl" for folder in current_versions(arguments.indices)]
    documents = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)
    return {"chunks": len(texts), "documents": documents}


def _vectors(arguments: argparse.Namespace) -> dict:
    """Mixtures of chunk vectors, so that they lie as close together as those of real texts; and queries made in the same way."""
    chunk_vectors = load(arguments.indices)[1]
    rng = numpy.random.default_rng(1)

    def sample(count: int) -> numpy.ndarray:
        picked = chunk_vectors[rng.integers(len(chunk_vectors), size=(count, MIXED_CHUNKS))]
        mixing_weights = rng.dirichlet(numpy.ones(MIXED_CHUNKS), count)
        vectors = numpy.einsum("nm,nmd->nd", mixing_weights, picked)
        return unit_vectors(vectors + rng.normal(0, NOISE, vectors.shape)).astype(numpy.float32)

    with arguments.out.open("wb") as file:
        for start in range(0, arguments.count, VECTORS_PER_WRITE):
            sample(min(VECTORS_PER_WRITE, arguments.count - start)).tofile(file)
    sample(arguments.queries).tofile(arguments.queries_out)
    return {"vectors": arguments.count, "queries": arguments.queries}


def _write(path: Path, texts: list[str]) -> None:
    path.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")


if __name__ == "__main__":
    main()
