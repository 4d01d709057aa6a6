"""The embedding model, in ONNX Runtime on one thread: the same file that Hoidap loads."""

from __future__ import annotations

from pathlib import Path

import numpy
import onnxruntime
from tokenizers import Tokenizer

MAX_TOKENS = 512
PADDING = "<pad>"


class Model:
    """Embeds texts as unit vectors, and a question also as one vector for each of its tokens."""

    def __init__(self, folder: Path):
        self.session = open_session(folder / "model.onnx")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.enable_padding(pad_id=self.tokenizer.token_to_id(PADDING), pad_token=PADDING)
        self.projection = _Projection(folder / "projection.f32")
        self.prefix_length = len(self.tokenizer.encode("query:").ids) - 1

    def embed(self, texts: list[str], role: str) -> numpy.ndarray:
        """One vector for each text; `role` is `query` or `passage`."""
        hidden, mask = self._hidden_states([f"{role}: {text}" for text in texts])
        return _mean_pooled(hidden, mask)

    def embed_question(self, text: str) -> tuple[numpy.ndarray, numpy.ndarray]:
        """A question's vector, and the projected vectors of its tokens."""
        hidden, mask = self._hidden_states([f"query: {text}"])
        return _mean_pooled(hidden, mask)[0], self.projection.project_question(hidden[0, self.prefix_length : -1])

    def _hidden_states(self, texts: list[str]) -> tuple[numpy.ndarray, numpy.ndarray]:
        encodings = self.tokenizer.encode_batch(texts)
        token_ids = numpy.array([encoding.ids for encoding in encodings], numpy.int64)
        mask = numpy.array([encoding.attention_mask for encoding in encodings], numpy.int64)
        return self.session.run(["last_hidden_state"], {"input_ids": token_ids, "attention_mask": mask})[0], mask


class _Projection:
    """Projects token vectors to fewer dimensions (indices/src/late_interaction.rs)."""

    def __init__(self, path: Path, dimensions: int = 384):
        rows = numpy.fromfile(path, numpy.float32).reshape(-1, dimensions)
        self.mean, self.matrix = rows[0], rows[2:].T.copy()

    def project_question(self, token_vectors: numpy.ndarray) -> numpy.ndarray:
        return unit_vectors((token_vectors - self.mean) @ self.matrix)


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Loads a graph that computes on the calling thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def unit_vectors(vectors: numpy.ndarray) -> numpy.ndarray:
    """The vectors, scaled to length 1."""
    return vectors / numpy.maximum(numpy.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _mean_pooled(hidden: numpy.ndarray, mask: numpy.ndarray) -> numpy.ndarray:
    """The mean over the tokens of each text, scaled to length 1."""
    return unit_vectors(numpy.einsum("btd,bt->bd", hidden, mask.astype(numpy.float32)))
