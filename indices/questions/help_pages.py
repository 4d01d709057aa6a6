"""Writes LibreOffice's help as a browser on Linux shows it, for the questions `help-*.jsonl`.

`python3 help_pages.py /usr/share/libreoffice/help FOLDER` (Debian: libreoffice-help-vi, -en-us, -common). Each page holds the
wordings for several systems and programs, all hidden; a script of the page shows one of each group, or the one named `default`.
"""

import re
import sys
from pathlib import Path

LANGUAGES = {"vi": "vi", "en-US": "en"}
PROGRAMS = {
    "shared": "WRITER",
    "swriter": "WRITER",
    "scalc": "CALC",
    "simpress": "IMPRESS",
    "sdraw": "DRAW",
    "schart": "CHART",
    "sdatabase": "BASE",
    "smath": "MATH",
}
BRANCH = re.compile(r'<span hidden="true" id="([A-Z]+|default)([^"]*)"')


def shown(page: str, program: str) -> str:
    """The page with one wording of each group."""
    groups = {}
    for name, group in BRANCH.findall(page):
        groups.setdefault(group, set()).add(name)

    def branch(found: re.Match) -> str:
        name, group = found.groups()
        wanted = {program, "UNIX"} & groups[group] or {"default"}
        return f'<span id="{name}{group}"' if name in wanted else found.group()

    page = BRANCH.sub(branch, page)
    return re.sub(r"<(script|noscript)\b.*?</\1>", "", page, flags=re.S)


def main() -> None:
    source, out = map(Path, sys.argv[1:])
    for language, name in LANGUAGES.items():
        for folder, program in PROGRAMS.items():
            top = source / language / "text"
            for path in sorted((top / folder).rglob("*.html")):
                target = out / name / path.relative_to(top)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(shown(path.read_text("utf8"), program), "utf8")


if __name__ == "__main__":
    main()
