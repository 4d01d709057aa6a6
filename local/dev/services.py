"""What `./dev up` starts: each service's command, settings and sign of readiness."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from . import paths, ports
from .instance import GIVEN, Instance, configuration
from .say import Trouble

Probe = Callable[[], bool]


@dataclass(frozen=True)
class Service:
    """One process of an instance."""

    name: str
    address: str
    command: list[str]
    ready: Probe
    settings: dict[str, str] = field(default_factory=dict)
    reads: list[Path] = field(default_factory=list)
    """Files that it is made of: when one of them changed, the process is started again."""


def servers(instance: Instance) -> list[Service]:
    """The servers of others, without those that the environment says are there already."""
    makers = {"nats": _nats, "valkey": _valkey, "clickhouse": _clickhouse}
    if instance.model == "qwen":
        makers["llama"] = _llama
    for name in makers:
        _require_given(instance, name)
    return [make(instance) for name, make in makers.items() if instance.given(name) is None]


def fleet(instance: Instance) -> list[Service]:
    """Hoidap's own processes: one for each stage, and the gateway. Each is its own user to NATS."""
    worker, gateway = paths.BINARIES / "hoidap-worker", paths.BINARIES / "hoidap-gateway"
    made = []
    for name in [*ports.STAGES, "gateway"]:
        program, rest = (gateway, []) if name == "gateway" else (worker, ["run", name])
        probe = http(instance.url(name) + ("/api/health" if name == "gateway" else "/readyz"))
        reads = [program, configuration()]
        made.append(Service(name, instance.url(name), [str(program), *rest], probe, instance.settings(name), reads))
    return made


def _nats(instance: Instance) -> Service:
    configured = sorted((paths.ROOT / "nats").glob("*.conf"))
    command = [str(paths.NATS), "-c", str(paths.ROOT / "nats" / "laptop.conf")]
    ready = says(instance.ports["nats"], b"", b'"jetstream":true')
    return Service("nats", instance.url("nats"), command, ready, instance.nats_settings(), configured)


def _valkey(instance: Instance) -> Service:
    port = instance.ports["valkey"]
    command = [
        str(paths.VALKEY),
        "--bind",
        ports.HOST,
        "--port",
        str(port),
        "--dir",
        str(instance.data("valkey")),
        "--save",
        "",
    ]
    command += ["--maxmemory", "256mb", "--maxmemory-policy", "volatile-lru"]
    return Service("valkey", instance.url("valkey"), command, says(port, b"PING\r\n", b"+PONG"))


def _clickhouse(instance: Instance) -> Service:
    address = instance.url("clickhouse")
    command = [
        str(paths.CLICKHOUSE),
        "--port",
        str(instance.ports["clickhouse"]),
        "--data",
        str(instance.data("clickhouse")),
    ]
    reads = sorted((paths.LOCAL / "clickhouse").glob("*.py"))
    settings = {"CLICKHOUSE_PASSWORD": instance.passwords()["clickhouse"]}
    return Service("clickhouse", address, command, http(address + "/ping"), settings, reads)


def _llama(instance: Instance) -> Service:
    address = instance.url("llama")
    command = [str(paths.LLAMA), "--port", str(instance.ports["llama"])]
    reads = [paths.MODEL, *sorted(path for path in (paths.LOCAL / "llama").iterdir() if path.is_file())]
    settings = {"LLAMA_API_KEY": instance.passwords()["llama"]}
    return Service("llama", address, command, http(address + "/health"), settings, reads)


def _require_given(instance: Instance, name: str) -> None:
    """A server that the environment names must be there."""
    address = instance.given(name)
    if address is None:
        return
    parts = urlsplit(address.split(",")[0].strip())  # a cluster is a list
    port = parts.port or {"nats": 4222, "redis": 6379, "rediss": 6379, "https": 443}.get(parts.scheme, 80)
    try:
        socket.create_connection((parts.hostname or ports.HOST, port), timeout=5).close()
    except OSError as error:
        where = f"{parts.hostname}:{port}"
        raise Trouble(
            f"the {name} server that the environment names does not answer at {where} ({error}): "
            f"start it, or unset {GIVEN[name]}"
        ) from None


def http(url: str) -> Probe:
    """Ready when the address answers with a success."""

    def ready() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                return response.status == 200
        except (OSError, ValueError):
            return False

    return ready


def says(port: int, question: bytes, answer: bytes) -> Probe:
    """Ready when what the server says first, after `question` was sent, holds `answer`."""

    def ready() -> bool:
        try:
            with socket.create_connection((ports.HOST, port), timeout=2) as connection:
                connection.sendall(question)
                return answer in connection.recv(1 << 16)
        except OSError:
            return False

    return ready
