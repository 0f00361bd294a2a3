"""What is in force, as callers' programs read it."""

from __future__ import annotations

import asyncio

import msgspec

from interlingua.voice.choices import Chosen
from interlingua.voice.shown import ATTRIBUTE, Shown
from tests.voice.sessions import until


class Participant:
    """Has attributes, and takes its time over them."""

    def __init__(self) -> None:
        self.attributes: list[str] = []
        self.go = asyncio.Event()

    async def set_attributes(self, attributes: dict[str, str]) -> None:
        """Once it may."""
        await self.go.wait()
        self.attributes.append(attributes[ATTRIBUTE])


async def test_the_latest_choice_is_shown_last_and_says_which_wishes_it_answers() -> None:
    """Whatever becomes of those between, which nobody need see."""
    participant = Participant()
    shown = Shown(participant)
    for name in ("a", "b", "c"):
        shown.show(Chosen(f"lab/{name}", "lab", "m", ("No.",)), {"llm_model": f"wish/{name}"})
        await asyncio.sleep(0)
    participant.go.set()
    await until(lambda: len(participant.attributes) == 2)
    first, last = (msgspec.json.decode(one) for one in participant.attributes)
    assert first["llm_model"] == "lab/a"
    assert last == {
        "llm_model": "lab/c",
        "task_agent_provider": "lab",
        "task_agent_model": "m",
        "refused": ["No."],
        "wishes": {"llm_model": "wish/c"},
    }


async def test_what_is_shown_already_is_not_told_again() -> None:
    """An attribute that did not change wakes nobody."""
    participant = Participant()
    participant.go.set()
    shown = Shown(participant)
    for _ in range(3):
        shown.show(Chosen("lab/a", "lab", "m"), {})
        await asyncio.sleep(0.01)
    assert len(participant.attributes) == 1
