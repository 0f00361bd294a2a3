"""Documentation that executes."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from interlingua.config.load import load_config

DOCS = Path(__file__).parents[1] / "docs"
PAGES_FROM_SOURCE = runpy.run_path(str(DOCS / "generate.py"))["PAGES"]
PAGES = [*sorted(DOCS.rglob("*.md")), DOCS.parent / "README.md"]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_python_block_is_valid(page: Path) -> None:
    """A snippet that does not parse is worse than none."""
    for block in blocks(page, "python"):
        assert compile(block, str(page), "exec").co_filename == str(page)


def test_the_quickstart_runs_from_top_to_bottom(clean_environment: dict[str, str]) -> None:
    """Its blocks are one program."""
    program = "\n".join(blocks(DOCS / "quickstart.md", "python"))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=clean_environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "5 messages" not in done.stdout
    assert "4 messages" in done.stdout


def test_the_configuration_shown_is_accepted(tmp_path: Path) -> None:
    """And says what the text says."""
    (text,) = blocks(DOCS / "guides" / "configuration.md", "toml")
    (tmp_path / "c.toml").write_text(text)
    config = load_config(tmp_path / "c.toml", environment={})
    assert config.default_model == tomllib.loads(text)["default_model"]


@pytest.mark.parametrize("name", sorted(PAGES_FROM_SOURCE))
def test_the_generated_page_is_that_of_the_present_source(name: str) -> None:
    """Else run `make docs`."""
    assert (DOCS / name).read_text() == PAGES_FROM_SOURCE[name]()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    """No dead ends."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
