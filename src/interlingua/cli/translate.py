"""`il translate`: the translation itself as a tool, from standard input to standard output, without a network."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import click
import msgspec
from msgspec.structs import replace

from interlingua.cli.names import complete_models
from interlingua.cli.session import Session, session
from interlingua.cli.wire_kinds import KINDS, Kind, guess_kind
from interlingua.dialects.registry import DIALECTS, dialect
from interlingua.errors import InterlinguaError, InvalidRequest, StreamInterrupted
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.accumulate import Accumulator
from interlingua.types.events import Event, Failed
from interlingua.types.loss import Loss, LossAction
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.serde import dump, load

CANONICAL = "canonical"
_PIECE = 1 << 16
_DEFAULT_STATUS = 500


@click.command("translate", short_help="Translate between wire formats.")
@click.option(
    "--from",
    "source",
    type=click.Choice((*DIALECTS, CANONICAL)),
    metavar="FORMAT",
    required=True,
    help="What is piped in.",
)
@click.option(
    "--to", "target", type=click.Choice((*DIALECTS, CANONICAL)), metavar="FORMAT", required=True, help="What is wanted."
)
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    metavar="KIND",
    help="request, response, stream or error; told from what is piped in by default.",
)
@click.option("-m", "--model", metavar="MODEL", shell_complete=complete_models, help="Translate for this model.")
@click.option("--status", type=click.IntRange(400, 599), metavar="NUMBER", help="The HTTP status of an error.")
@click.option("--strict", is_flag=True, help="Fail where something cannot be carried over.")
@click.pass_context
def command(
    context: click.Context,
    source: str,
    target: str,
    kind: Kind | None,
    model: str | None,
    status: int | None,
    strict: bool,
) -> None:
    """Translate what is piped in: requests, responses, streams and errors of one wire format to another.

    What cannot be carried over is told on standard error. Formats: openai_chat, anthropic_messages, gemini, and
    canonical, which is the neutral form in the middle. No network is used.

    \b
    il translate --from openai_chat --to gemini < request.json
    … | il translate --from gemini --to openai_chat
    """
    current = session(context)
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("pipe in what is to be translated")
    pieces = _pieces()
    first = next(pieces, b"")
    if kind is None:
        first = b"".join((first, *pieces)) if not _is_stream(first) else first
        kind = guess_kind(first)
    translation = _Translation(current, source, target, model=model, strict=strict)
    work: dict[Kind, Callable[[Iterable[bytes]], None]] = {
        "request": translation.request,
        "response": translation.response,
        "stream": translation.stream,
        "error": partial(translation.error, status=status),
    }
    try:
        work[kind](_joined(first, pieces))
    finally:
        for loss in translation.losses:
            how = "carried another way" if loss.action == "emulate" else "left out"
            _note(current, f"{loss.field}: {loss.reason} ({how})")


class _Translation:
    """One translation; `losses` holds what could not be carried over."""

    def __init__(self, current: Session, source: str, target: str, *, model: str | None, strict: bool) -> None:
        self._current = current
        self._source = source
        self._target = target
        self._model = model
        action: LossAction = "reject" if strict else "warn"
        self._parsing = TranslationContext(dialect=source, on_loss={"setting": action, "content": action})
        self._rendering = TranslationContext(dialect=target, on_loss={"setting": action, "content": action})
        for context in (self._parsing, self._rendering):
            context.created = int(time.time())
        if model is not None:
            self._aim(model)

    @property
    def losses(self) -> Iterable[Loss]:
        """What was lost on both halves of the way; what was refused is told by the error."""
        return [one for one in (*self._parsing.losses, *self._rendering.losses) if one.action != "reject"]

    def _aim(self, model: str) -> None:
        """Has the rendering ask what a model can do, and how its host deviates where it speaks the dialect."""
        target = self._current.target(model)
        context = self._rendering
        context.model, context.traits, context.provider = target.model, target.traits, target.provider.id
        if self._target in target.provider.dialects:
            context.host = target.provider.host(self._target)
            context.quirk = target.provider.quirk_value(self._target)

    def _seeded(self, body: bytes) -> bytes:
        """Lets invented ids derive from the input: the same input gives the same output."""
        self._parsing.seed = self._rendering.seed = hashlib.sha256(body).hexdigest()
        return body

    def request(self, pieces: Iterable[bytes]) -> None:
        """Translates a request."""
        body = self._seeded(b"".join(pieces))
        if self._source == CANONICAL:
            found = load(body, ChatRequest)
        else:
            found = dialect(self._source).parse_request(WireRequest(body=body), self._parsing)
        if self._model is not None:
            found = replace(found, model=self._rendering.model)
        if self._target == CANONICAL:
            self._write(dump(found))
            return
        if not found.model:
            raise InvalidRequest("the request names no model", path="model", remedy="Name one with --model.")
        made = dialect(self._target).render_request(found, self._rendering)
        self._write(made.body)
        if found.model in made.path:
            _note(self._current, f"model and mode stand in the path: {made.path}")

    def response(self, pieces: Iterable[bytes]) -> None:
        """Translates a whole answer."""
        body = self._seeded(b"".join(pieces))
        if self._source == CANONICAL:
            found = load(body, ChatResponse)
        else:
            found = dialect(self._source).parse_response(WireResponse(body=body), self._parsing)
        if self._target == CANONICAL:
            self._write(dump(found))
        else:
            self._write(dialect(self._target).render_response(found, self._rendering).body)

    def error(self, pieces: Iterable[bytes], *, status: int | None = None) -> None:
        """Translates an error."""
        body = b"".join(pieces)
        if self._source == CANONICAL:
            found = next(iter(_canonical_events([body])), None)
            if not isinstance(found, Failed):
                raise InvalidRequest("what is piped in is no error", remedy="Say what it is with --kind.")
            error = found.error()
        else:
            wire = WireResponse(status=status or _status_in(body) or _DEFAULT_STATUS, body=body)
            error = dialect(self._source).parse_error(wire, self._parsing)
        if self._target == CANONICAL:
            self._write(dump(Failed.of(error)))
            return
        made = dialect(self._target).render_error(error, self._rendering)
        self._write(made.body)
        _note(self._current, f"its status is {made.status}")

    def stream(self, pieces: Iterable[bytes]) -> None:
        """Translates a stream while it comes.

        Raises:
            InterlinguaError: the stream tells of it, or ends before it is complete; it is translated all the same.
        """
        failed: Failed | None = None
        asked = ChatRequest(model=self._rendering.model, stream=True, include_usage=True)
        renderer = None
        if self._target != CANONICAL:
            renderer = dialect(self._target).StreamRenderer(self._rendering, asked)
        for event in self._events(pieces):
            self._pass_on(renderer.render(event) if renderer else dump(event) + b"\n")
            if isinstance(event, Failed):
                failed = event
        self._pass_on(renderer.close() if renderer else b"")
        if failed is not None:
            raise failed.error()

    def _events(self, pieces: Iterable[bytes]) -> Iterator[Event]:
        if self._source == CANONICAL:
            yield from _whole(_canonical_events(pieces))
            return
        parser = None
        for piece in pieces:
            if parser is None:
                self._seeded(piece[:_PIECE])
                parser = dialect(self._source).StreamParser(self._parsing)
            yield from parser.feed(piece)
        yield from (parser or dialect(self._source).StreamParser(self._parsing)).close()

    def _write(self, body: bytes) -> None:
        pretty = self._current.out.is_terminal
        self._pass_on((msgspec.json.format(body, indent=2) if pretty else body) + b"\n")

    def _pass_on(self, data: bytes) -> None:
        if data:
            self._current.out.write(self._current.out.safe(data.decode("utf-8", "replace")))


def _whole(events: Iterable[Event]) -> Iterator[Event]:
    """The events, and a failure after them where they do not amount to a complete answer."""
    accumulator = Accumulator()
    for event in events:
        try:
            accumulator.add(event)
        except ValueError as error:
            raise InvalidRequest(f"the events do not make an answer: {error}") from error
        yield event
    if accumulator.failed is None and not accumulator.complete:
        yield Failed.of(StreamInterrupted("the stream ended before the answer did"))


def _canonical_events(pieces: Iterable[bytes]) -> Iterator[Event]:
    """Events, one per line, with or without the envelope that `dump` puts around them."""
    rest = b""
    for piece in (*pieces, b"\n"):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.strip() and b'"type":"summary"' not in line.replace(b" ", b"")[:20]:
                yield _canonical_event(line)


def _canonical_event(line: bytes) -> Event:
    try:
        if b'"interlingua"' in line[:20]:
            return load(line, Event)  # type: ignore[arg-type]  # a union is as good as a type to msgspec
        event: Event = msgspec.json.decode(line, type=Event)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"not a canonical event: {error}") from error
    return event


def _pieces() -> Iterator[bytes]:
    """Standard input as it comes."""
    source = sys.stdin.buffer
    read = getattr(source, "read1", source.read)
    while piece := read(_PIECE):
        yield piece


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _is_stream(first: bytes) -> bool:
    """Whether the beginning already tells that it is an event stream, which is translated while it comes."""
    try:
        return not first.lstrip().startswith((b"{", b"[")) and guess_kind(first) == "stream"
    except InterlinguaError:
        return False


def _status_in(body: bytes) -> int | None:
    """The HTTP status that an error's body repeats, where it does."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    found = found[0] if isinstance(found, list) and found else found
    error = found.get("error") if isinstance(found, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code <= 599 else None


def _note(current: Session, text: str) -> None:
    current.err.line(current.err.paint("note:", "yellow") + " " + current.err.safe(text))
