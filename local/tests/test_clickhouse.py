"""The ClickHouse adapter, with the real engine."""

import signal
import socket
import tempfile
import unittest
from pathlib import Path
from urllib.parse import urlencode

from .server import Server

PASSWORD = "a password of the tests"
KEY = {"X-ClickHouse-Key": PASSWORD}


def start_server(folder: str, **variables: str) -> Server:
    return Server("clickhouse", "--data", folder, variables={"CLICKHOUSE_PASSWORD": PASSWORD, **variables})


def query(server: Server, sql: str, **parameters: str) -> str:
    status, _, body = server.request("/?" + urlencode(parameters), sql.encode(), KEY)
    if status != 200:
        raise AssertionError(f"{sql} gave {status}: {body.decode()}")
    return body.decode().strip()


def insert(server: Server, sql: str, rows: bytes, **parameters: str) -> tuple[int, dict, bytes]:
    def chunks():
        for start in range(0, len(rows), 7):
            yield rows[start : start + 7]

    path = "/?" + urlencode({"query": sql, **parameters})
    headers = {"Transfer-Encoding": "chunked", "Content-Type": "application/octet-stream", **KEY}
    return server.request(path, chunks(), headers)


class Adapter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.server = cls.enterClassContext(start_server(cls.folder))
        query(cls.server, "CREATE DATABASE shop")

    def table(self, name: str, settings: str = "") -> None:
        query(
            self.server,
            f"CREATE TABLE {name} (id UInt64, text String) ENGINE = MergeTree ORDER BY id {settings}",
            database="shop",
        )

    def test_pings_and_queries(self):
        self.assertEqual(self.server.request("/ping")[2], b"Ok.\n")
        self.assertEqual(query(self.server, "SELECT 40 + 2"), "42")
        self.assertEqual(self.server.request("/?query=SELECT+1%2B1", None, KEY)[2], b"2\n")
        self.assertEqual(query(self.server, "SELECT 1 AS a", default_format="JSONEachRow"), '{"a":1}')
        self.assertEqual(query(self.server, "SELECT {x:UInt8} + 1", param_x="41"), "42")

    def test_a_form_holds_a_statement_and_its_parameters(self):
        parts = {"query": "SELECT {text:String}, {number:UInt8}", "param_text": "đặt lại", "param_number": "7"}
        form = "".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts.items()
        )
        headers = {"Content-Type": "multipart/form-data; boundary=x", **KEY}
        status, _, answer = self.server.request("/", f"{form}--x--\r\n".encode(), headers)
        self.assertEqual((status, answer.decode()), (200, "đặt lại\t7\n"))
        self.assertEqual(self.server.request("/", b"no parts at all", headers)[0], 400)

    def test_binary_rows_are_returned_unchanged(self):
        self.table("binary_rows")
        columns = b"\x02\x02id\x04text\x06UInt64\x06String"
        text = "đặt lại mật khẩu".encode()
        rows = columns + b"".join(number.to_bytes(8, "little") + bytes([len(text)]) + text for number in range(1000))
        status, _, body = insert(
            self.server,
            "INSERT INTO `binary_rows`(`id`,`text`) FORMAT RowBinaryWithNamesAndTypes",
            rows,
            database="shop",
        )
        self.assertEqual((status, body), (200, b""))
        path = "/?" + urlencode({"database": "shop", "default_format": "RowBinaryWithNamesAndTypes"})
        self.assertEqual(self.server.request(path, b"SELECT * FROM binary_rows ORDER BY id", KEY)[2], rows)

    def test_errors_have_the_text_and_the_code_of_clickhouse(self):
        status, headers, body = self.server.request("/?database=shop", b"SELECT * FROM missing", KEY)
        self.assertEqual((status, headers["X-ClickHouse-Exception-Code"]), (500, "60"))
        self.assertIn(b"UNKNOWN_TABLE", body)
        status, headers, _ = self.server.request("/?database=missing", b"SELECT 1", KEY)
        self.assertEqual((status, headers["X-ClickHouse-Exception-Code"]), (500, "81"))

    def test_settings_last_for_one_statement(self):
        statement = "SELECT getSetting('max_threads'), getSetting('insert_deduplication_token')"
        before = query(self.server, statement)
        self.assertEqual(query(self.server, statement, max_threads="1", insert_deduplication_token="it's"), "1\tit\\'s")
        self.assertEqual(self.server.request("/?max_threads=1", b"SELECT nothing", KEY)[0], 500)
        self.assertEqual(query(self.server, statement), before)
        self.assertIn(b"UNKNOWN_SETTING", self.server.request("/?no_such_setting=1", b"SELECT 1", KEY)[2])

    def test_a_repeated_token_is_stored_once(self):
        self.table("tokens", "SETTINGS non_replicated_deduplication_window = 100")
        for token, expected in (("a", "1"), ("a", "1"), ("b", "2")):
            insert(
                self.server,
                "INSERT INTO tokens FORMAT TSV",
                b"1\tx\n",
                database="shop",
                insert_deduplication_token=token,
            )
            self.assertEqual(query(self.server, "SELECT count() FROM tokens", database="shop"), expected)

    def test_an_insert_that_is_cut_off_stores_nothing(self):
        self.table("cut")
        path = "/?" + urlencode({"database": "shop", "query": "INSERT INTO cut FORMAT TSV"})
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as connection:
            headers = f"Host: localhost\r\nX-ClickHouse-Key: {PASSWORD}\r\nTransfer-Encoding: chunked"
            connection.sendall(f"POST {path} HTTP/1.1\r\n{headers}\r\n\r\n4\r\n1\tx\n\r\n4\r\n2".encode())
            connection.shutdown(socket.SHUT_WR)
            self.assertIn(b"400", connection.recv(4096).split(b"\r\n")[0])
        self.assertEqual(query(self.server, "SELECT count() FROM cut", database="shop"), "0")
        self.assertEqual(list((Path(self.folder) / "incoming").iterdir()), [])

    def test_wrong_requests_are_refused(self):
        for expected, path, body, headers in (
            (400, "/", b"", {}),
            (400, "/", b"\xff\xfe", {}),
            (400, "/?compress=1", b"SELECT 1", {}),
            (400, "/?" + "a=1&" * 300, b"SELECT 1", {}),
            (413, "/", b"SELECT 1 --" + b"x" * (1 << 20), {}),
            (500, "/?" + urlencode({"database": "a`; DROP DATABASE shop; --"}), b"SELECT 1", {}),
        ):
            with self.subTest(path=path, body=body[:20]):
                self.assertEqual(self.server.request(path, body, {**KEY, **headers})[0], expected)
        self.assertEqual(query(self.server, "SELECT 1", database="shop"), "1")


class Lifecycle(unittest.TestCase):
    def test_data_survives_a_kill_and_an_orderly_stop(self):
        with tempfile.TemporaryDirectory() as folder:
            with start_server(folder) as server:
                query(server, "CREATE DATABASE shop")
                query(server, "CREATE TABLE shop.kept (id UInt64) ENGINE = MergeTree ORDER BY id")
                insert(server, "INSERT INTO shop.kept FORMAT TSV", b"1\n2\n")
                server.process.kill()
                server.process.wait()
            with start_server(folder) as server:
                self.assertEqual(query(server, "SELECT count() FROM shop.kept"), "2")
                insert(server, "INSERT INTO shop.kept FORMAT TSV", b"3\n")
                server.process.send_signal(signal.SIGTERM)
                self.assertEqual(server.process.wait(20), 0)
            with start_server(folder) as server:
                self.assertEqual(query(server, "SELECT count() FROM shop.kept"), "3")
                with (
                    self.assertRaisesRegex(AssertionError, "cannot be opened"),
                    start_server(folder),
                ):
                    pass


if __name__ == "__main__":
    unittest.main()
