"""Content parts: text, media and refusals inside a message's `content`."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from interlingua.dialects.openai_chat.schema import (
    FILES,
    ID,
    SIGNATURE,
    as_raw,
    has_file,
    lose_foreign,
    luggage,
    put_back,
    source_of,
)
from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Opaque
from interlingua.types.parts import (
    BlobPart,
    CacheHint,
    ContentPart,
    FilePart,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    UriPart,
    modality_of,
)
from interlingua.wire.data_url import parse_data_url, render_data_url
from interlingua.wire.fields import Fail, Fields, kind_of

Body = dict[str, Any]

_AUDIO_MIMES = {"mp3": "audio/mpeg"}
_AUDIO_FORMATS = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/vnd.wave": "wav"}
_LONG = ("30m", "1h", "12h")
_ONLY_TTL = "30m"


def parse_content(fields: Fields, fail: Fail, context: TranslationContext) -> list[Part]:
    """The parts of `content`: a string, an array of parts, or an object, which some hosts send for JSON output."""
    kind = fields.kind("content")
    if kind == "object":
        return [TextPart(text=fields.raw("content") or "")]
    if kind != "array":
        text = fields.text("content")
        return [TextPart(text=text)] if text else []
    found: list[Part] = []
    for i, raw in enumerate(fields.items("content")):
        if kind_of(raw) == "string":
            found.append(TextPart(text=msgspec.json.decode(raw, type=str)))
        else:
            found.append(_parse_part(Fields(raw, fail, f"{fields.at('content')}[{i}]"), context))
    return [part for part in found if not (isinstance(part, TextPart) and not part.text)]


def _parse_part(fields: Fields, context: TranslationContext) -> Part:
    if fields.kind("type") != "string":
        raise fields.error("type", "required")
    kind = fields.need_text("type")
    if kind == "text":
        text, cache = fields.need_text("text"), parse_cache(fields)
        return TextPart(text=text, cache=cache, extra=luggage(fields.rest()))
    if kind == "refusal":
        return RefusalPart(text=fields.need_text("refusal"), extra=luggage(fields.rest()))
    if kind == "thinking":
        return _parse_thinking(fields, context)
    if kind in ("image_url", "video_url"):
        return parse_address(fields, kind, "image" if kind == "image_url" else "video")
    if kind == "input_audio" and fields.kind(kind) == "object":
        return _parse_audio(fields)
    if kind == "file" and fields.kind(kind) == "object":
        return _parse_file(fields)
    return OpaquePart(dialect=ID, kind=kind, raw=source_of(fields))


def parse_cache(fields: Fields) -> CacheHint | None:
    """The cache hint of a part or tool, in OpenAI's or Anthropic's spelling."""
    for key in ("prompt_cache_breakpoint", "cache_control"):
        child = fields.child(key)
        if child is not None:
            return CacheHint(ttl=child.text("ttl") or "")
    return None


def render_cache(body: Body, hint: CacheHint | None, context: TranslationContext) -> None:
    """Adds a cache hint in the host's spelling, or notes that it has none."""
    if hint is None:
        return
    if context.host.cache_field == "cache_control":
        body["cache_control"] = {"type": "ephemeral", **({"ttl": hint.ttl} if hint.ttl else {})}
    elif context.host.cache_field == "prompt_cache_breakpoint":
        body["prompt_cache_breakpoint"] = {"mode": "explicit", **({"ttl": _ONLY_TTL} if hint.ttl in _LONG else {})}
        if hint.ttl not in ("", _ONLY_TTL) and all(loss.field != "cache" for loss in context.losses):
            context.emulate("cache", f"a lifetime of {hint.ttl} becomes {_ONLY_TTL}")
    elif all(loss.field != "cache" for loss in context.losses):
        context.lose("cache", "the host has no hints for its prompt cache")


def _parse_thinking(fields: Fields, context: TranslationContext) -> ReasoningPart:
    if fields.kind("thinking") == "string":
        text = fields.text("thinking") or ""
    else:
        text = "".join(piece.text("text") or "" for piece in fields.children("thinking"))
    signature = fields.text("signature")
    fields.skip("closed")
    return ReasoningPart(
        text=text,
        opaque=(Opaque(SIGNATURE, signature, context.origin),) if signature else (),
        extra=luggage(fields.rest()),
    )


def parse_address(fields: Fields, key: str, modality: Literal["image", "video"]) -> BlobPart | UriPart:
    """An image or video by address, `data:` addresses included; the address may stand bare or in an object."""
    cache = parse_cache(fields)
    detail, inner = None, {}
    if fields.kind(key) == "string":
        url = fields.need_text(key)
    else:
        child = fields.child(key)
        if child is None:
            raise fields.error(key, "required")
        url, detail, inner = child.need_text("url"), child.text("detail"), child.rest()
    extra = luggage({**fields.rest(), **({key: inner} if inner else {})})
    data = parse_data_url(url)
    if data is None:
        return UriPart(modality=modality, uri=url, detail=detail, cache=cache, extra=extra)
    mime, content = data
    return BlobPart(modality=modality, mime_type=mime, content=content, detail=detail, cache=cache, extra=extra)


def _parse_audio(fields: Fields) -> BlobPart:
    child = fields.child("input_audio")
    assert child is not None
    content, form = child.need_text("data"), child.need_text("format")
    cache = parse_cache(fields)
    data = parse_data_url(content)
    return BlobPart(
        modality="audio",
        mime_type=_AUDIO_MIMES.get(form, f"audio/{form}"),
        content=data[1] if data else content,
        cache=cache,
        extra=luggage(fields.rest()),
    )


