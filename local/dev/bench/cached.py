"""Answers from the cache each second, beside a handler that does nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from .. import ports, services
from ..say import line
from . import programs, usage
from .figures import Figure, Figures
from .hoidap import post, wait
from .python_peer import free_port
from .sides import Side, Sides, request

ABOUT = "answers/s from the cache, beside an empty handler of the same HTTP library, the Python service and Valkey's GET"
EMPTY, GET = "empty handler", "Valkey GET"
IN_FLIGHT = 32
SECONDS = 4
"""About how long each load lasts."""
MOST = 40_000
TOOLS = ("valkey-benchmark", "redis-benchmark")


def run(sides: Sides, rounds: int) -> list[Figure]:
    """Each side is asked all questions until it knows them, and then the same again."""
    figures = Figures()
    sides.start_hoidap()
    peer = sides.start_peer("bare")
    for side in (sides.hoidap, peer):
        side.forget()
        programs.load(side.url, sides.file(), 16)
    kept = _kept(sides)
    known = sides.write("kept", kept)
    line(f"    {len(kept)} of {len(sides.questions)} answers are kept in the cache; only these questions are asked")
    first = programs.load(sides.hoidap.url, known, 16)
    tool = next(filter(None, map(shutil.which, TOOLS)), None)
    if tool is None:
        line(f"    {GET} is left out: there is no {' or '.join(TOOLS)} here")
    with _Empty(first["bytes"] // first["answered"]) as empty:
        for number in range(1, rounds + 1):
            for side in (sides.hoidap, peer, empty):
                _measure(figures, known, len(kept), side)
            if tool is not None:
                figures.add(f"answers/s, {IN_FLIGHT} in flight", "1/s", GET, _gets(tool, sides.hoidap.instance.ports["valkey"]))
            line(f"    round {number} of {rounds} done")
    return figures.all()


def _kept(sides: Sides) -> list[str]:
    """The questions whose answers Hoidap keeps: not those that it could not answer."""
    asked = enumerate(sides.questions)
    return [text for number, text in asked if json.loads(post(sides.hoidap.url, request(text, f"bench-kept-{number}")))["cached"]]


def _measure(figures: Figures, questions: Path, count: int, side: Side | _Empty) -> None:
    guess = programs.load(side.url, questions, IN_FLIGHT)
    repeat = max(1, round(min(MOST, guess["answers_per_second"] * SECONDS) / count))
    before = side.cpu()["all"]
    report = programs.load(side.url, questions, IN_FLIGHT, "--repeat", repeat)
    spent = 1000 * (side.cpu()["all"] - before) / report["answered"]
    if report["cached"] != report["answered"]:
        line(f"    {side.name}: only {report['cached']} of {report['answered']} answers came from the cache")
    figures.add(f"answers/s, {IN_FLIGHT} in flight", "1/s", side.name, report["answers_per_second"])
    figures.add(f"p50, {IN_FLIGHT} in flight", "ms", side.name, report["p50_ms"])
    figures.add("p50 with one question in flight", "ms", side.name, programs.load(side.url, questions, 1)["p50_ms"])
    figures.add("processor time an answer (with the servers)", "ms", side.name, spent)


class _Empty:
    """The empty handler while the body runs."""

    name = EMPTY

    def __init__(self, size: int):
        address = f"{ports.HOST}:{free_port()}"
        self.url = f"http://{address}/api/chat"
        self._command = [str(programs.BENCH), "empty", "--listen", address, "--bytes", str(size)]

    def __enter__(self) -> _Empty:
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        port = int(self.url.split(":")[2].split("/")[0])
        wait(services.says(port, b"GET / HTTP/1.0\r\n\r\n", b"405"), EMPTY)
        return self

    def cpu(self) -> dict[str, float]:
        """Processor seconds so far."""
        return {"all": usage.cpu_seconds([self._process.pid])}

    def __exit__(self, *_) -> None:
        self._process.terminate()
        self._process.wait(10)


def _gets(tool: str, port: int) -> float:
    """Answers each second to GET, over as many connections as questions are in flight."""
    command = [tool, "-h", ports.HOST, "-p", str(port), "-t", "get", "-c", str(IN_FLIGHT), "-n", "100000", "--csv"]
    told = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=True).stdout
    return float(told.strip().splitlines()[-1].split(",")[1].strip('"'))
