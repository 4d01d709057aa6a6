"""What the machine must have before anything else: the kind of processor, Rust, Node, and Debian's packages."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import tomllib
from pathlib import Path

from . import paths, web
from .say import Trouble, already, step

BUILD_PACKAGES = ["cmake", "g++", "make", "libopenblas-dev", "pkg-config"]
"""What FAISS is built with."""
PYTHON_PACKAGE = "python3-venv"
BROWSER_PACKAGE = "chromium"


def require() -> None:
    """Checks the machine and installs what apt can; raises the sentence that says what else is missing."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise Trouble(
            f"./dev runs on x86-64 Linux only and this is {platform.system()} on {platform.machine()}: "
            "the pinned parts are made for that; use such a machine, or the images of compose.yaml"
        )
    require_rust()
    web.require()
    require_packages(BUILD_PACKAGES)


def require_browser() -> None:
    """Installs a browser for the tests where there is none."""
    if web.chromium() is None:
        require_packages([BROWSER_PACKAGE])


def require_rust() -> None:
    """Checks that a new enough Rust is there; raises the sentence that says how to get one."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "bin"
    if shutil.which("cargo") is None and (home / "cargo").exists():
        os.environ["PATH"] = f"{home}{os.pathsep}{os.environ['PATH']}"
    needed = tomllib.loads((paths.ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    if shutil.which("cargo") is None or shutil.which("rustc") is None:
        raise Trouble(
            f"Rust {needed} or newer is needed and cargo was not found: install it by rustup (https://rustup.rs)"
        )
    _choose_toolchain(needed)
    have = _rustc(paths.ROOT)
    if number(have) < number(needed):
        raise Trouble(f"Rust {needed} or newer is needed and this is {have}: run `rustup toolchain install {pinned()}`")


def pinned() -> str:
    """The version of Rust that `rust-toolchain.toml` names."""
    return tomllib.loads((paths.ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"]


def _choose_toolchain(needed: str) -> None:
    """Lets rustup use its default toolchain where the pinned one is not installed and the default is new enough.

    Without this, rustup would download the pinned one, which a machine without internet cannot do.
    """
    if shutil.which("rustup") is None or "RUSTUP_TOOLCHAIN" in os.environ:
        return
    installed = _said(["rustup", "toolchain", "list"], Path("/")).splitlines()
    if any(name.split()[0].startswith(f"{pinned()}-") for name in installed if name.strip()):
        return
    default = _said(["rustup", "default"], Path("/")).split()
    if default and number(_rustc(Path("/"))) >= number(needed):
        os.environ["RUSTUP_TOOLCHAIN"] = default[0]


def _rustc(folder: Path) -> str:
    """The version of the compiler that is used in a folder; `none` where it does not say."""
    words = _said(["rustc", "--version"], folder).split()
    return words[1] if len(words) > 1 else "none"


def _said(command: list[str], folder: Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, stdin=subprocess.DEVNULL).stdout


def number(version: str) -> tuple[int, ...]:
    """A version as numbers that compare."""
    return tuple(int(part) for part in version.split("-")[0].split(".") if part.isdigit())


def require_packages(packages: list[str]) -> None:
    """Installs those of Debian's packages that are missing, and what a Python environment is made with."""
    what = "Debian packages"
    wanted = list(packages)
    if importlib.util.find_spec("ensurepip") is None:
        wanted.append(PYTHON_PACKAGE)
    missing = [package for package in wanted if not _installed(package)]
    if not missing:
        return already(what)
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    shown = " ".join(command)
    if shutil.which("apt-get") is None:
        raise Trouble(
            f"{', '.join(missing)} must be installed and there is no apt-get here: "
            "install them by this system's own means"
        )
    if os.geteuid() != 0:
        raise Trouble(
            f"{', '.join(missing)} must be installed, which needs root: "
            f"run `sudo apt-get update && sudo {shown}`, then ./dev again"
        )
    with step(f"{what}: installing {' '.join(missing)}"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["apt-get", "update", "-q"], command):
            if subprocess.run(arguments, env=environment, stdin=subprocess.DEVNULL).returncode != 0:
                raise Trouble(f"`{' '.join(arguments)}` failed (its message is above): mend that and run ./dev again")


def _installed(package: str) -> bool:
    if shutil.which("dpkg-query") is None:
        return package != PYTHON_PACKAGE and _usable(package)
    said = subprocess.run(["dpkg-query", "-W", "-f=${db:Status-Abbrev}", package], capture_output=True, text=True)
    return said.stdout.startswith("ii")


def _usable(package: str) -> bool:
    """On other systems than Debian: whether the tool, or the library, is there."""
    if package == "libopenblas-dev":
        return (
            shutil.which("pkg-config") is not None
            and subprocess.run(["pkg-config", "--exists", "openblas"]).returncode == 0
        )
    return shutil.which(package) is not None
