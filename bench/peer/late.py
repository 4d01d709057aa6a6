"""Late interaction and cross-attention in numpy and ONNX Runtime, as in indices/src/late_interaction.rs and cross_attention.rs."""

from __future__ import annotations

from pathlib import Path

import numpy

from .model import open_session, unit_vectors

DIMENSIONS = 128
QUANTISATION_STEP = 2.7 / DIMENSIONS**0.5 / 7
"""The value of one quantisation step of a stored token vector."""
MAX_QUESTION_TOKENS, MAX_PASSAGE_TOKENS = 64, 320
"""Tokens that the cross-attention reads."""
NIBBLES = numpy.array([[byte % 16 - 8, byte // 16 - 8] for byte in range(256)], numpy.float32)
COMPONENT_PAIRS = (NIBBLES * numpy.float32(QUANTISATION_STEP)).view(numpy.float64)[:, 0]
"""The two components in each byte, side by side as one number of eight bytes: one look-up unpacks both."""


class TokenVectors:
    """The token vectors of all chunks, packed in four bits per component; unpacked when they are read."""

    def __init__(self, packed: list[numpy.ndarray]):
        self.packed = packed

    def of_chunk(self, chunk: int) -> numpy.ndarray:
        """The token vectors of a chunk."""
        return _unpack(self.packed[chunk])

    def late_interaction(self, question_tokens: numpy.ndarray, chunks: list[int]) -> numpy.ndarray:
        """For each chunk, the mean over the question's tokens of the maximum cosine with one of the chunk's tokens."""
        chunk_tokens = _unpack(numpy.concatenate([self.packed[chunk] for chunk in chunks]))
        lengths = [2 * len(self.packed[chunk]) // DIMENSIONS for chunk in chunks]
        starts = numpy.concatenate([[0], numpy.cumsum(lengths)[:-1]])
        return numpy.maximum.reduceat(question_tokens @ chunk_tokens.T, starts, axis=1).mean(axis=0)


class CrossAttention:
    """Scores which sentence of a passage answers. It reads one passage at a time."""

    def __init__(self, folder: Path):
        self.session = open_session(folder / "cross_attention.onnx")

    def log_odds(self, question_tokens: numpy.ndarray, passage_tokens: numpy.ndarray, sentences: list[tuple[int, int]]) -> list[float]:
        """For each sentence, a range of the passage's tokens, the log odds that it answers."""
        question_tokens, passage_tokens = question_tokens[:MAX_QUESTION_TOKENS], passage_tokens[:MAX_PASSAGE_TOKENS]
        cosines = question_tokens @ passage_tokens.T
        sentence_numbers = numpy.full(len(passage_tokens), len(sentences) + 1, numpy.int64)
        late = numpy.zeros(len(passage_tokens), numpy.float32)
        for number, (start, end) in enumerate(sentences, 1):
            if start < min(end, len(passage_tokens)):
                sentence_numbers[start:end] = number
                late[start:end] = cosines[:, start:end].max(axis=1).mean()
        inputs = {"question": question_tokens, "passage": unit_vectors(passage_tokens), "sentence": sentence_numbers, "late": late}
        token_scores, none_score = self.session.run(["tokens", "none"], inputs)
        ranges = [token_scores[start:end] for start, end in sentences]
        return [float(scores[:, 0].mean() + scores[:, 1].max() - none_score[0]) if len(scores) else -numpy.inf for scores in ranges]


def _unpack(packed: numpy.ndarray) -> numpy.ndarray:
    return COMPONENT_PAIRS.take(packed).view(numpy.float32).reshape(-1, DIMENSIONS)
