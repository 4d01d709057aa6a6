"""Runs the measuring programs and reads the JSON that each prints."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import environment, parts, paths
from ..console import DevError, print_line
from . import python_peer

BENCH = paths.BINARIES / "hoidap-bench"


def hoidap_bench(*arguments: object, threads: int | None = None, settings: dict[str, str] | None = None) -> dict:
    """Runs a command of `hoidap-bench`, with the given number of OpenMP threads or its default."""
    settings = {**environment.for_binaries(), **(settings or {})}
    settings |= {"OMP_NUM_THREADS": str(threads)} if threads else {}
    return _run_json([str(BENCH), *map(str, arguments)], {**os.environ, **settings})


def peer(module: str, *arguments: object) -> dict:
    """Runs a module of the Python peer."""
    return _run_json([str(python_peer.PYTHON), "-B", "-m", f"peer.{module}", *map(str, arguments)], python_peer.settings())


def load(url: str, questions: Path, in_flight: int | None, *options: object) -> dict:
    """Sends questions to a chat endpoint, `in_flight` at a time or as the options say. Raises an error if none is answered, and prints how
    many failed."""
    limit = ("--in-flight", in_flight) if in_flight else ()
    report = hoidap_bench("load", "--url", url, "--questions", questions, *limit, *options)
    if report["answered"] == 0:
        raise DevError(f"no question was answered at {url}: {report['first_error']}")
    if report["failed"]:
        print_line(f"    {report['failed']} of {report['sent']} questions failed at {url}, the first: {report['first_error']}")
    return report


@contextmanager
def streams(url: str, questions: Path, count: int) -> Iterator[int]:
    """Keeps streams of answers open while the body runs; yields their number."""
    command = [str(BENCH), "streams", "--url", url, "--questions", str(questions), "--count", str(count)]
    settings = parts.without_python_variables({**os.environ, **environment.for_binaries()})
    with subprocess.Popen(command, env=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        output = process.stdout.readline()
        if not output:
            raise DevError(f"no streams were opened at {url}: {(process.stderr.read().strip().splitlines() or ['no message'])[-1]}")
        yield json.loads(output)["open"]


def _run_json(command: list[str], settings: dict[str, str]) -> dict:
    process = subprocess.run(
        command, env=parts.without_python_variables(settings), stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=paths.ROOT / "bench"
    )
    if process.returncode != 0:
        raise DevError(f"{Path(command[0]).name} failed: {(process.stderr.strip().splitlines() or ['no message'])[-1]}")
    return json.loads(process.stdout)
