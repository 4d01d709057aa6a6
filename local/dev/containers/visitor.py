"""What a visitor of the containers asks, and what the answers must be."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from .. import ask, paths, services
from ..say import Trouble
from .project import Project

OLD, NEW = "900 MB", "725 MB"
"""A fact of the sample site, and what it becomes."""
PAGES = ["site/vi/meet/thiet-bi-va-mang.html", "site/en/meet/devices-and-network.html"]
PATIENCE = 120
"""Longest time until the gateway is well, and until a new document is cited, in seconds."""


def samples() -> list[dict]:
    """The questions about the sample site, one in Vietnamese and one in English, each with the pages that answer it."""
    lines = (paths.EXAMPLE.parent / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [item for item in map(json.loads, lines) if item["id"] in ask.SAMPLES]


def wrong(item: dict, answer: dict, fact: str = "") -> str | None:
    """Why an answer is none, does not cite one of the pages that have it, or does not say a fact."""
    if answer.get("outcome") != "answered" or not answer["response"].strip():
        return f"the outcome is `{answer.get('outcome')}` and not `answered`"
    cited = [(source.get("metadata") or {}).get("url") or "" for source in answer["sources"]]
    if not any(url.endswith(page) for url in cited for page in item["gold"]):
        return f"it cites {', '.join(cited) or 'nothing'} and not {' or '.join(item['gold'])}"
    return None if fact in answer["response"] else f"it does not say {fact}"


def question(project: Project, item: dict, fact: str = "", shown: bool = False) -> dict:
    """Asks as a page does, and checks the answer; `fact` is to be a part of its words."""
    project.asked += 1
    answer = project.engine.reach(lambda: ask.ask_at(project.url, item["question"], item["page"], shown=shown))
    if why := wrong(item, answer, fact):
        raise Trouble(f"the answer to {item['question']!r} is wrong: {why}; it says {answer['response']!r}")
    return answer


def questions(project: Project, shown: bool = False) -> None:
    """All of them, one after the other."""
    for item in samples():
        question(project, item, shown=shown)


def change_fact(site: Path) -> None:
    """Replaces the fact in both languages."""
    for page in PAGES:
        text = (site / page).read_text(encoding="utf-8")
        if OLD not in text:
            raise Trouble(f"examples/{page} does not say `{OLD}`: name another fact in local/dev/containers/visitor.py")
        (site / page).write_text(text.replace(OLD, NEW), encoding="utf-8")


def expect(project: Project, fact: str, patience: float = 0) -> None:
    """Asks the first question until its answer has the fact.

    The stages load a new collection one after the other, each within `indices.reload_ms`. Until all have it, an answer may
    be an old one.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            question(project, samples()[0], fact)
            return
        except Trouble:
            if time.monotonic() >= deadline:
                raise
        time.sleep(1)


def wait_for_gateway(project: Project) -> None:
    """Until it answers at all."""
    ready = services.http(f"{project.url}/api/health")
    deadline = time.monotonic() + PATIENCE
    while not project.engine.reach(ready):
        if time.monotonic() > deadline:
            raise Trouble(f"the gateway does not answer at {project.url} after {PATIENCE} s")
        time.sleep(0.5)


def wait_until_healthy(project: Project) -> None:
    """Until the gateway says that every component is well."""
    _until(project, "/api/health", lambda health: health.get("status") == "healthy", "not everything is well")


def wait_until_counted(project: Project) -> None:
    """Until ClickHouse has every question once."""
    path = "/api/analytics/dashboard?days=1"
    _until(project, path, lambda figures: figures.get("total_conversations") == project.asked, f"{project.asked} questions were asked")


def _until(project: Project, path: str, well: Callable[[dict], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not well(said := project.engine.reach(lambda: _get(project, path))):
        if time.monotonic() > deadline:
            raise Trouble(f"{otherwise}, and after {PATIENCE} s {path} of the gateway says {json.dumps(said, ensure_ascii=False)}")
        time.sleep(1)


def _get(project: Project, path: str) -> dict:
    request = urllib.request.Request(project.url + path, headers={"X-Admin-Token": project.token})
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.loads(response.read(1 << 20))
    except urllib.error.HTTPError as error:
        return {"status": f"status {error.code}", "said": error.read(2000).decode("utf-8", "replace")}
    except (OSError, ValueError) as error:
        return {"status": str(error)}
