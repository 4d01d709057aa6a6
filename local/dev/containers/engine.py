"""The container engine: Docker where its daemon answers, else a Docker of our own, else podman."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from .. import parts
from ..say import Trouble, line
from . import own, podman

NOTHING = (
    "no container engine can be had: start Docker 20.10 or newer, or install podman; as root it is enough to install Docker's "
    "programs (Debian: apt-get install docker.io slirp4netns tini)"
)
FIRST_WITHOUT_BUILTIN = 23
"""Docker's client builds by BuildKit with its plugin buildx from this version on, before it by itself."""


@dataclass(frozen=True)
class Engine:
    """How its programs are called."""

    about: str
    client: str
    compose: list[str]
    settings: dict[str, str] = field(default_factory=dict)
    reach: Callable = lambda work: work()
    """Calls a function where the published port can be reached."""
    open_files: int | None = None
    """How many open files a container can be given at most, where that is known."""
    own: bool = False
    """Whether nobody else sees its images."""
    look: str = ""
    """What is put in front of a command that is to reach the published port."""

    def environment(self) -> dict[str, str]:
        """Variables of the engine's programs."""
        return {**os.environ, **self.settings}

    def said(self, *arguments: str) -> subprocess.CompletedProcess:
        """Runs the client and keeps its output."""
        return _said([self.client, *arguments], self.environment())

    def must(self, *arguments: str) -> str:
        """The same, for a command that must not fail."""
        done = self.said(*arguments)
        if done.returncode != 0:
            raise Trouble(f"`{Path(self.client).name} {' '.join(arguments)}` failed: {done.stderr.strip()}")
        return done.stdout


def most_open_files() -> int:
    """How many open files a process started here can be given."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


@contextlib.contextmanager
def available(folder: Path, keep: Callable[[], bool]) -> Iterator[Engine]:
    """The engine; what was started for it is stopped at the end, unless `keep` says that it is to stay."""
    clients = _every("docker")
    running = next((client for client in clients if _answers(client, dict(os.environ))), None)
    if running and not own.running(folder):
        yield _docker(clients, {}, f"Docker {_version(running, 'Server')}, which runs already")
    elif clients and own.possible():
        with own.daemon(folder, keep) as daemon:
            made = _docker(clients, daemon.settings, "a Docker of its own, in a network namespace of its own")
            yield replace(made, own=True, reach=daemon.reach, open_files=most_open_files(), look=daemon.look)
    elif client := shutil.which("podman"):
        with podman.service(folder, client, keep) as settings:
            yield Engine("podman", client, _compose([]), settings, open_files=most_open_files())
    elif clients and os.geteuid() == 0:
        raise Trouble(f"Docker's daemon does not answer, and a Docker of our own needs {', '.join(own.missing())}: install them")
    else:
        raise Trouble(NOTHING)


def _docker(clients: list[str], settings: dict[str, str], about: str) -> Engine:
    client = next((client for client in clients if _builds(client)), None)
    if client is None:
        raise Trouble("this docker builds only with its plugin buildx: install it (docker-buildx-plugin, or docker-buildx)")
    settings = {**settings, "DOCKER_BUILDKIT": "1"}
    line(f"==> Engine: {about}")
    return Engine(about, client, _compose(clients), settings)


def _compose(clients: list[str]) -> list[str]:
    """Docker's Compose as a plugin or as a program; else the pinned one is fetched."""
    for command in (*([client, "compose"] for client in clients), ["docker-compose"]):
        if shutil.which(command[0]) and (major := _major(_said([*command, "version", "--short"], dict(os.environ)).stdout)):
            if major >= 2:
                return command
    return [str(parts.install_compose())]


def _builds(client: str) -> bool:
    major = _major(_version(client, "Client"))
    return 0 < major < FIRST_WITHOUT_BUILTIN or _said([client, "buildx", "version"], dict(os.environ)).returncode == 0


def _answers(client: str, environment: dict[str, str]) -> bool:
    return _said([client, "version", "--format", "{{.Server.Version}}"], environment).returncode == 0


def _version(client: str, side: str) -> str:
    return _said([client, "version", "--format", f"{{{{.{side}.Version}}}}"], dict(os.environ)).stdout.strip()


def _major(version: str) -> int:
    first = version.strip().lstrip("v").partition(".")[0]
    return int(first) if first.isdigit() else 0


def _every(program: str) -> list[str]:
    """Each program of that name on the path; the first is the usual one."""
    found = (shutil.which(program, path=folder) for folder in os.environ.get("PATH", "").split(os.pathsep))
    return list({os.path.realpath(path): path for path in reversed([path for path in found if path])}.values())[::-1]


def _said(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess:
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
