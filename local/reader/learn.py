"""Learns the weights of the reader (`workers/src/generator/reader/reader.json`): which sentence of the passages answers, and how likely it is
that an answer is right.

`python -m reader.learn [--work FOLDER]` in `local/`, with numpy and tokenizers (`.local/python` has them), after
`cargo build --release`. It makes pages of the invented sites (`pages`), indexes them with `hoidap-index`, lets `hoidap-worker features`
say what the stages know of every sentence, and fits the weights. Two more indices lack every second page and every second site: half of
the questions have no answer there, and from these it learns when to be unsure. One site in four is left out of the fit and measured.
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
RESULT = ROOT / "workers" / "src" / "generator" / "reader" / "reader.json"
PARTS = {"": 1.0, "half": 0.9, "other": 0.9}
"""Which pages a collection has, and what its questions count in the fit of the confidence: visitors mostly ask what the pages answer, and
of those that lack pages every third question is asked."""
COLLECTIONS = {f"{part}-{language}".lstrip("-"): f"{part}/{language}".lstrip("/") for part in PARTS for language in ("vi", "en")}
SETS = [
    (f"{part}-{language}".lstrip("-"), kind + ("-third" if part else ""))
    for part in PARTS
    for language, kind in (("vi", "vi"), ("vi", "bare"), ("en", "en"), ("en", "over"))
]
"""Which questions are asked over which collection."""
NONE = [("vi", "none-vi"), ("vi", "none-bare"), ("en", "none-en")]
"""Questions that sound as if the site answered them."""
ALL = [*SETS, *NONE, ("vi", "unrelated-vi"), ("en", "unrelated-en")]
UNRELATED = ROOT / "indices" / "questions" / "unrelated.jsonl"
"""Questions that no site answers."""
READ = ("answers", "answers_unknown")
TOKENS = (*READ, "late", "late_in_place", "late_of_passage", "late_beside")
GIVEN = {"own_language": 1.5, "own_page": 0.5, "question": -2.0, "other_product": -5.0, "summary": -5.0, "before": 2.0}
"""Weights of what the sites cannot teach: they have pages of one language, nobody stands on one, and none asks a question."""
RIDGE = 1e-2
SIGNS = ("support", "support_across", "chance", "score", "answers", "own_language")
"""What the confidence rests on; support and chance as log odds, the score as `softmax` has it, and the log odds that a sentence of the
passage answers."""
GROWING = numpy.array([name != "own_language" for name in SIGNS])
"""More of these never makes an answer less sure: where the fit says so, they count nothing."""
OUT_OF_SCOPE = -1.8
"""What being out of scope by its words takes: a site's own documents outweigh it, and the invented sites cannot teach it."""
CERTAIN = 0.999
SURE = 8.0
"""Log odds beyond this count as this."""
ENOUGH, BESIDE, SENTENCES, WORDS = 0.85, 0.15, 3, 70
"""How many sentences are quoted: as in `extractive.rs`."""
HELD_OUT = 4
"""One site in so many is not learnt from."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m reader.learn")
    parser.add_argument("--work", type=Path, help="folder for pages, indices and features; a temporary one when left out")
    parser.add_argument("--features", action="store_true", help="take the features that are in the folder")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (given.work or Path(temporary)).resolve()
        if not given.features:
            prepare(work)
        given.out.write_text(json.dumps(learn(work), indent=2) + "\n", encoding="utf-8")


def prepare(work: Path) -> None:
    """Pages, indices, features."""
    print(pages.write(work), flush=True)
    for name, folder in COLLECTIONS.items():
        _run(work, name, "hoidap-index", "build", "--collection", name, "--locale", name[-2:], "--root", str(work), str(work / folder))
    unrelated = [json.loads(line) for line in UNRELATED.read_text(encoding="utf-8").splitlines()]
    for language in ("vi", "en"):
        asked = [question | {"id": f"0-{question['id']}"} for question in unrelated if question["locale"] == language]
        lines = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in asked)
        (work / f"unrelated-{language}.jsonl").write_text(lines, encoding="utf-8")
    for collection, kind in ALL:
        _run(work, collection, "hoidap-worker", "features", "--questions", str(work / f"{kind}.jsonl"), "--out", str(work / f"{collection}-{kind}.features"))


def _run(work: Path, collection: str, tool: str, *arguments: str) -> None:
    settings = {"HOIDAP_INDICES__DIR": str(work / "indices" / collection), "HOIDAP_GENERATOR__PROVIDERS": "extractive"}
    print(tool, *arguments, flush=True)
    subprocess.run([ROOT / "target" / "release" / tool, *arguments], env=os.environ | settings, check=True)


class Case:
    """A question over a collection: its units as rows, and which of them answer."""

    def __init__(self, line: dict, share: float) -> None:
        self.share = share
        units = [unit for unit in line["units"] if not unit["label"]]
        self.site = int(line["id"].split("-")[0])
        self.names = line["names"]
        self.support, self.out_of_scope = line["support"], line["out_of_scope"]
        self.rows = numpy.array([unit["features"] for unit in units], float).reshape(len(units), len(self.names))
        self.right = numpy.array([unit["gold"] and any(_answers(unit["raw"], answer) for answer in line["answer_contains"]) for unit in units], bool)
        self.answers = self._answers(line["units"])
        self.sources = [unit["source"] for unit in units]
        self.words = [len(unit["raw"].split()) for unit in units]

    def _answers(self, units: list[dict]) -> list[float]:
        """For each unit the log odds that a sentence of its passage answers; labels count as sentences, as in `material.rs`."""
        at, unknown = self.names.index("answers"), self.names.index("answers_unknown")
        odds: dict[int, float] = {}
        for unit in units:
            if not unit["features"][unknown]:
                odds[unit["passage"]] = odds.get(unit["passage"], 0.0) + float(numpy.exp(unit["features"][at]))
        known = [odds.get(unit["passage"]) for unit in units if not unit["label"]]
        return [0.0 if value is None else float(numpy.clip(numpy.log(value), -SURE, SURE)) for value in known]

    def quoted(self, weights: numpy.ndarray) -> tuple[list[int], float]:
        """The units that are quoted, and the sum of their chances."""
        scores = self.rows @ weights
        shares = fit.shares(scores)
        order = numpy.argsort(-scores, kind="stable")
        chosen, chance, words = [order[0]], shares[order[0]], self.words[order[0]]
        for at in order[1:]:
            if chance >= ENOUGH or len(chosen) == SENTENCES or shares[at] < BESIDE * shares[order[0]]:
                break
            if self.sources[at] == self.sources[order[0]] and words + self.words[at] <= WORDS:
                chosen, chance, words = [*chosen, at], chance + shares[at], words + self.words[at]
        return chosen, float(chance)

    def signs(self, weights: numpy.ndarray) -> tuple[list[float], bool]:
        """What the confidence rests on, and whether what is quoted answers."""
        chosen, chance = self.quoted(weights)
        best = dict(zip(self.names, self.rows[chosen[0]]))
        score = float(self.rows[chosen[0]] @ weights)
        own = best["own_language"]
        known = [own * _odds(self.support), (1 - own) * _odds(self.support), _odds(chance), score, self.answers[chosen[0]], own]
        return known, bool(self.right[chosen].any())


def learn(work: Path) -> dict:
    """Both models, with the figures they reach on the sites that were left out."""
    cases = {name: _read(work / f"{name[0]}-{name[1]}.features", PARTS.get(name[0].split("-")[0], PARTS[""])) for name in ALL}
    names = next(iter(cases.values()))[0].names
    taught = [case for (_, kind), several in cases.items() for case in several if case.site % HELD_OUT or kind.startswith("unrelated")]
    models = {kind: _model(taught, names, without) for kind, without in (("read", ()), ("met", READ), ("words", TOKENS))}
    weights, confidence = models["read"]
    figures = {}
    for (collection, kind), several in cases.items():
        apart = [case for case in several if case.site % HELD_OUT == 0]
        for label, group in (("learnt", [case for case in several if case.site % HELD_OUT]), ("left out", apart)):
            if not group:
                continue
            known, right = _signs(group, weights)
            chance = 1 / (1 + numpy.exp(-(known @ confidence[:-1] + confidence[-1])))
            first = numpy.mean([case.right[numpy.argmax(case.rows @ weights)] for case in group])
            figures[f"{kind} over {collection}, {label}"] = {
                "questions": len(group), "first": round(float(first), 3), "quoted": round(float(right.mean()), 3),
                "confidence": round(float(chance.mean()), 3), "calibration_error": round(fit.calibration_error(chance, right), 3),
            }
    for name, figure in figures.items():
        print(f"{name}: {figure}", flush=True)
    return {kind: _named(names, *model) for kind, model in models.items()} | {"figures": figures}


def _model(cases: list[Case], names: list[str], without: tuple[str, ...]) -> tuple[numpy.ndarray, numpy.ndarray]:
    kept = numpy.array([name not in without and name not in GIVEN for name in names])
    weights = fit.softmax([(case.rows * kept, case.right) for case in cases], RIDGE)
    weights = numpy.array([GIVEN.get(name, weight) for name, weight in zip(names, weights)])
    # What words in another language count more does not put it before the visitor's own.
    at = names.index
    weights[at("own_language")] += max(0.0, weights[at("words_across")] - weights[at("words")])
    known, right = _signs(cases, weights)
    seen = numpy.array([name not in without for name in SIGNS])
    shares = numpy.array([case.share for case in cases if len(case.rows)])
    confidence = fit.logistic(known * seen, right, shares)
    while numpy.any(wrong := seen & GROWING & (confidence[:-1] < 0)):
        seen = seen & ~wrong
        confidence = fit.logistic(known * seen, right, shares)
    return weights, confidence


def _named(names: list[str], weights: numpy.ndarray, confidence: numpy.ndarray) -> dict:
    rounded = [[round(float(weight), 3) for weight in values] for values in (weights, confidence)]
    return {"units": dict(zip(names, rounded[0])), "confidence": dict(zip((*SIGNS, "bias"), rounded[1])) | {"out_of_scope": OUT_OF_SCOPE}}


def _signs(cases: list[Case], weights: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    known, right = zip(*(case.signs(weights) for case in cases if len(case.rows)))
    return numpy.array(known), numpy.array(right, float)


def _read(path: Path, share: float) -> list[Case]:
    return [Case(json.loads(line), share) for line in path.read_text(encoding="utf-8").splitlines()]


def _answers(raw: str, answer: str) -> bool:
    raw, answer = (re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip() for text in (raw, answer))
    return answer in raw or (len(raw.split()) > 1 and raw in answer)


def _odds(chance: float) -> float:
    chance = min(max(chance, 1 - CERTAIN), CERTAIN)
    return float(numpy.log(chance / (1 - chance)))


if __name__ == "__main__":
    main()
