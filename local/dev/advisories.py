"""Looks up known vulnerabilities of the Rust and npm dependencies in their advisory databases."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import build, paths, tools, web
from .console import print_line

UNREACHABLE = "the advisory database cannot be reached"
MIN_SEVERITY = "moderate"
"""Vulnerabilities of a lower severity are shown and pass."""
TIMEOUT = 120
"""Maximum time for a look-up, in seconds."""


@dataclass(frozen=True)
class Result:
    """Whether the check passed; None if the database could not be reached, with the reason in `note`."""

    passed: bool | None
    note: str = ""


def check_rust(deny: list[str], settings: dict[str, str]) -> Result:
    """Checks the crates of Cargo.lock by cargo-deny."""
    if _run([*deny, "fetch", "db"], settings, paths.ROOT).returncode != 0:
        return Result(None, UNREACHABLE)
    process = _run([*deny, "check", "--disable-fetch", "advisories"], settings, paths.ROOT)
    return Result(process.returncode == 0)


def check_web(settings: dict[str, str], folder: Path = paths.WEB) -> Result:
    """Checks the packages of package-lock.json by npm."""
    command = web.npm("audit", "--json", "--package-lock-only", f"--audit-level={MIN_SEVERITY}")
    try:
        process = subprocess.run(
            command, cwd=folder, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT
        )  # fmt: skip
        report = json.loads(process.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return Result(None, UNREACHABLE)
    if "vulnerabilities" not in report.get("metadata", {}):
        print_line(f"    npm says: {report.get('message') or report.get('error', {}).get('summary') or 'nothing'}")
        return Result(None, UNREACHABLE)
    for name, package in sorted(report.get("vulnerabilities", {}).items()):
        causes = [cause["title"] for cause in package.get("via", []) if isinstance(cause, dict)]
        print_line(f"    {package.get('severity')}: {name} {package.get('range')}: {'; '.join(causes) or 'through a dependency'}")
    return Result(process.returncode == 0)


def check() -> int:
    """Runs both checks and returns the exit status. A check that cannot be made is a failure."""
    settings = build.environment()
    failed = False
    for name, result in (("Rust", check_rust(tools.deny(), settings)), ("the web code", check_web(settings))):
        failed = failed or not result.passed
        print_line(f"Advisories for {name}: {result.note or ('none' if result.passed else 'found, see above')}.")
    return 1 if failed else 0


def _run(command: list[str], settings: dict[str, str], folder: Path) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(command, cwd=folder, env=settings, stdin=subprocess.DEVNULL, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1)
