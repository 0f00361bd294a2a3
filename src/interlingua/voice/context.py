"""LiveKit's chat context as a canonical conversation.

LiveKit keeps words, calls and results, and has no place for what else an answer is made of: reasoning, signatures, the
order of its parts. So `record` puts the whole message into the `extra` of the items that it becomes, and
`parse_context` takes it out again. Where both tell of the same thing the chat context wins: it knows what was heard
before somebody interrupted, the record knows what the model wants back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from livekit import rtc
from livekit.agents import llm
from msgspec.structs import replace

from interlingua.errors import InterlinguaError, InvalidRequest
from interlingua.types.messages import Message, plain_calls, plain_text
from interlingua.types.parts import (
    BlobPart,
    CacheHint,
    Part,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from interlingua.types.serde import dump, load

KEY = "interlingua"
"""Where our record lies in the `extra` of LiveKit's items; other plugins look under their own names."""

log = logging.getLogger("interlingua.voice")


def record(message: Message) -> dict[str, Any]:
    """What the items of an answer must carry so that the model gets it back whole; empty where words and calls are all.

    Args:
        message: the assistant's.
    """
    if not message.parts or plain_text(message) or plain_calls(message) is not None:
        return {}
    return {KEY: dump(message).decode()}


def spoken(message: Message) -> str:
    """What is said aloud of a message: its text and its refusal, no reasoning."""
    return "".join(part.text for part in message.parts if isinstance(part, TextPart | RefusalPart))


def parse_context(context: llm.ChatContext) -> tuple[Message, ...]:
    """The conversation that a chat context tells, each result directly after its call.

    Results of calls that are no longer there, as after a truncation, are left out.

    Raises:
        InvalidRequest: an image is of a kind that LiveKit cannot serialise.
    """
    results = {item.call_id: item for item in context.items if item.type == "function_call_output"}
    steps: dict[str, list[llm.ChatItem]] = {}
    for item in context.items:
        if item.type in ("message", "function_call"):
            steps.setdefault(_step(item), []).append(item)
    return tuple(message for step in steps.values() for message in _messages(step, results))


def _step(item: llm.ChatItem) -> str:
    """What the items of one answer have in common: LiveKit derives the ids of calls from that of the answer."""
    group = item.group_id if item.type == "function_call" else None
    return group or item.id.partition("/")[0]


def _messages(step: Sequence[llm.ChatItem], results: dict[str, llm.FunctionCallOutput]) -> Iterable[Message]:
    for item in step:
        if item.type == "message" and item.role != "assistant":
            parts = tuple(_parts(item))
            if parts:
                raw_role = "developer" if item.role == "developer" else None
                role = "system" if item.role == "developer" else item.role
                yield Message(role=role, parts=parts, raw_role=raw_role)
    answer = _answer([item for item in step if item.type == "function_call" or _is_answer(item)])
    if answer is None:
        return
    yield answer
    calls = [part for part in answer.parts if isinstance(part, ToolCallPart)]
    answers = tuple(_result(results[call.id]) for call in calls if call.id in results)
    if answers:
        yield Message(role="tool", parts=answers)


def _is_answer(item: llm.ChatItem) -> bool:
    return item.type == "message" and item.role == "assistant"


def _answer(items: Sequence[llm.ChatItem]) -> Message | None:
    said: list[Part] = []
    calls: list[ToolCallPart] = []
    recorded: Message | None = None
    for item in items:
        if item.type == "message":
            said.extend(_parts(item))
        elif item.type == "function_call":
            calls.append(tool_call(item.call_id, item.name, item.arguments))
        if recorded is None and item.type in ("message", "function_call"):
            recorded = _recorded(item.extra)
    if recorded is not None:
        return _reconciled(recorded, said, calls)
    return Message(role="assistant", parts=(*said, *calls)) if said or calls else None


def _recorded(extra: dict[str, Any]) -> Message | None:
    text = extra.get(KEY)
    if not isinstance(text, str):
        return None
    try:
        return load(text, Message)
    except InterlinguaError as error:
        # The words are all there; only what the model wanted back besides is lost.
        log.warning("the state of an earlier answer cannot be read and is left out: %s", error.message)
        return None


def _reconciled(recorded: Message, said: list[Part], calls: list[ToolCallPart]) -> Message:
    """The answer as it was, with the words that were heard and the calls that were made."""
    heard = "".join(part.text for part in said if isinstance(part, TextPart))
    same_words = heard.strip() == spoken(recorded).strip()
    made = {call.id: call for call in calls}
    parts: list[Part] = []
    waiting: list[Part] = [] if same_words else list(said)
    for part in recorded.parts:
        if isinstance(part, ToolCallPart):
            call = made.pop(part.id, None)
            if call is not None:
                parts.extend(waiting)
                waiting = []
                # LiveKit may have repaired the arguments; then what the model signed is no longer what it said.
                parts.append(part if call.arguments == part.arguments else call)
        elif isinstance(part, TextPart | RefusalPart) and not same_words:
            parts.extend(waiting)
            waiting = []
        else:
            parts.append(part)
    return replace(recorded, parts=(*parts, *waiting, *made.values()))


def _result(item: llm.FunctionCallOutput) -> ToolCallResponsePart:
    return ToolCallResponsePart(
        id=item.call_id,
        name=item.name or None,
        response=(TextPart(text=item.output),),
        is_error=item.is_error,
    )


def _parts(message: llm.ChatMessage) -> Iterable[Part]:
    last: Part | None = None
    for content in message.content:
        if isinstance(content, llm.chat_context.CacheBreakpoint):
            if last is not None:
                last = replace(last, cache=CacheHint())
            continue
        if last is not None:
            yield last
        last = _part(content)
    if last is not None:
        yield last


def _part(content: str | llm.ImageContent | llm.AudioContent) -> Part | None:
    if isinstance(content, llm.ImageContent):
        return _image(content)
    if isinstance(content, llm.AudioContent):
        if content.transcript or not content.frame:
            return TextPart(text=content.transcript) if content.transcript else None
        return _blob("audio", "audio/wav", rtc.combine_audio_frames(content.frame).to_wav_bytes())
    return TextPart(text=content) if content else None


def _image(content: llm.ImageContent) -> Part:
    try:
        image = llm.utils.serialize_image(content)
    except ValueError as error:
        raise InvalidRequest(f"an image in the chat context: {error}", path="image") from error
    if image.external_url is not None:
        return UriPart(
            modality="image",
            uri=image.external_url,
            mime_type=image.mime_type or "",
            detail=image.inference_detail,
        )
    return replace(_blob("image", image.mime_type or "", image.data_bytes or b""), detail=image.inference_detail)


def _blob(modality: Any, mime_type: str, data: bytes) -> BlobPart:
    from base64 import b64encode

    return BlobPart(modality=modality, mime_type=mime_type, content=b64encode(data).decode())
