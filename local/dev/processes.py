"""Starts and stops processes that outlive ./dev, and knows them again without mistaking another one for them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Record:
    """A process that was started: its number alone may have gone to another one since, the rest tells."""

    pid: int
    started: int
    """Clock ticks from the machine's start to the process's."""
    boot: str
    """The machine's run, as the kernel numbers it."""
    made_of: str
    """Fingerprint of command, settings and program: with another one the process is out of date."""


def start(
    command: list[str], environment: Mapping[str, str], log: Path, record: Path, made_of: str, folder: Path
) -> Record:
    """Starts a process of its own session, its output in `log` (the log before it is kept beside as `….1`)."""
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    made = Record(process.pid, started(process.pid) or 0, _boot(), made_of)
    record.write_text(json.dumps(vars(made)))
    return made


def running(record: Path) -> Record | None:
    """The recorded process, when it is alive."""
    try:
        known = Record(**json.loads(record.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    if known.boot == _boot() and known.started == started(known.pid):
        return known
    with suppress(OSError):  # when it was a child of this process, lets it go; else there is nothing to do
        os.waitpid(known.pid, os.WNOHANG)
    return None


def stop(record: Path, patience: float) -> bool:
    """Ends the recorded process, by SIGTERM and after `patience` seconds by SIGKILL; False when it was not alive."""
    known = running(record)
    if known is not None:
        os.kill(known.pid, signal.SIGTERM)
        if not _gone(record, patience):
            os.kill(known.pid, signal.SIGKILL)
            _gone(record, 10)
    record.unlink(missing_ok=True)
    return known is not None


def _gone(record: Path, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while running(record) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def started(pid: int) -> int | None:
    """Field 22 of /proc/<pid>/stat, counted from behind the name, which may hold anything; None for a dead one.

    A process whose first thread has ended holds its ports and files until its last one has.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        dead = fields[0] == "Z" and len(os.listdir(f"/proc/{pid}/task")) <= 1
    except OSError:
        return None
    return None if dead else int(fields[19])


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
