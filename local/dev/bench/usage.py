"""CPU time and memory of processes, from /proc."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
MIB_PER_KIB = 1 / 1024


def process_tree(pid: int) -> list[int]:
    """The pids of a process and all its descendants."""
    children, pids = _children(), [pid]
    for parent in pids:
        pids += children.get(parent, [])
    return pids


def cpu_seconds(pids: list[int]) -> float:
    """CPU time of these processes so far, with that of their ended children."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            fields = _stat(pid)
            total += sum(map(int, fields[11:15]))
    return total / TICKS_PER_SECOND


def tick() -> float:
    """The resolution of the kernel's CPU times, in seconds."""
    return 1 / TICKS_PER_SECOND


def memory(pid: int) -> tuple[float, float]:
    """Resident memory in MiB: RSS, and PSS, in which shared memory is divided among the processes that share it."""
    return parse_rollup(Path(f"/proc/{pid}/smaps_rollup").read_text())


def parse_rollup(text: str) -> tuple[float, float]:
    """RSS and PSS in MiB from a smaps_rollup file."""
    values = dict(re.findall(r"(?m)^(Rss|Pss):\s+(\d+) kB", text))
    return int(values["Rss"]) * MIB_PER_KIB, int(values["Pss"]) * MIB_PER_KIB


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # it has ended
                children.setdefault(int(_stat(int(folder.name))[1]), []).append(int(folder.name))
    return children


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third on, after the name, which can have any characters."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
