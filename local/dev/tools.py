"""Cargo's helpers that `./dev test` runs: one from PATH when it is new enough, else built into `.local/cargo`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from . import paths, system
from .say import Trouble, already, step

PINNED = {"cargo-nextest": "0.9.143", "cargo-deny": "0.20.2"}
LEAST = {"cargo-nextest": "0.9.100", "cargo-deny": "0.18.0"}


def nextest() -> list[str]:
    """The command of cargo-nextest."""
    return [_tool("cargo-nextest"), "nextest"]


def deny() -> list[str]:
    """The command of cargo-deny."""
    return [_tool("cargo-deny")]


def _tool(name: str) -> str:
    own = str(paths.CARGO_TOOLS / "bin" / name)
    for candidate in (shutil.which(name), own):
        if candidate and os.path.exists(candidate) and system.number(_version(candidate)) >= system.number(LEAST[name]):
            already(name)
            return candidate
    with step(f"{name} {PINNED[name]}: building into .local/cargo (some minutes, once)"):
        command = ["cargo", "install", "--locked", "--root", str(paths.CARGO_TOOLS), f"{name}@{PINNED[name]}"]
        # Away from the workspace, whose flags are not meant for it.
        if subprocess.run(command, cwd=paths.MADE.parent.anchor, stdin=subprocess.DEVNULL).returncode != 0:
            raise Trouble(f"{name} could not be built: Cargo's message is above")
    return own


def _version(program: str) -> str:
    said = subprocess.run(
        [program, *(["nextest"] if program.endswith("nextest") else []), "--version"],
        capture_output=True,
        text=True,
    )
    found = re.search(r"\d+\.\d+\.\d+", said.stdout)
    return found.group() if found else "0"
