"""All of it at once: what a newcomer does, on ports of its own, beside whatever else runs."""

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

SAMPLES = {"q034": "900 MB", "q136": "fourth day"}
"""The questions that ./dev up asks, and what a source must say."""
LONGEST = 1800
"""Seconds; the binaries may have to be built first."""


class Newcomer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = ports.free_base()
        outside = {name: value for name, value in os.environ.items() if not name.startswith("HOIDAP_")}
        cls.environment = {**outside, ports.SETTING: str(cls.base)}
        assigned = {name: cls.base + offset for offset, name in enumerate(ports.USUAL)}
        cls.instance = Instance(assigned, LOCAL.parent / ".local" / "run" / f"ports-{cls.base}")
        cls.addClassCleanup(shutil.rmtree, cls.instance.folder, ignore_errors=True)
        cls.addClassCleanup(cls.dev, "down")

    @classmethod
    def dev(cls, *arguments: str) -> tuple[int, str]:
        command = [str(LOCAL.parent / "dev"), *arguments]
        done = subprocess.run(
            command, env=cls.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST
        )
        return done.returncode, done.stdout + done.stderr

    def processes(self) -> list[int]:
        records = [processes.running(lifecycle.record_of(self.instance, name)) for name in lifecycle.NAMES]
        return [record.pid for record in records if record]

    def ask(self, question: dict) -> dict:
        context = {"url": question["page"], "title": ""}
        body = {"message": question["question"], "session_id": str(uuid.uuid4()), "context": context}
        request = urllib.request.Request(
            self.instance.url("gateway") + "/api/chat", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def test_up_answers_and_down_leaves_nothing(self):
        status, output = self.dev("up", "--detach", "--model", "qwen")
        self.assertEqual(status, 0, output)
        for question in re.split(r"^  Q  ", output, flags=re.MULTILINE)[1:]:
            self.assertRegex(question, r"(?s)  A  .+intent .+\[1\] .+score")
        self.assertEqual(output.count("  Q  "), len(SAMPLES), output)
        self.assertNotRegex(output, r"[\x00-\x08\x0b-\x1f]")
        self.assertEqual(len(self.processes()), len(lifecycle.NAMES))

        lines = (LOCAL.parent / "examples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
        for question in filter(lambda item: item["id"] in SAMPLES, map(json.loads, lines)):
            answer = self.ask(question)
            fact = SAMPLES[question["id"]]
            self.assertTrue(any(fact in source["content"] for source in answer["sources"]), (fact, answer))

        before = self.processes()
        status, output = self.dev("up", "--detach", "--model", "qwen")
        self.assertEqual(status, 0, output)
        self.assertNotIn("Compiling", output)
        self.assertEqual(self.processes(), before)

        self.assertEqual(self.dev("status")[0], 0)
        status, output = self.dev(
            "ask", "Gói Pro có gì?", "--page", "https://www.diecxam.example/vi/mail/bang-gia.html"
        )
        self.assertEqual(status, 0, output)
        status, output = self.dev("ask", "x", "--page", "ftp://www.diecxam.example/")
        self.assertEqual((status, "url" in output), (1, True), output)

        self.assertEqual(self.dev("down")[0], 0)
        self.assertEqual([pid for pid in before if processes.started(pid)], [])
        self.assertEqual(self.dev("status")[0], 1)

    def test_ctrl_c_stops_what_was_started(self):
        with tempfile.TemporaryFile() as output:
            command = [str(LOCAL.parent / "dev"), "up", "--model", "none"]
            shown = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            process = subprocess.Popen(command, env=self.environment, start_new_session=True, **shown)
            self.addCleanup(process.kill)
            deadline, said = time.monotonic() + LONGEST, ""
            while "until Ctrl-C" not in said:
                self.assertIsNone(process.poll(), said)
                self.assertLess(time.monotonic(), deadline, said)
                time.sleep(0.2)
                said = Path(f"/proc/self/fd/{output.fileno()}").read_text(encoding="utf-8")
            running = self.processes()
            self.assertEqual(len(running), len(lifecycle.NAMES) - 1, "all but the model's server")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(120), 0)
            self.assertEqual([pid for pid in running if processes.started(pid)], [])


if __name__ == "__main__":
    unittest.main()
