"""`./dev test`: every suite in order, each with its count and time, and a table at the end."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import advisories, build, environment, paths, tools, trial, web
from .say import Trouble, line, seconds

FORMAT = ["cargo", "fmt", "--all"]
FORMAT_CHECK = [*FORMAT, "--check"]
CLIPPY = ["cargo", "clippy", "--release", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]
NEXTEST = ["run", "--release", "--locked", "--workspace", "--no-fail-fast"]


@dataclass
class Outcome:
    """The result of one suite."""

    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    note: str = ""


def run() -> int:
    """Runs all suites, also after one has failed; returns the exit status."""
    nextest, deny = tools.nextest(), tools.deny()
    settings = test_settings()
    python = [
        str(paths.PYTHON),
        "-B",
        "-W",
        "ignore::ResourceWarning:subprocess",
        "-m",
        "unittest",
        "discover",
        "-v",
        "-t",
        "local",
        "-s",
        "local/tests",
    ]
    outcomes = [
        _check("format", FORMAT_CHECK, settings),
        _check("clippy", CLIPPY, settings),
        _check("bans, licences, sources", [*deny, "check", "bans", "licenses", "sources"], settings),
        _advisories("advisories (Rust)", lambda: advisories.of_rust(deny, settings)),
        _advisories("advisories (pages)", lambda: advisories.of_pages(settings)),
        _check("web: types", web.npm("run", "--prefix", str(paths.WEB), "check"), settings),
        _check("web: lint and format", web.npm("run", "--prefix", str(paths.WEB), "lint"), settings),
        _counted("web: units", web.npm("test", "--prefix", str(paths.WEB)), settings, _vitest),
        _counted("parts (Python)", python, settings, _unittest),
        _counted("unit and integration (Rust)", [*nextest, *NEXTEST], settings, _nextest),
        *_trial(settings),
        _counted("whole (up, ask, down)", [*python, "-p", "whole_*.py"], settings, _unittest),
    ]
    _table(outcomes)
    return 1 if any(outcome.failed for outcome in outcomes) else 0


def _trial(settings: dict[str, str]) -> list[Outcome]:
    """The pages in a browser, and clients of others, against one running Hoidap.

    Where it does not start, its suites have failed; where it does not stop, that is a failure of its own.
    """
    python = [str(paths.CLIENTS_PYTHON), "-B", "-m", "unittest", "discover", "-v", "-s", "local/tests/clients"]
    browser, clients = (web.npm("run", "--prefix", str(paths.WEB), f"test:{name}") for name in ("browser", "clients"))
    suites: dict[str, Callable[[str, dict[str, str]], Outcome]] = {
        "web: browser": lambda name, known: _counted(name, browser, known, _vitest),
        "clients: OpenAI's (JavaScript)": lambda name, known: _counted(name, clients, known, _vitest),
        "clients: OpenAI's (Python)": lambda name, known: _counted(name, python, known, _unittest),
        "clients: the OpenAPI document": lambda name, known: _check(name, _schemathesis(known), known, paths.CLIENTS_FOLDER),
    }
    outcomes: list[Outcome] = []
    try:
        with trial.running(settings) as found:
            for name, suite in suites.items():
                outcomes.append(suite(name, {**settings, **found}))
    except Trouble as trouble:
        line(f"    failed: {trouble}")
        not_run = list(suites)[len(outcomes) :]
        outcomes += [Outcome(name, 0, 1, 0, 0.0, str(trouble)) for name in not_run or ["the tests' Hoidap"]]
    return outcomes


def _schemathesis(known: dict[str, str]) -> list[str]:
    """Asks every endpoint what its document allows, and more; no answer may be a defect's or one that is not documented."""
    return [
        str(paths.CLIENTS_PYTHON.parent / "st"),
        "run",
        known["HOIDAP_TEST_URL"] + "/api/openapi.json",
        f"--header=X-Admin-Token: {known['HOIDAP_TEST_ADMIN_TOKEN']}",
        "--phases=examples,coverage,fuzzing",
        "--checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        "--max-examples=20",
        "--seed=1",
        "--continue-on-failure",
        "--request-timeout=70",
        "--warnings=off",
        "--no-color",
    ]


