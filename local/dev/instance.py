"""One running Hoidap: its ports, its folder, its passwords, and the settings of its binaries."""

from __future__ import annotations

import json
import os
import secrets
import tomllib
from dataclasses import dataclass
from pathlib import Path

from . import environment, paths, ports

GIVEN = {"nats": "HOIDAP_NATS__URL", "valkey": "HOIDAP_REDIS__URL", "clickhouse": "HOIDAP_CLICKHOUSE__URL"}
"""Variables that point to servers that exist already."""
USERS = ["gateway", *ports.STAGES, "operator"]
"""The users of nats/accounts.conf."""
OTHERS = ["clickhouse", "llama"]
"""Further servers that ask for a password."""
SMALL = {
    "HOIDAP_GENERATOR__PASSAGES": "1",
    "HOIDAP_GENERATOR__PROMPT_TOKENS": "200",
    "HOIDAP_GENERATOR__ANSWER_TOKENS": "96",
    "HOIDAP_PROVIDERS__LOCAL__FIRST_TOKEN_TIMEOUT_MS": "20000",
}
"""What a small model on two cores reads and writes in time (docs/models.md)."""


@dataclass(frozen=True)
class Instance:
    """Its ports by service, and its folder below `.local/run/`."""

    ports: dict[str, int]
    folder: Path

    @classmethod
    def chosen(cls) -> Instance:
        """The instance that the environment names: another base of ports is another instance."""
        base = os.environ.get(ports.SETTING)
        return cls(ports.assigned(), paths.MADE / "run" / (f"ports-{base}" if base else "default"))

    def given(self, name: str) -> str | None:
        """The address of a server that is not ours to start."""
        return os.environ.get(GIVEN.get(name, "")) or None

    def url(self, name: str) -> str:
        """Where the service `name` is, or is to be."""
        scheme = {"nats": "nats", "valkey": "redis"}.get(name, "http")
        return self.given(name) or f"{scheme}://{ports.HOST}:{self.ports[name]}"

    def data(self, name: str) -> Path:
        """The folder of a service's data."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def model(self) -> str:
        """The language model of the latest `./dev up`: `qwen` or `none`."""
        return self._model.read_text() if self._model.exists() else "none"

    def use(self, model: str) -> None:
        """Takes another language model from now on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._model.write_text(model)

    @property
    def _model(self) -> Path:
        return self.folder / "model"

    def settings(self, user: str) -> dict[str, str]:
        """The variables of a binary that is `user` to NATS. What the caller's environment sets stays as it is."""
        made = {
            **environment.for_binaries(),
            "HOIDAP_CONFIG": str(configuration()),
            "HOIDAP_NATS__URL": self.url("nats"),
            "HOIDAP_REDIS__URL": self.url("valkey"),
            "HOIDAP_CLICKHOUSE__URL": self.url("clickhouse"),
            "HOIDAP_GATEWAY__LISTEN": f"{ports.HOST}:{self.ports['gateway']}",
            "HOIDAP_INDICES__DIR": str(paths.INDICES),
        }
        if self.model == "qwen" and "providers" not in read_configuration().get("generator", {}):
            made |= {
                "HOIDAP_GENERATOR__PROVIDERS": "local,extractive",
                "HOIDAP_PROVIDERS__LOCAL__KIND": "openai",
                "HOIDAP_PROVIDERS__LOCAL__BASE_URL": self.url("llama") + "/v1",
                "HOIDAP_PROVIDERS__LOCAL__API_KEY_ENV": "HOIDAP_DEV_MODEL_KEY",
                "HOIDAP_DEV_MODEL_KEY": self.passwords()["llama"],
                "HOIDAP_PROVIDERS__LOCAL__MODEL": paths.MODEL.stem,
                **SMALL,
            }
        if self.given("clickhouse") is None:
            made["HOIDAP_CLICKHOUSE__PASSWORD"] = self.passwords()["clickhouse"]
        if self.given("nats") is None:
            made |= {"HOIDAP_NATS__USER": user, "HOIDAP_NATS__PASSWORD": self.passwords()[user]}
        if user == "gateway":
            made |= {"HOIDAP_GATEWAY__SITE_DIR": str(paths.SITE)}
            made |= {"HOIDAP_GATEWAY__WEB_DIR": str(paths.WEB / "dist")} if (paths.WEB / "dist").is_dir() else {}
        if user in ports.STAGES:
            made["HOIDAP_WORKER__LISTEN"] = f"{ports.HOST}:{self.ports[user]}"
        return {name: os.environ.get(name, value) for name, value in made.items()}

    def passwords(self) -> dict[str, str]:
        """The password of each NATS user and of each other server, made by chance once; a letter comes first, as NATS wants."""
        kept = self.folder / "passwords.json"
        known = json.loads(kept.read_text()) if kept.exists() else {}
        if missing := [name for name in [*USERS, *OTHERS] if name not in known]:
            self.folder.mkdir(parents=True, exist_ok=True)
            known |= {name: "p" + secrets.token_hex(16) for name in missing}
            kept.touch(mode=0o600)
            kept.write_text(json.dumps(known))
        return known

    def nats_settings(self) -> dict[str, str]:
        """The variables that nats/laptop.conf reads."""
        durability = os.environ.get("HOIDAP_NATS__DURABILITY") or read_configuration().get("nats", {}).get("durability")
        return {
            "NATS_PORT": str(self.ports["nats"]),
            "NATS_STORE": f'"{self.data("nats")}"',
            "NATS_SYNC": "120s" if durability == "fast" else "always",
            **{f"NATS_PASSWORD_{user.upper()}": self.passwords()[user] for user in USERS},
        }


def configuration() -> Path:
    """The configuration in use: the one the environment names, else hoidap.toml, else the sample site's."""
    given = os.environ.get("HOIDAP_CONFIG")
    own = paths.ROOT / "hoidap.toml"
    return Path(given).resolve() if given else own if own.exists() else paths.EXAMPLE


def read_configuration() -> dict:
    """What the configuration in use says, without defaults; empty when it cannot be read (the binaries say why)."""
    try:
        return tomllib.loads(configuration().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
