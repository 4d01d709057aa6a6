"""A temporary Hoidap for browser tests and clients: on separate ports, with a scripted model."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator

from . import paths, ports, web
from .console import DevError, print_line

START_TIMEOUT = 1_800
"""Maximum time until it runs, in seconds: the binaries may have to be built first."""


@contextlib.contextmanager
def running(settings: dict[str, str]) -> Iterator[dict[str, str]]:
    """Starts it and yields the variables by which tests find it. `settings` is the environment of the tests."""
    token = "trial-" + secrets.token_hex(16)
    with _scripted_model(settings) as model_url:
        base = str(ports.free_base())
        environment = {
            **settings,
            ports.BASE_VARIABLE: base,
            "HOIDAP_RATE_LIMIT__CHAT_PER_MINUTE": "0",
            "HOIDAP_RATE_LIMIT__OTHER_PER_MINUTE": "0",
            "HOIDAP_CACHE__TTL_SECS": "0",
            "HOIDAP_GATEWAY__CORS_ORIGINS": "*",
            "HOIDAP_GATEWAY__ADMIN_TOKEN": token,
            "HOIDAP_GENERATOR__PROVIDERS": "stub,extractive",
            "HOIDAP_PROVIDERS__STUB__KIND": "openai",
            "HOIDAP_PROVIDERS__STUB__MODEL": "stub",
            "HOIDAP_PROVIDERS__STUB__BASE_URL": f"{model_url}/v1",
            # No quotation precedes the model's text, because the tests read that text.
            "HOIDAP_GENERATOR__DRAFT_CONFIDENCE": "2",
        }
        try:
            _run_dev(environment, "up", "--detach")
            yield {
                "HOIDAP_TEST_URL": f"http://{ports.HOST}:{base}",
                "HOIDAP_TEST_STUB": model_url,
                "HOIDAP_TEST_ADMIN_TOKEN": token,
                "HOIDAP_TEST_CHROMIUM": web.chromium() or "",
            }
        finally:
            _run_dev(environment, "down")
            shutil.rmtree(paths.DOT_LOCAL / "run" / f"ports-{base}", ignore_errors=True)


def _run_dev(environment: dict[str, str], *arguments: str) -> None:
    command = [str(paths.ROOT / "dev"), *arguments]
    try:
        process = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=START_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise DevError(f"./dev {' '.join(arguments)} did not finish within {START_TIMEOUT} s for the tests") from None
    if process.returncode != 0:
        print_line(process.stdout + process.stderr)
        raise DevError(f"./dev {' '.join(arguments)} failed for the tests: its output is above")


@contextlib.contextmanager
def _scripted_model(settings: dict[str, str]) -> Iterator[str]:
    """Starts the scripted model and yields its URL."""
    command = web.npm("run", "--silent", "--prefix", str(paths.WEB), "stub", "--", "--port", "0")
    process = subprocess.Popen(
        command, env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        address = process.stdout.readline().strip()
        if not address.startswith("http://"):
            raise DevError("the scripted model of the tests did not start: run `npm run stub` in gateway/web")
        yield address
    finally:
        # npm starts node as a child process.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
