"""Fits the weights of the reader (`workers/stages/src/generator/reader/reader.json`): which sentence of the passages
answers, and how likely an answer is right.

`python -m reader.learn [--work FOLDER]` in `local/`, with numpy and tokenizers (`.local/python` has them), after
`cargo build --release`. It makes pages of the invented sites (`pages`), indexes them with `hoidap-index`, lets `hoidap-worker features`
compute the features of every sentence, and fits the weights. Two more indices lack every second page and every second site: half of
the questions have no answer there, from which the confidence is learnt. One site in four is held out for evaluation.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import tempfile
import unicodedata
from pathlib import Path

import numpy

from . import fit, pages

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "workers" / "stages" / "src" / "generator" / "reader" / "reader.json"
COLLECTION_WEIGHTS = {"": 1.0, "half": 0.9, "other": 0.9}
"""The folder of a collection's pages, and the weight of its questions in the fit of the confidence. Visitors mostly ask what the pages
answer, so collections that lack pages weigh less, and get only every third question."""
COLLECTIONS = {f"{part}-{language}".lstrip("-"): f"{part}/{language}".lstrip("/") for part in COLLECTION_WEIGHTS for language in ("vi", "en")}
QUESTION_SETS = [
    (f"{part}-{language}".lstrip("-"), kind + ("-third" if part else ""))
    for part in COLLECTION_WEIGHTS
    for language, kind in (("vi", "vi"), ("vi", "bare"), ("en", "en"), ("en", "over"))
]
"""The collection and the question set of each run."""
UNANSWERABLE_SETS = [("vi", "none-vi"), ("vi", "none-bare"), ("en", "none-en")]
"""Plausible questions that the site does not answer."""
ALL_SETS = [*QUESTION_SETS, *UNANSWERABLE_SETS, ("vi", "unrelated-vi"), ("en", "unrelated-en")]
UNRELATED = ROOT / "indices" / "questions" / "unrelated.jsonl"
"""Questions that no site answers."""
CROSS_ATTENTION_FEATURES = ("answers", "answers_unknown")
TOKEN_FEATURES = (*CROSS_ATTENTION_FEATURES, "late", "late_in_place", "late_of_passage", "late_beside")
FIXED_WEIGHTS = {"own_language": 1.5, "own_page": 0.5, "question": -2.0, "other_product": -5.0, "summary": -5.0, "before": 2.0}
"""Weights that cannot be learnt from the sites: their pages have one language, no visitor is on a page, and no page asks a question."""
MIN_WEIGHTS = {"passage": 9.0, "first_passage": 0.5}
"""Minimum weights of the retriever's scores. The sites have few pages, and most of their questions are written to be hard. On larger sites
the first passage is right more often than in this fit (docs/research/training.md, "The reader")."""
RIDGE = 1e-2
CONFIDENCE_INPUTS = ("support", "support_across", "chance", "score", "answers", "own_language")
"""The inputs of the confidence: support and chance as log odds, the score of the softmax, and the log odds that a sentence of the
passage answers."""
NON_NEGATIVE = numpy.array([name != "own_language" for name in CONFIDENCE_INPUTS])
"""Inputs whose weight must not be negative; a negative one is set to 0."""
OUT_OF_SCOPE_WEIGHT = -1.8
"""The weight of a question whose words are out of scope. Matching documents outweigh it. It cannot be learnt from the invented sites."""
MAX_CHANCE = 0.999
MAX_LOG_ODDS = 8.0
"""Log odds are clipped to this."""
SUFFICIENT_CHANCE, MIN_RELATIVE_CHANCE, MAX_SENTENCES, MAX_SCATTERED_SENTENCES, MAX_QUOTED_WORDS = 0.85, 0.03, 5, 2, 70
"""Limits of the quoted sentences, as in `extractive.rs`."""
HELD_OUT_INTERVAL = 4
"""One site in this many is held out."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m reader.learn")
    parser.add_argument("--work", type=Path, help="folder for pages, indices and features; default: a temporary one")
    parser.add_argument("--features", action="store_true", help="use the features that are in the folder")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (arguments.work or Path(temporary)).resolve()
        if not arguments.features:
            prepare(work)
        arguments.out.write_text(json.dumps(learn(work), indent=2) + "\n", encoding="utf-8")


