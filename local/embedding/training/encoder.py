"""The encoder of multilingual-e5-small in JAX, with the adapter's matrices added to its own."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy

from ..adapter import LINEAR, NORMS
from ..weights import Weights

WIDE = jnp.bfloat16
"""Matrices are multiplied in 16 bits and accumulated in 32."""
NOWHERE = -1e9


def parameters(weights: Weights) -> dict:
    """The published weights: the tables, and the layers' matrices stacked."""
    shape = weights.shape
    hidden, layers = shape.hidden, range(shape.layers)
    position = weights.dense("emb.pos").reshape(-1, hidden) + weights.dense("emb.type").reshape(-1, hidden)[0]
    names = [f"{name}.{part}" for name in LINEAR for part in "wb"] + list(NORMS)
    stacked = {name: jnp.asarray(numpy.stack([weights.dense(f"l{i}.{name}") for i in layers])) for name in names}
    return {
        "words": jnp.asarray(weights.dense("emb.word").reshape(-1, hidden)),
        "positions": jnp.asarray(position),
        "norm": tuple(jnp.asarray(weights.dense(f"emb.ln.{part}")) for part in "wb"),
        "layers": stacked,
    }


def adapter(weights: Weights, rank: int, seed: int) -> dict:
    """An initial adapter that changes nothing."""
    random = numpy.random.default_rng(seed)
    shape, learnt = weights.shape, {}
    for name in LINEAR:
        rows, columns = weights.dense(f"l0.{name}.w").reshape(-1, shape.inner if name == "fo" else shape.hidden).shape
        low = random.normal(0, 1 / math.sqrt(columns), (shape.layers, rank, columns))
        learnt[f"{name}.low"] = jnp.asarray(low, jnp.float32)
        learnt[f"{name}.high"] = jnp.zeros((shape.layers, rows, rank), jnp.float32)
    for name in NORMS:
        learnt[name] = jnp.zeros((shape.layers, shape.hidden), jnp.float32)
    return learnt


def encode(published: dict, learnt: dict, ids, mask, heads: int = 12):
    """Token vectors `[texts, tokens, hidden]`; `mask` is 1 for a token and 0 for padding."""
    hidden = _norm(published["words"][ids] + published["positions"][: ids.shape[1]], *published["norm"])
    hole = jnp.where(mask[:, None, None, :] > 0, 0.0, NOWHERE)
    for layer in range(learnt["q.low"].shape[0]):
        own = {name: values[layer] for name, values in published["layers"].items()}
        added = {name: values[layer] for name, values in learnt.items()}
        hidden = _layer(own, added, hidden, hole, heads)
    return hidden


def _layer(own: dict, added: dict, hidden, hole, heads: int):
    texts, tokens, width = hidden.shape

    def linear(name: str, values):
        change = _product(_product(values, added[f"{name}.low"]), added[f"{name}.high"])
        return _product(values, own[f"{name}.w"].reshape(added[f"{name}.high"].shape[0], -1)) + own[f"{name}.b"] + change

    def norm(name: str, values):
        return _norm(values, own[f"{name}.w"] + added[f"{name}.w"], own[f"{name}.b"] + added[f"{name}.b"])

    def split(values):
        return values.reshape(texts, tokens, heads, -1).transpose(0, 2, 1, 3)

    query, key, value = (split(linear(name, hidden)) for name in "qkv")
    scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(width / heads) + hole
    mixed = (jax.nn.softmax(scores, -1) @ value).transpose(0, 2, 1, 3).reshape(texts, tokens, width)
    hidden = norm("aln", hidden + linear("ao", mixed))
    return norm("oln", hidden + linear("fo", jax.nn.gelu(linear("fi", hidden))))


def _product(values, matrix):
    return jnp.einsum("...i,oi->...o", values.astype(WIDE), matrix.astype(WIDE), preferred_element_type=jnp.float32)


def _norm(values, scale, shift):
    centred = values - values.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * scale + shift
