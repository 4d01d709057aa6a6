"""What compose.yaml gives to the servers: NATS's file with the real server, ClickHouse's users with the real engine."""

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
from dev.instance import USERS

ENGINE = """
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
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


class Nats(unittest.TestCase):
    def test_its_monitoring_is_open_to_nobody_but_itself(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for file in (paths.ROOT / "nats").glob("*.conf"):
            shutil.copy(file, folder)
        clients, monitoring = free_port(), free_port()
        configured = folder / "container.conf"
        configured.write_text(configured.read_text().replace("8222", str(monitoring)))
        settings = {"NATS_PORT": str(clients), "NATS_STORE": f'"{folder}/data"', "NATS_SYNC": "always"}
        settings |= {f"NATS_PASSWORD_{user.upper()}": "p" + user for user in USERS}
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                [paths.NATS, "-c", configured], env={**os.environ, **settings}, stdout=log, stderr=subprocess.STDOUT
            )
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        health = None
        end = time.monotonic() + 20
        while health is None and time.monotonic() < end:
            with contextlib.suppress(OSError):
                health = urllib.request.urlopen(f"http://127.0.0.1:{monitoring}/healthz", timeout=5).read()
        said = (folder / "log").read_text()
        self.assertIn(b"ok", health or b"", said)
        self.assertRegex(said, f"Starting http monitor on 127.0.0.1:{monitoring}\\b")
        self.assertRegex(said, f"Listening for client connections on 0.0.0.0:{clients}\\b")


class ClickHouse(unittest.TestCase):
    """Each user's profile and grants, given to the engine's only user."""

    def ask(self, user: str, *statements: str) -> list[str]:
        text = (paths.ROOT / "clickhouse" / "users.xml").read_text()
        text = re.sub(r"<default remove=.remove./>", "", text)
        others = {"hoidap", "hoidap_reader"} - {user}
        for other in others:
            text = re.sub(rf"(?s)(<users>.*)<{other}>.*?</{other}>", r"\1", text)
        start, users = text.split("<users>")
        users = users.replace(f"<{user}>", "<default>").replace(f"</{user}>", "</default>")
        users = re.sub(r"<password .*?/>", "<password></password>", users)
        start = start.replace("<profiles>", "<profiles><default/>")
        start = start.replace("</profiles>", "</profiles><quotas><default/></quotas>")
        (self.folder / "users.xml").write_text(f"{start}<users>{users}")
        (self.folder / "server.xml").write_text("<clickhouse><users_config>users.xml</users_config></clickhouse>")
        command = [sys.executable, "-c", ENGINE, "server.xml", *statements]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.secret = self.folder / "secret"
        self.secret.write_text("a secret")

    def test_the_sink_makes_and_fills_its_tables_and_the_gateway_reads_them(self):
        made = self.ask(
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
        self.assertEqual([said for said in made if not said.startswith("ok")], [])
        self.assertEqual(self.ask("hoidap_reader", "SELECT a FROM hoidap.chats FINAL", "SELECT 1"), ["ok 7", "ok 1"])

    def test_the_gateway_writes_nothing_and_neither_reaches_beyond_the_tables(self):
        self.ask("hoidap", "CREATE DATABASE hoidap", "CREATE DATABASE other",
                 "CREATE TABLE hoidap.chats (a UInt8) ENGINE = MergeTree ORDER BY a",
                 "CREATE TABLE other.own (a UInt8) ENGINE = MergeTree ORDER BY a")  # fmt: skip
        beyond = (
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
        for user, statements in (("hoidap", beyond), ("hoidap_reader", beyond + writes)):
            for statement, said in zip(statements, self.ask(user, *statements), strict=True):
                with self.subTest(user=user, statement=statement):
                    self.assertRegex(said, "^refused .*(ACCESS_DENIED|READONLY)")


class Compose(unittest.TestCase):
    """What each service of compose.yaml gives up, read from the file as text."""

    def services(self) -> dict[str, str]:
        text = (paths.ROOT / "compose.yaml").read_text()
        part = re.search(r"(?s)\nservices:\n(.*?)\n(?=\S)", text)[1]
        found = re.split(r"(?m)^  (\w+):\n", part)[1:]
        return dict(zip(found[::2], found[1::2], strict=True))

    def test_every_service_is_bounded_and_has_no_more_rights_than_it_needs(self):
        text = (paths.ROOT / "compose.yaml").read_text()
        bounded = re.search(r"(?s)x-bounded: &bounded\n(.*?)\n\n", text)[1]
        for wanted in ("init: true", "read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "max-size"):
            self.assertIn(wanted, bounded)
        for name, service in self.services().items():
            with self.subTest(name=name):
                self.assertRegex(service, r"<<: \*(bounded|hoidap|stage)\n")
                if "<<: *bounded" in service:
                    self.assertRegex(service, r"mem_limit: \S+\n")
                    self.assertRegex(service, r"pids_limit: \d+\n")

    def test_the_site_chooses_its_providers_unless_the_settings_do_and_their_keys_reach_who_asks_them(self):
        text = (paths.ROOT / "compose.yaml").read_text()
        self.assertEqual(re.findall(r"HOIDAP_GENERATOR__PROVIDERS:(.*)", text), [""])
        documented = "".join(page.read_text() for page in (paths.ROOT / "docs").glob("*.md"))
        keys = set(re.findall(r"`(\w+_API_KEY)`", documented))
        for name in ("generator", "tools"):
            with self.subTest(name=name):
                self.assertEqual(set(re.findall(r"(?m)^      (\w+_API_KEY):$", self.services()[name])), keys)
                self.assertIn("host.docker.internal:host-gateway", self.services()[name])

    def test_nothing_starts_the_tools_but_their_own_call(self):
        services = self.services()
        self.assertIn("profiles: [tools]\n", services["tools"])
        self.assertIn("HOIDAP_NATS__USER: operator\n", services["tools"])
        self.assertEqual([name for name, service in services.items() if re.search(r"(?m)^      tools:", service)], [])

    def test_every_variable_of_the_file_is_in_the_example_of_its_settings(self):
        text = (paths.ROOT / "compose.yaml").read_text()
        example = (paths.ROOT / ".env.example").read_text()
        for name in sorted(set(re.findall(r"(?<!\$)\$\{(\w+)", text))):
            with self.subTest(name=name):
                self.assertRegex(example, rf"(?m)^{name}=")


if __name__ == "__main__":
    unittest.main()
