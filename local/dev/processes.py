"""Starts and stops processes that outlive ./dev. A record file identifies each, also after its pid was reused."""

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
    """A process that was started, as its record file has it. The pid alone is not enough, because the kernel reuses it."""

    pid: int
    started: int
    """Clock ticks from the start of the machine to the start of the process."""
    boot: str
    """The kernel's boot id."""
    made_of: str
    """Fingerprint of the command, the settings and the program. If it differs, the process is out of date."""


def start(
    command: list[str], environment: Mapping[str, str], log: Path, record_path: Path, fingerprint: str, folder: Path
) -> Record:
    """Starts a process in its own session, with its output in `log`. The previous log is kept as `….1`."""
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
    record = Record(process.pid, start_ticks(process.pid) or 0, _boot_id(), fingerprint)
    record_path.write_text(json.dumps(vars(record)))
    return record


def running(record_path: Path) -> Record | None:
    """The recorded process; None if it is not alive."""
    try:
        record = Record(**json.loads(record_path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    if record.boot == _boot_id() and record.started == start_ticks(record.pid):
        return record
    with suppress(OSError):  # reaps it if it was a child of this process
        os.waitpid(record.pid, os.WNOHANG)
    return None


def stop(record_path: Path, timeout: float) -> bool:
    """Ends the recorded process, by SIGTERM and after `timeout` seconds by SIGKILL; False if it was not alive."""
    record = running(record_path)
    if record is not None:
        os.kill(record.pid, signal.SIGTERM)
        if not _has_ended(record_path, timeout):
            os.kill(record.pid, signal.SIGKILL)
            _has_ended(record_path, 10)
    record_path.unlink(missing_ok=True)
    return record is not None


def _has_ended(record_path: Path, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while running(record_path) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def start_ticks(pid: int) -> int | None:
    """The start time of a process (field 22 of /proc/<pid>/stat); None if it has ended.

    The fields are counted from the end of the name, which can have any characters. A process whose first thread has ended
    keeps its ports and files until its last thread has ended.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        dead = fields[0] == "Z" and len(os.listdir(f"/proc/{pid}/task")) <= 1
    except OSError:
        return None
    return None if dead else int(fields[19])


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
