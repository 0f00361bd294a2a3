"""Requests as they are written and read in these tests."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects import openai_chat
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.messages import Message, user
from interlingua.types.parts import (
    BlobPart,
)
from interlingua.types.request import ChatRequest
from interlingua.types.tools import FunctionTool
from interlingua.types.traits import HostTraits

TOOL = FunctionTool(name="add", parameters={"type": "object"})
PNG = BlobPart(modality="image", mime_type="image/png", content="AAAA")


def parse(**body: Any) -> ChatRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **body}
    return openai_chat.parse_request(WireRequest(body=msgspec.json.encode(body)), TranslationContext())


def context(host: HostTraits | None = None, **given: Any) -> TranslationContext:
    return TranslationContext(dialect="openai_chat", host=host or HostTraits(), **given)


def render(request: ChatRequest, where: TranslationContext | None = None) -> dict[str, Any]:
    body = openai_chat.render_request(request, where or context()).body
    decoded: dict[str, Any] = msgspec.json.decode(body)
    assert b"null" not in body or "null" in str(request), "nothing unsaid is sent as null"
    return decoded


def ask(*messages: Message, **settings: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=messages or (user("hi"),), **settings)


def actions(where: TranslationContext) -> dict[str, str]:
    return {loss.field: loss.action for loss in where.losses}
