"""The images that the Dockerfile and compose.yaml name, and pulling them from a registry."""

from __future__ import annotations

import re

from .. import paths
from ..console import DevError, print_line, print_skipped, step
from .engine import Engine

LABEL = "hoidap.stand-in"
"""The label of an image that stands in for an official one (local/containers/Dockerfile)."""
_UNREACHABLE = re.compile(
    r"no such host|server misbehaving|name resolution|dial tcp|connection refused|connection reset|i/o timeout|"
    r"network is unreachable|no route to host|Client\.Timeout|context deadline exceeded|TLS handshake|x509:|proxyconnect",
    re.IGNORECASE,
)


def base_images(dockerfile: str) -> list[str]:
    """The base images of a Dockerfile, without its own stages."""
    matches = re.findall(r"(?mi)^FROM\s+(\S+)(?:\s+AS\s+(\S+))?", dockerfile)
    stages = {stage for _, stage in matches}
    return list(dict.fromkeys(image for image, _ in matches if image not in stages and image != "scratch"))


def server_images(compose: str) -> list[str]:
    """The images of compose.yaml that are not built here."""
    return [image for image in re.findall(r"(?m)^\s+image: (\S+)$", compose) if "$" not in image]


def required_images() -> list[str]:
    """The base images of the Dockerfile and the images of compose.yaml."""
    return [*base_images((paths.ROOT / "Dockerfile").read_text()), *server_images((paths.ROOT / "compose.yaml").read_text())]


def is_unreachable(message: str) -> bool:
    """Whether a pull failed because the registry cannot be reached, and not by an error of the registry."""
    return _UNREACHABLE.search(message) is not None


def pull_missing(engine: Engine) -> list[str]:
    """Pulls missing images. Returns the images that need stand-ins, because no registry can be reached."""
    missing = [image for image in required_images() if _stand_in_label(engine, image) != ""]
    if not missing:
        print_skipped("Third-party images")
        return []
    with step(f"Third-party images: pulling {', '.join(missing)}"):
        for image in missing:
            process = engine.run("pull", "--quiet", image)
            if process.returncode == 0:
                continue
            if not is_unreachable(process.stderr):
                raise DevError(f"the image {image} cannot be pulled: {process.stderr.strip()}")
            print_line(f"    no image registry can be reached: {process.stderr.strip().splitlines()[-1]}")
            return missing
    return []


def untag_stand_ins(engine: Engine) -> None:
    """Removes the official names of stand-ins on a shared engine, where they could be mistaken for official images."""
    if not engine.private and (stand_ins := [image for image in required_images() if _stand_in_label(engine, image)]):
        engine.run_checked("rmi", "--force", *stand_ins)


def _stand_in_label(engine: Engine, image: str) -> str | None:
    """The label of a stand-in; empty for an official image, `None` for a missing one."""
    process = engine.run("image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', image)
    return process.stdout.strip().removeprefix("<no value>") if process.returncode == 0 else None
