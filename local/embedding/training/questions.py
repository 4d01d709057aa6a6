"""What is learnt from: passages, each with the questions that it answers, in batches of neighbours.

`sites/*.jsonl` holds passages of invented sites in both languages, with what answers each question where it is known (`a_vi`, `a_en`:
pieces of the text), `manuals/*.jsonl` questions about the passages of `manuals`.
"""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import manuals

HERE = Path(__file__).parent
NEIGHBOURS = 12
"""Passages of one site that are learnt together: the right one has to be told from them."""
FEWEST_NEIGHBOURS = 4
VIETNAMESE = 0.6
"""How often a passage that is there in both languages is shown in Vietnamese."""
ASKED = {"vi": {"vi": 55, "bare": 28, "en": 17}, "en": {"vi": 45, "bare": 20, "en": 35}}
"""By the passage's language: how often it is asked about in Vietnamese, in Vietnamese without diacritics, in English."""


@dataclass
class Passage:
    site: str
    texts: dict[str, str]
    """By language: title and text, as the index embeds them."""
    questions: dict[str, list[str]]


def read(unpacked: Path | None) -> list[Passage]:
    """All passages; without the manuals where no folder with unpacked packages is given."""
    found = [_of_site(path.stem, item) for path in sorted((HERE / "sites").glob("*.jsonl")) for item in _lines(path)]
    if unpacked is None:
        return found
    texts = {manuals.name(text): (package, f"{title}\n{text}") for package, _, title, text in manuals.passages(unpacked)}
    for path in sorted((HERE / "manuals").glob("*.jsonl")):
        for item in _lines(path):
            if item["passage"] not in texts:
                raise SystemExit(f"{path.name}: {item['package']} has no passage {item['passage']} on {item['page']}: is it Debian 12's?")
            package, text = texts[item["passage"]]
            found.append(Passage(package, {"en": text}, {"vi": item["q_vi"], "en": item["q_en"]}))
    return found


def _lines(path: Path) -> Iterator[dict]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def _of_site(file: str, item: dict) -> Passage:
    texts = {language: f"{item[f'title_{language}']}\n{item[f'text_{language}']}" for language in ("vi", "en")}
    return Passage(f"{file} {item['site']}", texts, {"vi": item["q_vi"], "en": item["q_en"]})


def batches(passages: list[Passage], size: int, chance: random.Random) -> Iterator[list[Passage]]:
    """All passages once, in batches of groups of neighbours."""
    sites: dict[str, list[Passage]] = {}
    for passage in passages:
        sites.setdefault(passage.site, []).append(passage)
    groups = []
    for members in sites.values():
        turn = chance.randrange(NEIGHBOURS)
        members = members[turn:] + members[:turn]
        parts = [members[at : at + NEIGHBOURS] for at in range(0, len(members), NEIGHBOURS)]
        groups += [part for part in parts if len(part) >= FEWEST_NEIGHBOURS]
    chance.shuffle(groups)
    flat = [passage for group in groups for passage in group]
    for at in range(0, len(flat) - size + 1, size):
        yield flat[at : at + size]


def drawn(passage: Passage, count: int, chance: random.Random) -> tuple[str, list[str]]:
    """A passage in one of its languages, and some of its questions as somebody types them."""
    language = "en" if "vi" not in passage.texts or chance.random() >= VIETNAMESE else "vi"
    asked: list[str] = []
    for kind in chance.choices(*zip(*ASKED[language].items()), k=count):
        of = passage.questions["en" if kind == "en" else "vi"]
        question = chance.choice([other for other in of if other not in asked] or of)
        asked.append(bare(question) if kind == "bare" else question)
    return passage.texts[language], asked


def bare(text: str) -> str:
    """Without diacritics."""
    apart = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
