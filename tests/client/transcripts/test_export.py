"""Conversations as others read them, and as they come from elsewhere."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.client.transcripts.export import render_export
from interlingua.client.transcripts.import_chats import Imported, Unread, parse_export
from interlingua.client.transcripts.keep import Kept
from interlingua.errors import InvalidRequest, LocalFileError
from interlingua.ports.store import Answer, Conversation, StoredMessage
from interlingua.repl.archive import TENANT, Unkept
from interlingua.repl.session_commands import import_file
from interlingua.types.messages import Message, assistant, user
from interlingua.types.parts import BlobPart, ReasoningPart, TextPart, ToolCallResponsePart, tool_call

MADE = Answer(provider="one", model="m")
ABOUT = Conversation(id="c", title="Elephants", settings={"system": "Be brief."}, leaf="4")
PATH = [
    StoredMessage(
        id="1",
        parent=None,
        created=1,
        message=user("how many?", BlobPart(modality="image", mime_type="image/png", content="AAAA", name="a.png")),
    ),
    StoredMessage(
        id="2",
        parent="1",
        created=2,
        answer=MADE,
        message=Message(role="assistant", parts=(ReasoningPart(text="hm"), tool_call("x", "count", '{"what": "e"}'))),
    ),
    StoredMessage(
        id="3",
        parent="2",
        created=3,
        message=Message(
            role="tool", parts=(ToolCallResponsePart(id="x", name="count", response=(TextPart(text="``` 3"),)),)
        ),
    ),
    StoredMessage(
        id="4", parent="3", created=4, message=assistant("Three."), answer=Answer(model="m", error="cancelled")
    ),
]


def test_markdown_holds_all_that_people_can_read() -> None:
    """Who said what, thinking folded, tools with what they were asked and answered."""
    text = render_export(ABOUT, PATH, "markdown")
    for piece in (
        "# Elephants",
        "Be brief.",
        "## You",
        "how many?",
        "a.png",
        "## one/m",
        "<summary>Thinking",
        "Three.",
    ):
        assert piece in text
    assert '```json\n{"what": "e"}\n```' in text
    assert "````\n``` 3\n````" in text
    assert "*(interrupted)*" in text


def test_openai_messages_are_those_that_its_api_takes() -> None:
    """Instructions first, calls and their results paired."""
    found = json.loads(render_export(ABOUT, PATH, "openai_chat"))
    assert [one["role"] for one in found] == ["system", "user", "assistant", "tool", "assistant"]
    assert found[2]["tool_calls"][0]["id"] == found[3]["tool_call_id"] == "x"


def test_json_is_read_back_as_it_was() -> None:
    """Branches, models and all."""
    (found,) = imported(render_export(ABOUT, PATH, "json").encode())
    assert (found.title, found.messages, found.settings) == ("Elephants", PATH, ABOUT.settings)


def test_there_is_no_other_form() -> None:
    """And it is said which there are."""
    with pytest.raises(InvalidRequest, match="pdf"):
        render_export(ABOUT, PATH, "pdf")


def chatgpt() -> list[Any]:
    """Two conversations of a ChatGPT export, one with a branch and a hidden system message."""

    def node(id: str, parent: str | None, role: str, text: str) -> dict[str, Any]:
        message = {"author": {"role": role}, "content": {"parts": [text]}, "create_time": 1.5, "metadata": {}}
        return {"id": id, "parent": parent, "message": message}

    nodes = [
        {"id": "root", "parent": None, "message": None},
        node("s", "root", "system", "hidden"),
        node("q", "s", "user", "why?"),
        node("a1", "q", "assistant", "first"),
        node("a2", "q", "assistant", "second"),
    ]
    return [
        {"title": "Why", "id": "g1", "current_node": "a1", "mapping": {one["id"]: one for one in reversed(nodes)}},
        {"title": "Empty", "id": "g2", "mapping": {}},
    ]


CLAUDE = [
    {
        "uuid": "k1",
        "name": "",
        "chat_messages": [
            {"uuid": "1", "sender": "human", "text": "hello", "content": [{"type": "text", "text": "hello"}]},
            {
                "uuid": "2",
                "sender": "assistant",
                "text": "hi",
                "attachments": [{"file_name": "a.txt", "extracted_content": "inside"}],
            },
        ],
    }
]


def imported(content: bytes) -> list[Imported]:
    """What an export holds that can be read."""
    return [one for one in parse_export(content) if isinstance(one, Imported)]


def test_chatgpts_branches_are_kept_and_its_hidden_messages_are_not() -> None:
    """The branch that was shown last is the one that is gone on with."""
    (found,) = imported(json.dumps(chatgpt()).encode())
    by_text = {one.message.text: one for one in found.messages}
    assert set(by_text) == {"why?", "first", "second"}
    assert by_text["why?"].parent is None
    assert by_text["first"].parent == by_text["second"].parent == by_text["why?"].id
    assert found.leaf == by_text["first"].id
    assert found.created == by_text["why?"].created == 1_500_000


def test_claudes_messages_follow_each_other_with_what_was_attached() -> None:
    """A conversation without a name is called by its first question."""
    (found,) = imported(json.dumps(CLAUDE).encode())
    assert found.title == "hello"
    assert [one.message.role for one in found.messages] == ["user", "assistant"]
    assert '<file name="a.txt">\ninside' in found.messages[1].message.text
    assert found.messages[1].parent == found.messages[0].id


async def test_an_export_is_taken_in_once(tmp_path: Path) -> None:
    """As its ZIP, too."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("export/conversations.json", json.dumps([*chatgpt(), *CLAUDE]))
    (tmp_path / "export.zip").write_bytes(buffer.getvalue())
    store = Unkept()
    empty = (Unread("Empty", "it holds no text"),)
    assert await import_file(store, str(tmp_path / "export.zip")) == Kept(imported=2, unread=empty)
    assert await import_file(store, str(tmp_path / "export.zip")) == Kept(imported=0, known=2, unread=empty)
    why = next(one for one in (await store.page(TENANT)).conversations if one.title == "Why")
    assert [one.message.text for one in (await store.get(TENANT, why.id)).messages] == ["why?", "first"]
    assert (why.created, why.updated) == (1_500_000, 1_500_000)
    with pytest.raises(LocalFileError):
        await import_file(store, str(tmp_path / "missing"))


