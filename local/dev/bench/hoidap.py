"""The Hoidap that is measured: an instance of its own, each stage in a process of its own, as `./dev up` has it."""

from __future__ import annotations

import os
import shutil
import time
import urllib.request
from pathlib import Path

from .. import lifecycle, paths, ports, processes, services, up
from ..instance import GIVEN, Instance
from ..say import Trouble
from . import usage, valkey
from .figures import HOIDAP

INDICES = paths.MADE / "bench" / "indices"
SETTINGS = {
    "HOIDAP_CONFIG": str(paths.EXAMPLE),
    "HOIDAP_INDICES__DIR": str(INDICES),
    "HOIDAP_GENERATOR__PROVIDERS": "extractive",
    "HOIDAP_RATE_LIMIT__CHAT_PER_MINUTE": "0",
    "HOIDAP_RATE_LIMIT__OTHER_PER_MINUTE": "0",
}
"""What differs from `./dev up`."""
KEPT = "HOIDAP_NATS__DURABILITY"
"""The one setting of the caller's environment that reaches the benchmarks."""
SERVERS = ["nats", "valkey", "clickhouse"]
FLEET = [*ports.STAGES, "gateway"]
PATIENCE = 60


class Hoidap:
    """A running Hoidap."""

    name = HOIDAP

    def __init__(self):
        for name in [name for name in os.environ if name.startswith("HOIDAP_") and name != KEPT or name in GIVEN.values()]:
            del os.environ[name]
        os.environ |= {**SETTINGS, ports.SETTING: str(ports.free_base())}
        self.instance = Instance.chosen()
        self.instance.use("none")
        self.url = self.instance.url("gateway") + "/api/chat"

    def start(self) -> None:
        """Starts servers and fleet, and waits until all is well."""
        self.start_servers()
        lifecycle.start(self.instance, services.fleet(self.instance), [])
        up.wait_until_healthy(self.instance)

    def start_servers(self) -> None:
        """Starts the servers of others, makes the streams, and builds the collections where they are not there yet."""
        lifecycle.start(self.instance, services.servers(self.instance), [])
        up.setup(self.instance)
        up.index(self.instance)

    def forget(self) -> None:
        """Empties the cache of answers, and starts the classifier again, which keeps the vectors of recent questions."""
        self.stop_fleet(["classifier"])
        self.begin("classifier")
        self.wait_until_ready("classifier")
        up.wait_until_healthy(self.instance)
        self.empty_cache()

    def empty_cache(self) -> None:
        """Empties the cache of answers."""
        valkey.flush(self.instance.ports["valkey"])

    def begin(self, name: str, command: list[str] | None = None) -> None:
        """Starts a process of the fleet, or another program in its place, and does not wait for it."""
        service = self.service(name)
        record, log = lifecycle.record_of(self.instance, name), lifecycle.log_of(self.instance, name)
        processes.start(command or service.command, {**os.environ, **service.settings}, log, record, "bench", paths.ROOT)

    def service(self, name: str) -> services.Service:
        """How a process of the fleet is started."""
        return next(service for service in services.fleet(self.instance) if service.name == name)

    def wait_until_ready(self, name: str) -> None:
        """Waits until a process of the fleet says that it is ready."""
        wait(self.service(name).ready, name)

    def stop_fleet(self, names: list[str] = FLEET) -> None:
        """Stops processes of the fleet."""
        for name in reversed(names):
            processes.stop(lifecycle.record_of(self.instance, name), lifecycle.STOP_PATIENCE)

    def pids(self) -> dict[str, int]:
        """All processes by their names, in the order in which they started."""
        known = {name: processes.running(lifecycle.record_of(self.instance, name)) for name in [*SERVERS, *FLEET]}
        return {name: record.pid for name, record in known.items() if record is not None}

    def cpu(self) -> dict[str, float]:
        """Processor seconds so far: of its own processes, and of all with the servers."""
        seconds = {name: usage.cpu_seconds(usage.tree(pid)) for name, pid in self.pids().items()}
        return {"own": sum(seconds[name] for name in seconds if name in FLEET), "all": sum(seconds.values())}

    def stop(self) -> None:
        """Stops all of it and removes its folder."""
        lifecycle.stop(self.instance)
        shutil.rmtree(self.instance.folder, ignore_errors=True)


def wait(ready: services.Probe, name: str) -> None:
    """Waits until something is ready."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > deadline:
            raise Trouble(f"{name} was not ready within {PATIENCE} s")
        time.sleep(0.01)


def post(url: str, body: bytes) -> bytes:
    """The answer to one question."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=90) as response:
        return response.read()

