"""Cross-attention over token vectors, as a graph for ONNX Runtime: which sentence of a passage answers a question, and whether one does.

`cross_attention.npz` holds the weights, in 16-bit floats; `embedding.training.cross` learns them for the token vectors of the model with
its adapter. Inputs: `question` `[tokens, dimensions]`, `passages` `[passages, tokens, dimensions]`, `place` `[passages, tokens]`, the number of
each token's sentence from 1, one more for what stands above them, and 0 for padding, and `late` `[passages, tokens]`, the late
interaction of that sentence. Outputs: `tokens` `[passages, tokens, 2]`, two numbers whose mean and whose highest, over the tokens of a
sentence, add up to its score, and `none` `[passages]`, the score that no sentence answers.
"""

from __future__ import annotations

from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper

from .graph import IR, OPSET, Graph

FILE = Path(__file__).with_name("cross_attention.npz")
WIDTH, INNER, BLOCKS, HEADS = 64, 32, 2, 4
"""Of the transformer: the size of a token, of the hidden layers that score, blocks, and attention heads of a block."""
PRODUCT, WEIGHTED = 8.0, 3.0
"""What makes products of unit vectors, and a weighted mean of cosines, as large as the other inputs."""
NONE, SMALL, NOWHERE = 5.0, 1e-5, -1e9


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
            helper.make_tensor_value_info("passages", TensorProto.FLOAT, ["passages", "told", dimensions]),
            helper.make_tensor_value_info("place", TensorProto.INT64, ["passages", "told"]),
            helper.make_tensor_value_info("late", TensorProto.FLOAT, ["passages", "told"]),
        ],
        [
            helper.make_tensor_value_info("tokens", TensorProto.FLOAT, ["passages", "told", 2]),
            helper.make_tensor_value_info("none", TensorProto.FLOAT, ["passages"]),
        ],
        builder.constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="hoidap")


