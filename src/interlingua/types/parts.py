"""The pieces of a message, tagged with the type strings of OpenTelemetry's GenAI conventions.

Every part can carry foreign luggage (`extra`), prompt-cache hints (`cache`) and reasoning state (`opaque`).
Two of our own join the conventions' set: `refusal`, and `opaque` for what a dialect sent and we do not know.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from interlingua.types.opaque import Extra, Json, Opaque, Origin

Modality = Literal["image", "audio", "video", "document"]

_decode = msgspec.json.Decoder().decode
_BY_MIME: dict[str, Modality] = {"image": "image", "audio": "audio", "video": "video"}


def modality_of(mime_type: str) -> Modality:
    """The modality that a MIME type stands for; document for all that is neither image, audio nor video."""
    return _BY_MIME.get(mime_type.split("/", 1)[0].lower(), "document")


class CacheHint(Struct, frozen=True, omit_defaults=True):
    """Asks the provider to cache the prompt up to and including this piece.

    Args:
        ttl: how long, as the provider writes it (`5m`, `1h`, `30m`, `12h`); empty for its default.
    """

    ttl: str = ""


class Annotation(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A citation on a text: where a statement came from.

    Args:
        kind: `url`, `document`, or the dialect's own word.
        url, title, cited_text: the source, where known.
        start, end: character range in the text that is annotated, end exclusive.
        dialect, raw: the annotation as that dialect wrote it, for rendering it back unchanged.
    """

    kind: str
    url: str | None = None
    title: str | None = None
    cited_text: str | None = None
    start: int | None = None
    end: int | None = None
    dialect: str = ""
    raw: Json = None


class PartBase(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="type"):
    """What every part may carry besides its content."""

    opaque: tuple[Opaque, ...] = ()
    cache: CacheHint | None = None
    extra: Extra = {}


class TextPart(PartBase, frozen=True, tag="text"):
    """Text that is said."""

    text: str
    annotations: tuple[Annotation, ...] = ()


class ReasoningPart(PartBase, frozen=True, tag="reasoning"):
    """Thinking that precedes an answer; `text` may be empty when only opaque state is given.

    Args:
        summary: true where the text is a summary and not the thinking itself.
    """

    text: str = ""
    summary: bool = False


class RefusalPart(PartBase, frozen=True, tag="refusal"):
    """The model's own words of refusal."""

    text: str


class BlobPart(PartBase, frozen=True, tag="blob"):
    """Media given inline.

    Args:
        modality: image, audio, video or document.
        mime_type: such as `image/png`; empty if unknown.
        content: standard base64, no line breaks.
        name: file name, if any.
        detail: `low`, `high`, `auto` or `original`, for images.
    """

    modality: Modality
    mime_type: str
    content: str
    name: str | None = None
    detail: str | None = None


class UriPart(PartBase, frozen=True, tag="uri"):
    """Media given by address; `uri` is http(s) or a scheme that the provider knows (gs://)."""

    modality: Modality
    uri: str
    mime_type: str = ""
    name: str | None = None
    detail: str | None = None


class FilePart(PartBase, frozen=True, tag="file"):
    """Media that was uploaded to a provider before; `file_id` means nothing to any other provider."""

    modality: Modality
    file_id: str
    mime_type: str = ""
    name: str | None = None
    origin: Origin | None = None


class OpaquePart(PartBase, frozen=True, tag="opaque"):
    """A piece whose type we do not know, kept as the dialect wrote it.

    Args:
        dialect: the dialect that wrote it; no other can take it.
        kind: its type there.
        raw: its JSON text.
    """

    dialect: str
    kind: str
    raw: str


ContentPart: TypeAlias = TextPart | BlobPart | UriPart | FilePart | OpaquePart
"""What a tool may answer with."""


class ToolCallPart(PartBase, frozen=True, tag="tool_call"):
    """The model asks for a tool.

    Args:
        id: pairs the call with its result.
        name: the tool.
        raw: the arguments as the model wrote them (JSON text, possibly invalid; for `custom` free text).
        arguments: `raw` parsed; None where it is no JSON. Build with `tool_call()`, which keeps both true.
        custom: a free-form tool: `raw` is its input, not JSON.
    """

    id: str
    name: str
    raw: str = ""
    arguments: Json = None
    custom: bool = False


class ToolCallResponsePart(PartBase, frozen=True, tag="tool_call_response"):
    """What a tool answered; `id` and `name` are those of the call, the name being optional."""

    id: str
    response: tuple[ContentPart, ...] = ()
    name: str | None = None
    is_error: bool = False

    @property
    def text(self) -> str:
        """All text of the answer, without its media."""
        return "\n".join(part.text for part in self.response if isinstance(part, TextPart))


class ServerToolCallPart(PartBase, frozen=True, tag="server_tool_call"):
    """A tool that the provider ran itself; `raw` is the JSON text of the whole piece as `dialect` wrote it."""

    id: str
    name: str
    dialect: str
    raw: str


class ServerToolCallResponsePart(PartBase, frozen=True, tag="server_tool_call_response"):
    """What such a tool answered, kept as `dialect` wrote it; `id` is that of the call."""

    id: str
    name: str
    dialect: str
    raw: str


Part: TypeAlias = (
    TextPart
    | ReasoningPart
    | RefusalPart
    | BlobPart
    | UriPart
    | FilePart
    | OpaquePart
    | ToolCallPart
    | ToolCallResponsePart
    | ServerToolCallPart
    | ServerToolCallResponsePart
)


def parse_arguments(raw: str) -> Json:
    """Tool arguments from the text that a model wrote: `{}` for none, None for text that is no JSON object."""
    if not raw.strip():
        return {}
    try:
        value = _decode(raw)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def tool_call(
    id: str,
    name: str,
    raw: str = "",
    *,
    custom: bool = False,
    opaque: tuple[Opaque, ...] = (),
    cache: CacheHint | None = None,
    extra: Extra | None = None,
) -> ToolCallPart:
    """A tool call whose parsed arguments agree with its raw text."""
    return ToolCallPart(
        id=id,
        name=name,
        raw=raw,
        arguments=None if custom else parse_arguments(raw),
        custom=custom,
        opaque=opaque,
        cache=cache,
        extra=extra or {},
    )
