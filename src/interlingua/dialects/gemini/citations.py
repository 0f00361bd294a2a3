"""Citations: groundingMetadata and citationMetadata of a candidate to annotations on its texts, and back.

Both point into the text by bytes. What a candidate holds stays with the choice word for word; annotations are read
out of it besides, and only those of other dialects are written anew, as citationMetadata
(`citationSources` on this transport, `citations` on the other; both are read).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from interlingua.dialects.gemini.schema import ID
from interlingua.types.opaque import Json
from interlingua.types.parts import Annotation, Part, TextPart

METADATA = ("groundingMetadata", "citationMetadata")
"""The fields of a candidate that hold citations."""
CITED = ("citationSources", "citations")
"""The two names of the list in citationMetadata."""
_SOURCES = ("web", "retrievedContext", "maps", "image")


class Citations:
    """The citations of one candidate, handed out text by text."""

    def __init__(self) -> None:
        self._left: list[tuple[bytes, int, int, Annotation]] = []
        self._before = 0

    def add(self, metadata: dict[str, Json]) -> None:
        """Takes the metadata of a candidate, or of a piece of it; later grounding replaces earlier."""
        grounding, citation = (metadata.get(key) for key in METADATA)
        if isinstance(grounding, dict):
            self._left = [item for item in self._left if not item[0]] + _supports(grounding)
        if isinstance(citation, dict):
            self._left += _plain(citation)

    def take(self, text: str) -> list[Annotation]:
        """Those that point into the next text, with its character positions."""
        data = text.encode("utf-8", "replace")
        found: list[Annotation] = []
        left = []
        for item in self._left:
            place = _place(item, data, self._before)
            if place is None:
                left.append(item)
                continue
            start, end = (len(data[:at].decode("utf-8", "ignore")) for at in place)
            found.append(msgspec.structs.replace(item[3], start=start, end=end))
        self._left = left
        self._before += len(data)
        return found


def annotate(parts: tuple[Part, ...], metadata: dict[str, Json]) -> tuple[Part, ...]:
    """The parts of a whole candidate, their texts annotated."""
    if not any(key in metadata for key in METADATA):
        return parts
    citations = Citations()
    citations.add(metadata)
    return tuple(
        msgspec.structs.replace(part, annotations=tuple(citations.take(part.text)))
        if isinstance(part, TextPart)
        else part
        for part in parts
    )


def render_citations(texts: Iterable[tuple[str, Iterable[Annotation]]]) -> dict[str, Any]:
    """The citationMetadata of annotations that another dialect wrote; empty where there are none."""
    found: list[dict[str, Any]] = []
    before = 0
    for text, cited in texts:
        found += [_render(annotation, text, before) for annotation in cited if annotation.dialect != ID]
        before += len(text.encode("utf-8", "replace"))
    return {"citationMetadata": {"citationSources": found}} if found else {}


def _render(annotation: Annotation, text: str, before: int) -> dict[str, Any]:
    def at(place: int | None) -> int | None:
        return None if place is None else before + len(text[:place].encode("utf-8", "replace"))

    wire = {
        "startIndex": at(annotation.start),
        "endIndex": at(annotation.end),
        "uri": annotation.url,
        "title": annotation.title,
    }
    return {key: value for key, value in wire.items() if value is not None}


def _supports(grounding: dict[str, Json]) -> list[tuple[bytes, int, int, Annotation]]:
    chunks = _dicts(grounding.get("groundingChunks"))
    found = []
    for support in _dicts(grounding.get("groundingSupports")):
        segment = support.get("segment")
        if not isinstance(segment, dict):
            continue
        indices = support.get("groundingChunkIndices")
        for index in indices if isinstance(indices, list) else []:
            if not isinstance(index, int) or not 0 <= index < len(chunks):
                continue
            source: dict[str, Json] = next(
                (chunks[index][key] for key in _SOURCES if isinstance(chunks[index].get(key), dict)), {}
            )
            annotation = _annotation(source, support)
            said = _text(segment, "text") or ""
            found.append((said.encode(), _count(segment, "startIndex"), _count(segment, "endIndex"), annotation))
    return found


def _plain(citation: dict[str, Json]) -> list[tuple[bytes, int, int, Annotation]]:
    return [
        (b"", _count(item, "startIndex"), _count(item, "endIndex"), _annotation(item, item))
        for item in _dicts(citation.get("citationSources") or citation.get("citations"))
    ]


def _annotation(source: dict[str, Json], raw: Json) -> Annotation:
    url = _text(source, "uri")
    return Annotation(
        kind="url" if url else "document",
        url=url,
        title=_text(source, "title"),
        cited_text=_text(source, "text"),
        dialect=ID,
        raw=raw,
    )


def _place(item: tuple[bytes, int, int, Annotation], data: bytes, before: int) -> tuple[int, int] | None:
    """Where a citation points within `data`; a grounded segment is trusted only where its words stand."""
    said, start, end, _ = item
    if not said:
        start, end = start - before, end - before
        return (start, min(end, len(data))) if 0 <= start < len(data) and end > start else None
    for shift in (0, before):
        if start >= shift and data[start - shift : end - shift] == said:
            return start - shift, end - shift
    found = data.find(said)
    return (found, found + len(said)) if found >= 0 else None


def _dicts(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: dict[str, Json], key: str) -> str | None:
    found = value.get(key)
    return found if isinstance(found, str) and found else None


def _count(value: dict[str, Json], key: str) -> int:
    found = value.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0
