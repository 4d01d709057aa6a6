"""Installs the npm packages of the web code and builds it. The gateway serves its pages, `hoidap-worker` embeds one."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from . import paths, system
from .console import DevError, print_skipped, step

MIN_NODE = "20.19"
BUILD_STAMP = paths.WEB / "dist" / ".built.sha256"
REPLAY_PAGE = paths.WEB / "dist-replay" / "replay.html"
SOURCES = ["src", "build", "scripts/replay.ts", "dashboard.html", "replay.html", "package.json", "package-lock.json", "tsconfig.json"]


def npm(*arguments: str) -> list[str]:
    """An npm command."""
    return ["npm", *arguments]


def install() -> None:
    """Installs the npm packages if package-lock.json has changed."""
    require_node()
    step_name = "npm packages of the web code"
    lock = paths.WEB / "package-lock.json"
    stamp = paths.WEB / "node_modules" / ".installed.sha256"
    lock_hash = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == lock_hash:
        return print_skipped(step_name)
    with step(f"{step_name}: installing"):
        _run(npm("ci", "--no-audit", "--no-fund", "--ignore-scripts"), "npm could not install the packages")
        stamp.write_text(lock_hash)


def require() -> None:
    """Checks that Node.js is new enough if the web code must be built."""
    if not _is_built(_fingerprint()):
        require_node()


def build() -> None:
    """Builds the web code if its sources have changed."""
    step_name = "Web code"
    fingerprint = _fingerprint()
    if _is_built(fingerprint):
        return print_skipped(step_name)
    install()
    with step(f"{step_name}: building the widget, the dashboard and the replay report's page"):
        _run(npm("run", "build"), "the web code could not be built")
        BUILD_STAMP.write_text(fingerprint)


def _is_built(fingerprint: str) -> bool:
    return REPLAY_PAGE.exists() and BUILD_STAMP.exists() and BUILD_STAMP.read_text() == fingerprint


def chromium() -> str | None:
    """The path of the browser for the tests; None if there is none."""
    configured = os.environ.get("HOIDAP_TEST_CHROMIUM")
    return configured or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def _fingerprint() -> str:
    digest = hashlib.sha256()
    configuration_files = sorted(path.name for path in paths.WEB.glob("vite.*.ts")) + ["vite.config.ts"]
    for name in [*SOURCES, *sorted(set(configuration_files))]:
        source = paths.WEB / name
        files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
        for path in files:
            if path.exists():
                digest.update(str(path.relative_to(paths.WEB)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def require_node() -> None:
    """Checks that Node.js is installed and new enough; raises an error that says how to install it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise DevError(f"Node {MIN_NODE} or newer with npm is needed and was not found: install it (https://nodejs.org)")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip().lstrip("v")
    if system.version_tuple(version) < system.version_tuple(MIN_NODE):
        raise DevError(f"Node {MIN_NODE} or newer is needed and this is {version}: install a newer one")


def _run(command: list[str], failure: str, folder: Path = paths.WEB) -> None:
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    if subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL).returncode != 0:
        raise DevError(f"{failure}: the message of npm is above")
