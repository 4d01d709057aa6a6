"""How far Cargo is: crates of crates, and the time that is left, from what Cargo tells of each crate."""

from __future__ import annotations

import json
import math
import re
import subprocess
import time
from pathlib import Path

SECONDS = {
    "faiss-sys": 230, "tantivy": 92, "hoidap-gateway": 88, "hoidap-stages": 70, "hoidap-workbench": 50,
    "hoidap-indices": 43, "hoidap-shared": 31, "lopdf": 30, "tokenizers": 26, "hoidap-analytics": 20, "async-nats": 20,
    "redis": 18, "bitpacking": 16, "fastembed": 16, "hoidap-workers": 10,
    "clickhouse": 16, "rustls": 14, "similar": 14, "tantivy-columnar": 14, "reqwest": 14, "regex-automata": 11,
    "utoipa": 9, "aide": 9, "tokio": 9, "onig_sys": 9, "clap_builder": 8, "jiff": 7, "h2": 7, "ureq": 7,
}  # fmt: skip
"""What the slowest crates took on one core; every other took about a second. Only their proportions matter."""
BEFORE_A_GUESS = 20
"""Seconds of building after which the time left can be told."""

_SAID = re.compile(r"\s*(Compiling|Downloaded) (\S+) v(\S+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Progress:
    """Which of a build's crates are done, and which are at work."""

    def __init__(self, crates: set[str], programs: set[str]):
        self._left = {crate: SECONDS.get(crate.split()[0], 1) for crate in crates}
        self._programs = programs
        self._total, self._done = len(crates), 0.0
        self._begun: float | None = None
        self._working: dict[str, float] = {}

    def line(self, text: str, now: float) -> bool:
        """Takes in a line of Cargo's; whether it was one that only tells how far Cargo is."""
        found = _SAID.match(_COLOUR.sub("", text))
        if found is None:
            return False
        if found[1] == "Compiling":
            self._begun = self._begun or now
            self._working[f"{found[2]} {found[3]}"] = now
        return True

    def message(self, text: str) -> None:
        """Takes in one of Cargo's messages in JSON."""
        try:
            told = json.loads(text)
        except ValueError:
            return
        if told.get("reason") != "compiler-artifact" or "custom-build" in told["target"]["kind"]:
            return
        crate = _of_id(told["package_id"])
        if crate in self._programs and "bin" not in told["target"]["kind"]:
            return  # its program is still to come
        seconds = self._left.pop(crate, None)
        self._working.pop(crate, None)
        if seconds is not None and not told["fresh"]:
            self._done += seconds

    def text(self, now: float) -> str:
        """Where the build stands; empty while nothing had to be compiled."""
        if self._begun is None:
            return ""
        said = f"crates {self._total - len(self._left)} of {self._total}"
        if left := self.seconds_left(now):
            said += f", about {_rounded(left)} left"
        slow = sorted(self._working, key=lambda crate: -SECONDS.get(crate.split()[0], 1))[:2]
        if slow:
            said += "; at work: " + ", ".join(_named(crate.split()[0]) for crate in slow)
        return said

    def seconds_left(self, now: float) -> float | None:
        """The time left, if the rest goes as fast as what is done went; None before that can be said."""
        if self._begun is None or now - self._begun < BEFORE_A_GUESS:
            return None
        known = [(crate, begun) for crate, begun in self._working.items() if crate in self._left]
        # A crate at work is taken to be almost done when its time is over.
        part = sum(min(0.9 * self._left[crate], now - begun) for crate, begun in known)
        done = self._done + part
        left = sum(self._left.values()) - part
        return left * (now - self._begun) / done if done else None


def of_workspace(folder: Path, environment: dict[str, str]) -> Progress:
    """What a build of the workspace's programs is going to compile."""
    told = _cargo(["metadata", "--no-deps", "--format-version", "1"], folder, environment)
    packages = json.loads(told)["packages"] if told else []
    programs = {
        f"{package['name']} {package['version']}"
        for package in packages
        if any("bin" in target["kind"] for target in package["targets"])
    }
    chosen = [word for program in sorted(programs) for word in ("--package", program.split()[0])]
    tree = _cargo(["tree", *chosen, "--edges", "normal,build", "--prefix", "none", "--format", "{p}"], folder, environment)
    crates = {" ".join(line.split()[:2]).replace(" v", " ") for line in tree.splitlines() if line.strip()}
    return Progress(crates, programs)


def _cargo(arguments: list[str], folder: Path, environment: dict[str, str]) -> str:
    """What Cargo prints; nothing when it cannot: then the build itself says why."""
    command = ["cargo", *arguments, "--locked"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.run(command, cwd=folder, env=environment, text=True, **quiet).stdout


def _of_id(package: str) -> str:
    """`registry+https://…#name@1.0.0`, or `path+file:///…/name#1.0.0`."""
    place, _, last = package.rpartition("#")
    name, _, version = last.rpartition("@")
    return f"{name or place.rstrip('/').rpartition('/')[2]} {version}"


def _named(crate: str) -> str:
    return f"{crate} (C++ of FAISS, the longest)" if crate == "faiss-sys" else crate


def _rounded(seconds: float) -> str:
    return f"{math.ceil(seconds / 60)} min" if seconds > 90 else f"{math.ceil(seconds / 10) * 10} s"
