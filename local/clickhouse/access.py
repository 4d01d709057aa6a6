"""Access control: only programs on this machine that know the password may send requests, and no web page may."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import re
from email.message import Message

USER = "default"
"""The only user, which a new ClickHouse has too."""
PASSWORD_VARIABLE = "CLICKHOUSE_PASSWORD"
"""The environment variable with the password. A command line argument would be visible to every user of the machine."""

_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^\[\]:@/?#\s]+))(?::\d{1,5})?")


def refusal(headers: Message) -> str | None:
    """Why a request is refused because a web page may have sent it; None if it is allowed.

    A page whose host name resolves to loopback (DNS rebinding) is recognised by the name in `Host`.
    """
    hosts = headers.get_all("Host", [])
    if len(hosts) != 1 or not _is_loopback(hosts[0].strip()):
        return "Host does not name this machine's loopback (127.0.0.1, localhost or [::1])"
    if "Origin" in headers:
        return "requests from web pages are refused: they have an Origin"
    if any(value.strip().lower() != "none" for value in headers.get_all("Sec-Fetch-Site", [])):
        return "requests from web pages are refused: Sec-Fetch-Site is not none"
    return None


def is_authenticated(headers: Message, password: str) -> bool:
    """Whether the request has the user and its password, in ClickHouse's headers or by basic authentication.

    The query string does not count, because URLs are logged.
    """
    credentials = _basic_credentials(headers.get("Authorization", ""))
    user, key = headers.get("X-ClickHouse-User"), headers.get("X-ClickHouse-Key")
    if credentials is None:
        credentials = (user or USER, (key or "").encode("latin-1", "replace"))  # http.server decodes headers as Latin-1
    elif user is not None or key is not None:
        return False
    return credentials[0] == USER and hmac.compare_digest(credentials[1], password.encode())


def _is_loopback(host: str) -> bool:
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    try:
        return ipaddress.ip_address(match[1] or match[2]).is_loopback
    except ValueError:
        return match[1] is None and match[2].lower() == "localhost"


def _basic_credentials(value: str) -> tuple[str, bytes] | None:
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except binascii.Error:
        return ("", b"")
    return (user.decode("latin-1"), password)
