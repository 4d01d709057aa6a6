"""The ClickHouse engine in this process: one chDB folder, one statement at a time."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path

from chdb.session import Session

from . import policy

_BETWEEN = re.compile(r"\A[ \t]*;?[ \t]*\r?\n?")
_DATA = re.compile(r"\b(?:VALUES|FORMAT\s+\w+)\b", re.IGNORECASE)
_QUOTED = r"`(?:[^`\\]|\\.)*`"
_COLUMNS = rf" \((?:[^()`']|{_QUOTED}|\([^()`']*\))*\)"
_INSERT = re.compile(
    rf"(INSERT INTO (?:\w+|{_QUOTED})(?:\.(?:\w+|{_QUOTED}))?(?:{_COLUMNS})?)( SETTINGS .+?)? FORMAT (\w+)", re.DOTALL
)
_CODE = re.compile(r"Code: (\d+)\.")
_NAME = re.compile(r"\w+")
_USERS, _CONFIGURATION = "users.xml", "engine.xml"


class StatementError(Exception):
    """What ClickHouse says about a statement it refused; `code` is ClickHouse's number of the error."""

    def __init__(self, text: str):
        super().__init__(text)
        found = _CODE.search(text)
        self.code = found.group(1) if found else "1002"

    @classmethod
    def denied(cls, why: str) -> StatementError:
        """As ClickHouse says it of a user without the right."""
        return cls(f"Code: 497. DB::Exception: {why}. (ACCESS_DENIED)")


class Engine:
    """Owns the folder, and works in it: chDB's address of a folder takes no odd characters. One process at a time can."""

    def __init__(self, folder: Path):
        self._lock = threading.Lock()
        os.chdir(folder)
        asked = _connect("db")
        settings = _lines(asked, "SELECT name FROM system.settings")
        functions = _lines(asked, "SELECT lower(name) FROM system.functions WHERE categories = 'AI' OR name ILIKE 'ai%'")
        sources = _lines(asked, "SELECT name FROM system.table_functions")
        asked.close()
        self._functions = frozenset(policy.FUNCTIONS | functions)
        self._sources = frozenset({"disk", *(name.lower() for name in sources - policy.SOURCES)})
        Path(_USERS).write_text(policy.users(settings))
        Path(_CONFIGURATION).write_text(f"<clickhouse><users_config>{_USERS}</users_config></clickhouse>\n")
        self._address = f"db?config-file={_CONFIGURATION}"
        self._open = _connect(self._address)

    def execute(
        self, sql: str, database: str, output: str, settings: Mapping[str, str], parameters: Mapping[str, str],
        rows: Path | None = None, readonly: bool = False,
    ) -> bytes:  # fmt: skip
        """Runs one statement in `database` and returns its result in the format `output`.

        `rows` are those of an INSERT … FORMAT …. Nothing that a statement sets outlives it.
        """
        with self._lock:
            statement = self._allowed(sql)
            if rows is None and (found := _INSERT.fullmatch(statement)):
                raise _syntax(f"the rows of this statement are to be its body: {found.group(1)}")
            session = _connect(self._address)
            try:
                _run(session, f"USE {_identifier(database)}")
                for name, value in settings.items():
                    _run(session, f"SET {_identifier(name)} = {_quoted(value)}")
                if readonly:
                    _run(session, "SET readonly = 1")
                return _run(session, statement if rows is None else _from_file(statement, rows), output, parameters)
            finally:
                session.close()

    def split(self, sql: str) -> tuple[str, str] | None:
        """An INSERT and the rows that stand behind it in one text; None when `sql` is another statement."""
        with self._lock:
            whole = self._canonical(sql)
            if not _INSERT.fullmatch(whole):
                return None
            for found in _DATA.finditer(sql):
                head = sql[: found.end()]
                try:
                    if self._canonical(head) == whole:
                        return head, _BETWEEN.sub("", sql[found.end() :], count=1)
                except StatementError:
                    continue
            raise _syntax("it cannot be seen where the rows begin")

    def close(self) -> None:
        """Waits for the statement that runs, then closes the folder."""
        with self._lock:
            self._open.close()

    def _allowed(self, sql: str) -> str:
        statement = self._canonical(sql)
        why = policy.refusal(statement, self._functions, self._sources)
        if why is not None:
            raise StatementError.denied(why)
        return statement

    def _canonical(self, sql: str) -> str:
        """One statement as the engine's parser writes it; what is checked is what is run."""
        if "\0" in sql:
            raise _syntax("it has a zero byte")
        return _run(self._open, f"SELECT formatQuerySingleLine({_quoted(sql)})", "RawBLOB").decode()


def _connect(address: str) -> Session:
    try:
        return Session(address)
    except Exception as error:  # chDB's own class has no public name
        raise StatementError(str(error)) from error


def _run(session: Session, sql: str, output: str = "TabSeparated", parameters: Mapping[str, str] | None = None) -> bytes:
    try:
        return session.query(sql, output, params=dict(parameters) if parameters else None).bytes()
    except Exception as error:
        raise StatementError(str(error)) from error


def _lines(session: Session, sql: str) -> set[str]:
    return set(_run(session, sql).decode().split())


def _from_file(statement: str, rows: Path) -> str:
    found = _INSERT.fullmatch(statement)
    if found is None:
        raise _syntax("rows belong to an INSERT … FORMAT … only")
    target, settings, form = found.groups(default="")
    return f"{target} FROM INFILE {_quoted(str(rows))} COMPRESSION 'none'{settings} FORMAT {form}"


def _syntax(why: str) -> StatementError:
    return StatementError(f"Code: 62. DB::Exception: {why}. (SYNTAX_ERROR)")


def _identifier(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise _syntax(f"{name!r} is not a name")
    return f"`{name}`"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
