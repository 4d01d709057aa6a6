"""Processes, ports, and the start and stop of the servers in ./dev."""

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
from dev.console import DevError
from dev.instance import Instance

IGNORES_SIGTERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


class Processes(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.record, self.log = self.folder / "it.json", self.folder / "it.log"

    def start(self, code: str) -> processes.Record:
        record = processes.start([sys.executable, "-c", code], os.environ, self.log, self.record, "v1", self.folder)
        self.addCleanup(processes.stop, self.record, 0)
        return record

    def test_a_process_is_found_until_it_ends(self):
        record = self.start("import time; time.sleep(60)")
        self.assertEqual(processes.running(self.record), record)
        self.assertTrue(processes.stop(self.record, 10))
        self.assertIsNone(processes.running(self.record))
        self.assertIsNone(processes.start_ticks(record.pid))
        self.assertFalse(processes.stop(self.record, 10))

    def test_a_process_that_ignores_sigterm_is_killed(self):
        record = self.start(IGNORES_SIGTERM)
        while b"ready" not in self.log.read_bytes():
            time.sleep(0.01)
        self.assertTrue(processes.stop(self.record, 0.2))
        self.assertIsNone(processes.start_ticks(record.pid))

    def test_a_reused_pid_is_left_alone(self):
        other_process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        self.addCleanup(other_process.wait)
        self.addCleanup(other_process.kill)
        time.sleep(0.05)  # the next process starts in another tick of the kernel's clock
        record = vars(self.start("import time; time.sleep(60)"))
        processes.stop(self.record, 10)
        for changes in ({"pid": other_process.pid}, {"pid": other_process.pid, "boot": "another"}, {"pid": 1}):
            self.record.write_text(json.dumps({**record, **changes}))
            self.assertIsNone(processes.running(self.record))
            self.assertFalse(processes.stop(self.record, 1))
        self.assertIsNone(other_process.poll())

    def test_a_damaged_record_is_no_process(self):
        for text in ("", "{", "[]", '{"pid": 1}'):
            self.record.write_text(text)
            self.assertIsNone(processes.running(self.record))


class Ports(unittest.TestCase):
    def test_a_port_in_use_is_reported_with_its_process_and_the_remedy(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            with self.assertRaisesRegex(
                DevError,
                f"port {port}, which nats needs, is used by .* \\(process {os.getpid()}\\).*{ports.BASE_VARIABLE}",
            ):
                ports.require_free("nats", port)
        ports.require_free("nats", port)

    def test_a_base_port_gives_every_service_a_port(self):
        with mock.patch.dict(os.environ, {ports.BASE_VARIABLE: "30100"}):
            assigned = ports.assigned()
        self.assertEqual(sorted(assigned), sorted(ports.DEFAULT_PORTS))
        self.assertEqual(sorted(assigned.values()), list(range(30100, 30100 + len(assigned))))
        for invalid in ("80", "65530", "x", "-1"):
            with (
                mock.patch.dict(os.environ, {ports.BASE_VARIABLE: invalid}),
                self.assertRaisesRegex(DevError, "is not a port"),
            ):
                ports.assigned()


class Servers(unittest.TestCase):
    def setUp(self):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HOIDAP_")}
        self.enterContext(mock.patch.dict(os.environ, environment, clear=True))
        base = ports.free_base()
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.instance = Instance({name: base + offset for offset, name in enumerate(ports.DEFAULT_PORTS)}, folder)
        signals = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        self.addCleanup(lambda: [signal.signal(name, handler) for name, handler in signals.items()])
        self.addCleanup(lifecycle.stop, self.instance)

    def pids(self) -> dict[str, int]:
        records = {name: processes.running(lifecycle.record_path(self.instance, name)) for name in lifecycle.SERVICE_NAMES}
        return {name: record.pid for name, record in records.items() if record}

    def test_servers_start_once_and_leave_no_process(self):
        self.instance.set_model("qwen")
        started: list[str] = []
        lifecycle.start(self.instance, services.servers(self.instance), started)
        self.assertEqual(started, ["nats", "valkey", "clickhouse", "llama"])
        first_pids = self.pids()
        lifecycle.start(self.instance, services.servers(self.instance), started := [])
        self.assertEqual((started, self.pids()), ([], first_pids))

        os.kill(first_pids["valkey"], signal.SIGKILL)
        lifecycle.start(self.instance, services.servers(self.instance), started := [])
        self.assertEqual(started, ["valkey"])

        last_pids = self.pids()
        self.assertEqual(lifecycle.stop(self.instance), 4)
        self.assertEqual([pid for pid in last_pids.values() if processes.start_ticks(pid)], [])
        self.assertEqual(lifecycle.stop(self.instance), 0)

    def test_clickhouse_is_queried_with_the_password_of_the_instance(self):
        clickhouse = next(service for service in services.servers(self.instance) if service.name == "clickhouse")
        lifecycle.start(self.instance, [clickhouse], [])
        with self.assertRaises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(self.instance.url("clickhouse") + "/?query=SELECT+1", timeout=10)
        self.assertEqual(raised.exception.code, 403)
        raised.exception.close()
        with contextlib.redirect_stdout(io.StringIO()), mock.patch.dict(os.environ, HOIDAP_CLICKHOUSE__DATABASE="default"):
            sql.query(self.instance, "CREATE DATABASE hoidap")
        with contextlib.redirect_stdout(io.StringIO()) as output:
            sql.query(self.instance, "SELECT currentDatabase() AS used")
        self.assertRegex(output.getvalue(), "(?s)used.*hoidap")
        with self.assertRaisesRegex(DevError, "is not available here"):
            sql.query(self.instance, "SELECT file('/etc/hostname')")

    def test_passwords_are_kept_and_missing_ones_are_made(self):
        passwords = self.instance.passwords()
        file = self.instance.folder / "passwords.json"
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(len(set(passwords.values())), len(passwords))
        kept = {name: password for name, password in passwords.items() if name != "clickhouse"}
        file.write_text(json.dumps(kept))
        updated = self.instance.passwords()
        self.assertEqual({**kept, "clickhouse": updated["clickhouse"]}, updated)
        self.assertNotEqual(updated["clickhouse"], passwords["clickhouse"])
        self.assertEqual(updated, self.instance.passwords())
        self.assertNotIn(updated["clickhouse"], self.instance.nats_settings().values())
        for user in ("gateway", "analytics", "operator"):
            self.assertEqual(self.instance.settings(user)["HOIDAP_CLICKHOUSE__PASSWORD"], updated["clickhouse"])

    def test_a_selected_model_is_configured(self):
        self.assertNotIn("HOIDAP_GENERATOR__PROVIDERS", self.instance.settings("generator"))
        self.instance.set_model("qwen")
        self.assertIn("llama", [service.name for service in services.servers(self.instance)])
        settings = self.instance.settings("generator")
        self.assertEqual(settings["HOIDAP_GENERATOR__PROVIDERS"], "local,extractive")
        self.assertEqual(settings[settings["HOIDAP_PROVIDERS__LOCAL__API_KEY_ENV"]], self.instance.passwords()["llama"])
        with mock.patch.dict(os.environ, HOIDAP_GENERATOR__PASSAGES="3"):
            self.assertEqual(self.instance.settings("generator")["HOIDAP_GENERATOR__PASSAGES"], "3")
        self.instance.set_model("none")
        self.assertEqual([service.name for service in services.servers(self.instance)], ["nats", "valkey", "clickhouse"])

    def test_a_changed_service_is_restarted(self):
        valkey = next(service for service in services.servers(self.instance) if service.name == "valkey")
        lifecycle.start(self.instance, [valkey], [])
        before = self.pids()["valkey"]
        lifecycle.start(self.instance, [dataclasses.replace(valkey, command=[*valkey.command, "--databases", "2"])], [])
        self.assertNotEqual(self.pids()["valkey"], before)

    def test_a_service_that_ends_at_once_is_reported_with_its_log(self):
        valkey = next(service for service in services.servers(self.instance) if service.name == "valkey")
        broken = dataclasses.replace(valkey, command=[*valkey.command, "--no-such-setting", "1"])
        with self.assertRaisesRegex(DevError, "valkey ended at once.*valkey.log"):
            lifecycle.start(self.instance, [broken], [])

    def test_an_external_server_is_not_started(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            with mock.patch.dict(os.environ, {"HOIDAP_REDIS__URL": f"redis://127.0.0.1:{port}"}):
                names = [service.name for service in services.servers(self.instance)]
                self.assertEqual(self.instance.settings("gateway")["HOIDAP_REDIS__URL"], f"redis://127.0.0.1:{port}")
        self.assertEqual(names, ["nats", "clickhouse"])
        with mock.patch.dict(os.environ, {"HOIDAP_REDIS__URL": f"redis://127.0.0.1:{port}"}):
            with self.assertRaisesRegex(DevError, f"valkey server .* does not answer at 127.0.0.1:{port}"):
                services.servers(self.instance)


if __name__ == "__main__":
    unittest.main()
