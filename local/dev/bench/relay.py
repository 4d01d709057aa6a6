"""The fleet without embedding and model, compared with three hops over JetStream that do no work."""

from __future__ import annotations

import json
import time
from pathlib import Path

from .. import ports, up
from ..console import print_line
from . import nats, programs
from .hoidap import FLEET, Hoidap
from .metrics import HOIDAP, Metric, Metrics
from .sides import Sides

DESCRIPTION = "jobs/s and latency of the fleet with stages that do no work, beside three bare hops over JetStream"
BARE_RELAY = "bare relay"
LOADS = ((1, 150), (16, 1_500), (64, 3_000))
"""Jobs in flight, and the number of jobs."""
PAYLOAD_BYTES = 4_000
"""The size of a job: about that of a question with its passages."""
PREVIEW_CHARACTERS = 3_350
"""Characters of the page's text in each question, so that a stage's message has the same size."""
STAGES = [stage for stage in ports.STAGES if stage != "analytics"]


def run(sides: Sides, rounds: int) -> list[Metric]:
    """The relay uses a separate server with the sync interval of Hoidap's server. Each side runs only while it is measured."""
    metrics = Metrics()
    payload = sides.folder / "payload"
    payload.write_bytes(b"x" * PAYLOAD_BYTES)
    sync_interval = sides.hoidap.instance.nats_settings()["NATS_SYNC"]
    sides.stop_peers()
    sides.hoidap.start_servers()
    with nats.server(sides.folder / "relay", sync_interval) as url:
        _start_fleet(sides.hoidap)
        try:
            programs.load(sides.hoidap.url, _questions(sides, 0, 200), 16)
            for number in range(1, rounds + 1):
                for in_flight, jobs in LOADS:
                    questions = _questions(sides, number, jobs)
                    _add(metrics, HOIDAP, in_flight, programs.load(sides.hoidap.url, questions, in_flight), "answers_per_second")
                    options = ("--url", url, "--payload", payload, "--in-flight", in_flight, "--jobs", jobs)
                    _add(metrics, BARE_RELAY, in_flight, programs.hoidap_bench("relay", *options), "jobs_per_second")
                print_line(f"    round {number} of {rounds} done")
        finally:
            sides.hoidap.stop_fleet()
    return metrics.all()


def _start_fleet(hoidap: Hoidap) -> None:
    """Starts the gateway, the sink, and instead of each stage a process that does no work."""
    hoidap.stop_fleet()
    for stage in STAGES:
        hoidap.start_process(stage, [str(programs.BENCH), "pass", stage])
    hoidap.start_process("analytics")
    hoidap.start_process("gateway")
    for name in FLEET:
        hoidap.wait_until_ready(name)
    up.wait_until_healthy(hoidap.instance)


def _questions(sides: Sides, number: int, count: int) -> Path:
    """A file of questions that are all different."""
    texts = [{"question": f"Question {n} of round {number} at {time.time_ns()}", "preview": "x" * PREVIEW_CHARACTERS} for n in range(count)]
    return sides.write(f"relay-{count}", map(json.dumps, texts))


def _add(metrics: Metrics, side: str, in_flight: int, report: dict, rate_key: str) -> None:
    if in_flight == 1:
        metrics.add("p50 with one job in flight", "ms", side, report["p50_ms"])
    else:
        metrics.add(f"jobs/s, {in_flight} in flight", "1/s", side, report[rate_key])
