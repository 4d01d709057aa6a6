"""Cross-attention over token vectors in JAX, for training; `..cross` builds the same as an ONNX graph, for service."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy

from ..cross import BLOCKS, HEADS, INNER, NONE, PRODUCT, SMALL, WEIGHTED, WIDTH

NOWHERE = -1e9


def parameters(dimensions: int, seed: int) -> dict:
    """Initial weights."""
    keys = iter(jax.random.split(jax.random.PRNGKey(seed), 64))

    def layer(inputs: int, outputs: int, scale: float = 1.0) -> dict:
        return {"weight": scale * jax.random.normal(next(keys), (inputs, outputs)) / numpy.sqrt(inputs), "bias": jnp.zeros(outputs)}

    learnt = {
        "importance": layer(dimensions, INNER),
        "importance.out": layer(INNER, 1, 0.1),
        "sharpness": jnp.array([2.5]),
        "question": layer(dimensions, WIDTH),
        "passage": layer(4 * dimensions + 5, WIDTH),
        "token": layer(WIDTH, INNER),
        "token.out": layer(INNER, 2, 0.1),
        "none": layer(2 * WIDTH + 3, INNER),
        "none.out": layer(INNER, 1, 0.1),
    }
    for block in range(BLOCKS):
        for name in ("query", "key", "value"):
            learnt[f"block{block}.{name}"] = layer(WIDTH, WIDTH)
        learnt[f"block{block}.out"] = layer(WIDTH, WIDTH, 0.3)
        learnt[f"block{block}.up"] = layer(WIDTH, 2 * WIDTH)
        learnt[f"block{block}.down"] = layer(2 * WIDTH, WIDTH, 0.3)
        learnt[f"block{block}.same"] = jnp.ones(1)
    return learnt


def read(learnt: dict, question, question_mask, passage, place, late, drop=lambda x: x):
    """Two outputs for each token of the passage `[pairs, tokens, 2]`, and the score that none of its sentences answers `[pairs]`.

    `question` and `passage` are token vectors `[pairs, tokens, dimensions]`, `question_mask` is 1 for the question's tokens, `place` the number
    of each passage token's sentence from 1, or 0 for padding, `late` the late interaction of that sentence.
    """

    def layer(name: str, x):
        return x @ learnt[name]["weight"] + learnt[name]["bias"]

    question_mask, passage_mask = question_mask > 0, place > 0
    cosines = jnp.einsum("bqd,bpd->bqp", question, passage)
    cosines = jnp.where(question_mask[:, :, None] & passage_mask[:, None, :], cosines, -1.0)
    counts = jax.nn.softmax(jnp.where(question_mask, layer("importance.out", jnp.tanh(layer("importance", question)))[..., 0], NOWHERE), -1)
    chosen = jax.nn.softmax(jnp.where(question_mask[:, :, None], cosines * jnp.exp(learnt["sharpness"]), NOWHERE), 1)
    alike = jnp.einsum("bqp,bqd->bpd", chosen, question)
    mean = jnp.einsum("bq,bqd->bd", counts, question)[:, None]
    best, weighted = cosines.max(1), (cosines * counts[..., None]).sum(1)
    numbers = jnp.stack([best, WEIGHTED * weighted, (passage * mean).sum(-1), best * best, late], -1)
    known = jnp.concatenate([passage, alike, PRODUCT * passage * alike, PRODUCT * passage * mean, numbers], -1)
    together = jnp.concatenate([layer("question", question), layer("passage", drop(known))], 1)
    mask = jnp.concatenate([question_mask, passage_mask], 1)
    where = jnp.concatenate([jnp.zeros_like(question_mask, place.dtype), place], 1)
    same = where[:, :, None] == where[:, None, :]
    pairs, tokens, width = together.shape
    for block in range(BLOCKS):
        before = _normalised(together)
        query, key, value = (layer(f"block{block}.{name}", before).reshape(pairs, tokens, HEADS, -1) for name in ("query", "key", "value"))
        scores = jnp.einsum("bihd,bjhd->bhij", query, key) / numpy.sqrt(width // HEADS)
        scores = scores + jnp.where(same, learnt[f"block{block}.same"][0], 0.0)[:, None]
        shares = jax.nn.softmax(jnp.where(mask[:, None, None], scores, NOWHERE), -1)
        attended = jnp.einsum("bhij,bjhd->bihd", shares, value).reshape(pairs, tokens, width)
        together = together + drop(layer(f"block{block}.out", attended))
        together = together + drop(layer(f"block{block}.down", jax.nn.gelu(layer(f"block{block}.up", _normalised(together)), approximate=False)))
    seen = _normalised(together)[:, question.shape[1] :]
    numbers = layer("token.out", jax.nn.gelu(layer("token", seen), approximate=False))
    highest = jnp.where(passage_mask[..., None], seen, NOWHERE).max(1)
    average = (seen * passage_mask[..., None]).sum(1) / passage_mask.sum(1)[:, None]
    attended = cosines.max(-1)
    whole = jnp.stack([(attended * counts).sum(-1), (attended * question_mask).sum(-1) / question_mask.sum(-1), jnp.where(question_mask, attended, 1.0).min(-1)], -1)
    none = layer("none.out", jax.nn.gelu(layer("none", jnp.concatenate([highest, average, whole], -1)), approximate=False))
    return numbers, NONE + none[..., 0]


def sentences(numbers, place, count: int):
    """The score of each of the sentences 1 to `count`, `[pairs, count]`: the mean of its tokens' first outputs plus the maximum of
    their second outputs."""
    inside = place[:, None, :] == jnp.arange(1, count + 1)[None, :, None]
    mean = (inside * numbers[:, None, :, 0]).sum(-1) / jnp.maximum(inside.sum(-1), 1)
    highest = jnp.where(inside, numbers[:, None, :, 1], NOWHERE).max(-1)
    return jnp.where(inside.any(-1), mean + highest, NOWHERE)


def _normalised(x):
    x = x - x.mean(-1, keepdims=True)
    return x / jnp.sqrt((x * x).mean(-1, keepdims=True) + SMALL)
