"""Who may ask: a program on this machine that knows the password. A web page does not, wherever it comes from."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import re
from email.message import Message

USER = "default"
"""The only user, as ClickHouse has one from the beginning."""
VARIABLE = "CLICKHOUSE_PASSWORD"
"""Where the process finds the password; an argument would be seen by everybody on the machine."""

_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\[\]:@/?#\s]+))(?::\d{1,5})?")


def of_a_page(headers: Message) -> str | None:
    """Why a request is not a program's on this machine but a web page's; None when it is.

    A page that had a name of its own point to loopback shows by the name in `Host`.
    """
    hosts = headers.get_all("Host", [])
    if len(hosts) != 1 or not _is_loopback(hosts[0].strip()):
        return "Host does not name this machine's loopback (127.0.0.1, localhost or [::1])"
    if "Origin" in headers:
        return "requests from web pages are refused: they have an Origin"
    if any(value.strip().lower() != "none" for value in headers.get_all("Sec-Fetch-Site", [])):
        return "requests from web pages are refused: Sec-Fetch-Site is not none"
    return None


def knows(headers: Message, password: str) -> bool:
    """Whether the request names the user and its password, in ClickHouse's own headers or by basic authentication.

    Not in the address: addresses are logged.
    """
    given = _basic(headers.get("Authorization", ""))
    user, key = headers.get("X-ClickHouse-User"), headers.get("X-ClickHouse-Key")
    if given is None:
        given = (user or USER, (key or "").encode("latin-1", "replace"))  # as a header's bytes are read
    elif user is not None or key is not None:
        return False
    return given[0] == USER and hmac.compare_digest(given[1], password.encode())


def _is_loopback(host: str) -> bool:
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    try:
        return ipaddress.ip_address(found[1] or found[2]).is_loopback
    except ValueError:
        return found[1] is None and found[2].lower() == "localhost"


def _basic(value: str) -> tuple[str, bytes] | None:
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except binascii.Error:
        return ("", b"")
    return (user.decode("latin-1"), password)
