"""Trains the cross-attention over token vectors (`../cross.py`): which sentence of a passage answers, and whether one does.

`python -m embedding.training.cross MODEL --manuals FOLDER [--out cross_attention.npz]` in `local/`, with the packages of
`embedding.training.learn`; MODEL is the folder of the converted model, whose token vectors are read. On two cores it takes about forty
minutes and 8 GB. Each question is paired with the passage that answers it, and with a similar one of the same site. The loss is the
cross entropy of the sentences that answer, or of none. One site in twelve is held out for evaluation.
"""

from __future__ import annotations

import argparse
import random
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy
import onnxruntime
import optax
from tokenizers import Tokenizer

from .. import cross
from . import attention, questions
from .text import sentences, without_diacritics

BATCH_SIZE, EPOCHS, LEARNING_RATE, WEIGHT_DECAY, DROPOUT, SEED = 48, 3, 1e-3, 0.01, 0.1, 1
"""Questions per batch, epochs, learning rate, weight decay, dropout, random seed."""
QUESTION_TOKENS, PASSAGE_TOKENS, MAX_SENTENCES = 32, 160, 24
"""Most tokens of a question and of a passage, and most sentences of a passage."""
NEAR_SHARE, NEAR_PASSAGES = 0.7, 6
"""How often the other passage is one of this many nearest to the question; else it is any passage of the site."""
HELD_OUT_INTERVAL = 12
PREFIX_TOKENS = {"query: ": 4, "passage: ": 3}
"""Number of tokens before a text's own."""


@dataclass
class Text:
    """Token vectors, the number of each token's sentence, and the vector of the whole text."""

    tokens: numpy.ndarray
    place: numpy.ndarray
    vector: numpy.ndarray


@dataclass
class Case:
    """A question (its number), the passages that answer it with the answering sentences (or one that does not answer), and its site."""

    question: int
    passages: list[tuple[int, frozenset[int]]]
    site: str


class Model:
    """The converted model."""

    def __init__(self, folder: Path):
        options = onnxruntime.SessionOptions()
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(512)
        numbers = numpy.fromfile(folder / "projection.f32", "<f4")
        hidden = self.session.get_outputs()[0].shape[-1]
        self.means = {"query: ": numbers[:hidden], "passage: ": numbers[hidden : 2 * hidden]}
        self.projection = numbers[2 * hidden :].reshape(-1, hidden)

    def texts(self, prefix: str, texts: list[str], batch: int = 24) -> list[Text]:
        """Embeds texts with the quantisation of service: 4 bits per component for passages, 8 for questions."""
        encodings = [self.tokenizer.encode(prefix + unicodedata.normalize("NFC", text)) for text in texts]
        order = sorted(range(len(texts)), key=lambda at: len(encodings[at].ids))
        embedded: list[Text | None] = [None] * len(texts)
        for start in range(0, len(order), batch):
            group = order[start : start + batch]
            width = max(len(encodings[at].ids) for at in group)
            ids, mask = numpy.ones((len(group), width), numpy.int64), numpy.zeros((len(group), width), numpy.int64)
            for row, at in enumerate(group):
                ids[row, : len(encodings[at].ids)], mask[row, : len(encodings[at].ids)] = encodings[at].ids, 1
            hidden = self.session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
            for row, at in enumerate(group):
                seen = hidden[row, : len(encodings[at].ids)]
                small = (seen[PREFIX_TOKENS[prefix] : -1] - self.means[prefix]) @ self.projection.T
                small /= numpy.maximum(numpy.linalg.norm(small, axis=1, keepdims=True), 1e-9)
                mean = seen.mean(0)
                place = _sentence_numbers(texts[at], encodings[at].offsets, prefix)[PREFIX_TOKENS[prefix] : -1] if prefix == "passage: " else numpy.zeros(0)
                embedded[at] = Text(_quantised(small, prefix), place, (mean / numpy.linalg.norm(mean)).astype(numpy.float32))
        return embedded


def _quantised(small: numpy.ndarray, prefix: str) -> numpy.ndarray:
    if prefix == "query: ":
        return numpy.round(small * 127).astype(numpy.int8)
    step = 2.7 / numpy.sqrt(small.shape[1]) / 7
    return numpy.clip(numpy.round(small / step), -8, 7).astype(numpy.int8)


def _sentence_numbers(text: str, offsets: list[tuple[int, int]], prefix: str) -> numpy.ndarray:
    spans = sentences(unicodedata.normalize("NFC", text))
    place = numpy.zeros(len(offsets), numpy.int32)
    for number, (start, end) in enumerate(spans[:MAX_SENTENCES], 1):
        inside = [at for at, (first, last) in enumerate(offsets) if last > first and last > start + len(prefix) and first < end + len(prefix)]
        place[inside] = number
    place[place == 0] = min(len(spans), MAX_SENTENCES) + 1
    return place


