"""What the broker alone takes of a question's time: three hops without work."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import paths, ports, services
from ..say import line
from . import programs
from .figures import Figure, Figures
from .hoidap import wait
from .python_peer import free_port
from .sides import Sides

ABOUT = "jobs/s and latency of three hops over JetStream without any work: what the broker alone allows"
RELAY = "bare relay"
LOADS = ((1, 150), (16, 1_500), (64, 3_000))
"""Jobs in flight, and how many there are."""
PAYLOAD = 4_000
"""Bytes of a job: about those of a question with its passages."""


def run(sides: Sides, rounds: int) -> list[Figure]:
    """The relay has a stream of its own on a server of the same settings."""
    figures = Figures()
    payload = sides.folder / "payload"
    payload.write_bytes(b"x" * PAYLOAD)
    sync = sides.hoidap.instance.nats_settings()["NATS_SYNC"]
    with _nats(sides.folder / "relay", sync) as url:
        for number in range(1, rounds + 1):
            for in_flight, jobs in LOADS:
                report = programs.hoidap_bench("relay", "--url", url, "--payload", payload, "--in-flight", in_flight, "--jobs", jobs)
                if in_flight == 1:
                    figures.add("p50 with one job in flight", "ms", RELAY, report["p50_ms"])
                else:
                    figures.add(f"jobs/s, {in_flight} in flight", "1/s", RELAY, report["jobs_per_second"])
            line(f"    round {number} of {rounds} done")
    return figures.all()


@contextmanager
def _nats(folder: Path, sync: str) -> Iterator[str]:
    """A server without accounts whose writes reach the disk as those of Hoidap's server do; its address."""
    folder.mkdir()
    port, configuration = free_port(), folder / "nats.conf"
    configuration.write_text(
        f'host: {ports.HOST}\nport: {port}\njetstream {{ store_dir: "{folder}", sync_interval: {sync} }}\n'
    )
    with (folder / "log").open("wb") as log:
        command = [str(paths.NATS), "-c", str(configuration)]
        process = subprocess.Popen(command, env=dict(os.environ), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait(services.says(port, b"", b'"jetstream":true'), "the relay's NATS")
        yield f"nats://{ports.HOST}:{port}"
    finally:
        process.terminate()
        process.wait(20)
