"""Files, addresses, bytes and images as parts of a message.

What something is, is told by its first bytes; then, for text, by being text; then by its name. Text goes into the
prompt as text, with its name around it; everything else as base64.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import io
import mimetypes
import re
import stat
import typing
import urllib.parse
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any, Protocol, TypeAlias

from interlingua.client.tool_results import whole_letters
from interlingua.errors import InvalidRequest, LocalFileError
from interlingua.types.parts import BlobPart, Part, TextPart, UriPart, modality_of


class Readable(Protocol):
    """An open file, in binary or text mode; its `name`, if it has one, is used."""

    def read(self, size: int, /) -> bytes | str: ...


class Savable(Protocol):
    """An image that can save itself the way Pillow's do."""

    def save(self, file: io.BytesIO, format: str, /) -> object: ...


Source: TypeAlias = str | PurePath | bytes | bytearray | memoryview | Readable | Savable | Part
"""What `attach` takes."""

MAX_BYTES = 20_000_000

_PARTS: tuple[type, ...] = typing.get_args(Part)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_PICTURES = ("PNG", "JPEG", "GIF", "WEBP")
_START: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"ID3\x02", "audio/mpeg"),
    (b"ID3\x03", "audio/mpeg"),
    (b"ID3\x04", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xfa", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"OggS\x00", "audio/ogg"),
    (b"fLaC\x00", "audio/flac"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "image/heic"),
    **dict.fromkeys((b"M4A ", b"M4B "), "audio/mp4"),
    b"qt  ": "video/quicktime",
}
_DOCUMENTS = {
    ".pdf": "application/pdf",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".ppt": "application/vnd.ms-powerpoint",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".epub": "application/epub+zip",
}
_MEDIA = {  # Python's own table depends on the machine; these do not
    ".webp": "image/webp",
    ".heic": "image/heic",
    ".avif": "image/avif",
    ".weba": "audio/webm",
    ".webm": "video/webm",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".flac": "audio/flac",
    ".wav": "audio/wav",
}
KNOWN = (
    *("image/png", "image/jpeg", "image/gif", "image/webp", "image/heic", "image/avif", "application/pdf"),
    *("audio/wav", "audio/mpeg", "audio/ogg", "audio/flac", "audio/mp4", "audio/aac"),
    *("video/mp4", "video/quicktime", "video/webm", "text/*"),
)
"""MIME types that are recognized by content; documents of office programs are by name."""


def attach(
    source: Source, *, mime_type: str | None = None, name: str | None = None, max_bytes: int = MAX_BYTES
) -> Part:
    """A part of a message from whatever holds its content.

    Args:
        source: a path (str or Path), an address (http, https, data, or a scheme that the provider knows, such as
            gs), bytes, an open file, an image with Pillow's `save`, or a part (returned as it is).
        mime_type: what it is, where that cannot be told or is told wrong.
        name: file name for the model to see; taken from the path by default.
        max_bytes: the largest content that is read, 20 MB by default.

    Raises:
        LocalFileError: the file is missing, unreadable, no regular file, or larger than `max_bytes`.
        InvalidRequest: it is empty, or of no known type.
    """
    if isinstance(source, _PARTS):
        return typing.cast("Part", source)
    if isinstance(source, bytes | bytearray | memoryview):
        return _part(bytes(source), mime_type, name, max_bytes)
    if isinstance(source, str) and source[:5].lower() == "data:":
        return _from_data_url(source, mime_type, name, max_bytes)
    if isinstance(source, str) and (scheme := _SCHEME.match(source)):
        if scheme[1].lower() != "file":
            return _from_address(source, mime_type, name)
        from urllib.request import url2pathname  # slow to import, and seldom needed

        source = Path(url2pathname(urllib.parse.urlsplit(source).path))
    if isinstance(source, str | PurePath):
        path = Path(source)
        return _part(_read_path(path, max_bytes), mime_type, name or path.name, max_bytes, str(path))
    if callable(getattr(source, "read", None)):
        return _from_file(source, mime_type, name, max_bytes)
    if callable(getattr(source, "save", None)):
        return _part(_saved(source), mime_type, name, max_bytes)
    raise InvalidRequest(
        f"a {type(source).__name__} cannot be attached",
        remedy="Give a path, an address, bytes, an open file or an image.",
    )


def attach_all(sources: Source | Iterable[Source]) -> tuple[Part, ...]:
    """Parts of several sources; one alone need not stand in a list. Raises as `attach`."""
    alone = isinstance(sources, (str, bytes, bytearray, memoryview, PurePath, *_PARTS))
    if alone or hasattr(sources, "read") or hasattr(sources, "save"):
        return (attach(typing.cast("Source", sources)),)
    return tuple(attach(source) for source in typing.cast("Iterable[Source]", sources))


def _read_path(path: Path, max_bytes: int) -> bytes:
    try:
        path = path.expanduser()
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise LocalFileError(f"{path} is a directory", path=str(path), remedy="Attach its files one by one.")
        if not stat.S_ISREG(found.st_mode):
            raise LocalFileError(f"{path} is no regular file", path=str(path))
        if found.st_size > max_bytes:
            raise _too_large(str(path), found.st_size, max_bytes)
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except (OSError, ValueError, RuntimeError) as error:  # ValueError: a null in the path; RuntimeError: no home
        reason = getattr(error, "strerror", None) or str(error)
        shown = str(path)[:200]
        raise LocalFileError(f"{shown} cannot be read: {reason}", path=shown) from error


