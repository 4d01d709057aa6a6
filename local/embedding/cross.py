"""Cross-attention over token vectors, as a graph for ONNX Runtime: which sentence of a passage answers a question, and whether one does.

`cross_attention.npz` holds the weights, in 16-bit floats; `embedding.training.cross` learns them for the token vectors of the model with
its adapter. The graph reads one passage, so that its outputs depend on no other passage and nothing is padded.

Inputs: `question` `[question_tokens, dimensions]`; `passage` `[passage_tokens, dimensions]`; `sentence` `[passage_tokens]`, the number of
each token's sentence from 1, or one more than the last for the text above the sentences; `late` `[passage_tokens]`, the late interaction
of that sentence. Outputs: `tokens` `[passage_tokens, 2]` and `none` `[1]`. The score of a sentence is the mean of its tokens' first
outputs plus the maximum of their second outputs; `none` is the score that no sentence answers.
"""

from __future__ import annotations

from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper

from .graph import CONTRIB_DOMAIN, IR_VERSION, OPSET, Graph

FILE = Path(__file__).with_name("cross_attention.npz")
WIDTH, INNER_WIDTH, BLOCKS, HEADS = 64, 32, 2, 4
"""Of the transformer: the width of a token, the width of the output layers' hidden layer, blocks, and attention heads per block."""
PRODUCT_SCALE, WEIGHTED_SCALE = 8.0, 3.0
"""Factors that bring products of unit vectors, and a weighted mean of cosines, to the magnitude of the other features."""
NONE_BIAS, EPSILON = 5.0, 1e-5
"""Added to the score that no sentence answers, and to the variance in a layer normalisation."""


def build(path: Path = FILE) -> onnx.ModelProto:
    """The graph with the weights of a file."""
    with numpy.load(path) as file:
        weights = {name: file[name].astype(numpy.float32) for name in file}
    dimensions = weights["question.weight"].shape[0]
    builder = _Builder(weights)
    builder.build()
    graph = helper.make_graph(
        builder.nodes,
        "cross-attention",
        [
            helper.make_tensor_value_info("question", TensorProto.FLOAT, ["question_tokens", dimensions]),
            helper.make_tensor_value_info("passage", TensorProto.FLOAT, ["passage_tokens", dimensions]),
            helper.make_tensor_value_info("sentence", TensorProto.INT64, ["passage_tokens"]),
            helper.make_tensor_value_info("late", TensorProto.FLOAT, ["passage_tokens"]),
        ],
        [
            helper.make_tensor_value_info("tokens", TensorProto.FLOAT, ["passage_tokens", 2]),
            helper.make_tensor_value_info("none", TensorProto.FLOAT, [1]),
        ],
        builder.constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB_DOMAIN, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="hoidap")


