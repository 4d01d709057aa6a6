"""The adapter: what was learnt on top of the published weights, so that everyday questions find their passages.

`adapter.npz` holds, in 16-bit floats, for each linear layer of the encoder two thin matrices whose product is added to its weights
(Hu and others, LoRA, 2021), a difference for each scale and shift of the normalisations, and the projection of token vectors for
late interaction, which was learnt with them. `embedding.training` made it.
"""

from __future__ import annotations

from pathlib import Path

import numpy

from .weights import Weights

FILE = Path(__file__).with_name("adapter.npz")
LINEAR = ("q", "k", "v", "ao", "fi", "fo")
"""Linear layers of a transformer layer, as the weight file names them."""
NORMS = tuple(f"{norm}.{part}" for norm in ("aln", "oln") for part in "wb")


def apply(weights: Weights, path: Path = FILE) -> numpy.ndarray:
    """Adds the adapter to `weights` and returns the projection of token vectors: the mean of questions' tokens, the mean of
    passages' tokens, and its matrix by rows, as one vector."""
    with numpy.load(path) as learnt:
        for layer in range(weights.shape.layers):
            at = f"l{layer}."
            for name in LINEAR:
                low, high = (learnt[f"{name}.{part}"][layer].astype(numpy.float32) for part in ("low", "high"))
                change = high @ low
                weights.tensors[f"{at}{name}.w"] = weights.dense(f"{at}{name}.w").reshape(change.shape) + change
            for name in NORMS:
                weights.tensors[f"{at}{name}"] = weights.dense(f"{at}{name}") + learnt[name][layer].astype(numpy.float32)
        parts = [learnt[name].astype("<f4").ravel() for name in ("questions.mean", "passages.mean", "projection")]
    return numpy.concatenate(parts)
