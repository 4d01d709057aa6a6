"""The embedding model, in ONNX Runtime on one thread: the same file that Hoidap loads."""

from __future__ import annotations

from pathlib import Path

import numpy
import onnxruntime
from tokenizers import Tokenizer

LONGEST = 512
PADDING = "<pad>"


class Model:
    """Turns texts into unit vectors, and a question into one vector for each of its tokens too."""

    def __init__(self, folder: Path):
        self.session = session(folder / "model.onnx")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(LONGEST)
        self.tokenizer.enable_padding(pad_id=self.tokenizer.token_to_id(PADDING), pad_token=PADDING)
        self.projection = _Projection(folder / "projection.f32")
        self.lead = len(self.tokenizer.encode("query:").ids) - 1

    def embed(self, texts: list[str], role: str) -> numpy.ndarray:
        """One vector for each text; `role` is `query` or `passage`."""
        hidden, mask = self._hidden([f"{role}: {text}" for text in texts])
        return _pooled(hidden, mask)

    def question(self, text: str) -> tuple[numpy.ndarray, numpy.ndarray]:
        """A question's vector, and the small ones of its tokens."""
        hidden, mask = self._hidden([f"query: {text}"])
        return _pooled(hidden, mask)[0], self.projection.of_question(hidden[0, self.lead : -1])

    def _hidden(self, texts: list[str]) -> tuple[numpy.ndarray, numpy.ndarray]:
        read = self.tokenizer.encode_batch(texts)
        ids = numpy.array([one.ids for one in read], numpy.int64)
        mask = numpy.array([one.attention_mask for one in read], numpy.int64)
        return self.session.run(["last_hidden_state"], {"input_ids": ids, "attention_mask": mask})[0], mask


class _Projection:
    """Makes token vectors small (indices/src/late_interaction.rs)."""

    def __init__(self, path: Path, dimensions: int = 384):
        numbers = numpy.fromfile(path, numpy.float32).reshape(-1, dimensions)
        self.mean, self.matrix = numbers[0], numbers[2:].T.copy()

    def of_question(self, tokens: numpy.ndarray) -> numpy.ndarray:
        return unit((tokens - self.mean) @ self.matrix)


def session(path: Path) -> onnxruntime.InferenceSession:
    """A graph that computes on the calling thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def unit(vectors: numpy.ndarray) -> numpy.ndarray:
    """The vectors with length 1."""
    return vectors / numpy.maximum(numpy.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _pooled(hidden: numpy.ndarray, mask: numpy.ndarray) -> numpy.ndarray:
    """The mean over the tokens of each text, with length 1."""
    return unit(numpy.einsum("btd,bt->bd", hidden, mask.astype(numpy.float32)))
