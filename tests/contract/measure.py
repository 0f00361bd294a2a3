"""Translates a case into a dialect and back, and tells what was lost on the way.

What all dialects do alike is no loss and is levelled before comparing: calls and results are paired by ids that may
change, a result may name its tool, an answer has an id, a time and its own word for why it ended, and keeps its usage
object and its citations as the dialect wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from msgspec.structs import replace

from interlingua.dialects.registry import dialect
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.providers.provider import load_registry
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Event, Failed
from interlingua.types.loss import Loss
from interlingua.types.messages import Message
from interlingua.types.parts import Annotation, Part, TextPart, ToolCallPart, ToolCallResponsePart
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, Choice
from tests.contract.declared import TABLE, Entry, added
from tests.contract.difference import untold

_KINDS = {"warn": "setting", "drop": "content", "emulate": "emulated"}
_INDEX = re.compile(r"\[\d+\]")
_HOSTS = load_registry()


def surroundings(name: str) -> TranslationContext:
    """A context at the host that made the dialect; content that is lost is told from settings by its action."""
    host = TABLE["dialects"][name]["host"]
    return TranslationContext(
        dialect=name,
        provider=host,
        model="m",
        host=_HOSTS[host].host(name),
        seed="s",
        created=1_700_000_000,
        on_loss={"setting": "warn", "content": "drop"},
    )


def request_through(case: ChatRequest, name: str) -> tuple[ChatRequest, list[Loss]]:
    """A request as the dialect's server reads it, and what was lost."""
    context = surroundings(name)
    wire = dialect(name).render_request(case, context)
    return dialect(name).parse_request(wire, TranslationContext(dialect=name)), context.losses


def response_through(case: ChatResponse, name: str) -> tuple[ChatResponse, list[Loss]]:
    """An answer as the dialect's client reads it, and what was lost.

    Raises:
        InterlinguaError: the answer became an error.
    """
    context = surroundings(name)
    wire = dialect(name).render_response(case, context)
    return parse_answer(wire.status, wire.body, name), context.losses


def parse_answer(status: int, body: bytes, name: str) -> ChatResponse:
    """A whole answer as a client reads it, whose error it raises."""
    wire = WireResponse(status=status, body=body)
    here = TranslationContext(dialect=name, model="m")
    if status >= 400:
        raise dialect(name).parse_error(wire, here)
    return dialect(name).parse_response(wire, here)


def rendered_stream(
    events: Iterable[Event], name: str, *, include_usage: bool = True
) -> tuple[bytes, TranslationContext]:
    """The bytes of a stream for a client, and the context with its losses."""
    context = surroundings(name)
    renderer = dialect(name).StreamRenderer(
        context, ChatRequest(model="m", stream=True, include_usage=include_usage or None)
    )
    return b"".join([*(renderer.render(event) for event in events), renderer.close()]), context


def parsed_stream(wire: bytes, name: str, cuts: Sequence[int] = ()) -> list[Event]:
    """The events of a stream that arrives in pieces, cut at the given places."""
    parser = dialect(name).StreamParser(TranslationContext(dialect=name, model="m"))
    places = [0, *cuts, len(wire)]
    pieces = [wire[start:end] for start, end in pairwise(places)]
    return [*(event for piece in pieces for event in parser.feed(piece)), *parser.close()]


def stream_through(case: ChatResponse, name: str) -> tuple[ChatResponse, list[Loss]]:
    """A streamed answer as the dialect's client reads it, and what was lost.

    Raises:
        InterlinguaError: the stream told of an error.
    """
    wire, context = rendered_stream(unfold(case), name)
    return answer_of(parsed_stream(wire, name)), context.losses


def answer_of(events: Sequence[Event]) -> ChatResponse:
    """What a stream amounts to; raises the error that it told of."""
    for event in events:
        if isinstance(event, Failed):
            raise event.error()
    return accumulate(events)


def level_request(request: ChatRequest) -> ChatRequest:
    """A request without what may differ: ids of calls by their order, results with the names of their tools."""
    ids: dict[str, str] = {}
    names: dict[str, str] = {}
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, ToolCallPart):
                ids.setdefault(part.id, f"call-{len(ids)}")
                names[part.id] = part.name

    def level(part: Part) -> Part:
        if isinstance(part, ToolCallPart):
            return replace(part, id=ids[part.id])
        if isinstance(part, ToolCallResponsePart):
            return replace(part, id=ids.get(part.id, part.id), name=names.get(part.id))
        return replace(part, annotations=_level_citations(part)) if isinstance(part, TextPart) else part

    return replace(request, messages=tuple(_each_part(message, level) for message in request.messages))


def level_response(response: ChatResponse) -> ChatResponse:
    """An answer without what may differ."""

    def level(part: Part) -> Part:
        return replace(part, annotations=_level_citations(part)) if isinstance(part, TextPart) else part

    def level_choice(choice: Choice) -> Choice:
        return replace(choice, finish=replace(choice.finish, raw=""), message=_each_part(choice.message, level))

    usage = None if response.usage is None else replace(response.usage, raw=None)
    return replace(response, id="", created=None, usage=usage, choices=tuple(map(level_choice, response.choices)))


def _level_citations(part: TextPart) -> tuple[Annotation, ...]:
    return tuple(replace(annotation, dialect="", raw=None) for annotation in part.annotations)


def _each_part(message: Message, change: Callable[[Part], Part]) -> Message:
    return replace(message, parts=tuple(change(part) for part in message.parts))


def measured(before: object, after: object, losses: Iterable[Loss], name: str) -> tuple[Entry, ...]:
    """What a translation into a dialect lost: its losses, and the differences that none of them tells of."""
    noted = {Entry(loss.field, _KINDS[loss.action], loss.reason) for loss in losses}
    found = untold(before, after, (entry.field for entry in noted))
    quiet = {path for path, was in found.items() if not (_unsaid(was) and fills(path, name))}
    return tuple(sorted({*noted, *(Entry(path, "quiet", "") for path in quiet)}))


def _unsaid(value: object) -> bool:
    return value is None or value == () or value == {}


def fills(path: str, name: str) -> bool:
    """Whether the dialect's rendering always fills a path that says nothing."""
    plain = _INDEX.sub("[]", path)
    return any(plain == fill or plain.startswith(f"{fill}.") for fill in added(name))
