"""The ports of an instance, and the process that listens on a port."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

from .console import DevError

BASE_VARIABLE = "HOIDAP_DEV_PORT_BASE"
DEFAULT_PORTS = {"gateway": 8080, "nats": 4222, "valkey": 6379, "clickhouse": 8123, "llama": 8081}
STAGES = [
    # stages: begin names
    "classifier",
    "retriever",
    "reranker",
    "generator",
    # stages: end names
    "analytics",
]
DEFAULT_PORTS |= {name: 9100 + number for number, name in enumerate(STAGES)}
HOST = "127.0.0.1"


def assigned() -> dict[str, int]:
    """The port of each service: the default ports, or consecutive ports from the one in the environment variable."""
    base = os.environ.get(BASE_VARIABLE, "")
    if not base:
        return dict(DEFAULT_PORTS)
    if not base.isascii() or not base.isdigit() or not 1024 <= int(base) <= 65535 - len(DEFAULT_PORTS):
        raise DevError(
            f"{BASE_VARIABLE}={base} is not a port between 1024 and {65535 - len(DEFAULT_PORTS)}: "
            f"set it to the first of {len(DEFAULT_PORTS)} free ports"
        )
    return {name: int(base) + offset for offset, name in enumerate(DEFAULT_PORTS)}


def free_base() -> int:
    """The first of enough consecutive free ports for an instance."""
    for base in range(20_000, 32_000, 10):
        if not any(in_use(base + offset) for offset in range(len(DEFAULT_PORTS))):
            return base
    raise DevError(f"no {len(DEFAULT_PORTS)} consecutive free ports were found between 20000 and 32000: stop the processes that use them")


def in_use(port: int) -> bool:
    """Whether another process uses a port now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return True
    return False


def require_free(service: str, port: int) -> None:
    """Raises an error if a port is in use; it names the process and says what to do."""
    if in_use(port):
        process = listening_process(port) or "another process"
        raise DevError(
            f"port {port}, which {service} needs, is used by {process}: stop it, or choose other ports by {BASE_VARIABLE}, "
            f"such as `{BASE_VARIABLE}={free_base()} ./dev up`"
        )


def listening_process(port: int) -> str | None:
    """The process that listens on a port, as `name (process 123)`; None if the system does not show it."""
    sockets = set()
    for file in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in Path(file).read_text().splitlines()[1:] if os.path.exists(file) else []:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and sockets & _open_files(process):
            return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return None


def _open_files(process: Path) -> set[str]:
    targets = set()
    try:
        for file in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed in the meantime
                targets.add(os.readlink(file))
    except OSError:  # it has ended, or belongs to another user
        pass
    return targets
