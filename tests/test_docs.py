"""Documentation that executes."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from interlingua.config.load import load_config
from interlingua.errors import BY_CODE

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), DOCS.parent / "README.md"]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_python_block_is_valid(page: Path) -> None:
    """A snippet that does not parse is worse than none."""
    for block in blocks(page, "python"):
        assert compile(block, str(page), "exec")


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


def test_every_error_and_its_exit_code_is_documented() -> None:
    """Scripts depend on them."""
    page = (DOCS / "reference" / "errors.md").read_text()
    for kind in BY_CODE.values():
        assert re.search(rf"\| `{kind.__name__}` \| `{kind.code}` \| {kind.exit_code} \|", page), kind.__name__


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    """No dead ends."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
