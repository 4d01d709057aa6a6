"""A compose project of its own: its settings, its site, its containers and what they say."""

from __future__ import annotations

import ipaddress
import json
import os
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
from ..say import Trouble, line
from .engine import Engine

TAG = f"containers-{zlib.crc32(str(paths.ROOT).encode()):08x}"
"""Of the image. Another checkout has another one, and another project."""
NAME = f"hoidap-{TAG}"
ENDING = ("setup", "index")
"""Services that end when their work is done."""
LINES = 20
"""Of a log, when something fails."""
PATIENCE = 300
"""Longest time until every container is healthy, in seconds."""
_SECRET = re.compile(r"PASSWORD|TOKEN|SECRET|HASH_KEY")
_SUBNETS = ipaddress.ip_network("172.30.0.0/16").subnets(new_prefix=24)
SUBNETS = [str(subnet) for subnet in _SUBNETS][81:]


def settings(example: str, given: dict[str, str], secret: Callable[[], str]) -> str:
    """.env.example filled in: what is given, and a new secret for each one that is empty."""

    def filled(found: re.Match) -> str:
        name, value = found.groups()
        return f"{name}={given.get(name, value or (secret() if _SECRET.search(name) else ''))}"

    return re.sub(r"(?m)^(\w+)=(.*)$", filled, example)


def foreign(example: str) -> set[str]:
    """The variables that compose.yaml reads: those of the caller's environment would win over the file."""
    return set(re.findall(r"(?m)^#?(\w+)=", example))


def free_subnet(taken: list[str]) -> str:
    """A network for the containers that overlaps with none of the engine's."""
    networks = [ipaddress.ip_network(text, strict=False) for text in taken if text]
    for subnet in map(ipaddress.ip_network, SUBNETS):
        if not any(network.version == 4 and subnet.overlaps(network) for network in networks):
            return str(subnet)
    raise Trouble("every network from 172.30.81.0/24 on is taken by others: remove some of them (`docker network prune`)")


def override(compose: str, open_files: int | None) -> dict:
    """What is to be different here: no container gets more open files than this machine allows."""
    services, service = {}, ""
    for text in compose.splitlines():
        if found := re.match(r"  (\w+):$", text):
            service = found[1]
        elif found := re.match(r"\s+nofile: \{ soft: (\d+), hard: (\d+) \}", text):
            if open_files is not None and open_files < int(found[2]):
                services[service] = {"ulimits": {"nofile": {"soft": open_files, "hard": open_files}}}
    return {"services": services}


@dataclass(frozen=True)
class State:
    """One container, as `compose ps` shows it."""

    service: str
    state: str
    health: str
    exit: int

    @property
    def well(self) -> bool:
        """Whether it does its work, or has done it."""
        if self.service in ENDING:
            return self.state == "exited" and self.exit == 0
        return self.state == "running" and self.health in ("", "healthy")

    def __str__(self) -> str:
        return f"{self.service} is {self.health or self.state}" + (f" with status {self.exit}" if self.state == "exited" else "")


def states(said: str) -> list[State]:
    """The output of `compose ps --format json`: a list in one release, an object on each line in another."""
    said = said.strip()
    items = json.loads(said) if said.startswith("[") else [json.loads(text) for text in said.splitlines()]
    return [State(item["Service"], item["State"], item.get("Health") or "", int(item.get("ExitCode") or 0)) for item in items]


