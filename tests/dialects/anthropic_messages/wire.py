"""Short ways to say a request in these tests."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.anthropic_messages import parse_request, render_request
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.messages import Message, user
from interlingua.types.parts import Part
from interlingua.types.request import ChatRequest
from interlingua.types.traits import Traits

ID = "anthropic_messages"


def parse(**body: Any) -> ChatRequest:
    """The request that a body stands for; model, max_tokens and messages have defaults."""
    whole = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]} | body
    return parse_request(WireRequest(body=msgspec.json.encode(whole)), TranslationContext(dialect=ID))


def parse_parts(role: str, *blocks: dict[str, Any]) -> tuple[Part, ...]:
    """The parts of the first message whose content the blocks are."""
    return parse(messages=[{"role": role, "content": list(blocks)}]).messages[0].parts


class Rendered:
    """A rendered request: its body, headers, and what was lost."""

    def __init__(self, request: ChatRequest, context: TranslationContext) -> None:
        wire = render_request(request, context)
        self.body: dict[str, Any] = msgspec.json.decode(wire.body)
        self.headers = dict(wire.headers)
        self.path = wire.path
        self.lost = [loss.field for loss in context.losses if loss.action != "emulate"]
        self.emulated = [loss.field for loss in context.losses if loss.action == "emulate"]


def render(*messages: Message, traits: Traits | None = None, lenient: bool = False, **asked: Any) -> Rendered:
    """The wire form of a request; without messages the user says hi."""
    context = TranslationContext(dialect=ID, traits=traits or Traits())
    if lenient:
        context.on_loss["content"] = "warn"
    return Rendered(ChatRequest(model="m", messages=messages or (user("hi"),), **asked), context)
