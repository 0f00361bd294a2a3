"""The voice agent: one conversation in one room, whose two models change while it goes on.

The voice model talks, and is exchanged in the running session; the task agent works, and is exchanged from its next
task on. Every change, and every wish that was not followed, is logged and said.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from livekit import rtc
from livekit.agents import (
    Agent,
    AgentSession,
    APIConnectOptions,
    APIStatusError,
    ErrorEvent,
    JobContext,
    TurnHandlingOptions,
    inference,
    room_io,
)
from livekit.agents import llm as livekit_llm
from livekit.agents.voice.agent_session import SessionConnectOptions

from interlingua.client.agent import AsyncTaskAgent
from interlingua.client.client import AsyncClient
from interlingua.client.safe_tools import calculate, time_now
from interlingua.config.schema import Config, VoiceSettings
from interlingua.errors import BudgetExceeded, InterlinguaError
from interlingua.voice.accounts import open_accounts
from interlingua.voice.choices import NAMES, Chooser, Chosen, aloud, read_wishes
from interlingua.voice.llm import LLM
from interlingua.voice.shown import Shown
from interlingua.voice.speech import Speech, open_speech

MOST_TOOL_STEPS = 6
WORK = (
    "You work on tasks for a voice assistant. Answer with the result in a few short sentences that can be read aloud."
)

log = logging.getLogger("interlingua.voice")


class VoiceAgent(Agent):
    """Talks with a voice model, and gives work to a task agent.

    Args:
        settings: instructions, greeting, notices.
        client: what asks models.
        chosen: who talks and works at first.
    """

    def __init__(self, settings: VoiceSettings, client: AsyncClient, chosen: Chosen) -> None:
        super().__init__(instructions=settings.instructions, llm=LLM(chosen.llm_model, client=client))
        self.chosen = chosen
        self.task_agent = AsyncTaskAgent(
            chosen.task_agent_provider,
            chosen.task_agent_model,
            tools=[time_now, calculate],
            system=WORK,
            client=client,
        )
        self._settings = settings
        self._client = client
        self._one_task = asyncio.Lock()

    async def on_enter(self) -> None:
        """Greets, and says what could not be had."""
        log.info("%s talks, %s works", self.chosen.llm_model, self.chosen.task_agent)
        if self._settings.greeting:
            self.session.say(self._settings.greeting)
        for reason in self.chosen.refused:
            self._tell(reason)

    @livekit_llm.function_tool
    async def run_task(self, task: str) -> str:
        """Give work to an assistant that can calculate, look at the clock and go on for several steps.

        Args:
            task: what is to be done, with all that must be known for it.
        """
        async with self._one_task:
            name = self.task_agent.name
            try:
                reply = await self.task_agent.run(task)
            except InterlinguaError as error:
                log.warning("a task failed with %s: %s %s", name, error.message, error.remedy)
                raise livekit_llm.ToolError(f"The task failed: {error.message} {error.remedy}") from error
        log.info("a task was done by %s", name)
        return reply.text

    def follow(self, chosen: Chosen) -> None:
        """Goes on with other models; the conversation and the task agent's history stay.

        Args:
            chosen: who talks and works from now on.
        """
        before, self.chosen = self.chosen, chosen
        if chosen.llm_model != before.llm_model:
            self.update_options(llm=LLM(chosen.llm_model, client=self._client))
            self._tell(f"{aloud(chosen.llm_model)} talks now.", f"{chosen.llm_model} talks now")
        if chosen.task_agent != before.task_agent:
            self.task_agent.use(chosen.task_agent_provider, chosen.task_agent_model)
            self._tell(f"{aloud(chosen.task_agent)} works now.", f"{chosen.task_agent} works now")
        for reason in chosen.refused:
            if reason not in before.refused:
                self._tell(reason)

    def failed(self, event: ErrorEvent) -> None:
        """Says that there is no answer, where LiveKit gave up on one."""
        error = event.error
        if not isinstance(error, livekit_llm.LLMError) or error.recoverable:
            return
        said = f"Sorry, {aloud(self.chosen.llm_model)} gave no answer."
        if isinstance(error.error, APIStatusError) and error.error.body == {"code": BudgetExceeded.code}:
            said = "Sorry, the budget does not allow that."
        self._tell(said, f"no answer: {error.error}")

    def _tell(self, aloud: str, written: str = "") -> None:
        log.info("%s", written or aloud)
        if self._settings.spoken_notices:
            self.session.say(aloud, add_to_chat_ctx=False)


def open_session(settings: VoiceSettings, speech: Speech, config: Config) -> AgentSession[Any]:
    """The session in which an agent talks. Models are asked again by our engine, as `[retry]` says, not by LiveKit.

    Args:
        settings: how turns are told.
        speech: what hears and speaks.
        config: for its time limits.
    """
    first_byte = config.timeouts.first_byte
    return AgentSession(
        stt=speech.stt,
        tts=speech.tts,
        vad=speech.vad,
        turn_handling=TurnHandlingOptions(
            turn_detection=inference.TurnDetector(version="v1-mini")
            if settings.turn_detection == "model"
            else settings.turn_detection,
            interruption={"mode": "vad"},  # the other mode asks a service of LiveKit's
        ),
        max_tool_steps=MOST_TOOL_STEPS,
        conn_options=SessionConnectOptions(
            llm_conn_options=APIConnectOptions(max_retry=0, timeout=3600.0 if first_byte is None else first_byte)
        ),
    )


async def converse(context: JobContext, config: Config, client: AsyncClient | None = None) -> None:
    """One job: joins the room, waits for somebody, talks.

    Args:
        context: LiveKit's.
        config: the configuration.
        client: what asks models; one of the configuration's own otherwise.
    """
    asks = client or AsyncClient(config=config)
    accounts = await open_accounts(config, asks, context.job.room.name)

    async def close() -> None:
        await accounts.aclose()
        await asks.aclose()

    context.add_shutdown_callback(close)
    settings = config.voice
    chooser = Chooser(settings, asks.engine)
    job = read_wishes(context.job.metadata)
    session = open_session(settings, open_speech(settings), config)
    await context.connect()
    participant = await context.wait_for_participant()

    shown = Shown(context.room.local_participant)

    def chosen() -> Chosen:
        now = context.room.remote_participants.get(participant.identity, participant)
        wishes = read_wishes(now.metadata, now.attributes)
        found = chooser.choose(job, wishes)
        shown.show(found, wishes)
        return found

    agent = VoiceAgent(settings, asks, chosen())
    session.on("error", agent.failed)
    # Else the process waits, deaf, until the server has forgotten the room, and a worker that is told to end waits too.
    session.on("close", lambda event: context.shutdown(event.reason.value))
    await session.start(
        agent,
        room=context.room,
        room_options=room_io.RoomOptions(participant_identity=participant.identity),
        record=False,
    )
    watch(context.room, participant.identity, lambda: agent.follow(chosen()))
    agent.follow(chosen())  # what changed while the session began


def watch(room: rtc.Room, identity: str, changed: Any) -> None:
    """Has `changed` called when a participant's wishes may have changed; nobody else's count.

    Args:
        room: where they are.
        identity: whose.
        changed: called without arguments.
    """

    def attributes(names: dict[str, str], participant: rtc.Participant) -> None:
        if participant.identity == identity and any(name in names for name in NAMES):
            changed()

    def metadata(participant: rtc.Participant, old: str, new: str) -> None:
        if participant.identity == identity and read_wishes(old) != read_wishes(new):
            changed()

    room.on("participant_attributes_changed", attributes)
    room.on("participant_metadata_changed", metadata)
