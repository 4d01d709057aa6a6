"""The measured Hoidap: a separate instance with one process per stage, as with `./dev up`."""

from __future__ import annotations

import os
import shutil
import time
import urllib.request

from .. import lifecycle, paths, ports, processes, services, up
from ..console import DevError
from ..instance import EXTERNAL_URL_VARIABLES, Instance
from . import usage, valkey
from .metrics import HOIDAP

INDICES = paths.DOT_LOCAL / "bench" / "indices"
SETTINGS = {
    "HOIDAP_CONFIG": str(paths.EXAMPLE_CONFIGURATION),
    "HOIDAP_INDICES__DIR": str(INDICES),
    "HOIDAP_GENERATOR__PROVIDERS": "extractive",
    "HOIDAP_RATE_LIMIT__CHAT_PER_MINUTE": "0",
    "HOIDAP_RATE_LIMIT__OTHER_PER_MINUTE": "0",
}
"""The settings that differ from `./dev up`."""
KEPT_VARIABLE = "HOIDAP_NATS__DURABILITY"
"""The only HOIDAP variable of the caller's environment that applies to the benchmarks."""
SERVERS = ["nats", "valkey", "clickhouse"]
FLEET = [*ports.STAGES, "gateway"]
READY_TIMEOUT = 60


class Hoidap:
    """A running Hoidap."""

    name = HOIDAP

    def __init__(self):
        external = set(EXTERNAL_URL_VARIABLES.values())
        for name in [name for name in os.environ if name.startswith("HOIDAP_") and name != KEPT_VARIABLE or name in external]:
            del os.environ[name]
        os.environ |= {**SETTINGS, ports.BASE_VARIABLE: str(ports.free_base())}
        self.instance = Instance.from_environment()
        self.instance.set_model("none")
        self.url = self.instance.url("gateway") + "/api/chat"

    def start(self) -> None:
        """Starts the servers and the fleet, and waits until everything is healthy."""
        self.start_servers()
        lifecycle.start(self.instance, services.fleet(self.instance), [])
        up.wait_until_healthy(self.instance)

    def start_servers(self) -> None:
        """Starts the third-party servers, creates the streams, and builds missing collections."""
        lifecycle.start(self.instance, services.servers(self.instance), [])
        up.setup(self.instance)
        up.index(self.instance)

    def clear_caches(self) -> None:
        """Empties the cache of answers, and restarts the classifier, which caches the vectors of recent questions."""
        self.stop_fleet(["classifier"])
        self.start_process("classifier")
        self.wait_until_ready("classifier")
        up.wait_until_healthy(self.instance)
        self.empty_cache()

    def empty_cache(self) -> None:
        """Empties the cache of answers in Valkey."""
        valkey.flush(self.instance.ports["valkey"])

    def start_process(self, name: str, command: list[str] | None = None) -> None:
        """Starts a process of the fleet, or another command instead of it, without waiting."""
        service = self.service(name)
        record_file, log = lifecycle.record_path(self.instance, name), lifecycle.log_path(self.instance, name)
        processes.start(command or service.command, {**os.environ, **service.settings}, log, record_file, "bench", paths.ROOT)

    def service(self, name: str) -> services.Service:
        """The service of a process of the fleet."""
        return next(service for service in services.fleet(self.instance) if service.name == name)

    def wait_until_ready(self, name: str) -> None:
        """Waits until a process of the fleet reports that it is ready."""
        wait_until(self.service(name).ready, name)

    def stop_fleet(self, names: list[str] = FLEET) -> None:
        """Stops processes of the fleet."""
        for name in reversed(names):
            processes.stop(lifecycle.record_path(self.instance, name), lifecycle.STOP_TIMEOUT)

    def pids(self) -> dict[str, int]:
        """The pids of all processes by name, in start order."""
        records = {name: processes.running(lifecycle.record_path(self.instance, name)) for name in [*SERVERS, *FLEET]}
        return {name: record.pid for name, record in records.items() if record is not None}

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds so far: `own` of Hoidap's processes, `all` with the servers."""
        seconds = {name: usage.cpu_seconds(usage.process_tree(pid)) for name, pid in self.pids().items()}
        return {"own": sum(seconds[name] for name in seconds if name in FLEET), "all": sum(seconds.values())}

    def stop(self) -> None:
        """Stops all processes and removes the folder of the instance."""
        lifecycle.stop(self.instance)
        shutil.rmtree(self.instance.folder, ignore_errors=True)


def wait_until(ready: services.Probe, name: str) -> None:
    """Waits until a probe is ready."""
    deadline = time.monotonic() + READY_TIMEOUT
    while not ready():
        if time.monotonic() > deadline:
            raise DevError(f"{name} was not ready within {READY_TIMEOUT} s")
        time.sleep(0.01)


def post(url: str, body: bytes) -> bytes:
    """Posts one question and returns the response body."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=90) as response:
        return response.read()

