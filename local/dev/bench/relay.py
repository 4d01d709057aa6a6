"""The fleet without embedding and model, beside three hops over JetStream without any work."""

from __future__ import annotations

import json
import time
from pathlib import Path

from .. import ports, up
from ..say import line
from . import nats, programs
from .figures import HOIDAP, Figure, Figures
from .hoidap import FLEET, Hoidap
from .sides import Sides

ABOUT = "jobs/s and latency of the fleet with stages that do no work, beside three bare hops over JetStream"
RELAY = "bare relay"
LOADS = ((1, 150), (16, 1_500), (64, 3_000))
"""Jobs in flight, and how many there are."""
PAYLOAD = 4_000
"""Bytes of a job: about those of a question with its passages."""
PREVIEW = 3_350
"""Characters of the page's text in each question, with which a stage's message has as many bytes."""
STAGES = [stage for stage in ports.STAGES if stage != "analytics"]


def run(sides: Sides, rounds: int) -> list[Figure]:
    """The relay has a stream of its own on a server that syncs as Hoidap's does. Each side runs only while it is measured."""
    figures = Figures()
    payload = sides.folder / "payload"
    payload.write_bytes(b"x" * PAYLOAD)
    sync = sides.hoidap.instance.nats_settings()["NATS_SYNC"]
    sides.stop_peers()
    sides.hoidap.start_servers()
    with nats.server(sides.folder / "relay", sync) as url:
        _start(sides.hoidap)
        try:
            programs.load(sides.hoidap.url, _questions(sides, 0, 200), 16)
            for number in range(1, rounds + 1):
                for in_flight, jobs in LOADS:
                    asked = _questions(sides, number, jobs)
                    _add(figures, HOIDAP, in_flight, programs.load(sides.hoidap.url, asked, in_flight), "answers_per_second")
                    options = ("--url", url, "--payload", payload, "--in-flight", in_flight, "--jobs", jobs)
                    _add(figures, RELAY, in_flight, programs.hoidap_bench("relay", *options), "jobs_per_second")
                line(f"    round {number} of {rounds} done")
        finally:
            sides.hoidap.stop_fleet()
    return figures.all()


def _start(hoidap: Hoidap) -> None:
    """Starts gateway and sink, and in the place of each stage a process that does no work."""
    hoidap.stop_fleet()
    for stage in STAGES:
        hoidap.begin(stage, [str(programs.BENCH), "pass", stage])
    hoidap.begin("analytics")
    hoidap.begin("gateway")
    for name in FLEET:
        hoidap.wait_until_ready(name)
    up.wait_until_healthy(hoidap.instance)


def _questions(sides: Sides, number: int, count: int) -> Path:
    """Questions of which no two are alike."""
    texts = [{"question": f"Question {n} of round {number} at {time.time_ns()}", "preview": "x" * PREVIEW} for n in range(count)]
    return sides.write(f"relay-{count}", map(json.dumps, texts))


def _add(figures: Figures, side: str, in_flight: int, report: dict, rate: str) -> None:
    if in_flight == 1:
        figures.add("p50 with one job in flight", "ms", side, report["p50_ms"])
    else:
        figures.add(f"jobs/s, {in_flight} in flight", "1/s", side, report[rate])