class _Builder(Graph):
    def __init__(self, weights: dict[str, numpy.ndarray]):
        super().__init__()
        self.weights = weights

    def shared_constant(self, name: str, values) -> str:
        """A constant that several nodes use."""
        if all(constant.name != name for constant in self.constants):
            self.constant(name, values)
        return name

    def scalar(self, value: float) -> str:
        return self.shared_constant(f"scalar {value}", numpy.float32(value))

    def axes(self, *values: int) -> str:
        return self.shared_constant(f"axes {values}", numpy.array(values, numpy.int64))

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name])

    def linear(self, name: str, x: str) -> str:
        return self.node("Add", self.node("MatMul", x, self.weight(f"{name}.weight")), self.weight(f"{name}.bias"))

    def transpose(self, x: str) -> str:
        return self.node("Transpose", x, perm=[1, 0])

    def column(self, x: str) -> str:
        return self.node("Unsqueeze", x, self.axes(1))

    def reduce(self, operation: str, x: str, axis: int) -> str:
        return self.node(f"Reduce{operation}", x, self.axes(axis), keepdims=1)

    def normalise(self, x: str) -> str:
        ones = self.shared_constant("ones", numpy.ones(WIDTH, numpy.float32))
        return self.node("LayerNormalization", x, ones, axis=-1, epsilon=EPSILON)

    def build(self) -> None:
        """Adds the nodes of `training.attention.forward`, for one question and one passage without padding."""
        cosines = self.node("MatMul", "passage", self.transpose("question"))
        importance = self.linear("importance.out", self.node("Tanh", self.linear("importance", "question")))
        importance = self.node("Softmax", importance, axis=0)
        sharpness = self.constant("sharpness", numpy.exp(self.weights["sharpness"]))
        attended_question = self.node("MatMul", self.node("Softmax", self.node("Mul", cosines, sharpness), axis=-1), "question")
        question_mean = self.node("MatMul", self.transpose(importance), "question")
        passage_max_cosines = self.reduce("Max", cosines, 1)
        weighted_cosines = self.node("Mul", self.node("MatMul", cosines, importance), self.scalar(WEIGHTED_SCALE))
        mean_products = self.node("MatMul", "passage", self.transpose(question_mean))
        squared_cosines = self.node("Mul", passage_max_cosines, passage_max_cosines)
        scalars = [passage_max_cosines, weighted_cosines, mean_products, squared_cosines, self.column("late")]
        products = [self.node("Mul", "passage", self.node("Mul", x, self.scalar(PRODUCT_SCALE))) for x in (attended_question, question_mean)]
        features = self.node("Concat", "passage", attended_question, *products, *scalars, axis=-1)
        hidden = self.node("Concat", self.linear("question", "question"), self.linear("passage", features), axis=0)

        question_length = self.node("Shape", "question", start=0, end=1)
        zero = self.shared_constant("zero", numpy.zeros(1, numpy.int64))
        sentence_numbers = self.node("Concat", self.node("Expand", zero, question_length), "sentence", axis=0)
        same_sentence = self.node("Equal", self.column(sentence_numbers), self.node("Unsqueeze", sentence_numbers, self.axes(0)))
        same_sentence = self.node("Cast", self.node("Unsqueeze", same_sentence, self.axes(0, 1)), to=TensorProto.FLOAT)
        for block in range(BLOCKS):
            hidden = self.block(f"block{block}.", hidden, same_sentence)

        end = self.shared_constant("end", numpy.array([2**31 - 1], numpy.int64))
        passage_hidden = self.node("Slice", self.normalise(hidden), question_length, end, self.axes(0))
        self.node("Identity", self.linear("token.out", self.node("Gelu", self.linear("token", passage_hidden))), name="tokens")
        question_max_cosines = self.reduce("Max", cosines, 0)
        coverage = [self.node("MatMul", question_max_cosines, importance)]
        coverage += [self.reduce("Mean", question_max_cosines, 1), self.reduce("Min", question_max_cosines, 1)]
        pooled = [self.reduce("Max", passage_hidden, 0), self.reduce("Mean", passage_hidden, 0)]
        summary = self.node("Concat", *pooled, *coverage, axis=1)
        none = self.linear("none.out", self.node("Gelu", self.linear("none", summary)))
        self.node("Add", self.node("Squeeze", none, self.axes(1)), self.scalar(NONE_BIAS), name="none")

    def block(self, prefix: str, hidden: str, same_sentence: str) -> str:
        """A transformer block: attention with a bias for tokens of one sentence, then a hidden layer, each with a residual connection."""
        normalised = self.node("Unsqueeze", self.normalise(hidden), self.axes(0))
        query, key, value = (self.linear(f"{prefix}{name}", normalised) for name in ("query", "key", "value"))
        bias = self.node("Mul", same_sentence, self.weight(f"{prefix}same"))
        attended = self.node("MultiHeadAttention", query, key, value, "", "", bias, domain=CONTRIB_DOMAIN, num_heads=HEADS)
        hidden = self.node("Add", hidden, self.linear(f"{prefix}out", self.node("Squeeze", attended, self.axes(0))))
        up = self.node("Gelu", self.linear(f"{prefix}up", self.normalise(hidden)))
        return self.node("Add", hidden, self.linear(f"{prefix}down", up))
