"""Conversations on both kinds of database."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from msgspec.structs import replace

from interlingua.errors import InvalidRequest, NotFound
from interlingua.ports.store import Answer, Conversation, ConversationChanges, StoredMessage
from interlingua.stores import conversations
from interlingua.stores.sql import SqlStore
from interlingua.types.messages import Message, assistant, user
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import BlobPart, ReasoningPart, TextPart, ToolCallPart
from tests.stores.ledger_rows import ANSWERED, FAILED, USAGE
from tests.stores.spot import Spot

ORIGIN = Origin("anthropic", "messages", "claude-opus-5", "work")
RICH = Message(
    role="assistant",
    parts=(
        ReasoningPart(text="hm", opaque=(Opaque("anthropic_messages.signature", "EqQ\u0000+/=", ORIGIN),)),
        TextPart(text="nul \0 and 😀", extra={"anthropic_messages": {"unknown": [1, {"a": None}]}}),
        BlobPart(modality="image", mime_type="image/png", content="AAH/"),
        ToolCallPart(id="call_1", name="look", raw='{"at":  1}', arguments={"at": 1}),
    ),
    origin=ORIGIN,
)
ANSWER = Answer(
    request_id="r",
    provider="anthropic",
    model="claude-opus-5",
    usage=USAGE,
    cost=123_456_789_000,
    attempts=(FAILED, ANSWERED),
    started=1_790_000_000_000_000,
    duration=900_000,
    first=250_000,
    finish="stop",
)


async def said(store: SqlStore, tenant: str, id: str, *texts: str, parent: str | None = None) -> list[StoredMessage]:
    """Appends turns, one after another."""
    added: list[StoredMessage] = []
    for text in texts:
        before = added[-1].id if added else parent
        added.append(await store.conversations.append(tenant, id, before, user(text)))
    return added


async def test_what_comes_from_elsewhere_keeps_its_dates(store: SqlStore) -> None:
    """In whatever order it comes, and among what was said here."""
    here = await store.conversations.create("t", title="here")
    c = store.conversations
    old = await c.create("t", title="old", created=1_000)
    later = await c.append("t", old.id, None, user("b"), created=5_000)
    earlier = await c.append("t", old.id, None, user("a"), created=2_000)
    thread = await c.get("t", old.id)
    assert (thread.conversation.created, thread.conversation.updated) == (1_000, 5_000)
    assert (later.created, earlier.created) == (5_000, 2_000)
    assert thread.messages == (earlier,)
    assert await titles(store) == ["here", "old"]
    assert here.created > 5_000


async def titles(store: SqlStore, tenant: str = "t", **filters: object) -> list[str]:
    """Those of a list."""
    page = await store.conversations.page(tenant, **filters)  # type: ignore[arg-type]  # names are those of the method
    return [one.title for one in page.conversations]


async def test_a_message_comes_back_whole_with_how_it_came_to_be(store: SqlStore) -> None:
    """Every part, what only providers can read, usage, cost, attempts and times."""
    made = await store.conversations.create("t", title="A", folder="F", settings={"model": "fast", "deep": {"a": [1]}})
    asked = await store.conversations.append("t", made.id, None, user("Hi"))
    answered = await store.conversations.append("t", made.id, asked.id, RICH, ANSWER)
    thread = await store.conversations.get("t", made.id)
    assert thread.messages == (asked, answered)
    assert (thread.messages[1].message, thread.messages[1].answer) == (RICH, ANSWER)
    assert thread.conversation == replace(made, updated=answered.created, leaf=answered.id)


async def test_branches_are_kept_and_the_active_one_is_that_of_the_last_message_or_the_chosen(store: SqlStore) -> None:
    """A regenerated answer and an edited question are branches."""
    made = await store.conversations.create("t")
    one, two, three = await said(store, "t", made.id, "1", "2", "3")
    (other,) = await said(store, "t", made.id, "2b", parent=one.id)
    (root,) = await said(store, "t", made.id, "1b")
    get = store.conversations.get
    assert (await get("t", made.id)).messages == (root,)
    assert (await get("t", made.id, leaf=other.id)).messages == (one, other)
    assert (await get("t", made.id, whole=True)).messages == (one, two, three, other, root)
    changed = await store.conversations.update("t", made.id, ConversationChanges(leaf=three.id))
    assert changed.leaf == three.id
    begun = await store.conversations.update("t", made.id, ConversationChanges(leaf=None))
    assert begun.leaf is None
    assert (await get("t", made.id)).messages == ()
    await store.conversations.update("t", made.id, ConversationChanges(leaf=three.id))
    assert (await get("t", made.id)).messages == (one, two, three)
    assert (await get("t", (await store.conversations.create("t")).id)).messages == ()


async def test_an_unknown_and_a_foreign_id_are_the_same(store: SqlStore) -> None:
    """For every method, for conversations and for messages. Contracts §6.8."""
    theirs = await store.conversations.create("other", title="secret")
    ours = await store.conversations.create("t")
    foreign = (await said(store, "other", theirs.id, "secret words"))[0].id
    (mine,) = await said(store, "t", ours.id, "mine")
    c = store.conversations
    for id in (theirs.id, "0" * 24, "", "a\0b", "\udcff", "' OR 1=1 --", "é", "9" * 500):
        errors = set()
        for act in (
            c.get("t", id),
            c.get("t", id, whole=True),
            c.append("t", id, None, user("x")),
            c.update("t", id, ConversationChanges(title="x")),
            c.update("t", id, ConversationChanges()),
            c.delete("t", id),
            c.fork("t", id),
        ):
            with pytest.raises(NotFound) as caught:
                await act
            errors.add((caught.value.message, caught.value.what))
        assert errors == {("there is no conversation of this id", "conversation")}
    for id in (foreign, "0" * 24, "a\0b"):
        for act in (
            c.get("t", ours.id, leaf=id),
            c.append("t", ours.id, id, user("x")),
            c.update("t", ours.id, ConversationChanges(leaf=id)),
            c.fork("t", ours.id, id),
        ):
            with pytest.raises(NotFound, match="no message of this id"):
                await act
    assert (await c.get("t", ours.id)).messages == (mine,)
    assert (await c.get("t", ours.id)).conversation.leaf == mine.id
    assert (await c.search("t", "secret")).hits == ()
    assert await titles(store, search="secret") == []
    assert (await c.get("other", theirs.id)).conversation.title == "secret"


async def test_lists_are_newest_first_and_paged_and_filtered(store: SqlStore) -> None:
    """Newest is whose last message is; a new title does not move it."""
    c = store.conversations
    made = [await c.create("t", title=str(number), folder="F" if number % 2 else "") for number in range(7)]
    await c.create("other", title="theirs")
    await said(store, "t", made[2].id, "again")
    await c.update("t", made[0].id, ConversationChanges(title="zero", pinned=True))
    await c.update("t", made[6].id, ConversationChanges(archived=True))
    assert await titles(store) == ["2", "5", "4", "3", "1", "zero"]
    assert await titles(store, folder="F") == ["5", "3", "1"]
    assert await titles(store, folder="") == ["2", "4", "zero"]
    assert await titles(store, pinned=True) == ["zero"]
    assert await titles(store, archived=True) == ["6"]
    assert len(await titles(store, archived=None)) == 7
    assert await c.folders("t") == {"F": 3}
    seen, after = [], None
    while True:
        page = await c.page("t", after=after, limit=2)
        seen += [one.title for one in page.conversations]
        after = page.next
        if after is None:
            break
    assert seen == ["2", "5", "4", "3", "1", "zero"]


async def test_what_is_searched_is_found_by_beginnings_of_words_without_case_and_accents(store: SqlStore) -> None:
    """In all scripts, the same on both kinds of database."""
    c = store.conversations
    cooking = await c.create("t", title="Über Crème brûlée")
    texts = ["Wie macht man Crème BRÛLÉE? Mit file_name.txt, foo-bar und 1e5 Eiern.", "東京都に住んでいます", "हिन्दी में"]
    messages = await said(store, "t", cooking.id, *texts)
    for text, found in {
        "creme": [0],
        "brul CRE": [0],
        "txt": [0],
        "name": [0],
        "bar": [0],
        "1e5": [0],
        "東京": [1],
        "京都に": [1],
        "す": [1],
        "हिन्": [2],
        "brûlée 東京": [],
        "rème": [],
        "": [],
        "!? ' \" * : & | ( ) -- \\": [],
    }.items():
        hits = (await c.search("t", text)).hits
        assert [hit.message for hit in hits] == [messages[number].id for number in found], text
    assert await titles(store, search="uber creme") == ["Über Crème brûlée"]
    assert await titles(store, search="eiern") == ["Über Crème brûlée"]
    assert await titles(store, search="nowhere") == []
    assert await titles(store, search="%") == []


async def test_a_hit_shows_the_words_in_their_surroundings(store: SqlStore) -> None:
    """And where they are, so that they can be marked."""
    made = await store.conversations.create("t", title="Long")
    text = "word " * 200 + "the needle lies\nin the hay " + "word " * 200
    (message,) = await said(store, "t", made.id, text)
    (hit,) = (await store.conversations.search("t", "NEED hay")).hits
    assert (hit.conversation, hit.title, hit.message, hit.role) == (made.id, "Long", message.id, "user")
    assert hit.created == message.created
    assert [hit.snippet[begin:end] for begin, end in hit.marks] == ["needle", "hay"]
    assert hit.snippet.startswith("…word ")
    assert hit.snippet.endswith(" word…")
    assert "lies in the hay" in hit.snippet
    assert len(hit.snippet) < 250


async def test_hits_are_newest_first_and_paged(store: SqlStore) -> None:
    """As lists are."""
    made = await store.conversations.create("t")
    await said(store, "t", made.id, *(f"apple {number}" for number in range(5)))
    seen, after = [], None
    while True:
        page = await store.conversations.search("t", "apple", after=after, limit=2)
        seen += [hit.snippet for hit in page.hits]
        after = page.next
        if after is None:
            break
    assert seen == [f"apple {number}" for number in (4, 3, 2, 1, 0)]


async def test_what_is_deleted_is_gone_and_nothing_else(store: SqlStore) -> None:
    """Its words too."""
    c = store.conversations
    gone, stays = await c.create("t"), await c.create("t")
    await said(store, "t", gone.id, "apple", "apple")
    await said(store, "t", stays.id, "apple")
    await c.delete("t", gone.id)
    with pytest.raises(NotFound):
        await c.get("t", gone.id)
    assert [hit.conversation for hit in (await c.search("t", "apple")).hits] == [stays.id]
    async with store.database.reading() as connection:
        for table in ("messages", "message_terms"):
            assert (await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar_one() == 1


async def test_a_fork_is_a_copy_of_one_branch_that_lives_on_its_own(store: SqlStore) -> None:
    """Its messages are found too."""
    c = store.conversations
    made = await c.create("t", title="T", folder="F", settings={"model": "fast"})
    one, two, _ = await said(store, "t", made.id, "1", "2", "3")
    await said(store, "t", made.id, "2b", parent=one.id)
    await c.update("t", made.id, ConversationChanges(pinned=True))
    fork = await c.fork("t", made.id, two.id)
    thread = await c.get("t", fork.id)
    assert [each.message.text for each in thread.messages] == ["1", "2"]
    assert not {each.id for each in thread.messages} & {one.id, two.id}
    assert (fork.title, fork.folder, fork.settings, fork.pinned) == ("T", "F", {"model": "fast"}, False)
    await c.delete("t", made.id)
    await said(store, "t", fork.id, "4", parent=fork.leaf)
    assert [each.message.text for each in (await c.get("t", fork.id)).messages] == ["1", "2", "4"]
    assert [hit.conversation for hit in (await c.search("t", "2")).hits] == [fork.id]


async def test_bad_input_is_refused_by_name(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is written."""
    c = store.conversations
    made = await c.create("t", title="ok")
    monkeypatch.setattr(conversations, "MOST_BYTES", 1000)
    with pytest.raises(InvalidRequest, match="1,000") as caught:
        await c.append("t", made.id, None, user("x" * 1000))
    assert (caught.value.path, caught.value.status) == ("message", 413)
    for title in ("x" * 501, "nul\0", "half \udcff"):
        with pytest.raises(InvalidRequest) as caught:
            await c.update("t", made.id, ConversationChanges(title=title))
        assert caught.value.path == "title"
    with pytest.raises(InvalidRequest):
        await c.create("t", folder="x" * 201)
    for after in ("x", "1", "1.", ".a", "-1.a", "1.a b"):
        with pytest.raises(InvalidRequest, match="cursor"):
            await c.page("t", after=after)
    for limit in (0, 1001):
        with pytest.raises(InvalidRequest, match="limit"):
            await c.page("t", limit=limit)
        with pytest.raises(InvalidRequest, match="limit"):
            await c.search("t", "x", limit=limit)
    assert (await c.get("t", made.id)).conversation == made


