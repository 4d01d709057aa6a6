"""What is learnt from: passages, each with the questions that it answers, in batches of neighbours.

`sites/*.jsonl` holds passages of invented sites in both languages, with what answers each question (`a_vi`, `a_en`: pieces of the text),
with follow-ups of conversations (`f_vi`, `f_en`), and with questions that no passage of the site answers (`n_vi`, `n_en`); `manuals/*.jsonl`
holds questions about the passages of `manuals`, with the numbers of the sentences that answer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import manuals
from .text import bare, sentences

HERE = Path(__file__).parent
NEIGHBOURS = 12
"""Passages of one site that are learnt together: the right one has to be told from them."""
FEWEST_NEIGHBOURS = 4
VIETNAMESE = 0.6
"""How often a passage that is there in both languages is shown in Vietnamese."""
ASKED = {"vi": {"vi": 55, "bare": 28, "en": 17}, "en": {"vi": 45, "bare": 20, "en": 35}}
"""By the passage's language: how often it is asked about in Vietnamese, in Vietnamese without diacritics, in English."""
WITH_ANSWER, ANSWER_WORDS = 0.5, 40
"""How often a follow-up is searched with the answer before it, and the words of that answer."""


@dataclass
class Question:
    text: str
    answers: dict[str, frozenset[int]] = field(default_factory=dict)
    """By the passage's language: the numbers of the sentences that answer; none where nobody marked them."""


@dataclass
class Passage:
    site: str
    texts: dict[str, str]
    """By language: title and text, as the index embeds them."""
    questions: dict[str, list[Question]]
    follow_ups: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    unanswered: dict[str, list[str]] = field(default_factory=dict)
    """By language: questions that sound as if the site answered them."""


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
            asked = {
                language: [Question(question, {"en": frozenset(marked)} if marked else {}) for question, marked in zip(item[f"q_{language}"], item[f"a_{language}"])]
                for language in ("vi", "en")
            }
            found.append(Passage(package, {"en": text}, asked))
    return found


def _lines(path: Path) -> Iterator[dict]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def _of_site(file: str, item: dict) -> Passage:
    texts = {language: f"{item[f'title_{language}']}\n{item[f'text_{language}']}" for language in ("vi", "en")}
    asked = {language: _asked(item, texts, language) for language in texts}
    follow_ups, unanswered = ({language: item.get(f"{kind}_{language}", []) for language in texts} for kind in "fn")
    return Passage(f"{file} {item['site']}", texts, asked, follow_ups, unanswered)


def _asked(item: dict, texts: dict[str, str], language: str) -> list[Question]:
    several = [Question(text) for text in item[f"q_{language}"]]
    parted = {of: sentences(text) for of, text in texts.items()}
    # What the languages have in equal numbers of sentences stands in the same order.
    alike = list(texts) if len({len(parts) for parts in parted.values()}) == 1 else [language]
    for question, answer in zip(several, item.get(f"a_{language}", [])):
        start = texts[language].find(answer, texts[language].index("\n")) if answer else -1
        if start >= 0:
            end = start + len(answer)
            marked = frozenset(at for at, (first, last) in enumerate(parted[language]) if first < end and last > start)
            question.answers = {of: marked for of in alike}
    return several


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


def language_of(passage: Passage, chance: random.Random) -> str:
    """One of the languages that a passage is there in."""
    return "en" if "vi" not in passage.texts or chance.random() >= VIETNAMESE else "vi"


def drawn(passage: Passage, language: str, count: int, chance: random.Random) -> list[Question]:
    """Some of the questions about a passage in one language, as somebody types them."""
    asked: list[Question] = []
    for kind in chance.choices(*zip(*ASKED[language].items()), k=count):
        of = passage.questions["en" if kind == "en" else "vi"]
        question = chance.choice([other for other in of if all(other.text != known.text for known in asked)] or of)
        asked.append(Question(bare(question.text), question.answers) if kind == "bare" else question)
    return asked


def follow_up(passage: Passage, chance: random.Random) -> tuple[str, Question]:
    """A passage's language, and a follow-up that it answers as it is searched: behind the question before, or behind that and its answer."""
    language = chance.choice([language for language, several in passage.follow_ups.items() if several])
    chosen = chance.choice(passage.follow_ups[language])
    between = " ".join(chosen["answer"].split()[:ANSWER_WORDS]) if chance.random() < WITH_ANSWER else ""
    text = " ".join(part for part in (chosen["before"], between, chosen["after"]) if part)
    without = language == "vi" and not between and chance.random() < ASKED["vi"]["bare"] / 100
    return language, Question(bare(text) if without else text)
