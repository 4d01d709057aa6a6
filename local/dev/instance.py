"""An instance of Hoidap on this machine: its ports, its folder, its passwords, and the settings of its binaries."""

from __future__ import annotations

import json
import os
import secrets
import tomllib
from dataclasses import dataclass
from pathlib import Path

from . import environment, paths, ports

EXTERNAL_URL_VARIABLES = {"nats": "HOIDAP_NATS__URL", "valkey": "HOIDAP_REDIS__URL", "clickhouse": "HOIDAP_CLICKHOUSE__URL"}
"""Environment variables with the URLs of external servers, which ./dev does not start."""
NATS_USERS = ["gateway", *ports.STAGES, "operator"]
"""The users of nats/accounts.conf."""
SERVERS_WITH_PASSWORD = ["clickhouse", "llama"]
"""Servers other than NATS that require a password."""
SMALL_MODEL_SETTINGS = {
    "HOIDAP_GENERATOR__PASSAGES": "1",
    "HOIDAP_GENERATOR__PROMPT_TOKENS": "200",
    "HOIDAP_GENERATOR__ANSWER_TOKENS": "96",
    "HOIDAP_PROVIDERS__LOCAL__FIRST_TOKEN_TIMEOUT_MS": "20000",
    "HOIDAP_PROVIDERS__LOCAL__TRUST": "0",
}
"""Limits with which a small model on two cores answers in time, and no trust in what it reads (docs/models.md)."""


@dataclass(frozen=True)
class Instance:
    """The port of each service, and the instance's folder below `.local/run/`."""

    ports: dict[str, int]
    folder: Path

    @classmethod
    def from_environment(cls) -> Instance:
        """The instance that the environment selects: each base port is an instance of its own."""
        base = os.environ.get(ports.BASE_VARIABLE)
        return cls(ports.assigned(), paths.DOT_LOCAL / "run" / (f"ports-{base}" if base else "default"))

    def external_url(self, name: str) -> str | None:
        """The URL of an external server; None if ./dev starts the server."""
        return os.environ.get(EXTERNAL_URL_VARIABLES.get(name, "")) or None

    def url(self, name: str) -> str:
        """The URL of a service, whether it runs or not."""
        scheme = {"nats": "nats", "valkey": "redis"}.get(name, "http")
        return self.external_url(name) or f"{scheme}://{ports.HOST}:{self.ports[name]}"

    def data_folder(self, name: str) -> Path:
        """The folder of a service's data."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def model(self) -> str:
        """The language model of the latest `./dev up`: `qwen` or `none`."""
        return self._model_file.read_text() if self._model_file.exists() else "none"

    def set_model(self, model: str) -> None:
        """Selects the language model."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._model_file.write_text(model)

    @property
    def _model_file(self) -> Path:
        return self.folder / "model"

    def settings(self, user: str) -> dict[str, str]:
        """The environment variables of a binary that connects to NATS as `user`. Variables that the caller has set keep their value."""
        variables = {
            **environment.for_binaries(),
            "HOIDAP_CONFIG": str(configuration()),
            "HOIDAP_NATS__URL": self.url("nats"),
            "HOIDAP_REDIS__URL": self.url("valkey"),
            "HOIDAP_CLICKHOUSE__URL": self.url("clickhouse"),
            "HOIDAP_GATEWAY__LISTEN": f"{ports.HOST}:{self.ports['gateway']}",
            "HOIDAP_INDICES__DIR": str(paths.INDICES),
        }
        if self.model == "qwen" and "providers" not in read_configuration().get("generator", {}):
            variables |= {
                "HOIDAP_GENERATOR__PROVIDERS": "local,extractive",
                "HOIDAP_PROVIDERS__LOCAL__KIND": "openai",
                "HOIDAP_PROVIDERS__LOCAL__BASE_URL": self.url("llama") + "/v1",
                "HOIDAP_PROVIDERS__LOCAL__API_KEY_ENV": "HOIDAP_DEV_MODEL_KEY",
                "HOIDAP_DEV_MODEL_KEY": self.passwords()["llama"],
                "HOIDAP_PROVIDERS__LOCAL__MODEL": paths.LANGUAGE_MODEL.stem,
                **SMALL_MODEL_SETTINGS,
            }
        if self.external_url("clickhouse") is None:
            variables["HOIDAP_CLICKHOUSE__PASSWORD"] = self.passwords()["clickhouse"]
        if self.external_url("nats") is None:
            variables |= {"HOIDAP_NATS__USER": user, "HOIDAP_NATS__PASSWORD": self.passwords()[user]}
        if user == "gateway":
            variables |= {"HOIDAP_GATEWAY__SITE_DIR": str(paths.SAMPLE_SITE)}
            variables |= {"HOIDAP_GATEWAY__WEB_DIR": str(paths.WEB / "dist")} if (paths.WEB / "dist").is_dir() else {}
        if user in ports.STAGES:
            variables["HOIDAP_WORKER__LISTEN"] = f"{ports.HOST}:{self.ports[user]}"
        return {name: os.environ.get(name, value) for name, value in variables.items()}

    def passwords(self) -> dict[str, str]:
        """The password of each NATS user and of each other server, random and made once. It starts with a letter, as NATS requires."""
        file = self.folder / "passwords.json"
        passwords = json.loads(file.read_text()) if file.exists() else {}
        if missing := [name for name in [*NATS_USERS, *SERVERS_WITH_PASSWORD] if name not in passwords]:
            self.folder.mkdir(parents=True, exist_ok=True)
            passwords |= {name: "p" + secrets.token_hex(16) for name in missing}
            file.touch(mode=0o600)
            file.write_text(json.dumps(passwords))
        return passwords

    def nats_settings(self) -> dict[str, str]:
        """The variables that nats/laptop.conf reads."""
        durability = os.environ.get("HOIDAP_NATS__DURABILITY") or read_configuration().get("nats", {}).get("durability")
        return {
            "NATS_PORT": str(self.ports["nats"]),
            "NATS_STORE": f'"{self.data_folder("nats")}"',
            "NATS_SYNC": "120s" if durability == "fast" else "always",
            **{f"NATS_PASSWORD_{user.upper()}": self.passwords()[user] for user in NATS_USERS},
        }


def configuration() -> Path:
    """The configuration in use: that of HOIDAP_CONFIG, otherwise hoidap.toml, otherwise that of the sample site."""
    configured = os.environ.get("HOIDAP_CONFIG")
    default = paths.ROOT / "hoidap.toml"
    return Path(configured).resolve() if configured else default if default.exists() else paths.EXAMPLE_CONFIGURATION


def read_configuration() -> dict:
    """The configuration in use, without defaults; empty if it cannot be read (the binaries report why)."""
    try:
        return tomllib.loads(configuration().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
