"""Starts an instance's services, waits for each, and stops them in the other order."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections import deque
from pathlib import Path

from . import paths, ports, processes
from .instance import Instance
from .say import Trouble, already, line, seconds, step
from .services import Service

NAMES = ["nats", "valkey", "clickhouse", "llama", *ports.STAGES, "gateway"]
"""Every service, in the order in which they start."""
READY_PATIENCE = 60
"""Longest time for a service to become ready, in seconds."""
STOP_PATIENCE = 30
"""Longest time for a service to stop by itself, in seconds."""


def record_of(instance: Instance, name: str) -> Path:
    """The file that remembers a service's process."""
    return instance.folder / f"{name}.json"


def log_of(instance: Instance, name: str) -> Path:
    """The file that a service writes to."""
    return instance.folder / "logs" / f"{name}.log"


def start(instance: Instance, services: list[Service], started: list[str]) -> None:
    """Starts the services side by side and waits for each; leaves alone what runs and is up to date.

    The names of those that it starts are added to `started`.
    """
    waited = []
    for service in services:
        record, made_of = record_of(instance, service.name), _fingerprint(service)
        known = processes.running(record)
        if known is not None and known.made_of == made_of and service.ready():
            already(f"{service.name} at {service.address}")
            continue
        if known is not None:
            with step(f"{service.name}: stopping the one that is out of date or not well"):
                processes.stop(record, STOP_PATIENCE)
        if instance.given(service.name) is None:
            ports.require_free(service.name, instance.ports[service.name])
        waited.append((service, record, made_of))
    if not waited:
        return
    with step(f"Starting {', '.join(f'{service.name} ({service.address})' for service, _, _ in waited)}"):
        for service, record, made_of in waited:
            log = log_of(instance, service.name)
            log.parent.mkdir(parents=True, exist_ok=True)
            started.append(service.name)
            processes.start(service.command, {**os.environ, **service.settings}, log, record, made_of, paths.ROOT)
        for service, record, _ in waited:
            _wait(service, record, log_of(instance, service.name))


def stop(instance: Instance, names: list[str] = NAMES) -> int:
    """Stops what the instance runs, also what a ./dev that was killed has left; returns how many processes.

    It cannot be interrupted; each wait in it has a limit.
    """
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    stopped = 0
    for name in reversed(names):
        begun = time.monotonic()
        if processes.stop(record_of(instance, name), STOP_PATIENCE):
            line(f"==> {name}: stopped in {seconds(time.monotonic() - begun)}")
            stopped += 1
    return stopped


def last_lines(log: Path, count: int) -> str:
    """The end of a log, indented."""
    try:
        with log.open(encoding="utf-8", errors="replace") as file:
            return "".join(f"    | {text.rstrip()}\n" for text in deque(file, count)).rstrip("\n")
    except OSError:
        return "    | (there is no log)"


def _wait(service: Service, record: Path, log: Path) -> None:
    deadline = time.monotonic() + READY_PATIENCE
    while not service.ready():
        ended = processes.running(record) is None
        if ended or time.monotonic() > deadline:
            line(last_lines(log, 20))
            what = "ended at once" if ended else f"was not ready within {READY_PATIENCE} s"
            raise Trouble(
                f"{service.name} {what}: the end of its log is above, the whole is in {log}; "
                "mend that and run ./dev up again"
            )
        time.sleep(0.05)


def _fingerprint(service: Service) -> str:
    """Another command, setting or program gives another fingerprint."""
    stamps = [(str(path), path.stat().st_mtime_ns) for path in service.reads if path.exists()]
    given = {name: value for name, value in os.environ.items() if name.startswith("HOIDAP_")}
    made_of = json.dumps([service.command, service.settings, given, stamps], sort_keys=True)
    return hashlib.sha256(made_of.encode()).hexdigest()
