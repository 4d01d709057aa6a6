"""A private Docker daemon in its own network namespace, so that this machine's interfaces and firewall do not change.

The namespace reaches the outside through slirp4netns, a user-mode network stack, as rootless Docker does. The port of the
gateway is published on the loopback of the namespace.
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
from ..console import DevError, print_line, step
from ..lifecycle import last_lines

REQUIRED_PROGRAMS = ["dockerd", "containerd", "runc", "docker-init", "iptables", "slirp4netns", "unshare"]
RUN_FOLDER = Path("/run") / f"hoidap-{zlib.crc32(str(paths.ROOT).encode()):08x}"
"""The folder of sockets and mounts. Their paths must be short, so they are not below the repository."""
TIMEOUT = 60
CLONE_NEWNET = 0x40000000
"""From sched.h, for setns(2)."""
NAME_SERVER = "10.0.2.3"
"""The DNS server of slirp4netns, which forwards to those of this machine."""
START_SCRIPT = 'mount --bind "$0" /etc/resolv.conf && exec dockerd "$@"'


@dataclass(frozen=True)
class Daemon:
    """A running private daemon."""

    pid: int
    settings: dict[str, str]

    @property
    def command_prefix(self) -> str:
        return f"nsenter --net=/proc/{self.pid}/ns/net "

    def call_in_network(self, function: Callable):
        """Calls `function` in a thread that has joined the daemon's network. Returns its result, or raises its exception."""
        result: list = []

        def run_in_network() -> None:
            try:
                _join_network(self.pid)
                result.append((True, function()))
            except BaseException as error:
                result.append((False, error))

        thread = threading.Thread(target=run_in_network)
        thread.start()
        thread.join()
        succeeded, value = result[0]
        if not succeeded:
            raise value
        return value


def missing_programs() -> list[str]:
    """The required programs that are not installed."""
    return [program for program in REQUIRED_PROGRAMS if shutil.which(program) is None]


def is_possible() -> bool:
    """Whether a private daemon can be started here."""
    return os.geteuid() == 0 and not missing_programs()


def is_running(folder: Path) -> bool:
    """Whether an earlier call has left a private daemon running."""
    return processes.running(folder / "dockerd.json") is not None


@contextlib.contextmanager
def daemon(folder: Path, keep: Callable[[], bool]) -> Iterator[Daemon]:
    """Starts the daemon, or uses the one that still runs. Its images stay in `folder` when it is stopped."""
    address = f"unix://{RUN_FOLDER}/docker.sock"
    settings = {"DOCKER_HOST": address}
    try:
        if not is_running(folder):
            with step("Engine: no Docker daemon answers, starting a private one"):
                _start(folder, address, settings)
        pid = processes.running(folder / "dockerd.json").pid
        yield Daemon(pid, settings)
    finally:
        if not keep():
            stop(folder)


def stop(folder: Path) -> bool:
    """Stops the daemon with its containers and its network. Returns whether it was running."""
    stopped = [processes.stop(folder / f"{name}.json", TIMEOUT) for name in ("dockerd", "slirp4netns")]
    shutil.rmtree(RUN_FOLDER, ignore_errors=True)
    if any(stopped):
        print_line("==> Engine: stopped")
    return any(stopped)


def _start(folder: Path, address: str, settings: dict[str, str]) -> None:
    stop(folder)
    RUN_FOLDER.mkdir(mode=0o700)
    (RUN_FOLDER / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
    (RUN_FOLDER / "daemon.json").write_text("{}")
    # It has its own mount namespace, so that its mounts end with it.
    command = ["unshare", "--net", "--mount", "sh", "-c", START_SCRIPT, str(RUN_FOLDER / "resolv.conf"), "--host", address]
    command += ["--data-root", str(folder / "docker"), "--exec-root", str(RUN_FOLDER / "exec"), "--pidfile", str(RUN_FOLDER / "dockerd.pid")]
    # The settings of this machine's daemon must not apply. A lower OOM score than that of this process may not be allowed.
    command += ["--config-file", str(RUN_FOLDER / "daemon.json"), "--oom-score-adjust", "0"]
    record = _start_process(folder, "dockerd", command)
    _wait_until(folder, "dockerd", lambda: os.readlink(f"/proc/{record.pid}/ns/net") != os.readlink("/proc/self/ns/net"))
    _start_process(folder, "slirp4netns", ["slirp4netns", "--configure", "--disable-host-loopback", str(record.pid), "tap0"])
    version_command = ["docker", "version", "--format", "{{.Server.Version}}"]
    variables = {**os.environ, **settings}
    _wait_until(folder, "dockerd", lambda: subprocess.run(version_command, env=variables, capture_output=True).returncode == 0)


def _start_process(folder: Path, name: str, command: list[str]) -> processes.Record:
    return processes.start(command, os.environ, folder / f"{name}.log", folder / f"{name}.json", "", paths.ROOT)


def _wait_until(folder: Path, name: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while processes.running(folder / f"{name}.json") is not None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if condition():
                return
        time.sleep(0.1)
    print_line(last_lines(folder / f"{name}.log", 20))
    raise DevError(f"{name} did not start: the end of its log is above; start this system's Docker instead")


def _join_network(pid: int) -> None:
    """Moves the calling thread into the network namespace of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/proc/{pid}/ns/net", "rb") as network:
        if libc.setns(network.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "the network namespace of the engine cannot be joined")
