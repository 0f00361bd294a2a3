"""What a chat of the pages asks of its models, and the request that comes of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from interlingua.types.messages import Message, system
from interlingua.types.opaque import Json
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning


class ChatSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one chat; what is None is left to the model.

    Args:
        model: whom to ask; None is the default.
        system: what every answer should heed.
        temperature, top_p, max_output_tokens, reasoning_effort: as in `ChatRequest`.
        json_schema: of every answer.
        tools: names of the gateway's tools that may be called.
        preset: what these settings were taken from.
    """

    model: str | None = None
    system: str | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    reasoning_effort: str | None = None
    json_schema: dict[str, Json] | None = None
    tools: tuple[str, ...] = ()
    preset: str | None = None


def chat_request(model: str, settings: ChatSettings, messages: Iterable[Message]) -> ChatRequest:
    """The request of a chat.

    Args:
        model: whom to ask; empty is the default.
        settings: the chat's.
        messages: the branch that is to be answered, first one first.
    """
    said = tuple(message for message in messages if message.parts)  # an answer that failed said nothing
    if settings.system and settings.system.strip():
        said = (system(settings.system.strip()), *said)
    schema = settings.json_schema
    return ChatRequest(
        model=model or settings.model or "",
        messages=said,
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_output_tokens=settings.max_output_tokens,
        reasoning=Reasoning(effort=settings.reasoning_effort) if settings.reasoning_effort else None,
        output=OutputFormat(kind="json_schema", name="answer", schema=schema) if schema else None,
        stream=True,
    )
