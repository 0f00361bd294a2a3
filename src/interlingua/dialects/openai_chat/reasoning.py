"""Reasoning in all its spellings: the request's settings, and the thinking that messages carry.

Reading order of a message's thinking: `reasoning_details`, else `reasoning`, else `reasoning_content`; thinking
chunks inside `content` are read with the content, `<think>` tags where the host's traits say so. State that must be
echoed unread is an `Opaque` on the reasoning part.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from interlingua.dialects.openai_chat.schema import DETAILS, EFFORTS, ID, MESSAGE_STATE, SIGNATURE, as_raw, lose_opaque
from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Json, Opaque
from interlingua.types.parts import ReasoningPart
from interlingua.types.request import Reasoning
from interlingua.wire.fields import Fields

Body = dict[str, Any]

_BUDGET_EFFORTS = ((2_048, "low"), (10_240, "medium"), (24_576, "high"))
_DETAIL_TEXTS = ("text", "summary", "data", "signature")
"""Members of a reasoning detail that a stream sends in pieces."""


def parse_reasoning(fields: Fields) -> tuple[Reasoning | None, Body]:
    """The settings, and what is left of the objects that held them."""
    effort = budget = enabled = display = None
    left: Body = {}
    child = fields.child("reasoning") if fields.kind("reasoning") == "object" else None
    if child is not None:
        effort, budget, enabled = child.text("effort"), child.integer("max_tokens"), child.boolean("enabled")
        hidden, display = child.boolean("exclude"), child.text("summary")
        display = "omitted" if hidden else display
        left["reasoning"] = child.rest()
    if fields.kind("reasoning_effort") == "string":
        word = fields.need_text("reasoning_effort")
        if word in EFFORTS:
            effort = word
        else:
            left["reasoning_effort"] = word
    child = fields.child("thinking") if fields.kind("thinking") == "object" else None
    if child is not None:
        kind = child.text("type")
        enabled = kind != "disabled" if kind else enabled
        budget = child.integer("budget_tokens") if child.kind("budget_tokens") == "number" else budget
        left["thinking"] = child.rest()
    if fields.kind("enable_thinking") == "boolean":
        enabled = fields.boolean("enable_thinking")
    child = fields.child("chat_template_kwargs") if fields.kind("chat_template_kwargs") == "object" else None
    if child is not None:
        if child.kind("enable_thinking") == "boolean":
            enabled = child.boolean("enable_thinking")
        left["chat_template_kwargs"] = child.rest()
    found = Reasoning(effort=effort, budget_tokens=budget, enabled=enabled, display=display)
    return (None if found == Reasoning() else found), {key: value for key, value in left.items() if value}


def render_reasoning(body: Body, wanted: Reasoning, context: TranslationContext) -> None:
    """Adds the settings in the host's spelling; what it cannot say is noted."""
    host, traits = context.host, context.traits
    off = wanted.enabled is False or wanted.effort == "none" or (wanted.effort is None and wanted.budget_tokens == 0)
    if traits.reasoning is False or (not host.effort and not host.thinking_switch):
        if not off:
            context.lose("reasoning", "the model or the host has no reasoning settings")
        return
    if off and traits.reasoning_off is False:
        context.lose("reasoning.enabled", "the model cannot do without reasoning")
        off, wanted = False, Reasoning(effort=traits.efforts[0] if traits.efforts else None)
    if host.thinking_switch and (off or wanted.enabled or wanted.effort or wanted.budget_tokens):
        switch: dict[str, Body] = {
            "thinking": {"thinking": {"type": "disabled" if off else "enabled"}},
            "enable_thinking": {"enable_thinking": not off},
            "chat_template_kwargs": {"chat_template_kwargs": {"enable_thinking": not off}},
        }
        body.update(switch[host.thinking_switch])
        if off:
            return
    if host.effort == "reasoning":
        _render_object(body, wanted, off, context)
        return
    if wanted.display:
        context.lose("reasoning.display", "the host decides itself what it shows of its thinking")
    effort = _effort(wanted, off, context)
    if effort and host.effort:
        body["reasoning_effort"] = effort
    elif effort and effort != "none":
        context.lose("reasoning.effort", "the host can only switch reasoning on and off")


def _render_object(body: Body, wanted: Reasoning, off: bool, context: TranslationContext) -> None:
    settings: Body = {}
    if off and wanted.effort != "none":
        settings["enabled"] = False
    elif wanted.effort:
        settings["effort"] = clamp_effort(wanted.effort, context)
    elif wanted.budget_tokens and wanted.budget_tokens > 0:
        settings["max_tokens"] = wanted.budget_tokens
    elif wanted.enabled:
        settings["enabled"] = True
    if wanted.display == "omitted":
        settings["exclude"] = True
    elif wanted.display in ("auto", "concise", "detailed"):
        settings["summary"] = wanted.display
    if settings:
        body["reasoning"] = settings


