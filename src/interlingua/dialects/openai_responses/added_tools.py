"""Tools that come among the items (`additional_tools`) instead of in `tools`: this format alone adds them so.

They are read as tools of the request, so that every model of every format can be offered them. The item is luggage of
the message that it stood before, and goes back to its place where a host of this format knows it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from interlingua.dialects.openai_responses.schema import ADDED, ID, ITEM, as_raw, bad_request, own
from interlingua.dialects.openai_responses.tools import parse_tools
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Message
from interlingua.types.opaque import Extra
from interlingua.types.parts import OpaquePart, Part
from interlingua.types.request import ChatRequest
from interlingua.types.tools import Tool
from interlingua.wire.fields import Fields

_KIND = ITEM + ADDED


def parse_added(messages: Sequence[Message]) -> tuple[list[Message], tuple[Tool, ...]]:
    """(the messages without such items, the tools in them); an item after which nothing stands is left there."""
    found: list[Message] = []
    tools: list[Tool] = []
    waiting: list[OpaquePart] = []
    for message in messages:
        items = [part for part in message.parts if isinstance(part, OpaquePart) and part.kind == _KIND]
        if items and len(items) == len(message.parts):
            waiting += items
            continue
        if waiting:
            tools += [tool for item in waiting for tool in _tools(item)]
            raw = [item.raw for item in waiting]
            message = replace(message, extra={**message.extra, ID: {**own(message.extra), ADDED: raw}})
            waiting = []
        found.append(message)
    if waiting:
        found.append(Message(role="user", parts=tuple(waiting)))
    return found, tuple(tools)


def _tools(item: OpaquePart) -> list[Tool]:
    read = parse_tools(Fields(item.raw, bad_request, ADDED))
    return [replace(tool, extra={**tool.extra, ID: {**own(tool.extra), ADDED: True}}) for tool in read]


def put_added_back(request: ChatRequest, context: TranslationContext) -> ChatRequest:
    """The request with such items in their places for a host that knows them, and else without: its tools hold all."""
    if not any(ADDED in own(message.extra) for message in request.messages):
        return request
    knows = context.host.namespaces
    messages = tuple(_put_back(message, knows=knows) for message in request.messages)
    tools = tuple(tool for tool in request.tools if not (knows and own(tool.extra).get(ADDED)))
    return replace(request, messages=messages, tools=tools)


def _put_back(message: Message, *, knows: bool) -> Message:
    items = own(message.extra).get(ADDED)
    if not isinstance(items, list):
        return message
    rest = {key: value for key, value in own(message.extra).items() if key != ADDED}
    extra: Extra = {**message.extra, ID: rest}
    kept: list[Part] = [OpaquePart(dialect=ID, kind=_KIND, raw=raw) for raw in items if knows and as_raw(str(raw))]
    return replace(message, parts=(*kept, *message.parts), extra=extra)
