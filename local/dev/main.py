"""The commands of ./dev."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import advisories, ask, build, checks, lifecycle, model, parts, sql, suites, system, up, web
from .bench import run as benchmarks
from .bench import sides
from .containers import run as containers
from .instance import Instance
from .ports import SETTING, USUAL
from .say import Trouble, line

ABOUT = f"""\
Runs all of Hoidap on this machine. The first `./dev up` installs what is missing, builds and starts everything, and asks two questions.

Settings come from hoidap.toml, or from the file that HOIDAP_CONFIG names; without either, from the sample site's. A variable
HOIDAP_<SECTION>__<KEY> overrides a setting. HOIDAP_NATS__URL, HOIDAP_REDIS__URL and HOIDAP_CLICKHOUSE__URL name servers that
run already. {SETTING} starts a second instance on {len(USUAL)} ports in a row from that number."""


def run(arguments: list[str]) -> int:
    """Runs one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except Trouble as trouble:
        line(f"./dev: {str(trouble).rstrip('.')}.")
        return 1
    except KeyboardInterrupt:
        line("./dev: stopped.")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dev", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run, about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about)
        added.set_defaults(run=run)
        return added

    started = command("up", _up, "install what is missing, build, start everything, index the site, ask two questions")
    started.add_argument(
        "--detach", action="store_true", help="return when everything runs, instead of staying until Ctrl-C"
    )
    started.add_argument(
        "--model",
        choices=model.CHOICES,
        help="the language model: qwen (downloads 1.1 GB once, needs 1.5 GB of memory), or none (answers are quoted from the documents); "
        "the default is none where the configuration names providers or the machine has less than 6 GB of memory, else qwen",
    )
    command("down", _down, "stop everything that `./dev up` started")
    command("status", _status, "show what runs and the health of each component")
    shown = command("logs", _logs, "show the end of the logs")
    shown.add_argument("service", nargs="?", choices=lifecycle.NAMES, help="only this service")
    shown.add_argument("-f", "--follow", action="store_true", help="keep showing new lines until Ctrl-C")
    asked = command("ask", _ask, "ask a question as a visitor would")
    asked.add_argument("question")
    asked.add_argument("--page", metavar="URL", help="the address of the page that the visitor is on")
    asked.add_argument("--session", metavar="ID", help="continue this session (at least 10 characters)")
    queried = command("sql", _sql, "run one SQL statement in the ClickHouse that `./dev up` started")
    queried.add_argument("statement")
    ran = command("run", _run, "run hoidap-worker or hoidap-index with the settings of `./dev up`, as the operator")
    ran.add_argument("program", choices=["hoidap-worker", "hoidap-index"])
    ran.add_argument("arguments", nargs=argparse.REMAINDER)
    command("build", _build, "install what is missing and build the binaries")
    formatted = command("fmt", _fmt, "format the Rust code and the pages")
    formatted.add_argument("--check", action="store_true", help="change nothing; fail where something is not formatted")
    command("lint", _lint, "run clippy, and the type checker and the linter of the pages")
    checked = command("check", _check, "run the tests of one crate")
    checked.add_argument("crate", help="its folder, such as gateway, stages or workers")
    checked.add_argument("test", nargs="?", help="run only the tests whose name contains this")
    browsed = command("browser", _browser, "run one browser test, against a Hoidap of its own")
    browsed.add_argument("file", help="a file below gateway/web/tests, or its name, such as choices")
    browsed.add_argument("test", nargs="?", help="run only the tests whose name contains this")
    benched = command("bench", _bench, "measure Hoidap beside its peers: a table, and a file with every value")
    benched.add_argument("name", nargs="*", help="only these benchmarks")
    benched.add_argument("--list", action="store_true", help="list the benchmarks and measure nothing")
    benched.add_argument("--rounds", type=int, default=benchmarks.ROUNDS, help="how often each is measured (default: %(default)s)")
    benched.add_argument("--questions", type=int, metavar="N", help="ask only the first N questions, for a quick try")
    benched.add_argument("--million", action="store_true", help="search a million vectors instead of 200,000")
    benched.add_argument("--minutes", type=float, default=sides.MINUTES, metavar="N", help="how long `growth` asks (default: %(default)g)")
    benched.add_argument("--out", type=Path, metavar="FILE", help="the file (default: .local/bench/<date>.json)")
    benched.add_argument("--no-build", action="store_true", help="measure the binaries that are there")
    contained = command("containers", _containers, "test the image and compose.yaml: build, start, ask, scale, restart, replace a document, remove")
    after = contained.add_mutually_exclusive_group()
    after.add_argument("--keep", action="store_true", help="leave the containers running at the end, and say how to look at them")
    after.add_argument("--remove", action="store_true", help="do nothing but remove what --keep has left")
    hooked = command("hooks", _hooks, "check format and lint before each commit, by a git hook")
    hooked.add_argument("--off", action="store_true", help="switch the hook off again")
    command("advisories", _advisories, "look up known weaknesses of the dependencies; fail where no database can be reached")
    command("test", _test, "run every check and every test, on ports and folders of their own")
    return parser


def _up(options) -> None:
    up.up(Instance.chosen(), options.detach, options.model)


def _down(_) -> None:
    if lifecycle.stop(Instance.chosen()) == 0:
        line("Nothing was running.")


def _status(_) -> int:
    return 0 if up.status(Instance.chosen()) else 1


def _logs(options) -> None:
    up.logs(Instance.chosen(), options.service, options.follow)


def _ask(options) -> None:
    ask.ask(Instance.chosen(), options.question, options.page, options.session)


def _sql(options) -> None:
    sql.query(Instance.chosen(), options.statement)


def _run(options) -> None:
    up.become(Instance.chosen(), options.program, options.arguments)


def _build(_) -> None:
    build.install_and_build()


def _fmt(options) -> int:
    return checks.format_all(options.check)


def _lint(_) -> int:
    return checks.lint()


def _check(options) -> int:
    return checks.crate(options.crate, options.test)


def _browser(options) -> int:
    return checks.browser(options.file, options.test)


def _bench(options) -> None:
    if options.list:
        return benchmarks.names()
    benchmarks.run(options.name, max(options.rounds, 1), options.questions, options.million, options.minutes, options.out, options.no_build)


def _containers(options) -> None:
    containers.remove() if options.remove else containers.run(options.keep)


def _hooks(options) -> None:
    checks.hooks(not options.off)


def _advisories(_) -> int:
    system.require_rust()
    return advisories.check()


def _test(_) -> int:
    system.require()
    web.require_node()
    system.require_browser()
    parts.install()
    with model.fetched("qwen"):
        web.build()
    parts.install_clients()
    return suites.run()
