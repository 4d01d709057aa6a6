"""Starts the services of an instance, waits until each is ready, and stops them in reverse order."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections import deque
from pathlib import Path

from . import paths, ports, processes
from .console import DevError, format_duration, print_line, print_skipped, step
from .instance import Instance
from .services import Service

SERVICE_NAMES = ["nats", "valkey", "clickhouse", "llama", *ports.STAGES, "gateway"]
"""All services, in the order in which they start."""
READY_TIMEOUT = 60
"""Maximum time until a service is ready, in seconds."""
STOP_TIMEOUT = 30
"""Maximum time until a service has stopped after SIGTERM, in seconds."""


def record_path(instance: Instance, name: str) -> Path:
    """The record file of a service's process."""
    return instance.folder / f"{name}.json"


def log_path(instance: Instance, name: str) -> Path:
    """The log file of a service."""
    return instance.folder / "logs" / f"{name}.log"


def start(instance: Instance, services: list[Service], started: list[str]) -> None:
    """Starts the services in parallel and waits until each is ready. Services that run and are up to date are left alone.

    The names of the started services are added to `started`.
    """
    pending = []
    for service in services:
        record_file, fingerprint = record_path(instance, service.name), _fingerprint(service)
        record = processes.running(record_file)
        if record is not None and record.made_of == fingerprint and service.ready():
            print_skipped(f"{service.name} at {service.address}")
            continue
        if record is not None:
            with step(f"{service.name}: stopping the process that is out of date or not ready"):
                processes.stop(record_file, STOP_TIMEOUT)
        if instance.external_url(service.name) is None:
            ports.require_free(service.name, instance.ports[service.name])
        pending.append((service, record_file, fingerprint))
    if not pending:
        return
    with step(f"Starting {', '.join(f'{service.name} ({service.address})' for service, _, _ in pending)}"):
        for service, record_file, fingerprint in pending:
            log = log_path(instance, service.name)
            log.parent.mkdir(parents=True, exist_ok=True)
            started.append(service.name)
            processes.start(service.command, {**os.environ, **service.settings}, log, record_file, fingerprint, paths.ROOT)
        for service, record_file, _ in pending:
            _wait_until_ready(service, record_file, log_path(instance, service.name))


def stop(instance: Instance, names: list[str] = SERVICE_NAMES) -> int:
    """Stops the services, also those that a killed ./dev has left running; returns the number of stopped processes.

    Signals do not interrupt it. Each wait has a timeout.
    """
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    stopped = 0
    for name in reversed(names):
        started_at = time.monotonic()
        if processes.stop(record_path(instance, name), STOP_TIMEOUT):
            print_line(f"==> {name}: stopped in {format_duration(time.monotonic() - started_at)}")
            stopped += 1
    return stopped


def last_lines(log: Path, count: int) -> str:
    """The last lines of a log, indented."""
    try:
        with log.open(encoding="utf-8", errors="replace") as file:
            return "".join(f"    | {text.rstrip()}\n" for text in deque(file, count)).rstrip("\n")
    except OSError:
        return "    | (there is no log)"


def _wait_until_ready(service: Service, record_file: Path, log: Path) -> None:
    deadline = time.monotonic() + READY_TIMEOUT
    while not service.ready():
        ended = processes.running(record_file) is None
        if ended or time.monotonic() > deadline:
            print_line(last_lines(log, 20))
            problem = "ended at once" if ended else f"was not ready within {READY_TIMEOUT} s"
            raise DevError(
                f"{service.name} {problem}: the end of its log is above, the complete log is {log}; "
                "fix the cause and run ./dev up again"
            )
        time.sleep(0.05)


def _fingerprint(service: Service) -> str:
    """A hash that changes with the command, a setting or a watched file."""
    modified = [(str(path), path.stat().st_mtime_ns) for path in service.watched_files if path.exists()]
    variables = {name: value for name, value in os.environ.items() if name.startswith("HOIDAP_")}
    inputs = json.dumps([service.command, service.settings, variables, modified], sort_keys=True)
    return hashlib.sha256(inputs.encode()).hexdigest()
