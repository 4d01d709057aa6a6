"""The images that the Dockerfile and compose.yaml name, and whether a registry has them for us."""

from __future__ import annotations

import re

from .. import paths
from ..say import Trouble, already, line, step
from .engine import Engine

LABEL = "hoidap.stand-in"
"""Of an image that stands in for an official one (local/containers/Dockerfile)."""
_UNREACHABLE = re.compile(
    r"no such host|server misbehaving|name resolution|dial tcp|connection refused|connection reset|i/o timeout|"
    r"network is unreachable|no route to host|Client\.Timeout|context deadline exceeded|TLS handshake|x509:|proxyconnect",
    re.IGNORECASE,
)


def bases(dockerfile: str) -> list[str]:
    """What a Dockerfile's stages are built from, without the stages themselves."""
    found = re.findall(r"(?mi)^FROM\s+(\S+)(?:\s+AS\s+(\S+))?", dockerfile)
    stages = {stage for _, stage in found}
    return list(dict.fromkeys(image for image, _ in found if image not in stages and image != "scratch"))


def servers(compose: str) -> list[str]:
    """The images of compose.yaml that are not built here."""
    return [image for image in re.findall(r"(?m)^\s+image: (\S+)$", compose) if "$" not in image]


def wanted() -> list[str]:
    """All of them, as the files stand."""
    return [*bases((paths.ROOT / "Dockerfile").read_text()), *servers((paths.ROOT / "compose.yaml").read_text())]


def out_of_reach(message: str) -> bool:
    """Whether a pull failed because no registry can be reached, and not because of what the registry said."""
    return _UNREACHABLE.search(message) is not None


def fetch(engine: Engine) -> list[str]:
    """Pulls what is missing; returns the images that need stand-ins, because no registry can be reached."""
    missing = [image for image in wanted() if _label(engine, image) != ""]
    if not missing:
        already("Images of others")
        return []
    with step(f"Images of others: fetching {', '.join(missing)}"):
        for image in missing:
            done = engine.said("pull", "--quiet", image)
            if done.returncode == 0:
                continue
            if not out_of_reach(done.stderr):
                raise Trouble(f"the image {image} cannot be pulled: {done.stderr.strip()}")
            line(f"    no image registry can be reached: {done.stderr.strip().splitlines()[-1]}")
            return missing
    return []


def withdraw(engine: Engine) -> None:
    """Takes the official images' names from their stand-ins, where others might take these for official ones."""
    if not engine.own and (standing_in := [image for image in wanted() if _label(engine, image)]):
        engine.must("rmi", "--force", *standing_in)


def _label(engine: Engine, image: str) -> str | None:
    """What a stand-in's label says; nothing for an official image, `None` for one that is missing."""
    asked = engine.said("image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', image)
    return asked.stdout.strip().removeprefix("<no value>") if asked.returncode == 0 else None
