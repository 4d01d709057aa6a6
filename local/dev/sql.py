"""Asks the ClickHouse that an instance uses, with its password."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from urllib.parse import urlencode

from .instance import Instance, read_configuration
from .say import Trouble, line


def query(instance: Instance, statement: str) -> None:
    """Runs one statement in the analytics database and shows its result."""
    settings = {**read_configuration().get("clickhouse", {}), **_given({**os.environ, **instance.settings("operator")})}
    parameters = urlencode({"database": settings.get("database", "hoidap"), "default_format": "PrettyCompactMonoBlock"})
    headers = {"X-ClickHouse-User": settings.get("user", "default"), "X-ClickHouse-Key": settings.get("password", "")}
    request = urllib.request.Request(f"{settings['url']}/?{parameters}", statement.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            line(answer.read().decode("utf-8", "replace").rstrip("\n"))
    except urllib.error.HTTPError as error:
        raise Trouble(f"ClickHouse refused the statement: {error.read(10_000).decode('utf-8', 'replace').strip()}") from None
    except OSError as error:
        raise Trouble(f"ClickHouse at {settings['url']} did not answer ({error}): start it by ./dev up") from None


def _given(settings: dict[str, str]) -> dict[str, str]:
    start = "HOIDAP_CLICKHOUSE__"
    return {name.removeprefix(start).lower(): value for name, value in settings.items() if name.startswith(start)}
