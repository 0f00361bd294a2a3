"""The table of commands, and the facts that they show."""

from __future__ import annotations

import pytest

from interlingua.client.client import AsyncClient
from interlingua.config.schema import Config
from interlingua.errors import NotFound
from interlingua.repl.app import table
from interlingua.repl.commands import is_command
from interlingua.repl.facts import changes, context_left, fits, losses, model_facts
from interlingua.repl.spending import Spending
from interlingua.repl.status import fitted
from interlingua.types.messages import user
from interlingua.types.parts import BlobPart
from interlingua.types.request import ChatRequest

ENGINE = AsyncClient(config=Config()).engine
DAY = ENGINE.catalog.as_of
WANTED = (
    "model models providers system tools attach usage cost context compare retry edit undo fork save load sessions "
    "search export copy set reasoning key theme clear quit help"
)


def test_all_commands_that_were_asked_for_are_there() -> None:
    """The issue's list."""
    assert set(WANTED.split()) <= {one.name for one in table().commands}


def test_no_name_stands_for_two() -> None:
    """Nor an alias."""
    names = [name for one in table().commands for name in (one.name, *one.also)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("written", "meant"), [("models", "models"), ("m", "model"), ("sess", "sessions"), ("q", "quit")]
)
def test_a_beginning_that_only_one_has_will_do(written: str, meant: str) -> None:
    """As in most shells."""
    assert table().find(written).name == meant


def test_an_unknown_one_names_the_nearest() -> None:
    """At most three."""
    with pytest.raises(NotFound) as caught:
        table().find("modle")
    assert "/model" in caught.value.remedy


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/help", True),
        ("/model c x/y", True),
        ("/etc/hosts is what?", False),
        ("/", False),
        ("a /b", False),
        ("", False),
    ],
)
def test_a_path_is_no_command(line: str, command: bool) -> None:
    """People paste paths."""
    assert is_command(line) is command


def test_unknown_is_said_to_be_unknown() -> None:
    """Nothing is inferred from a name."""
    target = ENGINE.route("chutes/deepseek-ai/DeepSeek-V3-0324")[0]
    facts = dict(model_facts(target, DAY, "no call yet", "no key"))
    assert (facts["context"], facts["can"]) == ("unknown", "unknown (not in the catalog)")
    assert facts["costs"] == "unknown (not in the catalog)"
    assert facts["provider"] == "chutes  (c)"
    assert context_left(500, True, target) == "500 used, context unknown"
    assert fits(10**9, target)


def test_a_switch_says_what_is_lost_and_gained() -> None:
    """Abilities, price, context."""
    big, small = ENGINE.route("anthropic/claude-haiku-5-5")[0], ENGINE.route("local/smollm2")[0]
    said = " · ".join(changes(big, small, DAY))
    assert "context 8.2k" in said
    assert "price free" in said
    assert "without thinking" in said
    assert "now with thinking" in " · ".join(changes(small, big, DAY))
    assert not fits(8_000, small)
    assert fits(1_000, small)


def test_what_the_next_request_would_lose_is_told_before_it_is_sent() -> None:
    """An image that a model cannot see."""
    image = BlobPart(modality="image", mime_type="image/png", content="AAAA")
    request = ChatRequest(model="", messages=(user("what is it?", image),))
    (said,) = losses(ENGINE, request, ENGINE.route("local/smollm2")[0])
    assert "would be refused" in said
    assert "image" in said
    assert losses(ENGINE, request, ENGINE.route("anthropic/claude-haiku-5-5")[0]) == []


def test_money_is_exact_or_said_to_be_unknown() -> None:
    """Contracts §4.1: unknown is never 0."""
    assert Spending(answers=1, unknown_costs=1, unknown_tokens=1).money == "cost unknown"
    assert Spending(answers=2, cost=1_500_000_000_000, unknown_costs=1).money == "$1.50+"
    assert Spending(answers=1, input_tokens=1).tokens == "1 token"
    assert Spending(answers=2, input_tokens=5, unknown_tokens=1).tokens == "5+ tokens"


def test_a_narrow_line_leaves_out_the_least_important() -> None:
    """And never all."""
    pieces = [(9, "model"), (1, "speed"), (5, "money"), (0, "")]
    assert fitted(pieces, 80) == "model · speed · money"
    assert fitted(pieces, 15) == "model · money"
    assert fitted(pieces, 1) == "model"
