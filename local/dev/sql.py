"""Queries the ClickHouse of an instance, with its password."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from urllib.parse import urlencode

from .console import DevError, print_line
from .instance import Instance, read_configuration


def query(instance: Instance, statement: str) -> None:
    """Runs one statement in the analytics database and prints its result."""
    settings = {**read_configuration().get("clickhouse", {}), **_clickhouse_settings({**os.environ, **instance.settings("operator")})}
    parameters = urlencode({"database": settings.get("database", "hoidap"), "default_format": "PrettyCompactMonoBlock"})
    headers = {"X-ClickHouse-User": settings.get("user", "default"), "X-ClickHouse-Key": settings.get("password", "")}
    request = urllib.request.Request(f"{settings['url']}/?{parameters}", statement.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            print_line(response.read().decode("utf-8", "replace").rstrip("\n"))
    except urllib.error.HTTPError as error:
        raise DevError(f"ClickHouse refused the statement: {error.read(10_000).decode('utf-8', 'replace').strip()}") from None
    except OSError as error:
        raise DevError(f"ClickHouse at {settings['url']} did not answer ({error}): start it by ./dev up") from None


def _clickhouse_settings(settings: dict[str, str]) -> dict[str, str]:
    prefix = "HOIDAP_CLICKHOUSE__"
    return {name.removeprefix(prefix).lower(): value for name, value in settings.items() if name.startswith(prefix)}
