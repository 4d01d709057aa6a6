"""Computes an initial projection of token vectors for late interaction (indices/src/late_interaction.rs).

`python -m embedding.projection MODEL OUT --questions FILE… --version FOLDER…`: MODEL is the folder of the model, each FILE has
labelled questions, each FOLDER is a version of a collection (`<indices.dir>/<collection>/versions/<version>`). No label is used:
the projection consists of principal axes of the centred token vectors of questions and passages.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy
import onnxruntime
from tokenizers import Tokenizer

COMPONENTS = 128
SKIPPED_AXES = 3
"""Skipped axes: those with the largest variance, which say how frequent a token is and not what it means."""
SCALE_EXPONENT = 0.3
"""Each axis is divided by its variance, relative to the largest kept one, to the power of this."""
QUESTIONS_PER_FILE, PASSAGES_PER_VERSION = 120, 150
"""Texts sampled from each file and from each version."""


class Model:
    """The converted embedding model."""

    def __init__(self, folder: Path):
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(512)

    def token_vectors(self, prefix: str, text: str) -> numpy.ndarray:
        """The vectors of a text's tokens, without the prefix and special tokens; a row each."""
        prefix_length = len(self.tokenizer.encode(prefix.strip()).ids) - 1
        ids = numpy.array([self.tokenizer.encode(prefix + text).ids])
        inputs = {"input_ids": ids, "attention_mask": numpy.ones_like(ids)}
        names = [node.name for node in self.session.get_inputs()]
        return self.session.run(None, {name: inputs[name] for name in names})[0][0][prefix_length:-1]


def sample(texts: list[str], count: int, rng: numpy.random.Generator) -> list[str]:
    return [texts[i] for i in rng.choice(len(texts), min(count, len(texts)), replace=False)]


def questions(path: Path) -> list[str]:
    return [json.loads(line)["question"] for line in path.read_text().splitlines() if line.strip()]


def passages(version: Path) -> list[str]:
    documents = [json.loads(line) for line in (version / "documents.jsonl").read_text().splitlines()]
    texts = []
    for line in (version / "chunks.jsonl").read_text().splitlines():
        chunk = json.loads(line)
        document = documents[chunk["document"]]
        headings = [document["title"], *(h for h in chunk["heading_path"] if h not in document["title"])]
        texts.append(" > ".join(headings) + "\n" + document["text"][chunk["start"] : chunk["end"]])
    return texts


def fit_projection(question_tokens: numpy.ndarray, passage_tokens: numpy.ndarray, rng: numpy.random.Generator) -> numpy.ndarray:
    """Both means and the matrix, with a row for each component of a projected vector."""
    means = question_tokens.mean(0), passage_tokens.mean(0)
    covariance = 0
    for token_vectors, mean in zip((question_tokens, passage_tokens), means):
        centred = token_vectors - mean
        centred /= numpy.linalg.norm(centred, axis=1, keepdims=True)
        covariance = covariance + centred.T @ centred / len(centred) / 2
    variance, axes = numpy.linalg.eigh(covariance)
    order = numpy.argsort(-variance)[SKIPPED_AXES : SKIPPED_AXES + COMPONENTS]
    matrix = axes[:, order] * (variance[order] / variance[order[0]]) ** -SCALE_EXPONENT
    # A rotation changes no inner product and gives every component about the same variance, so four bits are enough for each.
    rotation = numpy.linalg.qr(rng.standard_normal((COMPONENTS, COMPONENTS)))[0]
    return numpy.concatenate([means[0], means[1], (matrix @ rotation).T.ravel()])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m embedding.projection")
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--questions", type=Path, nargs="+", required=True)
    parser.add_argument("--version", type=Path, nargs="+", required=True)
    arguments = parser.parse_args()
    rng = numpy.random.default_rng(0)
    model = Model(arguments.model)
    question_texts = [q for path in arguments.questions for q in sample(questions(path), QUESTIONS_PER_FILE, rng)]
    passage_texts = [p for path in arguments.version for p in sample(passages(path), PASSAGES_PER_VERSION, rng)]
    token_vectors = lambda prefix, texts: numpy.concatenate([model.token_vectors(prefix, text) for text in texts])
    projection = fit_projection(token_vectors("query: ", question_texts), token_vectors("passage: ", passage_texts), rng)
    projection.astype("<f4").tofile(arguments.out)


if __name__ == "__main__":
    main()
