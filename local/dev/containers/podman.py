"""Podman, through the Docker API that it serves on a socket."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .. import paths, processes
from ..console import DevError, print_line
from ..lifecycle import last_lines

TIMEOUT = 30
SYSTEMD = Path("/run/systemd/system")
"""Exists if systemd runs. Its timers start podman's health checks, on which compose.yaml depends."""


@contextlib.contextmanager
def service(folder: Path, client: str, keep: Callable[[], bool]) -> Iterator[dict[str, str]]:
    """Serves the Docker API; yields the variables by which Compose finds it."""
    if not SYSTEMD.exists():
        raise DevError("podman checks the health of containers by systemd, which does not run here: install Docker 20.10 or newer instead")
    print_line("==> Engine: podman")
    record, log = folder / "podman.json", folder / "podman.log"
    processes.stop(record, TIMEOUT)
    socket_folder = Path(tempfile.mkdtemp(prefix="hoidap-"))
    socket_path = socket_folder / "podman.sock"
    try:
        command = [client, "system", "service", "--time", "0", f"unix://{socket_path}"]
        processes.start(command, os.environ, log, record, "", paths.ROOT)
        deadline = time.monotonic() + TIMEOUT
        while not socket_path.exists():
            if processes.running(record) is None or time.monotonic() > deadline:
                print_line(last_lines(log, 20))
                raise DevError("podman does not serve the Docker API: the end of its log is above; fix the cause first")
            time.sleep(0.1)
        yield {"DOCKER_HOST": f"unix://{socket_path}"}
    finally:
        if not keep():
            stop(folder)
            shutil.rmtree(socket_folder, ignore_errors=True)


def stop(folder: Path) -> bool:
    """Stops the service. Returns whether it was running."""
    return processes.stop(folder / "podman.json", TIMEOUT)
