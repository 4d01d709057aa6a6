"""The encoder of multilingual-e5-small in JAX, with the adapter added to its weights."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy

from ..adapter import LAYER_NORMS, LINEAR_LAYERS
from ..weights import Weights

MATRIX_DTYPE = jnp.bfloat16
"""Matrices are multiplied in 16 bits and accumulated in 32."""
MASKED = -1e9
"""The attention score of padding, and the score of sentences that do not exist."""


def published_parameters(weights: Weights) -> dict:
    """The published weights: the embedding tables, and the weights of all layers, stacked."""
    shape = weights.shape
    hidden, layers = shape.hidden, range(shape.layers)
    positions = weights.dense("emb.pos").reshape(-1, hidden) + weights.dense("emb.type").reshape(-1, hidden)[0]
    names = [f"{name}.{part}" for name in LINEAR_LAYERS for part in "wb"] + list(LAYER_NORMS)
    stacked = {name: jnp.asarray(numpy.stack([weights.dense(f"l{i}.{name}") for i in layers])) for name in names}
    return {
        "words": jnp.asarray(weights.dense("emb.word").reshape(-1, hidden)),
        "positions": jnp.asarray(positions),
        "norm": tuple(jnp.asarray(weights.dense(f"emb.ln.{part}")) for part in "wb"),
        "layers": stacked,
    }


def initial_adapter(weights: Weights, rank: int, seed: int) -> dict:
    """An initial adapter, which does not change the encoder yet."""
    rng = numpy.random.default_rng(seed)
    shape, adapter = weights.shape, {}
    for name in LINEAR_LAYERS:
        rows, columns = weights.dense(f"l0.{name}.w").reshape(-1, shape.inner if name == "fo" else shape.hidden).shape
        low = rng.normal(0, 1 / math.sqrt(columns), (shape.layers, rank, columns))
        adapter[f"{name}.low"] = jnp.asarray(low, jnp.float32)
        adapter[f"{name}.high"] = jnp.zeros((shape.layers, rows, rank), jnp.float32)
    for name in LAYER_NORMS:
        adapter[name] = jnp.zeros((shape.layers, shape.hidden), jnp.float32)
    return adapter


def encode(published: dict, adapter: dict, ids, mask, heads: int = 12):
    """Token vectors `[texts, tokens, hidden]`; `mask` is 1 for a token and 0 for padding."""
    hidden = _norm(published["words"][ids] + published["positions"][: ids.shape[1]], *published["norm"])
    attention_bias = jnp.where(mask[:, None, None, :] > 0, 0.0, MASKED)
    for layer in range(adapter["q.low"].shape[0]):
        layer_weights = {name: values[layer] for name, values in published["layers"].items()}
        layer_adapter = {name: values[layer] for name, values in adapter.items()}
        hidden = _layer(layer_weights, layer_adapter, hidden, attention_bias, heads)
    return hidden


def _layer(weights: dict, adapter: dict, hidden, attention_bias, heads: int):
    texts, tokens, width = hidden.shape

    def linear(name: str, values):
        difference = _product(_product(values, adapter[f"{name}.low"]), adapter[f"{name}.high"])
        return _product(values, weights[f"{name}.w"].reshape(adapter[f"{name}.high"].shape[0], -1)) + weights[f"{name}.b"] + difference

    def norm(name: str, values):
        return _norm(values, weights[f"{name}.w"] + adapter[f"{name}.w"], weights[f"{name}.b"] + adapter[f"{name}.b"])

    def split(values):
        return values.reshape(texts, tokens, heads, -1).transpose(0, 2, 1, 3)

    query, key, value = (split(linear(name, hidden)) for name in "qkv")
    scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(width / heads) + attention_bias
    attended = (jax.nn.softmax(scores, -1) @ value).transpose(0, 2, 1, 3).reshape(texts, tokens, width)
    hidden = norm("aln", hidden + linear("ao", attended))
    return norm("oln", hidden + linear("fo", jax.nn.gelu(linear("fi", hidden))))


def _product(values, matrix):
    return jnp.einsum("...i,oi->...o", values.astype(MATRIX_DTYPE), matrix.astype(MATRIX_DTYPE), preferred_element_type=jnp.float32)


def _norm(values, scale, shift):
    centred = values - values.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * scale + shift
