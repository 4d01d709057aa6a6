"""Asks questions through the public API, as the widget does, and prints the answers."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid

from . import paths
from .console import DevError, format_duration, print_line
from .instance import Instance, configuration, read_configuration

SAMPLE_IDS = ["q034", "q136"]
"""Ids of questions in examples/questions.jsonl: one in Vietnamese, one in English."""
MAX_ANSWER_BYTES = 1 << 22


def ask(instance: Instance, question: str, page: str | None = None, session: str | None = None) -> dict:
    """Sends a question to the instance's gateway; prints and returns the answer."""
    return ask_at(instance.url("gateway"), question, page or _default_page(), session)


def ask_at(gateway: str, question: str, page: str, session: str | None = None, show: bool = True) -> dict:
    """Sends a question to the gateway at a URL; returns the answer, and prints it if `show`."""
    body = {
        "message": question,
        "session_id": session or f"dev-{uuid.uuid4()}",
        "context": {"url": page, "title": ""},
        "history": [],
    }
    started_at = time.monotonic()
    answer = _post(f"{gateway}/api/chat", body)
    if show:
        _show(question, page, answer, time.monotonic() - started_at)
    return answer


def ask_samples(instance: Instance) -> None:
    """Asks two questions that show that everything works; only for the sample site."""
    if configuration() != paths.EXAMPLE_CONFIGURATION:
        return print_line(f'==> {configuration().name} is not the configuration of the sample site: try `./dev ask "…"`')
    questions = (paths.EXAMPLE_CONFIGURATION.parent / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    for item in map(json.loads, questions):
        if item["id"] in SAMPLE_IDS:
            answer = ask(instance, item["question"], item["page"])
            if not answer["sources"]:
                raise DevError(
                    f"the answer to {item['question']!r} cites nothing: see `./dev logs generator` and `./dev status`"
                )


def _default_page() -> str:
    """The URL of the site's first collection."""
    collections = read_configuration().get("collections", [])
    return next((item["base_url"] for item in collections if item.get("base_url")), "https://www.example.com/")


def _post(url: str, body: dict) -> dict:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=90) as response:
            return json.loads(response.read(MAX_ANSWER_BYTES))
    except urllib.error.HTTPError as error:
        raise DevError(f"the gateway refused the question with status {error.code}: {_error_detail(error)}") from None
    except (OSError, ValueError) as error:
        raise DevError(
            f"the gateway at {url} did not answer ({error}): start it by ./dev up, or see `./dev logs gateway`"
        ) from None


def _error_detail(error: urllib.error.HTTPError) -> str:
    text = error.read(10_000).decode("utf-8", "replace")
    try:
        body = json.loads(text)
        fields = [f"{item.get('pointer', '')} {item.get('detail', '')}".strip() for item in body.get("errors") or []]
        return "; ".join(dict.fromkeys([body["detail"], *fields]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return text.strip() or "no reason was given"


def _show(question: str, page: str, answer: dict, duration: float) -> None:
    print_line()
    print_line(f"  Q  {question}")
    print_line(f"     on {page}")
    print_line("  A  " + answer["response"].strip().replace("\n", "\n     "))
    product = answer.get("target_product") or "no product"
    print_line(
        f"     intent {answer['intent']}, {product}, confidence {answer['confidence']:.2f}, "
        f"answered in {format_duration(answer['processing_time'])} ({format_duration(duration)} over HTTP)"
    )
    for number, source in enumerate(answer["sources"], 1):
        metadata = source.get("metadata") or {}
        title, url = metadata.get("title", ""), metadata.get("url", "")
        print_line(f"     [{number}] {title} ({source['collection']}, score {source['score']:.2f}) {url}")
        print_line(f"         {_truncated(source['content'])}")
    print_line()


def _truncated(text: str, length: int = 200) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[:length].rsplit(" ", 1)[0] + " …"
