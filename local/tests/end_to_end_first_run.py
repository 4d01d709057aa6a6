"""The first steps of a new user from start to end, on separate ports, also while another instance runs."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.request
import uuid
from pathlib import Path

from dev import lifecycle, ports, processes
from dev.instance import Instance

from .server import LOCAL

EXPECTED_FACTS = {"q034": "900 MB", "q136": "fourth day"}
"""The ids of the questions that ./dev up asks, and the fact that a source must contain."""
TIMEOUT = 1800
"""Maximum time of a command, in seconds: the binaries may have to be built first."""


class FirstRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = ports.free_base()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HOIDAP_")}
        cls.environment = {**environment, ports.BASE_VARIABLE: str(cls.base)}
        assigned = {name: cls.base + offset for offset, name in enumerate(ports.DEFAULT_PORTS)}
        cls.instance = Instance(assigned, LOCAL.parent / ".local" / "run" / f"ports-{cls.base}")
        cls.addClassCleanup(shutil.rmtree, cls.instance.folder, ignore_errors=True)
        cls.addClassCleanup(cls.dev, "down")

    @classmethod
    def dev(cls, *arguments: str) -> tuple[int, str]:
        command = [str(LOCAL.parent / "dev"), *arguments]
        process = subprocess.run(
            command, env=cls.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT
        )
        return process.returncode, process.stdout + process.stderr

    def processes(self) -> list[int]:
        records = [processes.running(lifecycle.record_path(self.instance, name)) for name in lifecycle.SERVICE_NAMES]
        return [record.pid for record in records if record]

    def ask(self, question: dict) -> dict:
        context = {"url": question["page"], "title": ""}
        body = {"message": question["question"], "session_id": str(uuid.uuid4()), "context": context}
        request = urllib.request.Request(
            self.instance.url("gateway") + "/api/chat", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def test_up_answers_questions_and_down_stops_everything(self):
        status, output = self.dev("up", "--detach", "--model", "qwen")
        self.assertEqual(status, 0, output)
        for question in re.split(r"^  Q  ", output, flags=re.MULTILINE)[1:]:
            self.assertRegex(question, r"(?s)  A  .+intent .+\[1\] .+score")
        self.assertEqual(output.count("  Q  "), len(EXPECTED_FACTS), output)
        self.assertNotRegex(output, r"[\x00-\x08\x0b-\x1f]")
        self.assertEqual(len(self.processes()), len(lifecycle.SERVICE_NAMES))

        lines = (LOCAL.parent / "examples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
        for question in filter(lambda item: item["id"] in EXPECTED_FACTS, map(json.loads, lines)):
            answer = self.ask(question)
            fact = EXPECTED_FACTS[question["id"]]
            self.assertTrue(any(fact in source["content"] for source in answer["sources"]), (fact, answer))

        pids_before = self.processes()
        status, output = self.dev("up", "--detach", "--model", "qwen")
        self.assertEqual(status, 0, output)
        self.assertNotIn("Compiling", output)
        self.assertEqual(self.processes(), pids_before)

        self.assertEqual(self.dev("status")[0], 0)
        status, output = self.dev(
            "ask", "Gói Pro có gì?", "--page", "https://www.diecxam.example/vi/mail/bang-gia.html"
        )
        self.assertEqual(status, 0, output)
        status, output = self.dev("ask", "x", "--page", "ftp://www.diecxam.example/")
        self.assertEqual((status, "url" in output), (1, True), output)

        self.assertEqual(self.dev("down")[0], 0)
        self.assertEqual([pid for pid in pids_before if processes.start_ticks(pid)], [])
        self.assertEqual(self.dev("status")[0], 1)

    def test_ctrl_c_stops_all_services(self):
        with tempfile.TemporaryFile() as output:
            command = [str(LOCAL.parent / "dev"), "up", "--model", "none"]
            streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            process = subprocess.Popen(command, env=self.environment, start_new_session=True, **streams)
            self.addCleanup(process.kill)
            deadline, output_text = time.monotonic() + TIMEOUT, ""
            while "until Ctrl-C" not in output_text:
                self.assertIsNone(process.poll(), output_text)
                self.assertLess(time.monotonic(), deadline, output_text)
                time.sleep(0.2)
                output_text = Path(f"/proc/self/fd/{output.fileno()}").read_text(encoding="utf-8")
            pids = self.processes()
            self.assertEqual(len(pids), len(lifecycle.SERVICE_NAMES) - 1, "all but the server of the language model")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(120), 0)
            self.assertEqual([pid for pid in pids if processes.start_ticks(pid)], [])


if __name__ == "__main__":
    unittest.main()
