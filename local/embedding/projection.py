"""Makes the projection of token vectors that late interaction uses (indices/src/late).

`python -m embedding.projection MODEL OUT --questions FILE… --version FOLDER…`: MODEL is the folder of the model, each FILE has
labelled questions, each FOLDER is a version of a collection (`<indices.dir>/<collection>/versions/<version>`). No label is used:
the projection is made of the principal axes of the centred token vectors of questions and passages.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy
import onnxruntime
from tokenizers import Tokenizer

COMPONENTS = 128
SKIPPED = 3
"""The widest axes, which tell how frequent a token is and not what it means."""
SHORTENED = 0.3
"""An axis is scaled by its variance, as a share of the widest one's, to the power of minus this."""
QUESTIONS, PASSAGES = 120, 150
"""Texts taken of each file and of each version."""


class Model:
    """The token vectors of texts."""

    def __init__(self, folder: Path):
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(512)

    def tokens(self, prefix: str, text: str) -> numpy.ndarray:
        """The vectors of a text's own tokens, a row each."""
        lead = len(self.tokenizer.encode(prefix.strip()).ids) - 1
        ids = numpy.array([self.tokenizer.encode(prefix + text).ids])
        feed = {"input_ids": ids, "attention_mask": numpy.ones_like(ids)}
        wanted = [given.name for given in self.session.get_inputs()]
        return self.session.run(None, {name: feed[name] for name in wanted})[0][0][lead:-1]


def some(texts: list[str], count: int, random: numpy.random.Generator) -> list[str]:
    return [texts[i] for i in random.choice(len(texts), min(count, len(texts)), replace=False)]


def questions(path: Path) -> list[str]:
    return [json.loads(line)["question"] for line in path.read_text().splitlines() if line.strip()]


def passages(version: Path) -> list[str]:
    documents = [json.loads(line) for line in (version / "documents.jsonl").read_text().splitlines()]
    texts = []
    for line in (version / "chunks.jsonl").read_text().splitlines():
        chunk = json.loads(line)
        document = documents[chunk["document"]]
        head = [document["title"], *(h for h in chunk["heading_path"] if h not in document["title"])]
        texts.append(" > ".join(head) + "\n" + document["text"][chunk["start"] : chunk["end"]])
    return texts


def project(asked: numpy.ndarray, told: numpy.ndarray, random: numpy.random.Generator) -> numpy.ndarray:
    """Both means and the matrix, a row for each component of a small vector."""
    means = asked.mean(0), told.mean(0)
    spread = 0
    for tokens, mean in zip((asked, told), means):
        centred = tokens - mean
        centred /= numpy.linalg.norm(centred, axis=1, keepdims=True)
        spread = spread + centred.T @ centred / len(centred) / 2
    variance, axes = numpy.linalg.eigh(spread)
    order = numpy.argsort(-variance)[SKIPPED : SKIPPED + COMPONENTS]
    scaled = axes[:, order] * (variance[order] / variance[order[0]]) ** -SHORTENED
    # A rotation changes no inner product, and gives every component the same spread: so four bits are enough for each.
    rotation = numpy.linalg.qr(random.standard_normal((COMPONENTS, COMPONENTS)))[0]
    return numpy.concatenate([means[0], means[1], (scaled @ rotation).T.ravel()])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m embedding.projection")
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--questions", type=Path, nargs="+", required=True)
    parser.add_argument("--version", type=Path, nargs="+", required=True)
    given = parser.parse_args()
    random = numpy.random.default_rng(0)
    model = Model(given.model)
    asked = [q for path in given.questions for q in some(questions(path), QUESTIONS, random)]
    told = [p for path in given.version for p in some(passages(path), PASSAGES, random)]
    of = lambda prefix, texts: numpy.concatenate([model.tokens(prefix, text) for text in texts])
    projection = project(of("query: ", asked), of("passage: ", told), random)
    projection.astype("<f4").tofile(given.out)


if __name__ == "__main__":
    main()
