"""What is kept of what was asked and answered: in our words, without secrets and files, within its bounds."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.engine import contents
from interlingua.engine.contents import Contents, ContentSettings, Left, packed, shortened
from interlingua.errors import LocalFileError, NotFound
from interlingua.ports.contents import ContentRow
from interlingua.ports.dialect import WireRequest
from interlingua.types.messages import user
from interlingua.types.request import ChatRequest
from interlingua.types.secret import Secret
from tests.gateway.upstreams import DIALECTS, asks, response, script, whole

ALL = ContentSettings(keys=("*",))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=10), inner, max_size=10),
    max_leaves=60,
)


class Disk:
    """A store that may fail."""

    def __init__(self) -> None:
        self.rows: dict[str, ContentRow] = {}
        self.fails = False
        self.trimmed: list[int] = []

    async def keep(self, rows: Sequence[ContentRow]) -> None:
        if self.fails:
            raise LocalFileError("the disk is full")
        self.rows |= {row.request_id: row for row in rows}

    async def read(self, tenant: str | None, request_id: str) -> ContentRow | None:
        found = self.rows.get(request_id)
        return found if found is not None and tenant in (None, found.tenant) else None

    async def forget(self, tenant: str | None, request_id: str) -> bool:
        return self.rows.pop(request_id, None) is not None

    async def trim(self, most: int) -> int:
        self.trimmed.append(most)
        return 0


def left(text: str = "Hello", id: str = "r1", **more: Any) -> Left:
    """What a plain call leaves."""
    request = ChatRequest(model="m", messages=(user(text),))
    return Left(request_id=id, tenant="acme", created=1, dialect="", asked=request, **more)


def kept(one: Left, most: int = 100_000, secrets: Sequence[Secret] = ()) -> dict[str, Any]:
    """The same as it is read later."""
    (row,) = packed([one], most, secrets)
    assert row.size == len(row.content)
    found: dict[str, Any] = msgspec.json.decode(zlib.decompress(row.content))
    return found


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_bytes_of_every_dialect_become_our_words(dialect: str, stream: bool) -> None:
    """Whether they were streamed or came at once."""
    path, body = asks(dialect, dialect, stream=stream)
    wire = WireRequest(method="POST", path=path, body=msgspec.json.encode(body))
    found = script(dialect) if stream else whole(dialect)
    answered = b"".join(found.chunks)
    one = Left(request_id="r", tenant="t", created=1, dialect=dialect, asked=wire, answered=answered, stream=stream)
    value = kept(one)
    assert value["request"]["messages"][0]["role"] == "user"
    assert value["request"]["messages"][0]["parts"][0]["text"] == "Count to three."
    assert "three." in value["response"]["choices"][0]["message"]["parts"][0]["text"]
    assert value["shortened"] is False


def test_an_answer_that_broke_off_is_kept_as_far_as_it_got() -> None:
    """Its beginning says more than nothing."""
    path, body = asks("openai_chat", "openai_chat")
    wire = WireRequest(method="POST", path=path, body=msgspec.json.encode(body))
    chunks = script("openai_chat").chunks
    one = Left(
        *(), request_id="r", tenant="t", created=1, dialect="openai_chat", asked=wire, answered=b"".join(chunks[:3]),
        stream=True, error="it broke off",
    )  # fmt: skip
    value = kept(one)
    assert value["response"]["choices"][0]["message"]["parts"][0]["text"].startswith("One")
    assert value["error"] == "it broke off"


def test_what_cannot_be_read_is_kept_as_it_came() -> None:
    wire = WireRequest(method="POST", path="/v1/chat/completions", body=b'{"messages": 7}')
    value = kept(Left(request_id="r", tenant="t", created=1, dialect="openai_chat", asked=wire, answered=b"<html>"))
    assert value["request"] == {"raw": '{"messages": 7}'}
    assert value["response"] == {"raw": "<html>"}


def test_credentials_are_masked_wherever_they_stand() -> None:
    """Those that have a shape, and those of ours that have none."""
    ours = "the-plain-canary-of-ours"
    text = f"My key is sk-proj-AbCdEfGhIjKlMnOpQrSt and yours {ours}"
    value = kept(left(text, error=f"{ours} was refused"), secrets=[Secret(ours)])
    everything = msgspec.json.encode(value).decode()
    assert ours not in everything and "AbCdEfGh" not in everything
    assert "My key is ***" in everything


def test_files_are_told_by_their_size() -> None:
    """Pictures are large, and of nobody's business but the model's."""
    path, body = asks("openai_chat", "openai_chat")
    picture = "data:image/png;base64," + "AAAA" * 1000
    content = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": picture}}]
    body["messages"] = [{"role": "user", "content": content}]
    wire = WireRequest(method="POST", path=path, body=msgspec.json.encode(body))
    value = kept(Left(request_id="r", tenant="t", created=1, dialect="openai_chat", asked=wire))
    blob = value["request"]["messages"][0]["parts"][1]
    assert (blob["type"], blob["mime_type"], blob["content"][:11]) == ("blob", "image/png", "3,000 bytes")
    assert "AAAAAAAA" not in msgspec.json.encode(value).decode()


@given(JSON, st.integers(64, 5000))
def test_a_shortened_value_keeps_to_its_bound(value: Any, most: int) -> None:
    """Whatever it is; and what fits is left alone."""
    found, was_cut = shortened(value, most)
    assert len(msgspec.json.encode(found)) <= most
    assert was_cut == (found != value)
    assert was_cut == (len(msgspec.json.encode(value)) > most)


def test_a_long_talk_keeps_its_beginning_and_its_end() -> None:
    found, was_cut = shortened([f"message {n} " + "word " * 50 for n in range(2000)], 20_000)
    assert was_cut
    assert isinstance(found, list)
    assert str(found[0]).startswith("message 0") and str(found[-1]).endswith("word ")
    assert any("left out" in str(one) for one in found)


def test_only_the_calls_of_named_keys_are_covered() -> None:
    """None by default; a star is all, those without a key too."""
    disk = Disk()
    assert not Contents(disk).covers("") and not Contents(disk).covers("ada")
    assert Contents(disk, ALL).covers("")
    some = Contents(disk, ContentSettings(keys=("ada", "team-*")))
    assert [some.covers(key) for key in ("ada", "team-a", "adam", "")] == [True, True, False, False]


async def test_a_content_is_read_as_soon_as_its_call_is_over_and_can_be_forgotten() -> None:
    """Another tenant's is as if it were not there."""
    disk = Disk()
    made = Contents(disk, ALL)
    assert made.add(left())
    assert (await made.read("acme", "r1"))["request"]["messages"][0]["parts"][0]["text"] == "Hello"
    with pytest.raises(NotFound):
        await made.read("other", "r1")
    await made.forget("acme", "r1")
    with pytest.raises(NotFound):
        await made.forget("acme", "r1")
    assert disk.trimmed == [ALL.total_bytes], "the bound on all is looked at with the first content"


async def test_where_too_much_waits_or_the_disk_fails_a_content_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call waits for it, and the next ones are kept again."""
    monkeypatch.setattr(contents, "MOST_WAITING", 2)
    disk = Disk()
    made = Contents(disk, ALL)
    assert [made.add(left(id=f"r{n}")) for n in range(3)] == [True, True, False]
    disk.fails = True
    await made.flush()
    assert made.given_up == 3
    disk.fails = False
    made.add(left(id="later", answered=response()))
    await made.aclose()
    assert list(disk.rows) == ["later"]
    assert asyncio.all_tasks() == {asyncio.current_task()}
