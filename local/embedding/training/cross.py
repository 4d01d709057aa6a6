"""Trains the cross-attention over token vectors (`../cross.py`): which sentence of a passage answers, and whether one does.

`python -m embedding.training.cross MODEL --manuals FOLDER [--out cross_attention.npz]` in `local/`, with the packages of
`embedding.training.learn`; MODEL is the folder of the converted model, whose token vectors are read. On two cores it takes about forty
minutes and 8 GB. Each question is paired with the passage that answers it, and with a negative: a similar passage of the same site. The
loss is the cross entropy of the sentences that answer, or of none. One site in twelve is held out for evaluation.
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
"""Maximum tokens of a question and of a passage, and maximum sentences of a passage."""
HARD_NEGATIVE_SHARE, HARD_NEGATIVES = 0.7, 6
"""How often the negative is one of this many passages nearest to the question; otherwise it is any passage of the site."""
HELD_OUT_INTERVAL = 12
PREFIX_TOKENS = {"query: ": 4, "passage: ": 3}
"""Number of tokens before those of the text: the start token and the prefix."""


@dataclass
class Text:
    """Token vectors, the number of each token's sentence, and the vector of the text."""

    tokens: numpy.ndarray
    sentence_numbers: numpy.ndarray
    vector: numpy.ndarray


@dataclass
class Case:
    """The index of a question, the passages that answer it with the answering sentences (no sentences where no passage answers), and its
    site."""

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
        values = numpy.fromfile(folder / "projection.f32", "<f4")
        hidden = self.session.get_outputs()[0].shape[-1]
        self.means = {"query: ": values[:hidden], "passage: ": values[hidden : 2 * hidden]}
        self.projection = values[2 * hidden :].reshape(-1, hidden)

    def embed(self, prefix: str, texts: list[str], batch: int = 24) -> list[Text]:
        """Embeds texts with the quantisation of the index and the search: 4 bits per component for passages, 8 for questions."""
        encodings = [self.tokenizer.encode(prefix + unicodedata.normalize("NFC", text)) for text in texts]
        order = sorted(range(len(texts)), key=lambda index: len(encodings[index].ids))
        embedded: list[Text | None] = [None] * len(texts)
        for start in range(0, len(order), batch):
            group = order[start : start + batch]
            length = max(len(encodings[index].ids) for index in group)
            ids, mask = numpy.ones((len(group), length), numpy.int64), numpy.zeros((len(group), length), numpy.int64)
            for row, index in enumerate(group):
                ids[row, : len(encodings[index].ids)], mask[row, : len(encodings[index].ids)] = encodings[index].ids, 1
            hidden = self.session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
            for row, index in enumerate(group):
                hidden_states = hidden[row, : len(encodings[index].ids)]
                projected = (hidden_states[PREFIX_TOKENS[prefix] : -1] - self.means[prefix]) @ self.projection.T
                projected /= numpy.maximum(numpy.linalg.norm(projected, axis=1, keepdims=True), 1e-9)
                mean = hidden_states.mean(0)
                sentence_numbers = numpy.zeros(0)
                if prefix == "passage: ":
                    sentence_numbers = _sentence_numbers(texts[index], encodings[index].offsets, prefix)[PREFIX_TOKENS[prefix] : -1]
                embedded[index] = Text(_quantised(projected, prefix), sentence_numbers, (mean / numpy.linalg.norm(mean)).astype(numpy.float32))
        return embedded


def _quantised(projected: numpy.ndarray, prefix: str) -> numpy.ndarray:
    if prefix == "query: ":
        return numpy.round(projected * 127).astype(numpy.int8)
    step = 2.7 / numpy.sqrt(projected.shape[1]) / 7
    return numpy.clip(numpy.round(projected / step), -8, 7).astype(numpy.int8)


def _sentence_numbers(text: str, offsets: list[tuple[int, int]], prefix: str) -> numpy.ndarray:
    spans = sentences(unicodedata.normalize("NFC", text))
    sentence_numbers = numpy.zeros(len(offsets), numpy.int32)
    for number, (start, end) in enumerate(spans[:MAX_SENTENCES], 1):
        start, end = start + len(prefix), end + len(prefix)
        sentence_numbers[[index for index, (first, last) in enumerate(offsets) if last > first and last > start and first < end]] = number
    sentence_numbers[sentence_numbers == 0] = min(len(spans), MAX_SENTENCES) + 1
    return sentence_numbers


def collect_cases(passages: list[questions.Passage]) -> tuple[list[str], list[str], list[Case]]:
    """Texts of passages and questions, and the cases, which have indices of these texts. A passage has one text for each of its languages."""
    passage_texts, question_texts, cases = [], [], []
    for passage in passages:
        numbers = {language: len(passage_texts) + offset for offset, language in enumerate(passage.texts)}
        passage_texts += passage.texts.values()
        for language in ("vi", "en"):
            for question in passage.questions[language]:
                answering_passages = [(numbers[text_language], sentences) for text_language, sentences in question.answers.items()]
                for text in dict.fromkeys([question.text, *([without_diacritics(question.text)] if language == "vi" else [])]):
                    if answering_passages:
                        cases.append(Case(len(question_texts), answering_passages, passage.site))
                        question_texts.append(text)
            for text in passage.unanswered.get(language, []):
                cases.append(Case(len(question_texts), [(number, frozenset()) for number in numbers.values()], passage.site))
                question_texts.append(text)
    return passage_texts, question_texts, cases


