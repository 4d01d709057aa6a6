"""How long the processes take to become ready, and to answer the first question."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from .. import lifecycle, paths, ports, services, up
from ..say import Trouble, line
from .figures import HOIDAP, Figure, Figures
from .hoidap import FLEET, INDICES, Hoidap, post, wait
from .python_peer import PythonPeer, free_port
from .sides import Side, Sides, request

ABOUT = "seconds until the fleet is ready and has answered, and until one more worker of each stage is ready"
PAUSE = 1
"""Seconds between a stop and a start."""
PATIENCE = 60


def run(sides: Sides, rounds: int) -> list[Figure]:
    """The servers run and the collections are built; what is started was read from the disk before."""
    figures = Figures()
    sides.stop_peers()
    sides.hoidap.start()
    peer = sides.new_peer("full")
    for number in range(1, rounds + 1):
        _fleet(figures, sides, number)
        for stage in ports.STAGES:
            figures.add(f"one more process ready: {stage}", "s", HOIDAP, _one_more(sides.hoidap, stage))
        _peer(figures, sides, peer, number)
        line(f"    round {number} of {rounds} done")
    return figures.all()


def _fleet(figures: Figures, sides: Sides, number: int) -> None:
    hoidap = sides.hoidap
    hoidap.stop_fleet()
    time.sleep(PAUSE)
    with _until_answered(figures, sides, hoidap, number) as begun:
        for name in FLEET:
            hoidap.begin(name)
        up.wait_until_healthy(hoidap.instance, pause=0.01)
        figures.add("all processes ready", "s", HOIDAP, time.monotonic() - begun)


@contextmanager
def _until_answered(figures: Figures, sides: Sides, side: Side, number: int) -> Iterator[float]:
    """Asks a question from the beginning on, again and again until it is answered, while the body starts what answers it."""
    begun = time.monotonic()
    question = request(sides.questions[number % len(sides.questions)], f"bench-start-{number}")
    with ThreadPoolExecutor(1) as asking:
        answered = asking.submit(_first_answer, side.url, question)
        yield begun
        span = answered.result() - begun
    figures.add("first answer", "s", side.name, span)
    line(f"    {side.name}: first answer after {span:.2f} s")


def _first_answer(url: str, question: bytes) -> float:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            post(url, question)
            return time.monotonic()
        except OSError as error:
            if time.monotonic() > deadline:
                raise Trouble(f"no answer came from {url} within {PATIENCE} s: {error}") from None
            time.sleep(0.01)


def _one_more(hoidap: Hoidap, stage: str) -> float:
    """Seconds until a second process of a stage says that it is ready."""
    service, port = hoidap.service(stage), free_port()
    settings = {**os.environ, **service.settings, "HOIDAP_WORKER__LISTEN": f"{ports.HOST}:{port}"}
    log = lifecycle.log_of(hoidap.instance, f"{stage}-second")
    with log.open("wb") as output:
        begun = time.monotonic()
        process = subprocess.Popen(service.command, env=settings, cwd=paths.ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        wait(services.http(f"http://{ports.HOST}:{port}/readyz"), f"a second {stage}")
        return time.monotonic() - begun
    finally:
        process.terminate()
        process.wait(lifecycle.STOP_PATIENCE)


def _peer(figures: Figures, sides: Sides, peer: PythonPeer, number: int) -> None:
    peer.stop_server()
    time.sleep(PAUSE)
    with _until_answered(figures, sides, peer, number) as begun:
        peer.start()
        figures.add("all processes ready", "s", peer.name, time.monotonic() - begun)
    more = PythonPeer("full", INDICES, sides.folder / "second", workers=1)
    more.start_cache()
    try:
        begun = time.monotonic()
        more.start()
        figures.add("one more process ready", "s", peer.name, time.monotonic() - begun)
    finally:
        more.stop()
