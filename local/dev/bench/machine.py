"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from .. import model, paths
from ..instance import Instance
from . import python_peer

GIBIBYTE = 1 << 30


def describe(instance: Instance, rounds: int, questions: int) -> dict:
    """Machine, durability, versions, and how much was measured."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpu": cpu_model(Path("/proc/cpuinfo").read_text()),
            "cores": len(os.sched_getaffinity(0)),
            "memory_gib": round(model.memory() / GIBIBYTE, 1),
            "kernel": platform.release(),
        },
        "durability": {"120s": "fast", "always": "durable"}[instance.nats_settings()["NATS_SYNC"]],
        "rounds": rounds,
        "questions": questions,
        "versions": versions(),
    }


def cpu_model(cpuinfo: str) -> str:
    """The processor's name as the kernel tells it."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def versions() -> dict[str, str]:
    """Of Hoidap, and of what it and its peer are made of."""
    return {
        "hoidap": _said([str(paths.BINARIES / "hoidap-gateway"), "--version"]),
        "commit": _said(["git", "-C", str(paths.ROOT), "describe", "--always", "--dirty"]),
        "nats": _said([str(paths.NATS), "--version"]),
        "valkey": _said([str(paths.VALKEY), "--version"]),
        "python": platform.python_version(),
        **pinned((python_peer.PINS).read_text()),
    }


def pinned(requirements: str) -> dict[str, str]:
    """The packages of the peer that matter to its speed, and their versions."""
    wanted = ("fastapi", "uvicorn", "faiss-cpu", "onnxruntime", "numpy", "redis")
    return {name: version for name, version in re.findall(r"(?m)^([\w-]+)==(\S+)", requirements) if name in wanted}


def line(described: dict) -> str:
    """The description in one line."""
    machine = described["machine"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB; {described['durability']}; "
        f"{described['questions']} questions; {described['rounds']} rounds; commit {described['versions']['commit']}"
    )


def _said(command: list[str]) -> str:
    try:
        told = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout.strip()
    except OSError:
        return "unknown"
    return told.splitlines()[0] if told else "unknown"
