"""Empties a Valkey server."""

from __future__ import annotations

import socket

from .. import ports
from ..console import DevError


def flush(port: int) -> None:
    """Removes every key."""
    with socket.create_connection((ports.HOST, port), timeout=10) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        if not (reply := connection.recv(1 << 10)).startswith(b"+OK"):
            raise DevError(f"Valkey at port {port} was not emptied: {reply.decode('utf-8', 'replace').strip()}")
