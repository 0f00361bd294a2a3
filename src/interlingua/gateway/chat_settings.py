"""What a chat of the pages asks of its models, and the request that comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from interlingua.client.presets import ChatSettings
from interlingua.errors import InvalidRequest
from interlingua.types.messages import Message, system
from interlingua.types.opaque import Json
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning

__all__ = ["ChatSettings", "chat_request", "kept_settings", "read_settings"]


def read_settings(values: Mapping[str, Json]) -> ChatSettings:
    """The settings that a conversation holds; what belongs to other surfaces is passed over.

    Args:
        values: by name.

    Raises:
        InvalidRequest: one of them is no value of its setting.
    """
    known = {name: value for name, value in values.items() if name in ChatSettings.__struct_fields__}
    try:
        return msgspec.convert({name: value for name, value in known.items() if value is not None}, ChatSettings)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        raise InvalidRequest(f"settings: {message}", path=f"settings.{path.rstrip('`')}".rstrip(".")) from error


def kept_settings(settings: ChatSettings) -> dict[str, Json]:
    """Settings as they are written down with an answer: those that say something."""
    return {name: value for name, value in msgspec.to_builtins(settings).items() if value not in (None, ())}


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
