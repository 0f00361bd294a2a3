"""The view of a conversation that a target may be sent: a pure function of history and target.

Stored history is never changed. For one target the view of the same messages is always the same, so that a growing
conversation only ever appends to what the provider has seen: prompt caches keep hitting, and reasoning state that is
bound to its prefix stays valid (contracts §2.1-§2.4).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from interlingua.errors import InvalidRequest
from interlingua.types.loss import Loss, LossAction
from interlingua.types.messages import Message
from interlingua.types.opaque import Origin
from interlingua.types.parts import (
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
)
from interlingua.types.traits import ToolCallIds

INTERRUPTED = "The call was interrupted before it gave a result."
"""The result of a call that never got one."""

_ACCEPTS: dict[ToolCallIds, re.Pattern[str]] = {
    "any": re.compile(r".+", re.DOTALL),
    "ascii40": re.compile(r"[\x21-\x7e]{1,40}"),
    "word": re.compile(r"[a-zA-Z0-9_-]{1,64}"),
    "alnum9": re.compile(r"[a-zA-Z0-9]{9}"),
}
_ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class View:
    """What a target is sent, and what that costs."""

    messages: tuple[Message, ...]
    losses: tuple[Loss, ...]


@dataclass(slots=True)
class _Rules:
    """The target as continuity sees it, and the losses noted on the way."""

    origin: Origin
    portable: str
    ids: ToolCallIds
    reasoning: str
    portable_of: dict[tuple[str, str], str]
    keep_unknown: bool = False
    losses: list[Loss] = field(default_factory=list)

    def lose(self, where: str, reason: str, action: LossAction = "drop") -> None:
        self.losses.append(Loss(field=where, dialect=self.origin.endpoint, reason=reason, action=action))

    def own(self, origin: Origin | None) -> bool:
        """Whether state of this origin may be replayed to the target."""
        if origin is None:
            return self.keep_unknown
        if (origin.provider, origin.endpoint) != (self.origin.provider, self.origin.endpoint):
            return False
        if origin.credential and origin.credential != self.origin.credential:
            return False
        if origin.model == self.origin.model:
            return True
        group = self.portable_of.get((origin.provider, origin.model), "")
        return bool(group) and group == self.portable


def tool_call_id(id: str, rule: ToolCallIds) -> str:
    """The id that a target gets for a call: itself if the target accepts it, else a hash in its alphabet.

    Args:
        id: the id in history.
        rule: what the target accepts.
    """
    return id if _ACCEPTS[rule or "any"].fullmatch(id) else _hashed(id, rule)


def _hashed(id: str, rule: ToolCallIds) -> str:
    digest = hashlib.sha256(b"interlingua tool call\0" + id.encode("utf-8", "surrogatepass")).digest()
    if rule != "alnum9":
        return "call_" + digest.hex()[:24]
    number = int.from_bytes(digest, "big")
    letters = []
    for _ in range(9):
        number, rest = divmod(number, len(_ALNUM))
        letters.append(_ALNUM[rest])
    return "".join(letters)


def view(
    messages: Sequence[Message],
    origin: Origin,
    *,
    tool_call_ids: ToolCallIds = "any",
    reasoning: str = "drop",
    portable: str = "",
    portable_of: dict[tuple[str, str], str] | None = None,
    keep_unknown: bool = False,
) -> View:
    """The conversation as a target may see it.

    Args:
        messages: the history, oldest first.
        origin: what the target's own answers carry as their origin.
        tool_call_ids: which ids the target accepts.
        reasoning: `drop` another model's reasoning, or tell it as `text`.
        portable: the target's group of models that accept each other's state; empty for none.
        portable_of: that group by (provider, model), for the models in the history.
        keep_unknown: whether state of unknown origin stays, as it does where a client's bytes are passed on.

    Raises:
        InvalidRequest: a tool result answers no call.
    """
    rules = _Rules(origin, portable, tool_call_ids, reasoning, portable_of or {}, keep_unknown)
    seen = [_message(message, f"messages[{i}]", rules) for i, message in enumerate(messages)]
    return View(messages=tuple(_paired(seen, rules)), losses=tuple(rules.losses))


def _message(message: Message, where: str, rules: _Rules) -> Message:
    own = rules.own(message.origin)
    parts: list[Part] = []
    for i, part in enumerate(message.parts):
        parts.extend(_part(part, own, f"{where}.parts[{i}]", rules))
    if len(parts) == len(message.parts) and all(a is b for a, b in zip(parts, message.parts, strict=True)):
        return message
    return msgspec.structs.replace(message, parts=tuple(parts))


def _part(part: Part, own: bool, where: str, rules: _Rules) -> Iterable[Part]:
    kept = tuple(opaque for opaque in part.opaque if rules.own(opaque.origin))
    if isinstance(part, ReasoningPart) and not own and not kept:
        if rules.reasoning == "text" and part.text:
            rules.lose(where, "reasoning of another model is told as text", "emulate")
            return [TextPart(text=f"<thinking>\n{part.text}\n</thinking>\n")]
        rules.lose(where, "reasoning of another model")
        return []
    if len(kept) != len(part.opaque):
        rules.lose(f"{where}.opaque", "reasoning state of another model or account")
        part = msgspec.structs.replace(part, opaque=kept)
        if isinstance(part, ReasoningPart) and not part.text and not kept:
            return []
    if isinstance(part, ToolCallPart | ToolCallResponsePart):
        id = tool_call_id(part.id, rules.ids)
        if id != part.id:
            part = msgspec.structs.replace(part, id=id)
    return [part]


def _paired(messages: Sequence[Message], rules: _Rules) -> Iterable[Message]:
    """Puts each result directly after its call, closes calls without one, refuses results without a call."""
    at = 0
    while at < len(messages):
        message = messages[at]
        at += 1
        if message.role != "assistant" or not any(isinstance(part, ToolCallPart) for part in message.parts):
            _refuse_results(message, at - 1)
            yield message
            continue
        message, wanted = _told_apart(message, rules.ids)
        results: dict[str, ToolCallResponsePart] = {}
        between: list[Message] = []
        # The message that answers keeps what else it carries; results that stood elsewhere join it.
        answer = next((m for m in messages[at : at + 1] if m.role == "tool"), Message(role="tool"))
        while at < len(messages) and messages[at].role != "assistant":
            between.extend(_collect(messages[at], at, wanted, results))
            at += 1
        yield message
        yield msgspec.structs.replace(answer, parts=tuple(_answers(message, results, rules)))
        yield from between


def _told_apart(message: Message, ids: ToolCallIds) -> tuple[Message, dict[str, list[str]]]:
    """The message with an id of its own for each call, and the ids that calls have now by the one they had.

    Some hosts give one id to several calls of a turn; their results are told apart by their order.
    """
    wanted: dict[str, list[str]] = {}
    parts: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolCallPart):
            same = wanted.setdefault(part.id, [])
            if same:
                part = msgspec.structs.replace(part, id=_hashed(f"{part.id}\0{len(same)}", ids))
            same.append(part.id)
        parts.append(part)
    if all(len(same) == 1 for same in wanted.values()):
        return message, wanted
    return msgspec.structs.replace(message, parts=tuple(parts)), wanted


def _collect(
    message: Message, at: int, wanted: dict[str, list[str]], results: dict[str, ToolCallResponsePart]
) -> Iterable[Message]:
    """Takes the wanted results out of a message, and off what is wanted; what else it holds stays."""
    rest: list[Part] = []
    for part in message.parts:
        if not isinstance(part, ToolCallResponsePart):
            rest.append(part)
        elif left := wanted.get(part.id):
            id = left.pop(0)
            results[id] = part if id == part.id else msgspec.structs.replace(part, id=id)
        else:
            raise _orphan(part, at)
    if len(rest) == len(message.parts):
        return [message]
    if not rest:
        return []
    return [
        msgspec.structs.replace(message, parts=tuple(rest), role="user" if message.role == "tool" else message.role)
    ]


def _answers(
    message: Message, results: dict[str, ToolCallResponsePart], rules: _Rules
) -> Iterable[ToolCallResponsePart]:
    for call in message.parts:
        if not isinstance(call, ToolCallPart):
            continue
        result = results.get(call.id)
        if result is None:
            rules.lose(f"tool call {call.id} ({call.name})", "it was never answered; closed as interrupted", "emulate")
            result = ToolCallResponsePart(
                id=call.id, name=call.name, response=(TextPart(text=INTERRUPTED),), is_error=True
            )
        elif result.name is None:
            result = msgspec.structs.replace(result, name=call.name)
        yield result


def _refuse_results(message: Message, at: int) -> None:
    for part in message.parts:
        if isinstance(part, ToolCallResponsePart):
            raise _orphan(part, at)


def _orphan(part: ToolCallResponsePart, at: int) -> InvalidRequest:
    return InvalidRequest(
        f"messages[{at}]: the result for tool call {part.id!r} answers no call before it",
        path=f"messages[{at}]",
        remedy="Send the assistant message with that tool call before its result, and each result once.",
    )


def anonymous(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation without what we know of who made it: what a client's own bytes amount to."""
    return tuple(
        msgspec.structs.replace(
            message,
            origin=None,
            parts=tuple(
                msgspec.structs.replace(
                    part, opaque=tuple(msgspec.structs.replace(one, origin=None) for one in part.opaque)
                )
                if part.opaque
                else part
                for part in message.parts
            ),
        )
        for message in messages
    )
