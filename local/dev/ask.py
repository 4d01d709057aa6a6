"""Asks questions through the public API, as a page's widget would, and shows the answers."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid

from . import paths
from .instance import Instance, configuration, read_configuration
from .say import Trouble, line, seconds

SAMPLES = ["q034", "q136"]
"""Lines of examples/questions.jsonl: one in Vietnamese, one in English."""
LONGEST_ANSWER = 1 << 22
"""Bytes that are read of an answer."""


def ask(instance: Instance, question: str, page: str | None = None, session: str | None = None) -> dict:
    """One question to the instance's gateway; shows and returns the answer."""
    return ask_at(instance.url("gateway"), question, page or _home(), session)


def ask_at(gateway: str, question: str, page: str, session: str | None = None, shown: bool = True) -> dict:
    """One question to the gateway at an address; returns the answer, and shows it unless it is not to be shown."""
    body = {
        "message": question,
        "session_id": session or f"dev-{uuid.uuid4()}",
        "context": {"url": page, "title": ""},
        "history": [],
    }
    begun = time.monotonic()
    answer = _post(f"{gateway}/api/chat", body)
    if shown:
        _show(question, page, answer, time.monotonic() - begun)
    return answer


def ask_samples(instance: Instance) -> None:
    """The two questions that show a newcomer that all works; only for the sample site."""
    if configuration() != paths.EXAMPLE:
        return line(f'==> {configuration().name} is not the sample site\'s: try `./dev ask "…"`')
    questions = (paths.EXAMPLE.parent / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    for item in map(json.loads, questions):
        if item["id"] in SAMPLES:
            answer = ask(instance, item["question"], item["page"])
            if not answer["sources"]:
                raise Trouble(
                    f"the answer to {item['question']!r} cites nothing: see `./dev logs generator` and `./dev status`"
                )


def _home() -> str:
    """The address of the site's first collection."""
    collections = read_configuration().get("collections", [])
    return next((item["base_url"] for item in collections if item.get("base_url")), "https://www.example.com/")


def _post(url: str, body: dict) -> dict:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=90) as response:
            return json.loads(response.read(LONGEST_ANSWER))
    except urllib.error.HTTPError as error:
        raise Trouble(f"the gateway refused the question with status {error.code}: {_reason(error)}") from None
    except (OSError, ValueError) as error:
        raise Trouble(
            f"the gateway at {url} did not answer ({error}): start it by ./dev up, or see `./dev logs gateway`"
        ) from None


def _reason(error: urllib.error.HTTPError) -> str:
    text = error.read(10_000).decode("utf-8", "replace")
    try:
        problem = json.loads(text)
        fields = [f"{item.get('pointer', '')} {item.get('detail', '')}".strip() for item in problem.get("errors") or []]
        return "; ".join(dict.fromkeys([problem["detail"], *fields]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return text.strip() or "it gave no reason"


def _show(question: str, page: str, answer: dict, waited: float) -> None:
    line()
    line(f"  Q  {question}")
    line(f"     on {page}")
    line("  A  " + answer["response"].strip().replace("\n", "\n     "))
    product = answer.get("target_product") or "no product"
    line(
        f"     intent {answer['intent']}, {product}, confidence {answer['confidence']:.2f}, "
        f"answered in {seconds(answer['processing_time'])} ({seconds(waited)} over HTTP)"
    )
    for number, source in enumerate(answer["sources"], 1):
        about = source.get("metadata") or {}
        title, url = about.get("title", ""), about.get("url", "")
        line(f"     [{number}] {title} ({source['collection']}, score {source['score']:.2f}) {url}")
        line(f"         {_shortened(source['content'])}")
    line()


def _shortened(text: str, length: int = 200) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[:length].rsplit(" ", 1)[0] + " …"
