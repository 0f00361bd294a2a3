"""`il ask --estimate`: what a question would take; nothing is sent."""

from __future__ import annotations

import json

from tests.cli.runs import run


def test_the_cost_of_a_priced_model_is_told_without_a_key() -> None:
    """And marked as a guess."""
    done = run("ask", "--estimate", "-m", "openai/gpt-6-luna", "word " * 1000, "--max-tokens", "100")
    assert done.exit_code == 0
    assert "model    openai/gpt-6-luna" in done.stdout
    assert "prompt   about 1," in done.stdout
    assert "for the prompt, at most $0.0001" in done.stdout


def test_the_same_for_programs() -> None:
    """Decimal strings, and what is not known as null."""
    done = run("ask", "--estimate", "--json", "-m", "chutes/some-model", "hi")
    found = json.loads(done.stdout)
    assert found["model"] == "chutes/some-model"
    assert (found["prompt_cost"], found["exact"]) == (None, False)


def test_what_costs_nothing_is_free() -> None:
    """The local model."""
    assert "costs    free" in run("ask", "--estimate", "-m", "local/smollm2", "hi").stdout