def test_a_numbered_export_is_one(tmp_path: Path) -> None:
    """ChatGPT has cut large ones into several files since 2026."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations-001.json", json.dumps(CLAUDE))
        archive.writestr("conversations-000.json", json.dumps(chatgpt()))
        archive.writestr("conversations.json.index", "not one")
    assert [one.title for one in imported(buffer.getvalue())] == ["Why", "hello"]


def test_a_list_of_messages_is_one_conversation_with_its_instructions() -> None:
    """As OpenAI's clients write it; known again when it comes again."""
    said = [("system", "Be brief."), ("user", "why?"), ("assistant", "because")]
    content = json.dumps([{"role": role, "content": text} for role, text in said]).encode()
    (found,), (again,) = imported(content), imported(b'{"messages": ' + content + b"}")
    assert [one.message.text for one in found.messages] == ["why?", "because"]
    assert (found.title, found.settings) == ("why?", {"system": "Be brief."})
    assert found.source == again.source


def test_what_cannot_be_read_is_told_and_what_is_no_text_is_counted() -> None:
    """Nothing is passed over in silence."""
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"}
    asked = {"author": {"role": "user"}, "content": {"parts": [picture, "what is this?"]}}
    called = {"author": {"role": "tool"}, "content": {"parts": ["a result"]}}
    mapping = {"1": {"message": asked, "parent": None}, "2": {"message": called, "parent": "1"}}
    used = {"type": "tool_use", "name": "search"}
    message = {"sender": "human", "content": [{"type": "text", "text": "x"}, used], "files": [{"file_name": "a.png"}]}
    value = [{"title": "Seen", "mapping": mapping}, {"uuid": "k", "chat_messages": [message]}, {"title": "Odd"}, 7]
    seen, claude, odd, number = parse_export(json.dumps(value).encode())
    assert isinstance(seen, Imported) and isinstance(claude, Imported)
    assert (seen.left_out, claude.left_out) == (2, 2)
    assert odd == Unread("Odd", "its form is not known")
    assert number == Unread("", "it is no conversation")


@pytest.mark.parametrize("content", [b"", b"no json", b"{}", b"PK\x03\x04broken", b'"text"'])
def test_what_is_no_export_is_refused(content: bytes) -> None:
    """With what is wanted instead."""
    with pytest.raises(InvalidRequest):
        list(parse_export(content))


_json = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["mapping", "chat_messages", "id", "parent", "message", "author", "role", "content", "parts"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(_json, max_size=3))
def test_no_export_crashes_it(value: Any) -> None:
    """They are documented by nobody."""
    found = list(parse_export(json.dumps(value).encode()))
    assert all(one.reason if isinstance(one, Unread) else one.messages for one in found)
    assert len(found) in (len(value), 1)  # a list of messages is one conversation
