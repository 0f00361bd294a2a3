from __future__ import annotations

from typing import Any

import pytest

from interlingua.errors import Unsupported
from interlingua.types.messages import Message, user
from interlingua.types.opaque import Origin
from interlingua.types.parts import (
    BlobPart,
    CacheHint,
    FilePart,
    OpaquePart,
    TextPart,
    UriPart,
)
from interlingua.types.traits import HostTraits
from tests.dialects.openai_chat.wire import actions, ask, context, parse, render


def test_spoken_answers_go_back_by_id_or_as_their_transcript() -> None:
    spoken = BlobPart(modality="audio", mime_type="", content="AAAA", extra={"openai_chat": {"id": "audio_1"}})
    heard = BlobPart(modality="audio", mime_type="", content="AAAA", extra={"openai_chat": {"transcript": "hello"}})
    messages = render(
        ask(Message(role="assistant", parts=(spoken,)), Message(role="assistant", parts=(heard,)), user("x"))
    )["messages"]
    assert messages[0] == {"role": "assistant", "audio": {"id": "audio_1"}}
    assert messages[1] == {"role": "assistant", "content": "hello"}
    assert parse(messages=[messages[0]]).messages[0].parts == (FilePart(modality="audio", file_id="audio_1"),)


@pytest.mark.parametrize(
    "part",
    [
        UriPart(modality="document", uri="https://example.org/a.pdf"),
        UriPart(modality="image", uri="gs://bucket/a.png"),
        UriPart(modality="video", uri="https://example.org/a.mp4"),
        FilePart(modality="image", file_id="f"),
        FilePart(modality="document", file_id="f", origin=Origin(provider="other", endpoint="gemini", model="g")),
        OpaquePart(dialect="gemini", kind="x", raw="{}"),
    ],
)
def test_content_that_cannot_be_carried_is_refused_by_its_path(part: Any) -> None:
    with pytest.raises(Unsupported) as caught:
        render(ask(user("look", part)), context(provider="here"))
    assert caught.value.path == "messages[0].parts[1]"


def test_a_text_file_goes_inline() -> None:
    where = context()
    part = BlobPart(modality="document", mime_type="text/plain", content="aGk=", name="a.txt")
    assert render(ask(user("see", part)), where)["messages"][0]["content"][1] == {"type": "text", "text": "a.txt:\nhi"}
    assert set(actions(where).values()) == {"emulate"}


@pytest.mark.parametrize(
    ("field", "key"), [("prompt_cache_breakpoint", "prompt_cache_breakpoint"), ("cache_control", "cache_control")]
)
def test_cache_hints_are_spelled_as_the_host_spells_them(field: Any, key: str) -> None:
    hinted = Message(role="system", parts=(TextPart(text="s", cache=CacheHint(ttl="1h")),))
    body = render(ask(hinted, user("x")), context(HostTraits(cache_field=field)))
    assert key in body["messages"][0]["content"][0]
    assert parse(messages=body["messages"]).messages[0].parts[0].cache is not None
    where = context()
    render(ask(hinted, hinted, user("x")), where)
    assert actions(where) == {"cache": "warn"} and len(where.losses) == 1
