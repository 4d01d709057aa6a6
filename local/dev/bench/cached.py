"""Answers per second from the cache, compared with a handler that does nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from .. import ports, services
from ..console import print_line
from . import programs, usage
from .hoidap import post, wait_until
from .metrics import Metric, Metrics
from .python_peer import free_port
from .sides import Side, Sides, request

DESCRIPTION = "answers/s from the cache, beside an empty handler of the same HTTP library, the Python service and Valkey's GET"
EMPTY_HANDLER, VALKEY_GET = "empty handler", "Valkey GET"
IN_FLIGHT = 32
SECONDS = 4
"""Approximate duration of each load, in seconds."""
MAX_REQUESTS = 40_000
VALKEY_BENCHMARKS = ("valkey-benchmark", "redis-benchmark")


def run(sides: Sides, rounds: int) -> list[Metric]:
    """Each side gets all questions once, so that it caches the answers, and then the same questions again."""
    metrics = Metrics()
    sides.start_hoidap()
    peer = sides.start_peer("bare")
    for side in (sides.hoidap, peer):
        side.clear_caches()
        programs.load(side.url, sides.question_file(), 16)
    cached_questions = _cached_questions(sides)
    file = sides.write("kept", cached_questions)
    print_line(f"    {len(cached_questions)} of {len(sides.questions)} answers are cached; only these questions are asked")
    report = programs.load(sides.hoidap.url, file, 16)
    tool = next(filter(None, map(shutil.which, VALKEY_BENCHMARKS)), None)
    if tool is None:
        print_line(f"    {VALKEY_GET} is not measured: there is no {' or '.join(VALKEY_BENCHMARKS)} here")
    with _EmptyHandler(report["bytes"] // report["answered"]) as empty_handler:
        for number in range(1, rounds + 1):
            for side in (sides.hoidap, peer, empty_handler):
                _measure(metrics, file, len(cached_questions), side)
            if tool is not None:
                metrics.add(f"answers/s, {IN_FLIGHT} in flight", "1/s", VALKEY_GET, _valkey_get_rate(tool, sides.hoidap.instance.ports["valkey"]))
            print_line(f"    round {number} of {rounds} done")
    return metrics.all()


def _cached_questions(sides: Sides) -> list[str]:
    """The questions whose answers Hoidap caches: unanswered questions are not cached."""
    numbered = enumerate(sides.questions)
    return [text for number, text in numbered if json.loads(post(sides.hoidap.url, request(text, f"bench-kept-{number}")))["cached"]]


def _measure(metrics: Metrics, questions: Path, count: int, side: Side | _EmptyHandler) -> None:
    estimate = programs.load(side.url, questions, IN_FLIGHT)
    repeat = max(1, round(min(MAX_REQUESTS, estimate["answers_per_second"] * SECONDS) / count))
    cpu_before = side.cpu_seconds()["all"]
    report = programs.load(side.url, questions, IN_FLIGHT, "--repeat", repeat)
    cpu_ms = 1000 * (side.cpu_seconds()["all"] - cpu_before) / report["answered"]
    if report["cached"] != report["answered"]:
        print_line(f"    {side.name}: only {report['cached']} of {report['answered']} answers came from the cache")
    metrics.add(f"answers/s, {IN_FLIGHT} in flight", "1/s", side.name, report["answers_per_second"])
    metrics.add(f"p50, {IN_FLIGHT} in flight", "ms", side.name, report["p50_ms"])
    metrics.add("p50 with one question in flight", "ms", side.name, programs.load(side.url, questions, 1)["p50_ms"])
    metrics.add("processor time an answer (with the servers)", "ms", side.name, cpu_ms)


class _EmptyHandler:
    """Runs the empty handler while the body runs."""

    name = EMPTY_HANDLER

    def __init__(self, size: int):
        address = f"{ports.HOST}:{free_port()}"
        self.url = f"http://{address}/api/chat"
        self._command = [str(programs.BENCH), "empty", "--listen", address, "--bytes", str(size)]

    def __enter__(self) -> _EmptyHandler:
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        port = int(self.url.split(":")[2].split("/")[0])
        wait_until(services.responds(port, b"GET / HTTP/1.0\r\n\r\n", b"405"), EMPTY_HANDLER)
        return self

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds so far."""
        return {"all": usage.cpu_seconds([self._process.pid])}

    def __exit__(self, *_) -> None:
        self._process.terminate()
        self._process.wait(10)


def _valkey_get_rate(tool: str, port: int) -> float:
    """GET requests per second, over as many connections as questions are in flight."""
    command = [tool, "-h", ports.HOST, "-p", str(port), "-t", "get", "-c", str(IN_FLIGHT), "-n", "100000", "--csv"]
    output = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=True).stdout
    return float(output.strip().splitlines()[-1].split(",")[1].strip('"'))
