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

UNUSED_PIECE = "\U0010fffd"
"""Takes the position of each piece that is left out, so that the others keep their ids. No text has this character."""


def write(vocabulary: Vocabulary, shape: Shape, folder: Path) -> Tokenizer:
    """Writes tokenizer.json and the three configuration files beside it; returns the tokenizer."""
    tokenizer = build(vocabulary)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    special_tokens = {
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
        ("special_tokens_map.json", special_tokens),
        ("tokenizer_config.json", {**special_tokens, "model_max_length": shape.positions}),
    ):
        (folder / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return tokenizer


def build(vocabulary: Vocabulary) -> Tokenizer:
    """NFKC with the model's own treatment of control characters, then Unigram pieces, then `<s> … </s>`."""
    special_ids = (vocabulary.bos, vocabulary.pad, vocabulary.eos, vocabulary.unknown)
    pieces = [
        (piece if piece_id in special_ids or is_kept(piece) else UNUSED_PIECE, score)
        for piece_id, (piece, score) in enumerate(vocabulary.pieces)
    ]
    tokenizer = Tokenizer(models.Unigram(pieces, vocabulary.unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            *_replacement_rules(vocabulary.replacements),
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
    tokenizer.add_special_tokens([AddedToken(vocabulary.pieces[i][0], special=True) for i in special_ids])
    return tokenizer


def is_kept(piece: str) -> bool:
    """Whether a piece has only Latin letters, no letters, or a single character. So Vietnamese and English text is split as with all
    pieces, text in another script character by character, and the tokenizer needs a third of the memory."""
    text = piece.replace("▁", "")
    letters = [character for character in text if unicodedata.category(character)[0] in "LM"]
    return len(text) <= 1 or all(unicodedata.name(character, "").startswith(("LATIN ", "COMBINING ")) for character in letters)


def _replacement_rules(replacements: dict[int, str]) -> list[normalizers.Normalizer]:
    """One rule for each replacement that NFKC does not make, for all code points that it replaces."""
    groups: dict[str, list[int]] = {}
    for source, target in replacements.items():
        if unicodedata.normalize("NFKC", chr(source)) != target:
            groups.setdefault(target, []).append(source)
    return [
        normalizers.Replace(Regex("[" + "".join(f"\\x{{{point:X}}}" for point in points) + "]"), target)
        for target, points in sorted(groups.items())
    ]
