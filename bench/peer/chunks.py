"""Reads the collections that `hoidap-index build` has built: the chunks of each current version, with their vectors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy


@dataclass(frozen=True)
class Chunk:
    """A part of a document, with its sentences as ranges of characters and of token vectors."""

    collection: str
    id: str
    text: str
    headings: list[str]
    sentences: list[tuple[int, int, int, int]]
    title: str
    url: str
    source: str
    locale: str
    product: str | None
    section: str | None


def load(indices: Path) -> tuple[list[Chunk], numpy.ndarray, list[numpy.ndarray]]:
    """All chunks of the current versions, their embeddings, and their packed token vectors."""
    chunks, embeddings, token_vectors = [], [], []
    for folder in current_versions(indices):
        documents = _read_jsonl(folder / "documents.jsonl")
        records = _read_jsonl(folder / "chunks.jsonl")
        vectors = numpy.fromfile(folder / "embeddings.f32", numpy.float32).reshape(len(records), -1)
        packed_tokens = numpy.memmap(folder / "tokens.u4", numpy.uint8, "r")
        ends = numpy.fromfile(folder / "tokens.u64", numpy.uint64).astype(int)
        for index, record in enumerate(records):
            document = documents[record["document"]]
            if document.get("withdrawn"):
                continue
            chunks.append(_chunk(folder.parents[1].name, document, record))
            embeddings.append(vectors[index])
            token_vectors.append(packed_tokens[ends[index - 1] if index else 0 : ends[index]])
    if not chunks:
        raise SystemExit(f"there is no collection in {indices}: build one by hoidap-index")
    return chunks, numpy.stack(embeddings), token_vectors


def current_versions(indices: Path) -> list[Path]:
    """The folder of each collection's current version."""
    return [current.parent / "versions" / current.read_text().strip() for current in sorted(indices.glob("*/current"))]


def embedded_texts(indices: Path) -> list[str]:
    """The texts of all chunks with their headings, as they are embedded."""
    return ["\n".join([*chunk.headings, chunk.text]) for chunk in load(indices)[0]]


def _chunk(collection: str, document: dict, record: dict) -> Chunk:
    fields = {name: document.get(name) for name in ("title", "url", "source", "locale", "product", "section")}
    text = document["text"][record["start"] : record["end"]]
    sentences = [tuple(segment) for segment in record["segments"]] or [(0, len(text), 0, 0)]
    return Chunk(collection, record["id"], text, record["heading_path"], sentences, **fields)


def _read_jsonl(path: Path) -> list[dict]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
