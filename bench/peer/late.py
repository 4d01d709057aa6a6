"""Late interaction and cross-attention in numpy and ONNX Runtime, as indices/src/late_interaction.rs and cross_attention.rs have them."""

from __future__ import annotations

from pathlib import Path

import numpy

from .model import session, unit

DIMENSIONS = 128
STEP = 2.7 / DIMENSIONS**0.5 / 7
"""The value of one quantisation step of a stored token vector."""
LONGEST_QUESTION, LONGEST_PASSAGE = 64, 320
"""Tokens that the cross-attention reads."""
PAIRS = (numpy.array([[byte % 16 - 8, byte // 16 - 8] for byte in range(256)], numpy.float32) * numpy.float32(STEP)).view(numpy.float64)[:, 0]
"""The two components in each byte, side by side as one number of eight bytes, which is faster to look up."""


class TokenVectors:
    """The token vectors of all chunks, in four bits a component; unpacked when they are read."""

    def __init__(self, stored: list[numpy.ndarray]):
        self.stored = stored

    def of(self, place: int) -> numpy.ndarray:
        """The token vectors of a chunk."""
        return _unpacked(self.stored[place])

    def late(self, asked: numpy.ndarray, places: list[int]) -> numpy.ndarray:
        """For each chunk, the mean over the question's tokens of the best cosine with one of the chunk's."""
        together = _unpacked(numpy.concatenate([self.stored[place] for place in places]))
        lengths = [2 * len(self.stored[place]) // DIMENSIONS for place in places]
        starts = numpy.concatenate([[0], numpy.cumsum(lengths)[:-1]])
        return numpy.maximum.reduceat(asked @ together.T, starts, axis=1).mean(axis=0)


class CrossAttention:
    """Which sentence of a passage answers: reads one passage at a time."""

    def __init__(self, folder: Path):
        self.session = session(folder / "cross_attention.onnx")

    def log_odds(self, asked: numpy.ndarray, told: numpy.ndarray, sentences: list[tuple[int, int]]) -> list[float]:
        """For each sentence, given as a range of the passage's tokens, the log odds that it answers."""
        asked, told = asked[:LONGEST_QUESTION], told[:LONGEST_PASSAGE]
        cosines = asked @ told.T
        place = numpy.full(len(told), len(sentences) + 1, numpy.int64)
        late = numpy.zeros(len(told), numpy.float32)
        for number, (start, end) in enumerate(sentences, 1):
            if start < min(end, len(told)):
                place[start:end] = number
                late[start:end] = cosines[:, start:end].max(axis=1).mean()
        inputs = {"question": asked, "passage": unit(told), "place": place, "late": late}
        tokens, none = self.session.run(["tokens", "none"], inputs)
        own = [tokens[start:end] for start, end in sentences]
        return [float(part[:, 0].mean() + part[:, 1].max() - none[0]) if len(part) else -numpy.inf for part in own]


def _unpacked(stored: numpy.ndarray) -> numpy.ndarray:
    return PAIRS.take(stored).view(numpy.float32).reshape(-1, DIMENSIONS)
