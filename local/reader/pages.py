"""Writes the invented sites as pages and labelled questions, to which the reader's weights are fitted.

`sites/*.jsonl` has passages in both languages, each with the questions that it answers and the answering sentences, as in
`embedding/training/sites`. The embedding model was not trained on these.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from pathlib import Path

from embedding.training.text import sentences, without_diacritics

SITES = Path(__file__).with_name("sites")
UNANSWERABLE = Path(__file__).with_name("unanswerable.jsonl")
"""For each site, plausible questions that it does not answer."""
CELL_SEPARATOR = " | "


def write(folder: Path) -> dict[str, int]:
    """Writes the pages as `vi/*.html` and `en/*.html`, every second page also below `half`, and those of every second site also below
    `other`. Writes the question sets: `vi`, `en`, `bare` (Vietnamese without diacritics) and `over` (Vietnamese over English pages); every
    third question of each also as `*-third`; and unanswerable questions as `none-*`. Returns the number of questions of each set."""
    sets: dict[str, list[dict]] = {"vi": [], "bare": [], "en": [], "over": []}
    passages = [json.loads(line) for path in sorted(SITES.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]
    sites = list(dict.fromkeys(passage["site"] for passage in passages))
    for index, passage in enumerate(passages):
        name = f"p{index:04d}.html"
        for language in ("vi", "en"):
            page = _page(language, passage[f"title_{language}"], passage[f"text_{language}"])
            folders = [folder]
            folders += [folder / "half"] if index % 2 == 0 else []
            folders += [folder / "other"] if sites.index(passage["site"]) % 2 == 0 else []
            for target in (parent / language for parent in folders):
                target.mkdir(parents=True, exist_ok=True)
                (target / name).write_text(page, encoding="utf-8")
        for kind, question in _questions(passage):
            page_language = "en" if kind in ("en", "over") else "vi"
            common = {"id": f"{sites.index(passage['site'])}-{kind}-{len(sets[kind])}", "gold": [f"{page_language}/{name}"]}
            sets[kind].append(common | question)
    for record in map(json.loads, UNANSWERABLE.read_text(encoding="utf-8").splitlines()):
        for language in ("vi", "en"):
            for question in record[f"none_{language}"]:
                _add_unanswerable(sets, sites.index(record["site"]), language, question, language)
                if language == "vi":
                    _add_unanswerable(sets, sites.index(record["site"]), "bare", without_diacritics(question), language)
    sets |= {f"{kind}-third": questions[::3] for kind, questions in sets.items() if not kind.startswith("none")}
    for kind, questions in sets.items():
        lines = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions)
        (folder / f"{kind}.jsonl").write_text(lines, encoding="utf-8")
    return {kind: len(questions) for kind, questions in sets.items()}


def _add_unanswerable(sets: dict[str, list[dict]], site: int, kind: str, question: str, language: str) -> None:
    questions = sets.setdefault(f"none-{kind}", [])
    questions.append({"id": f"{site}-none-{kind}-{len(questions)}", "question": question, "locale": language})


def _questions(passage: dict) -> Iterator[tuple[str, dict]]:
    texts = {language: f"\n{passage[f'text_{language}']}" for language in ("vi", "en")}
    sentences_of = {language: [text[start:end] for start, end in sentences(text)] for language, text in texts.items()}
    same_length = len(sentences_of["vi"]) == len(sentences_of["en"])
    for language in ("vi", "en"):
        for question, answer in zip(passage[f"q_{language}"], passage[f"a_{language}"]):
            if not answer:
                continue
            yield language, {"question": question, "locale": language, "answer_contains": [answer]}
            if language == "vi":
                yield "bare", {"question": without_diacritics(question), "locale": "vi", "answer_contains": [answer]}
                # Both texts have the same sentences in the same order.
                if same_length and answer in sentences_of["vi"]:
                    english = sentences_of["en"][sentences_of["vi"].index(answer)]
                    yield "over", {"question": question, "locale": "vi", "answer_contains": [english]}


def _page(language: str, title: str, text: str) -> str:
    parts, rows = [], []
    for line in [*text.split("\n"), ""]:
        if CELL_SEPARATOR in line:
            rows.append("<tr>" + "".join(f"<td>{html.escape(cell.strip())}</td>" for cell in line.split(CELL_SEPARATOR)) + "</tr>")
            continue
        parts += [f"<table>{''.join(rows)}</table>"] if rows else []
        parts += [f"<p>{html.escape(line)}</p>"] if line else []
        rows = []
    title = html.escape(title)
    head = f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title></head>'
    return f"{head}<body><main><h1>{title}</h1>{''.join(parts)}</main></body></html>"
