"""The cargo tools of `./dev test`: from PATH if new enough, otherwise built into `.local/cargo`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from . import paths, system
from .console import DevError, print_skipped, step

PINNED_VERSIONS = {"cargo-nextest": "0.9.143", "cargo-deny": "0.20.2"}
MIN_VERSIONS = {"cargo-nextest": "0.9.100", "cargo-deny": "0.18.0"}


def nextest() -> list[str]:
    """The command of cargo-nextest."""
    return [_tool("cargo-nextest"), "nextest"]


def deny() -> list[str]:
    """The command of cargo-deny."""
    return [_tool("cargo-deny")]


def _tool(name: str) -> str:
    built = str(paths.CARGO_TOOLS / "bin" / name)
    for candidate in (shutil.which(name), built):
        if candidate and os.path.exists(candidate) and system.version_tuple(_version(candidate)) >= system.version_tuple(MIN_VERSIONS[name]):
            print_skipped(name)
            return candidate
    with step(f"{name} {PINNED_VERSIONS[name]}: building into .local/cargo (some minutes, once)"):
        command = ["cargo", "install", "--locked", "--root", str(paths.CARGO_TOOLS), f"{name}@{PINNED_VERSIONS[name]}"]
        # Outside the workspace, because its compiler flags are not meant for these tools.
        if subprocess.run(command, cwd=paths.DOT_LOCAL.parent.anchor, stdin=subprocess.DEVNULL).returncode != 0:
            raise DevError(f"{name} could not be built: Cargo's message is above")
    return built


def _version(program: str) -> str:
    process = subprocess.run(
        [program, *(["nextest"] if program.endswith("nextest") else []), "--version"],
        capture_output=True,
        text=True,
    )
    match = re.search(r"\d+\.\d+\.\d+", process.stdout)
    return match.group() if match else "0"
