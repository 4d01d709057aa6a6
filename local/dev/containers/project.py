"""The compose project of a test: its settings, its site, its containers and their logs."""

from __future__ import annotations

import ipaddress
import json
import re
import secrets
import shutil
import socket
import subprocess
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import paths, ports
from ..console import DevError, print_line
from .engine import Engine

TAG = f"containers-{zlib.crc32(str(paths.ROOT).encode()):08x}"
"""The tag of the image. Each checkout has its own tag and project."""
NAME = f"hoidap-{TAG}"
ONE_SHOT_SERVICES = ("setup", "index")
"""Services that end when their work is done."""
LOG_LINES = 20
"""Lines of a log that are shown when something fails."""
HEALTH_TIMEOUT = 300
"""Maximum time until every container is healthy, in seconds."""
_SECRET = re.compile(r"PASSWORD|TOKEN|SECRET|HASH_KEY")
_SUBNETS = ipaddress.ip_network("172.30.0.0/16").subnets(new_prefix=24)
SUBNETS = [str(subnet) for subnet in _SUBNETS][81:]


def fill_env_example(example: str, values: dict[str, str], new_secret: Callable[[], str]) -> str:
    """The text of .env.example with the given values, and a new secret for each empty one."""

    def fill(match: re.Match) -> str:
        name, value = match.groups()
        return f"{name}={values.get(name, value or (new_secret() if _SECRET.search(name) else ''))}"

    return re.sub(r"(?m)^(\w+)=(.*)$", fill, example)


def compose_variables(example: str) -> set[str]:
    """The variables that compose.yaml reads. If the caller's environment had them, they would override the file."""
    return set(re.findall(r"(?m)^#?(\w+)=", example))


def free_subnet(used: list[str]) -> str:
    """A subnet for the containers that does not overlap with those of the engine."""
    networks = [ipaddress.ip_network(text, strict=False) for text in used if text]
    for subnet in map(ipaddress.ip_network, SUBNETS):
        if not any(network.version == 4 and subnet.overlaps(network) for network in networks):
            return str(subnet)
    raise DevError("every subnet from 172.30.81.0/24 on is in use: remove some networks (`docker network prune`)")


def open_files_override(compose: str, open_files: int | None) -> dict:
    """The override file for Compose: no container gets more open files than this machine allows."""
    services, service = {}, ""
    for text in compose.splitlines():
        if match := re.match(r"  (\w+):$", text):
            service = match[1]
        elif match := re.match(r"\s+nofile: \{ soft: (\d+), hard: (\d+) \}", text):
            if open_files is not None and open_files < int(match[2]):
                services[service] = {"ulimits": {"nofile": {"soft": open_files, "hard": open_files}}}
    return {"services": services}


@dataclass(frozen=True)
class ContainerState:
    """The state of a container, as `compose ps` shows it."""

    service: str
    state: str
    health: str
    exit: int

    @property
    def healthy(self) -> bool:
        """Whether it runs and is healthy, or, for a one-shot service, has succeeded."""
        if self.service in ONE_SHOT_SERVICES:
            return self.state == "exited" and self.exit == 0
        return self.state == "running" and self.health in ("", "healthy")

    def __str__(self) -> str:
        return f"{self.service} is {self.health or self.state}" + (f" with status {self.exit}" if self.state == "exited" else "")


def parse_states(output: str) -> list[ContainerState]:
    """Parses the output of `compose ps --format json`: a list or an object per line, depending on the version."""
    output = output.strip()
    items = json.loads(output) if output.startswith("[") else [json.loads(text) for text in output.splitlines()]
    return [ContainerState(item["Service"], item["State"], item.get("Health") or "", int(item.get("ExitCode") or 0)) for item in items]


