"""The documentation: links and paths exist, every page has the same head, and both indexes list all pages."""

import re
import unittest
from pathlib import Path

from dev import paths

PAGES = sorted([*paths.ROOT.glob("*.md"), *(paths.ROOT / "docs").rglob("*.md"), paths.ROOT / "examples" / "README.md"])
FENCED_CODE = re.compile(r"(?ms)^\s*```.*?^\s*```")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH_IN_CODE = re.compile(r"`((?:bench|clickhouse|docs|examples|gateway|indices|local|nats|schemas|shared|testing|workers)/[\w./-]+)`")
METRIC = re.compile(r'(?:counter|gauge|histogram)!\(\s*"(\w+)"')
MAX_HEAD_LINES = 12
"""Lines from the top within which a page must have "See also"."""


def prose(page: Path) -> str:
    return FENCED_CODE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = (re.sub(r"[`*]", "", heading) for heading in re.findall(r"(?m)^#+ (.*)$", prose(page)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class Documentation(unittest.TestCase):
    def test_links_and_paths_exist(self):
        for page in [*PAGES, paths.ROOT / "llms.txt"]:
            text = prose(page)
            for link in filter(lambda link: "://" not in link, LINK.findall(text)):
                file, _, anchor = link.partition("#")
                target = (page.parent / file).resolve() if file else page
                with self.subTest(page=page.name, link=link):
                    self.assertTrue(target.exists(), "there is no such file")
                    self.assertIn(anchor, anchors(target) if anchor else {""})
            for name in PATH_IN_CODE.findall(text):
                with self.subTest(page=page.name, path=name):
                    self.assertTrue((paths.ROOT / name).exists(), "there is no such file")

    def test_every_page_has_the_same_head(self):
        for page in filter(lambda page: page != paths.ROOT / "README.md", PAGES):
            lines = page.read_text(encoding="utf-8").splitlines()
            with self.subTest(page=page.name):
                self.assertRegex(lines[0], "^# .")
                self.assertEqual(lines[1], "")
                self.assertRegex(lines[2], "^[A-Z]")
                self.assertTrue(any(line.startswith("See also: ") for line in lines[:MAX_HEAD_LINES]))

    def test_the_page_of_metrics_lists_every_metric_of_the_code(self):
        sources = [paths.ROOT / "gateway" / "src", *(paths.ROOT / "workers").rglob("src")]
        code = "".join(file.read_text(encoding="utf-8") for source in sources for file in sorted(source.rglob("*.rs")))
        page = (paths.ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
        self.assertEqual(set(METRIC.findall(code)), set(re.findall(r"(?m)^\| `(hoidap_\w+)`", page)))

    def test_both_indexes_list_every_page(self):
        for index in (paths.ROOT / "docs" / "README.md", paths.ROOT / "llms.txt"):
            linked = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text(encoding="utf-8"))}
            with self.subTest(index=index.name):
                self.assertEqual(set(PAGES) - linked - {index}, set())


if __name__ == "__main__":
    unittest.main()
