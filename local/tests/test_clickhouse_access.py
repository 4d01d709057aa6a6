"""Access to the ClickHouse adapter: only with the password, and never from a web page."""

import base64
import http.client
import tempfile
import unittest
from urllib.parse import quote

from .server import Server

PASSWORD = "đúng: a password"
VALID_CREDENTIALS = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": PASSWORD.encode().decode("latin-1")}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Access(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        variables = {"CLICKHOUSE_PASSWORD": PASSWORD}
        cls.server = cls.enterClassContext(Server("clickhouse", "--data", folder, variables=variables))

    def status(self, headers: list[tuple[str, str]], method: str = "POST", path: str = "/", body: bytes = b"SELECT 1"):
        """The status of a request with exactly these headers."""
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

    def test_requests_without_the_password_are_refused(self):
        valid = list(VALID_CREDENTIALS.items())
        self.assertEqual(self.status([("Host", "localhost"), *valid]), 200)
        self.assertEqual(self.status([("Host", "localhost"), *basic("default", PASSWORD).items()]), 200)
        for credentials in (
            {},
            {"X-ClickHouse-Key": ""},
            {"X-ClickHouse-Key": "another"},
            {"X-ClickHouse-User": "operator", "X-ClickHouse-Key": VALID_CREDENTIALS["X-ClickHouse-Key"]},
            basic("default", ""),
            basic("operator", PASSWORD),
            {"Authorization": "Basic !"},
            {"Authorization": "Bearer " + "x"},
            {**basic("default", "another"), **VALID_CREDENTIALS},
        ):
            with self.subTest(credentials=credentials):
                headers = [("Host", "localhost"), *credentials.items()]
                self.assertEqual(self.status(headers), 403)
                self.assertEqual(self.status(headers, "GET", "/?query=SELECT+1"), 403)
        self.assertEqual(self.status([("Host", "localhost")], "POST", f"/?user=default&password={quote(PASSWORD)}"), 403)
        self.assertEqual(self.status([("Host", "localhost")], "GET", "/ping"), 200)

    def test_a_request_target_is_a_path(self):
        for path in ("http://attacker.example/?query=SELECT+1", "//attacker.example/?query=SELECT+1", "*"):
            with self.subTest(path=path):
                self.assertIn(self.status([("Host", "localhost"), *VALID_CREDENTIALS.items()], "GET", path), (400, 404))

    def test_the_error_is_that_of_clickhouse(self):
        status, headers, text = self.server.request("/", b"SELECT 1")
        self.assertEqual((status, headers["X-ClickHouse-Exception-Code"]), (403, "516"))
        self.assertIn(b"AUTHENTICATION_FAILED", text)

    def test_only_a_loopback_host_is_answered(self):
        port = self.server.port
        for host in ("127.0.0.1", f"127.0.0.1:{port}", "localhost", f"LocalHost:{port}", "[::1]", f"[::1]:{port}"):
            with self.subTest(host=host):
                self.assertEqual(self.status([("Host", host), *VALID_CREDENTIALS.items()]), 200)
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
                headers = [*(("Host", host) for host in hosts), *VALID_CREDENTIALS.items()]
                self.assertEqual(self.status(headers), 403)
                self.assertEqual(self.status(headers, "GET", "/ping"), 403)

    def test_requests_of_a_web_page_are_refused_also_with_the_password(self):
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
                headers = [("Host", "localhost"), *VALID_CREDENTIALS.items(), *sent]
                self.assertEqual(self.status(headers), 403)
                self.assertEqual(self.status(headers, "GET", "/?query=SELECT+1"), 403)
        self.assertEqual(self.status([("Host", "localhost"), *VALID_CREDENTIALS.items(), ("Sec-Fetch-Site", "none")]), 200)

    def test_it_does_not_start_without_a_password(self):
        for variables in ({"CLICKHOUSE_PASSWORD": ""}, {}):
            with (
                self.subTest(variables=variables),
                tempfile.TemporaryDirectory() as folder,
                self.assertRaisesRegex(AssertionError, "CLICKHOUSE_PASSWORD is not set"),
                Server("clickhouse", "--data", folder, variables=variables),
            ):
                pass


if __name__ == "__main__":
    unittest.main()
