"""Podman, through the interface of Docker's that it serves on a socket."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .. import paths, processes
from ..lifecycle import last_lines
from ..say import Trouble, line

PATIENCE = 30
SYSTEMD = Path("/run/systemd/system")
"""There where systemd runs. Its timers start podman's health checks, and compose.yaml waits for these."""


@contextlib.contextmanager
def service(folder: Path, client: str, keep: Callable[[], bool]) -> Iterator[dict[str, str]]:
    """Serves it; the variables by which Compose finds it."""
    if not SYSTEMD.exists():
        raise Trouble("podman checks the health of containers by systemd, which does not run here: install Docker 20.10 or newer instead")
    line("==> Engine: podman")
    record, log = folder / "podman.json", folder / "podman.log"
    processes.stop(record, PATIENCE)
    sockets = Path(tempfile.mkdtemp(prefix="hoidap-"))
    address = sockets / "podman.sock"
    try:
        command = [client, "system", "service", "--time", "0", f"unix://{address}"]
        processes.start(command, os.environ, log, record, "", paths.ROOT)
        deadline = time.monotonic() + PATIENCE
        while not address.exists():
            if processes.running(record) is None or time.monotonic() > deadline:
                line(last_lines(log, 20))
                raise Trouble("podman does not serve Docker's interface: the end of its log is above; mend that first")
            time.sleep(0.1)
        yield {"DOCKER_HOST": f"unix://{address}"}
    finally:
        if not keep():
            stop(folder)
            shutil.rmtree(sockets, ignore_errors=True)


def stop(folder: Path) -> bool:
    """Stops serving it; whether it was served."""
    return processes.stop(folder / "podman.json", PATIENCE)
