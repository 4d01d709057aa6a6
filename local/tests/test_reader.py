"""Fitting the reader's weights, and the pages for it."""

import json
import tempfile
import unittest
from pathlib import Path

import numpy
from embedding.training.text import sentences, without_diacritics
from reader import fit, learn, pages


class Reader(unittest.TestCase):
    def test_the_softmax_finds_the_weights_that_made_the_data(self):
        random = numpy.random.default_rng(1)
        truth = numpy.array([2.0, -1.0, 0.0])
        groups = []
        for _ in range(3000):
            rows = random.normal(size=(6, 3))
            chosen = random.choice(6, p=fit.shares(rows @ truth))
            groups.append((rows, numpy.arange(6) == chosen))
        learnt = fit.softmax(groups, ridge=1e-6)
        self.assertLess(numpy.abs(learnt - truth).max(), 0.15, learnt)

    def test_the_logistic_regression_finds_its_weights_and_is_calibrated(self):
        random = numpy.random.default_rng(2)
        rows = random.normal(size=(20_000, 2))
        chance = 1 / (1 + numpy.exp(-(rows @ [1.5, -0.5] + 0.3)))
        right = (random.random(len(rows)) < chance).astype(float)
        learnt = fit.logistic(rows, right, numpy.ones(len(rows)))
        self.assertLess(numpy.abs(learnt - [1.5, -0.5, 0.3]).max(), 0.1, learnt)
        self.assertLess(fit.calibration_error(chance, right), 0.02)
        self.assertGreater(fit.calibration_error(numpy.full(len(rows), 0.9), right), 0.2)

    def test_sentences_and_rows_are_distinguished(self):
        text = "Title. Of a page\nOne. Two is 3.5 km long!\nPlan | Price. Net\n\nThree"
        parts = [text[start:end] for start, end in sentences(text)]
        self.assertEqual(parts, ["One.", "Two is 3.5 km long!", "Plan | Price. Net", "Three"])
        self.assertEqual(without_diacritics("Đường sắt"), "Duong sat")

    def test_pages_hold_the_sentences_that_answer(self):
        with tempfile.TemporaryDirectory() as folder:
            counts = pages.write(Path(folder))
            self.assertGreater(min(counts[kind] for kind in ("vi", "bare", "en", "over")), 500, counts)
            none = [json.loads(line) for line in (Path(folder) / "none-en.jsonl").read_text(encoding="utf-8").splitlines()]
            self.assertEqual((len(none), [question for question in none if "gold" in question]), (counts["none-en"], []))
            for line in (Path(folder) / "vi.jsonl").read_text(encoding="utf-8").splitlines()[:200]:
                question = json.loads(line)
                page = (Path(folder) / question["gold"][0]).read_text(encoding="utf-8")
                words = question["answer_contains"][0].split(" | ")[0].split()[0]
                self.assertIn(words.replace("&", "&amp;"), page)
            every, half = (len(list((Path(folder) / part / "vi").glob("*.html"))) for part in ("", "half"))
            self.assertEqual(half, every // 2)

    def test_as_many_sentences_are_quoted_in_learning_as_in_service(self):
        source = (learn.RESULT.parents[1] / "extractive.rs").read_text(encoding="utf-8")
        for name in ("SUFFICIENT_CHANCE", "MIN_RELATIVE_CHANCE", "MAX_SENTENCES", "MAX_SCATTERED_SENTENCES", "MAX_QUOTED_WORDS"):
            self.assertRegex(source, rf"(?m)^const {name}: \w+ = {getattr(learn, name)};$")

    def test_the_weights_in_service_have_all_names(self):
        learnt = json.loads(learn.RESULT.read_text(encoding="utf-8"))
        for kind in ("read", "met", "words"):
            self.assertEqual(set(learnt[kind]["confidence"]), {*learn.CONFIDENCE_INPUTS, "bias", "out_of_scope"})
        self.assertTrue(all(learnt["words"]["units"][name] == 0 for name in learn.TOKEN_FEATURES))
