"""What a lens must find in a request, worked out from what the dialect's own reader makes of it; and odd spellings."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from interlingua.dialects import registry
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.ports.lens import Peek
from interlingua.types.parts import BlobPart, FilePart, ToolCallPart, ToolCallResponsePart, UriPart
from interlingua.types.request import ChatRequest


def needs(request: ChatRequest) -> set[str]:
    """What a model must be able to do for a request, as `engine/capabilities.py` sees it, and whether it made calls."""
    found: set[str] = set()
    parts = [part for message in request.messages for part in message.parts]
    for part in parts:
        for piece in (part, *part.response) if isinstance(part, ToolCallResponsePart) else (part,):
            if isinstance(piece, BlobPart | UriPart | FilePart):
                found.add("text" if piece.mime_type.startswith("text/") else _need(piece.modality))
        if isinstance(part, ToolCallPart | ToolCallResponsePart):
            found.add("calls")
    if request.tools:
        found.add("tools")
    wanted = request.reasoning
    if wanted is not None and (wanted.effort not in (None, "none") or wanted.budget_tokens or wanted.enabled):
        found.add("reasoning")
    if request.output is not None and request.output.kind != "text":
        found.add("structured_output")
    found.update(f"{modality} output" for modality in request.modalities if modality != "text")
    return found - {"text"}


def _need(modality: str) -> str:
    return "pdf" if modality == "document" else modality


def has_state(request: ChatRequest) -> bool:
    """Whether any part carries reasoning state."""
    return any(part.opaque for message in request.messages for part in message.parts)


def check(id: str, wire: WireRequest) -> tuple[Peek, ChatRequest]:
    """Looks at a request both ways and sees to it that the lens misses nothing."""
    peek = registry.lens(id).peek(wire)
    request = registry.dialect(id).parse_request(wire, TranslationContext(dialect=id))
    assert peek.model == request.model
    assert peek.stream == request.stream
    assert peek.most_output == request.max_output_tokens
    assert peek.needs >= needs(request), needs(request) - peek.needs
    assert peek.has_state or not has_state(request)
    if id == "openai_chat":
        assert peek.asks_usage == bool(request.include_usage)
    return peek, request


spaces = st.sampled_from(["", "", " ", "\n", "\t ", "\r\n"])
odd_values = st.one_of(
    st.sampled_from(
        [
            *("1.0", "1e3", "-0", "12345678901234567890", "0.10000000000000000001", "null", "true", "[ ]", "{\n}"),
            *('"\\u0061\\/\\ud83d\\ude00"', '"\u2028é"', '{"model": "x", "model":"y"}', '[{"model":"z" } , 1.50]'),
            '{"stream_options":{"include_usage":false}}',
        ]
    ),
    st.recursive(
        st.text(st.characters(codec="utf-8"), max_size=5) | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["model", "k"]), inner, max_size=2),
        max_leaves=4,
    ).map(lambda value: json.dumps(value, indent=1)),
)
"""JSON texts that another writer would spell otherwise."""


@st.composite
def odd_bodies(draw: st.DrawFn, fixed: dict[str, str], keys: tuple[str, ...]) -> tuple[bytes, dict[str, str]]:
    """A body and its top-level values as they stand in it.

    Args:
        fixed: members that are always there, as JSON texts.
        keys: names that others may have.
    """
    names = st.sampled_from(keys) | st.text(st.characters(codec="utf-8"), max_size=4).map(lambda text: f"x{text}")
    more = draw(st.dictionaries(names.filter(lambda name: name not in fixed), odd_values, max_size=4))
    order: list[str] = list(draw(st.permutations([*fixed, *more])))
    values = {key: {**fixed, **more}[key] for key in order}
    space: Any = lambda: draw(spaces)  # noqa: E731 - it is drawn anew at each place
    written = [f"{space()}{json.dumps(key)}{space()}:{space()}{value}{space()}" for key, value in values.items()]
    return f"{space()}{{{','.join(written)}}}{space()}".encode(), values


def top_level(body: bytes) -> dict[str, str]:
    """The values of an object as they stand, found by a reader of our own."""
    text = body.decode()
    decoder = json.JSONDecoder()
    found: dict[str, str] = {}
    place = text.index("{") + 1
    while True:
        place = _skip(text, place)
        if text[place] == "}":
            return found
        if text[place] == ",":
            place = _skip(text, place + 1)
        key, place = decoder.raw_decode(text, place)
        place = _skip(text, _skip(text, place) + 1)
        _, end = decoder.raw_decode(text, place)
        found[key] = text[place:end]
        place = end


def _skip(text: str, place: int) -> int:
    while text[place] in " \t\r\n":
        place += 1
    return place
