"""Builds Hoidap's binaries in release mode."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from . import paths
from .say import Trouble, line, step


def build() -> None:
    """Cargo decides what is to be done; its own output shows the progress."""
    with step("Hoidap: building in release mode (the first time takes many minutes, FAISS most of them)"):
        command = ["cargo", "build", "--release", "--locked", "--workspace", "--bins"]
        if subprocess.run(command, cwd=paths.ROOT, env=environment(), stdin=subprocess.DEVNULL).returncode != 0:
            raise Trouble("the build failed: Cargo's message is above")


def environment() -> dict[str, str]:
    """The variables of a build. `.cargo/config.toml` sets the flags of FAISS's; an older processor needs others."""
    flags = {}
    if "avx2" not in Path("/proc/cpuinfo").read_text().split():
        line("    this processor has no AVX2: FAISS is built without it and searches more slowly")
        flags = {"CXXFLAGS_x86_64_unknown_linux_gnu": "-O3"}
    return {**flags, **os.environ}
