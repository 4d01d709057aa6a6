"""The adapter: learnt changes of the published weights, with which everyday questions find their passages.

`adapter.npz` holds, in 16-bit floats, for each linear layer of the encoder two low-rank matrices whose product is added to its weights
(LoRA; Hu and others, 2021), a difference for each scale and shift of the layer normalisations, and the projection of token vectors for
late interaction, which was learnt with them. `embedding.training.learn` writes it.
"""

from __future__ import annotations

from pathlib import Path

import numpy

from .weights import Weights

FILE = Path(__file__).with_name("adapter.npz")
LINEAR_LAYERS = ("q", "k", "v", "ao", "fi", "fo")
"""Linear layers of a transformer layer, as the weight file names them: query, key, value, attention output, feed-forward in and out."""
LAYER_NORMS = tuple(f"{norm}.{part}" for norm in ("aln", "oln") for part in "wb")


def apply(weights: Weights, path: Path = FILE) -> numpy.ndarray:
    """Adds the adapter to `weights`. Returns the projection of token vectors as one vector: the mean of the questions' tokens, the
    mean of the passages' tokens, and the rows of the matrix."""
    with numpy.load(path) as adapter:
        for layer in range(weights.shape.layers):
            prefix = f"l{layer}."
            for name in LINEAR_LAYERS:
                low, high = (adapter[f"{name}.{part}"][layer].astype(numpy.float32) for part in ("low", "high"))
                difference = high @ low
                weights.tensors[f"{prefix}{name}.w"] = weights.dense(f"{prefix}{name}.w").reshape(difference.shape) + difference
            for name in LAYER_NORMS:
                weights.tensors[f"{prefix}{name}"] = weights.dense(f"{prefix}{name}") + adapter[name][layer].astype(numpy.float32)
        parts = [adapter[name].astype("<f4").ravel() for name in ("questions.mean", "passages.mean", "projection")]
    return numpy.concatenate(parts)
