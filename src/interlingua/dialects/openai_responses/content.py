"""Pieces of what is put in: text, images and files of messages and tool results; and citations of what came out."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from interlingua.dialects.openai_responses.schema import (
    FILES,
    ID,
    Body,
    as_raw,
    has_file,
    lose_foreign,
    luggage,
    put_back,
    source_of,
)
from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Json
from interlingua.types.parts import (
    Annotation,
    BlobPart,
    CacheHint,
    ContentPart,
    FilePart,
    OpaquePart,
    Part,
    TextPart,
    UriPart,
    modality_of,
)
from interlingua.wire.data_url import parse_data_url, render_data_url
from interlingua.wire.fields import Fail, Fields, kind_of

Placed = tuple[str, Part]
"""A part and its path, for losses."""

_TTLS = {"30m": "30m", "1h": "30m", "12h": "12h", "24h": "12h"}
"""Lifetimes of this format's prompt cache, by the ways to say them."""
_TEXTS = ("input_text", "output_text", "text")


def parse_content(fields: Fields, key: str, fail: Fail) -> list[ContentPart]:
    """The parts of a string or an array of parts.

    Args:
        fields: the item that holds it.
        key: `content` of a message, `output` of a tool result.
        fail: makes the error that a wrong shape raises.
    """
    if fields.kind(key) != "array":
        text = fields.text(key)
        return [TextPart(text=text)] if text else []
    found: list[ContentPart] = []
    for i, raw in enumerate(fields.items(key)):
        if kind_of(raw) == "string":
            found.append(TextPart(text=msgspec.json.decode(raw, type=str)))
        else:
            found.append(parse_part(Fields(raw, fail, f"{fields.at(key)}[{i}]")))
    return [part for part in found if not (isinstance(part, TextPart) and not part.text)]


def parse_part(fields: Fields) -> ContentPart:
    """One part of what is put in; a type that we do not know is kept as it stands."""
    source = source_of(fields)
    kind = fields.need_text("type")
    if kind in _TEXTS:
        text, cache = fields.need_text("text"), parse_cache(fields)
        return TextPart(text=text, cache=cache, extra=luggage(fields.rest()))
    if kind == "input_image":
        return _parse_image(fields)
    if kind == "input_file":
        return _parse_file(fields)
    if kind == "input_audio" and fields.kind(kind) == "object":
        return _parse_audio(fields)
    return OpaquePart(dialect=ID, kind=kind, raw=source)


def parse_cache(fields: Fields) -> CacheHint | None:
    """The breakpoint of the prompt cache behind a part."""
    child = fields.child("prompt_cache_breakpoint")
    return None if child is None else CacheHint(ttl=child.text("ttl") or "")


def cache_ttl(hint: CacheHint) -> Body:
    """The lifetime that a hint asks for, as far as this format knows it."""
    return {"ttl": _TTLS[hint.ttl]} if hint.ttl in _TTLS else {}


def render_cache(body: Body, hint: CacheHint | None, context: TranslationContext) -> None:
    """Adds a breakpoint, or notes that the host takes none."""
    if hint is None:
        return
    if context.host.cache_field == "prompt_cache_breakpoint":
        body["prompt_cache_breakpoint"] = {"mode": "explicit", **cache_ttl(hint)}
        ttl = _TTLS.get(hint.ttl, "30m")
        if hint.ttl not in ("", ttl) and all(loss.field != "cache" for loss in context.losses):
            context.emulate("cache", f"a lifetime of {hint.ttl} becomes {ttl}")
    elif all(loss.field != "cache" for loss in context.losses):
        context.lose("cache", "the host has no hints for its prompt cache")


def _parse_image(fields: Fields) -> ContentPart:
    detail, cache, file_id = fields.text("detail"), parse_cache(fields), fields.text("file_id")
    if fields.kind("image_url") == "object":  # as in Chat Completions
        child = fields.child("image_url")
        assert child is not None
        url, detail = child.text("url"), detail or child.text("detail")
    else:
        url = fields.text("image_url")
    rest = fields.rest()
    if url is None and file_id is not None:
        rest |= {"detail": detail} if detail else {}
        return FilePart(modality="image", file_id=file_id, origin=FILES, cache=cache, extra=luggage(rest))
    if url is None:
        raise fields.error("image_url", "needs image_url or file_id")
    extra = luggage(rest)
    data = parse_data_url(url)
    if data is None:
        return UriPart(modality="image", uri=url, detail=detail, cache=cache, extra=extra)
    mime, content = data
    return BlobPart(modality="image", mime_type=mime, content=content, detail=detail, cache=cache, extra=extra)


