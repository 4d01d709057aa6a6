"""The ClickHouse engine in this process: one chDB session over one folder, one statement at a time."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from pathlib import Path

from chdb.session import Session

LIMITS = {
    "max_threads": "2",
    "max_execution_time": "60",
    "max_result_bytes": "268435456",
    "result_overflow_mode": "throw",
}
"""Settings of every statement, so that one of them cannot take the whole machine; a request may set its own."""

_INSERT = re.compile(r"\s*(INSERT\s+INTO\s.+?)(\s+SETTINGS\s.+?)?\s+FORMAT\s+(\w+)\s*;?\s*", re.IGNORECASE | re.DOTALL)
_CODE = re.compile(r"Code: (\d+)\.")
_NAME = re.compile(r"\w+")


class StatementError(Exception):
    """What ClickHouse says about a statement it refused; `code` is ClickHouse's number of the error."""

    def __init__(self, text: str):
        super().__init__(text)
        found = _CODE.search(text)
        self.code = found.group(1) if found else "1002"


class Engine:
    """Owns the folder. Only one process at a time can: chDB locks it."""

    def __init__(self, folder: Path):
        self._lock = threading.Lock()
        self._session = Session(str(folder))
        for name, value in LIMITS.items():
            self._run(f"SET {name} = {_quoted(value)}")

    def execute(
        self, sql: str, database: str, output: str, settings: Mapping[str, str], parameters: Mapping[str, str]
    ) -> bytes:
        """Runs one statement in `database` and returns its result in the format `output`."""
        with self._lock:
            self._run(f"USE {_identifier(database)}")
            applied = []
            try:
                for name, value in settings.items():
                    self._run(f"SET {_identifier(name)} = {_quoted(value)}")
                    applied.append(name)
                return self._run(sql, output, parameters)
            finally:
                for name in applied:
                    before = _quoted(LIMITS[name]) if name in LIMITS else "DEFAULT"
                    self._run(f"SET {_identifier(name)} = {before}")

    def close(self) -> None:
        """Waits for the statement that runs, then closes the folder."""
        with self._lock:
            self._session.close()

    def _run(self, sql: str, output: str = "TabSeparated", parameters: Mapping[str, str] | None = None) -> bytes:
        try:
            return self._session.query(sql, output, params=dict(parameters) if parameters else None).bytes()
        except Exception as error:  # chDB's own class has no public name
            raise StatementError(str(error)) from error


def insert_from(sql: str, rows: Path) -> str | None:
    """The statement that reads the rows of an INSERT … FORMAT … from a file; None when `sql` is none."""
    found = _INSERT.fullmatch(sql)
    if found is None:
        return None
    target, settings, form = found.groups(default="")
    return f"{target} FROM INFILE {_quoted(str(rows))} COMPRESSION 'none'{settings} FORMAT {form}"


def _identifier(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise StatementError(f"Code: 62. DB::Exception: {name!r} is not a name. (SYNTAX_ERROR)")
    return f"`{name}`"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
