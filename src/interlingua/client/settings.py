"""The settings of one call, as Python callers write them."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

import msgspec

from interlingua.errors import InvalidRequest
from interlingua.types.messages import Message, system, user
from interlingua.types.parts import CacheHint
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.tools import Tool, ToolChoice


class ChatSettings(TypedDict, total=False):
    """What a `ChatRequest` may be told beside its conversation and tools, with the short forms that people expect.

    `tool_choice` may be auto, none, required or a tool's name; `reasoning` may be an effort; `stop` may be one string.
    """

    tool_choice: ToolChoice | str
    parallel_tool_calls: bool
    max_output_tokens: int
    temperature: float
    top_p: float
    top_k: int
    frequency_penalty: float
    presence_penalty: float
    seed: int
    stop: str | Sequence[str]
    n: int
    logit_bias: dict[str, float]
    logprobs: bool
    top_logprobs: int
    reasoning: Reasoning | str
    output_format: OutputFormat
    metadata: dict[str, str]
    end_user: str
    cache_key: str
    cache: CacheHint
    service_tier: str
    verbosity: str
    store: bool
    modalities: Sequence[str]
    extra: dict[str, dict[str, Any]]


class Settings(ChatSettings, total=False):
    """The same with `system`, a text put before the conversation, and `tools`, definitions of tools."""

    system: str
    tools: Sequence[Tool]


_KNOWN = frozenset(Settings.__required_keys__ | Settings.__optional_keys__)


def as_request(
    prompt: str | Message | Sequence[Message] | ChatRequest, model: str | None, settings: Settings
) -> ChatRequest:
    """The canonical request for what a caller wrote.

    Args:
        prompt: a text of the user's, a message, a conversation, or a whole request.
        model: a model name; wins over the request's own.
        settings: what else is wanted; wins over the request's own.

    Raises:
        InvalidRequest: a setting is unknown or of the wrong type.
    """
    request = prompt if isinstance(prompt, ChatRequest) else ChatRequest(model="", messages=as_messages(prompt))
    changes: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in _KNOWN:
            near = difflib.get_close_matches(name, _KNOWN, n=1)
            raise InvalidRequest(
                f"unknown setting {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""), path=name
            )
        if value is not None:
            changes.update(_change(name, value, request))
    if model is not None:
        changes["model"] = model
    return msgspec.structs.replace(request, **{name: _checked(name, value) for name, value in changes.items()})


_TYPES = {field.name: field.type for field in msgspec.structs.fields(ChatRequest)}


def _checked(name: str, value: Any) -> Any:
    try:
        found = msgspec.convert(value, _TYPES[name])
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"{name}: {error}", path=name) from error
    if isinstance(found, float) and not math.isfinite(found):
        raise InvalidRequest(f"{name}: {found} is no number that can be sent", path=name)
    return found


def as_messages(prompt: str | Message | Iterable[Message]) -> tuple[Message, ...]:
    """A conversation from what a caller wrote.

    Raises:
        InvalidRequest: it holds something else than messages, such as dictionaries of another package's.
    """
    if isinstance(prompt, str):
        return (user(prompt),)
    given: Any = prompt  # not every caller has a checker of types
    several = isinstance(given, Iterable) and not isinstance(given, Mapping | bytes)
    messages = tuple(given) if several else (given,)
    for i, one in enumerate(messages):
        if not isinstance(one, Message):
            where = f"messages[{i}]" if several else "the prompt"
            raise InvalidRequest(
                f"{where} is a {type(one).__name__}, and no Message",
                path=f"messages[{i}]",
                remedy="Give a text, or messages: user(), assistant(), system() of interlingua.types.messages.",
            )
    return messages


def _change(name: str, value: Any, request: ChatRequest) -> dict[str, Any]:
    if name == "system":
        return {"messages": (system(value), *request.messages)}
    if name == "tool_choice" and isinstance(value, str):
        modes = ("auto", "none", "required")
        return {name: ToolChoice(value) if value in modes else ToolChoice("required", (value,))}  # type: ignore[arg-type]  # checked in this line
    if name == "reasoning" and isinstance(value, str):
        return {name: Reasoning(effort=value)}
    if name in ("stop", "modalities") and isinstance(value, str):
        return {name: (value,)}
    if name == "output_format":
        return {"output": value}
    if name in ("tools", "stop", "modalities") and isinstance(value, Iterable):
        return {name: tuple(value)}
    return {name: value}