def pad(texts: list[Text], width: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Token vectors `[texts, width, dimensions]` in bytes, and the sentence number of each token: 1 for questions, 0 for padding."""
    vectors = numpy.zeros((len(texts), width, texts[0].tokens.shape[1]), numpy.int8)
    sentence_numbers = numpy.zeros((len(texts), width), numpy.int32)
    for row, text in enumerate(texts):
        length = min(width, len(text.tokens))
        vectors[row, :length] = text.tokens[:length]
        sentence_numbers[row, :length] = text.sentence_numbers[:length] if len(text.sentence_numbers) else 1
    return vectors, sentence_numbers


def scores(parameters: dict, question, question_mask, passage, sentence_numbers, dropout=lambda x: x):
    """The score that no sentence of a passage answers, and the score of each sentence, `[pairs, 1 + MAX_SENTENCES]`."""
    question, passage = question / 127.0, passage.astype(jnp.float32)
    passage = passage / jnp.sqrt((passage**2).sum(-1, keepdims=True) + 1e-6)
    cosines = jnp.where((question_mask > 0)[:, :, None], jnp.einsum("bqd,bpd->bqp", question, passage), 0.0)
    in_sentence = sentence_numbers[:, None, :] == jnp.arange(1, MAX_SENTENCES + 1)[None, :, None]
    max_cosines = jnp.where(in_sentence[:, None], cosines[:, :, None, :], attention.MASKED).max(-1)
    late = (jnp.where(in_sentence.any(-1)[:, None], max_cosines, 0.0) * (question_mask > 0)[:, :, None]).sum(1) / question_mask.sum(1)[:, None]
    late = jnp.einsum("bsp,bs->bp", in_sentence.astype(jnp.float32), late)
    token_scores, none = attention.forward(parameters, question, question_mask, passage, sentence_numbers, late, dropout)
    return jnp.concatenate([none[:, None], attention.sentence_scores(token_scores, sentence_numbers, MAX_SENTENCES)], 1)


def loss(parameters: dict, key, answers, *inputs):
    """Cross entropy of the answering sentences, or of none."""

    def dropout(x):
        nonlocal key
        key, dropout_key = jax.random.split(key)
        return jnp.where(jax.random.bernoulli(dropout_key, 1 - DROPOUT, x.shape), x / (1 - DROPOUT), 0.0)

    logits = scores(parameters, *inputs, dropout)
    log_probabilities = jax.nn.log_softmax(logits, 1)
    answering = (answers > 0) & (logits > attention.MASKED / 2)
    has_answer = answering.any(1)
    negative_log_likelihood = -jax.nn.logsumexp(jnp.where(answering, log_probabilities, attention.MASKED), 1)
    return jnp.where(has_answer, negative_log_likelihood, 0.0).sum() / has_answer.sum()


class TrainingData:
    """Cases with the vectors of their texts."""

    def __init__(self, passages: list[Text], questions: list[Text], cases: list[Case], rng: random.Random):
        self.passages, self.questions, self.cases, self.rng = passages, questions, cases, rng
        self.question_vectors, self.question_masks = pad(self.questions, QUESTION_TOKENS)
        self.passage_vectors, self.passage_sentences = pad(self.passages, PASSAGE_TOKENS)
        passages_of_site: dict[str, set[int]] = {}
        for case in cases:
            passages_of_site.setdefault(case.site, set()).update(passage for passage, _ in case.passages)
        self.passages_of_site = {site: numpy.array(sorted(numbers)) for site, numbers in passages_of_site.items()}
        self.vectors = numpy.stack([text.vector for text in self.passages])

    def sample_negative(self, case: Case, passage: int) -> int | None:
        """A passage of the same site and language that does not answer; usually one near the question. `None` if there is none."""
        answering_passages = {passage for passage, _ in case.passages}
        site = self.passages_of_site[case.site]
        negatives = numpy.array([number for number in site if number not in answering_passages and (number - passage) % 2 == 0])
        if not len(negatives):
            return None
        if self.rng.random() < HARD_NEGATIVE_SHARE:
            cosines = self.vectors[negatives] @ self.questions[case.question].vector
            negatives = negatives[numpy.argsort(-cosines)[:HARD_NEGATIVES]]
        return int(self.rng.choice(list(negatives)))

    def batch(self, cases: list[Case]):
        """Answers `[pairs, 1 + MAX_SENTENCES]` and the inputs of `scores`. Each case gives two pairs: with an answering passage and with a
        negative."""
        pairs = []
        for case in cases:
            passage, answering = self.rng.choice(case.passages)
            negative = self.sample_negative(case, passage)
            labels = {sentence + 1 for sentence in answering if sentence < MAX_SENTENCES} or ({0} if not answering else set())
            pairs.append((case.question, passage, labels))
            pairs.append((case.question, passage if negative is None else negative, {0} if negative is not None else set()))
        answers = numpy.zeros((len(pairs), 1 + MAX_SENTENCES), numpy.float32)
        for row, (_, _, labels) in enumerate(pairs):
            answers[row, sorted(labels)] = 1
        questions, passages = ([pair[column] for pair in pairs] for column in (0, 1))
        question_inputs = self.question_vectors[questions], self.question_masks[questions]
        return answers, *question_inputs, self.passage_vectors[passages], self.passage_sentences[passages]


def evaluate(parameters: dict, data: TrainingData, cases: list[Case]) -> dict[str, float]:
    """How often an answering sentence ranks first in its passage, and how often an answering passage ranks above a negative."""
    score, first_answers, ranked_above = jax.jit(scores), [], []
    for start in range(0, len(cases) - BATCH_SIZE + 1, BATCH_SIZE):
        answers, *inputs = data.batch(cases[start : start + BATCH_SIZE])
        logits = numpy.asarray(score(parameters, *inputs))
        best = logits[:, 1:].argmax(1) + 1
        log_odds = numpy.logaddexp.reduce(logits[:, 1:], axis=1) - logits[:, 0]
        for row in range(0, len(logits), 2):
            if answers[row, 1:].any():
                first_answers.append(answers[row, best[row]])
                ranked_above.append(log_odds[row] > log_odds[row + 1])
    return {"right sentence": float(numpy.mean(first_answers)), "above another passage": float(numpy.mean(ranked_above))}


def save(parameters: dict, path: Path) -> None:
    """Writes the weights in 16-bit floats."""
    arrays = {}
    for name, values in parameters.items():
        arrays |= {f"{name}.{part}": value for part, value in values.items()} if isinstance(values, dict) else {name: values}
    numpy.savez_compressed(path, **{name: numpy.asarray(values, numpy.float16) for name, values in arrays.items()})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m embedding.training.cross")
    parser.add_argument("model", type=Path, help="folder of the converted model")
    parser.add_argument("--manuals", type=Path, help="folder with the unpacked packages of manuals.py")
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--out", type=Path, default=cross.FILE)
    arguments = parser.parse_args()
    started_at = time.monotonic()

    def log(*words) -> None:
        print(f"{time.monotonic() - started_at:.0f} s:", *words, flush=True)

    model = Model(arguments.model)
    passage_texts, question_texts, cases = collect_cases(questions.read(arguments.manuals))
    log(f"{len(passage_texts)} passages, {len(question_texts)} questions")
    rng = random.Random(SEED)
    data = TrainingData(model.embed("passage: ", passage_texts), model.embed("query: ", question_texts), cases, rng)
    log("embedded")
    sites = sorted({case.site for case in cases})
    held_out_sites = {site for number, site in enumerate(sites) if number % HELD_OUT_INTERVAL == 0}
    training_cases = [case for case in cases if case.site not in held_out_sites]
    held_out_cases = [case for case in cases if case.site in held_out_sites]
    rng.shuffle(held_out_cases)

    parameters = attention.initial_parameters(model.projection.shape[0], SEED)
    steps = int(arguments.epochs * len(training_cases) / BATCH_SIZE)
    learning_rate = optax.warmup_cosine_decay_schedule(0, LEARNING_RATE, 100, steps, LEARNING_RATE / 20)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(learning_rate, weight_decay=WEIGHT_DECAY))
    state, key = optimizer.init(parameters), jax.random.PRNGKey(SEED)

    @jax.jit
    def step(parameters, state, key, *batch):
        key, step_key = jax.random.split(key)
        loss_value, gradient = jax.value_and_grad(loss)(parameters, step_key, *batch)
        updates, state = optimizer.update(gradient, state, parameters)
        return optax.apply_updates(parameters, updates), state, key, loss_value

    queue: list[Case] = []
    recent_losses = []
    for number in range(1, steps + 1):
        if len(queue) < BATCH_SIZE:
            queue = rng.sample(training_cases, len(training_cases))
        batch, queue = queue[:BATCH_SIZE], queue[BATCH_SIZE:]
        parameters, state, key, loss_value = step(parameters, state, key, *data.batch(batch))
        recent_losses.append(float(loss_value))
        if number % 100 == 0 or number == steps:
            log(f"step {number} of {steps}, loss {numpy.mean(recent_losses[-100:]):.3f}")
        if number % 500 == 0 or number == steps:
            save(parameters, arguments.out)
            log(f"sites that were left out ({len(held_out_cases)} questions): {evaluate(parameters, data, held_out_cases[:960])}")


if __name__ == "__main__":
    main()
