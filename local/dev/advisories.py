"""Known weaknesses of what is built in, for Rust and for the pages, asked of the databases that collect them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import build, paths, tools, web
from .say import line

UNREACHABLE = "the advisory database cannot be reached"
LEVEL = "moderate"
"""What is less than this is shown and passes."""
PATIENCE = 120
"""Longest wait for a database, in seconds."""


@dataclass(frozen=True)
class Found:
    """Whether the check passed; None when it could not be made, with the reason."""

    passed: bool | None
    note: str = ""


def of_rust(deny: list[str], settings: dict[str, str]) -> Found:
    """The crates of Cargo.lock, by cargo-deny."""
    if _run([*deny, "fetch", "db"], settings, paths.ROOT).returncode != 0:
        return Found(None, UNREACHABLE)
    done = _run([*deny, "check", "--disable-fetch", "advisories"], settings, paths.ROOT)
    return Found(done.returncode == 0)


def of_pages(settings: dict[str, str], folder: Path = paths.WEB) -> Found:
    """The packages of package-lock.json, by npm."""
    command = web.npm("audit", "--json", "--package-lock-only", f"--audit-level={LEVEL}")
    try:
        done = subprocess.run(
            command, cwd=folder, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
        )  # fmt: skip
        told = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return Found(None, UNREACHABLE)
    if "vulnerabilities" not in told.get("metadata", {}):
        line(f"    npm says: {told.get('message') or told.get('error', {}).get('summary') or 'nothing'}")
        return Found(None, UNREACHABLE)
    for name, package in sorted(told.get("vulnerabilities", {}).items()):
        causes = [cause["title"] for cause in package.get("via", []) if isinstance(cause, dict)]
        line(f"    {package.get('severity')}: {name} {package.get('range')}: {'; '.join(causes) or 'by what it needs'}")
    return Found(done.returncode == 0)


def check() -> int:
    """Makes both checks; one that cannot be made is a failure here. The exit status."""
    settings = build.environment()
    failed = False
    for name, found in (("Rust", of_rust(tools.deny(), settings)), ("the pages", of_pages(settings))):
        failed = failed or not found.passed
        line(f"Advisories for {name}: {found.note or ('none' if found.passed else 'there are some, see above')}.")
    return 1 if failed else 0


def _run(command: list[str], settings: dict[str, str], folder: Path) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(command, cwd=folder, env=settings, stdin=subprocess.DEVNULL, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1)
