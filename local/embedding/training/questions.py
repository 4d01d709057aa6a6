"""Training data: passages with the questions that they answer, in batches of neighbours.

`sites/*.jsonl` holds passages of invented sites in both languages, with the answer to each question (`a_vi`, `a_en`: parts of the text),
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
from .text import sentences, without_diacritics

HERE = Path(__file__).parent
NEIGHBOURS_PER_GROUP = 12
"""Passages of one site in a group: the right one must be distinguished from them."""
MIN_NEIGHBOURS = 4
VIETNAMESE_SHARE = 0.6
"""How often a passage in both languages is used in Vietnamese."""
QUESTION_LANGUAGE_WEIGHTS = {"vi": {"vi": 55, "bare": 28, "en": 17}, "en": {"vi": 45, "bare": 20, "en": 35}}
"""By the passage's language: how often a question is in Vietnamese, in Vietnamese without diacritics, or in English."""
WITH_ANSWER_SHARE, MAX_ANSWER_WORDS = 0.5, 40
"""How often a follow-up is combined with the previous answer, and most words of that answer."""


@dataclass
class Question:
    text: str
    answers: dict[str, frozenset[int]] = field(default_factory=dict)
    """By the passage's language: the numbers of the answering sentences; empty if they are not marked."""


@dataclass
class Passage:
    site: str
    texts: dict[str, str]
    """By language: title and text, as the index embeds them."""
    questions: dict[str, list[Question]]
    follow_ups: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    unanswered: dict[str, list[str]] = field(default_factory=dict)
    """By language: plausible questions that the site does not answer."""


def read(unpacked: Path | None) -> list[Passage]:
    """Reads all passages; without the manuals if no folder with unpacked packages is given."""
    found = [_site_passage(path.stem, item) for path in sorted((HERE / "sites").glob("*.jsonl")) for item in _lines(path)]
    if unpacked is None:
        return found
    texts = {manuals.passage_id(text): (package, f"{title}\n{text}") for package, _, title, text in manuals.passages(unpacked)}
    for path in sorted((HERE / "manuals").glob("*.jsonl")):
        for item in _lines(path):
            if item["passage"] not in texts:
                raise SystemExit(f"{path.name}: {item['package']} has no passage {item['passage']} on {item['page']}: is it Debian 12's?")
            package, text = texts[item["passage"]]
            questions = {
                language: [Question(question, {"en": frozenset(marked)} if marked else {}) for question, marked in zip(item[f"q_{language}"], item[f"a_{language}"])]
                for language in ("vi", "en")
            }
            found.append(Passage(package, {"en": text}, questions))
    return found


def _lines(path: Path) -> Iterator[dict]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def _site_passage(file: str, item: dict) -> Passage:
    texts = {language: f"{item[f'title_{language}']}\n{item[f'text_{language}']}" for language in ("vi", "en")}
    questions = {language: _site_questions(item, texts, language) for language in texts}
    follow_ups, unanswered = ({language: item.get(f"{kind}_{language}", []) for language in texts} for kind in "fn")
    return Passage(f"{file} {item['site']}", texts, questions, follow_ups, unanswered)


def _site_questions(item: dict, texts: dict[str, str], language: str) -> list[Question]:
    several = [Question(text) for text in item[f"q_{language}"]]
    sentences_of = {of: sentences(text) for of, text in texts.items()}
    # With equal numbers of sentences, both languages have the same order.
    alike = list(texts) if len({len(parts) for parts in sentences_of.values()}) == 1 else [language]
    for question, answer in zip(several, item.get(f"a_{language}", [])):
        start = texts[language].find(answer, texts[language].index("\n")) if answer else -1
        if start >= 0:
            end = start + len(answer)
            marked = frozenset(at for at, (first, last) in enumerate(sentences_of[language]) if first < end and last > start)
            question.answers = {of: marked for of in alike}
    return several


def batches(passages: list[Passage], size: int, rng: random.Random) -> Iterator[list[Passage]]:
    """Yields all passages once, in batches of groups of neighbours."""
    sites: dict[str, list[Passage]] = {}
    for passage in passages:
        sites.setdefault(passage.site, []).append(passage)
    groups = []
    for members in sites.values():
        turn = rng.randrange(NEIGHBOURS_PER_GROUP)
        members = members[turn:] + members[:turn]
        parts = [members[at : at + NEIGHBOURS_PER_GROUP] for at in range(0, len(members), NEIGHBOURS_PER_GROUP)]
        groups += [part for part in parts if len(part) >= MIN_NEIGHBOURS]
    rng.shuffle(groups)
    flat = [passage for group in groups for passage in group]
    for at in range(0, len(flat) - size + 1, size):
        yield flat[at : at + size]


def language_of(passage: Passage, rng: random.Random) -> str:
    """One of the languages of a passage."""
    return "en" if "vi" not in passage.texts or rng.random() >= VIETNAMESE_SHARE else "vi"


def sample_questions(passage: Passage, language: str, count: int, rng: random.Random) -> list[Question]:
    """Samples questions about a passage in one language, as people type them."""
    questions: list[Question] = []
    for kind in rng.choices(*zip(*QUESTION_LANGUAGE_WEIGHTS[language].items()), k=count):
        of = passage.questions["en" if kind == "en" else "vi"]
        question = rng.choice([other for other in of if all(other.text != known.text for known in questions)] or of)
        questions.append(Question(without_diacritics(question.text), question.answers) if kind == "bare" else question)
    return questions


def follow_up(passage: Passage, rng: random.Random) -> tuple[str, Question]:
    """A passage's language, and a follow-up that it answers, as it is searched: after the previous question, or after that and its answer."""
    language = rng.choice([language for language, several in passage.follow_ups.items() if several])
    chosen = rng.choice(passage.follow_ups[language])
    between = " ".join(chosen["answer"].split()[:MAX_ANSWER_WORDS]) if rng.random() < WITH_ANSWER_SHARE else ""
    text = " ".join(part for part in (chosen["before"], between, chosen["after"]) if part)
    without = language == "vi" and not between and rng.random() < QUESTION_LANGUAGE_WEIGHTS["vi"]["bare"] / 100
    return language, Question(without_diacritics(text) if without else text)
