"""Five speakers, one for each dialect, whose answers carry reasoning state as theirs do; for talks that switch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from interlingua.client.chat import AsyncChat
from interlingua.client.client import AsyncClient
from interlingua.config.schema import Config
from interlingua.dialects.registry import DIALECTS, dialect
from interlingua.engine.settings import RetrySettings
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.accumulate import unfold
from interlingua.types.opaque import Opaque
from interlingua.types.parts import Part, ReasoningPart, TextPart, ToolCallPart, ToolCallResponsePart, tool_call
from interlingua.types.request import ChatRequest
from tests.contract.responses import answers

ONCE = Config(retry=RetrySettings(attempts=1))
KEYS = dict.fromkeys(("anthropic", "deepseek", "google", "ollama", "openai", "openrouter"), "secret-key")


class Speaker(Struct, frozen=True, kw_only=True):
    """A model that is spoken to in one dialect.

    Args:
        dialect: which.
        model: its name.
        sibling: another model of the same host and dialect.
        ids: the tool-call ids that it takes.
        turns: the field of its requests that holds the conversation.
    """

    dialect: str
    model: str
    sibling: str
    ids: str
    turns: str


SPEAKERS = {
    speaker.dialect: speaker
    for speaker in (
        Speaker(
            dialect="openai_chat",
            model="openrouter/anthropic/claude-opus-5.5",
            sibling="openrouter/anthropic/claude-sonnet-5.5",
            ids=r"[\x21-\x7e]{1,40}",
            turns="messages",
        ),
        Speaker(
            dialect="openai_responses",
            model="openai/gpt-6-sol",
            sibling="openai/gpt-6-luna",
            ids=r"[\x21-\x7e]{1,64}",
            turns="input",
        ),
        Speaker(
            dialect="anthropic_messages",
            model="anthropic/claude-opus-5-5",
            sibling="anthropic/claude-sonnet-5-5",
            ids=r"[a-zA-Z0-9_-]{1,64}",
            turns="messages",
        ),
        Speaker(
            dialect="gemini",
            model="google/gemini-3.8-flash",
            sibling="google/gemini-3.6-flash",
            ids=r".+",
            turns="contents",
        ),
        Speaker(dialect="ollama", model="ollama/qwen3", sibling="ollama/gpt-oss", ids=r".+", turns="messages"),
    )
}
assert tuple(SPEAKERS) == DIALECTS


def state(name: str, mark: str) -> tuple[Opaque, ...]:
    """The state that an answer of a dialect carries, with a mark to find it by."""
    texts = {
        "openai_chat": [
            ("reasoning_details", f'[{{"type":"reasoning.text","text":"thought {mark}","signature":"state {mark}"}}]')
        ],
        "openai_responses": [
            ("encrypted_content", f"state {mark}"),
            (
                "reasoning_item",
                f'{{"id":"rs_1","summary":[{{"text":"thought {mark}","type":"summary_text"}}],"type":"reasoning"}}',
            ),
        ],
        "anthropic_messages": [("signature", f"state {mark}")],
        "gemini": [("thought_signature", f"state {mark}")],
        "ollama": [],
    }
    return tuple(Opaque(f"{name}.{kind}", data) for kind, data in texts[name])


def thinking(name: str, mark: str, *said: Part) -> list[Part]:
    """What a model of a dialect thinks and says: the state stands where that dialect has it."""
    parts = list(said)
    text = f"thought {mark}"
    if name == "gemini":
        # Thoughts have no signature; it stands on the first call, or without calls on the text.
        place = next((i for i, part in enumerate(parts) if isinstance(part, ToolCallPart)), 0)
        parts[place] = msgspec.structs.replace(parts[place], opaque=state(name, mark))
        return [ReasoningPart(text=text, summary=True), *parts]
    return [ReasoningPart(text=text, summary=name == "openai_responses", opaque=state(name, mark)), *parts]


def reply(name: str, *parts: Part) -> Script:
    """The stream of an answer, as a host of the dialect would send it."""
    called = any(isinstance(part, ToolCallPart) for part in parts)
    answer = answers(*parts, kind="tool_call" if called else "stop")
    renderer = dialect(name).StreamRenderer(
        TranslationContext(dialect=name, model="m", created=1, seed=str(parts)), ChatRequest(model="m", stream=True)
    )
    wire = b"".join([*(renderer.render(event) for event in unfold(answer)), renderer.close()])
    return Script(headers=(("content-type", dialect(name).STREAM_CONTENT_TYPE),), chunks=(wire,))


def calls(name: str, mark: str) -> Script:
    """It thinks, says something and calls the tool."""
    said = TextPart(text=f"I look {mark}."), tool_call(f"call_{mark}", "look_up", '{"what": "x"}')
    return reply(name, *thinking(name, mark, *said))


def says(name: str, mark: str) -> Script:
    """It thinks and answers."""
    return reply(name, *thinking(name, mark, TextPart(text=f"It is so {mark}.")))


def look_up(what: str) -> str:
    """Looks something up."""
    return f"all about {what}"


def chat_with(*scripts: Script, model: str, **more: Any) -> tuple[AsyncChat, ScriptedTransport]:
    """A conversation with scripted hosts."""
    transport = ScriptedTransport(list(scripts))
    client = AsyncClient(config=ONCE, api_keys=KEYS, transport=transport)
    more.setdefault("tools", [look_up])
    return AsyncChat(model, client=client, **more), transport


def turns_of(body: bytes, speaker: Speaker) -> list[bytes]:
    """The conversation in a request, each turn in its own bytes."""
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    return [bytes(turn) for turn in msgspec.json.decode(fields[speaker.turns], type=list[msgspec.Raw])]


def begins_with(longer: bytes, shorter: bytes, speaker: Speaker) -> bool:
    """Whether one request only appends to what another had said already."""
    before, after = turns_of(shorter, speaker), turns_of(longer, speaker)
    return after[: len(before)] == before


def read_as(body: bytes, speaker: Speaker, url: str = "") -> ChatRequest:
    """A request as the dialect's server reads it."""
    path = "/models/m:generateContent" if speaker.dialect == "gemini" else url
    return dialect(speaker.dialect).parse_request(
        WireRequest(path=path, body=body), TranslationContext(dialect=speaker.dialect)
    )


def tool_parts(request: ChatRequest) -> Iterable[ToolCallPart | ToolCallResponsePart]:
    """The calls and results of a conversation."""
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, ToolCallPart | ToolCallResponsePart):
                yield part


def paired(request: ChatRequest, speaker: Speaker) -> bool:
    """Whether every call has its result right behind it, under an id that the dialect takes."""
    waiting: list[str] = []
    for part in tool_parts(request):
        if re.fullmatch(speaker.ids, part.id) is None:
            return False
        if isinstance(part, ToolCallPart):
            waiting.append(part.id)
        elif part.id in waiting:
            waiting.remove(part.id)
        else:
            return False
    return not waiting
