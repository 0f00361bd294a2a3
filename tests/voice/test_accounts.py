"""On whose account calls by voice are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from livekit.agents import AgentSession
from msgspec.structs import replace

from interlingua.config.schema import Config, StoreSettings, VoiceSettings
from interlingua.engine.budgets import BudgetSettings
from interlingua.stores.opening import open_store
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.voice.accounts import open_accounts
from interlingua.voice.agent import VoiceAgent, open_session
from interlingua.voice.choices import Chooser
from interlingua.voice.speech import Speech
from tests.voice.sessions import CONFIG, lab_call, lab_text, scripted, until

VOICE = VoiceSettings(
    llm_model="lab/m", task_agent_provider="lab", task_agent_model="worker", greeting="", tenant="phone"
)


async def conversed(folder: Path, config: Config, *scripts: Script, said: list[str]) -> ScriptedTransport:
    """One turn of a call by voice, in text, on its account; what would be spoken beside it goes into `said`."""
    config = replace(config, store=StoreSettings(path=str(folder / "il.db")))
    client, transport = scripted(*scripts, config=config)
    accounts = await open_accounts(config, client, "kitchen", {})
    agent = VoiceAgent(config.voice, client, Chooser(config.voice, client.engine).choose())
    agent._tell = lambda aloud, written="": said.append(aloud)  # type: ignore[method-assign]  # what would be spoken
    nothing: Any = None
    session: AgentSession[Any]
    async with open_session(config.voice, Speech(nothing, nothing, nothing), config) as session:
        session.on("error", agent.failed)
        await session.start(agent, record=False)
        await session.generate_reply(user_input="17 times 23?")
        await until(lambda: said or len(transport.requests) == len(scripts))
    await accounts.aclose()
    return transport


async def test_the_voice_model_and_the_task_agent_stand_in_the_ledger_as_one_conversation(tmp_path: Path) -> None:
    """Four calls of two models, under the tenant that the configuration names, tagged so that they can be told."""
    call = lab_call("run_task", '{"task": "What is 17 times 23?"}')
    work = lab_call("calculate", '{"expression": "17 * 23"}')
    await conversed(
        tmp_path, replace(CONFIG, voice=VOICE), call, work, lab_text("It is 391."), lab_text("391."), said=[]
    )
    store = await open_store(tmp_path / "il.db", {})
    rows = (await store.page("phone")).rows
    assert sorted(row.model for row in rows) == ["lab/m", "lab/m", "lab/worker", "lab/worker"]
    assert len({row.conversation for row in rows}) == 1
    assert {row.tags for row in rows} == {("voice",)}
    assert {row.status for row in rows} == {200}
    assert (await store.page("local")).rows == ()
    await store.aclose()


async def test_a_spent_budget_is_said_and_no_provider_is_asked(tmp_path: Path) -> None:
    """Whoever calls hears why there is no answer."""
    priced = replace(
        CONFIG,
        voice=replace(VOICE, llm_model="openrouter/openai/gpt-6-sol"),
        budgets=BudgetSettings(tenants={"phone": "0.0000001 USD / day"}),
    )
    said: list[str] = []
    transport = await conversed(tmp_path, priced, Script.json({}), said=said)
    assert said == ["Sorry, the budget does not allow that."]
    assert transport.requests == []


async def test_a_store_that_cannot_be_used_is_told_before_anybody_calls(tmp_path: Path) -> None:
    """Not in the first call."""
    from interlingua.errors import LocalFileError
    from interlingua.voice.worker import serve_voice

    (tmp_path / "file").write_text("")
    voice = replace(VOICE, url="ws://127.0.0.1:9", api_key=f"file:{tmp_path}/key", api_secret=f"file:{tmp_path}/key")
    (tmp_path / "key").write_text("a-secret-of-thirty-two-letters-ok")
    config = replace(CONFIG, voice=voice, store=StoreSettings(path=str(tmp_path / "file" / "il.db")))
    with pytest.raises(LocalFileError):
        await serve_voice(config, lambda id: None)
