"""Builds the ONNX graph of a BERT encoder (post-layer-norm, erf GELU) from the weights.

Inputs `input_ids` and `attention_mask`, both i64 `[batch, sequence]`; output `last_hidden_state`, f32
`[batch, sequence, hidden]`. The word table stays 4-bit and is read by ONNX Runtime's `GatherBlockQuantized`.

The linear layers multiply 8-bit integers: a weight has one scale for each output, an activation one for each
token. A scale for the whole tensor (what `quantize_dynamic` makes) would let the texts of a batch change each
other's vectors; with one for each token a text has the same vector in whatever batch it is embedded.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from .weights import BLOCK, Quantized, Weights

OPSET = 21
IR = 10
CONTRIB = "com.microsoft"
ACTIVATION_LIMIT = 127
"""The largest magnitude of a quantised activation, the same on both sides of zero."""
WEIGHT_LIMIT = 63
"""The largest magnitude of a quantised weight. Processors without VNNI add two products of a weight and an
activation in 16 bits: up to 63 that never overflows (2 × 63 × 255 < 32768), so every x86-64 gives the same vectors."""


class Graph:
    """Collects nodes and constants; every method returns the name of what it added."""

    def __init__(self):
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, domain: str = "", name: str = "", **attributes) -> str:
        output = name or f"{kind.lower()}_{len(self.nodes)}"
        made = helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes)
        self.nodes.append(made)
        return output

    def constant(self, name: str, values) -> str:
        self.constants.append(numpy_helper.from_array(numpy.asarray(values), name))
        return name

    def nibbles(self, name: str, values: numpy.ndarray) -> str:
        """An unsigned 4-bit constant: two consecutive values to a byte, the first one low."""
        flat = values.reshape(-1, 2)
        packed = (flat[:, 0] | (flat[:, 1] << 4)).astype(numpy.uint8)
        tensor = helper.make_tensor(name, TensorProto.UINT4, values.shape, packed.tobytes(), raw=True)
        self.constants.append(tensor)
        return name


def build(weights: Weights) -> onnx.ModelProto:
    """The whole model."""
    graph = Graph()
    hidden = _embeddings(graph, weights)
    mask = _attention_mask(graph)
    for layer in range(weights.shape.layers):
        hidden = _layer(graph, weights, f"l{layer}.", hidden, mask)
    graph.node("Identity", hidden, name="last_hidden_state")

    text = ["batch", "sequence"]
    made = helper.make_graph(
        graph.nodes,
        "multilingual-e5-small",
        [helper.make_tensor_value_info(name, TensorProto.INT64, text) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*text, weights.shape.hidden])],
        graph.constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=IR, producer_name="hoidap")


def save(model: onnx.ModelProto, folder: Path) -> None:
    """Writes `model.onnx`, and its weights beside it in `model.onnx.data`, which the processes of a machine map and share."""
    data = folder / "model.onnx.data"
    data.unlink(missing_ok=True)
    onnx.save(model, str(folder / "model.onnx"), save_as_external_data=True, location=data.name, size_threshold=4096)
    data.chmod(0o644)


def _embeddings(graph: Graph, weights: Weights) -> str:
    table = weights.tensors["emb.word"]
    assert isinstance(table, Quantized)
    words = graph.node(
        "GatherBlockQuantized",
        graph.nibbles("emb.word", table.nibbles),
        "input_ids",
        graph.constant("emb.word.scales", table.scales),
        graph.nibbles("emb.word.zero", numpy.full(table.scales.shape, 8, numpy.uint8)),
        domain=CONTRIB,
        block_size=BLOCK,
        gather_axis=0,
        quantize_axis=1,
    )
    # Every token has type 0, so its row is added to each position once, here.
    hidden = weights.shape.hidden
    position = weights.dense("emb.pos").reshape(-1, hidden) + weights.dense("emb.type").reshape(-1, hidden)[0]
    length = graph.node("Shape", "input_ids", start=1, end=2)
    zero = graph.constant("zero", numpy.array([0], numpy.int64))
    used = graph.node("Slice", graph.constant("emb.position", position), zero, length, zero)
    return _norm(graph, weights, "emb.ln", graph.node("Add", words, used))


def _attention_mask(graph: Graph) -> str:
    """0 where a token may be attended to, the lowest f32 where it is padding; `[batch, 1, 1, sequence]`."""
    axes = graph.constant("mask.axes", numpy.array([1, 2], numpy.int64))
    wide = graph.node("Unsqueeze", "attention_mask", axes)
    kept = graph.node("Cast", wide, to=TensorProto.BOOL)
    lowest = graph.constant("mask.lowest", numpy.array(numpy.finfo(numpy.float32).min, numpy.float32))
    return graph.node("Where", kept, graph.constant("mask.open", numpy.array(0, numpy.float32)), lowest)


def _layer(graph: Graph, weights: Weights, at: str, hidden: str, mask: str) -> str:
    shape = weights.shape
    width = shape.hidden // shape.heads
    split = graph.constant(f"{at}split", numpy.array([0, 0, 3, shape.heads, width], numpy.int64))
    join = graph.constant(f"{at}join", numpy.array([0, 0, shape.hidden], numpy.int64))

    # The query's share of the attention scale, 1 / sqrt(width), is put into its weights.
    scale = 1 / math.sqrt(width)
    parts = [(f"{at}q", scale), (f"{at}k", 1.0), (f"{at}v", 1.0)]
    matrix = numpy.concatenate([weights.dense(f"{name}.w") * factor for name, factor in parts])
    bias = numpy.concatenate([weights.dense(f"{name}.b") * factor for name, factor in parts])
    mixed = graph.node("Reshape", _linear(graph, f"{at}qkv", matrix, bias, hidden), split)
    mixed = graph.node("Transpose", mixed, perm=[2, 0, 3, 1, 4])
    query, key, value = (
        graph.node("Gather", mixed, graph.constant(f"{at}part{i}", numpy.array(i, numpy.int64)), axis=0)
        for i in range(3)
    )
    scores = graph.node("MatMul", query, graph.node("Transpose", key, perm=[0, 1, 3, 2]))
    mixed = graph.node("MatMul", graph.node("Softmax", graph.node("Add", scores, mask), axis=-1), value)
    mixed = graph.node("Reshape", graph.node("Transpose", mixed, perm=[0, 2, 1, 3]), join)

    def linear(name: str, values: str) -> str:
        return _linear(graph, at + name, weights.dense(f"{at}{name}.w"), weights.dense(f"{at}{name}.b"), values)

    attended = _norm(graph, weights, f"{at}aln", graph.node("Add", hidden, linear("ao", mixed)))
    inner = graph.node("Gelu", linear("fi", attended))
    return _norm(graph, weights, f"{at}oln", graph.node("Add", attended, linear("fo", inner)))


def _linear(graph: Graph, at: str, matrix: numpy.ndarray, bias: numpy.ndarray, values: str) -> str:
    """`values · matrixᵀ + bias`, the product over integers; `matrix` is `[outputs, inputs]`."""
    weight_scale = numpy.abs(matrix).max(axis=1) / WEIGHT_LIMIT
    weight = numpy.round(matrix / weight_scale[:, None]).astype(numpy.int8)

    one = graph.constant(f"{at}.one", numpy.array(1, numpy.float32))
    middle = graph.constant(f"{at}.middle", numpy.array(128, numpy.uint8))
    limit = graph.constant(f"{at}.limit", numpy.array(ACTIVATION_LIMIT, numpy.float32))
    least = graph.constant(f"{at}.least", numpy.array(1e-9, numpy.float32))
    last = graph.constant(f"{at}.axis", numpy.array([-1], numpy.int64))
    largest = graph.node("Max", graph.node("ReduceMax", graph.node("Abs", values), last, keepdims=1), least)
    scaled = graph.node("Mul", values, graph.node("Div", limit, largest))
    product = graph.node(
        "MatMulIntegerToFloat",
        graph.node("QuantizeLinear", scaled, one, middle),
        graph.constant(f"{at}.w", numpy.ascontiguousarray(weight.T)),
        one,
        graph.constant(f"{at}.w.scale", (weight_scale / ACTIVATION_LIMIT).astype(numpy.float32)),
        middle,
        domain=CONTRIB,
    )
    return graph.node("Add", graph.node("Mul", product, largest), graph.constant(f"{at}.b", bias))


def _norm(graph: Graph, weights: Weights, at: str, hidden: str) -> str:
    scale, bias = (graph.constant(f"{at}.{part}", weights.dense(f"{at}.{part}")) for part in "wb")
    return graph.node("LayerNormalization", hidden, scale, bias, axis=-1, epsilon=weights.shape.epsilon)
