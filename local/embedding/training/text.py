"""Splits texts into sentences and removes diacritics."""

from __future__ import annotations

import re
import unicodedata

SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=\S)")


def sentences(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence in a passage's text below its title; a table row counts as one sentence."""
    found, at = [], text.index("\n") + 1
    for line in text[at:].split("\n"):
        ends = [] if " | " in line else [match.start() for match in SENTENCE_END.finditer(line)]
        begins = [0, *(match.end() for match in SENTENCE_END.finditer(line))] if ends else [0]
        found += [(at + first, at + last) for first, last in zip(begins, [*ends, len(line)]) if last > first]
        at += len(line) + 1
    return found


def without_diacritics(text: str) -> str:
    """The text without diacritics."""
    decomposed = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
