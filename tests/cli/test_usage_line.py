"""The line after an answer."""

from __future__ import annotations

import pytest

from interlingua.cli.usage_line import cost, seconds, usage_line
from interlingua.client.reply import Reply
from interlingua.client.timing import Timing
from interlingua.engine.answer import Answer, AttemptRecord
from interlingua.engine.target import Target
from interlingua.providers.provider import load_registry
from interlingua.types.messages import assistant
from interlingua.types.money import Money
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.usage import Usage

FREE = Money(0)


def reply(
    *,
    output_tokens: int | None = 8,
    first_token: float | None = 0.114,
    speed: float | None = 142.4,
    money: Money | None = FREE,
    attempts: int = 1,
) -> Reply[None]:
    """A finished answer."""
    choice = Choice(message=assistant("Paris."), finish=FinishReason("stop", "stop"))
    response = ChatResponse(
        id="1", model="smollm2", choices=(choice,), usage=Usage(input_tokens=3, output_tokens=output_tokens)
    )
    record = AttemptRecord(target="local/smollm2", dialect="openai_chat", started=0, seconds=1)
    answer = Answer(
        response=response,
        target=Target(provider=load_registry()["local"], model="smollm2", dialect="openai_chat"),
        cost=money,
        attempts=(record,) * attempts,
    )
    return Reply(steps=(answer,), timing=Timing(started=0, total=2.5, first_token=first_token, tokens_per_second=speed))


def test_it_says_who_how_fast_how_much_and_for_what_price() -> None:
    """The brief's own example."""
    line = "local/smollm2 · 0.11 s first token · 142 tok/s · 8 tokens · free"
    assert usage_line(reply(), None) == line
    assert usage_line(reply(), 100) == line.rjust(99)


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (60, "local/smollm2 · 0.11 s first token · 8 tokens · free"),
        (40, "local/smollm2 · 8 tokens · free"),
        (25, "local/smollm2 · free"),
        (5, "local/smollm2 · free"),
    ],
)
def test_speeds_give_way_on_a_narrow_screen(width: int, line: str) -> None:
    """Who answered and what it cost never do."""
    assert usage_line(reply(), width) == line.rjust(width - 1)


def test_what_is_unknown_is_said() -> None:
    """Never 0, never free."""
    line = usage_line(reply(output_tokens=None, speed=None, money=None, first_token=None), None)
    assert line == "local/smollm2 · 2.50 s · tokens unknown · cost unknown"


def test_more_than_one_attempt_is_told() -> None:
    """They may have cost something."""
    assert " · 3 attempts · " in usage_line(reply(attempts=3), None)
    assert "1 token ·" in usage_line(reply(output_tokens=1), None)


def test_amounts_and_durations_are_short() -> None:
    """Two digits that say something."""
    assert cost(Money.of_usd("0.00123")) == "$0.0012"
    assert cost(None) == "cost unknown"
    assert (seconds(0.114), seconds(12.34)) == ("0.11 s", "12.3 s")
