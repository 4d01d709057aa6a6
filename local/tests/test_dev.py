"""./dev's own work: processes, ports, and the servers' life."""

import contextlib
import dataclasses
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from unittest import mock

from dev import lifecycle, ports, processes, services, sql
from dev.instance import Instance
from dev.say import Trouble

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


class Processes(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.record, self.log = self.folder / "it.json", self.folder / "it.log"

    def start(self, code: str) -> processes.Record:
        made = processes.start([sys.executable, "-c", code], os.environ, self.log, self.record, "v1", self.folder)
        self.addCleanup(processes.stop, self.record, 0)
        return made

    def test_it_is_known_until_it_ends(self):
        made = self.start("import time; time.sleep(60)")
        self.assertEqual(processes.running(self.record), made)
        self.assertTrue(processes.stop(self.record, 10))
        self.assertIsNone(processes.running(self.record))
        self.assertIsNone(processes.started(made.pid))
        self.assertFalse(processes.stop(self.record, 10))

    def test_what_will_not_end_is_killed(self):
        made = self.start(STUBBORN)
        while b"ready" not in self.log.read_bytes():
            time.sleep(0.01)
        self.assertTrue(processes.stop(self.record, 0.2))
        self.assertIsNone(processes.started(made.pid))

    def test_a_number_that_went_to_another_process_is_left_alone(self):
        bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        self.addCleanup(bystander.wait)
        self.addCleanup(bystander.kill)
        time.sleep(0.05)  # the next process starts in another tick of the kernel's clock
        known = vars(self.start("import time; time.sleep(60)"))
        processes.stop(self.record, 10)
        for changed in ({"pid": bystander.pid}, {"pid": bystander.pid, "boot": "another"}, {"pid": 1}):
            self.record.write_text(json.dumps({**known, **changed}))
            self.assertIsNone(processes.running(self.record))
            self.assertFalse(processes.stop(self.record, 1))
        self.assertIsNone(bystander.poll())

    def test_a_damaged_record_is_no_process(self):
        for text in ("", "{", "[]", '{"pid": 1}'):
            self.record.write_text(text)
            self.assertIsNone(processes.running(self.record))


class Ports(unittest.TestCase):
    def test_a_busy_port_is_named_with_its_holder_and_the_way_out(self):
        with socket.create_server(("127.0.0.1", 0)) as held:
            port = held.getsockname()[1]
            with self.assertRaisesRegex(
                Trouble,
                f"port {port}, which nats needs, is held by .* \\(process {os.getpid()}\\).*{ports.SETTING}",
            ):
                ports.require_free("nats", port)
        ports.require_free("nats", port)

    def test_a_base_gives_every_service_another_port(self):
        with mock.patch.dict(os.environ, {ports.SETTING: "30100"}):
            given = ports.assigned()
        self.assertEqual(sorted(given), sorted(ports.USUAL))
        self.assertEqual(sorted(given.values()), list(range(30100, 30100 + len(given))))
        for wrong in ("80", "65530", "x", "-1"):
            with (
                mock.patch.dict(os.environ, {ports.SETTING: wrong}),
                self.assertRaisesRegex(Trouble, "is not a port"),
            ):
                ports.assigned()


class Servers(unittest.TestCase):
    def setUp(self):
        outside = {name: value for name, value in os.environ.items() if not name.startswith("HOIDAP_")}
        self.enterContext(mock.patch.dict(os.environ, outside, clear=True))
        base = ports.free_base()
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.instance = Instance({name: base + offset for offset, name in enumerate(ports.USUAL)}, folder)
        signals = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        self.addCleanup(lambda: [signal.signal(name, handler) for name, handler in signals.items()])
        self.addCleanup(lifecycle.stop, self.instance)

    def pids(self) -> dict[str, int]:
        records = {name: processes.running(lifecycle.record_of(self.instance, name)) for name in lifecycle.NAMES}
        return {name: record.pid for name, record in records.items() if record}

    def test_they_start_once_and_stop_without_a_trace(self):
        self.instance.use("qwen")
        started: list[str] = []
        lifecycle.start(self.instance, services.servers(self.instance), started)
        self.assertEqual(started, ["nats", "valkey", "clickhouse", "llama"])
        first = self.pids()
        lifecycle.start(self.instance, services.servers(self.instance), started := [])
        self.assertEqual((started, self.pids()), ([], first))

        os.kill(first["valkey"], signal.SIGKILL)
        lifecycle.start(self.instance, services.servers(self.instance), started := [])
        self.assertEqual(started, ["valkey"])

        last = self.pids()
        self.assertEqual(lifecycle.stop(self.instance), 4)
        self.assertEqual([pid for pid in last.values() if processes.started(pid)], [])
        self.assertEqual(lifecycle.stop(self.instance), 0)

    def test_clickhouse_is_asked_with_the_password_of_the_instance(self):
        clickhouse = next(service for service in services.servers(self.instance) if service.name == "clickhouse")
        lifecycle.start(self.instance, [clickhouse], [])
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(self.instance.url("clickhouse") + "/?query=SELECT+1", timeout=10)
        self.assertEqual(refused.exception.code, 403)
        refused.exception.close()
        with contextlib.redirect_stdout(io.StringIO()), mock.patch.dict(os.environ, HOIDAP_CLICKHOUSE__DATABASE="default"):
            sql.query(self.instance, "CREATE DATABASE hoidap")
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            sql.query(self.instance, "SELECT currentDatabase() AS used")
        self.assertRegex(shown.getvalue(), "(?s)used.*hoidap")
        with self.assertRaisesRegex(Trouble, "is not to be had here"):
            sql.query(self.instance, "SELECT file('/etc/hostname')")

    def test_passwords_are_kept_and_only_the_missing_ones_are_made(self):
        made = self.instance.passwords()
        kept = self.instance.folder / "passwords.json"
        self.assertEqual(kept.stat().st_mode & 0o777, 0o600)
        self.assertEqual(len(set(made.values())), len(made))
        before = {name: password for name, password in made.items() if name != "clickhouse"}
        kept.write_text(json.dumps(before))
        after = self.instance.passwords()
        self.assertEqual({**before, "clickhouse": after["clickhouse"]}, after)
        self.assertNotEqual(after["clickhouse"], made["clickhouse"])
        self.assertEqual(after, self.instance.passwords())
        self.assertNotIn(after["clickhouse"], self.instance.nats_settings().values())
        for user in ("gateway", "analytics", "operator"):
            self.assertEqual(self.instance.settings(user)["HOIDAP_CLICKHOUSE__PASSWORD"], after["clickhouse"])

    def test_a_model_is_asked_where_one_was_chosen(self):
        self.assertNotIn("HOIDAP_GENERATOR__PROVIDERS", self.instance.settings("generator"))
        self.instance.use("qwen")
        self.assertIn("llama", [service.name for service in services.servers(self.instance)])
        settings = self.instance.settings("generator")
        self.assertEqual(settings["HOIDAP_GENERATOR__PROVIDERS"], "local,extractive")
        self.assertEqual(settings[settings["HOIDAP_PROVIDERS__LOCAL__API_KEY_ENV"]], self.instance.passwords()["llama"])
        with mock.patch.dict(os.environ, HOIDAP_GENERATOR__PASSAGES="3"):
            self.assertEqual(self.instance.settings("generator")["HOIDAP_GENERATOR__PASSAGES"], "3")
        self.instance.use("none")
        self.assertEqual([service.name for service in services.servers(self.instance)], ["nats", "valkey", "clickhouse"])

    def test_a_changed_service_is_started_again(self):
        valkey = next(service for service in services.servers(self.instance) if service.name == "valkey")
        lifecycle.start(self.instance, [valkey], [])
        before = self.pids()["valkey"]
        lifecycle.start(self.instance, [dataclasses.replace(valkey, command=[*valkey.command, "--databases", "2"])], [])
        self.assertNotEqual(self.pids()["valkey"], before)

    def test_a_service_that_ends_at_once_is_named_with_its_log(self):
        valkey = next(service for service in services.servers(self.instance) if service.name == "valkey")
        wrong = dataclasses.replace(valkey, command=[*valkey.command, "--no-such-setting", "1"])
        with self.assertRaisesRegex(Trouble, "valkey ended at once.*valkey.log"):
            lifecycle.start(self.instance, [wrong], [])

    def test_a_server_that_is_given_is_not_started(self):
        with socket.create_server(("127.0.0.1", 0)) as there:
            port = there.getsockname()[1]
            with mock.patch.dict(os.environ, {"HOIDAP_REDIS__URL": f"redis://127.0.0.1:{port}"}):
                names = [service.name for service in services.servers(self.instance)]
                self.assertEqual(self.instance.settings("gateway")["HOIDAP_REDIS__URL"], f"redis://127.0.0.1:{port}")
        self.assertEqual(names, ["nats", "clickhouse"])
        with mock.patch.dict(os.environ, {"HOIDAP_REDIS__URL": f"redis://127.0.0.1:{port}"}):
            with self.assertRaisesRegex(Trouble, f"valkey server .* does not answer at 127.0.0.1:{port}"):
                services.servers(self.instance)


if __name__ == "__main__":
    unittest.main()
