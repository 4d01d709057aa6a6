"""Which ports an instance uses, and who holds one that is taken."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

from .say import Trouble

SETTING = "HOIDAP_DEV_PORT_BASE"
USUAL = {"gateway": 8080, "nats": 4222, "valkey": 6379, "clickhouse": 8123, "llama": 8081}
STAGES = [
    # stages: begin names
    "classifier",
    "retriever",
    "reranker",
    "generator",
    # stages: end names
    "analytics",
]
USUAL |= {name: 9100 + number for number, name in enumerate(STAGES)}
HOST = "127.0.0.1"


def assigned() -> dict[str, int]:
    """The port of each service: the usual ones, or as many in a row from the one that the setting names."""
    base = os.environ.get(SETTING, "")
    if not base:
        return dict(USUAL)
    if not base.isascii() or not base.isdigit() or not 1024 <= int(base) <= 65535 - len(USUAL):
        raise Trouble(
            f"{SETTING}={base} is not a port between 1024 and {65535 - len(USUAL)}: "
            f"set it to the first of {len(USUAL)} free ports"
        )
    return {name: int(base) + offset for offset, name in enumerate(USUAL)}


def free_base() -> int:
    """The first of as many free ports in a row as an instance needs."""
    for base in range(20_000, 32_000, 10):
        if not any(taken(base + offset) for offset in range(len(USUAL))):
            return base
    raise Trouble(f"no {len(USUAL)} free ports in a row were found between 20000 and 32000: stop what holds them")


def taken(port: int) -> bool:
    """Whether a server could not listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def require_free(service: str, port: int) -> None:
    """Raises the sentence that names the port, its holder and the way out."""
    if taken(port):
        who = holder(port) or "another process"
        raise Trouble(
            f"port {port}, which {service} needs, is held by {who}: stop it, or choose other ports by {SETTING}, "
            f"such as `{SETTING}={free_base()} ./dev up`"
        )


def holder(port: int) -> str | None:
    """The process that listens on a port, as `name (process 123)`; None where the system does not tell."""
    sockets = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in Path(table).read_text().splitlines()[1:] if os.path.exists(table) else []:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and sockets & _open_files(process):
            return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return None


def _open_files(process: Path) -> set[str]:
    links = set()
    try:
        for file in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                links.add(os.readlink(file))
    except OSError:  # ended meanwhile, or of another user
        pass
    return links
