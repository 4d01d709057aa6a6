"""The variables that Hoidap's binaries and tests need to find the parts."""

from __future__ import annotations

import shlex

from . import paths


def for_binaries() -> dict[str, str]:
    """Where the binaries find ONNX Runtime and the embedding model."""
    return {
        "ORT_DYLIB_PATH": str(paths.ONNX_RUNTIME),
        "HOIDAP_EMBEDDING__MODEL_DIR": str(paths.EMBEDDING),
    }


def for_tests() -> dict[str, str]:
    """The same, and the commands by which tests start servers of their own.

    The two Python ones take `--port N` (0 for a free one, which their first line of output names); the ClickHouse
    one also takes `--data FOLDER`, and CLICKHOUSE_PASSWORD in its environment.
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
    paths.ENVIRONMENT.write_text("".join(lines))
