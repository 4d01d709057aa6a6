"""The configuration of the servers in compose.yaml: NATS's file with the real server, ClickHouse's users with the real engine."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

from dev import paths
from dev.instance import NATS_USERS

CHDB_SCRIPT = """
import sys
from chdb.session import Session

session = Session(f"db?config-file={sys.argv[1]}")
for statement in sys.argv[2:]:
    try:
        print("ok", session.query(statement, "TSV").bytes().decode().strip().replace("\\n", " "))
    except Exception as error:
        print("refused", str(error).replace("\\n", " "))
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Nats(unittest.TestCase):
    def test_monitoring_listens_on_loopback_only(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for file in (paths.ROOT / "nats").glob("*.conf"):
            shutil.copy(file, folder)
        clients, monitoring = free_port(), free_port()
        configuration = folder / "container.conf"
        configuration.write_text(configuration.read_text().replace("8222", str(monitoring)))
        settings = {"NATS_PORT": str(clients), "NATS_STORE": f'"{folder}/data"', "NATS_SYNC": "always"}
        settings |= {f"NATS_PASSWORD_{user.upper()}": "p" + user for user in NATS_USERS}
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                [paths.NATS, "-c", configuration], env={**os.environ, **settings}, stdout=log, stderr=subprocess.STDOUT
            )
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        health = None
        deadline = time.monotonic() + 20
        while health is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                health = urllib.request.urlopen(f"http://127.0.0.1:{monitoring}/healthz", timeout=5).read()
        log_text = (folder / "log").read_text()
        self.assertIn(b"ok", health or b"", log_text)
        self.assertRegex(log_text, f"Starting http monitor on 127.0.0.1:{monitoring}\\b")
        self.assertRegex(log_text, f"Listening for client connections on 0.0.0.0:{clients}\\b")


class ClickHouse(unittest.TestCase):
    """The profile and the grants of each user, applied to the engine's only user."""

    def run_statements(self, user: str, *statements: str) -> list[str]:
        text = (paths.ROOT / "clickhouse" / "users.xml").read_text()
        text = re.sub(r"<default remove=.remove./>", "", text)
        other_users = {"hoidap", "hoidap_reader"} - {user}
        for other_user in other_users:
            text = re.sub(rf"(?s)(<users>.*)<{other_user}>.*?</{other_user}>", r"\1", text)
        profiles, users = text.split("<users>")
        users = users.replace(f"<{user}>", "<default>").replace(f"</{user}>", "</default>")
        users = re.sub(r"<password .*?/>", "<password></password>", users)
        profiles = profiles.replace("<profiles>", "<profiles><default/>")
        profiles = profiles.replace("</profiles>", "</profiles><quotas><default/></quotas>")
        (self.folder / "users.xml").write_text(f"{profiles}<users>{users}")
        (self.folder / "server.xml").write_text("<clickhouse><users_config>users.xml</users_config></clickhouse>")
        command = [sys.executable, "-c", CHDB_SCRIPT, "server.xml", *statements]
        process = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60)
        self.assertEqual(process.returncode, 0, process.stderr)
        return process.stdout.splitlines()

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.secret = self.folder / "secret"
        self.secret.write_text("a secret")

    def test_the_sink_creates_and_fills_its_tables_and_the_gateway_reads_them(self):
        results = self.run_statements(
            "hoidap",
            "CREATE DATABASE hoidap",
            "CREATE DATABASE other",
            "CREATE TABLE hoidap.chats (a UInt8) ENGINE = ReplacingMergeTree ORDER BY a",
            "INSERT INTO hoidap.chats SELECT 7",
            "ALTER TABLE hoidap.chats ADD COLUMN b DateTime",
            "ALTER TABLE hoidap.chats DELETE WHERE a = 1",
            "ALTER TABLE hoidap.chats MODIFY TTL b + INTERVAL 100 YEAR",
            "CREATE DATABASE hoidap_rebuild_1 ENGINE = Atomic",
            "CREATE TABLE hoidap_rebuild_1.chats AS hoidap.chats",
            "EXCHANGE TABLES hoidap.chats AND hoidap_rebuild_1.chats",
            "EXCHANGE TABLES hoidap.chats AND hoidap_rebuild_1.chats",
            "SELECT count() FROM system.tables WHERE database = 'hoidap'",
            "DROP DATABASE hoidap_rebuild_1 SYNC",
        )
        self.assertEqual([result for result in results if not result.startswith("ok")], [])
        self.assertEqual(self.run_statements("hoidap_reader", "SELECT a FROM hoidap.chats FINAL", "SELECT 1"), ["ok 7", "ok 1"])

    def test_the_gateway_writes_nothing_and_neither_user_can_access_anything_else(self):
        self.run_statements("hoidap", "CREATE DATABASE hoidap", "CREATE DATABASE other",
                 "CREATE TABLE hoidap.chats (a UInt8) ENGINE = MergeTree ORDER BY a",
                 "CREATE TABLE other.own (a UInt8) ENGINE = MergeTree ORDER BY a")  # fmt: skip
        outside_access = (
            f"SELECT * FROM file('{self.secret}', 'LineAsString')",
            "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
            "SELECT * FROM remote('127.0.0.1', system.one)",
            f"CREATE TABLE hoidap.t ENGINE = File(LineAsString, '{self.secret}')",
            "CREATE USER bob",
            "SYSTEM SHUTDOWN",
        )
        writes = (
            "INSERT INTO hoidap.chats SELECT 1",
            "ALTER TABLE hoidap.chats DELETE WHERE 1",
            "DROP TABLE hoidap.chats",
            "CREATE TABLE hoidap.t (a UInt8) ENGINE = Memory",
            "SELECT * FROM other.own",
            "SET readonly = 0",
        )
        for user, statements in (("hoidap", outside_access), ("hoidap_reader", outside_access + writes)):
            for statement, result in zip(statements, self.run_statements(user, *statements), strict=True):
                with self.subTest(user=user, statement=statement):
                    self.assertRegex(result, "^refused .*(ACCESS_DENIED|READONLY)")