def prepare(work: Path) -> None:
    """Writes pages, indices and features."""
    print(pages.write(work), flush=True)
    for name, folder in COLLECTIONS.items():
        _run(work, name, "hoidap-index", "build", "--collection", name, "--locale", name[-2:], "--root", str(work), str(work / folder))
    unrelated = [json.loads(line) for line in UNRELATED.read_text(encoding="utf-8").splitlines()]
    for language in ("vi", "en"):
        language_questions = [question | {"id": f"0-{question['id']}"} for question in unrelated if question["locale"] == language]
        lines = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in language_questions)
        (work / f"unrelated-{language}.jsonl").write_text(lines, encoding="utf-8")
    for collection, kind in ALL_SETS:
        files = ["--questions", str(work / f"{kind}.jsonl"), "--out", str(work / f"{collection}-{kind}.features")]
        _run(work, collection, "hoidap-worker", "features", *files)


def _run(work: Path, collection: str, tool: str, *arguments: str) -> None:
    settings = {"HOIDAP_INDICES__DIR": str(work / "indices" / collection), "HOIDAP_GENERATOR__PROVIDERS": "extractive"}
    print(tool, *arguments, flush=True)
    subprocess.run([ROOT / "target" / "release" / tool, *arguments], env=os.environ | settings, check=True)


class Case:
    """A question over a collection: a row of features for each segment, and the mask of the segments that answer."""

    def __init__(self, line: dict, sample_weight: float) -> None:
        self.sample_weight = sample_weight
        segments = [segment for segment in line["units"] if not segment["label"]]
        self.site = int(line["id"].split("-")[0])
        self.names = line["names"]
        self.support, self.out_of_scope = line["support"], line["out_of_scope"]
        self.rows = numpy.array([segment["features"] for segment in segments], float).reshape(len(segments), len(self.names))
        answers = line["answer_contains"]
        correct = [segment["gold"] and any(_contains_answer(segment["raw"], answer) for answer in answers) for segment in segments]
        self.correct = numpy.array(correct, bool)
        self.passage_odds = self._passage_odds(line["units"])
        self.sources = [segment["source"] for segment in segments]
        self.words = [len(segment["raw"].split()) for segment in segments]

    def _passage_odds(self, segments: list[dict]) -> list[float]:
        """For each segment, the log odds that a sentence of its passage answers. Labels count as sentences, as in `passage_set.rs`."""
        column, unknown = self.names.index("answers"), self.names.index("answers_unknown")
        odds: dict[int, float] = {}
        for segment in segments:
            if not segment["features"][unknown]:
                odds[segment["passage"]] = odds.get(segment["passage"], 0.0) + float(numpy.exp(segment["features"][column]))
        segment_odds = [odds.get(segment["passage"]) for segment in segments if not segment["label"]]
        return [0.0 if value is None else float(numpy.clip(numpy.log(value), -MAX_LOG_ODDS, MAX_LOG_ODDS)) for value in segment_odds]

    def quoted(self, weights: numpy.ndarray) -> tuple[list[int], float]:
        """The indices of the quoted segments, and the sum of their chances."""
        scores = self.rows @ weights
        probabilities = fit.softmax(scores)
        order = numpy.argsort(-scores, kind="stable")
        chosen, chance, words = [order[0]], probabilities[order[0]], self.words[order[0]]
        for index in order[1:]:
            if chance >= SUFFICIENT_CHANCE or len(chosen) == MAX_SENTENCES or probabilities[index] < MIN_RELATIVE_CHANCE * probabilities[order[0]]:
                break
            adjacent = len(chosen) < MAX_SCATTERED_SENTENCES or any(abs(index - other) == 1 for other in chosen)
            if adjacent and self.sources[index] == self.sources[order[0]] and words + self.words[index] <= MAX_QUOTED_WORDS:
                chosen, chance, words = [*chosen, index], chance + probabilities[index], words + self.words[index]
        return chosen, float(chance)

    def confidence_inputs(self, weights: numpy.ndarray) -> tuple[list[float], bool]:
        """The inputs of the confidence, and whether a quoted segment answers."""
        chosen, chance = self.quoted(weights)
        features = dict(zip(self.names, self.rows[chosen[0]]))
        score = float(self.rows[chosen[0]] @ weights)
        own_language = features["own_language"]
        support = [own_language * _log_odds(self.support), (1 - own_language) * _log_odds(self.support)]
        inputs = [*support, _log_odds(chance), score, self.passage_odds[chosen[0]], own_language]
        return inputs, bool(self.correct[chosen].any())


