"""Builds the ONNX graph of a BERT encoder (post-layer-norm, erf GELU) from the weights.

Inputs `input_ids` and `attention_mask`, both i64 `[batch, sequence]`; output `last_hidden_state`, f32
`[batch, sequence, hidden]`. The token embeddings stay 4-bit and are read by ONNX Runtime's `GatherBlockQuantized`.

The linear layers multiply 8-bit integers: a weight has one scale per output, an activation one per token. With a
scale per tensor (as `quantize_dynamic` makes it) the texts of a batch would change each other's vectors. With one per
token, a text has the same vector in every batch.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from .weights import BLOCK_SIZE, Quantized, Weights

OPSET = 21
IR_VERSION = 10
CONTRIB_DOMAIN = "com.microsoft"
ACTIVATION_LIMIT = 127
"""The largest magnitude of a quantised activation. The quantisation is symmetric."""
WEIGHT_LIMIT = 63
"""The largest magnitude of a quantised weight. Processors without VNNI add two products of a weight and an
activation in 16 bits. Up to 63 this never overflows (2 × 63 × 255 < 32768), so every x86-64 gives the same vectors."""


class Graph:
    """Collects nodes and constants; every method returns the name of what it added."""

    def __init__(self):
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, op_type: str, *inputs: str, domain: str = "", name: str = "", **attributes) -> str:
        output = name or f"{op_type.lower()}_{len(self.nodes)}"
        node = helper.make_node(op_type, inputs, [output], name=output, domain=domain, **attributes)
        self.nodes.append(node)
        return output

    def constant(self, name: str, values) -> str:
        self.constants.append(numpy_helper.from_array(numpy.asarray(values), name))
        return name

    def nibbles(self, name: str, values: numpy.ndarray) -> str:
        """An unsigned 4-bit constant: two consecutive values per byte, the first in the low nibble."""
        flat = values.reshape(-1, 2)
        packed = (flat[:, 0] | (flat[:, 1] << 4)).astype(numpy.uint8)
        tensor = helper.make_tensor(name, TensorProto.UINT4, values.shape, packed.tobytes(), raw=True)
        self.constants.append(tensor)
        return name


def build(weights: Weights) -> onnx.ModelProto:
    """The complete model."""
    graph = Graph()
    hidden = _embeddings(graph, weights)
    mask = _attention_mask(graph)
    for layer in range(weights.shape.layers):
        hidden = _layer(graph, weights, f"l{layer}.", hidden, mask)
    graph.node("Identity", hidden, name="last_hidden_state")

    shape = ["batch", "sequence"]
    onnx_graph = helper.make_graph(
        graph.nodes,
        "multilingual-e5-small",
        [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*shape, weights.shape.hidden])],
        graph.constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB_DOMAIN, 1)]
    return helper.make_model(onnx_graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="hoidap")


def save(model: onnx.ModelProto, folder: Path) -> None:
    """Writes `model.onnx`, and its weights beside it in `model.onnx.data`, which the processes of a machine map and share."""
    data = folder / "model.onnx.data"
    data.unlink(missing_ok=True)
    onnx.save(model, str(folder / "model.onnx"), save_as_external_data=True, location=data.name, size_threshold=4096)
    data.chmod(0o644)


def _embeddings(graph: Graph, weights: Weights) -> str:
    table = weights.tensors["emb.word"]
    assert isinstance(table, Quantized)
    token_embeddings = graph.node(
        "GatherBlockQuantized",
        graph.nibbles("emb.word", table.nibbles),
        "input_ids",
        graph.constant("emb.word.scales", table.scales),
        graph.nibbles("emb.word.zero", numpy.full(table.scales.shape, 8, numpy.uint8)),
        domain=CONTRIB_DOMAIN,
        block_size=BLOCK_SIZE,
        gather_axis=0,
        quantize_axis=1,
    )
    # Every token has type 0, so the row of that type is added to the position embeddings here, once.
    hidden = weights.shape.hidden
    positions = weights.dense("emb.pos").reshape(-1, hidden) + weights.dense("emb.type").reshape(-1, hidden)[0]
    length = graph.node("Shape", "input_ids", start=1, end=2)
    zero = graph.constant("zero", numpy.array([0], numpy.int64))
    position_embeddings = graph.node("Slice", graph.constant("emb.position", positions), zero, length, zero)
    return _norm(graph, weights, "emb.ln", graph.node("Add", token_embeddings, position_embeddings))


def _attention_mask(graph: Graph) -> str:
    """0 where a token may be attended to, the lowest f32 where it is padding; `[batch, 1, 1, sequence]`."""
    axes = graph.constant("mask.axes", numpy.array([1, 2], numpy.int64))
    mask = graph.node("Unsqueeze", "attention_mask", axes)
    is_token = graph.node("Cast", mask, to=TensorProto.BOOL)
    lowest = graph.constant("mask.lowest", numpy.array(numpy.finfo(numpy.float32).min, numpy.float32))
    return graph.node("Where", is_token, graph.constant("mask.open", numpy.array(0, numpy.float32)), lowest)


def _layer(graph: Graph, weights: Weights, prefix: str, hidden: str, mask: str) -> str:
    shape = weights.shape
    width = shape.hidden // shape.heads
    head_shape = graph.constant(f"{prefix}split", numpy.array([0, 0, 3, shape.heads, width], numpy.int64))
    joined_shape = graph.constant(f"{prefix}join", numpy.array([0, 0, shape.hidden], numpy.int64))

    # The attention scale, 1 / sqrt(width), is folded into the query's weights.
    scale = 1 / math.sqrt(width)
    projections = [(f"{prefix}q", scale), (f"{prefix}k", 1.0), (f"{prefix}v", 1.0)]
    matrix = numpy.concatenate([weights.dense(f"{name}.w") * factor for name, factor in projections])
    bias = numpy.concatenate([weights.dense(f"{name}.b") * factor for name, factor in projections])
    qkv = graph.node("Reshape", _linear(graph, f"{prefix}qkv", matrix, bias, hidden), head_shape)
    qkv = graph.node("Transpose", qkv, perm=[2, 0, 3, 1, 4])
    query, key, value = (
        graph.node("Gather", qkv, graph.constant(f"{prefix}part{i}", numpy.array(i, numpy.int64)), axis=0)
        for i in range(3)
    )
    scores = graph.node("MatMul", query, graph.node("Transpose", key, perm=[0, 1, 3, 2]))
    attended = graph.node("MatMul", graph.node("Softmax", graph.node("Add", scores, mask), axis=-1), value)
    attended = graph.node("Reshape", graph.node("Transpose", attended, perm=[0, 2, 1, 3]), joined_shape)

    def linear(name: str, values: str) -> str:
        return _linear(graph, prefix + name, weights.dense(f"{prefix}{name}.w"), weights.dense(f"{prefix}{name}.b"), values)

    hidden = _norm(graph, weights, f"{prefix}aln", graph.node("Add", hidden, linear("ao", attended)))
    inner = graph.node("Gelu", linear("fi", hidden))
    return _norm(graph, weights, f"{prefix}oln", graph.node("Add", hidden, linear("fo", inner)))


def _linear(graph: Graph, prefix: str, matrix: numpy.ndarray, bias: numpy.ndarray, values: str) -> str:
    """`values · matrixᵀ + bias`, with an integer product; `matrix` is `[outputs, inputs]`."""
    weight_scale = numpy.abs(matrix).max(axis=1) / WEIGHT_LIMIT
    weight = numpy.round(matrix / weight_scale[:, None]).astype(numpy.int8)

    unit_scale = graph.constant(f"{prefix}.one", numpy.array(1, numpy.float32))
    zero_point = graph.constant(f"{prefix}.middle", numpy.array(128, numpy.uint8))
    limit = graph.constant(f"{prefix}.limit", numpy.array(ACTIVATION_LIMIT, numpy.float32))
    min_magnitude = graph.constant(f"{prefix}.least", numpy.array(1e-9, numpy.float32))
    last_axis = graph.constant(f"{prefix}.axis", numpy.array([-1], numpy.int64))
    max_magnitude = graph.node("Max", graph.node("ReduceMax", graph.node("Abs", values), last_axis, keepdims=1), min_magnitude)
    scaled = graph.node("Mul", values, graph.node("Div", limit, max_magnitude))
    product = graph.node(
        "MatMulIntegerToFloat",
        graph.node("QuantizeLinear", scaled, unit_scale, zero_point),
        graph.constant(f"{prefix}.w", numpy.ascontiguousarray(weight.T)),
        unit_scale,
        graph.constant(f"{prefix}.w.scale", (weight_scale / ACTIVATION_LIMIT).astype(numpy.float32)),
        zero_point,
        domain=CONTRIB_DOMAIN,
    )
    return graph.node("Add", graph.node("Mul", product, max_magnitude), graph.constant(f"{prefix}.b", bias))


def _norm(graph: Graph, weights: Weights, prefix: str, hidden: str) -> str:
    scale, bias = (graph.constant(f"{prefix}.{part}", weights.dense(f"{prefix}.{part}")) for part in "wb")
    return graph.node("LayerNormalization", hidden, scale, bias, axis=-1, epsilon=weights.shape.epsilon)
