"""The web code, of which the gateway serves pages and `hoidap-worker` embeds one: fetches what builds it, and builds it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from . import paths, system
from .say import Trouble, already, step

LEAST_NODE = "20.19"
STAMP = paths.WEB / "dist" / ".built.sha256"
REPLAY_PAGE = paths.WEB / "dist-replay" / "replay.html"
SOURCES = ["src", "build", "scripts/replay.ts", "dashboard.html", "replay.html", "package.json", "package-lock.json", "tsconfig.json"]


def npm(*arguments: str) -> list[str]:
    """A command of npm."""
    return ["npm", *arguments]


def install() -> None:
    """Fetches the packages when others than those there are wanted."""
    require_node()
    what = "npm packages of the pages"
    lock = paths.WEB / "package-lock.json"
    stamp = paths.WEB / "node_modules" / ".installed.sha256"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return already(what)
    with step(f"{what}: fetching"):
        _run(npm("ci", "--no-audit", "--no-fund", "--ignore-scripts"), "npm could not fetch the packages")
        stamp.write_text(wanted)


def require() -> None:
    """Checks that a new enough Node is there, where the pages must be built."""
    if not _is_built(_fingerprint()):
        require_node()


def build() -> None:
    """Builds the pages when their sources changed."""
    what = "Pages"
    wanted = _fingerprint()
    if _is_built(wanted):
        return already(what)
    install()
    with step(f"{what}: building the widget, the dashboard and the replay report's page"):
        _run(npm("run", "build"), "the pages could not be built")
        STAMP.write_text(wanted)


def _is_built(wanted: str) -> bool:
    return REPLAY_PAGE.exists() and STAMP.exists() and STAMP.read_text() == wanted


def chromium() -> str | None:
    """The browser that the tests drive."""
    given = os.environ.get("HOIDAP_TEST_CHROMIUM")
    return given or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def _fingerprint() -> str:
    digest = hashlib.sha256()
    configurations = sorted(path.name for path in paths.WEB.glob("vite.*.ts")) + ["vite.config.ts"]
    for name in [*SOURCES, *sorted(set(configurations))]:
        there = paths.WEB / name
        files = sorted(path for path in there.rglob("*") if path.is_file()) if there.is_dir() else [there]
        for path in files:
            if path.exists():
                digest.update(str(path.relative_to(paths.WEB)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def require_node() -> None:
    """Checks that a new enough Node is there; raises the sentence that says how to get one."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Trouble(f"Node {LEAST_NODE} or newer with npm is needed and was not found: install it (https://nodejs.org)")
    said = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip().lstrip("v")
    if system.number(said) < system.number(LEAST_NODE):
        raise Trouble(f"Node {LEAST_NODE} or newer is needed and this is {said}: install a newer one")


def _run(command: list[str], failure: str, folder: Path = paths.WEB) -> None:
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    if subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL).returncode != 0:
        raise Trouble(f"{failure}: the message of npm is above")
