"""Cross-attention over token vectors, as a graph for ONNX Runtime: which sentence of a passage answers a question, and whether one does.

`cross_attention.npz` holds the weights, in 16-bit floats; `embedding.training.cross` learns them for the token vectors of the model with
its adapter. The graph reads one passage, so that its numbers depend on no other passage and nothing is padded. Inputs: `question`
`[asked, dimensions]`, `passage` `[told, dimensions]`, `place` `[told]`, the number of each token's sentence from 1, one more for what stands
above them, and `late` `[told]`, the late interaction of that sentence. Outputs: `tokens` `[told, 2]`, two numbers whose mean and whose
highest, over the tokens of a sentence, add up to its score, and `none` `[1]`, the score that no sentence answers.
"""

from __future__ import annotations

from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper

from .graph import CONTRIB, IR, OPSET, Graph

FILE = Path(__file__).with_name("cross_attention.npz")
WIDTH, INNER, BLOCKS, HEADS = 64, 32, 2, 4
"""Of the transformer: the size of a token, of the hidden layers that score, blocks, and attention heads of a block."""
PRODUCT, WEIGHTED = 8.0, 3.0
"""What makes products of unit vectors, and a weighted mean of cosines, as large as the other inputs."""
NONE, SMALL = 5.0, 1e-5


def build(path: Path = FILE) -> onnx.ModelProto:
    """The graph with the weights of a file."""
    with numpy.load(path) as file:
        weights = {name: file[name].astype(numpy.float32) for name in file}
    dimensions = weights["question.weight"].shape[0]
    builder = _Builder(weights)
    builder.read()
    graph = helper.make_graph(
        builder.nodes,
        "cross-attention",
        [
            helper.make_tensor_value_info("question", TensorProto.FLOAT, ["asked", dimensions]),
            helper.make_tensor_value_info("passage", TensorProto.FLOAT, ["told", dimensions]),
            helper.make_tensor_value_info("place", TensorProto.INT64, ["told"]),
            helper.make_tensor_value_info("late", TensorProto.FLOAT, ["told"]),
        ],
        [
            helper.make_tensor_value_info("tokens", TensorProto.FLOAT, ["told", 2]),
            helper.make_tensor_value_info("none", TensorProto.FLOAT, [1]),
        ],
        builder.constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="hoidap")


class _Builder(Graph):
    def __init__(self, weights: dict[str, numpy.ndarray]):
        super().__init__()
        self.weights = weights

    def known(self, name: str, values) -> str:
        """A constant that several nodes use."""
        if all(constant.name != name for constant in self.constants):
            self.constant(name, values)
        return name

    def number(self, value: float) -> str:
        return self.known(f"number {value}", numpy.float32(value))

    def axes(self, *values: int) -> str:
        return self.known(f"axes {values}", numpy.array(values, numpy.int64))

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name])

    def layer(self, name: str, x: str) -> str:
        return self.node("Add", self.node("MatMul", x, self.weight(f"{name}.weight")), self.weight(f"{name}.bias"))

    def transposed(self, x: str) -> str:
        return self.node("Transpose", x, perm=[1, 0])

    def column(self, x: str) -> str:
        return self.node("Unsqueeze", x, self.axes(1))

    def reduced(self, kind: str, x: str, axis: int) -> str:
        return self.node(f"Reduce{kind}", x, self.axes(axis), keepdims=1)

    def normalised(self, x: str) -> str:
        return self.node("LayerNormalization", x, self.known("ones", numpy.ones(WIDTH, numpy.float32)), axis=-1, epsilon=SMALL)

    def read(self) -> None:
        """As `training.attention.read`, for one question and one passage without padding."""
        cosines = self.node("MatMul", "passage", self.transposed("question"))
        counts = self.layer("importance.out", self.node("Tanh", self.layer("importance", "question")))
        counts = self.node("Softmax", counts, axis=0)
        sharp = self.constant("sharpness", numpy.exp(self.weights["sharpness"]))
        alike = self.node("MatMul", self.node("Softmax", self.node("Mul", cosines, sharp), axis=-1), "question")
        mean = self.node("MatMul", self.transposed(counts), "question")
        best = self.reduced("Max", cosines, 1)
        weighted = self.node("Mul", self.node("MatMul", cosines, counts), self.number(WEIGHTED))
        near = self.node("MatMul", "passage", self.transposed(mean))
        numbers = [best, weighted, near, self.node("Mul", best, best), self.column("late")]
        products = [self.node("Mul", "passage", self.node("Mul", x, self.number(PRODUCT))) for x in (alike, mean)]
        known = self.node("Concat", "passage", alike, *products, *numbers, axis=-1)
        together = self.node("Concat", self.layer("question", "question"), self.layer("passage", known), axis=0)

        asked = self.node("Shape", "question", start=0, end=1)
        nowhere = self.node("Expand", self.known("zero", numpy.zeros(1, numpy.int64)), asked)
        where = self.node("Concat", nowhere, "place", axis=0)
        same = self.node("Equal", self.column(where), self.node("Unsqueeze", where, self.axes(0)))
        same = self.node("Cast", self.node("Unsqueeze", same, self.axes(0, 1)), to=TensorProto.FLOAT)
        for block in range(BLOCKS):
            together = self.block(f"block{block}.", together, same)

        end = self.known("end", numpy.array([2**31 - 1], numpy.int64))
        seen = self.node("Slice", self.normalised(together), asked, end, self.axes(0))
        self.node("Identity", self.layer("token.out", self.node("Gelu", self.layer("token", seen))), name="tokens")
        met = self.reduced("Max", cosines, 0)
        whole = [self.node("MatMul", met, counts), self.reduced("Mean", met, 1), self.reduced("Min", met, 1)]
        summary = self.node("Concat", self.reduced("Max", seen, 0), self.reduced("Mean", seen, 0), *whole, axis=1)
        none = self.layer("none.out", self.node("Gelu", self.layer("none", summary)))
        self.node("Add", self.node("Squeeze", none, self.axes(1)), self.number(NONE), name="none")

    def block(self, at: str, together: str, same: str) -> str:
        """Attention with more weight between tokens of one sentence, then a hidden layer, each added to what it reads."""
        before = self.node("Unsqueeze", self.normalised(together), self.axes(0))
        query, key, value = (self.layer(f"{at}{name}", before) for name in ("query", "key", "value"))
        bias = self.node("Mul", same, self.weight(f"{at}same"))
        met = self.node("MultiHeadAttention", query, key, value, "", "", bias, domain=CONTRIB, num_heads=HEADS)
        together = self.node("Add", together, self.layer(f"{at}out", self.node("Squeeze", met, self.axes(0))))
        up = self.node("Gelu", self.layer(f"{at}up", self.normalised(together)))
        return self.node("Add", together, self.layer(f"{at}down", up))
