"""Describes the machine and the versions of a measurement."""

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
    """The machine, the durability profile, the versions, and the numbers of rounds and questions."""
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
    """The processor's name in /proc/cpuinfo."""
    match = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return match[1].strip() if match else platform.machine()


def versions() -> dict[str, str]:
    """The versions of Hoidap, its servers, and the peer's packages."""
    return {
        "hoidap": _first_line([str(paths.BINARIES / "hoidap-gateway"), "--version"]),
        "commit": _first_line(["git", "-C", str(paths.ROOT), "describe", "--always", "--dirty"]),
        "nats": _first_line([str(paths.NATS), "--version"]),
        "valkey": _first_line([str(paths.VALKEY), "--version"]),
        "python": platform.python_version(),
        **pinned_versions((python_peer.PINS).read_text()),
    }


def pinned_versions(requirements: str) -> dict[str, str]:
    """The pinned versions of the packages that determine the peer's speed."""
    packages = ("fastapi", "uvicorn", "faiss-cpu", "onnxruntime", "numpy", "redis")
    return {name: version for name, version in re.findall(r"(?m)^([\w-]+)==(\S+)", requirements) if name in packages}


def summary(description: dict) -> str:
    """The description in one line."""
    machine = description["machine"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB; {description['durability']}; "
        f"{description['questions']} questions; {description['rounds']} rounds; commit {description['versions']['commit']}"
    )


def _first_line(command: list[str]) -> str:
    try:
        output = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout.strip()
    except OSError:
        return "unknown"
    return output.splitlines()[0] if output else "unknown"
