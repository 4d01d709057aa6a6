"""The Python peer: its packages, and a running one with a Valkey of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

from .. import parts, paths, ports, services
from ..say import Trouble
from . import usage, valkey

PINS = paths.ROOT / "bench" / "peer" / "requirements.txt"
FOLDER = paths.MADE / "bench" / "python"
PYTHON = FOLDER / "bin" / "python"
PATIENCE = 120
"""Longest time until it answers, in seconds."""
MODES = {"bare": "peer, bare", "full": "peer, full"}
"""What it does for an answer (bench/peer/app.py), and its name in tables."""


def install() -> None:
    """Makes the peer's Python environment."""
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    parts.install_peer(PINS, FOLDER)


def settings() -> dict[str, str]:
    """The variables of each of its processes: as many processes as cores, so each computes on one thread."""
    single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, **single, "PYTHONDONTWRITEBYTECODE": "1"}


class PythonPeer:
    """A running peer."""

    def __init__(self, mode: str, indices: Path, folder: Path, workers: int | None = None):
        self.name = MODES[mode]
        self._folder, self._workers = folder, workers or len(os.sched_getaffinity(0))
        folder.mkdir(parents=True, exist_ok=True)
        self._ports = free_port(), free_port()
        self.url = f"http://{ports.HOST}:{self._ports[0]}/api/chat"
        self._settings = {
            **settings(),
            "PEER_MODE": mode,
            "PEER_MODEL": str(paths.EMBEDDING),
            "PEER_INDICES": str(indices),
            "PEER_CONFIGURATION": str(paths.EXAMPLE),
            "PEER_REDIS": f"redis://{ports.HOST}:{self._ports[1]}",
        }
        self._valkey: subprocess.Popen | None = None
        self._server: subprocess.Popen | None = None

    def start_cache(self) -> None:
        """Starts its Valkey."""
        command = [str(paths.VALKEY), "--bind", ports.HOST, "--port", str(self._ports[1]), "--save", "", "--dir", str(self._folder)]
        self._valkey = self._run(command, "valkey")
        self._wait(self._valkey, services.says(self._ports[1], b"PING\r\n", b"+PONG"))

    def start(self) -> None:
        """Starts it and waits until it answers."""
        if self._valkey is None:
            self.start_cache()
        self._server = self._run(self.command(), "server")
        self._wait(self._server, services.http(self.url.removesuffix("chat") + "health"))

    def command(self) -> list[str]:
        """uvicorn with the faster event loop and parser, and no line for each request."""
        command = [str(PYTHON), "-m", "uvicorn", "peer.app:app", "--app-dir", str(paths.ROOT / "bench"), "--host", ports.HOST]
        command += ["--port", str(self._ports[0]), "--workers", str(self._workers), "--loop", "uvloop", "--http", "httptools"]
        return [*command, "--no-access-log", "--log-level", "warning"]

    def forget(self) -> None:
        """Forgets all questions: it keeps them in its cache only."""
        self.empty_cache()

    def empty_cache(self) -> None:
        """Empties the cache of answers."""
        valkey.flush(self._ports[1])

    def cpu(self) -> dict[str, float]:
        """Processor seconds so far: of its own processes, and of all."""
        own, cache = usage.cpu_seconds(usage.tree(self._server.pid)), usage.cpu_seconds(usage.tree(self._valkey.pid))
        return {"own": own, "all": own + cache}

    def pids(self) -> dict[str, int]:
        """Its processes that serve, by their names."""
        children = usage.tree(self._server.pid)[1:]
        workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        named = {f"worker {number}": pid for number, pid in enumerate(workers, 1)}
        others = {f"helper {number}": pid for number, pid in enumerate(set(children) - set(workers), 1)}
        return {"server": self._server.pid, **named, **others}

    def stop_server(self) -> None:
        """Stops all but its Valkey."""
        self._server = _end(self._server)

    def stop(self) -> None:
        """Stops all of it."""
        self._server, self._valkey = _end(self._server), _end(self._valkey)

    def _run(self, command: list[str], name: str) -> subprocess.Popen:
        with (self._folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                command, env=parts.clean(self._settings), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _wait(self, process: subprocess.Popen, ready: services.Probe) -> None:
        deadline = time.monotonic() + PATIENCE
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise Trouble(f"the Python peer did not start: its log is in {self._folder}")
            time.sleep(0.01)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((ports.HOST, 0))
        return probe.getsockname()[1]


def _end(process: subprocess.Popen | None) -> None:
    if process is None:
        return
    pids = usage.tree(process.pid)
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        for pid in pids:
            os.kill(pid, 9)
        process.wait(10)