def learn(work: Path) -> dict:
    """Fits the weights, each with three sets of features, and measures those with all features on the held-out sites."""
    cases = {}
    for collection, kind in ALL_SETS:
        sample_weight = COLLECTION_WEIGHTS.get(collection.split("-")[0], COLLECTION_WEIGHTS[""])
        cases[collection, kind] = _read_cases(work / f"{collection}-{kind}.features", sample_weight)
    names = next(iter(cases.values()))[0].names
    training_cases = [
        case
        for (_, kind), set_cases in cases.items()
        for case in set_cases
        if case.site % HELD_OUT_INTERVAL or kind.startswith("unrelated")
    ]
    excluded_features = {"read": (), "met": CROSS_ATTENTION_FEATURES, "words": TOKEN_FEATURES}
    models = {kind: _fit_model(training_cases, names, excluded) for kind, excluded in excluded_features.items()}
    weights, confidence = models["read"]
    figures = {}
    for (collection, kind), set_cases in cases.items():
        held_out = [case for case in set_cases if case.site % HELD_OUT_INTERVAL == 0]
        for label, group in (("learnt", [case for case in set_cases if case.site % HELD_OUT_INTERVAL]), ("left out", held_out)):
            if not group:
                continue
            inputs, correct = _confidence_inputs(group, weights)
            chance = 1 / (1 + numpy.exp(-(inputs @ confidence[:-1] + confidence[-1])))
            first = numpy.mean([case.correct[numpy.argmax(case.rows @ weights)] for case in group])
            figures[f"{kind} over {collection}, {label}"] = {
                "questions": len(group), "first": round(float(first), 3), "quoted": round(float(correct.mean()), 3),
                "confidence": round(float(chance.mean()), 3), "calibration_error": round(fit.calibration_error(chance, correct), 3),
            }
    for name, figure in figures.items():
        print(f"{name}: {figure}", flush=True)
    return {kind: _as_json(names, *model) for kind, model in models.items()} | {"figures": figures}


def _fit_model(cases: list[Case], names: list[str], excluded: tuple[str, ...]) -> tuple[numpy.ndarray, numpy.ndarray]:
    used = numpy.array([name not in excluded and name not in FIXED_WEIGHTS for name in names])
    weights = fit.fit_softmax([(case.rows * used, case.correct) for case in cases], RIDGE)
    weights = numpy.array([FIXED_WEIGHTS.get(name, max(weight, MIN_WEIGHTS.get(name, weight))) for name, weight in zip(names, weights)])
    # A higher weight of words across languages must not rank another language above the visitor's own.
    index = names.index
    weights[index("own_language")] += max(0.0, weights[index("words_across")] - weights[index("words")])
    inputs, correct = _confidence_inputs(cases, weights)
    allowed = numpy.array([name not in excluded for name in CONFIDENCE_INPUTS])
    sample_weights = numpy.array([case.sample_weight for case in cases if len(case.rows)])
    confidence = fit.fit_logistic(inputs * allowed, correct, sample_weights)
    while numpy.any(negative := allowed & NON_NEGATIVE & (confidence[:-1] < 0)):
        allowed = allowed & ~negative
        confidence = fit.fit_logistic(inputs * allowed, correct, sample_weights)
    return weights, confidence


def _as_json(names: list[str], weights: numpy.ndarray, confidence: numpy.ndarray) -> dict:
    rounded = [[round(float(weight), 3) for weight in values] for values in (weights, confidence)]
    confidence_weights = dict(zip((*CONFIDENCE_INPUTS, "bias"), rounded[1])) | {"out_of_scope": OUT_OF_SCOPE_WEIGHT}
    return {"units": dict(zip(names, rounded[0])), "confidence": confidence_weights}


def _confidence_inputs(cases: list[Case], weights: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    inputs, correct = zip(*(case.confidence_inputs(weights) for case in cases if len(case.rows)))
    return numpy.array(inputs), numpy.array(correct, float)


def _read_cases(path: Path, sample_weight: float) -> list[Case]:
    return [Case(json.loads(line), sample_weight) for line in path.read_text(encoding="utf-8").splitlines()]


def _contains_answer(text: str, answer: str) -> bool:
    text, answer = (re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip() for text in (text, answer))
    return answer in text or (len(text.split()) > 1 and text in answer)


def _log_odds(chance: float) -> float:
    chance = min(max(chance, 1 - MAX_CHANCE), MAX_CHANCE)
    return float(numpy.log(chance / (1 - chance)))


if __name__ == "__main__":
    main()
