"""`./dev test`: runs all suites in order, and prints a table of their counts and times at the end."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import advisories, build, environment, paths, temporary_instance, tools, web
from .console import DevError, format_duration, print_line

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
        _single_check("format", FORMAT_CHECK, settings),
        _single_check("clippy", CLIPPY, settings),
        _single_check("bans, licences, sources", [*deny, "check", "bans", "licenses", "sources"], settings),
        _advisory_check("advisories (Rust)", lambda: advisories.check_rust(deny, settings)),
        _advisory_check("advisories (web)", lambda: advisories.check_web(settings)),
        _single_check("web: types", web.npm("run", "--prefix", str(paths.WEB), "check"), settings),
        _single_check("web: lint and format", web.npm("run", "--prefix", str(paths.WEB), "lint"), settings),
        _test_suite("web: units", web.npm("test", "--prefix", str(paths.WEB)), settings, _vitest),
        _test_suite("parts (Python)", python, settings, _unittest),
        _test_suite("unit and integration (Rust)", [*nextest, *NEXTEST], settings, _nextest),
        *_run_against_instance(settings),
        _test_suite("end to end (up, ask, down)", [*python, "-p", "end_to_end_*.py"], settings, _unittest),
    ]
    _print_table(outcomes)
    return 1 if any(outcome.failed for outcome in outcomes) else 0


def _run_against_instance(settings: dict[str, str]) -> list[Outcome]:
    """Runs the browser tests and the third-party clients against one running Hoidap.

    If it does not start, these suites have failed. If it does not stop, that is one more failed outcome.
    """
    python = [str(paths.CLIENTS_PYTHON), "-B", "-m", "unittest", "discover", "-v", "-s", "local/tests/clients"]
    browser, clients = (web.npm("run", "--prefix", str(paths.WEB), f"test:{name}") for name in ("browser", "clients"))
    suites: dict[str, Callable[[str, dict[str, str]], Outcome]] = {
        "web: browser": lambda name, settings: _test_suite(name, browser, settings, _vitest),
        "clients: OpenAI's (JavaScript)": lambda name, settings: _test_suite(name, clients, settings, _vitest),
        "clients: OpenAI's (Python)": lambda name, settings: _test_suite(name, python, settings, _unittest),
        "clients: the OpenAPI document": lambda name, settings: _single_check(
            name, _schemathesis(settings), settings, paths.CLIENTS_FOLDER
        ),
    }
    outcomes: list[Outcome] = []
    try:
        with temporary_instance.running(settings) as variables:
            for name, suite in suites.items():
                outcomes.append(suite(name, {**settings, **variables}))
    except DevError as error:
        print_line(f"    failed: {error}")
        not_run = list(suites)[len(outcomes) :]
        outcomes += [Outcome(name, 0, 1, 0, 0.0, str(error)) for name in not_run or ["the tests' Hoidap"]]
    return outcomes


def _schemathesis(settings: dict[str, str]) -> list[str]:
    """Sends every endpoint valid and invalid requests; no response may be a server error or differ from the OpenAPI document."""
    return [
        str(paths.CLIENTS_PYTHON.parent / "st"),
        "run",
        settings["HOIDAP_TEST_URL"] + "/api/openapi.json",
        f"--header=X-Admin-Token: {settings['HOIDAP_TEST_ADMIN_TOKEN']}",
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
    """The environment of the tests: the caller's, without settings of Hoidap, which would change the tests, and with the paths of the parts."""
    inherited = {name: value for name, value in build.environment().items() if not name.startswith("HOIDAP_")}
    browser = {"HOIDAP_TEST_CHROMIUM": chromium} if (chromium := web.chromium()) else {}
    return {**inherited, **environment.for_tests(), **browser, "CARGO_TERM_PROGRESS_WHEN": "never"}


