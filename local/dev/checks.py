"""Single checks: format, lint, the tests of one crate, one browser test, and the git hook that runs the first two."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

from . import parts, paths, suites, system, temporary_instance, tools, web
from .console import DevError, print_line

HOOKS_FOLDER = "local/hooks"
"""The folder with the git hooks, relative to the root of the repository."""
BROWSER_TEST_FOLDERS = ("widget", "dashboard", "replay")
"""The folders of `gateway/web/tests` with browser tests."""
STATIC_TEST_FOLDER = "replay"
"""The folder whose tests open a page from a file and need no running Hoidap."""


def format_all(check: bool) -> int:
    """Formats the Rust code and the web code, or only checks their format; returns the exit status."""
    system.require_rust()
    web.install()
    rust = suites.FORMAT_CHECK if check else suites.FORMAT
    prettier = ["exec", "--", "prettier", "--check", "."] if check else ["run", "format"]
    return _run_all([(rust, paths.ROOT), (web.npm(*prettier), paths.WEB)], suites.test_settings())


def lint() -> int:
    """Runs clippy, and the type checker and the linter of the web code; returns the exit status."""
    system.require()
    web.build()
    type_check, linter = web.npm("run", "check"), web.npm("run", "lint")
    return _run_all([(suites.CLIPPY, paths.ROOT), (type_check, paths.WEB), (linter, paths.WEB)], suites.test_settings())


def crate(name: str, test: str | None) -> int:
    """Runs the tests of one crate, or those whose name contains `test`; returns the exit status."""
    package = package_name(name)
    system.require()
    parts.install()
    web.build()
    test_filter = nextest_filter(package, test, has_model=paths.LANGUAGE_MODEL.exists())
    return _run_all([([*tools.nextest(), *suites.NEXTEST, "-E", test_filter], paths.ROOT)], suites.test_settings())


def package_name(name: str, root: Path = paths.ROOT) -> str:
    """The package name of a crate, from the name of its folder (`workers`, `runtime`) or of its package (`hoidap-workers`)."""
    members = [Path(path).name for path in tomllib.loads((root / "Cargo.toml").read_text())["workspace"]["members"]]
    folder = name.removeprefix("hoidap-")
    if folder not in members:
        raise DevError(f"there is no crate `{name}`: choose from {', '.join(sorted(members))}")
    return f"hoidap-{folder}"


def nextest_filter(package: str, test: str | None, has_model: bool, root: Path = paths.ROOT) -> str:
    """The filter expression for nextest. Without the language model, the tests that need it are excluded, and a line says so."""
    test_filter = f"package({package})" + (f" & test({test})" if test else "")
    if has_model:
        return test_filter
    print_line("==> the tests that start the language model are left out: it is not downloaded yet, `./dev test` downloads it")
    overrides = tomllib.loads((root / ".config" / "nextest.toml").read_text())["profile"]["default"]["overrides"]
    model_tests = next(item["filter"] for item in overrides if item.get("test-group") == "model")
    return f"({test_filter}) - ({model_tests})"


def browser(name: str, test: str | None) -> int:
    """Runs one file of browser tests, or those of its tests whose name contains `test`; returns the exit status."""
    file = browser_file(name)
    system.require()
    system.require_browser()
    web.build()
    command = web.npm("exec", "--", "vitest", "run", "--config", "vitest.browser.ts", str(file))
    command += ["-t", test] if test else []
    settings = suites.test_settings()
    if file.parent.name == STATIC_TEST_FOLDER:
        return _run_all([(command, paths.WEB)], settings)
    parts.install()
    print_line("==> starting a separate Hoidap for the test, with a scripted model")
    with temporary_instance.running(settings) as variables:
        return _run_all([(command, paths.WEB)], {**settings, **variables})


def browser_file(name: str, web_folder: Path = paths.WEB) -> Path:
    """The test file of a name such as `choices`, or of a path; relative to the folder of the web code."""
    tests = web_folder / "tests"
    files = sorted(file for folder in BROWSER_TEST_FOLDERS for file in (tests / folder).glob("*.test.ts"))
    path = Path(name)
    for file in files:
        if path.name in (file.name, file.name.removesuffix(".test.ts")) and file.match(str(_name_and_folder(path, file))):
            return file.relative_to(web_folder)
    names = ", ".join(file.name.removesuffix(".test.ts") for file in files)
    raise DevError(f"there is no browser test `{name}`: choose from {names}, or name its file")


def _name_and_folder(path: Path, file: Path) -> Path:
    """The end of the path that the test file must have: its name, and the folder if the path has one."""
    folder = path.parent.name
    return Path(folder, file.name) if folder else Path(file.name)


def hooks(on: bool, root: Path = paths.ROOT) -> None:
    """Switches the repository's git hooks on or off. A hooks path that was configured otherwise is left alone."""
    configured = _git(root, "config", "--get", "core.hooksPath").stdout.strip()
    if configured not in ("", HOOKS_FOLDER):
        raise DevError(
            f"core.hooksPath is already `{configured}`: run `git config --unset core.hooksPath` first, "
            f"or call {HOOKS_FOLDER}/pre-commit from a hook there"
        )
    if on:
        process = _git(root, "config", "core.hooksPath", HOOKS_FOLDER)
        message = "From now on `./dev fmt --check` and `./dev lint` run before each commit; `git commit --no-verify` skips them."
    else:
        process = _git(root, "config", "--unset", "core.hooksPath") if configured else None
        message = "No hook runs before a commit."
    if process is not None and process.returncode != 0:
        raise DevError(f"git could not change its configuration: {process.stderr.strip()}")
    print_line(message)


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["git", *arguments], cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def _run_all(commands: list[tuple[list[str], Path]], settings: dict[str, str]) -> int:
    """Runs all commands, each in its folder, also after one has failed; returns the status of the first that failed."""
    failed = 0
    for command, folder in commands:
        print_line(f"==> {' '.join(command)}".replace(f"{paths.ROOT}/", ""))
        status = subprocess.run(command, cwd=folder, env=settings, stdin=subprocess.DEVNULL).returncode
        failed = failed or status
    return failed
