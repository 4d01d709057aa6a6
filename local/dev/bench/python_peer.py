"""The Python peer: its packages, and a running peer with a separate Valkey."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

from .. import parts, paths, ports, services
from ..console import DevError
from . import usage, valkey

PINS = paths.ROOT / "bench" / "peer" / "requirements.txt"
FOLDER = paths.DOT_LOCAL / "bench" / "python"
PYTHON = FOLDER / "bin" / "python"
START_TIMEOUT = 120
"""Maximum time until it answers, in seconds."""
MODES = {"bare": "peer, bare", "full": "peer, full"}
"""The values of PEER_MODE (bench/peer/app.py), and the peer's names in tables."""


def install() -> None:
    """Installs the peer's Python environment."""
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    parts.install_peer(PINS, FOLDER)


def settings() -> dict[str, str]:
    """The environment of its processes. There are as many processes as cores, so each computes on one thread."""
    single_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, **single_thread, "PYTHONDONTWRITEBYTECODE": "1"}


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
            "PEER_MODEL": str(paths.EMBEDDING_MODEL),
            "PEER_INDICES": str(indices),
            "PEER_CONFIGURATION": str(paths.EXAMPLE_CONFIGURATION),
            "PEER_REDIS": f"redis://{ports.HOST}:{self._ports[1]}",
        }
        self._valkey: subprocess.Popen | None = None
        self._server: subprocess.Popen | None = None

    def start_cache(self) -> None:
        """Starts its Valkey."""
        command = [str(paths.VALKEY), "--bind", ports.HOST, "--port", str(self._ports[1]), "--save", "", "--dir", str(self._folder)]
        self._valkey = self._start_process(command, "valkey")
        self._wait_until_ready(self._valkey, services.responds(self._ports[1], b"PING\r\n", b"+PONG"))

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        if self._valkey is None:
            self.start_cache()
        self._server = self._start_process(self.command(), "server")
        self._wait_until_ready(self._server, services.http_ok(self.url.removesuffix("chat") + "health"))

    def command(self) -> list[str]:
        """The command of uvicorn, with the faster event loop and HTTP parser, and without an access log."""
        command = [str(PYTHON), "-m", "uvicorn", "peer.app:app", "--app-dir", str(paths.ROOT / "bench"), "--host", ports.HOST]
        command += ["--port", str(self._ports[0]), "--workers", str(self._workers), "--loop", "uvloop", "--http", "httptools"]
        return [*command, "--no-access-log", "--log-level", "warning"]

    def clear_caches(self) -> None:
        """Empties its only cache, in Valkey."""
        self.empty_cache()

    def empty_cache(self) -> None:
        """Empties the cache of answers."""
        valkey.flush(self._ports[1])

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds so far: `own` of its server processes, `all` with Valkey."""
        server, cache = (usage.cpu_seconds(usage.process_tree(process.pid)) for process in (self._server, self._valkey))
        return {"own": server, "all": server + cache}

    def pids(self) -> dict[str, int]:
        """The pids of its server processes by name."""
        children = usage.process_tree(self._server.pid)[1:]
        workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        worker_pids = {f"worker {number}": pid for number, pid in enumerate(workers, 1)}
        helpers = {f"helper {number}": pid for number, pid in enumerate(set(children) - set(workers), 1)}
        return {"server": self._server.pid, **worker_pids, **helpers}

    def stop_server(self) -> None:
        """Stops the server, but not its Valkey."""
        self._server = _stop_process(self._server)

    def stop(self) -> None:
        """Stops the server and its Valkey."""
        self._server, self._valkey = _stop_process(self._server), _stop_process(self._valkey)

    def _start_process(self, command: list[str], name: str) -> subprocess.Popen:
        with (self._folder / f"{name}.log").open("wb") as log:
            environment = parts.without_python_variables(self._settings)
            return subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _wait_until_ready(self, process: subprocess.Popen, ready: services.Probe) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise DevError(f"the Python peer did not start: its log is in {self._folder}")
            time.sleep(0.01)


def free_port() -> int:
    """A free port."""
    with socket.socket() as listener:
        listener.bind((ports.HOST, 0))
        return listener.getsockname()[1]


def _stop_process(process: subprocess.Popen | None) -> None:
    if process is None:
        return
    pids = usage.process_tree(process.pid)
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        for pid in pids:
            os.kill(pid, 9)
        process.wait(10)
