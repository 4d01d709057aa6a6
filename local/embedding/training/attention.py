"""Cross-attention over token vectors in JAX, for training; `..cross` builds the same as an ONNX graph, for inference."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy

from ..cross import BLOCKS, EPSILON, HEADS, INNER_WIDTH, NONE_BIAS, PRODUCT_SCALE, WEIGHTED_SCALE, WIDTH

MASKED = -1e9
"""The score of padding and of sentences that do not exist."""


def initial_parameters(dimensions: int, seed: int) -> dict:
    """Random initial weights."""
    keys = iter(jax.random.split(jax.random.PRNGKey(seed), 64))

    def linear(inputs: int, outputs: int, scale: float = 1.0) -> dict:
        return {"weight": scale * jax.random.normal(next(keys), (inputs, outputs)) / numpy.sqrt(inputs), "bias": jnp.zeros(outputs)}

    parameters = {
        "importance": linear(dimensions, INNER_WIDTH),
        "importance.out": linear(INNER_WIDTH, 1, 0.1),
        "sharpness": jnp.array([2.5]),
        "question": linear(dimensions, WIDTH),
        "passage": linear(4 * dimensions + 5, WIDTH),
        "token": linear(WIDTH, INNER_WIDTH),
        "token.out": linear(INNER_WIDTH, 2, 0.1),
        "none": linear(2 * WIDTH + 3, INNER_WIDTH),
        "none.out": linear(INNER_WIDTH, 1, 0.1),
    }
    for block in range(BLOCKS):
        for name in ("query", "key", "value"):
            parameters[f"block{block}.{name}"] = linear(WIDTH, WIDTH)
        parameters[f"block{block}.out"] = linear(WIDTH, WIDTH, 0.3)
        parameters[f"block{block}.up"] = linear(WIDTH, 2 * WIDTH)
        parameters[f"block{block}.down"] = linear(2 * WIDTH, WIDTH, 0.3)
        parameters[f"block{block}.same"] = jnp.ones(1)
    return parameters


def forward(parameters: dict, question, question_mask, passage, sentence_numbers, late, dropout=lambda x: x):
    """Two outputs for each token of the passage `[pairs, tokens, 2]`, and the score that none of its sentences answers `[pairs]`.

    `question` and `passage` are token vectors `[pairs, tokens, dimensions]`. `question_mask` is 1 for the question's tokens.
    `sentence_numbers` is the number of each passage token's sentence from 1, or 0 for padding. `late` is the late interaction of that
    sentence.
    """

    def linear(name: str, x):
        return x @ parameters[name]["weight"] + parameters[name]["bias"]

    question_mask, passage_mask = question_mask > 0, sentence_numbers > 0
    cosines = jnp.einsum("bqd,bpd->bqp", question, passage)
    cosines = jnp.where(question_mask[:, :, None] & passage_mask[:, None, :], cosines, -1.0)
    importance = linear("importance.out", jnp.tanh(linear("importance", question)))[..., 0]
    importance = jax.nn.softmax(jnp.where(question_mask, importance, MASKED), -1)
    attention = jax.nn.softmax(jnp.where(question_mask[:, :, None], cosines * jnp.exp(parameters["sharpness"]), MASKED), 1)
    attended_question = jnp.einsum("bqp,bqd->bpd", attention, question)
    question_mean = jnp.einsum("bq,bqd->bd", importance, question)[:, None]
    passage_max_cosines, weighted_cosines = cosines.max(1), (cosines * importance[..., None]).sum(1)
    mean_products = (passage * question_mean).sum(-1)
    squared_cosines = passage_max_cosines * passage_max_cosines
    scalars = [passage_max_cosines, WEIGHTED_SCALE * weighted_cosines, mean_products, squared_cosines, late]
    products = [PRODUCT_SCALE * passage * attended_question, PRODUCT_SCALE * passage * question_mean]
    features = jnp.concatenate([passage, attended_question, *products, jnp.stack(scalars, -1)], -1)
    hidden = jnp.concatenate([linear("question", question), linear("passage", dropout(features))], 1)

    mask = jnp.concatenate([question_mask, passage_mask], 1)
    sentence_numbers = jnp.concatenate([jnp.zeros_like(question_mask, sentence_numbers.dtype), sentence_numbers], 1)
    same_sentence = sentence_numbers[:, :, None] == sentence_numbers[:, None, :]
    pairs, tokens, width = hidden.shape
    for block in range(BLOCKS):
        normalised = _normalise(hidden)
        query, key, value = (linear(f"block{block}.{name}", normalised).reshape(pairs, tokens, HEADS, -1) for name in ("query", "key", "value"))
        scores = jnp.einsum("bihd,bjhd->bhij", query, key) / numpy.sqrt(width // HEADS)
        scores = scores + jnp.where(same_sentence, parameters[f"block{block}.same"][0], 0.0)[:, None]
        attention = jax.nn.softmax(jnp.where(mask[:, None, None], scores, MASKED), -1)
        attended = jnp.einsum("bhij,bjhd->bihd", attention, value).reshape(pairs, tokens, width)
        hidden = hidden + dropout(linear(f"block{block}.out", attended))
        up = jax.nn.gelu(linear(f"block{block}.up", _normalise(hidden)), approximate=False)
        hidden = hidden + dropout(linear(f"block{block}.down", up))

    passage_hidden = _normalise(hidden)[:, question.shape[1] :]
    token_scores = linear("token.out", jax.nn.gelu(linear("token", passage_hidden), approximate=False))
    highest = jnp.where(passage_mask[..., None], passage_hidden, MASKED).max(1)
    average = (passage_hidden * passage_mask[..., None]).sum(1) / passage_mask.sum(1)[:, None]
    question_max_cosines = cosines.max(-1)
    coverage = [
        (question_max_cosines * importance).sum(-1),
        (question_max_cosines * question_mask).sum(-1) / question_mask.sum(-1),
        jnp.where(question_mask, question_max_cosines, 1.0).min(-1),
    ]
    summary = jnp.concatenate([highest, average, jnp.stack(coverage, -1)], -1)
    none = linear("none.out", jax.nn.gelu(linear("none", summary), approximate=False))
    return token_scores, NONE_BIAS + none[..., 0]


def sentence_scores(token_scores, sentence_numbers, count: int):
    """The score of each of the sentences 1 to `count`, `[pairs, count]`: the mean of its tokens' first outputs plus the maximum of
    their second outputs."""
    in_sentence = sentence_numbers[:, None, :] == jnp.arange(1, count + 1)[None, :, None]
    mean = (in_sentence * token_scores[:, None, :, 0]).sum(-1) / jnp.maximum(in_sentence.sum(-1), 1)
    highest = jnp.where(in_sentence, token_scores[:, None, :, 1], MASKED).max(-1)
    return jnp.where(in_sentence.any(-1), mean + highest, MASKED)


def _normalise(x):
    x = x - x.mean(-1, keepdims=True)
    return x / jnp.sqrt((x * x).mean(-1, keepdims=True) + EPSILON)