class Project:
    """The project in a folder: `env`, `override.json`, `site`, and `output` of the tools."""

    def __init__(self, engine: Engine, folder: Path):
        self.engine, self.folder, self.site = engine, folder, folder / "site"
        self.output = folder / "output"
        self.port = engine.reach(_free_port)
        self.token = _secret()
        self.asked = 0
        """Questions so far."""
        self._example = (paths.ROOT / ".env.example").read_text()
        self._given = {
            "ADMIN_TOKEN": self.token,
            "API_HOSTS": ports.HOST,
            "GATEWAY_PUBLISH": f"{ports.HOST}:{self.port}",
            "HOIDAP_SITE": str(self.site),
            "HOIDAP_VERSION": TAG,
            "SUBNET": free_subnet(_subnets(engine)),
            "TOOLS_OUTPUT": str(self.output),
        }
        self._passwords: dict[str, str] = {}

    def prepare(self) -> None:
        """Writes its files. Every question is to go through the stages: no answer is kept, and no minute has too many."""
        shutil.copytree(paths.EXAMPLE.parent, self.site)
        configured = self.site / "hoidap.toml"
        configured.write_text(configured.read_text() + "\n[cache]\nttl_secs = 0\n\n[rate_limit]\nchat_per_minute = 600\n")
        for path in [self.site, *self.site.rglob("*")]:  # the containers' user is another one
            path.chmod(0o755 if path.is_dir() else 0o644)
        self.output.mkdir()
        self.output.chmod(0o777)
        changes = override((paths.ROOT / "compose.yaml").read_text(), self.engine.open_files)
        (self.folder / "override.json").write_text(json.dumps(changes))
        self._env.touch(mode=0o600)
        self._env.write_text(settings(self._example, self._given, _secret))

    def set(self, name: str, value: str) -> None:
        """Changes one setting, as an operator does in .env."""
        self._env.write_text(re.sub(rf"(?m)^{name}=.*$", f"{name}={value}", self._env.read_text()))

    @property
    def _env(self) -> Path:
        return self.folder / "env"

    @property
    def url(self) -> str:
        """Where the gateway is published."""
        return f"http://{ports.HOST}:{self.port}"

    def command(self, *arguments: str) -> list[str]:
        """A command of Compose on this project."""
        files = ["--file", str(paths.ROOT / "compose.yaml"), "--file", str(self.folder / "override.json")]
        return [*self.engine.compose, "--project-name", NAME, "--env-file", str(self._env), *files, *arguments]

    def environment(self) -> dict[str, str]:
        """Variables of Compose."""
        foreigners = foreign(self._example)
        outside = {name: value for name, value in self.engine.environment().items() if name not in foreigners}
        return {name: value for name, value in outside.items() if not name.startswith("COMPOSE_")}

    def compose(self, *arguments: str) -> str:
        """Runs Compose; its message is shown when it fails."""
        done = self._run(arguments)
        if done.returncode != 0:
            # Without what it says of each container on its way.
            said = [text for text in done.stderr.splitlines() if not re.match(r" (Container|Network|Volume) \S+ +\w+ *$", text)]
            line("\n".join(f"    | {text.strip()}" for text in said[-LINES:]))
            raise Trouble(f"`compose {' '.join(arguments)}` failed: its message is above")
        return done.stdout

    def _run(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command(*arguments), env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace",
        )  # fmt: skip

    def states(self) -> list[State]:
        """Every container, also those that have ended."""
        return states(self._run(("ps", "--all", "--format", "json")).stdout)

    def services(self) -> list[str]:
        """The services that run our image and stay."""
        services = json.loads(self.compose("config", "--format", "json"))["services"]
        ours = f"hoidap:{TAG}"
        return [name for name, service in services.items() if service["image"] == ours and name not in ENDING]

    def wait(self) -> None:
        """Until every container is well."""
        deadline = time.monotonic() + PATIENCE
        while ill := [state for state in self.states() if not state.well]:
            if time.monotonic() > deadline or any(state.health == "unhealthy" for state in ill):
                raise Trouble(f"{'; '.join(map(str, ill))}: the end of the logs is above")
            time.sleep(1)

    def show_logs(self, services: list[str]) -> None:
        """The last lines of each service that has said something."""
        for service in dict.fromkeys(services):
            said = self._run(("logs", "--no-color", "--no-log-prefix", "--tail", str(LINES), service))
            if last := (said.stdout + said.stderr).splitlines()[-LINES:]:
                line(f"    the end of the log of {service}:")
                line("\n".join(f"    | {text}" for text in last))


def remove(engine: Engine) -> bool:
    """Removes every container, volume and network of the project, also those of a call that was killed; whether there were any."""
    label, removed = f"label=com.docker.compose.project={NAME}", False
    for listed, removal in (
        (["ps", "--all", "--quiet"], ["rm", "--force", "--volumes"]),
        (["volume", "ls", "--quiet"], ["volume", "rm", "--force"]),
        (["network", "ls", "--quiet"], ["network", "rm"]),
    ):
        if found := engine.must(*listed, "--filter", label).split():
            engine.must(*removal, *found)
            removed = True
    return removed


def _subnets(engine: Engine) -> list[str]:
    networks = engine.must("network", "ls", "--quiet").split()
    listed = json.loads(engine.must("network", "inspect", *networks)) if networks else []
    ranges = [item for network in listed for item in (network.get("IPAM", {}).get("Config") or network.get("subnets") or [])]
    return [item.get("Subnet") or item.get("subnet") or "" for item in ranges]


def _free_port() -> int:
    with socket.create_server((ports.HOST, 0)) as held:
        return held.getsockname()[1]


def _secret() -> str:
    return "p" + secrets.token_hex(16)
