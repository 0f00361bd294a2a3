"""Mistral: audio stands in a message as bare base64, without a format beside it."""

from __future__ import annotations

from interlingua.ports.context import Quirk
from interlingua.types.opaque import Json


def adapt_request(body: dict[str, Json]) -> dict[str, Json]:
    """Takes audio out of its envelope."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return body
    return {**body, "messages": [_message(message) for message in messages]}


def _message(message: Json) -> Json:
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return message
    return {**message, "content": [_part(part) for part in message["content"]]}


def _part(part: Json) -> Json:
    if isinstance(part, dict) and part.get("type") == "input_audio" and isinstance(part.get("input_audio"), dict):
        return {**part, "input_audio": part["input_audio"].get("data", "")}
    return part


QUIRK = Quirk(request=adapt_request)
