"""Training data: passages with the questions that they answer, in batches of neighbours.

`sites/*.jsonl` has passages of invented sites in both languages, with the answer to each question (`a_vi`, `a_en`: parts of the text),
with follow-up questions of conversations (`f_vi`, `f_en`), and with questions that no passage of the site answers (`n_vi`, `n_en`).
`manuals/*.jsonl` has questions about the passages of `manuals`, with the numbers of the sentences that answer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import manuals
from .text import sentences, without_diacritics

FOLDER = Path(__file__).parent
NEIGHBOURS_PER_GROUP = 12
"""Passages of one site in a group, from which the answering one must be distinguished."""
MIN_NEIGHBOURS = 4
VIETNAMESE_SHARE = 0.6
"""How often a passage that exists in both languages is used in Vietnamese."""
QUESTION_LANGUAGE_WEIGHTS = {"vi": {"vi": 55, "bare": 28, "en": 17}, "en": {"vi": 45, "bare": 20, "en": 35}}
"""By the passage's language: how often a question is in Vietnamese, in Vietnamese without diacritics, or in English."""
WITH_ANSWER_SHARE, MAX_ANSWER_WORDS = 0.5, 40
"""How often a follow-up question is combined with the previous answer, and the maximum words of that answer."""


@dataclass
class Question:
    text: str
    answers: dict[str, frozenset[int]] = field(default_factory=dict)
    """By the passage's language, the numbers of the answering sentences; empty if they are not known."""


@dataclass
class Passage:
    site: str
    texts: dict[str, str]
    """By language, the title and the text, as the index embeds them."""
    questions: dict[str, list[Question]]
    follow_ups: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    unanswered: dict[str, list[str]] = field(default_factory=dict)
    """By language, plausible questions that the site does not answer."""


def read(unpacked: Path | None) -> list[Passage]:
    """Reads all passages; without those of the manuals if no folder with unpacked packages is given."""
    passages = [_site_passage(path.stem, record) for path in sorted((FOLDER / "sites").glob("*.jsonl")) for record in _lines(path)]
    if unpacked is None:
        return passages
    texts = {manuals.passage_id(text): (package, f"{title}\n{text}") for package, _, title, text in manuals.passages(unpacked)}
    for path in sorted((FOLDER / "manuals").glob("*.jsonl")):
        for record in _lines(path):
            if record["passage"] not in texts:
                raise SystemExit(f"{path.name}: {record['package']} has no passage {record['passage']} on {record['page']}: is it Debian 12's?")
            package, text = texts[record["passage"]]
            passage_questions = {
                language: [
                    Question(question, {"en": frozenset(answering)} if answering else {})
                    for question, answering in zip(record[f"q_{language}"], record[f"a_{language}"])
                ]
                for language in ("vi", "en")
            }
            passages.append(Passage(package, {"en": text}, passage_questions))
    return passages


def _lines(path: Path) -> Iterator[dict]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def _site_passage(file: str, record: dict) -> Passage:
    texts = {language: f"{record[f'title_{language}']}\n{record[f'text_{language}']}" for language in ("vi", "en")}
    questions = {language: _site_questions(record, texts, language) for language in texts}
    follow_ups, unanswered = ({language: record.get(f"{kind}_{language}", []) for language in texts} for kind in "fn")
    return Passage(f"{file} {record['site']}", texts, questions, follow_ups, unanswered)


def _site_questions(record: dict, texts: dict[str, str], language: str) -> list[Question]:
    questions = [Question(text) for text in record[f"q_{language}"]]
    sentences_of = {text_language: sentences(text) for text_language, text in texts.items()}
    # If both languages have the same number of sentences, these are in the same order.
    languages = list(texts) if len({len(spans) for spans in sentences_of.values()}) == 1 else [language]
    for question, answer in zip(questions, record.get(f"a_{language}", [])):
        start = texts[language].find(answer, texts[language].index("\n")) if answer else -1
        if start >= 0:
            end = start + len(answer)
            spans = enumerate(sentences_of[language])
            answering = frozenset(number for number, (span_start, span_end) in spans if span_start < end and span_end > start)
            question.answers = {text_language: answering for text_language in languages}
    return questions


def batches(passages: list[Passage], size: int, rng: random.Random) -> Iterator[list[Passage]]:
    """Yields the passages once, in batches of groups of neighbours."""
    sites: dict[str, list[Passage]] = {}
    for passage in passages:
        sites.setdefault(passage.site, []).append(passage)
    groups = []
    for members in sites.values():
        rotation = rng.randrange(NEIGHBOURS_PER_GROUP)
        members = members[rotation:] + members[:rotation]
        parts = [members[start : start + NEIGHBOURS_PER_GROUP] for start in range(0, len(members), NEIGHBOURS_PER_GROUP)]
        groups += [part for part in parts if len(part) >= MIN_NEIGHBOURS]
    rng.shuffle(groups)
    shuffled = [passage for group in groups for passage in group]
    for start in range(0, len(shuffled) - size + 1, size):
        yield shuffled[start : start + size]


def sample_language(passage: Passage, rng: random.Random) -> str:
    """Samples one of the languages of a passage."""
    return "en" if "vi" not in passage.texts or rng.random() >= VIETNAMESE_SHARE else "vi"


def sample_questions(passage: Passage, language: str, count: int, rng: random.Random) -> list[Question]:
    """Samples questions about a passage in one language, in the languages and spellings that visitors use."""
    questions: list[Question] = []
    for kind in rng.choices(*zip(*QUESTION_LANGUAGE_WEIGHTS[language].items()), k=count):
        candidates = passage.questions["en" if kind == "en" else "vi"]
        question = rng.choice([candidate for candidate in candidates if all(candidate.text != chosen.text for chosen in questions)] or candidates)
        questions.append(Question(without_diacritics(question.text), question.answers) if kind == "bare" else question)
    return questions


def sample_follow_up(passage: Passage, rng: random.Random) -> tuple[str, Question]:
    """Samples a language of a passage and a follow-up question that it answers, as the search gets it: after the previous question, or
    after that question and its answer."""
    language = rng.choice([language for language, follow_ups in passage.follow_ups.items() if follow_ups])
    follow_up = rng.choice(passage.follow_ups[language])
    previous_answer = " ".join(follow_up["answer"].split()[:MAX_ANSWER_WORDS]) if rng.random() < WITH_ANSWER_SHARE else ""
    text = " ".join(part for part in (follow_up["before"], previous_answer, follow_up["after"]) if part)
    remove_diacritics = language == "vi" and not previous_answer and rng.random() < QUESTION_LANGUAGE_WEIGHTS["vi"]["bare"] / 100
    return language, Question(without_diacritics(text) if remove_diacritics else text)