def _from_file(source: Any, mime_type: str | None, name: str | None, max_bytes: int) -> Part:
    own = getattr(source, "name", None)
    path = own if isinstance(own, str) else ""
    try:
        content = source.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        raise LocalFileError(f"{path or 'the open file'} cannot be read: {error}", path=path) from error
    if isinstance(content, str):
        content = whole_letters(content).encode()
        mime_type = mime_type or "text/plain"
    return _part(bytes(content), mime_type, name or PurePath(path).name, max_bytes, path)


def _from_data_url(url: str, mime_type: str | None, name: str | None, max_bytes: int) -> Part:
    head, comma, body = url[5:].partition(",")
    if not comma:
        raise InvalidRequest("the data: address has no content", remedy="Write data:<type>;base64,<content>.")
    kind, *options = head.split(";")
    content = urllib.parse.unquote_to_bytes(body)
    if "base64" in (option.strip().lower() for option in options):
        plain = b"".join(content.split()).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        try:
            content = base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
        except binascii.Error as error:
            raise InvalidRequest(f"the data: address is not base64: {error}") from error
    return _part(content, mime_type or kind.lower() or "text/plain", name, max_bytes)


def _from_address(url: str, mime_type: str | None, name: str | None) -> UriPart:
    try:
        file = PurePath(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name
    except ValueError as error:
        raise InvalidRequest(f"{url[:200]} is no address: {error}") from error
    kind = mime_type or _by_name(file) or mimetypes.guess_type(file)[0]
    if not kind:
        raise InvalidRequest(
            f"what is at {url[:200]} cannot be told from its address",
            remedy='Say it: attach(url, mime_type="image/png").',
        )
    return UriPart(modality=modality_of(kind), uri=url, mime_type=kind, name=name or file or None)


def _saved(image: Any) -> bytes:
    own = getattr(image, "format", None)
    form = own if own in _PICTURES else "PNG"
    buffer = io.BytesIO()
    try:
        if form == "JPEG":
            image.save(buffer, format=form, quality=90)
        else:
            image.save(buffer, format=form)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidRequest(
            f"the {type(image).__name__} cannot be saved as {form}: {error}",
            remedy='Convert it first, such as image.convert("RGB").',
        ) from error
    return buffer.getvalue()


def _part(content: bytes, mime_type: str | None, name: str | None, max_bytes: int, path: str = "") -> Part:
    what = path or name or "the attachment"
    name = name and whole_letters(name)
    if len(content) > max_bytes:
        raise _too_large(path or name or "", len(content), max_bytes)
    if not content:
        raise InvalidRequest(f"{what} is empty", path=path)
    kind = mime_type or _by_content(content)
    if kind is None or _is_text(kind):
        text = _text(content)
        if text is not None:
            return TextPart(text=_framed(text, name))
        if kind is not None:
            raise InvalidRequest(f"{what} is no UTF-8 text, though it is said to be {kind}", path=path)
        kind = _by_name(name or "")
    if kind is None:
        raise InvalidRequest(
            f"{what} is of no known type; known are {', '.join(KNOWN)}",
            path=path,
            remedy="Convert it, save text as UTF-8, or say what it is with mime_type=.",
        )
    encoded = base64.b64encode(content).decode("ascii")
    return BlobPart(modality=modality_of(kind), mime_type=kind, content=encoded, name=name or None)


def _too_large(path: str, size: int, max_bytes: int) -> LocalFileError:
    return LocalFileError(
        f"{path or 'the attachment'} has {size / 1e6:.1f} MB or more; at most {max_bytes / 1e6:g} MB can be attached",
        path=path,
        remedy="Make it smaller, or raise max_bytes if the provider takes more.",
    )


def _by_content(content: bytes) -> str | None:
    for start, kind in _START:
        if content.startswith(start):
            return kind
    if content[:4] == b"RIFF":
        return _RIFF.get(content[8:12])
    if content[4:8] == b"ftyp":
        brands = [content[i : i + 4] for i in (8, *range(16, min(len(content), 64), 4))]
        if brands[0] in (b"mif1", b"msf1") and b"avif" in brands:
            return "image/avif"
        return _BRANDS.get(brands[0], "video/mp4")
    if content[:4] == b"\x1a\x45\xdf\xa3":  # EBML: WebM, or Matroska, which names itself so
        return "video/webm" if b"webm" in content[:64] else "video/x-matroska"
    return None


def _by_name(name: str) -> str | None:
    """The type that a name's ending stands for, if it is media or a document that some provider reads."""
    ending = PurePath(name).suffix.lower()
    kind = _DOCUMENTS.get(ending) or _MEDIA.get(ending) or mimetypes.guess_type(name)[0] or ""
    media = kind.startswith(("image/", "audio/", "video/"))
    return kind if media or ending in _DOCUMENTS else None


def _is_text(mime_type: str) -> bool:
    kind = mime_type.split(";")[0].strip().lower()
    return kind.startswith("text/") or kind.endswith(("/json", "+json", "/xml", "+xml", "/yaml", "/javascript"))


def _text(content: bytes) -> str | None:
    """The text that bytes are, without its byte order mark; None if they are none."""
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _framed(text: str, name: str | None) -> str:
    if not name:
        return text
    shown = re.sub(r"[\x00-\x1f\"<>]", "_", name)
    return f'<file name="{shown}">\n{text.rstrip()}\n</file>'