def _parse_file(fields: Fields) -> Part:
    child = fields.child("file")
    assert child is not None
    name, file_id, content = child.text("filename"), child.text("file_id"), child.text("file_data")
    cache = parse_cache(fields)
    inner = child.rest()
    extra = luggage({**fields.rest(), **({"file": inner} if inner else {})})
    if file_id is not None:
        return FilePart(modality="document", file_id=file_id, name=name, origin=FILES, cache=cache, extra=extra)
    if content is None:
        raise fields.error("file", "needs file_data or file_id")
    if content.startswith(("https://", "http://")):
        return UriPart(modality="document", uri=content, name=name, cache=cache, extra=extra)
    mime, data = parse_data_url(content) or ("application/pdf", content)
    return BlobPart(modality=modality_of(mime), mime_type=mime, content=data, name=name, cache=cache, extra=extra)


def render_content(
    parts: Sequence[tuple[str, Part]], context: TranslationContext, *, media: bool = True
) -> str | list[Any] | None:
    """`content` for parts: a string where one plain text is all, else an array; None where nothing is left.

    Args:
        parts: those that belong into the content, each with its path for losses.
        media: whether the role takes anything but text.
    """
    rendered = [one for path, part in parts if (one := render_part(part, path, context, media=media)) is not None]
    if len(rendered) == 1 and isinstance(rendered[0], dict) and rendered[0].keys() == {"type", "text"}:
        return str(rendered[0]["text"])
    return rendered or None


def render_part(part: Part, path: str, context: TranslationContext, *, media: bool = True) -> Any:
    """One content part, or None where it is empty or cannot be carried."""
    if isinstance(part, TextPart):
        if not part.text:
            return None
        body: Body | None = {"type": "text", "text": part.text}
    elif isinstance(part, RefusalPart):
        body = {"type": "refusal", "refusal": part.text} if part.text else None
    elif isinstance(part, OpaquePart) and part.dialect == ID:
        return as_raw(part.raw)
    elif isinstance(part, BlobPart | UriPart | FilePart) and media:
        body = _render_media(part, path, context)
    else:
        reason = f"known to {part.dialect} alone" if isinstance(part, OpaquePart) else "not possible in this role"
        context.lose(path, f"a part of type {type(part).__name__}: {reason}", kind="content")
        return None
    if body is not None:
        render_cache(body, part.cache, context)
        put_back(body, part.extra)
        lose_foreign(part.extra, context)
    return body


def _render_media(part: BlobPart | UriPart | FilePart, path: str, context: TranslationContext) -> Body | None:
    host = context.host
    if isinstance(part, FilePart):
        if not has_file(part.origin, context):
            context.lose(path, "the file was uploaded to another provider", kind="content")
        elif part.modality != "document" or not host.file_parts:
            context.lose(path, f"no {part.modality} by file id", kind="content")
        else:
            named = {"filename": part.name} if part.name else {}
            return {"type": "file", "file": {"file_id": part.file_id, **named}}
        return None
    if part.modality == "image" or (part.modality == "video" and host.video_parts):
        url = _address(part)
        if url.startswith(("data:", "https://", "http://")):
            key = f"{part.modality}_url"
            return {"type": key, key: {"url": url, **({"detail": part.detail} if part.detail else {})}}
        context.lose(path, f"no {part.modality} at an address like {url.partition(':')[0]}:", kind="content")
        return None
    if isinstance(part, BlobPart) and part.modality == "audio":
        form = _AUDIO_FORMATS.get(part.mime_type) or part.mime_type.removeprefix("audio/")
        return {"type": "input_audio", "input_audio": {"data": part.content, "format": form}}
    if isinstance(part, BlobPart) and part.modality == "document":
        return _render_document(part, path, context)
    form = "inline" if isinstance(part, BlobPart) else "by address"
    context.lose(path, f"no {part.modality} {form}", kind="content")
    return None


def _address(part: BlobPart | UriPart) -> str:
    return part.uri if isinstance(part, UriPart) else render_data_url(part.mime_type, part.content)


def _render_document(part: BlobPart, path: str, context: TranslationContext) -> Body | None:
    if part.mime_type.startswith("text/") or not context.host.file_parts:
        text = inline_text(part)
        if text is None:
            context.lose(path, f"no files ({part.mime_type or 'of unknown type'})", kind="content")
            return None
        context.emulate(path, "a text file goes inline as text")
        return {"type": "text", "text": f"{part.name}:\n{text}" if part.name else text}
    name = part.name or "document." + (part.mime_type.rpartition("/")[2] or "pdf")
    return {"type": "file", "file": {"filename": name, "file_data": render_data_url(part.mime_type, part.content)}}


def inline_text(part: BlobPart) -> str | None:
    """The text of a text file, or None where it is none."""
    if not part.mime_type.startswith("text/") and part.mime_type != "application/json":
        return None
    try:
        return base64.b64decode(part.content).decode()
    except ValueError:
        return None


def split_media(parts: Sequence[ContentPart]) -> tuple[list[ContentPart], list[BlobPart | UriPart | FilePart]]:
    """Parts that are text (or unknown pieces of this dialect), and those that are media."""
    media = [part for part in parts if isinstance(part, BlobPart | UriPart | FilePart)]
    others: list[ContentPart] = [part for part in parts if not isinstance(part, BlobPart | UriPart | FilePart)]
    return others, media
