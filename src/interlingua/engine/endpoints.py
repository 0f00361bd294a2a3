"""Which of the dialects that a target's host speaks a request is sent in. Pure.

The client's own, where the host speaks it; else the host's preferred one. Two things overrule that: a model that does
not take function tools and reasoning together over openai_chat is spoken to over openai_responses, and a request that
asks for what the chosen dialect cannot say goes to one that can, if the host speaks one.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from interlingua.engine.target import Target
from interlingua.types.parts import BlobPart
from interlingua.types.request import ChatRequest
from interlingua.types.tools import FunctionTool

CHAT, RESPONSES = "openai_chat", "openai_responses"


def _hears(request: ChatRequest) -> bool:
    return any(
        isinstance(part, BlobPart) and part.modality == "audio"
        for message in request.messages
        for part in message.parts
    )


CANNOT: dict[str, tuple[Callable[[ChatRequest], bool], ...]] = {
    RESPONSES: (
        lambda request: bool(request.stop),
        lambda request: request.seed is not None,
        lambda request: request.frequency_penalty is not None,
        lambda request: request.presence_penalty is not None,
        lambda request: bool(request.logit_bias),
        lambda request: (request.n or 1) > 1,
        lambda request: "audio" in request.modalities,
        _hears,
    ),
    CHAT: (lambda request: bool(request.previous_response_id),),
}
"""What a request may ask for that a dialect has no field for, where the same host speaks another that has."""


def speaking(target: Target, request: ChatRequest, client: str = "") -> Target:
    """The target with the dialect that this request is sent in.

    Args:
        target: as the router found it.
        request: what is asked.
        client: the client's dialect; empty for the library.
    """
    spoken = target.provider.dialects
    preferred = client if client in spoken else spoken[0]
    if preferred in (CHAT, RESPONSES) and _needs_responses(target, request):
        chosen = RESPONSES if RESPONSES in spoken else preferred
    elif preferred == client:
        chosen = client
    else:
        chosen = next((dialect for dialect in (preferred, *spoken) if not _lacks(dialect, request)), preferred)
    return target if chosen == target.dialect else replace(target, dialect=chosen)


def _lacks(dialect: str, request: ChatRequest) -> bool:
    return any(asks(request) for asks in CANNOT.get(dialect, ()))


def _needs_responses(target: Target, request: ChatRequest) -> bool:
    return (
        target.traits.tools_with_reasoning is False
        and any(isinstance(tool, FunctionTool) for tool in request.tools)
        and not (request.reasoning and request.reasoning.effort == "none")
    )
