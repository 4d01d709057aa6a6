"""Who may drive the ClickHouse adapter: nobody without the password, and no web page."""

import base64
import http.client
import tempfile
import unittest
from urllib.parse import quote

from .server import Server

PASSWORD = "đúng: a password"
USED = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": PASSWORD.encode().decode("latin-1")}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Access(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        variables = {"CLICKHOUSE_PASSWORD": PASSWORD}
        cls.server = cls.enterClassContext(Server("clickhouse", "--data", folder, variables=variables))

    def status(self, headers: list[tuple[str, str]], method: str = "POST", path: str = "/", body: bytes = b"SELECT 1"):
        """The status of a request with these headers and no other."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if method == "POST":
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body if method == "POST" else None)
            return connection.getresponse().status
        finally:
            connection.close()

    def test_nobody_asks_without_the_password(self):
        known = list(USED.items())
        self.assertEqual(self.status([("Host", "localhost"), *known]), 200)
        self.assertEqual(self.status([("Host", "localhost"), *basic("default", PASSWORD).items()]), 200)
        for given in (
            {},
            {"X-ClickHouse-Key": ""},
            {"X-ClickHouse-Key": "another"},
            {"X-ClickHouse-User": "operator", "X-ClickHouse-Key": USED["X-ClickHouse-Key"]},
            basic("default", ""),
            basic("operator", PASSWORD),
            {"Authorization": "Basic !"},
            {"Authorization": "Bearer " + "x"},
            {**basic("default", "another"), **USED},
        ):
            with self.subTest(given=given):
                headers = [("Host", "localhost"), *given.items()]
                self.assertEqual(self.status(headers), 403)
                self.assertEqual(self.status(headers, "GET", "/?query=SELECT+1"), 403)
        self.assertEqual(self.status([("Host", "localhost")], "POST", f"/?user=default&password={quote(PASSWORD)}"), 403)
        self.assertEqual(self.status([("Host", "localhost")], "GET", "/ping"), 200)

    def test_an_address_is_a_path(self):
        for path in ("http://attacker.example/?query=SELECT+1", "//attacker.example/?query=SELECT+1", "*"):
            with self.subTest(path=path):
                self.assertIn(self.status([("Host", "localhost"), *USED.items()], "GET", path), (400, 404))

    def test_the_error_is_the_one_of_clickhouse(self):
        status, headers, text = self.server.request("/", b"SELECT 1")
        self.assertEqual((status, headers["X-ClickHouse-Exception-Code"]), (403, "516"))
        self.assertIn(b"AUTHENTICATION_FAILED", text)

    def test_only_a_name_of_loopback_is_answered(self):
        port = self.server.port
        for host in ("127.0.0.1", f"127.0.0.1:{port}", "localhost", f"LocalHost:{port}", "[::1]", f"[::1]:{port}"):
            with self.subTest(host=host):
                self.assertEqual(self.status([("Host", host), *USED.items()]), 200)
        for hosts in (
            [],
            [""],
            ["attacker.example"],
            [f"attacker.example:{port}"],
            [f"localhost.attacker.example:{port}"],
            ["localhost@attacker.example"],
            ["127.0.0.1.nip.io"],
            ["0.0.0.0"],
            ["192.168.1.10"],
            ["[::]"],
            ["[fe80::1]"],
            ["[::1"],
            ["localhost:port"],
            ["localhost", "attacker.example"],
        ):
            with self.subTest(hosts=hosts):
                headers = [*(("Host", host) for host in hosts), *USED.items()]
                self.assertEqual(self.status(headers), 403)
                self.assertEqual(self.status(headers, "GET", "/ping"), 403)

    def test_what_a_browser_says_of_a_page_is_refused_with_the_password_too(self):
        for sent in (
            [("Origin", "https://www.example.com")],
            [("Origin", "null")],
            [("Origin", "")],
            [("Sec-Fetch-Site", "cross-site")],
            [("Sec-Fetch-Site", "same-site")],
            [("Sec-Fetch-Site", "same-origin")],
            [("Sec-Fetch-Site", "")],
            [("sec-fetch-site", "none"), ("Sec-Fetch-Site", "cross-site")],
        ):
            with self.subTest(sent=sent):
                headers = [("Host", "localhost"), *USED.items(), *sent]
                self.assertEqual(self.status(headers), 403)
                self.assertEqual(self.status(headers, "GET", "/?query=SELECT+1"), 403)
        self.assertEqual(self.status([("Host", "localhost"), *USED.items(), ("Sec-Fetch-Site", "none")]), 200)

    def test_it_does_not_start_without_a_password(self):
        for given in ({"CLICKHOUSE_PASSWORD": ""}, {}):
            with (
                self.subTest(given=given),
                tempfile.TemporaryDirectory() as folder,
                self.assertRaisesRegex(AssertionError, "CLICKHOUSE_PASSWORD is not set"),
                Server("clickhouse", "--data", folder, variables=given),
            ):
                pass


if __name__ == "__main__":
    unittest.main()
