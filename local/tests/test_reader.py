"""Fitting the reader's weights, and the pages for it."""

import json
import tempfile
import unittest
from pathlib import Path

import numpy
from embedding.training.text import sentences, without_diacritics
from reader import fit, learn, pages


class Reader(unittest.TestCase):
    def test_the_softmax_recovers_the_weights_of_the_data(self):
        rng = numpy.random.default_rng(1)
        true_weights = numpy.array([2.0, -1.0, 0.0])
        groups = []
        for _ in range(3000):
            rows = rng.normal(size=(6, 3))
            chosen = rng.choice(6, p=fit.softmax(rows @ true_weights))
            groups.append((rows, numpy.arange(6) == chosen))
        fitted = fit.fit_softmax(groups, ridge=1e-6)
        self.assertLess(numpy.abs(fitted - true_weights).max(), 0.15, fitted)

    def test_the_logistic_regression_recovers_the_weights_and_is_calibrated(self):
        rng = numpy.random.default_rng(2)
        rows = rng.normal(size=(20_000, 2))
        chance = 1 / (1 + numpy.exp(-(rows @ [1.5, -0.5] + 0.3)))
        correct = (rng.random(len(rows)) < chance).astype(float)
        fitted = fit.fit_logistic(rows, correct, numpy.ones(len(rows)))
        self.assertLess(numpy.abs(fitted - [1.5, -0.5, 0.3]).max(), 0.1, fitted)
        self.assertLess(fit.calibration_error(chance, correct), 0.02)
        self.assertGreater(fit.calibration_error(numpy.full(len(rows), 0.9), correct), 0.2)

    def test_sentences_and_rows_are_distinguished(self):
        text = "Title. Of a page\nOne. Two is 3.5 km long!\nPlan | Price. Net\n\nThree"
        parts = [text[start:end] for start, end in sentences(text)]
        self.assertEqual(parts, ["One.", "Two is 3.5 km long!", "Plan | Price. Net", "Three"])
        self.assertEqual(without_diacritics("Đường sắt"), "Duong sat")

    def test_pages_hold_the_sentences_that_answer(self):
        with tempfile.TemporaryDirectory() as folder:
            counts = pages.write(Path(folder))
            self.assertGreater(min(counts[kind] for kind in ("vi", "bare", "en", "over")), 500, counts)
            unanswerable = [json.loads(line) for line in (Path(folder) / "none-en.jsonl").read_text(encoding="utf-8").splitlines()]
            self.assertEqual((len(unanswerable), [question for question in unanswerable if "gold" in question]), (counts["none-en"], []))
            for line in (Path(folder) / "vi.jsonl").read_text(encoding="utf-8").splitlines()[:200]:
                question = json.loads(line)
                page = (Path(folder) / question["gold"][0]).read_text(encoding="utf-8")
                first_word = question["answer_contains"][0].split(" | ")[0].split()[0]
                self.assertIn(first_word.replace("&", "&amp;"), page)
            all_pages, half_of_pages = (len(list((Path(folder) / part / "vi").glob("*.html"))) for part in ("", "half"))
            self.assertEqual(half_of_pages, all_pages // 2)

    def test_training_and_production_limit_quotations_alike(self):
        source = (learn.RESULT.parents[1] / "extractive.rs").read_text(encoding="utf-8")
        for name in ("SUFFICIENT_CHANCE", "MIN_RELATIVE_CHANCE", "MAX_SENTENCES", "MAX_SCATTERED_SENTENCES", "MAX_QUOTED_WORDS"):
            self.assertRegex(source, rf"(?m)^const {name}: \w+ = {getattr(learn, name)};$")

    def test_the_committed_weights_have_all_names(self):
        fitted = json.loads(learn.RESULT.read_text(encoding="utf-8"))
        for kind in ("read", "met", "words"):
            self.assertEqual(set(fitted[kind]["confidence"]), {*learn.CONFIDENCE_INPUTS, "bias", "out_of_scope"})
        self.assertTrue(all(fitted["words"]["units"][name] == 0 for name in learn.TOKEN_FEATURES))
