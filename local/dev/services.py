"""The services that `./dev up` starts: the command, the settings and the readiness probe of each."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from . import paths, ports
from .console import DevError
from .instance import EXTERNAL_URL_VARIABLES, Instance, configuration

Probe = Callable[[], bool]


@dataclass(frozen=True)
class Service:
    """One process of an instance."""

    name: str
    address: str
    command: list[str]
    ready: Probe
    settings: dict[str, str] = field(default_factory=dict)
    watched_files: list[Path] = field(default_factory=list)
    """Files that the process depends on. When one of them has changed, the process is started again."""


def servers(instance: Instance) -> list[Service]:
    """The third-party servers, without those that are external."""
    constructors = {"nats": _nats, "valkey": _valkey, "clickhouse": _clickhouse}
    if instance.model == "qwen":
        constructors["llama"] = _llama
    for name in constructors:
        _require_external(instance, name)
    return [construct(instance) for name, construct in constructors.items() if instance.external_url(name) is None]


def fleet(instance: Instance) -> list[Service]:
    """Hoidap's processes: one for each stage, and the gateway. Each connects to NATS as a user of its own."""
    worker, gateway = paths.BINARIES / "hoidap-worker", paths.BINARIES / "hoidap-gateway"
    services = []
    for name in [*ports.STAGES, "gateway"]:
        program, arguments = (gateway, []) if name == "gateway" else (worker, ["run", name])
        probe = http_ok(instance.url(name) + ("/api/health" if name == "gateway" else "/readyz"))
        watched_files = [program, configuration()]
        services.append(Service(name, instance.url(name), [str(program), *arguments], probe, instance.settings(name), watched_files))
    return services


def _nats(instance: Instance) -> Service:
    files = sorted((paths.ROOT / "nats").glob("*.conf"))
    command = [str(paths.NATS), "-c", str(paths.ROOT / "nats" / "laptop.conf")]
    ready = responds(instance.ports["nats"], b"", b'"jetstream":true')
    return Service("nats", instance.url("nats"), command, ready, instance.nats_settings(), files)


def _valkey(instance: Instance) -> Service:
    port = instance.ports["valkey"]
    command = [
        str(paths.VALKEY),
        "--bind",
        ports.HOST,
        "--port",
        str(port),
        "--dir",
        str(instance.data_folder("valkey")),
        "--save",
        "",
    ]
    command += ["--maxmemory", "256mb", "--maxmemory-policy", "volatile-lru"]
    return Service("valkey", instance.url("valkey"), command, responds(port, b"PING\r\n", b"+PONG"))


def _clickhouse(instance: Instance) -> Service:
    address = instance.url("clickhouse")
    command = [
        str(paths.CLICKHOUSE),
        "--port",
        str(instance.ports["clickhouse"]),
        "--data",
        str(instance.data_folder("clickhouse")),
    ]
    watched_files = sorted((paths.LOCAL / "clickhouse").glob("*.py"))
    settings = {"CLICKHOUSE_PASSWORD": instance.passwords()["clickhouse"]}
    return Service("clickhouse", address, command, http_ok(address + "/ping"), settings, watched_files)


def _llama(instance: Instance) -> Service:
    address = instance.url("llama")
    command = [str(paths.LLAMA), "--port", str(instance.ports["llama"])]
    watched_files = [paths.LANGUAGE_MODEL, *sorted(path for path in (paths.LOCAL / "llama").iterdir() if path.is_file())]
    settings = {"LLAMA_API_KEY": instance.passwords()["llama"]}
    return Service("llama", address, command, http_ok(address + "/health"), settings, watched_files)


def _require_external(instance: Instance, name: str) -> None:
    """Checks that an external server accepts connections."""
    address = instance.external_url(name)
    if address is None:
        return
    parts = urlsplit(address.split(",")[0].strip())  # a cluster is a list
    port = parts.port or {"nats": 4222, "redis": 6379, "rediss": 6379, "https": 443}.get(parts.scheme, 80)
    try:
        socket.create_connection((parts.hostname or ports.HOST, port), timeout=5).close()
    except OSError as error:
        host_port = f"{parts.hostname}:{port}"
        raise DevError(
            f"the {name} server that the environment names does not answer at {host_port} ({error}): "
            f"start it, or unset {EXTERNAL_URL_VARIABLES[name]}"
        ) from None


def http_ok(url: str) -> Probe:
    """A probe that is ready when a URL answers with status 200."""

    def ready() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                return response.status == 200
        except (OSError, ValueError):
            return False

    return ready


def responds(port: int, request: bytes, expected: bytes) -> Probe:
    """A probe that is ready when the first data from the server, after `request` was sent, contains `expected`."""

    def ready() -> bool:
        try:
            with socket.create_connection((ports.HOST, port), timeout=2) as connection:
                connection.sendall(request)
                return expected in connection.recv(1 << 16)
        except OSError:
            return False

    return ready