def test_settings() -> dict[str, str]:
    """The caller's environment without settings of Hoidap, which would reach into the tests, and with the parts."""
    kept = {name: value for name, value in build.environment().items() if not name.startswith("HOIDAP_")}
    browser = {"HOIDAP_TEST_CHROMIUM": found} if (found := web.chromium()) else {}
    return {**kept, **environment.for_tests(), **browser, "CARGO_TERM_PROGRESS_WHEN": "never"}


def _check(name: str, command: list[str], settings: dict[str, str], folder: Path = paths.ROOT) -> Outcome:
    """A suite that is one check: it passes or fails as a whole."""
    status, _, span = _run(name, command, settings, folder=folder)
    return Outcome(name, int(status == 0), int(status != 0), 0, span)


def _counted(name: str, command: list[str], settings: dict[str, str], count) -> Outcome:
    """A suite of tests, counted from what its runner prints; one that counts nothing has failed."""
    status, output, span = _run(name, command, settings)
    passed, failed, skipped = count(output)
    if status != 0 or passed + failed == 0:
        failed = max(failed, 1)
    return Outcome(name, passed, failed, skipped, span)


def _advisories(name: str, check: Callable[[], advisories.Found]) -> Outcome:
    """A check for known weaknesses; where their database cannot be reached, it is skipped and said to be."""
    line(f"==> {name}")
    begun = time.monotonic()
    found = check()
    span = time.monotonic() - begun
    if found.passed is None:
        line(f"    skipped: {found.note}")
        return Outcome(name, 0, 0, 1, span, f"not checked: {found.note}")
    line(f"    {'done' if found.passed else 'failed'} in {seconds(span)}")
    return Outcome(name, int(found.passed), int(not found.passed), 0, span)


def _run(
    name: str, command: list[str], settings: dict[str, str], folder: Path = paths.ROOT
) -> tuple[int, str, float]:
    """Runs a command, showing its output as it comes; returns status, output and seconds."""
    line(f"==> {name}: {' '.join(command)}".replace(f"{paths.ROOT}/", ""))
    begun, kept = time.monotonic(), []
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    for text in process.stdout:
        print(text, end="", flush=True)
        kept.append(text)
    status = process.wait()
    span = time.monotonic() - begun
    line(f"    {'done' if status == 0 else f'ended with status {status}'} in {seconds(span)}")
    return status, "".join(kept), span


def _unittest(output: str) -> tuple[int, int, int]:
    ran = sum(map(int, re.findall(r"^Ran (\d+) tests? in", output, re.MULTILINE)))
    bad = {kind: sum(map(int, re.findall(rf"\b{kind}=(\d+)", output))) for kind in ("failures", "errors", "skipped")}
    failed = bad["failures"] + bad["errors"]
    return max(ran - failed - bad["skipped"], 0), failed, bad["skipped"]


def _vitest(output: str) -> tuple[int, int, int]:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    summary = next((text for text in plain.splitlines() if re.match(r"\s*Tests\s+\d", text)), "")

    def number(what: str) -> int:
        found = re.search(rf"(\d+) {what}", summary)
        return int(found.group(1)) if found else 0

    return number("passed"), number("failed"), number("skipped")


def _nextest(output: str) -> tuple[int, int, int]:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    summary = next((text for text in plain.splitlines() if re.search(r"Summary \[.*tests? run:", text)), "")

    def number(what: str) -> int:
        found = re.search(rf"(\d+) {what}", summary)
        return int(found.group(1)) if found else 0

    return number("passed"), number("failed") + number("timed out") + number("exec failed"), number("skipped")


def _table(outcomes: list[Outcome]) -> None:
    line()
    line(f"{'suite':<30}{'passed':>8}{'failed':>8}{'skipped':>9}{'time':>14}")
    for one in outcomes:
        line(f"{one.name:<30}{one.passed:>8}{one.failed:>8}{one.skipped:>9}{seconds(one.seconds):>14}  {one.note}")
    total = [sum(getattr(one, what) for one in outcomes) for what in ("passed", "failed", "skipped")]
    line()
    line(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    if missing := [one.name for one in outcomes if one.note.startswith("not checked")]:
        where = "Run `./dev advisories` where the databases can be reached, as the public CI does."
        line(f"Not checked here: {', '.join(missing)}. {where}")
