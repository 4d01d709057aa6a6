"""Runs the programs that measure, and reads the JSON that each prints."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from .. import environment, parts, paths
from ..say import Trouble, line
from . import python_peer

BENCH = paths.BINARIES / "hoidap-bench"


def hoidap_bench(*arguments: object, threads: int | None = None) -> dict:
    """A command of `hoidap-bench`; OpenMP has the given number of threads, or one."""
    settings = {**environment.for_binaries()}
    settings |= {"OMP_NUM_THREADS": str(threads)} if threads else {}
    return _json([str(BENCH), *map(str, arguments)], {**os.environ, **settings})


def peer(module: str, *arguments: object) -> dict:
    """A module of the Python peer."""
    return _json([str(python_peer.PYTHON), "-B", "-m", f"peer.{module}", *map(str, arguments)], python_peer.settings())


def load(url: str, questions: Path, in_flight: int, *options: object) -> dict:
    """Questions to a chat endpoint, so many at a time; raises where none is answered, and says how many failed."""
    report = hoidap_bench("load", "--url", url, "--questions", questions, "--in-flight", in_flight, *options)
    if report["answered"] == 0:
        raise Trouble(f"no question was answered at {url}: {report['first_error']}")
    if report["failed"]:
        line(f"    {report['failed']} of {report['sent']} questions failed at {url}, the first: {report['first_error']}")
    return report


def _json(command: list[str], settings: dict[str, str]) -> dict:
    done = subprocess.run(
        command, env=parts.clean(settings), stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=paths.ROOT / "bench"
    )
    if done.returncode != 0:
        raise Trouble(f"{Path(command[0]).name} failed: {(done.stderr.strip().splitlines() or ['it says nothing'])[-1]}")
    return json.loads(done.stdout)