class _Builder(Graph):
    def __init__(self, weights: dict[str, numpy.ndarray]):
        super().__init__()
        self.weights = weights

    def number(self, value: float) -> str:
        return self._known(f"number {value}", numpy.float32(value))

    def axes(self, *values: int) -> str:
        return self._known(f"axes {values}", numpy.array(values, numpy.int64))

    def _known(self, name: str, values) -> str:
        if all(constant.name != name for constant in self.constants):
            self.constant(name, values)
        return name

    def layer(self, name: str, x: str) -> str:
        made = self.node("MatMul", x, self.constant(f"{name}.weight", self.weights[f"{name}.weight"]))
        return self.node("Add", made, self.constant(f"{name}.bias", self.weights[f"{name}.bias"]))

    def gelu(self, x: str) -> str:
        return self.node("Gelu", x)

    def transposed(self, x: str, *order: int) -> str:
        return self.node("Transpose", x, perm=list(order))

    def unsqueezed(self, x: str, *axes: int) -> str:
        return self.node("Unsqueeze", x, self.axes(*axes))

    def squeezed(self, x: str, *axes: int) -> str:
        return self.node("Squeeze", x, self.axes(*axes))

    def reduced(self, kind: str, x: str, axis: int, keep: int = 0) -> str:
        return self.node(f"Reduce{kind}", x, self.axes(axis), keepdims=keep)

    def normalised(self, x: str) -> str:
        x = self.node("Sub", x, self.reduced("Mean", x, -1, 1))
        square = self.node("Add", self.reduced("Mean", self.node("Mul", x, x), -1, 1), self.number(SMALL))
        return self.node("Div", x, self.node("Sqrt", square))

    def read(self) -> None:
        """As `training.attention.read`, for one question without padding."""
        told = self.node("Greater", "place", self.axes_zero())
        real = self.node("Cast", told, to=TensorProto.FLOAT)
        # [asked, dimensions] · [passages, dimensions, told]
        cosines = self.node("MatMul", "question", self.transposed("passages", 0, 2, 1))
        cosines = self.node("Where", self.unsqueezed(told, 1), cosines, self.number(-1.0))
        counts = self.layer("importance.out", self.node("Tanh", self.layer("importance", "question")))
        counts = self.node("Softmax", self.transposed(counts, 1, 0), axis=-1)
        sharp = self.constant("sharpness", numpy.exp(self.weights["sharpness"]))
        chosen = self.node("Softmax", self.transposed(self.node("Mul", cosines, sharp), 0, 2, 1), axis=-1)
        alike = self.node("MatMul", chosen, "question")
        mean = self.node("MatMul", counts, "question")
        best = self.reduced("Max", cosines, 1)
        weighted = self.node("Mul", self.squeezed(self.node("MatMul", counts, cosines), 1), self.number(WEIGHTED))
        near = self.reduced("Sum", self.node("Mul", "passages", mean), -1)
        numbers = [self.unsqueezed(x, 2) for x in (best, weighted, near, self.node("Mul", best, best), "late")]
        products = [self.node("Mul", self.node("Mul", "passages", x), self.number(PRODUCT)) for x in (alike, mean)]
        known = self.node("Concat", "passages", alike, *products, *numbers, axis=-1)
        passages = self.node("Shape", "passages", start=0, end=1)
        asked = self.node("Shape", "question", start=0, end=1)
        question = self.unsqueezed(self.layer("question", "question"), 0)
        question = self.node("Expand", question, self.node("Concat", passages, self.axes(1, 1), axis=0))
        together = self.node("Concat", question, self.layer("passage", known), axis=1)

        nowhere = self.node("Expand", self._known("zero", numpy.zeros((1, 1), numpy.int64)), self.node("Concat", passages, asked, axis=0))
        where = self.node("Concat", nowhere, "place", axis=1)
        same = self.node("Equal", self.unsqueezed(where, 2), self.unsqueezed(where, 1))
        same = self.unsqueezed(self.node("Cast", same, to=TensorProto.FLOAT), 1)
        ones = self.node("Greater", self.node("Add", nowhere, self._known("one", numpy.ones((1, 1), numpy.int64))), self.axes_zero())
        there = self.unsqueezed(self.node("Concat", ones, told, axis=1), 1, 2)
        for block in range(BLOCKS):
            together = self.block(f"block{block}.", together, same, there)

        seen = self.normalised(together)
        seen = self.node("Slice", seen, asked, self._known("end", numpy.array([2**31 - 1], numpy.int64)), self.axes(1))
        self.node("Identity", self.layer("token.out", self.gelu(self.layer("token", seen))), name="tokens")
        shown = self.unsqueezed(told, 2)
        highest = self.reduced("Max", self.node("Where", shown, seen, self.number(NOWHERE)), 1)
        average = self.reduced("Sum", self.node("Mul", seen, self.unsqueezed(real, 2)), 1)
        average = self.node("Div", average, self.reduced("Sum", real, 1, 1))
        met = self.reduced("Max", cosines, 2)
        whole = [self.reduced("Sum", self.node("Mul", met, counts), 1, 1), self.reduced("Mean", met, 1, 1), self.reduced("Min", met, 1, 1)]
        none = self.layer("none.out", self.gelu(self.layer("none", self.node("Concat", highest, average, *whole, axis=1))))
        self.node("Add", self.squeezed(none, 1), self.number(NONE), name="none")

    def axes_zero(self) -> str:
        return self._known("nothing", numpy.int64(0))

    def block(self, at: str, together: str, same: str, there: str) -> str:
        shape = self._known("heads", numpy.array([0, 0, HEADS, WIDTH // HEADS], numpy.int64))

        def heads(name: str, *order: int) -> str:
            return self.transposed(self.node("Reshape", self.layer(f"{at}{name}", before), shape), *order)

        before = self.normalised(together)
        scores = self.node("MatMul", heads("query", 0, 2, 1, 3), heads("key", 0, 2, 3, 1))
        scores = self.node("Mul", scores, self.number(float(1 / numpy.sqrt(WIDTH // HEADS))))
        scores = self.node("Add", scores, self.node("Mul", same, self.constant(f"{at}same", self.weights[f"{at}same"])))
        shares = self.node("Softmax", self.node("Where", there, scores, self.number(NOWHERE)), axis=-1)
        met = self.transposed(self.node("MatMul", shares, heads("value", 0, 2, 1, 3)), 0, 2, 1, 3)
        met = self.node("Reshape", met, self._known("joined", numpy.array([0, 0, WIDTH], numpy.int64)))
        together = self.node("Add", together, self.layer(f"{at}out", met))
        up = self.gelu(self.layer(f"{at}up", self.normalised(together)))
        return self.node("Add", together, self.layer(f"{at}down", up))