def _single_check(name: str, command: list[str], settings: dict[str, str], folder: Path = paths.ROOT) -> Outcome:
    """Runs a suite that is a single check, by its exit status."""
    status, _, duration = _run(name, command, settings, folder=folder)
    return Outcome(name, int(status == 0), int(status != 0), 0, duration)


def _test_suite(name: str, command: list[str], settings: dict[str, str], parse_counts) -> Outcome:
    """Runs a suite of tests, with the counts from the output of its runner. Without any count it has failed."""
    status, output, duration = _run(name, command, settings)
    passed, failed, skipped = parse_counts(output)
    if status != 0 or passed + failed == 0:
        failed = max(failed, 1)
    return Outcome(name, passed, failed, skipped, duration)


def _advisory_check(name: str, check: Callable[[], advisories.Result]) -> Outcome:
    """Runs a look-up of known vulnerabilities. If the database cannot be reached, it is skipped with a note."""
    print_line(f"==> {name}")
    started_at = time.monotonic()
    result = check()
    duration = time.monotonic() - started_at
    if result.passed is None:
        print_line(f"    skipped: {result.note}")
        return Outcome(name, 0, 0, 1, duration, f"not checked: {result.note}")
    print_line(f"    {'done' if result.passed else 'failed'} in {format_duration(duration)}")
    return Outcome(name, int(result.passed), int(not result.passed), 0, duration)


def _run(
    name: str, command: list[str], settings: dict[str, str], folder: Path = paths.ROOT
) -> tuple[int, str, float]:
    """Runs a command and prints its output while it runs; returns the status, the output and the duration in seconds."""
    print_line(f"==> {name}: {' '.join(command)}".replace(f"{paths.ROOT}/", ""))
    started_at, lines = time.monotonic(), []
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
        lines.append(text)
    status = process.wait()
    duration = time.monotonic() - started_at
    print_line(f"    {'done' if status == 0 else f'ended with status {status}'} in {format_duration(duration)}")
    return status, "".join(lines), duration


def _unittest(output: str) -> tuple[int, int, int]:
    total = sum(map(int, re.findall(r"^Ran (\d+) tests? in", output, re.MULTILINE)))
    counts = {kind: sum(map(int, re.findall(rf"\b{kind}=(\d+)", output))) for kind in ("failures", "errors", "skipped")}
    failed = counts["failures"] + counts["errors"]
    return max(total - failed - counts["skipped"], 0), failed, counts["skipped"]


def _vitest(output: str) -> tuple[int, int, int]:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    summary = next((text for text in plain.splitlines() if re.match(r"\s*Tests\s+\d", text)), "")

    def count(label: str) -> int:
        match = re.search(rf"(\d+) {label}", summary)
        return int(match.group(1)) if match else 0

    return count("passed"), count("failed"), count("skipped")


def _nextest(output: str) -> tuple[int, int, int]:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    summary = next((text for text in plain.splitlines() if re.search(r"Summary \[.*tests? run:", text)), "")

    def count(label: str) -> int:
        match = re.search(rf"(\d+) {label}", summary)
        return int(match.group(1)) if match else 0

    return count("passed"), count("failed") + count("timed out") + count("exec failed"), count("skipped")


def _print_table(outcomes: list[Outcome]) -> None:
    print_line()
    print_line(f"{'suite':<30}{'passed':>8}{'failed':>8}{'skipped':>9}{'time':>14}")
    for outcome in outcomes:
        counts = f"{outcome.passed:>8}{outcome.failed:>8}{outcome.skipped:>9}"
        print_line(f"{outcome.name:<30}{counts}{format_duration(outcome.seconds):>14}  {outcome.note}")
    total = [sum(getattr(outcome, field) for outcome in outcomes) for field in ("passed", "failed", "skipped")]
    print_line()
    print_line(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    if unchecked := [outcome.name for outcome in outcomes if outcome.note.startswith("not checked")]:
        advice = "Run `./dev advisories` where the databases can be reached, as the public CI does."
        print_line(f"Not checked here: {', '.join(unchecked)}. {advice}")
