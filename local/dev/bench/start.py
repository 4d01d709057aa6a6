"""The time until the processes are ready and have answered the first question."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from .. import lifecycle, paths, ports, services, up
from ..console import DevError, print_line
from .hoidap import FLEET, INDICES, Hoidap, post, wait_until
from .metrics import HOIDAP, Metric, Metrics
from .python_peer import PythonPeer, free_port
from .sides import Side, Sides, request

DESCRIPTION = "seconds until the fleet is ready and has answered, and until one more worker of each stage is ready"
PAUSE_SECONDS = 1
"""Seconds between a stop and a start."""
ANSWER_TIMEOUT = 60


def run(sides: Sides, rounds: int) -> list[Metric]:
    """The servers run, the collections are built, and the started files are in the page cache."""
    metrics = Metrics()
    sides.stop_peers()
    sides.hoidap.start()
    peer = sides.new_peer("full")
    for number in range(1, rounds + 1):
        _measure_fleet(metrics, sides, number)
        for stage in ports.STAGES:
            metrics.add(f"one more process ready: {stage}", "s", HOIDAP, _second_process_seconds(sides.hoidap, stage))
        _measure_peer(metrics, sides, peer, number)
        print_line(f"    round {number} of {rounds} done")
    return metrics.all()


def _measure_fleet(metrics: Metrics, sides: Sides, number: int) -> None:
    hoidap = sides.hoidap
    hoidap.stop_fleet()
    time.sleep(PAUSE_SECONDS)
    with _measure_first_answer(metrics, sides, hoidap, number) as started_at:
        for name in FLEET:
            hoidap.start_process(name)
        up.wait_until_healthy(hoidap.instance, pause=0.01)
        metrics.add("all processes ready", "s", HOIDAP, time.monotonic() - started_at)


@contextmanager
def _measure_first_answer(metrics: Metrics, sides: Sides, side: Side, number: int) -> Iterator[float]:
    """Sends a question repeatedly until it is answered, while the body starts the processes that answer it; yields the start time."""
    started_at = time.monotonic()
    question = request(sides.questions[number % len(sides.questions)], f"bench-start-{number}")
    with ThreadPoolExecutor(1) as pool:
        first_answer = pool.submit(_first_answer, side.url, question)
        yield started_at
        duration = first_answer.result() - started_at
    metrics.add("first answer", "s", side.name, duration)
    print_line(f"    {side.name}: first answer after {duration:.2f} s")


def _first_answer(url: str, question: bytes) -> float:
    deadline = time.monotonic() + ANSWER_TIMEOUT
    while True:
        try:
            post(url, question)
            return time.monotonic()
        except OSError as error:
            if time.monotonic() > deadline:
                raise DevError(f"no answer came from {url} within {ANSWER_TIMEOUT} s: {error}") from None
            time.sleep(0.01)


def _second_process_seconds(hoidap: Hoidap, stage: str) -> float:
    """Seconds until a second process of a stage reports that it is ready."""
    service, port = hoidap.service(stage), free_port()
    settings = {**os.environ, **service.settings, "HOIDAP_WORKER__LISTEN": f"{ports.HOST}:{port}"}
    log = lifecycle.log_path(hoidap.instance, f"{stage}-second")
    with log.open("wb") as output:
        started_at = time.monotonic()
        process = subprocess.Popen(service.command, env=settings, cwd=paths.ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        wait_until(services.http_ok(f"http://{ports.HOST}:{port}/readyz"), f"a second {stage}")
        return time.monotonic() - started_at
    finally:
        process.terminate()
        process.wait(lifecycle.STOP_TIMEOUT)


def _measure_peer(metrics: Metrics, sides: Sides, peer: PythonPeer, number: int) -> None:
    peer.stop_server()
    time.sleep(PAUSE_SECONDS)
    with _measure_first_answer(metrics, sides, peer, number) as started_at:
        peer.start()
        metrics.add("all processes ready", "s", peer.name, time.monotonic() - started_at)
    second_peer = PythonPeer("full", INDICES, sides.folder / "second", workers=1)
    second_peer.start_cache()
    try:
        started_at = time.monotonic()
        second_peer.start()
        metrics.add("one more process ready", "s", peer.name, time.monotonic() - started_at)
    finally:
        second_peer.stop()
