"""The part of ClickHouse's HTTP interface that its clients use: statements, queries, inserts, `/ping`.

A statement is the body, a form, or `query=`; an insert can have its statement in `query=` and its rows in the body. The
parameters `database`, `default_format` and `param_<name>` have ClickHouse's meaning; any other parameter is a setting of
the statement. There is no compression. The server listens on loopback and refuses requests of web pages. Without the
password it answers only `/ping`. GET writes nothing.
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

MAX_STATEMENT_BYTES = 1 << 20
MAX_ROWS_BYTES = 1 << 30
"""The largest body of an insert. It is kept on disk until it is complete."""
MAX_CONNECTIONS = 128
"""Connections served at once; further ones wait."""
SHUTDOWN_TIMEOUT = 15
"""Maximum time for requests in flight to end when the process is stopped, in seconds."""

_CONTROL_PARAMETERS = {"query", "database", "default_format", "query_id", "session_id", "user", "password", "role"}
_CONTROL_PARAMETERS |= {"wait_end_of_query", "buffer_size", "client_protocol_version", "enable_http_compression"}


class Adapter(ThreadingHTTPServer):
    """The HTTP server, with the engine, a folder for the rows of inserts, and the number of requests in flight."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, engine: Engine, incoming: Path, password: str):
        super().__init__(("127.0.0.1", port), Handler)
        self.engine, self.incoming, self.password = engine, incoming, password
        self.free_connections = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self.in_flight = 0
        self.idle = threading.Condition()

    def process_request(self, request, client_address):
        self.free_connections.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free_connections.release()

    def handle_error(self, request, client_address):
        print(f"a connection failed: {sys.exc_info()[1]!r}", file=sys.stderr, flush=True)

    def finish(self) -> None:
        """Lets the requests in flight end, within `SHUTDOWN_TIMEOUT`, and closes the engine."""
        with self.idle:
            self.idle.wait_for(lambda: self.in_flight == 0, SHUTDOWN_TIMEOUT)
        self.engine.close()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    server: Adapter

    def do_GET(self):
        self._handle(readonly=True)

    def do_POST(self):
        self._handle(readonly=False)

    def _handle(self, readonly: bool) -> None:
        with self.server.idle:
            self.server.in_flight += 1
        try:
            self._answer(readonly)
        finally:
            with self.server.idle:
                self.server.in_flight -= 1
                self.server.idle.notify_all()

    def _answer(self, readonly: bool) -> None:
        reason = access.refusal(self.headers)
        if reason is not None:
            return self._refuse(403, reason)
        parts = urlsplit(self.path)
        if parts.scheme or parts.netloc or not parts.path.startswith("/"):
            return self._refuse(400, "the request target is not a path")
        if readonly and (parts.path in ("/ping", "/replicas_status") or (parts.path == "/" and not parts.query)):
            return self._send(200, b"Ok.\n")
        if parts.path != "/":
            return self._refuse(404, "only / and /ping exist")
        if not access.is_authenticated(self.headers, self.server.password):
            error = "Code: 516. DB::Exception: the user or the password is wrong. (AUTHENTICATION_FAILED)"
            return self._refuse(403, error, {"X-ClickHouse-Exception-Code": "516"})
        try:
            self._send(200, self._result(readonly))
        except StatementError as error:
            self._send(500, f"{error}\n".encode(), {"X-ClickHouse-Exception-Code": error.code})
        except body.BadBody as error:
            self._refuse(error.status, str(error))

    def _result(self, readonly: bool) -> bytes:
        parameters = self._parameters()
        with tempfile.NamedTemporaryFile(dir=self.server.incoming) as rows:
            # An insert has its statement in the query string and its rows in the body, or both in the body.
            insert = self._split_insert(parameters.get("query", ""), rows)
            for block in body.read(self.rfile, self.headers, MAX_ROWS_BYTES if insert else MAX_STATEMENT_BYTES):
                rows.write(block)
            if insert is None:
                rows.seek(0)
                content = rows.read()
                rows.seek(0)
                rows.truncate()
                fields = body.fields(self.headers.get("Content-Type", ""), content)
                parameters |= fields
                content = b"" if fields else content
                parameters["query"] = "\n".join(filter(None, (parameters.get("query", ""), body.text(content))))
                if not parameters["query"].strip():
                    raise body.BadBody(400, "there is no statement")
                insert = self._split_insert(parameters["query"], rows)
            rows.flush()
            return self.server.engine.execute(
                insert or parameters["query"],
                parameters.get("database") or "default",
                parameters.get("default_format") or "TabSeparated",
                {
                    name: value
                    for name, value in parameters.items()
                    if name not in _CONTROL_PARAMETERS and not name.startswith("param_")
                },
                {name.removeprefix("param_"): value for name, value in parameters.items() if name.startswith("param_")},
                rows=Path(rows.name) if insert else None,
                readonly=readonly,
            )

    def _split_insert(self, sql: str, rows: BinaryIO) -> str | None:
        """The statement of an insert; the rows that follow it are written to `rows`. None if `sql` is not a complete insert."""
        try:
            parts = self.server.engine.split(sql) if sql.strip() else None
        except StatementError:
            return None
        if parts is None:
            return None
        rows.write(parts[1].encode())
        return parts[0]

    def _parameters(self) -> dict[str, str]:
        try:
            parameters = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True, max_num_fields=200))
        except ValueError as error:
            raise body.BadBody(400, f"the query string cannot be read: {error}") from None
        for name in ("compress", "decompress"):
            if parameters.pop(name, "0") not in ("0", ""):
                raise body.BadBody(400, f"{name}=1 is not supported: turn compression off in the client")
        return parameters

    def _refuse(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        """Answers a request whose body was not read to its end."""
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
        """Logs only requests that failed."""
        if code != 200:
            super().log_request(code, size)


def main() -> int:
    parser = argparse.ArgumentParser(prog="clickhouse", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the database")
    parser.add_argument(
        "--port", type=int, default=8123, help="port on 127.0.0.1; 0 picks a free one (default: %(default)s)"
    )
    arguments = parser.parse_args()
    password = os.environ.pop(access.PASSWORD_VARIABLE, "")
    if not password:
        print(f"{access.PASSWORD_VARIABLE} is not set: set it to the password that requests must have", file=sys.stderr)
        return 1

    data = arguments.data.resolve()
    incoming = data / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    try:
        engine = Engine(data)
    except StatementError as error:
        print(f"the database in {arguments.data} cannot be opened: {error}", file=sys.stderr)
        return 1
    for leftover in incoming.iterdir():  # from a process that was killed
        leftover.unlink()
    try:
        adapter = Adapter(arguments.port, engine, incoming, password)
    except OSError as error:
        print(
            f"port {arguments.port} of 127.0.0.1 cannot be used ({error}): choose another one by --port",
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
