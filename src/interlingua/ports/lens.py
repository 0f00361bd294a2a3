"""What policy sees and changes of bytes that otherwise pass through untouched: the verbatim lane's view."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from interlingua.errors import InvalidRequest
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.events import Failed
from interlingua.types.response import FinishReason
from interlingua.types.usage import Usage


class Reframing(Protocol):
    """What makes of a dialect's stream what a client asked for that wants it framed another way."""

    CONTENT_TYPE: str

    def __init__(self) -> None: ...

    def feed(self, data: bytes) -> bytes:
        """What goes out for more of the stream."""
        ...

    def close(self) -> bytes:
        """What ends it."""
        ...


LONGEST_NAME = 512
"""Letters of a model's name."""


class Peek(Struct, frozen=True, kw_only=True, gc=False):
    """What policy must know of a request that is forwarded as it is.

    Args:
        model: the name in the body, or in the path for dialects that have it there.
        stream: whether the answer is wanted piece by piece.
        asks_usage: whether the client itself asked for usage in the stream.
        needs: what the model must be able to do: image, audio, video, pdf, tools, reasoning, audio output, …
        has_state: whether the body may hold opaque reasoning state; a cheap guess that never misses.
        most_output: the limit of the answer in tokens, where one is given.
        reframing: how the client wants its stream framed, where that is not the dialect's own way.
        choices: how many answers are asked for, each of them up to that limit.

    Raises:
        InvalidRequest: the model's name is none: it goes into headers, log lines, rows and what terminals show.
    """

    model: str
    stream: bool = False
    asks_usage: bool = False
    needs: frozenset[str] = frozenset()
    has_state: bool = False
    most_output: int | None = None
    reframing: type[Reframing] | None = None
    choices: int = 1

    def __post_init__(self) -> None:
        if len(self.model) > LONGEST_NAME or not self.model.isprintable():
            raise InvalidRequest(
                f"model: a name has {LONGEST_NAME} letters at most, all of them printable",
                path="model",
                remedy="Name a model as /v1/models lists it.",
            )


class Naming(Struct, frozen=True, kw_only=True):
    """Where a request says which conversation it belongs to: fields of its top level.

    Args:
        cache_key: names the conversation, for a provider's prompt cache; empty where there is none.
        end_user: names who talks: a field, or one of an object, with a dot between; empty where there is none.
        stays: the same in every request of a conversation, beside its turns.
        turns: the conversation itself; the first that is there counts.
    """

    cache_key: str = ""
    end_user: str = ""
    stays: tuple[str, ...] = ("tools",)
    turns: tuple[str, ...] = ()


class Seen(Struct, frozen=True, kw_only=True, gc=False):
    """One event of a stream that is relayed as it is.

    Args:
        raw: its bytes, as they came, with what ends it.
        content: whether a client would show something of it; a failure before the first is nobody's business yet.
        usage: what it says was consumed.
        only_usage: it says nothing else, so it is withheld where only we asked for it.
        failed: the error that it holds.
        terminal: whether the answer is complete with it.
        called: whether it holds a piece of a tool call, in dialects whose word for the end does not tell.
    """

    raw: bytes
    content: bool = False
    usage: Usage | None = None
    only_usage: bool = False
    failed: Failed | None = None
    terminal: bool = False
    called: bool = False


class Watcher(Protocol):
    """Watches a stream that is relayed as it is, without building what it does not need."""

    def __init__(self, context: TranslationContext) -> None: ...

    def feed(self, data: bytes) -> list[Seen]:
        """The events that `data` completes; their `raw` together is what was fed, but for an unfinished rest."""
        ...

    def close(self) -> list[Seen]:
        """The unfinished rest, if any; ends in `failed` where the answer was not complete (contracts §1.2)."""
        ...


class Lens(Protocol):
    """A dialect's `lens.py`: what policy must see and change of bytes that pass through untouched otherwise."""

    Watcher: type[Watcher]
    NAMING: Naming
    """Where its requests tell conversations apart."""
    ELSEWHERE: frozenset[str]
    """Fields of its own that tie an answer to what lies elsewhere, so that the same request may not be the same."""

    @staticmethod
    def limit_headers(what: str, limit: int, remaining: int, reset: float, now: float) -> tuple[tuple[str, str], ...]:
        """How its clients are told a limit.

        Args:
            what: requests or tokens.
            limit, remaining: of them in a period.
            reset: seconds until all are there again.
            now: seconds since 1970.
        """
        ...

    @staticmethod
    def peek(request: WireRequest) -> Peek:
        """What policy must know. Raises InvalidRequest for what is no request of this dialect."""
        ...

    @staticmethod
    def edit(request: WireRequest, model: str, *, ask_usage: bool = False) -> WireRequest:
        """The request for `model`, every other value byte for byte as it was; with usage asked for if need be."""
        ...

    @staticmethod
    def usage(response: WireResponse, context: TranslationContext) -> Usage | None:
        """What a whole answer says was consumed; never raises."""
        ...

    @staticmethod
    def finish(data: bytes, *, called: bool = False) -> FinishReason | None:
        """Why an answer ended, from its bytes, or those of an event with usage or of the last; never raises.

        Args:
            data: a whole answer, or an event; None where it does not say.
            called: whether tool calls came before it.
        """
        ...
