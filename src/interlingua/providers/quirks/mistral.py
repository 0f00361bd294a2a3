"""Mistral: audio stands in a message as bare base64, without a format beside it; vectors have another word for size."""

from __future__ import annotations

from interlingua.ports.context import Quirk
from interlingua.types.opaque import Json


def adapt_request(body: dict[str, Json]) -> dict[str, Json]:
    """Takes audio out of its envelope, and renames what unknown fields would be refused for."""
    if "dimensions" in body:
        body = {"output_dimension" if key == "dimensions" else key: value for key, value in body.items()}
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
