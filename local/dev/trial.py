"""A whole Hoidap for tests of its pages and clients: on ports of its own, with a scripted model."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator

from . import paths, ports, web
from .say import Trouble, line

PATIENCE = 1_800
"""Longest time until it runs, in seconds: the binaries may have to be built first."""


@contextlib.contextmanager
def running(settings: dict[str, str]) -> Iterator[dict[str, str]]:
    """Starts it; the variables by which tests find it. `settings` is the environment of the tests."""
    token = "trial-" + secrets.token_hex(16)
    with _model(settings) as model:
        base = str(ports.free_base())
        environment = {
            **settings,
            ports.SETTING: base,
            "HOIDAP_RATE_LIMIT__CHAT_PER_MINUTE": "0",
            "HOIDAP_RATE_LIMIT__OTHER_PER_MINUTE": "0",
            "HOIDAP_CACHE__TTL_SECS": "0",
            "HOIDAP_GATEWAY__CORS_ORIGINS": "*",
            "HOIDAP_GATEWAY__ADMIN_TOKEN": token,
            "HOIDAP_GENERATOR__PROVIDERS": "stub,extractive",
            "HOIDAP_PROVIDERS__STUB__KIND": "openai",
            "HOIDAP_PROVIDERS__STUB__MODEL": "stub",
            "HOIDAP_PROVIDERS__STUB__BASE_URL": f"{model}/v1",
            # No quotation stands before the model's words: the tests read what it writes.
            "HOIDAP_GENERATOR__DRAFT_CONFIDENCE": "2",
        }
        try:
            _dev(environment, "up", "--detach")
            yield {
                "HOIDAP_TEST_URL": f"http://{ports.HOST}:{base}",
                "HOIDAP_TEST_STUB": model,
                "HOIDAP_TEST_ADMIN_TOKEN": token,
                "HOIDAP_TEST_CHROMIUM": web.chromium() or "",
            }
        finally:
            _dev(environment, "down")
            shutil.rmtree(paths.MADE / "run" / f"ports-{base}", ignore_errors=True)


def _dev(environment: dict[str, str], *arguments: str) -> None:
    command = [str(paths.ROOT / "dev"), *arguments]
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise Trouble(f"./dev {' '.join(arguments)} was not done within {PATIENCE} s for the tests") from None
    if done.returncode != 0:
        line(done.stdout + done.stderr)
        raise Trouble(f"./dev {' '.join(arguments)} failed for the tests: its output is above")


@contextlib.contextmanager
def _model(settings: dict[str, str]) -> Iterator[str]:
    """The scripted model; its address."""
    command = web.npm("run", "--silent", "--prefix", str(paths.WEB), "stub", "--", "--port", "0")
    process = subprocess.Popen(
        command, env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        address = process.stdout.readline().strip()
        if not address.startswith("http://"):
            raise Trouble("the scripted model of the tests did not start: run `npm run stub` in gateway/web")
        yield address
    finally:
        # npm starts node as a child of its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
