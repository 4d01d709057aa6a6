"""Writes XQuAD as a site, with a page for each paragraph, and its questions for `hoidap-worker eval`.

`python3 xquad_pages.py XQUAD FOLDER [HALF]`, where XQUAD holds `xquad.en.json` and `xquad.vi.json`
(github.com/google-deepmind/xquad, CC BY-SA 4.0). Of its articles every second one is used, from HALF (0 by default) on.
"""

import html
import json
import sys
import unicodedata
from pathlib import Path

LANGUAGES = ("vi", "en")


def without_diacritics(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return unicodedata.normalize("NFC", "".join(c for c in plain if not unicodedata.combining(c)))


def page(language: str, title: str, text: str) -> str:
    title, text = html.escape(title), html.escape(text)
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title></head>'
        f"<body><main><h1>{title}</h1><p>{text}</p></main></body></html>\n"
    )


def main() -> None:
    source, out, half = Path(sys.argv[1]), Path(sys.argv[2]), int([*sys.argv, "0"][3])
    vietnamese, english = (
        json.loads((source / f"xquad.{language}.json").read_text("utf8"))["data"][half::2] for language in LANGUAGES
    )
    questions = {name: [] for name in ("vi", "vi-bare", "vi-over-en", "en")}

    def ask(name: str, question: dict, text: str, answer: dict, locale: str, file: str) -> None:
        line = {"id": question["id"], "question": text, "locale": name[:2], "gold": [f"{locale}/{file}"]}
        questions[name].append({**line, "answer_contains": [answer["answers"][0]["text"]]})

    for number, pair in enumerate(zip(vietnamese, english)):
        for position, paragraphs in enumerate(zip(*(article["paragraphs"] for article in pair))):
            file = f"a{half + 2 * number:02}-p{position}.html"
            for language, paragraph in zip(LANGUAGES, paragraphs):
                path = out / "site" / language / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(page(language, pair[1]["title"].replace("_", " "), paragraph["context"]), "utf8")
            for vi, en in zip(*(paragraph["qas"] for paragraph in paragraphs)):
                ask("vi", vi, vi["question"], vi, "vi", file)
                ask("vi-bare", vi, without_diacritics(vi["question"]), vi, "vi", file)
                ask("vi-over-en", vi, vi["question"], en, "en", file)
                ask("en", en, en["question"], en, "en", file)
    for name, lines in questions.items():
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (out / f"{name}.jsonl").write_text(text, "utf8")


if __name__ == "__main__":
    main()
