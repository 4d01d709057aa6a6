"""Asks the gateway in the containers as a visitor does, and checks the answers."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from .. import ask, paths, services
from ..console import DevError
from .project import Project

OLD_FACT, NEW_FACT = "900 MB", "725 MB"
"""A fact of the sample site, and the one that replaces it."""
PAGES = ["site/vi/meet/thiet-bi-va-mang.html", "site/en/meet/devices-and-network.html"]
TIMEOUT = 120
"""Maximum time until the gateway is healthy, and until a new document is cited, in seconds."""


def sample_questions() -> list[dict]:
    """The questions about the sample site, one in Vietnamese and one in English, each with the pages that answer it."""
    lines = (paths.EXAMPLE_CONFIGURATION.parent / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [sample for sample in map(json.loads, lines) if sample["id"] in ask.SAMPLE_IDS]


def error_in_answer(sample: dict, answer: dict, fact: str = "") -> str | None:
    """What is wrong with an answer: it is empty, cites none of the right pages, or lacks the fact. None if it is right."""
    if answer.get("outcome") != "answered" or not answer["response"].strip():
        return f"the outcome is `{answer.get('outcome')}` and not `answered`"
    cited_urls = [(source.get("metadata") or {}).get("url") or "" for source in answer["sources"]]
    if not any(url.endswith(page) for url in cited_urls for page in sample["gold"]):
        return f"it cites {', '.join(cited_urls) or 'nothing'} and not {' or '.join(sample['gold'])}"
    return None if fact in answer["response"] else f"it does not say {fact}"


def ask_question(project: Project, sample: dict, fact: str = "", show: bool = False) -> dict:
    """Asks a question as the widget does, and checks the answer, which must contain `fact`."""
    project.question_count += 1
    answer = project.engine.call_in_network(lambda: ask.ask_at(project.url, sample["question"], sample["page"], show=show))
    if reason := error_in_answer(sample, answer, fact):
        raise DevError(f"the answer to {sample['question']!r} is wrong: {reason}; it says {answer['response']!r}")
    return answer


def ask_all(project: Project, show: bool = False) -> None:
    """Asks all sample questions, one after the other."""
    for sample in sample_questions():
        ask_question(project, sample, show=show)


def change_fact(site: Path) -> None:
    """Replaces the fact on the pages of both languages."""
    for page in PAGES:
        text = (site / page).read_text(encoding="utf-8")
        if OLD_FACT not in text:
            raise DevError(f"examples/{page} does not say `{OLD_FACT}`: name another fact in local/dev/containers/visitor.py")
        (site / page).write_text(text.replace(OLD_FACT, NEW_FACT), encoding="utf-8")


def wait_for_fact(project: Project, fact: str, timeout: float = 0) -> None:
    """Asks the first question until its answer has the fact.

    The stages load a new collection one after the other, each within `indices.reload_ms`. Until all have loaded it, an
    answer may be old.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            ask_question(project, sample_questions()[0], fact)
            return
        except DevError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(1)


def wait_for_gateway(project: Project) -> None:
    """Waits until the gateway answers."""
    ready = services.http_ok(f"{project.url}/api/health")
    deadline = time.monotonic() + TIMEOUT
    while not project.engine.call_in_network(ready):
        if time.monotonic() > deadline:
            raise DevError(f"the gateway does not answer at {project.url} after {TIMEOUT} s")
        time.sleep(0.5)


def wait_until_healthy(project: Project) -> None:
    """Waits until the gateway reports that every component is healthy."""
    _wait_until(project, "/api/health", lambda health: health.get("status") == "healthy", "not everything is healthy")


def wait_until_counted(project: Project) -> None:
    """Waits until ClickHouse has every question once."""
    path = "/api/analytics/dashboard?days=1"
    count = project.question_count
    _wait_until(project, path, lambda dashboard: dashboard.get("total_conversations") == count, f"{count} questions were asked")


def _wait_until(project: Project, path: str, condition: Callable[[dict], bool], failure: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition(response := project.engine.call_in_network(lambda: _get(project, path))):
        if time.monotonic() > deadline:
            raise DevError(f"{failure}, and after {TIMEOUT} s {path} of the gateway returns {json.dumps(response, ensure_ascii=False)}")
        time.sleep(1)


def _get(project: Project, path: str) -> dict:
    request = urllib.request.Request(project.url + path, headers={"X-Admin-Token": project.token})
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.loads(response.read(1 << 20))
    except urllib.error.HTTPError as error:
        return {"status": f"status {error.code}", "body": error.read(2000).decode("utf-8", "replace")}
    except (OSError, ValueError) as error:
        return {"status": str(error)}
