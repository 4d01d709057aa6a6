"""The checks of one part: format, lint, the tests of one crate, one browser test, and the git hook that runs the first two."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

from . import parts, paths, suites, system, tools, trial, web
from .say import Trouble, line

HOOKS = "local/hooks"
"""The folder with the git hooks, below the top of the repository."""
BROWSER_FOLDERS = ("widget", "dashboard", "replay")
"""The folders of `gateway/web/tests` whose tests drive a browser."""
WITHOUT_FLEET = "replay"
"""The folder whose tests open a page from a file and need no running Hoidap."""


def format_all(check: bool) -> int:
    """Formats the Rust code and the pages, or only checks them; returns the exit status."""
    system.require_rust()
    web.install()
    rust = suites.FORMAT_CHECK if check else suites.FORMAT
    pages = ["exec", "--", "prettier", "--check", "."] if check else ["run", "format"]
    return _all([(rust, paths.ROOT), (web.npm(*pages), paths.WEB)], suites.test_settings())


def lint() -> int:
    """Runs clippy, the type checker and the linter of the pages; returns the exit status."""
    system.require()
    web.build()
    types, rules = web.npm("run", "check"), web.npm("run", "lint")
    return _all([(suites.CLIPPY, paths.ROOT), (types, paths.WEB), (rules, paths.WEB)], suites.test_settings())


def crate(name: str, test: str | None) -> int:
    """Runs the tests of one crate, or those whose name contains `test`; returns the exit status."""
    package = package_of(name)
    system.require()
    parts.install()
    web.build()
    chosen = expression(package, test, model_there=paths.MODEL.exists())
    return _all([([*tools.nextest(), *suites.NEXTEST, "-E", chosen], paths.ROOT)], suites.test_settings())


def package_of(name: str, root: Path = paths.ROOT) -> str:
    """The package of a crate that is named by its folder (`workers`, `runtime`) or by its package (`hoidap-workers`)."""
    members = [Path(path).name for path in tomllib.loads((root / "Cargo.toml").read_text())["workspace"]["members"]]
    folder = name.removeprefix("hoidap-")
    if folder not in members:
        raise Trouble(f"there is no crate `{name}`: choose from {', '.join(sorted(members))}")
    return f"hoidap-{folder}"


def expression(package: str, test: str | None, model_there: bool, root: Path = paths.ROOT) -> str:
    """The filter for nextest. Without the language model its tests are left out, and a line says so."""
    chosen = f"package({package})" + (f" & test({test})" if test else "")
    if model_there:
        return chosen
    line("==> the tests that start the language model are left out: it is not there yet, and `./dev test` fetches it")
    overrides = tomllib.loads((root / ".config" / "nextest.toml").read_text())["profile"]["default"]["overrides"]
    slow = next(item["filter"] for item in overrides if item.get("test-group") == "model")
    return f"({chosen}) - ({slow})"


def browser(name: str, test: str | None) -> int:
    """Runs one file of browser tests, or those of its tests whose name contains `test`; returns the exit status."""
    file = browser_file(name)
    system.require()
    system.require_browser()
    web.build()
    command = web.npm("exec", "--", "vitest", "run", "--config", "vitest.browser.ts", str(file))
    command += ["-t", test] if test else []
    settings = suites.test_settings()
    if file.parent.name == WITHOUT_FLEET:
        return _all([(command, paths.WEB)], settings)
    parts.install()
    line("==> starting a Hoidap of its own for the test, with a scripted model")
    with trial.running(settings) as found:
        return _all([(command, paths.WEB)], {**settings, **found})


def browser_file(name: str, web_folder: Path = paths.WEB) -> Path:
    """The test file of a name such as `choices`, or of a path; below the folder of the pages."""
    tests = web_folder / "tests"
    known = sorted(file for folder in BROWSER_FOLDERS for file in (tests / folder).glob("*.test.ts"))
    wanted = Path(name)
    for file in known:
        if wanted.name in (file.name, file.name.removesuffix(".test.ts")) and file.match(str(_tail(wanted, file))):
            return file.relative_to(web_folder)
    names = ", ".join(file.name.removesuffix(".test.ts") for file in known)
    raise Trouble(f"there is no browser test `{name}`: choose from {names}, or name its file")


def _tail(wanted: Path, file: Path) -> Path:
    """What a path and the test file must have in common: its name, and the folder where one is named."""
    folder = wanted.parent.name
    return Path(folder, file.name) if folder else Path(file.name)


def hooks(on: bool, root: Path = paths.ROOT) -> None:
    """Switches the repository's git hooks on or off. Hooks that somebody else configured are left alone."""
    configured = _git(root, "config", "--get", "core.hooksPath").stdout.strip()
    if configured not in ("", HOOKS):
        raise Trouble(
            f"core.hooksPath is already `{configured}`: run `git config --unset core.hooksPath` first, "
            f"or call {HOOKS}/pre-commit from a hook there"
        )
    if on:
        done = _git(root, "config", "core.hooksPath", HOOKS)
        said = "Before each commit, `./dev fmt --check` and `./dev lint` run now; `git commit --no-verify` skips them."
    else:
        done = _git(root, "config", "--unset", "core.hooksPath") if configured else None
        said = "No hook runs before a commit."
    if done is not None and done.returncode != 0:
        raise Trouble(f"git could not change its configuration: {done.stderr.strip()}")
    line(said)


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["git", *arguments], cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def _all(commands: list[tuple[list[str], Path]], settings: dict[str, str]) -> int:
    """Runs each command in its folder, also after one has failed; the status of the first that failed."""
    failed = 0
    for command, folder in commands:
        line(f"==> {' '.join(command)}".replace(f"{paths.ROOT}/", ""))
        status = subprocess.run(command, cwd=folder, env=settings, stdin=subprocess.DEVNULL).returncode
        failed = failed or status
    return failed
