"""Texts in sentences, and as they are typed without diacritics."""

from __future__ import annotations

import re
import unicodedata

SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=\S)")


def sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a passage's text below its title begin and end; a row of a table is one."""
    found, at = [], text.index("\n") + 1
    for line in text[at:].split("\n"):
        ends = [] if " | " in line else [match.start() for match in SENTENCE_END.finditer(line)]
        begins = [0, *(match.end() for match in SENTENCE_END.finditer(line))] if ends else [0]
        found += [(at + first, at + last) for first, last in zip(begins, [*ends, len(line)]) if last > first]
        at += len(line) + 1
    return found


def bare(text: str) -> str:
    """Without diacritics."""
    apart = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
