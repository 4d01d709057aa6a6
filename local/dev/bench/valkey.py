"""Empties a Valkey."""

from __future__ import annotations

import socket

from .. import ports
from ..say import Trouble


def flush(port: int) -> None:
    """Removes every key."""
    with socket.create_connection((ports.HOST, port), timeout=10) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        if not (said := connection.recv(1 << 10)).startswith(b"+OK"):
            raise Trouble(f"Valkey at port {port} was not emptied: {said.decode('utf-8', 'replace').strip()}")
