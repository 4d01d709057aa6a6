"""The requirements on the machine: processor, Rust, Node.js and Debian packages."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import tomllib
from pathlib import Path

from . import paths, web
from .console import DevError, print_skipped, step

BUILD_PACKAGES = ["cmake", "g++", "make", "libopenblas-dev", "pkg-config"]
"""The packages with which FAISS is built."""
PYTHON_PACKAGE = "python3-venv"
BROWSER_PACKAGE = "chromium"


def require() -> None:
    """Checks the machine and installs missing Debian packages; raises an error that says what else is missing."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise DevError(
            f"./dev runs on x86-64 Linux only and this is {platform.system()} on {platform.machine()}: "
            "the pinned parts are built for it; use such a machine, or the images of compose.yaml"
        )
    require_rust()
    web.require()
    require_packages(BUILD_PACKAGES)


def require_browser() -> None:
    """Installs a browser for the tests if there is none."""
    if web.chromium() is None:
        require_packages([BROWSER_PACKAGE])


def require_rust() -> None:
    """Checks that Rust is installed and new enough; raises an error that says how to install it."""
    cargo_bin = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "bin"
    if shutil.which("cargo") is None and (cargo_bin / "cargo").exists():
        os.environ["PATH"] = f"{cargo_bin}{os.pathsep}{os.environ['PATH']}"
    needed = tomllib.loads((paths.ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    if shutil.which("cargo") is None or shutil.which("rustc") is None:
        raise DevError(
            f"Rust {needed} or newer is needed and cargo was not found: install it by rustup (https://rustup.rs)"
        )
    _choose_toolchain(needed)
    installed = _rustc_version(paths.ROOT)
    if version_tuple(installed) < version_tuple(needed):
        raise DevError(f"Rust {needed} or newer is needed and this is {installed}: run `rustup toolchain install {pinned_rust()}`")


def pinned_rust() -> str:
    """The version of Rust that `rust-toolchain.toml` names."""
    return tomllib.loads((paths.ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"]


def _choose_toolchain(needed: str) -> None:
    """Selects rustup's default toolchain if the pinned one is not installed and the default is new enough.

    Otherwise rustup would download the pinned one, which fails on a machine without internet.
    """
    if shutil.which("rustup") is None or "RUSTUP_TOOLCHAIN" in os.environ:
        return
    installed = _output(["rustup", "toolchain", "list"], Path("/")).splitlines()
    if any(name.split()[0].startswith(f"{pinned_rust()}-") for name in installed if name.strip()):
        return
    default = _output(["rustup", "default"], Path("/")).split()
    if default and version_tuple(_rustc_version(Path("/"))) >= version_tuple(needed):
        os.environ["RUSTUP_TOOLCHAIN"] = default[0]


def _rustc_version(folder: Path) -> str:
    """The version of the compiler that is used in a folder; `none` if it has none."""
    words = _output(["rustc", "--version"], folder).split()
    return words[1] if len(words) > 1 else "none"


def _output(command: list[str], folder: Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, stdin=subprocess.DEVNULL).stdout


def version_tuple(version: str) -> tuple[int, ...]:
    """A version as a tuple of numbers, for comparison."""
    return tuple(int(part) for part in version.split("-")[0].split(".") if part.isdigit())


def require_packages(packages: list[str]) -> None:
    """Installs the Debian packages that are missing, and python3-venv if Python cannot make environments."""
    step_name = "Debian packages"
    required = list(packages)
    if importlib.util.find_spec("ensurepip") is None:
        required.append(PYTHON_PACKAGE)
    missing = [package for package in required if not _is_installed(package)]
    if not missing:
        return print_skipped(step_name)
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    command_line = " ".join(command)
    if shutil.which("apt-get") is None:
        raise DevError(
            f"{', '.join(missing)} must be installed and there is no apt-get: "
            "install them with the package manager of this system"
        )
    if os.geteuid() != 0:
        raise DevError(
            f"{', '.join(missing)} must be installed, which needs root: "
            f"run `sudo apt-get update && sudo {command_line}`, then ./dev again"
        )
    with step(f"{step_name}: installing {' '.join(missing)}"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["apt-get", "update", "-q"], command):
            if subprocess.run(arguments, env=environment, stdin=subprocess.DEVNULL).returncode != 0:
                raise DevError(f"`{' '.join(arguments)}` failed (its message is above): fix the cause and run ./dev again")


def _is_installed(package: str) -> bool:
    if shutil.which("dpkg-query") is None:
        return package != PYTHON_PACKAGE and _is_usable(package)
    process = subprocess.run(["dpkg-query", "-W", "-f=${db:Status-Abbrev}", package], capture_output=True, text=True)
    return process.stdout.startswith("ii")


def _is_usable(package: str) -> bool:
    """Whether the tool or library of a package is available, on systems without dpkg."""
    if package == "libopenblas-dev":
        return (
            shutil.which("pkg-config") is not None
            and subprocess.run(["pkg-config", "--exists", "openblas"]).returncode == 0
        )
    return shutil.which(package) is not None
