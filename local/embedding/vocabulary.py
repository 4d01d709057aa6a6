"""Writes the tokenizer files that `tokenizers` and fastembed read."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from .weights import Shape, Vocabulary

UNUSED = "\U0010fffd"
"""What stands for a piece that is left out, so that the others keep their numbers. No text has this character."""


def write(vocabulary: Vocabulary, shape: Shape, folder: Path) -> Tokenizer:
    """Writes tokenizer.json and the three small files beside it, and returns the tokenizer."""
    tokenizer = build(vocabulary)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    names = {
        "bos_token": vocabulary.pieces[vocabulary.bos][0],
        "eos_token": vocabulary.pieces[vocabulary.eos][0],
        "unk_token": vocabulary.pieces[vocabulary.unknown][0],
        "pad_token": vocabulary.pieces[vocabulary.pad][0],
    }
    config = {
        "model_type": "bert",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.inner,
        "max_position_embeddings": shape.positions,
        "vocab_size": shape.vocabulary,
        "pad_token_id": vocabulary.pad,
    }
    for name, content in (
        ("config.json", config),
        ("special_tokens_map.json", names),
        ("tokenizer_config.json", {**names, "model_max_length": shape.positions}),
    ):
        (folder / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return tokenizer


def build(vocabulary: Vocabulary) -> Tokenizer:
    """NFKC with the model's own treatment of control characters, then Unigram pieces, then `<s> … </s>`."""
    special = (vocabulary.bos, vocabulary.pad, vocabulary.eos, vocabulary.unknown)
    pieces = [
        (piece if number in special or is_kept(piece) else UNUSED, score)
        for number, (piece, score) in enumerate(vocabulary.pieces)
    ]
    tokenizer = Tokenizer(models.Unigram(pieces, vocabulary.unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            *_exceptions(vocabulary.replacements),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    begin, end = (vocabulary.pieces[i][0] for i in (vocabulary.bos, vocabulary.eos))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} {end} $B {end}",
        special_tokens=[(begin, vocabulary.bos), (end, vocabulary.eos)],
    )
    tokenizer.add_special_tokens([AddedToken(vocabulary.pieces[i][0], special=True) for i in special])
    return tokenizer


def is_kept(piece: str) -> bool:
    """Whether a piece is of Latin letters, of none, or a single character. Vietnamese and English text is read as with all pieces, text
    in another script character by character, and the tokenizer needs a third of the memory."""
    characters = piece.replace("▁", "")
    letters = [c for c in characters if unicodedata.category(c)[0] in "LM"]
    return len(characters) <= 1 or all(unicodedata.name(c, "").startswith(("LATIN ", "COMBINING ")) for c in letters)


def _exceptions(replacements: dict[int, str]) -> list[normalizers.Normalizer]:
    """One rule for each text that NFKC would not have produced, for all code points that become it."""
    groups: dict[str, list[int]] = {}
    for source, target in replacements.items():
        if unicodedata.normalize("NFKC", chr(source)) != target:
            groups.setdefault(target, []).append(source)
    return [
        normalizers.Replace(Regex("[" + "".join(f"\\x{{{point:X}}}" for point in points) + "]"), target)
        for target, points in sorted(groups.items())
    ]
