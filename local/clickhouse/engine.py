"""The ClickHouse engine in this process: one chDB folder, one statement at a time."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path

from chdb.session import Session

from . import policy

_BEFORE_ROWS = re.compile(r"\A[ \t]*;?[ \t]*\r?\n?")
_ROWS_MARKER = re.compile(r"\b(?:VALUES|FORMAT\s+\w+)\b", re.IGNORECASE)
_QUOTED = r"`(?:[^`\\]|\\.)*`"
_COLUMNS = rf" \((?:[^()`']|{_QUOTED}|\([^()`']*\))*\)"
_INSERT = re.compile(
    rf"(INSERT INTO (?:\w+|{_QUOTED})(?:\.(?:\w+|{_QUOTED}))?(?:{_COLUMNS})?)( SETTINGS .+?)? FORMAT (\w+)", re.DOTALL
)
_CODE = re.compile(r"Code: (\d+)\.")
_NAME = re.compile(r"\w+")
_USERS, _CONFIGURATION = "users.xml", "engine.xml"


class StatementError(Exception):
    """ClickHouse's error about a statement; `code` is ClickHouse's error code."""

    def __init__(self, text: str):
        super().__init__(text)
        match = _CODE.search(text)
        self.code = match.group(1) if match else "1002"

    @classmethod
    def denied(cls, reason: str) -> StatementError:
        """The error of ClickHouse for a user without the privilege."""
        return cls(f"Code: 497. DB::Exception: {reason}. (ACCESS_DENIED)")


class Engine:
    """Owns the folder. Only one process at a time can. It changes to that folder, because chDB's addresses cannot have every character."""

    def __init__(self, folder: Path):
        self._lock = threading.Lock()
        os.chdir(folder)
        session = _open_session("db")
        settings = _names(session, "SELECT name FROM system.settings")
        functions = _names(session, "SELECT lower(name) FROM system.functions WHERE categories = 'AI' OR name ILIKE 'ai%'")
        table_functions = _names(session, "SELECT name FROM system.table_functions")
        session.close()
        self._refused_functions = frozenset(policy.REFUSED_FUNCTIONS | functions)
        refused = table_functions - policy.ALLOWED_TABLE_FUNCTIONS
        self._refused_table_functions = frozenset({"disk", *(name.lower() for name in refused)})
        Path(_USERS).write_text(policy.users_configuration(settings))
        Path(_CONFIGURATION).write_text(f"<clickhouse><users_config>{_USERS}</users_config></clickhouse>\n")
        self._address = f"db?config-file={_CONFIGURATION}"
        self._session = _open_session(self._address)

    def execute(
        self, sql: str, database: str, output_format: str, settings: Mapping[str, str], parameters: Mapping[str, str],
        rows: Path | None = None, readonly: bool = False,
    ) -> bytes:  # fmt: skip
        """Runs one statement in `database` and returns its result in `output_format`.

        `rows` is a file with the rows of an INSERT … FORMAT …. A setting lasts for one statement.
        """
        with self._lock:
            statement = self._checked(sql)
            if rows is None and (match := _INSERT.fullmatch(statement)):
                raise _syntax(f"the rows of this statement must be the body of the request: {match.group(1)}")
            session = _open_session(self._address)
            try:
                _run(session, f"USE {_identifier(database)}")
                for name, value in settings.items():
                    _run(session, f"SET {_identifier(name)} = {_quoted(value)}")
                if readonly:
                    _run(session, "SET readonly = 1")
                return _run(session, statement if rows is None else _from_file(statement, rows), output_format, parameters)
            finally:
                session.close()

    def split(self, sql: str) -> tuple[str, str] | None:
        """An INSERT and the rows that follow it in the same text; None if `sql` is another statement."""
        with self._lock:
            statement = self._normalise(sql)
            if not _INSERT.fullmatch(statement):
                return None
            for match in _ROWS_MARKER.finditer(sql):
                head = sql[: match.end()]
                try:
                    if self._normalise(head) == statement:
                        return head, _BEFORE_ROWS.sub("", sql[match.end() :], count=1)
                except StatementError:
                    continue
            raise _syntax("the beginning of the rows was not found")

    def close(self) -> None:
        """Waits for the running statement, then closes the folder."""
        with self._lock:
            self._session.close()

    def _checked(self, sql: str) -> str:
        statement = self._normalise(sql)
        reason = policy.refusal(statement, self._refused_functions, self._refused_table_functions)
        if reason is not None:
            raise StatementError.denied(reason)
        return statement

    def _normalise(self, sql: str) -> str:
        """One statement as the engine's parser formats it: the text that is checked is the text that is run."""
        if "\0" in sql:
            raise _syntax("the statement has a zero byte")
        return _run(self._session, f"SELECT formatQuerySingleLine({_quoted(sql)})", "RawBLOB").decode()


def _open_session(address: str) -> Session:
    try:
        return Session(address)
    except Exception as error:  # chDB's own class has no public name
        raise StatementError(str(error)) from error


def _run(session: Session, sql: str, output_format: str = "TabSeparated", parameters: Mapping[str, str] | None = None) -> bytes:
    try:
        return session.query(sql, output_format, params=dict(parameters) if parameters else None).bytes()
    except Exception as error:
        raise StatementError(str(error)) from error


def _names(session: Session, sql: str) -> set[str]:
    return set(_run(session, sql).decode().split())


def _from_file(statement: str, rows: Path) -> str:
    match = _INSERT.fullmatch(statement)
    if match is None:
        raise _syntax("only an INSERT … FORMAT … has rows")
    target, settings, format_name = match.groups(default="")
    return f"{target} FROM INFILE {_quoted(str(rows))} COMPRESSION 'none'{settings} FORMAT {format_name}"


def _syntax(reason: str) -> StatementError:
    return StatementError(f"Code: 62. DB::Exception: {reason}. (SYNTAX_ERROR)")


def _identifier(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise _syntax(f"{name!r} is not a name")
    return f"`{name}`"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
