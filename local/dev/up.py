"""`./dev up` and the commands around a running instance."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request

from . import ask, build, lifecycle, model, parts, paths, processes, services, system, web
from .instance import Instance, configuration, read_configuration
from .say import Trouble, line, seconds, step

HEALTH_PATIENCE = 60
"""Longest time until everything is healthy, in seconds."""


def up(instance: Instance, detach: bool, wanted: str | None) -> None:
    """From a clone to two answers, with the wanted model; then stays until it is told to stop, unless it is to return."""
    begun = time.monotonic()
    _stop_signals()
    system.require()
    chosen = model.choose(wanted)
    parts.install()
    with model.fetched(chosen) as progress:
        web.build()
        build.build(progress)
    instance.use(chosen)
    started: list[str] = []
    if chosen == "none" and processes.stop(lifecycle.record_of(instance, "llama"), lifecycle.STOP_PATIENCE):
        line("==> llama: stopped, no model was chosen")
    try:
        lifecycle.start(instance, services.servers(instance), started)
        setup(instance)
        index(instance)
        lifecycle.start(instance, services.fleet(instance), started)
        with step("Health: waiting until every component is well"):
            wait_until_healthy(instance)
        ask.ask_samples(instance)
    except BaseException:
        lifecycle.stop(instance, [name for name in lifecycle.NAMES if name in started])
        raise
    _addresses(instance)
    line(f"Ready after {seconds(time.monotonic() - begun)}.")
    if detach:
        return line('Everything runs in the background: `./dev status`, `./dev logs`, `./dev ask "…"`, `./dev down`.')
    line("Everything runs until Ctrl-C.")
    try:
        _watch(instance)
    except KeyboardInterrupt:
        line()
    finally:
        lifecycle.stop(instance)


def status(instance: Instance) -> bool:
    """A line for each service and one for each component of the gateway's health; whether all of it is well."""
    well = True
    for name in lifecycle.NAMES:
        known = processes.running(lifecycle.record_of(instance, name))
        well = well and (known is not None or instance.given(name) is not None or _is_unused(instance, name))
        line(f"{name:<11} {_state(instance, name):<26} {instance.url(name)}")
    health = _health(instance)
    if health is None:
        line("health      the gateway does not answer")
        return False
    line(f"health      {health['status']}")
    for name, component in sorted(health.get("components", {}).items()):
        line(f"  {name}: {component if isinstance(component, str) else json.dumps(component, ensure_ascii=False)}")
    return well and health["status"] == "healthy"


def _state(instance: Instance, name: str) -> str:
    known = processes.running(lifecycle.record_of(instance, name))
    if known is not None:
        return f"running (process {known.pid})"
    return "given" if instance.given(name) else "not used" if _is_unused(instance, name) else "not running"


def _is_unused(instance: Instance, name: str) -> bool:
    return name == "llama" and instance.model == "none"


def logs(instance: Instance, service: str | None, follow: bool) -> None:
    """The end of one service's log, or of all; `follow` goes on until Ctrl-C."""
    chosen = [lifecycle.log_of(instance, name) for name in ([service] if service else lifecycle.NAMES)]
    there = [str(log) for log in chosen if log.exists()]
    if not there:
        raise Trouble(
            f"there is no log in {instance.folder / 'logs'}: ./dev up has not started {service or 'anything'} yet"
        )
    subprocess.run(["tail", "-n", "40", *(["-F"] if follow else []), *there])


def setup(instance: Instance) -> None:
    """Makes the broker's streams."""
    with step("Streams: making what is missing"):
        _run(instance, "hoidap-worker", "setup", failure="the streams could not be made")


def index(instance: Instance) -> None:
    """Builds the collections that are missing or changed."""
    with step(f"Collections of {os.path.relpath(configuration(), paths.ROOT)}: indexing what is new or changed"):
        _run(instance, "hoidap-index", "build", failure="the collections could not be built")


def _run(instance: Instance, program: str, *arguments: str, failure: str) -> None:
    command = [str(paths.BINARIES / program), *arguments]
    environment = {**os.environ, **instance.settings("operator")}
    if subprocess.run(command, cwd=paths.ROOT, env=environment, stdin=subprocess.DEVNULL).returncode != 0:
        raise Trouble(f"{failure}: the message of {program} is above")


def become(instance: Instance, program: str, arguments: list[str]) -> None:
    """Puts a program in the place of this one, with the operator's settings."""
    path = paths.BINARIES / program
    if not path.exists():
        raise Trouble(f"{program} is not built yet: run ./dev build")
    os.execve(path, [program, *arguments], {**os.environ, **instance.settings("operator")})


def _health(instance: Instance) -> dict | None:
    try:
        with urllib.request.urlopen(_health_request(instance), timeout=5) as response:
            return json.loads(response.read(1 << 20))
    except urllib.error.HTTPError as error:
        try:
            return json.loads(error.read(1 << 20))
        except ValueError:
            return None
    except (OSError, ValueError):
        return None


def _health_request(instance: Instance) -> urllib.request.Request:
    """Asks as the operator, where an admin token is configured: others are told no details."""
    configured = read_configuration().get("gateway", {}).get("admin_token", "")
    token = os.environ.get("HOIDAP_GATEWAY__ADMIN_TOKEN", configured)
    headers = {"X-Admin-Token": token} if token else {}
    return urllib.request.Request(instance.url("gateway") + "/api/health", headers=headers)


def wait_until_healthy(instance: Instance, pause: float = 0.3) -> None:
    """Waits until the gateway says that every component is well; it is asked again after each `pause` of seconds."""
    deadline = time.monotonic() + HEALTH_PATIENCE
    while (health := _health(instance)) is None or health.get("status") != "healthy":
        if time.monotonic() > deadline:
            raise Trouble(
                f"not everything is well after {HEALTH_PATIENCE} s: "
                f"the gateway says {json.dumps(health, ensure_ascii=False)}; see ./dev logs"
            )
        time.sleep(pause)


def _addresses(instance: Instance) -> None:
    gateway = instance.url("gateway")
    for what, address in (
        ("Chat API", f"{gateway}/api/chat"),
        ("API documentation", f"{gateway}/api/docs"),
        ("Health", f"{gateway}/api/health"),
        ("Sample site", f"{gateway}/"),
        ("Dashboard", f"{gateway}/dashboard"),
        ("A stage's metrics", f"{instance.url('classifier')}/metrics"),
    ):
        line(f"  {what:<18} {address}")


def _stop_signals() -> None:
    """Lets SIGINT, SIGTERM and SIGHUP end ./dev alike; a hang-up only where nobody (nohup) has it ignored."""

    def asked(*_):
        raise KeyboardInterrupt

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if name != signal.SIGHUP or signal.getsignal(name) != signal.SIG_IGN:
            signal.signal(name, asked)


def _watch(instance: Instance) -> None:
    """Stays until it is interrupted; says so when a service ends by itself."""
    there = {name for name in lifecycle.NAMES if processes.running(lifecycle.record_of(instance, name))}
    while True:
        time.sleep(1)
        for name in sorted(there):
            if processes.running(lifecycle.record_of(instance, name)) is None:
                there.discard(name)
                line(f"{name} has ended, and `./dev up --detach` starts it again; the end of its log:")
                line(lifecycle.last_lines(lifecycle.log_of(instance, name), 10).rstrip("\n"))
