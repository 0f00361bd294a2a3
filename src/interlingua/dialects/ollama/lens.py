"""The verbatim lane's view of Ollama's format: what policy must see and change of bytes that pass through untouched.

Requests: the top level is cut, and messages are read for nothing but images and calls; no field holds reasoning state.
Streams: each line is decoded into the few fields that tell what it is. A line whose `message` holds anything beside its
role counts as content; a line without message or text is progress that no chat shows.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from interlingua.dialects.ollama.generate import PATH as GENERATE_PATH
from interlingua.dialects.ollama.generate import is_generate
from interlingua.dialects.ollama.request import PATH
from interlingua.dialects.ollama.schema import bad_answer, bad_request, finish_of
from interlingua.dialects.ollama.stream import StreamParser
from interlingua.dialects.ollama.thinking import parse_think
from interlingua.dialects.ollama.usage import parse_usage
from interlingua.errors import InterlinguaError, InvalidRequest, StreamInterrupted, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Naming, Peek, Seen
from interlingua.types.events import Failed
from interlingua.types.response import FinishReason
from interlingua.types.usage import Usage
from interlingua.wire import glance
from interlingua.wire.cutter import LineCutter
from interlingua.wire.fields import Fields, kind_of
from interlingua.wire.rate_limits import limit_headers as limit_headers
from interlingua.wire.strict_json import cut, joined

# Requests

_ABSENT = msgspec.Raw(b"")


class _Message(msgspec.Struct, gc=False):
    """A message, but for what it says."""

    role: Any = ""
    images: list[msgspec.Raw] | None = None
    tool_calls: list[msgspec.Raw] | None = None


_messages = msgspec.json.Decoder(list[_Message] | None)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def peek(request: WireRequest) -> Peek:
    """What policy must know of a request; the word `calls` in its needs tells of tool calls in the history."""
    values = cut(request.body)
    needs: set[str] = set()
    if not is_generate(request.path) and "messages" in values:
        needs = _needs(values["messages"])
    elif glance.holds(values, "images"):
        needs.add("image")
    if glance.holds(values, "tools"):
        needs.add("tools")
    if kind_of(values.get("format", b"")) == "object" or glance.holds(values, "format"):
        needs.add("structured_output")
    if _wants_thought(values):
        needs.add("reasoning")
    limit = glance.count(glance.members(values.get("options")), "num_predict")
    return Peek(
        model=glance.text(values, "model"),
        stream=glance.flag(values, "stream") is not False,
        asks_usage=True,
        needs=frozenset(needs),
        most_output=limit if limit is not None and limit >= 0 else None,
    )


def _needs(raw: msgspec.Raw) -> set[str]:
    try:
        messages = _messages.decode(raw) or []
    except msgspec.ValidationError:
        words = glance.words(raw)
        called = not words.isdisjoint({"tool_calls", "tool"})
        return ({"image"} if "images" in words else set()) | ({"calls"} if called else set())
    needs: set[str] = set()
    for message in messages:
        if message.images:
            needs.add("image")
        if message.tool_calls or str(message.role).lower() == "tool":
            needs.add("calls")
    return needs


def _wants_thought(values: glance.Values) -> bool:
    source = glance.some(values, "think")
    if not source:
        return False
    try:
        wanted = parse_think(Fields(source, bad_request))
    except InvalidRequest:
        return True
    return wanted is not None and bool(wanted.effort or wanted.enabled)


def edit(request: WireRequest, model: str, *, ask_usage: bool = False) -> WireRequest:
    """The request for `model`; usage comes without being asked for."""
    values = _object.decode(request.body)
    if "model" not in values:
        values = {"model": _ABSENT, **values}
    values["model"] = msgspec.Raw(msgspec.json.encode(model))
    path = GENERATE_PATH if is_generate(request.path) else PATH
    return WireRequest(method=request.method, path=path, body=joined(values), headers=request.headers)


NAMING = Naming(stays=("system", "tools"), turns=("messages", "prompt"))
ELSEWHERE: frozenset[str] = frozenset()


# Answers


class _Said(msgspec.Struct, gc=False):
    content: Any = None
    thinking: Any = None
    tool_calls: Any = None
    images: Any = None


class _Line(msgspec.Struct, gc=False):
    """What must be known of a line, of either path."""

    message: _Said | None = None
    response: Any = None
    thinking: Any = None
    tool_calls: Any = None
    image: Any = None
    images: Any = None
    done: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(_Line).decode
_any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class Watcher:
    """Watches a stream; see `ports.lens.Watcher`."""

    def __init__(self, context: TranslationContext) -> None:
        self._context = context
        self._cutter = LineCutter()
        self._begun = False
        self._over = False
        self._plain = context.quirk.chunk is None

    def feed(self, data: bytes) -> list[Seen]:
        """The lines that `data` completes."""
        try:
            return [self._see(line) for line in self._cutter.feed(data)]
        except UpstreamError as error:
            return [self._fail(b"", Failed.of(error))]

    def close(self) -> list[Seen]:
        """The unfinished rest, if any; a failure where no line said that the answer is done."""
        rest = self._cutter.close()
        found = [self._see(rest, last=True)] if rest else []
        if not self._over:
            found.append(self._fail(b"", self._interrupted()))
        return found

    def _see(self, line: bytes, *, last: bool = False) -> Seen:
        if self._over:
            return Seen(raw=line)
        try:
            found = _decode(line if self._plain else msgspec.json.encode(self._adapted(line)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return self._look(line, error, last)
        if found.error is not None:
            return self._fail(line, self._failure(line))
        self._begun = True
        said = found.message or found
        content = bool(said.thinking or said.tool_calls or said.images or found.image)
        content = content or bool(found.response if isinstance(said, _Line) else said.content)
        if found.done is not True:
            return Seen(raw=line, content=content, called=bool(said.tool_calls))
        self._over = True
        return Seen(raw=line, content=content, usage=self._usage(line), terminal=True)

    def _adapted(self, line: bytes) -> Any:
        value = _any.decode(line)
        chunk = self._context.quirk.chunk
        return chunk(value) if chunk is not None and isinstance(value, dict) else value

    def _usage(self, line: bytes) -> Usage | None:
        try:
            source = line if self._plain else msgspec.json.encode(self._adapted(line))
            return parse_usage(Fields(source, bad_answer))
        except UpstreamError:
            return None

    def _look(self, line: bytes, error: Exception, last: bool) -> Seen:
        """Looks at what is no plain line: blank ones, odd shapes, no JSON."""
        text = line.strip()
        if not text or (isinstance(error, msgspec.ValidationError) and text.startswith(b"{")):
            return Seen(raw=line)
        was_cut = last and (self._begun or (text.startswith(b"{") and not text.endswith(b"}")))
        return self._fail(line, self._interrupted() if was_cut else self._failure(line))

    def _failure(self, line: bytes) -> Failed | None:
        """What the dialect's own reader makes of a line that it refuses."""
        found = StreamParser(self._context).feed(line if line.endswith(b"\n") else line + b"\n")
        return next((one for one in found if isinstance(one, Failed)), None)

    def _interrupted(self) -> Failed:
        came = "before the answer was whole" if self._begun else "before anything came"
        return Failed.of(
            StreamInterrupted(
                f"the stream ended {came}",
                provider=self._context.provider or None,
                model=self._context.model or None,
            )
        )

    def _fail(self, line: bytes, failed: Failed | None) -> Seen:
        self._over = self._over or failed is not None
        return Seen(raw=line, failed=failed)


def usage(response: WireResponse, context: TranslationContext) -> Usage | None:
    """What a whole answer says was consumed; never raises."""
    try:
        body = response.body
        if context.quirk.response is not None:
            body = msgspec.json.encode(context.quirk.response(_any.decode(body)))
        return parse_usage(Fields(body, bad_answer))
    except (InterlinguaError, msgspec.DecodeError, UnicodeDecodeError, ValueError, ArithmeticError, AttributeError):
        return None


_FINISH = re.compile(rb'"done_reason"\s*:\s*"(\w+)"')
_CALL = re.compile(rb'"tool_calls"\s*:\s*\[\s*\{')


def finish(data: bytes, *, called: bool = False) -> FinishReason | None:
    """Why an answer ended; see `ports.lens.Lens.finish`."""
    words = _FINISH.findall(data)
    return finish_of(words[-1].decode(), called=called or _CALL.search(data) is not None) if words else None
