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
from .console import DevError, format_duration, print_line, step
from .instance import Instance, configuration, read_configuration

HEALTH_TIMEOUT = 60
"""Maximum time until everything is healthy, in seconds."""


def up(instance: Instance, detach: bool, requested_model: str | None) -> None:
    """Installs, builds and starts everything and asks two questions. Then it runs until it is stopped, or returns if `detach`."""
    started_at = time.monotonic()
    _handle_stop_signals()
    system.require()
    model_name = model.choose(requested_model)
    parts.install()
    with model.fetching(model_name) as progress:
        web.build()
        build.build(progress)
    instance.set_model(model_name)
    started: list[str] = []
    if model_name == "none" and processes.stop(lifecycle.record_path(instance, "llama"), lifecycle.STOP_TIMEOUT):
        print_line("==> llama: stopped, because no model is used")
    try:
        lifecycle.start(instance, services.servers(instance), started)
        setup(instance)
        index(instance)
        lifecycle.start(instance, services.fleet(instance), started)
        with step("Health: waiting until every component is healthy"):
            wait_until_healthy(instance)
        ask.ask_samples(instance)
    except BaseException:
        lifecycle.stop(instance, [name for name in lifecycle.SERVICE_NAMES if name in started])
        raise
    _print_addresses(instance)
    print_line(f"Ready after {format_duration(time.monotonic() - started_at)}.")
    if detach:
        return print_line('Everything runs in the background: `./dev status`, `./dev logs`, `./dev ask "…"`, `./dev down`.')
    print_line("Everything runs until Ctrl-C.")
    try:
        _watch(instance)
    except KeyboardInterrupt:
        print_line()
    finally:
        lifecycle.stop(instance)


def status(instance: Instance) -> bool:
    """Prints the state of each service and the health of each component; returns whether everything is healthy."""
    healthy = True
    for name in lifecycle.SERVICE_NAMES:
        record = processes.running(lifecycle.record_path(instance, name))
        healthy = healthy and (record is not None or instance.external_url(name) is not None or _is_unused(instance, name))
        print_line(f"{name:<11} {_state(instance, name):<26} {instance.url(name)}")
    health = _health(instance)
    if health is None:
        print_line("health      the gateway does not answer")
        return False
    print_line(f"health      {health['status']}")
    for name, component in sorted(health.get("components", {}).items()):
        print_line(f"  {name}: {component if isinstance(component, str) else json.dumps(component, ensure_ascii=False)}")
    return healthy and health["status"] == "healthy"


def _state(instance: Instance, name: str) -> str:
    record = processes.running(lifecycle.record_path(instance, name))
    if record is not None:
        return f"running (process {record.pid})"
    return "external" if instance.external_url(name) else "not used" if _is_unused(instance, name) else "not running"


def _is_unused(instance: Instance, name: str) -> bool:
    return name == "llama" and instance.model == "none"


def logs(instance: Instance, service: str | None, follow: bool) -> None:
    """Shows the end of one service's log, or of all; with `follow`, new lines until Ctrl-C."""
    log_files = [lifecycle.log_path(instance, name) for name in ([service] if service else lifecycle.SERVICE_NAMES)]
    existing = [str(log) for log in log_files if log.exists()]
    if not existing:
        raise DevError(
            f"there is no log in {instance.folder / 'logs'}: ./dev up has not started {service or 'anything'} yet"
        )
    subprocess.run(["tail", "-n", "40", *(["-F"] if follow else []), *existing])


def setup(instance: Instance) -> None:
    """Creates the streams of NATS."""
    with step("Streams: creating missing ones"):
        _run(instance, "hoidap-worker", "setup", failure="the streams could not be created")


def index(instance: Instance) -> None:
    """Builds the collections that are missing or have changed."""
    with step(f"Collections of {os.path.relpath(configuration(), paths.ROOT)}: indexing what is new or changed"):
        _run(instance, "hoidap-index", "build", failure="the collections could not be built")


def _run(instance: Instance, program: str, *arguments: str, failure: str) -> None:
    command = [str(paths.BINARIES / program), *arguments]
    environment = {**os.environ, **instance.settings("operator")}
    if subprocess.run(command, cwd=paths.ROOT, env=environment, stdin=subprocess.DEVNULL).returncode != 0:
        raise DevError(f"{failure}: the message of {program} is above")


def exec_program(instance: Instance, program: str, arguments: list[str]) -> None:
    """Replaces this process by a program with the operator's settings."""
    path = paths.BINARIES / program
    if not path.exists():
        raise DevError(f"{program} is not built yet: run ./dev build")
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
    """A request with the admin token if one is configured: without it, the gateway returns no details."""
    configured_token = read_configuration().get("gateway", {}).get("admin_token", "")
    token = os.environ.get("HOIDAP_GATEWAY__ADMIN_TOKEN", configured_token)
    headers = {"X-Admin-Token": token} if token else {}
    return urllib.request.Request(instance.url("gateway") + "/api/health", headers=headers)


def wait_until_healthy(instance: Instance, pause: float = 0.3) -> None:
    """Waits until the gateway reports that every component is healthy; asks again every `pause` seconds."""
    deadline = time.monotonic() + HEALTH_TIMEOUT
    while (health := _health(instance)) is None or health.get("status") != "healthy":
        if time.monotonic() > deadline:
            raise DevError(
                f"not everything is healthy after {HEALTH_TIMEOUT} s: "
                f"the gateway reports {json.dumps(health, ensure_ascii=False)}; see ./dev logs"
            )
        time.sleep(pause)


def _print_addresses(instance: Instance) -> None:
    gateway = instance.url("gateway")
    for label, address in (
        ("Chat API", f"{gateway}/api/chat"),
        ("API documentation", f"{gateway}/api/docs"),
        ("Health", f"{gateway}/api/health"),
        ("Sample site", f"{gateway}/"),
        ("Dashboard", f"{gateway}/dashboard"),
        ("Metrics of a stage", f"{instance.url('classifier')}/metrics"),
    ):
        print_line(f"  {label:<18} {address}")


def _handle_stop_signals() -> None:
    """Makes SIGINT, SIGTERM and SIGHUP stop ./dev in the same way; SIGHUP only if it is not ignored, as by nohup."""

    def interrupt(*_):
        raise KeyboardInterrupt

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if name != signal.SIGHUP or signal.getsignal(name) != signal.SIG_IGN:
            signal.signal(name, interrupt)


def _watch(instance: Instance) -> None:
    """Runs until it is interrupted; prints a message when a service ends by itself."""
    running = {name for name in lifecycle.SERVICE_NAMES if processes.running(lifecycle.record_path(instance, name))}
    while True:
        time.sleep(1)
        for name in sorted(running):
            if processes.running(lifecycle.record_path(instance, name)) is None:
                running.discard(name)
                print_line(f"{name} has ended, `./dev up --detach` starts it again; the end of its log:")
                print_line(lifecycle.last_lines(lifecycle.log_path(instance, name), 10).rstrip("\n"))