def _effort(wanted: Reasoning, off: bool, context: TranslationContext) -> str | None:
    if off:
        return clamp_effort("none", context)
    if wanted.effort:
        return clamp_effort(wanted.effort, context)
    budget = wanted.budget_tokens
    if budget is not None and budget > 0:
        effort = next((word for most, word in _BUDGET_EFFORTS if budget <= most), "xhigh")
        context.emulate("reasoning.budget_tokens", f"no budgets in this format; sent as effort {effort}")
        return clamp_effort(effort, context)
    if wanted.enabled and context.traits.reasoning_default is False and not context.host.thinking_switch:
        return clamp_effort("medium", context)
    return None


def clamp_effort(effort: str, context: TranslationContext) -> str:
    """The nearest effort that the model accepts, the higher of two as near."""
    known = [word for word in context.traits.efforts if word in EFFORTS]
    if not known or effort in known or effort not in EFFORTS:
        return effort
    place = EFFORTS.index(effort)
    nearest = min(known, key=lambda word: (abs(EFFORTS.index(word) - place), -EFFORTS.index(word)))
    context.emulate("reasoning.effort", f"the model does not know {effort}; sent as {nearest}")
    return nearest


def parse_thinking(fields: Fields, context: TranslationContext) -> list[ReasoningPart]:
    """The reasoning part of a message or of nothing, from the fields beside its content."""
    opaque = []
    text = ""
    summary = False
    if fields.kind("reasoning_details") == "array":
        details = fields.look("reasoning_details")
        raw = fields.raw("reasoning_details") or "[]"
        if details:
            opaque.append(Opaque(DETAILS, raw, context.origin))
            text, summary = details_text(details), only_summaries(details)
    for key in ("reasoning", "reasoning_content"):
        if fields.kind(key) == "string":
            text = text or fields.text(key) or ""
            fields.skip(key)
    opaque.extend(parse_state(fields, context))
    return [ReasoningPart(text=text, summary=summary, opaque=tuple(opaque))] if text or opaque else []


def parse_state(fields: Fields, context: TranslationContext) -> tuple[Opaque, ...]:
    """State that stands in fields of its own on messages and tool calls."""
    found = []
    for key in MESSAGE_STATE:
        raw = fields.raw(key)
        if raw is not None:
            found.append(Opaque(f"{ID}.{key}", raw, context.origin))
    return tuple(found)


def render_state(body: Body, opaque: Iterable[Opaque]) -> None:
    """Puts such state back, byte for byte."""
    for one in opaque:
        key = one.kind.removeprefix(f"{ID}.")
        if key in MESSAGE_STATE and one.kind != key:
            body[key] = as_raw(one.data)


def details_text(details: Json) -> str:
    """What reasoning details say in words."""
    return "".join(str(one.get("text") or one.get("summary") or "") for one in details if isinstance(one, dict))


def only_summaries(details: Json) -> bool:
    """Whether all that they say are summaries."""
    said = [one for one in details if isinstance(one, dict) and (one.get("text") or one.get("summary"))]
    return bool(said) and all(one.get("type") == "reasoning.summary" for one in said)


def merge_details(pieces: Iterable[Json]) -> list[Json]:
    """The array that a stream's fragments amount to: neighbours of one index and type are one detail."""
    merged: list[Json] = []
    for piece in pieces:
        if not isinstance(piece, dict):
            continue
        last = merged[-1] if merged else None
        if last is None or any(last.get(key) != piece.get(key) for key in ("type", "index")):
            merged.append(dict(piece))
            continue
        for key, value in piece.items():
            if key in _DETAIL_TEXTS and isinstance(value, str) and isinstance(last.get(key), str):
                last[key] += value
            elif value is not None:
                last[key] = value
    return merged


def render_thinking(
    body: Body, parts: list[tuple[str, ReasoningPart]], context: TranslationContext, *, calls: bool
) -> list[Body]:
    """Adds an assistant message's thinking where the host takes it back.

    Args:
        parts: the reasoning parts, each with its path for losses.
        calls: whether the message calls tools.

    Returns:
        Thinking chunks that belong at the head of the content.
    """
    field = context.host.reasoning_field
    details = [one.data for _, part in parts for one in part.opaque if one.kind == DETAILS]
    text = "".join(part.text for _, part in parts)
    for path, part in parts:
        render_state(body, part.opaque)
        lose_opaque(part.opaque, path, context)
        if part.text and not field:
            context.lose(path, "the host does not take thinking back")
    if field == "content":
        return [_chunk(part) for _, part in parts if part.text or _signature(part)]
    if field == "reasoning_details" and details:
        body[field] = as_raw(details[0]) if len(details) == 1 else joined_details(details)
    elif field == "reasoning_details" and text:
        body["reasoning"] = text
    elif field in ("reasoning", "reasoning_content") and (text or (context.host.reasoning_required and calls)):
        body[field] = text
    return []


def joined_details(texts: list[str]) -> list[Json]:
    """Several arrays of details as the one that they were."""
    return merge_details(piece for text in texts for piece in msgspec.json.decode(text))


def _chunk(part: ReasoningPart) -> Body:
    signature = _signature(part)
    words = [{"type": "text", "text": part.text}] if part.text else []
    return {"type": "thinking", "thinking": words, **({"signature": signature} if signature else {})}


def _signature(part: ReasoningPart) -> str:
    return next((one.data for one in part.opaque if one.kind == SIGNATURE), "")
