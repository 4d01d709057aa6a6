"""Splits texts into sentences and removes diacritics."""

from __future__ import annotations

import re
import unicodedata

SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=\S)")


def sentences(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence in a passage's text below its title. A table row counts as one sentence."""
    spans, offset = [], text.index("\n") + 1
    for line in text[offset:].split("\n"):
        ends = [] if " | " in line else [match.start() for match in SENTENCE_END.finditer(line)]
        starts = [0, *(match.end() for match in SENTENCE_END.finditer(line))] if ends else [0]
        spans += [(offset + start, offset + end) for start, end in zip(starts, [*ends, len(line)]) if end > start]
        offset += len(line) + 1
    return spans


def without_diacritics(text: str) -> str:
    """The text without diacritics."""
    decomposed = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(character for character in decomposed if not unicodedata.combining(character))
