"""A Docker daemon of our own, in a network namespace of its own: this machine's interfaces and firewall stay as they are.

The namespace reaches the outside through slirp4netns, a network stack in a process, as Docker without root does. The
port of the gateway is published on the namespace's own loopback.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import paths, processes
from ..lifecycle import last_lines
from ..say import Trouble, line, step

PROGRAMS = ["dockerd", "containerd", "runc", "docker-init", "iptables", "slirp4netns", "unshare"]
RUN = Path("/run") / f"hoidap-{zlib.crc32(str(paths.ROOT).encode()):08x}"
"""Sockets and what is mounted. Their paths must be short, so they are not below the repository."""
PATIENCE = 60
NETWORK = 0x40000000
"""CLONE_NEWNET of setns(2)."""
NAME_SERVER = "10.0.2.3"
"""slirp4netns's own, which asks those of this machine."""
START = 'mount --bind "$0" /etc/resolv.conf && exec dockerd "$@"'


@dataclass(frozen=True)
class Daemon:
    """How it is reached."""

    pid: int
    settings: dict[str, str]

    @property
    def look(self) -> str:
        return f"nsenter --net=/proc/{self.pid}/ns/net "

    def reach(self, work: Callable):
        """Calls `work` in a thread that has joined the daemon's network; its result, or what it raised."""
        result: list = []

        def joined() -> None:
            try:
                _join(self.pid)
                result.append((True, work()))
            except BaseException as error:
                result.append((False, error))

        thread = threading.Thread(target=joined)
        thread.start()
        thread.join()
        well, value = result[0]
        if not well:
            raise value
        return value


def missing() -> list[str]:
    """The programs that it needs and that are not there."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


def possible() -> bool:
    """Whether one can be started here."""
    return os.geteuid() == 0 and not missing()


def running(folder: Path) -> bool:
    """Whether an earlier call has left one."""
    return processes.running(folder / "dockerd.json") is not None


@contextlib.contextmanager
def daemon(folder: Path, keep: Callable[[], bool]) -> Iterator[Daemon]:
    """Starts it, or takes the one that was kept. Its images stay in `folder` when it is stopped, so that the next start finds them."""
    host = f"unix://{RUN}/docker.sock"
    settings = {"DOCKER_HOST": host}
    try:
        if not running(folder):
            with step("Engine: no Docker daemon answers, starting one"):
                _start(folder, host, settings)
        pid = processes.running(folder / "dockerd.json").pid
        yield Daemon(pid, settings)
    finally:
        if not keep():
            stop(folder)


def stop(folder: Path) -> bool:
    """Stops the daemon, with its containers, and its network; whether there was one."""
    stopped = [processes.stop(folder / f"{name}.json", PATIENCE) for name in ("dockerd", "slirp4netns")]
    shutil.rmtree(RUN, ignore_errors=True)
    if any(stopped):
        line("==> Engine: stopped")
    return any(stopped)


def _start(folder: Path, host: str, settings: dict[str, str]) -> None:
    stop(folder)
    RUN.mkdir(mode=0o700)
    (RUN / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
    (RUN / "daemon.json").write_text("{}")
    # Its mounts are its own too, so that they end with it.
    command = ["unshare", "--net", "--mount", "sh", "-c", START, str(RUN / "resolv.conf"), "--host", host]
    command += ["--data-root", str(folder / "docker"), "--exec-root", str(RUN / "exec"), "--pidfile", str(RUN / "dockerd.pid")]
    # Settings of this machine's own daemon do not count. A lower score than this process has may not be allowed.
    command += ["--config-file", str(RUN / "daemon.json"), "--oom-score-adjust", "0"]
    record = _begin(folder, "dockerd", command)
    _until(folder, "dockerd", lambda: os.readlink(f"/proc/{record.pid}/ns/net") != os.readlink("/proc/self/ns/net"))
    _begin(folder, "slirp4netns", ["slirp4netns", "--configure", "--disable-host-loopback", str(record.pid), "tap0"])
    asked = ["docker", "version", "--format", "{{.Server.Version}}"]
    variables = {**os.environ, **settings}
    _until(folder, "dockerd", lambda: subprocess.run(asked, env=variables, capture_output=True).returncode == 0)


def _begin(folder: Path, name: str, command: list[str]) -> processes.Record:
    return processes.start(command, os.environ, folder / f"{name}.log", folder / f"{name}.json", "", paths.ROOT)


def _until(folder: Path, name: str, there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while processes.running(folder / f"{name}.json") is not None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if there():
                return
        time.sleep(0.1)
    line(last_lines(folder / f"{name}.log", 20))
    raise Trouble(f"{name} did not start: the end of its log is above; start Docker by this system's own means instead")


def _join(pid: int) -> None:
    """Moves the calling thread into the network of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/proc/{pid}/ns/net", "rb") as network:
        if libc.setns(network.fileno(), NETWORK) != 0:
            raise OSError(ctypes.get_errno(), "the network of the engine cannot be joined")