def gather(passages: list[questions.Passage]) -> tuple[list[str], list[str], list[Case]]:
    """Texts of passages and questions, and the cases. A passage's number is twice its index, plus one for the second language."""
    passage_texts, question_texts, cases = [], [], []
    for passage in passages:
        numbers = {language: len(passage_texts) + at for at, language in enumerate(passage.texts)}
        passage_texts += passage.texts.values()
        for language in ("vi", "en"):
            for question in passage.questions[language]:
                answered = [(numbers[of], sentences) for of, sentences in question.answers.items()]
                for text in dict.fromkeys([question.text, *([without_diacritics(question.text)] if language == "vi" else [])]):
                    if answered:
                        cases.append(Case(len(question_texts), answered, passage.site))
                        question_texts.append(text)
            for text in passage.unanswered.get(language, []):
                cases.append(Case(len(question_texts), [(number, frozenset()) for number in numbers.values()], passage.site))
                question_texts.append(text)
    return passage_texts, question_texts, cases


def padded(texts: list[Text], width: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Token vectors `[texts, width, dimensions]` in bytes, and the sentence number of each token (1 for questions)."""
    vectors = numpy.zeros((len(texts), width, texts[0].tokens.shape[1]), numpy.int8)
    place = numpy.zeros((len(texts), width), numpy.int32)
    for row, text in enumerate(texts):
        many = min(width, len(text.tokens))
        vectors[row, :many] = text.tokens[:many]
        place[row, :many] = text.place[:many] if len(text.place) else 1
    return vectors, place


def scores(learnt: dict, question, question_mask, passage, place, drop=lambda x: x):
    """The score that no sentence of a passage answers, and the score of each sentence, `[pairs, 1 + MAX_SENTENCES]`."""
    question, passage = question / 127.0, passage.astype(jnp.float32)
    passage = passage / jnp.sqrt((passage**2).sum(-1, keepdims=True) + 1e-6)
    cosines = jnp.where((question_mask > 0)[:, :, None], jnp.einsum("bqd,bpd->bqp", question, passage), 0.0)
    inside = place[:, None, :] == jnp.arange(1, MAX_SENTENCES + 1)[None, :, None]
    best = jnp.where(inside[:, None], cosines[:, :, None, :], attention.NOWHERE).max(-1)
    late = (jnp.where(inside.any(-1)[:, None], best, 0.0) * (question_mask > 0)[:, :, None]).sum(1) / question_mask.sum(1)[:, None]
    late = jnp.einsum("bsp,bs->bp", inside.astype(jnp.float32), late)
    numbers, none = attention.read(learnt, question, question_mask, passage, place, late, drop)
    return jnp.concatenate([none[:, None], attention.sentences(numbers, place, MAX_SENTENCES)], 1)


def loss(learnt: dict, key, answers, *inputs):
    """Cross entropy of the right sentences, or of none."""

    def drop(x):
        nonlocal key
        key, own = jax.random.split(key)
        return jnp.where(jax.random.bernoulli(own, 1 - DROPOUT, x.shape), x / (1 - DROPOUT), 0.0)

    found = scores(learnt, *inputs, drop)
    shares = jax.nn.log_softmax(found, 1)
    right = (answers > 0) & (found > attention.NOWHERE / 2)
    known = right.any(1)
    wrong = -jax.nn.logsumexp(jnp.where(right, shares, attention.NOWHERE), 1)
    return jnp.where(known, wrong, 0.0).sum() / known.sum()


class Data:
    """Cases with their vectors, in batches."""

    def __init__(self, passages: list[Text], questions: list[Text], cases: list[Case], rng: random.Random):
        self.passages, self.questions, self.cases, self.rng = passages, questions, cases, rng
        self.question_vectors, self.question_places = padded(self.questions, QUESTION_TOKENS)
        self.passage_vectors, self.passage_places = padded(self.passages, PASSAGE_TOKENS)
        of_site: dict[str, set[int]] = {}
        for case in cases:
            of_site.setdefault(case.site, set()).update(passage for passage, _ in case.passages)
        self.of_site = {site: numpy.array(sorted(numbers)) for site, numbers in of_site.items()}
        self.vectors = numpy.stack([text.vector for text in self.passages])

    def other(self, case: Case, shown: int) -> int | None:
        """A passage of the same site that does not answer; usually one that is near the question."""
        own = {passage for passage, _ in case.passages}
        others = numpy.array([number for number in self.of_site[case.site] if number not in own and (number - shown) % 2 == 0])
        if not len(others):
            return None
        if self.rng.random() < NEAR_SHARE:
            near = self.vectors[others] @ self.questions[case.question].vector
            others = others[numpy.argsort(-near)[:NEAR_PASSAGES]]
        return int(self.rng.choice(list(others)))

    def batch(self, cases: list[Case]):
        """Answers `[pairs, 1 + MAX_SENTENCES]` and the inputs of `scores`. Each case gives two pairs: with an answering passage and without."""
        pairs = []
        for case in cases:
            shown, right = self.rng.choice(case.passages)
            other = self.other(case, shown)
            pairs.append((case.question, shown, {at + 1 for at in right if at < MAX_SENTENCES} or ({0} if not right else set())))
            pairs.append((case.question, shown if other is None else other, {0} if other is not None else set()))
        answers = numpy.zeros((len(pairs), 1 + MAX_SENTENCES), numpy.float32)
        for row, (_, _, right) in enumerate(pairs):
            answers[row, sorted(right)] = 1
        question_ids, passage_ids = ([pair[at] for pair in pairs] for at in (0, 1))
        return answers, self.question_vectors[question_ids], self.question_places[question_ids], self.passage_vectors[passage_ids], self.passage_places[passage_ids]


def measure(learnt: dict, data: Data, cases: list[Case]) -> dict[str, float]:
    """How often a right sentence ranks first in an answering passage, and how often an answering passage ranks above another one of
    its site."""
    run, first, above = jax.jit(scores), [], []
    for start in range(0, len(cases) - BATCH_SIZE + 1, BATCH_SIZE):
        answers, *inputs = data.batch(cases[start : start + BATCH_SIZE])
        found = numpy.asarray(run(learnt, *inputs))
        best = found[:, 1:].argmax(1) + 1
        odds = numpy.logaddexp.reduce(found[:, 1:], axis=1) - found[:, 0]
        for row in range(0, len(found), 2):
            if answers[row, 1:].any():
                first.append(answers[row, best[row]])
                above.append(odds[row] > odds[row + 1])
    return {"right sentence": float(numpy.mean(first)), "above another passage": float(numpy.mean(above))}


def save(learnt: dict, path: Path) -> None:
    """Writes the weights in 16-bit floats."""
    flat = {}
    for name, values in learnt.items():
        flat |= {f"{name}.{part}": own for part, own in values.items()} if isinstance(values, dict) else {name: values}
    numpy.savez_compressed(path, **{name: numpy.asarray(values, numpy.float16) for name, values in flat.items()})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m embedding.training.cross")
    parser.add_argument("model", type=Path, help="folder of the converted model")
    parser.add_argument("--manuals", type=Path, help="folder with the unpacked packages of manuals.py")
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--out", type=Path, default=cross.FILE)
    arguments = parser.parse_args()
    began = time.monotonic()

    def log(*words) -> None:
        print(f"{time.monotonic() - began:.0f} s:", *words, flush=True)

    model = Model(arguments.model)
    passage_texts, question_texts, cases = gather(questions.read(arguments.manuals))
    log(f"{len(passage_texts)} passages, {len(question_texts)} questions")
    rng = random.Random(SEED)
    data = Data(model.texts("passage: ", passage_texts), model.texts("query: ", question_texts), cases, rng)
    log("embedded")
    sites = sorted({case.site for case in cases})
    held_out_sites = {site for number, site in enumerate(sites) if number % HELD_OUT_INTERVAL == 0}
    training_cases = [case for case in cases if case.site not in held_out_sites]
    held_out_cases = [case for case in cases if case.site in held_out_sites]
    rng.shuffle(held_out_cases)

    learnt = attention.parameters(model.projection.shape[0], SEED)
    steps = int(arguments.epochs * len(training_cases) / BATCH_SIZE)
    rate = optax.warmup_cosine_decay_schedule(0, LEARNING_RATE, 100, steps, LEARNING_RATE / 20)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=WEIGHT_DECAY))
    state, key = optimizer.init(learnt), jax.random.PRNGKey(SEED)

    @jax.jit
    def step(learnt, state, key, *batch):
        key, own = jax.random.split(key)
        wrong, slope = jax.value_and_grad(loss)(learnt, own, *batch)
        change, state = optimizer.update(slope, state, learnt)
        return optax.apply_updates(learnt, change), state, key, wrong

    waiting: list[Case] = []
    recent = []
    for number in range(1, steps + 1):
        if len(waiting) < BATCH_SIZE:
            waiting = rng.sample(training_cases, len(training_cases))
        batch, waiting = waiting[:BATCH_SIZE], waiting[BATCH_SIZE:]
        learnt, state, key, wrong = step(learnt, state, key, *data.batch(batch))
        recent.append(float(wrong))
        if number % 100 == 0 or number == steps:
            log(f"step {number} of {steps}, loss {numpy.mean(recent[-100:]):.3f}")
        if number % 500 == 0 or number == steps:
            save(learnt, arguments.out)
            log(f"sites that were left out ({len(held_out_cases)} questions): {measure(learnt, data, held_out_cases[:960])}")


if __name__ == "__main__":
    main()
