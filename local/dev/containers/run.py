"""`./dev containers`: builds the image, runs compose.yaml with it, asks, scales, restarts, replaces a document, and removes everything."""

from __future__ import annotations

import fcntl
import shlex
import shutil
import signal
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from .. import paths
from ..console import DevError, format_duration, print_line, step
from . import engine, images, podman, private_docker, project, standins, visitor
from .build import build_image
from .engine import Engine
from .project import Project

KEPT_FILE = paths.CONTAINERS / "kept"
"""The file with the folder of a project that was left running."""


def run(keep: bool) -> None:
    """Runs all steps. With `keep`, the containers stay, whether the steps passed or not."""
    started_at = time.monotonic()
    _handle_stop_signals()
    with _lock():
        if KEPT_FILE.exists():
            raise DevError("the containers of an earlier `./dev containers --keep` still run: remove them by ./dev containers --remove")
        keep_running = False
        with engine.available(paths.CONTAINERS, lambda: keep_running) as container_engine:
            folder = Path(tempfile.mkdtemp(prefix="hoidap-containers-"))
            try:
                project.remove(container_engine)
                stand_ins = _build_image(container_engine)
                compose_project = Project(container_engine, folder)
                compose_project.prepare()
                keep_running = keep
                _run_tests(compose_project)
            finally:
                if keep_running:
                    KEPT_FILE.write_text(str(folder))
                    _print_kept(compose_project)
                else:
                    _remove(container_engine, folder)
    images_used = "with stand-ins for the third-party images" if stand_ins else "with the official third-party images"
    print_line(f"The image and compose.yaml passed every step, {images_used}, in {format_duration(time.monotonic() - started_at)}.")


def remove() -> None:
    """Removes what `--keep` has left."""
    _handle_stop_signals()
    with _lock():
        if not KEPT_FILE.exists():
            private_docker.stop(paths.CONTAINERS)
            return print_line("There is nothing to remove.")
        with engine.available(paths.CONTAINERS, lambda: False) as container_engine:
            _remove(container_engine, Path(KEPT_FILE.read_text()))
        podman.stop(paths.CONTAINERS)
        KEPT_FILE.unlink()


def _build_image(container_engine: Engine) -> bool:
    """Builds the image of the Dockerfile. Returns whether it or the servers needed stand-ins."""
    missing = images.pull_missing(container_engine)
    if missing:
        standins.build_stand_ins(container_engine, missing, paths.CONTAINERS / "stand-ins")
    with step("Image: building (the first time takes many minutes)"):
        build_image(container_engine, paths.ROOT, f"hoidap:{project.TAG}", standins.proxy_arguments() if missing else [])
    return bool(missing)


def _run_tests(compose_project: Project) -> None:
    with _step_with_logs(compose_project, "Up: starting the servers, streams, collections and stages"):
        compose_project.compose("up", "--detach", "--no-build")
        compose_project.wait()
        visitor.wait_until_healthy(compose_project)
    with _step_with_logs(compose_project, "Questions: one in Vietnamese, one in English"):
        visitor.ask_all(compose_project, show=True)
    with _step_with_logs(compose_project, "Scale: two retrievers"):
        compose_project.set("RETRIEVER_REPLICAS", "2")
        compose_project.compose("up", "--detach", "--no-build")
        compose_project.wait()
        if (count := [state.service for state in compose_project.states()].count("retriever")) != 2:
            raise DevError(f"{count} retrievers run instead of 2")
        visitor.ask_all(compose_project)
    for service in compose_project.services():
        with _step_with_logs(compose_project, f"Restart: {service}, and both questions at once", service):
            compose_project.compose("restart", service)
            visitor.wait_for_gateway(compose_project)
            visitor.ask_all(compose_project)
    with _step_with_logs(compose_project, f"Document: {visitor.OLD_FACT} becomes {visitor.NEW_FACT}, indexed while the stages run", "index"):
        visitor.wait_for_fact(compose_project, visitor.OLD_FACT)
        start_times = _start_times(compose_project)
        visitor.change_fact(compose_project.site)
        compose_project.compose("run", "--rm", "--no-TTY", "index")
        visitor.wait_for_fact(compose_project, visitor.NEW_FACT, visitor.TIMEOUT)
        if _start_times(compose_project) != start_times:
            raise DevError("a container was restarted, but a new document must not need a restart")
    with _step_with_logs(compose_project, "Tools: exporting the recorded questions to a file"):
        compose_project.compose("run", "--rm", "--no-TTY", "tools", "hoidap-worker", "log", "export", "-o", "log.jsonl.zst")
        if not (compose_project.output / "log.jsonl.zst").exists():
            raise DevError("`log export` has written no file")
    with _step_with_logs(compose_project, "Health: every container and every component again"):
        compose_project.wait()
        visitor.wait_until_healthy(compose_project)
    description = f"Analytics: {compose_project.question_count} questions were asked, and ClickHouse must have each once"
    with _step_with_logs(compose_project, description, "analytics"):
        visitor.wait_until_counted(compose_project)


def _start_times(compose_project: Project) -> str:
    """The start time of each container."""
    containers = compose_project.compose("ps", "--quiet").split()
    return compose_project.engine.run_checked("inspect", "--format", "{{.Name}} {{.State.StartedAt}}", *sorted(containers))


@contextmanager
def _step_with_logs(compose_project: Project, description: str, service_name: str | None = None):
    """A step. If it fails, it prints the logs of the service, or of all unhealthy services, and of the gateway."""
    try:
        with step(description):
            yield
    except (DevError, KeyError, ValueError) as error:
        services = [service_name] if service_name else [state.service for state in compose_project.states() if not state.healthy]
        compose_project.show_logs([*services, "gateway"])
        raise error if isinstance(error, DevError) else DevError(f"an answer cannot be read: {error!r}") from error


def _remove(container_engine: Engine, folder: Path) -> None:
    with step("Remove: containers, volumes and network"):
        project.remove(container_engine)
        images.untag_stand_ins(container_engine)
        shutil.rmtree(folder, ignore_errors=True)


def _print_kept(compose_project: Project) -> None:
    docker_host = compose_project.engine.settings.get("DOCKER_HOST")
    print_line("The containers keep running. To look at them, use this command with `logs SERVICE` or another Compose command instead of `ps`:")
    print_line(f"  {f'DOCKER_HOST={docker_host} ' if docker_host else ''}{shlex.join(compose_project.command('ps'))}")
    print_line(f"  {compose_project.engine.command_prefix}curl {compose_project.url}/api/health")
    print_line("Remove them by ./dev containers --remove.")


@contextmanager
def _lock():
    """Locks the checkout, so that only one `./dev containers` runs in it."""
    paths.CONTAINERS.mkdir(parents=True, exist_ok=True)
    with (paths.CONTAINERS / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DevError("another ./dev containers runs in this checkout: wait until it has ended") from None
        yield


def _handle_stop_signals() -> None:
    """Makes SIGTERM and SIGHUP interrupt the test as Ctrl-C does, so that everything is removed."""

    def interrupt(*_):
        raise KeyboardInterrupt

    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, interrupt)
