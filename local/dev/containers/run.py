"""`./dev containers`: builds the image, runs compose.yaml with it, asks, scales, restarts, replaces a document, and removes all of it."""

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
from ..say import Trouble, line, seconds, step
from . import engine, images, own, podman, project, standins, visitor
from .build import build_image
from .engine import Engine
from .project import Project

KEPT = paths.CONTAINERS / "kept"
"""Names the folder of a project that was left running."""


def run(keep: bool) -> None:
    """All steps. With `keep` the containers stay, when all went well or not."""
    begun = time.monotonic()
    _stop_signals()
    with _lock():
        if KEPT.exists():
            raise Trouble("the containers of an earlier `./dev containers --keep` run: remove them by ./dev containers --remove")
        staying = False
        with engine.available(paths.CONTAINERS, lambda: staying) as found:
            folder = Path(tempfile.mkdtemp(prefix="hoidap-containers-"))
            try:
                project.remove(found)
                stand_ins = _image(found)
                made = Project(found, folder)
                made.prepare()
                staying = keep
                _prove(made)
            finally:
                if staying:
                    KEPT.write_text(str(folder))
                    _say_kept(made)
                else:
                    _remove(found, folder)
    what = "with stand-ins for the images of others" if stand_ins else "with the official images of others"
    line(f"The image and compose.yaml passed every step, {what}, in {seconds(time.monotonic() - begun)}.")


def remove() -> None:
    """Removes what `--keep` has left."""
    _stop_signals()
    with _lock():
        if not KEPT.exists():
            own.stop(paths.CONTAINERS)
            return line("There is nothing to remove.")
        with engine.available(paths.CONTAINERS, lambda: False) as found:
            _remove(found, Path(KEPT.read_text()))
        podman.stop(paths.CONTAINERS)
        KEPT.unlink()


def _image(found: Engine) -> bool:
    """The image of the Dockerfile; whether stand-ins were needed for it or for the servers."""
    missing = images.fetch(found)
    if missing:
        standins.make(found, missing, paths.CONTAINERS / "stand-ins")
    with step("Image: building (the first time takes many minutes)"):
        build_image(found, paths.ROOT, f"hoidap:{project.TAG}", standins.proxies() if missing else [])
    return bool(missing)


def _prove(made: Project) -> None:
    with _told(made, "Up: starting the servers, streams, collections and stages"):
        made.compose("up", "--detach", "--no-build")
        made.wait()
        visitor.wait_until_healthy(made)
    with _told(made, "Questions: one in Vietnamese, one in English"):
        visitor.questions(made, shown=True)
    with _told(made, "Scale: two retrievers"):
        made.set("RETRIEVER_REPLICAS", "2")
        made.compose("up", "--detach", "--no-build")
        made.wait()
        if (count := [state.service for state in made.states()].count("retriever")) != 2:
            raise Trouble(f"there are {count} retrievers and not 2")
        visitor.questions(made)
    for service in made.services():
        with _told(made, f"Restart: {service}, and both questions at once", service):
            made.compose("restart", service)
            visitor.wait_for_gateway(made)
            visitor.questions(made)
    with _told(made, f"Document: {visitor.OLD} becomes {visitor.NEW}, indexed beside the running stages", "index"):
        visitor.expect(made, visitor.OLD)
        running = _since(made)
        visitor.change_fact(made.site)
        made.compose("run", "--rm", "--no-TTY", "index")
        visitor.expect(made, visitor.NEW, visitor.PATIENCE)
        if _since(made) != running:
            raise Trouble("a container was started again, and a new document must not need that")
    with _told(made, "Tools: the recorded questions become a file of this machine"):
        made.compose("run", "--rm", "--no-TTY", "tools", "hoidap-worker", "log", "export", "-o", "log.jsonl.zst")
        if not (made.output / "log.jsonl.zst").exists():
            raise Trouble("the tools' folder has no file after `log export`")
    with _told(made, "Health: every container and every component once more"):
        made.wait()
        visitor.wait_until_healthy(made)
    with _told(made, f"Analytics: {made.asked} questions were asked, and ClickHouse must have each once", "analytics"):
        visitor.wait_until_counted(made)


def _since(made: Project) -> str:
    """When each container was started."""
    containers = made.compose("ps", "--quiet").split()
    return made.engine.must("inspect", "--format", "{{.Name}} {{.State.StartedAt}}", *sorted(containers))


@contextmanager
def _told(made: Project, doing: str, concerned: str | None = None):
    """A step; when it fails, the logs of the service concerned, else of what is not well, and of the gateway."""
    try:
        with step(doing):
            yield
    except (Trouble, KeyError, ValueError) as failure:
        made.show_logs([*([concerned] if concerned else [state.service for state in made.states() if not state.well]), "gateway"])
        raise failure if isinstance(failure, Trouble) else Trouble(f"an answer cannot be read: {failure!r}") from failure


def _remove(found: Engine, folder: Path) -> None:
    with step("Remove: containers, volumes and network"):
        project.remove(found)
        images.withdraw(found)
        shutil.rmtree(folder, ignore_errors=True)


def _say_kept(made: Project) -> None:
    host = made.engine.settings.get("DOCKER_HOST")
    line("Everything stays. Look at it, with `logs` and a service, or any other command of Compose, in place of `ps`:")
    line(f"  {f'DOCKER_HOST={host} ' if host else ''}{shlex.join(made.command('ps'))}")
    line(f"  {made.engine.look}curl {made.url}/api/health")
    line("Remove it by ./dev containers --remove.")


@contextmanager
def _lock():
    """One call at a time in a checkout."""
    paths.CONTAINERS.mkdir(parents=True, exist_ok=True)
    with (paths.CONTAINERS / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble("another ./dev containers runs in this checkout: wait until it has ended") from None
        yield


def _stop_signals() -> None:
    """Lets SIGTERM and SIGHUP end it as Ctrl-C does, so that everything is removed."""

    def asked(*_):
        raise KeyboardInterrupt

    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, asked)
