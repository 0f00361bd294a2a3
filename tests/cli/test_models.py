"""`il models`: what fits a question, and what is told of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interlingua.catalog.catalog import load_catalog
from interlingua.catalog.words import tokens
from tests.cli.runs import lines, run

CATALOG = load_catalog()


def found(*arguments: str, env: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """The rows of `il models … --json`."""
    rows: list[dict[str, Any]] = json.loads(run("models", *arguments, "--json", env=env).stdout)
    return rows


def test_every_model_that_is_not_shut_down_is_listed() -> None:
    """In the catalog's order; a pipe gets a head and rows, nothing else."""
    alive = [model.name for model in CATALOG.models if not model.retired(CATALOG.as_of)]
    listed = lines(run("models").stdout)
    assert listed[0].split()[:4] == ["model", "context", "in", "out"]
    assert [line.split()[0] for line in listed[1:]] == alive
    assert len(found("--all")) == len(CATALOG.models) > len(alive)


@pytest.mark.parametrize("query", [("vision",), ("--vision",), ("--input", "image"), ("image",)])
def test_a_word_may_ask_for_what_a_model_sees(query: tuple[str, ...]) -> None:
    """The brief's `il models vision --max-price 1`."""
    rows = found(*query, "--max-price", "1")
    assert rows
    for row in rows:
        assert "image" in row["traits"]["input"]
        assert float(row["price"]["input"]) <= 1


def test_filters_add_up() -> None:
    """Provider, by alias too, abilities and words of the name."""
    rows = found("-p", "claude", "haiku", "tools", "pdf", "--reasoning")
    assert rows
    for row in rows:
        assert row["model"].startswith("anthropic/") and "haiku" in row["model"]
        assert row["traits"]["tools"] is True and row["traits"]["reasoning"] is True
        assert "pdf" in row["traits"]["input"]


def test_the_credential_is_told_by_its_source_never_by_its_secret() -> None:
    """`ready (NAME)`, `no key`."""
    env = {"ANTHROPIC_API_KEY": "sk-ant-api03-canary-0123456789"}
    listed = run("models", "haiku", env=env)
    assert "ready (ANTHROPIC_API_KEY)" in listed.stdout
    assert "no key" in listed.stdout
    assert "canary" not in listed.output + json.dumps(found("haiku", env=env))
    assert found("-p", "anthropic", env=env)[0]["credential"] == {"state": "present", "source": "ANTHROPIC_API_KEY"}


def test_a_whole_name_shows_all_that_is_known() -> None:
    """By provider and id, by the id alone, and by an alias of the provider."""
    shown = run("models", "anthropic/claude-haiku-5-5").stdout
    assert shown.splitlines()[0] == "anthropic/claude-haiku-5-5"
    for label in ("context", "takes", "tools", "thinks", "costs", "credential", "checked"):
        assert f"\n  {label} " in shown
    assert run("models", "claude-haiku-5-5").stdout == shown == run("models", "claude/claude-haiku-5-5").stdout
    assert [row["model"] for row in found("local/smollm2")] == ["local/smollm2"]


def test_a_model_that_ends_says_when() -> None:
    """Before somebody builds on it."""
    ending = next(model for model in CATALOG.models if model.shutdown > CATALOG.as_of)
    assert ending.shutdown in run("models", "-p", ending.provider).stdout
    assert ending.shutdown in run("models", ending.name).stdout


def test_nothing_that_fits_is_told_on_standard_error() -> None:
    """An empty table explains nothing."""
    done = run("models", "no-such-model-anywhere")
    assert done.exit_code == 0
    assert "no model fits" in done.stderr
    assert found("no-such-model-anywhere") == []


@pytest.mark.parametrize(("arguments", "code"), [(("-p", "nobody"), 64), (("--max-price", "cheap"), 2)])
def test_filters_that_mean_nothing_are_errors(arguments: tuple[str, ...], code: int) -> None:
    """Instead of an empty list."""
    assert run("models", *arguments).exit_code == code


def test_unknown_prices_are_told_as_unknown_and_free_as_free(tmp_path: Path) -> None:
    """Unknown is never 0."""
    unpriced = next(model for model in CATALOG.models if not model.prices)
    row = next(line for line in lines(run("models", "--all").stdout) if line.split()[0] == unpriced.name)
    assert row.split()[2:4] == ["?", "?"]
    assert "free" in run("models", "-p", "local").stdout


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "?"), (512, "512"), (8192, "8.2k"), (99_999, "100.0k"), (131_072, "131k"), (1_048_576, "1.0M")],
)
def test_tokens_are_short_in_tables(count: int | None, text: str) -> None:
    """The whole number is in the view of one model."""
    assert tokens(count) == text
