"""The container engine: Docker if its daemon answers, otherwise a private Docker daemon, otherwise podman."""

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
from ..console import DevError, print_line
from . import podman, private_docker

NO_ENGINE = (
    "no container engine is available: start Docker 20.10 or newer, or install podman; as root it is enough to install Docker's "
    "programs (Debian: apt-get install docker.io slirp4netns tini)"
)
FIRST_WITH_BUILDX = 23
"""The first version of Docker's client that needs the plugin buildx to build with BuildKit."""


@dataclass(frozen=True)
class Engine:
    """A container engine, and how its programs are called."""

    description: str
    client: str
    compose: list[str]
    settings: dict[str, str] = field(default_factory=dict)
    call_in_network: Callable = lambda function: function()
    """Calls a function in the network where the published port can be reached."""
    open_files: int | None = None
    """The maximum open files of a container, if known."""
    private: bool = False
    """Whether nobody else uses its images."""
    command_prefix: str = ""
    """The prefix of a command that must reach the published port."""

    def environment(self) -> dict[str, str]:
        """The environment of the engine's programs."""
        return {**os.environ, **self.settings}

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """Runs the client and captures its output."""
        return _run([self.client, *arguments], self.environment())

    def run_checked(self, *arguments: str) -> str:
        """Runs the client and returns its output; raises an error if it fails."""
        process = self.run(*arguments)
        if process.returncode != 0:
            raise DevError(f"`{Path(self.client).name} {' '.join(arguments)}` failed: {process.stderr.strip()}")
        return process.stdout


def max_open_files() -> int:
    """The maximum open files of a process that is started here."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


@contextlib.contextmanager
def available(folder: Path, keep: Callable[[], bool]) -> Iterator[Engine]:
    """Yields the engine. Processes that were started for it are stopped at the end, unless `keep` returns true."""
    clients = _all_programs("docker")
    client_of_daemon = next((client for client in clients if _has_daemon(client, dict(os.environ))), None)
    if client_of_daemon and not private_docker.is_running(folder):
        yield _docker(clients, {}, f"the running Docker {_version(client_of_daemon, 'Server')}")
    elif clients and private_docker.is_possible():
        with private_docker.daemon(folder, keep) as daemon:
            docker = _docker(clients, daemon.settings, "a private Docker daemon in its own network namespace")
            yield replace(
                docker,
                call_in_network=daemon.call_in_network,
                open_files=max_open_files(),
                private=True,
                command_prefix=daemon.command_prefix,
            )
    elif client := shutil.which("podman"):
        with podman.service(folder, client, keep) as settings:
            yield Engine("podman", client, _compose([]), settings, open_files=max_open_files())
    elif clients and os.geteuid() == 0:
        missing = ", ".join(private_docker.missing_programs())
        raise DevError(f"Docker's daemon does not answer, and a private Docker daemon needs {missing}: install them")
    else:
        raise DevError(NO_ENGINE)


def _docker(clients: list[str], settings: dict[str, str], description: str) -> Engine:
    client = next((client for client in clients if _can_build(client)), None)
    if client is None:
        raise DevError("this docker needs the plugin buildx to build: install it (docker-buildx-plugin, or docker-buildx)")
    settings = {**settings, "DOCKER_BUILDKIT": "1"}
    print_line(f"==> Engine: {description}")
    return Engine(description, client, _compose(clients), settings)


def _compose(clients: list[str]) -> list[str]:
    """The command of Docker Compose, as a plugin or a program; otherwise the pinned one is installed."""
    for command in (*([client, "compose"] for client in clients), ["docker-compose"]):
        if shutil.which(command[0]) and (major := _major_version(_run([*command, "version", "--short"], dict(os.environ)).stdout)):
            if major >= 2:
                return command
    return [str(parts.install_compose())]


def _can_build(client: str) -> bool:
    major = _major_version(_version(client, "Client"))
    return 0 < major < FIRST_WITH_BUILDX or _run([client, "buildx", "version"], dict(os.environ)).returncode == 0


def _has_daemon(client: str, environment: dict[str, str]) -> bool:
    return _run([client, "version", "--format", "{{.Server.Version}}"], environment).returncode == 0


def _version(client: str, side: str) -> str:
    return _run([client, "version", "--format", f"{{{{.{side}.Version}}}}"], dict(os.environ)).stdout.strip()


def _major_version(version: str) -> int:
    first = version.strip().lstrip("v").partition(".")[0]
    return int(first) if first.isdigit() else 0


def _all_programs(program: str) -> list[str]:
    """All programs of a name in PATH, in the order of PATH."""
    paths = (shutil.which(program, path=folder) for folder in os.environ.get("PATH", "").split(os.pathsep))
    return list({os.path.realpath(path): path for path in reversed([path for path in paths if path])}.values())[::-1]


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess:
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
