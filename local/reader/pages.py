"""Invented sites as pages and labelled questions, for learning the reader's weights.

`sites/*.jsonl` has passages in both languages with the questions that each answers and the sentences that answer them, as in
`embedding/training/sites`; the embedding model has learnt nothing from these.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from pathlib import Path

from embedding.training.text import bare, sentences

SITES = Path(__file__).with_name("sites")
UNANSWERABLE = Path(__file__).with_name("unanswerable.jsonl")
"""For each site, questions that sound as if it answered them."""
CELLS = " | "


def write(folder: Path) -> dict[str, int]:
    """Writes `vi/*.html` and `en/*.html`, every second page once more below `half` and those of every second site below `other`, and a
    question set for each language, for Vietnamese without diacritics and for Vietnamese over English pages, every third question of each
    once more as `*-third`, and `none-*`, which no page answers. Returns how many questions each set has."""
    sets: dict[str, list[dict]] = {"vi": [], "bare": [], "en": [], "over": []}
    items = [json.loads(line) for path in sorted(SITES.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]
    sites = list(dict.fromkeys(item["site"] for item in items))
    for number, item in enumerate(items):
        name = f"p{number:04d}.html"
        for language in ("vi", "en"):
            page = _page(language, item[f"title_{language}"], item[f"text_{language}"])
            parts = [folder, *([folder / "half"] if number % 2 == 0 else []), *([folder / "other"] if sites.index(item["site"]) % 2 == 0 else [])]
            for place in (part / language for part in parts):
                place.mkdir(parents=True, exist_ok=True)
                (place / name).write_text(page, encoding="utf-8")
        for kind, question in _asked(item):
            known = {"id": f"{sites.index(item['site'])}-{kind}-{len(sets[kind])}", "gold": [f"{'en' if kind in ('en', 'over') else 'vi'}/{name}"]}
            sets[kind].append(known | question)
    for item in map(json.loads, UNANSWERABLE.read_text(encoding="utf-8").splitlines()):
        for language in ("vi", "en"):
            for question in item[f"none_{language}"]:
                _none(sets, sites.index(item["site"]), language, question, language)
                if language == "vi":
                    _none(sets, sites.index(item["site"]), "bare", bare(question), language)
    sets |= {f"{kind}-third": several[::3] for kind, several in sets.items() if not kind.startswith("none")}
    for kind, several in sets.items():
        lines = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in several)
        (folder / f"{kind}.jsonl").write_text(lines, encoding="utf-8")
    return {kind: len(several) for kind, several in sets.items()}


def _none(sets: dict[str, list[dict]], site: int, kind: str, question: str, language: str) -> None:
    several = sets.setdefault(f"none-{kind}", [])
    several.append({"id": f"{site}-none-{kind}-{len(several)}", "question": question, "locale": language})


def _asked(item: dict) -> Iterator[tuple[str, dict]]:
    texts = {language: f"\n{item[f'text_{language}']}" for language in ("vi", "en")}
    parted = {language: [text[start:end] for start, end in sentences(text)] for language, text in texts.items()}
    alike = len(parted["vi"]) == len(parted["en"])
    for language in ("vi", "en"):
        for question, answer in zip(item[f"q_{language}"], item[f"a_{language}"]):
            if not answer:
                continue
            yield language, {"question": question, "locale": language, "answer_contains": [answer]}
            if language == "vi":
                yield "bare", {"question": bare(question), "locale": "vi", "answer_contains": [answer]}
                # Both texts say the same sentence by sentence.
                if alike and answer in parted["vi"]:
                    told = parted["en"][parted["vi"].index(answer)]
                    yield "over", {"question": question, "locale": "vi", "answer_contains": [told]}


def _page(language: str, title: str, text: str) -> str:
    parts, rows = [], []
    for line in [*text.split("\n"), ""]:
        if CELLS in line:
            rows.append("<tr>" + "".join(f"<td>{html.escape(cell.strip())}</td>" for cell in line.split(CELLS)) + "</tr>")
            continue
        parts += [f"<table>{''.join(rows)}</table>"] if rows else []
        parts += [f"<p>{html.escape(line)}</p>"] if line else []
        rows = []
    title = html.escape(title)
    head = f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title></head>'
    return f"{head}<body><main><h1>{title}</h1>{''.join(parts)}</main></body></html>"
