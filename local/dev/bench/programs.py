"""Runs the programs that measure, and reads the JSON that each prints."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import environment, parts, paths
from ..say import Trouble, line
from . import python_peer

BENCH = paths.BINARIES / "hoidap-bench"


def hoidap_bench(*arguments: object, threads: int | None = None, settings: dict[str, str] | None = None) -> dict:
    """A command of `hoidap-bench`; OpenMP has the given number of threads, or one."""
    settings = {**environment.for_binaries(), **(settings or {})}
    settings |= {"OMP_NUM_THREADS": str(threads)} if threads else {}
    return _json([str(BENCH), *map(str, arguments)], {**os.environ, **settings})


def peer(module: str, *arguments: object) -> dict:
    """A module of the Python peer."""
    return _json([str(python_peer.PYTHON), "-B", "-m", f"peer.{module}", *map(str, arguments)], python_peer.settings())


def load(url: str, questions: Path, in_flight: int | None, *options: object) -> dict:
    """Questions to a chat endpoint, so many at a time, or as the options say; raises where none is answered, and says how many failed."""
    limit = ("--in-flight", in_flight) if in_flight else ()
    report = hoidap_bench("load", "--url", url, "--questions", questions, *limit, *options)
    if report["answered"] == 0:
        raise Trouble(f"no question was answered at {url}: {report['first_error']}")
    if report["failed"]:
        line(f"    {report['failed']} of {report['sent']} questions failed at {url}, the first: {report['first_error']}")
    return report


@contextmanager
def streams(url: str, questions: Path, count: int) -> Iterator[int]:
    """Open streams of answers while the body runs; how many there are."""
    command = [str(BENCH), "streams", "--url", url, "--questions", str(questions), "--count", str(count)]
    settings = parts.clean({**os.environ, **environment.for_binaries()})
    with subprocess.Popen(command, env=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        told = process.stdout.readline()
        if not told:
            raise Trouble(f"no streams were opened at {url}: {(process.stderr.read().strip().splitlines() or ['it says nothing'])[-1]}")
        yield json.loads(told)["open"]


def _json(command: list[str], settings: dict[str, str]) -> dict:
    done = subprocess.run(
        command, env=parts.clean(settings), stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=paths.ROOT / "bench"
    )
    if done.returncode != 0:
        raise Trouble(f"{Path(command[0]).name} failed: {(done.stderr.strip().splitlines() or ['it says nothing'])[-1]}")
    return json.loads(done.stdout)
