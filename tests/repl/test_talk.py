"""A conversation, and what is kept of it however an answer ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interlingua.client.chat import AsyncChat
from interlingua.client.client import AsyncClient
from interlingua.client.transcripts.stored import is_interrupted, maker
from interlingua.config.schema import Config
from interlingua.engine.settings import RetrySettings
from interlingua.errors import CredentialMissing, InvalidRequest, StreamInterrupted
from interlingua.ports.conversations import Conversations
from interlingua.repl.archive import TENANT, Unkept
from interlingua.repl.spending import spending
from interlingua.repl.talk import CONTINUE, Talk, opened, recover
from interlingua.stores.opening import open_store
from interlingua.transport.scripted import ScriptedTransport
from interlingua.types.messages import user
from tests.cli.runs import openai_stream

LAB = {"base_url": "https://lab.example/v1", "dialect": "openai_chat"}
CONFIG = Config(providers={"lab": LAB, "far": LAB}, retry=RetrySettings(attempts=1))


def talk_on(transport: ScriptedTransport, store: Conversations | None = None, journals: Path | None = None) -> Talk:
    """A new conversation with a scripted model."""
    client = AsyncClient(config=CONFIG, transport=transport)
    return Talk(AsyncChat("lab/m", client=client), store or Unkept(), journals)


async def ask(talk: Talk, text: str | None) -> str:
    """One question to its end; the answer."""
    async for _ in talk.ask(user(text) if text is not None else None):
        pass
    assert talk.reply is not None
    return talk.reply.text


def texts(talk: Talk) -> list[str]:
    """What was said on the branch."""
    return [one.message.text for one in talk.path]


async def test_a_question_and_its_answer_are_kept_with_who_answered_and_for_how_much() -> None:
    """The second seed: what is kept is complete."""
    talk = talk_on(ScriptedTransport(openai_stream("Paris.")))
    assert await ask(talk, "capital?") == "Paris."
    thread = await talk.store.get(TENANT, talk.about.id if talk.about else "")
    assert [one.message.text for one in thread.messages] == ["capital?", "Paris."]
    assert maker(thread.messages[1]) == "lab/m"
    assert thread.messages[1].answer is not None
    assert thread.messages[1].answer.usage is not None
    assert thread.conversation.title == "capital?"
    assert thread.conversation.settings["model"] == "lab/m"
    spent = spending(thread.messages)
    assert (spent.tokens, spent.money) == ("15 tokens", "cost unknown")


async def test_what_came_before_ctrl_c_is_kept_and_can_be_continued() -> None:
    """Nothing that was on the screen is lost."""
    transport = ScriptedTransport([openai_stream("so ", "far", "!").stalled(2), openai_stream("and on")])
    talk = talk_on(transport)
    came = asyncio.Event()

    async def run() -> None:
        seen = ""
        async for event in talk.ask(user("tell")):
            seen += getattr(event, "text", "")
            if seen == "so far":
                came.set()

    task = asyncio.ensure_future(run())
    await asyncio.wait_for(came.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert texts(talk) == ["tell", "so far"]
    assert is_interrupted(talk.path[-1])
    assert spending(talk.path).tokens == "tokens unknown"
    await ask(talk, None)
    assert texts(talk) == ["tell", "so far", CONTINUE, "and on"]
    assert transport.bodies[1]["messages"][-2:] == [
        {"role": "assistant", "content": "so far"},
        {"role": "user", "content": CONTINUE},
    ]


async def test_what_came_before_the_connection_broke_is_kept() -> None:
    """Contracts §1.2: an interruption is no success, and no loss."""
    talk = talk_on(ScriptedTransport(openai_stream("so ", "far", "!").cut(after=2)))
    with pytest.raises(StreamInterrupted):
        await ask(talk, "tell")
    assert texts(talk) == ["tell", "so far"]
    assert is_interrupted(talk.path[-1])
    assert [one.text for one in talk.chat.messages] == ["tell", "so far"]


async def test_a_question_that_got_nothing_leaves_no_trace() -> None:
    """Neither in the history nor as an empty conversation."""
    config = Config(providers={"locked": {**LAB, "api_keys": ["env:NO_SUCH_KEY"]}})
    talk = Talk(AsyncChat("locked/m", client=AsyncClient(config=config)), Unkept())
    with pytest.raises(CredentialMissing):
        await ask(talk, "anybody?")
    assert texts(talk) == []
    assert (await talk.store.page(TENANT)).conversations == ()


async def test_another_answer_stays_beside_the_first() -> None:
    """Branches, as in the web UI."""
    talk = talk_on(ScriptedTransport([openai_stream("one"), openai_stream("two")]))
    await ask(talk, "which?")
    await talk.before_answer()
    await ask(talk, None)
    assert texts(talk) == ["which?", "two"]
    assert talk.about is not None
    whole = await talk.store.get(TENANT, talk.about.id, whole=True)
    assert [one.message.text for one in whole.messages] == ["which?", "one", "two"]
    assert whole.messages[1].parent == whole.messages[2].parent


async def test_undo_goes_back_by_questions_and_says_which() -> None:
    """The text comes back."""
    talk = talk_on(ScriptedTransport(openai_stream("a")))
    await ask(talk, "first")
    await ask(talk, "second")
    question = await talk.undo()
    assert question is not None
    assert question.text == "second"
    assert texts(talk) == ["first", "a"]
    assert (await talk.undo(5)) is not None
    assert texts(talk) == []
    assert talk.about is not None
    assert texts(await opened(talk.chat, talk.store, None, talk.about.id)) == []
    with pytest.raises(InvalidRequest):
        await talk.before_answer()


async def test_a_fork_leaves_the_old_one_as_it_is() -> None:
    """Two conversations afterwards."""
    talk = talk_on(ScriptedTransport(openai_stream("a")))
    await ask(talk, "first")
    fork = await talk.fork("other")
    await ask(fork, "more")
    assert (len(talk.path), len(fork.path)) == (2, 4)
    assert {one.title for one in (await talk.store.page(TENANT)).conversations} == {"first", "other"}


async def test_a_summary_takes_the_place_of_the_conversation_and_the_whole_stays() -> None:
    """For models with less room."""
    talk = talk_on(ScriptedTransport([openai_stream("long"), openai_stream("In short.")]))
    await ask(talk, "tell")
    await talk.summarise("far/m")
    assert [one.message.role for one in talk.path] == ["user", "assistant"]
    assert "In short." in talk.path[0].message.text
    assert talk.about is not None
    assert len((await talk.store.get(TENANT, talk.about.id, whole=True)).messages) == 4
    await talk.undo()
    assert texts(talk) == ["tell", "long"]


async def test_a_killed_chat_is_found_again_in_the_real_store(tmp_path: Path) -> None:
    """The journal knows what the store does not."""
    store = await open_store(tmp_path / "il.db")
    try:
        journals = tmp_path / "unfinished"
        talk = talk_on(ScriptedTransport(openai_stream("so ", "far", "!").stalled(2)), store.conversations, journals)
        came = asyncio.Event()

        async def run() -> None:
            async for event in talk.ask(user("tell")):
                if getattr(event, "text", "") == "far":
                    came.set()

        task = asyncio.ensure_future(run())
        await asyncio.wait_for(came.wait(), 60)
        (file,) = journals.iterdir()
        copy = file.read_bytes()  # a kill would leave exactly this
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert talk.about is not None
        await store.conversations.delete(TENANT, talk.about.id)
        again = await store.conversations.create(TENANT)
        file.write_bytes(copy.replace(talk.about.id.encode(), again.id.encode()))
        assert await recover(store.conversations, journals) == 1
        found = await opened(talk.chat, store.conversations, journals, again.id)
        assert texts(found) == ["tell", "so far"]
        assert found.title == "tell"
        assert is_interrupted(found.path[-1])
        assert await recover(store.conversations, journals) == 0
    finally:
        await store.aclose()
