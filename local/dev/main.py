"""The commands of ./dev."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import advisories, ask, build, checks, lifecycle, model, parts, sql, suites, system, up, web
from .bench import run as benchmarks
from .bench import sides
from .console import DevError, print_line
from .containers import run as containers
from .instance import Instance
from .ports import BASE_VARIABLE, DEFAULT_PORTS

DESCRIPTION = f"""\
Runs Hoidap on this machine. The first `./dev up` installs what is missing, builds and starts everything, and asks two questions.

Settings come from the file that HOIDAP_CONFIG names, otherwise from hoidap.toml, otherwise from the sample site's configuration. A
variable HOIDAP_<SECTION>__<KEY> overrides a setting. HOIDAP_NATS__URL, HOIDAP_REDIS__URL and HOIDAP_CLICKHOUSE__URL are the URLs of
servers that run already. {BASE_VARIABLE} starts a second instance on {len(DEFAULT_PORTS)} consecutive ports from that number."""


def run(argv: list[str]) -> int:
    """Runs one command; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except DevError as error:
        print_line(f"./dev: {str(error).rstrip('.')}.")
        return 1
    except KeyboardInterrupt:
        print_line("./dev: stopped.")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dev", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run, description: str) -> argparse.ArgumentParser:
        command_parser = commands.add_parser(name, help=description, description=description)
        command_parser.set_defaults(run=run)
        return command_parser

    up_parser = command("up", _up, "install what is missing, build, start everything, index the site, ask two questions")
    up_parser.add_argument(
        "--detach", action="store_true", help="return when everything runs, instead of staying until Ctrl-C"
    )
    up_parser.add_argument(
        "--model",
        choices=model.CHOICES,
        help="the language model: qwen (downloads 1.1 GB once, needs 1.5 GB of memory), or none (answers are quoted from the documents); "
        "the default is none where the configuration names providers or the machine has less than 6 GB of memory, else qwen",
    )
    command("down", _down, "stop everything that `./dev up` started")
    command("status", _status, "show the running services and the health of each component")
    logs_parser = command("logs", _logs, "show the end of the logs")
    logs_parser.add_argument("service", nargs="?", choices=lifecycle.SERVICE_NAMES, help="only this service")
    logs_parser.add_argument("-f", "--follow", action="store_true", help="keep showing new lines until Ctrl-C")
    ask_parser = command("ask", _ask, "ask a question as a visitor would")
    ask_parser.add_argument("question")
    ask_parser.add_argument("--page", metavar="URL", help="the address of the page that the visitor is on")
    ask_parser.add_argument("--session", metavar="ID", help="continue this session (at least 10 characters)")
    sql_parser = command("sql", _sql, "run one SQL statement in the ClickHouse that `./dev up` started")
    sql_parser.add_argument("statement")
    run_parser = command("run", _run, "run hoidap-worker or hoidap-index with the settings of `./dev up`, as the operator")
    run_parser.add_argument("program", choices=["hoidap-worker", "hoidap-index"])
    run_parser.add_argument("arguments", nargs=argparse.REMAINDER)
    command("build", _build, "install what is missing and build the binaries")
    fmt_parser = command("fmt", _fmt, "format the Rust code and the web code")
    fmt_parser.add_argument("--check", action="store_true", help="change nothing; fail if something is not formatted")
    command("lint", _lint, "run clippy, and the type checker and the linter of the web code")
    check_parser = command("check", _check, "run the tests of one crate")
    check_parser.add_argument("crate", help="its folder, such as gateway, stages or workers")
    check_parser.add_argument("test", nargs="?", help="run only the tests whose name contains this")
    browser_parser = command("browser", _browser, "run one file of browser tests, against a separate Hoidap")
    browser_parser.add_argument("file", help="a file below gateway/web/tests, or its name, such as choices")
    browser_parser.add_argument("test", nargs="?", help="run only the tests whose name contains this")
    bench_parser = command("bench", _bench, "measure Hoidap and its peers: prints a table, and writes a file with every value")
    bench_parser.add_argument("name", nargs="*", help="only these benchmarks")
    bench_parser.add_argument("--list", action="store_true", help="list the benchmarks and measure nothing")
    bench_parser.add_argument("--rounds", type=int, default=benchmarks.ROUNDS, help="how often each benchmark is measured (default: %(default)s)")
    bench_parser.add_argument("--questions", type=int, metavar="N", help="ask only the first N questions, for a quick try")
    bench_parser.add_argument("--million", action="store_true", help="search a million vectors instead of 200,000")
    bench_parser.add_argument(
        "--minutes", type=float, default=sides.DEFAULT_MINUTES, metavar="N", help="minutes of load in `growth` (default: %(default)g)"
    )
    bench_parser.add_argument("--out", type=Path, metavar="FILE", help="the file (default: .local/bench/<date>.json)")
    bench_parser.add_argument("--no-build", action="store_true", help="measure the existing binaries")
    containers_parser = command(
        "containers", _containers, "test the image and compose.yaml: build, start, ask, scale, restart, replace a document, remove"
    )
    end = containers_parser.add_mutually_exclusive_group()
    end.add_argument("--keep", action="store_true", help="leave the containers running at the end, and print how to look at them")
    end.add_argument("--remove", action="store_true", help="only remove what --keep has left")
    hooks_parser = command("hooks", _hooks, "check format and lint before each commit, by a git hook")
    hooks_parser.add_argument("--off", action="store_true", help="switch the hook off again")
    command("advisories", _advisories, "look up known vulnerabilities of the dependencies; fail if a database cannot be reached")
    command("test", _test, "run every check and every test, on separate ports and in separate folders")
    return parser


def _up(arguments) -> None:
    up.up(Instance.from_environment(), arguments.detach, arguments.model)


def _down(_) -> None:
    if lifecycle.stop(Instance.from_environment()) == 0:
        print_line("Nothing was running.")


def _status(_) -> int:
    return 0 if up.status(Instance.from_environment()) else 1


def _logs(arguments) -> None:
    up.logs(Instance.from_environment(), arguments.service, arguments.follow)


def _ask(arguments) -> None:
    ask.ask(Instance.from_environment(), arguments.question, arguments.page, arguments.session)


def _sql(arguments) -> None:
    sql.query(Instance.from_environment(), arguments.statement)


def _run(arguments) -> None:
    up.exec_program(Instance.from_environment(), arguments.program, arguments.arguments)


def _build(_) -> None:
    build.install_and_build()


def _fmt(arguments) -> int:
    return checks.format_all(arguments.check)


def _lint(_) -> int:
    return checks.lint()


def _check(arguments) -> int:
    return checks.crate(arguments.crate, arguments.test)


def _browser(arguments) -> int:
    return checks.browser(arguments.file, arguments.test)


def _bench(arguments) -> None:
    if arguments.list:
        return benchmarks.print_names()
    rounds = max(arguments.rounds, 1)
    load = arguments.questions, arguments.million, arguments.minutes
    benchmarks.run(arguments.name, rounds, *load, arguments.out, arguments.no_build)


def _containers(arguments) -> None:
    containers.remove() if arguments.remove else containers.run(arguments.keep)


def _hooks(arguments) -> None:
    checks.hooks(not arguments.off)


def _advisories(_) -> int:
    system.require_rust()
    return advisories.check()


def _test(_) -> int:
    system.require()
    web.require_node()
    system.require_browser()
    parts.install()
    with model.fetching("qwen"):
        web.build()
    parts.install_clients()
    return suites.run()