class Compose(unittest.TestCase):
    """The limits and privileges of each service of compose.yaml, read from the file as text."""

    def services(self) -> dict[str, str]:
        text = (paths.ROOT / "compose.yaml").read_text()
        services_section = re.search(r"(?s)\nservices:\n(.*?)\n(?=\S)", text)[1]
        parts = re.split(r"(?m)^  (\w+):\n", services_section)[1:]
        return dict(zip(parts[::2], parts[1::2], strict=True))

    def test_every_service_has_limits_and_minimal_privileges(self):
        text = (paths.ROOT / "compose.yaml").read_text()
        common = re.search(r"(?s)x-bounded: &bounded\n(.*?)\n\n", text)[1]
        for wanted in ("init: true", "read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "max-size"):
            self.assertIn(wanted, common)
        for name, service in self.services().items():
            with self.subTest(name=name):
                self.assertRegex(service, r"<<: \*(bounded|hoidap|stage)\n")
                if "<<: *bounded" in service:
                    self.assertRegex(service, r"mem_limit: \S+\n")
                    self.assertRegex(service, r"pids_limit: \d+\n")

    def test_providers_are_those_of_the_site_or_the_settings_and_their_keys_reach_the_services_that_use_them(self):
        text = (paths.ROOT / "compose.yaml").read_text()
        self.assertEqual(re.findall(r"HOIDAP_GENERATOR__PROVIDERS:(.*)", text), [""])
        documented = "".join(page.read_text() for page in (paths.ROOT / "docs").glob("*.md"))
        keys = set(re.findall(r"`(\w+_API_KEY)`", documented))
        for name in ("generator", "tools"):
            with self.subTest(name=name):
                self.assertEqual(set(re.findall(r"(?m)^      (\w+_API_KEY):$", self.services()[name])), keys)
                self.assertIn("host.docker.internal:host-gateway", self.services()[name])

    def test_the_tools_start_only_on_demand(self):
        services = self.services()
        self.assertIn("profiles: [tools]\n", services["tools"])
        self.assertIn("HOIDAP_NATS__USER: operator\n", services["tools"])
        self.assertEqual([name for name, service in services.items() if re.search(r"(?m)^      tools:", service)], [])

    def test_every_variable_of_compose_yaml_is_in_env_example(self):
        text = (paths.ROOT / "compose.yaml").read_text()
        example = (paths.ROOT / ".env.example").read_text()
        for name in sorted(set(re.findall(r"(?<!\$)\$\{(\w+)", text))):
            with self.subTest(name=name):
                self.assertRegex(example, rf"(?m)^{name}=")


if __name__ == "__main__":
    unittest.main()
