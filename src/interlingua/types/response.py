"""What a model answered."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from interlingua.types.messages import Message
from interlingua.types.opaque import Extra
from interlingua.types.usage import Usage

FinishKind = Literal["stop", "stop_sequence", "length", "tool_call", "content_filter", "refusal", "pause", "error"]


class FinishReason(Struct, frozen=True, omit_defaults=True):
    """Why an answer ended.

    Args:
        kind: our word.
        raw: the provider's own word, always kept.
        stop_sequence: the string that ended it, where the provider says so.
    """

    kind: FinishKind
    raw: str
    stop_sequence: str | None = None


class TokenLogprob(Struct, frozen=True, omit_defaults=True):
    """A token, its log probability, its bytes, the likeliest alternatives at its place; `extra` as everywhere."""

    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top: tuple[TokenLogprob, ...] = ()
    extra: Extra = {}


class Choice(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One of the alternative answers; nearly always there is one, with index 0."""

    message: Message
    finish: FinishReason
    index: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()
    extra: Extra = {}


class ChatResponse(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A whole answer.

    Args:
        id: the provider's id of it.
        model: the model that answered, as the provider names it.
        choices: the answers, by index.
        usage: tokens, or None where the provider said nothing.
        created: seconds since 1970, where the provider says so.
        service_tier: the tier that served it, as the provider writes it.
        extra: fields that only one dialect knows.
    """

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    created: int | None = None
    service_tier: str | None = None
    extra: Extra = {}

    @property
    def message(self) -> Message:
        """The message of the first choice."""
        return self.choices[0].message

    @property
    def finish(self) -> FinishReason:
        """Why the first choice ended."""
        return self.choices[0].finish

    @property
    def text(self) -> str:
        """The plain text of the first choice; empty where there is no choice."""
        return self.choices[0].message.text if self.choices else ""
