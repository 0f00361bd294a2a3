"""A streamed answer, piece by piece.

Grammar of one stream, per choice where an event has one:

    MessageStart ( PartStart PartDelta* PartEnd | UsageUpdate )* MessageEnd+     a complete answer
    … Failed                                                                     one that broke off

`MessageStart` comes once. Part indices are stable, count from 0 per choice without gaps, and equal the place of
the part in the finished message. Parts of one choice may overlap (tool calls whose arguments interleave).
`MessageEnd` comes last, once for each choice: no `UsageUpdate` follows the first of them. Nothing follows `Failed`.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from interlingua.errors import BY_CODE, BudgetExceeded, InterlinguaError, Overloaded, RateLimited, wait_of
from interlingua.types.opaque import Extra, Opaque, Origin
from interlingua.types.parts import Annotation, Part
from interlingua.types.response import FinishReason, TokenLogprob
from interlingua.types.usage import Usage


class EventBase(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="type"):
    """Base of all events."""


class MessageStart(EventBase, frozen=True, tag="message_start"):
    """An answer begins; the fields are those of `ChatResponse`, and the origin of its messages."""

    id: str
    model: str
    created: int | None = None
    service_tier: str | None = None
    origin: Origin | None = None
    extra: Extra = {}


class PartStart(EventBase, frozen=True, tag="part_start"):
    """A part begins; `part` holds what is known of it already (a whole part, or one with empty text)."""

    index: int
    part: Part
    choice: int = 0


class PartDelta(EventBase, frozen=True, tag="part_delta"):
    """A part grows.

    Args:
        index: which part.
        text: appended to what the part is made of: `text`, a tool call's `raw`, a blob's `content`.
        opaque: reasoning state that arrived for this part.
        annotation: a citation that arrived for this part.
        logprobs: of the tokens in `text`.
    """

    index: int
    text: str = ""
    opaque: Opaque | None = None
    annotation: Annotation | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    choice: int = 0


class PartEnd(EventBase, frozen=True, tag="part_end"):
    """A part is whole."""

    index: int
    choice: int = 0


class UsageUpdate(EventBase, frozen=True, tag="usage_update"):
    """What the call has consumed so far; cumulative: a later one replaces an earlier one."""

    usage: Usage


class MessageEnd(EventBase, frozen=True, tag="message_end"):
    """A choice is whole; `extra` is the choice's own luggage."""

    finish: FinishReason
    choice: int = 0
    extra: Extra = {}
    message_extra: Extra = {}


class Failed(EventBase, frozen=True, tag="failed"):
    """The answer broke off; the fields are those of the error tree."""

    code: str
    message: str
    retryable: bool = False
    fault: str = "provider"
    remedy: str = ""
    provider: str | None = None
    model: str | None = None
    request_id: str | None = None
    raw_code: str | None = None
    retry_after: float | None = None

    @classmethod
    def of(cls, error: InterlinguaError) -> Failed:
        """The event that tells of `error`."""
        return cls(
            code=error.code,
            message=error.message,
            retryable=error.retryable,
            fault=error.fault,
            remedy=error.remedy,
            provider=error.provider,
            model=error.model,
            request_id=error.request_id,
            raw_code=error.raw_code,
            retry_after=wait_of(error),
        )

    def error(self) -> InterlinguaError:
        """The error that this event tells of, of the class that its code names."""
        error = BY_CODE.get(self.code, InterlinguaError)(
            self.message,
            remedy=self.remedy,
            provider=self.provider,
            model=self.model,
            request_id=self.request_id,
            retryable=self.retryable,
            raw_code=self.raw_code,
        )
        if isinstance(error, RateLimited | Overloaded | BudgetExceeded):
            error.retry_after = self.retry_after
        return error


Event: TypeAlias = MessageStart | PartStart | PartDelta | PartEnd | UsageUpdate | MessageEnd | Failed
