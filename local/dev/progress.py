"""The progress of a Cargo build: the number of finished crates and an estimate of the remaining time."""

from __future__ import annotations

import json
import math
import re
import subprocess
from pathlib import Path

CRATE_SECONDS = {
    "faiss-sys": 230, "tantivy": 92, "hoidap-gateway": 88, "hoidap-stages": 70, "hoidap-workbench": 50,
    "hoidap-indices": 43, "hoidap-shared": 31, "lopdf": 30, "tokenizers": 26, "hoidap-analytics": 20, "async-nats": 20,
    "redis": 18, "bitpacking": 16, "fastembed": 16, "hoidap-workers": 10,
    "clickhouse": 16, "rustls": 14, "similar": 14, "tantivy-columnar": 14, "reqwest": 14, "regex-automata": 11,
    "utoipa": 9, "aide": 9, "tokio": 9, "onig_sys": 9, "clap_builder": 8, "jiff": 7, "h2": 7, "ureq": 7,
}  # fmt: skip
"""Build times of the slowest crates on one core. The others take about a second. Only the proportions matter."""
MIN_ESTIMATE_SECONDS = 20
"""Seconds of building after which the remaining time is estimated."""

_STATUS_LINE = re.compile(r"\s*(Compiling|Downloaded) (\S+) v(\S+)")
_ANSI_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Progress:
    """The finished and the active crates of a build."""

    def __init__(self, crates: set[str], programs: set[str]):
        self._remaining = {crate: CRATE_SECONDS.get(crate.split()[0], 1) for crate in crates}
        self._programs = programs
        self._total, self._done_seconds = len(crates), 0.0
        self._started_at: float | None = None
        self._active: dict[str, float] = {}

    def handle_line(self, text: str, now: float) -> bool:
        """Handles a line of Cargo's output. Returns whether it only reports progress."""
        match = _STATUS_LINE.match(_ANSI_COLOUR.sub("", text))
        if match is None:
            return False
        if match[1] == "Compiling":
            self._started_at = self._started_at or now
            self._active[f"{match[2]} {match[3]}"] = now
        return True

    def handle_message(self, text: str) -> None:
        """Handles one of Cargo's JSON messages."""
        try:
            message = json.loads(text)
        except ValueError:
            return
        if message.get("reason") != "compiler-artifact" or "custom-build" in message["target"]["kind"]:
            return
        crate = _crate_from_id(message["package_id"])
        if crate in self._programs and "bin" not in message["target"]["kind"]:
            return  # its binary is not built yet
        seconds = self._remaining.pop(crate, None)
        self._active.pop(crate, None)
        if seconds is not None and not message["fresh"]:
            self._done_seconds += seconds

    def text(self, now: float) -> str:
        """The progress in words; empty while nothing was compiled."""
        if self._started_at is None:
            return ""
        text = f"crates {self._total - len(self._remaining)} of {self._total}"
        if left := self.seconds_left(now):
            text += f", about {_rounded_duration(left)} left"
        slow = sorted(self._active, key=lambda crate: -CRATE_SECONDS.get(crate.split()[0], 1))[:2]
        if slow:
            text += "; at work: " + ", ".join(_display_name(crate.split()[0]) for crate in slow)
        return text

    def seconds_left(self, now: float) -> float | None:
        """The estimated remaining time, at the speed so far; None while it is too early for an estimate."""
        if self._started_at is None or now - self._started_at < MIN_ESTIMATE_SECONDS:
            return None
        active = [(crate, started_at) for crate, started_at in self._active.items() if crate in self._remaining]
        # An active crate whose expected time is over counts as almost finished.
        active_seconds = sum(min(0.9 * self._remaining[crate], now - started_at) for crate, started_at in active)
        done_seconds = self._done_seconds + active_seconds
        left = sum(self._remaining.values()) - active_seconds
        return left * (now - self._started_at) / done_seconds if done_seconds else None


def for_workspace(folder: Path, environment: dict[str, str]) -> Progress:
    """The progress of a build of all binaries of the workspace."""
    metadata = _cargo(["metadata", "--no-deps", "--format-version", "1"], folder, environment)
    packages = json.loads(metadata)["packages"] if metadata else []
    programs = {
        f"{package['name']} {package['version']}"
        for package in packages
        if any("bin" in target["kind"] for target in package["targets"])
    }
    package_arguments = [word for program in sorted(programs) for word in ("--package", program.split()[0])]
    tree = _cargo(["tree", *package_arguments, "--edges", "normal,build", "--prefix", "none", "--format", "{p}"], folder, environment)
    crates = {" ".join(line.split()[:2]).replace(" v", " ") for line in tree.splitlines() if line.strip()}
    return Progress(crates, programs)


def _cargo(arguments: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Cargo's output; empty if it fails, because then the build itself reports why."""
    command = ["cargo", *arguments, "--locked"]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.run(command, cwd=folder, env=environment, text=True, **streams).stdout


def _crate_from_id(package: str) -> str:
    """`registry+https://…#name@1.0.0`, or `path+file:///…/name#1.0.0`."""
    source, _, name_and_version = package.rpartition("#")
    name, _, version = name_and_version.rpartition("@")
    return f"{name or source.rstrip('/').rpartition('/')[2]} {version}"


def _display_name(crate: str) -> str:
    return f"{crate} (C++ of FAISS, the longest)" if crate == "faiss-sys" else crate


def _rounded_duration(seconds: float) -> str:
    return f"{math.ceil(seconds / 60)} min" if seconds > 90 else f"{math.ceil(seconds / 10) * 10} s"
