"""As much of ClickHouse's HTTP interface as its clients use: statements, queries, inserts, `/ping`.

Statements come as the body, as a form, or as `query=`; an insert has its statement there and its rows as the body.
`database`, `default_format` and `param_<name>` are known; any other parameter is a setting of the statement. No
compression. It listens on loopback, refuses requests that a web page makes, and answers nothing but `/ping` to those who
do not know the password. GET writes nothing.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl, urlsplit

from . import access, body
from .engine import Engine, StatementError

STATEMENT_LIMIT = 1 << 20
"""Longest statement, in bytes."""
ROWS_LIMIT = 1 << 30
"""Largest body of an insert, in bytes; it is kept on disk until it is whole."""
CONNECTIONS = 128
"""Connections served at once; further ones wait."""
FINISH_SECONDS = 15
"""Longest wait for requests in flight when the process is told to stop."""

_CONTROL = {"query", "database", "default_format", "query_id", "session_id", "user", "password", "role"}
_CONTROL |= {"wait_end_of_query", "buffer_size", "client_protocol_version", "enable_http_compression"}


class Adapter(ThreadingHTTPServer):
    """The server: it has the engine, a folder for rows on their way, and knows what is in flight."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, engine: Engine, incoming: Path, password: str):
        super().__init__(("127.0.0.1", port), Handler)
        self.engine, self.incoming, self.password = engine, incoming, password
        self.free = threading.BoundedSemaphore(CONNECTIONS)
        self.busy = 0
        self.idle = threading.Condition()

    def process_request(self, request, client_address):
        self.free.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free.release()

    def handle_error(self, request, client_address):
        print(f"a connection failed: {sys.exc_info()[1]!r}", file=sys.stderr, flush=True)

    def finish(self) -> None:
        """Lets the requests in flight end, within `FINISH_SECONDS`, and closes the engine."""
        with self.idle:
            self.idle.wait_for(lambda: self.busy == 0, FINISH_SECONDS)
        self.engine.close()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    server: Adapter

    def do_GET(self):
        self._in_flight(readonly=True)

    def do_POST(self):
        self._in_flight(readonly=False)

    def _in_flight(self, readonly: bool) -> None:
        with self.server.idle:
            self.server.busy += 1
        try:
            self._answer(readonly)
        finally:
            with self.server.idle:
                self.server.busy -= 1
                self.server.idle.notify_all()

    def _answer(self, readonly: bool) -> None:
        why = access.of_a_page(self.headers)
        if why is not None:
            return self._refuse(403, why)
        parts = urlsplit(self.path)
        if parts.scheme or parts.netloc or not parts.path.startswith("/"):
            return self._refuse(400, "the address is not a path")
        if readonly and (parts.path in ("/ping", "/replicas_status") or (parts.path == "/" and not parts.query)):
            return self._send(200, b"Ok.\n")
        if parts.path != "/":
            return self._refuse(404, "there are only / and /ping")
        if not access.knows(self.headers, self.server.password):
            error = "Code: 516. DB::Exception: the user or the password is not the right one. (AUTHENTICATION_FAILED)"
            return self._refuse(403, error, {"X-ClickHouse-Exception-Code": "516"})
        try:
            self._send(200, self._result(readonly))
        except StatementError as error:
            self._send(500, f"{error}\n".encode(), {"X-ClickHouse-Exception-Code": error.code})
        except body.BadBody as error:
            self._refuse(error.status, str(error))

    def _result(self, readonly: bool) -> bytes:
        given = self._parameters()
        with tempfile.NamedTemporaryFile(dir=self.server.incoming) as rows:
            # Of an insert the statement is in the address and the rows are the body, or both are the body.
            insert = self._insert(given.get("query", ""), rows)
            for block in body.read(self.rfile, self.headers, ROWS_LIMIT if insert else STATEMENT_LIMIT):
                rows.write(block)
            if insert is None:
                rows.seek(0)
                content = rows.read()
                rows.seek(0)
                rows.truncate()
                form = body.fields(self.headers.get("Content-Type", ""), content)
                given |= form
                content = b"" if form else content
                given["query"] = "\n".join(filter(None, (given.get("query", ""), body.text(content))))
                if not given["query"].strip():
                    raise body.BadBody(400, "there is no statement")
                insert = self._insert(given["query"], rows)
            rows.flush()
            return self.server.engine.execute(
                insert or given["query"],
                given.get("database") or "default",
                given.get("default_format") or "TabSeparated",
                {
                    name: value
                    for name, value in given.items()
                    if name not in _CONTROL and not name.startswith("param_")
                },
                {name.removeprefix("param_"): value for name, value in given.items() if name.startswith("param_")},
                rows=Path(rows.name) if insert else None,
                readonly=readonly,
            )

    def _insert(self, sql: str, rows: BinaryIO) -> str | None:
        """The statement of an insert, whose rows behind it are written to `rows`; None when `sql` is no insert, or not whole."""
        try:
            found = self.server.engine.split(sql) if sql.strip() else None
        except StatementError:
            return None
        if found is None:
            return None
        rows.write(found[1].encode())
        return found[0]

    def _parameters(self) -> dict[str, str]:
        try:
            given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True, max_num_fields=200))
        except ValueError as error:
            raise body.BadBody(400, f"the address cannot be read: {error}") from None
        for name in ("compress", "decompress"):
            if given.pop(name, "0") not in ("0", ""):
                raise body.BadBody(400, f"{name}=1 is not supported: turn compression off in the client")
        return given

    def _refuse(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        """An answer to a request whose body was not read to its end."""
        self.close_connection = True
        self._send(status, f"{text}\n".encode(), {**(headers or {}), "Connection": "close"})

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code="-", size="-"):
        """Requests that went well are not logged."""
        if code != 200:
            super().log_request(code, size)


def main() -> int:
    parser = argparse.ArgumentParser(prog="clickhouse", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the database")
    parser.add_argument(
        "--port", type=int, default=8123, help="port on 127.0.0.1; 0 picks a free one (default: %(default)s)"
    )
    options = parser.parse_args()
    password = os.environ.pop(access.VARIABLE, "")
    if not password:
        print(f"{access.VARIABLE} is not set: give the password that requests are to name", file=sys.stderr)
        return 1

    data = options.data.resolve()
    incoming = data / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    try:
        engine = Engine(data)
    except StatementError as error:
        print(f"the database in {options.data} cannot be opened: {error}", file=sys.stderr)
        return 1
    for left in incoming.iterdir():  # of a process that was killed
        left.unlink()
    try:
        adapter = Adapter(options.port, engine, incoming, password)
    except OSError as error:
        print(
            f"port {options.port} of 127.0.0.1 cannot be used ({error}): choose another one by --port",
            file=sys.stderr,
        )
        engine.close()
        return 1
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: threading.Thread(target=adapter.shutdown).start())
    print(f"listening on http://127.0.0.1:{adapter.server_port}", flush=True)
    adapter.serve_forever(poll_interval=0.1)
    adapter.finish()
    return 0
