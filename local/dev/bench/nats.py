"""A separate NATS server for a benchmark."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import paths, ports, services
from .hoidap import wait_until
from .python_peer import free_port


@contextmanager
def server(folder: Path, sync_interval: str) -> Iterator[str]:
    """Runs a server without accounts, with the given sync interval, and yields its URL."""
    folder.mkdir()
    port, configuration = free_port(), folder / "nats.conf"
    configuration.write_text(f'host: {ports.HOST}\nport: {port}\njetstream {{ store_dir: "{folder}", sync_interval: {sync_interval} }}\n')
    with (folder / "log").open("wb") as log:
        command = [str(paths.NATS), "-c", str(configuration)]
        process = subprocess.Popen(command, env=dict(os.environ), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_until(services.responds(port, b"", b'"jetstream":true'), "the benchmark's NATS")
        yield f"nats://{ports.HOST}:{port}"
    finally:
        process.terminate()
        process.wait(20)
