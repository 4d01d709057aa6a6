"""The commands of ./dev."""

from __future__ import annotations

import argparse

from . import advisories, ask, build, lifecycle, model, parts, sql, suites, system, up, web
from .instance import Instance
from .ports import SETTING, USUAL
from .say import Trouble, line

ABOUT = f"""\
Runs all of Hoidap on this machine. The first ./dev up installs, builds and starts everything and shows two answers.

Settings are read from hoidap.toml (or the file that HOIDAP_CONFIG names; the sample site's when there is neither) and
from HOIDAP_<SECTION>__<KEY>. HOIDAP_NATS__URL, HOIDAP_REDIS__URL and HOIDAP_CLICKHOUSE__URL point to servers that
exist already. {SETTING} gives the services other ports, {len(USUAL)} in a row from there: another instance."""


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
        help="the language model: qwen (1.1 GB to download once, 1.5 GB of memory) or none, where answers are quoted from the "
        "documents; without this option none where the configuration names providers or there is less than 6 GB of memory",
    )
    command("down", _down, "stop everything that ./dev up started")
    command("status", _status, "what runs, and what the gateway says of its health")
    shown = command("logs", _logs, "the end of the logs")
    shown.add_argument("service", nargs="?", choices=lifecycle.NAMES, help="of one service only")
    shown.add_argument("-f", "--follow", action="store_true", help="go on until Ctrl-C")
    asked = command("ask", _ask, "ask a question as a visitor would")
    asked.add_argument("question")
    asked.add_argument("--page", metavar="URL", help="the page on which the visitor is")
    asked.add_argument("--session", metavar="ID", help="go on with this session (at least 10 characters)")
    queried = command("sql", _sql, "run one statement in the ClickHouse of what ./dev up started")
    queried.add_argument("statement")
    ran = command("run", _run, "run hoidap-worker or hoidap-index with the settings of what ./dev up started, as its operator")
    ran.add_argument("program", choices=["hoidap-worker", "hoidap-index"])
    ran.add_argument("arguments", nargs=argparse.REMAINDER)
    command("build", _build, "install what is missing and build the binaries")
    command("advisories", _advisories, "known weaknesses of what is built in; a database that cannot be reached is a failure")
    command("test", _test, "format, lint, licences and every test, on ports and folders of their own")
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
    system.require()
    parts.install()
    web.build()
    build.build()


def _advisories(_) -> int:
    return advisories.check()


def _test(_) -> int:
    system.require()
    parts.install()
    with model.fetched("qwen"):
        web.build()
        system.require_browser()
    parts.install_clients()
    return suites.run()
