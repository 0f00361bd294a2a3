"""The public surface, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import interlingua


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_public_names_are_sorted_and_exist() -> None:
    """A name in `__all__` that cannot be imported is a broken promise."""
    assert interlingua.__all__ == sorted(interlingua.__all__)
    for name in interlingua.__all__:
        assert getattr(interlingua, name) is not None


def test_importing_the_package_imports_nothing_heavy() -> None:
    """Contracts §7: the import is within 60 ms because it hardly does anything."""
    heavy = "{'aiohttp', 'asyncio', 'click', 'ssl', 'xllamacpp', 'email', 'http'}"
    assert run(f"import sys, interlingua; print(sorted({heavy} & sys.modules.keys()))") == "[]"


def test_importing_every_public_name_opens_no_socket() -> None:
    """Contracts §6.10: no network at import."""
    code = """
import socket, sys
def refuse(*_, **__): raise AssertionError("network at import")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
import interlingua
for name in interlingua.__all__: getattr(interlingua, name)
print("aiohttp" in sys.modules, "xllamacpp" in sys.modules)
"""
    assert run(code) == "False False"


def test_the_version_is_that_of_the_distribution() -> None:
    """One place says which version this is."""
    from importlib.metadata import version

    assert interlingua.__version__ == version("interlingua")


def test_the_errors_are_at_hand_without_another_import() -> None:
    """`except il.errors.RateLimited` is evaluated when something went wrong, whatever was imported before."""
    assert run("import interlingua as il; print(il.errors.RateLimited.code)") == "rate_limited"
