"""What processes use, from /proc."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
KIBIBYTE_IN_MIB = 1 / 1024


def tree(pid: int) -> list[int]:
    """A process and all that it has started."""
    known, found = _children(), [pid]
    for parent in found:
        found += known.get(parent, [])
    return found


def cpu_seconds(pids: list[int]) -> float:
    """Processor time of these processes so far, with that of their children that have ended."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            fields = _stat(pid)
            total += sum(map(int, fields[11:15]))
    return total / TICKS


def tick() -> float:
    """The smallest time that the kernel counts, in seconds."""
    return 1 / TICKS


def memory(pid: int) -> tuple[float, float]:
    """Resident memory in MiB: all of it (RSS), and with what is shared divided among those who share it (PSS)."""
    return parse_rollup(Path(f"/proc/{pid}/smaps_rollup").read_text())


def parse_rollup(text: str) -> tuple[float, float]:
    """RSS and PSS of a smaps_rollup, in MiB."""
    told = dict(re.findall(r"(?m)^(Rss|Pss):\s+(\d+) kB", text))
    return int(told["Rss"]) * KIBIBYTE_IN_MIB, int(told["Pss"]) * KIBIBYTE_IN_MIB


def _children() -> dict[int, list[int]]:
    known: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # ended meanwhile
                known.setdefault(int(_stat(int(folder.name))[1]), []).append(int(folder.name))
    return known


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third on: behind the name, which may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
