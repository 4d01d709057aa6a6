"""The environment variables by which Hoidap's binaries and tests find the parts."""

from __future__ import annotations

import shlex

from . import paths


def for_binaries() -> dict[str, str]:
    """The variables for the binaries: the paths of ONNX Runtime and the embedding model."""
    return {
        "ORT_DYLIB_PATH": str(paths.ONNX_RUNTIME),
        "HOIDAP_EMBEDDING__MODEL_DIR": str(paths.EMBEDDING_MODEL),
    }


def for_tests() -> dict[str, str]:
    """The variables for the tests: those of the binaries, and the commands that start servers.

    The ClickHouse and llama commands take `--port N`; with 0 they choose a free port, which their first line of output
    names. The ClickHouse command also takes `--data FOLDER`, and CLICKHOUSE_PASSWORD in its environment.
    """
    return {
        **for_binaries(),
        "HOIDAP_TEST_NATS_SERVER": str(paths.NATS),
        "HOIDAP_TEST_VALKEY_SERVER": str(paths.VALKEY),
        "HOIDAP_TEST_CLICKHOUSE": str(paths.CLICKHOUSE),
        "HOIDAP_TEST_LLAMA": str(paths.LLAMA),
    }


def write() -> None:
    """Writes `.local/env`, for a shell: `. .local/env && cargo nextest run --release`."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in for_tests().items()]
    paths.ENVIRONMENT_FILE.write_text("".join(lines))