class Project:
    """The project, with its files in a folder: `env`, `override.json`, `site`, and the tools' `output`."""

    def __init__(self, engine: Engine, folder: Path):
        self.engine, self.folder, self.site = engine, folder, folder / "site"
        self.output = folder / "output"
        self.port = engine.call_in_network(_free_port)
        self.token = _new_secret()
        self.question_count = 0
        """The number of questions asked so far."""
        self._example = (paths.ROOT / ".env.example").read_text()
        self._values = {
            "ADMIN_TOKEN": self.token,
            "API_HOSTS": ports.HOST,
            "GATEWAY_PUBLISH": f"{ports.HOST}:{self.port}",
            "HOIDAP_SITE": str(self.site),
            "HOIDAP_VERSION": TAG,
            "SUBNET": free_subnet(_used_subnets(engine)),
            "TOOLS_OUTPUT": str(self.output),
        }

    def prepare(self) -> None:
        """Writes its files. The cache is off and the rate limit high, so that every question goes through the stages."""
        shutil.copytree(paths.EXAMPLE_CONFIGURATION.parent, self.site)
        configuration = self.site / "hoidap.toml"
        configuration.write_text(configuration.read_text() + "\n[cache]\nttl_secs = 0\n\n[rate_limit]\nchat_per_minute = 600\n")
        for path in [self.site, *self.site.rglob("*")]:  # the containers run as another user
            path.chmod(0o755 if path.is_dir() else 0o644)
        self.output.mkdir()
        self.output.chmod(0o777)
        overrides = open_files_override((paths.ROOT / "compose.yaml").read_text(), self.engine.open_files)
        (self.folder / "override.json").write_text(json.dumps(overrides))
        self._env.touch(mode=0o600)
        self._env.write_text(fill_env_example(self._example, self._values, _new_secret))

    def set(self, name: str, value: str) -> None:
        """Changes one setting, as an operator does in .env."""
        self._env.write_text(re.sub(rf"(?m)^{name}=.*$", f"{name}={value}", self._env.read_text()))

    @property
    def _env(self) -> Path:
        return self.folder / "env"

    @property
    def url(self) -> str:
        """The URL of the published gateway."""
        return f"http://{ports.HOST}:{self.port}"

    def command(self, *arguments: str) -> list[str]:
        """A Compose command for this project."""
        files = ["--file", str(paths.ROOT / "compose.yaml"), "--file", str(self.folder / "override.json")]
        return [*self.engine.compose, "--project-name", NAME, "--env-file", str(self._env), *files, *arguments]

    def environment(self) -> dict[str, str]:
        """The environment of Compose."""
        names = compose_variables(self._example)
        inherited = {name: value for name, value in self.engine.environment().items() if name not in names}
        return {name: value for name, value in inherited.items() if not name.startswith("COMPOSE_")}

    def compose(self, *arguments: str) -> str:
        """Runs Compose and returns its output; prints its message and raises an error if it fails."""
        process = self._run(arguments)
        if process.returncode != 0:
            # Without the progress of each container.
            lines = [text for text in process.stderr.splitlines() if not re.match(r" (Container|Network|Volume) \S+ +\w+ *$", text)]
            print_line("\n".join(f"    | {text.strip()}" for text in lines[-LOG_LINES:]))
            raise DevError(f"`compose {' '.join(arguments)}` failed: its message is above")
        return process.stdout

    def _run(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command(*arguments), env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace",
        )  # fmt: skip

    def states(self) -> list[ContainerState]:
        """The states of all containers, also of those that have ended."""
        return parse_states(self._run(("ps", "--all", "--format", "json")).stdout)

    def services(self) -> list[str]:
        """The long-running services of Hoidap's image."""
        services = json.loads(self.compose("config", "--format", "json"))["services"]
        image = f"hoidap:{TAG}"
        return [name for name, service in services.items() if service["image"] == image and name not in ONE_SHOT_SERVICES]

    def wait(self) -> None:
        """Waits until every container is healthy."""
        deadline = time.monotonic() + HEALTH_TIMEOUT
        while unhealthy := [state for state in self.states() if not state.healthy]:
            if time.monotonic() > deadline or any(state.health == "unhealthy" for state in unhealthy):
                raise DevError(f"{'; '.join(map(str, unhealthy))}: the end of the logs is above")
            time.sleep(1)

    def show_logs(self, services: list[str]) -> None:
        """Prints the last log lines of each service that has any."""
        for service in dict.fromkeys(services):
            process = self._run(("logs", "--no-color", "--no-log-prefix", "--tail", str(LOG_LINES), service))
            if lines := (process.stdout + process.stderr).splitlines()[-LOG_LINES:]:
                print_line(f"    the end of the log of {service}:")
                print_line("\n".join(f"    | {text}" for text in lines))


def remove(engine: Engine) -> bool:
    """Removes the containers, volumes and networks of the project, also those that a killed call has left. Returns whether there were any."""
    label, removed = f"label=com.docker.compose.project={NAME}", False
    for list_command, remove_command in (
        (["ps", "--all", "--quiet"], ["rm", "--force", "--volumes"]),
        (["volume", "ls", "--quiet"], ["volume", "rm", "--force"]),
        (["network", "ls", "--quiet"], ["network", "rm"]),
    ):
        if ids := engine.run_checked(*list_command, "--filter", label).split():
            engine.run_checked(*remove_command, *ids)
            removed = True
    return removed


def _used_subnets(engine: Engine) -> list[str]:
    networks = engine.run_checked("network", "ls", "--quiet").split()
    details = json.loads(engine.run_checked("network", "inspect", *networks)) if networks else []
    configs = [config for network in details for config in (network.get("IPAM", {}).get("Config") or network.get("subnets") or [])]
    return [config.get("Subnet") or config.get("subnet") or "" for config in configs]


def _free_port() -> int:
    with socket.create_server((ports.HOST, 0)) as listener:
        return listener.getsockname()[1]


def _new_secret() -> str:
    return "p" + secrets.token_hex(16)