async def test_a_message_of_many_words_is_kept_and_found_by_those_at_its_beginning(store: SqlStore) -> None:
    """No index takes any number of words."""
    made = await store.conversations.create("t")
    text = " ".join(f"word{number:x}{number * 7919:x}" for number in range(120_000))
    (message,) = await said(store, "t", made.id, text)
    assert (await store.conversations.get("t", made.id)).messages[0].message.text == text
    assert [hit.message for hit in (await store.conversations.search("t", text[:8])).hits] == [message.id]


async def test_appends_at_once_all_stay(store: SqlStore) -> None:
    """Two windows of one chat."""
    made = await store.conversations.create("t")
    (first,) = await said(store, "t", made.id, "first")
    await asyncio.gather(
        *(store.conversations.append("t", made.id, first.id, assistant(str(number))) for number in range(20))
    )
    thread = await store.conversations.get("t", made.id, whole=True)
    assert len(thread.messages) == 21
    assert {each.parent for each in thread.messages[1:]} == {first.id}
    assert thread.conversation.leaf in {each.id for each in thread.messages}


async def test_old_ones_that_are_not_pinned_are_pruned(store: SqlStore) -> None:
    """Of all tenants."""
    c = store.conversations
    old = [await c.create(tenant, title=tenant) for tenant in ("t", "other", "t")]
    await c.update("t", old[0].id, ConversationChanges(pinned=True))
    await said(store, "t", old[2].id, "word")
    border = (await c.get("t", old[2].id)).conversation.updated
    assert await c.prune(border) == 1
    assert await c.prune(border) == 0
    assert {one.id for one in (await c.page("t")).conversations} == {old[0].id, old[2].id}