def _parse_file(fields: Fields) -> ContentPart:
    name, cache = fields.text("filename"), parse_cache(fields)
    file_id, url, content = fields.text("file_id"), fields.text("file_url"), fields.text("file_data")
    extra = luggage(fields.rest())
    if file_id is not None:
        return FilePart(modality="document", file_id=file_id, name=name, origin=FILES, cache=cache, extra=extra)
    if url is not None:
        return UriPart(modality="document", uri=url, name=name, cache=cache, extra=extra)
    if content is None:
        raise fields.error("file_data", "needs file_data, file_url or file_id")
    mime, data = parse_data_url(content) or ("application/pdf", content)
    return BlobPart(modality=modality_of(mime), mime_type=mime, content=data, name=name, cache=cache, extra=extra)


def _parse_audio(fields: Fields) -> BlobPart:
    child = fields.child("input_audio")
    assert child is not None
    content, form, cache = child.need_text("data"), child.need_text("format"), parse_cache(fields)
    mime = "audio/mpeg" if form == "mp3" else f"audio/{form}"
    return BlobPart(modality="audio", mime_type=mime, content=content, cache=cache, extra=luggage(fields.rest()))


def render_content(placed: Sequence[Placed], context: TranslationContext, *, media: bool = True) -> str | list[Any]:
    """Parts as a string where one plain text is all, else as an array; empty where nothing is left.

    Args:
        placed: the parts, each with its path for losses.
        context: what the host takes, and where losses go.
        media: whether images and files are possible there.
    """
    rendered = [one for path, part in placed if (one := _render_part(part, path, context, media)) is not None]
    if len(rendered) == 1 and isinstance(rendered[0], dict) and rendered[0].keys() == {"type", "text"}:
        return str(rendered[0]["text"])
    return rendered


def _render_part(part: Part, path: str, context: TranslationContext, media: bool) -> Any:
    if isinstance(part, TextPart):
        body: Body | None = {"type": "input_text", "text": part.text} if part.text else None
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
    if part.modality not in ("image", "document"):
        context.lose(path, f"this format takes no {part.modality}", kind="content")
        return None
    image = part.modality == "image"
    body: Body = {"type": "input_image" if image else "input_file"}
    if isinstance(part, FilePart):
        if not has_file(part.origin, context):
            context.lose(path, "the file was uploaded to another provider", kind="content")
            return None
        body["file_id"] = part.file_id
    elif isinstance(part, UriPart):
        if not part.uri.startswith(("https://", "http://", "data:")):
            context.lose(path, f"no {part.modality} at an address like {part.uri.partition(':')[0]}:", kind="content")
            return None
        body["image_url" if image else "file_url"] = part.uri
    elif image:
        body["image_url"] = render_data_url(part.mime_type, part.content)
    elif not context.host.file_parts:
        return _render_inline(part, path, context)
    else:
        body["filename"] = part.name or "document." + (part.mime_type.rpartition("/")[2] or "pdf")
        body["file_data"] = render_data_url(part.mime_type, part.content)
        return body
    if image and not isinstance(part, FilePart) and part.detail:
        body["detail"] = part.detail
    elif not image and part.name and isinstance(part, UriPart):
        body["filename"] = part.name
    return body


def _render_inline(part: BlobPart, path: str, context: TranslationContext) -> Body | None:
    """A text file as text, for hosts that take no files."""
    try:
        text = base64.b64decode(part.content).decode() if part.mime_type.startswith("text/") else None
    except ValueError:
        text = None
    if text is None:
        context.lose(path, f"the host takes no files ({part.mime_type or 'of unknown type'})", kind="content")
        return None
    context.emulate(path, "a text file goes inline as text")
    return {"type": "input_text", "text": f"{part.name}:\n{text}" if part.name else text}


def parse_annotation(raw: Json) -> Annotation:
    """A citation, with its own text kept."""
    kind = str(raw.get("type", "")) if isinstance(raw, dict) else ""
    if kind == "url_citation":
        start, end = raw.get("start_index"), raw.get("end_index")
        return Annotation(
            kind="url",
            url=_string(raw.get("url")),
            title=_string(raw.get("title")),
            start=start if isinstance(start, int) else None,
            end=end if isinstance(end, int) else None,
            dialect=ID,
            raw=raw,
        )
    if kind in ("file_citation", "container_file_citation"):
        return Annotation(kind="document", title=_string(raw.get("filename")), dialect=ID, raw=raw)
    return Annotation(kind=kind, dialect=ID, raw=raw)


def _string(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def render_annotation(annotation: Annotation) -> Json:
    """A citation as an answer carries it, or None where the format has no place for it."""
    if annotation.dialect == ID:
        return annotation.raw
    if annotation.url is None:
        return None
    return {
        "type": "url_citation",
        "url": annotation.url,
        "title": annotation.title or annotation.url,
        "start_index": annotation.start or 0,
        "end_index": annotation.end or 0,
    }
