"""Reads the passages of manuals, for which questions were written, from Debian's packages.

`manuals/*.jsonl` has only the questions; a passage is named by its package, its page and the first 16 hex digits of its text's SHA-256.
The packages: gnome-user-docs, evolution-common, gimp-help-en, gnucash-docs, git-doc, python-django-doc, apache2-doc and debian-handbook of
Debian 12, each unpacked by `dpkg -x PACKAGE.deb FOLDER/PACKAGE`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup

PAGES = {
    "gnome-user-docs": ["usr/share/help/C/gnome-help/*.page"],
    "evolution-common": ["usr/share/help/C/evolution/*.page"],
    "gimp-help-en": ["usr/share/gimp/2.0/help/en/*.html"],
    "gnucash-docs": ["usr/share/doc/gnucash-docs/gnucash-*-en/*.html"],
    "git-doc": ["usr/share/doc/git-doc/git*.html"],
    "python-django-doc": [f"usr/share/doc/python-django-doc/html/{part}/**/*.html" for part in ("topics", "howto")],
    "apache2-doc": ["**/en/*.html", "**/en/mod/*.html"],
    "debian-handbook": ["usr/share/doc/debian-handbook/html/en-US/*.html"],
}
HEADINGS = ("h1", "h2", "h3", "h4", "title")
MIN_WORDS, TARGET_WORDS, EXTRA_WORDS = 50, 160, 40
"""Words of a passage: the minimum, the target, and the maximum beyond the target, to complete the last paragraph."""


def passages(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    """Package, page, title and text of each passage below `folder`."""
    for package, patterns in PAGES.items():
        for path in sorted({path for pattern in patterns for path in (folder / package).glob(pattern)}):
            for title, text in _passages(path):
                yield package, path.name, title, text


def passage_id(text: str) -> str:
    """The id of a passage: the beginning of its text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _passages(path: Path) -> Iterator[tuple[str, str]]:
    soup = BeautifulSoup(path.read_text(encoding="utf-8", errors="replace"), "xml" if path.suffix == ".page" else "lxml")
    for unwanted in soup.find_all(["info", "nav", "script", "style", "header", "footer"]):
        unwanted.decompose()
    for unwanted in soup.find_all(class_=re.compile("nav(header|footer)|toc|related|sidebar")):
        unwanted.decompose()
    title, heading, words = "", "", []
    for element in [*soup.find_all([*HEADINGS, "p", "li", "dt", "dd", "pre", "td"]), None]:
        text = " ".join(element.get_text(" ").split()) if element else ""
        if element is None or element.name in HEADINGS:
            if len(words) >= MIN_WORDS:
                yield _full_title(title, heading), " ".join(words[: TARGET_WORDS + EXTRA_WORDS])
            words = []
            if element is not None and (element.name == "h1" or (element.name == "title" and element.parent.name in ("page", "head"))):
                title = title or text
            heading = text
        elif text and not element.find(["p", "li", "dd", "pre"]):
            words += text.split()
            if len(words) >= TARGET_WORDS:
                yield _full_title(title, heading), " ".join(words[: TARGET_WORDS + EXTRA_WORDS])
                words = []


def _full_title(title: str, heading: str) -> str:
    return (title or heading) + (f" > {heading}" if heading and heading != title else "")