WRITER = """
import asyncio, os, signal, sys
from pathlib import Path
from interlingua.stores.place import Place
from interlingua.stores.sql import SqlStore
from interlingua.types.messages import user

async def main():
    there = sys.argv[1].startswith("postgresql")
    store = SqlStore(Place(url=sys.argv[1]) if there else Place(Path(sys.argv[1])))
    await store.open()
    made = await store.conversations.create("t", title="T")
    before = None
    for number in range(5):
        before = (await store.conversations.append("t", made.id, before, user(str(number)))).id
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_what_was_appended_survives_kill_9(empty: Spot) -> None:
    """Each append is on the disk when it returns."""
    done = subprocess.run([sys.executable, "-c", WRITER, empty.address], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr

    async def found() -> tuple[Conversation, list[str]]:
        store = SqlStore(empty.place)
        await store.open()
        (made,) = (await store.conversations.page("t")).conversations
        thread = await store.conversations.get("t", made.id)
        await store.aclose()
        return made, [each.message.text for each in thread.messages]

    made, texts = asyncio.run(found())
    assert (made.title, texts) == ("T", ["0", "1", "2", "3", "4"])


async def test_a_message_is_removed_with_what_follows_it_and_the_active_branch_ends_before(store: SqlStore) -> None:
    """Other branches stay, and nothing of what went is found any more."""
    made = await store.conversations.create("t")
    first, second, third = await said(store, "t", made.id, "one", "zebra", "three")
    (other,) = await said(store, "t", made.id, "other", parent=first.id)
    left = await store.conversations.remove("t", made.id, second.id)
    assert left.leaf == other.id
    tree = await store.conversations.get("t", made.id, whole=True)
    assert [one.id for one in tree.messages] == [first.id, other.id]
    assert (await store.conversations.search("t", "zebra")).hits == ()
    assert (await store.conversations.remove("t", made.id, other.id)).leaf == first.id
    assert (await store.conversations.remove("t", made.id, first.id)).leaf is None
    for tenant, message in (("t", third.id), ("foreign", first.id)):
        with pytest.raises(NotFound):
            await store.conversations.remove(tenant, made.id, message)
