"""One conversation while it is talked in: the client's chat, and beside it the tree of messages that is kept.

The rule: `chat.messages` is the branch that is talked on, `path` holds the same messages as they are kept, and after
every question, however it ends, the two agree and the store has both. What is being answered stands in a journal
until then.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from interlingua.client.chat import AsyncChat
from interlingua.client.reply import Reply, ReplyStream
from interlingua.client.settings import Settings
from interlingua.client.tools import ToolRun
from interlingua.client.transcripts.stored import maker, path_to
from interlingua.engine.answer import Answer as Answered
from interlingua.engine.estimate import estimate_tokens
from interlingua.engine.target import Target
from interlingua.errors import Cancelled, InterlinguaError, InvalidRequest, NotFound
from interlingua.ports.conversations import Conversations
from interlingua.ports.store import Answer, Conversation, ConversationChanges, StoredMessage
from interlingua.repl.archive import TENANT, now
from interlingua.repl.journal import Begun, Journal, left_behind
from interlingua.types.accumulate import Accumulator
from interlingua.types.events import Event, MessageStart
from interlingua.types.messages import Message, assistant, system, user
from interlingua.types.parts import TextPart
from interlingua.types.request import ChatRequest
from interlingua.wire.clean import one_line

CONTINUE = "Continue exactly where you stopped, without repeating anything."
"""What is said to go on with an answer that broke off."""
SUMMARISE = (
    "Summarise our conversation so far for somebody who has to continue it: facts, decisions, open questions, names "
    "and figures, code that matters. Write the summary and nothing else."
)
SUMMARY = "Summary of our conversation until now:\n\n"
_TITLE_LENGTH = 60


class Talk:
    """A conversation.

    Args:
        chat: what asks.
        store: where it is kept.
        journals: folder for answers that are not finished; None keeps none.
        about: what is kept of it beside messages; None where nothing is kept yet.
        messages: its messages on all branches.
    """

    def __init__(
        self,
        chat: AsyncChat,
        store: Conversations,
        journals: Path | None = None,
        about: Conversation | None = None,
        messages: Iterable[StoredMessage] = (),
    ) -> None:
        self.chat = chat
        self.store = store
        self.journals = journals
        self.about = about
        self.messages: dict[str, StoredMessage] = {one.id: one for one in messages}
        self.path: list[StoredMessage] = []
        self.reply: Reply[Any] | None = None
        self._used_key: tuple[object, ...] = ()
        self._used = (0, False)
        self._stand_at(about.leaf if about is not None else None)

    @property
    def title(self) -> str:
        """What it is called."""
        return (self.about.title if self.about is not None else "") or "(untitled)"

    @property
    def target(self) -> Target:
        """Who is asked next."""
        return self.chat.client.engine.route(self.chat.model)[0]

    @property
    def leaf(self) -> str | None:
        """The message at which it stands."""
        return self.path[-1].id if self.path else None

    @property
    def last_answer(self) -> StoredMessage | None:
        """The last message of the model's on this branch."""
        return next((one for one in reversed(self.path) if one.message.role == "assistant"), None)

    @property
    def context_used(self) -> tuple[int, bool]:
        """Tokens that the conversation takes, and whether the provider counted them."""
        key = (self.leaf, self.chat.model, self.chat.system, len(self.chat.tools))
        if key != self._used_key:
            self._used_key, self._used = key, self._count()
        return self._used

    def _count(self) -> tuple[int, bool]:
        last = self.path[-1] if self.path else None
        usage = last.answer.usage if last is not None and last.answer is not None else None
        if (
            last is not None
            and usage is not None
            and usage.total_tokens is not None
            and maker(last) == self.target.name
        ):
            return usage.total_tokens, True
        return estimate_tokens(self.request()).input_tokens, False

    def request(self) -> ChatRequest:
        """What would be sent now, without a new question."""
        first = (system(self.chat.system),) if self.chat.system else ()
        messages = (*first, *self.chat.messages)
        return ChatRequest(model=self.chat.model, messages=messages, tools=self.chat.tools.definitions())

    async def name(self, title: str) -> None:
        """Calls it something; ours, if it is not kept yet. Raises LocalFileError."""
        about = await self._kept()
        self.about = await self.store.update(TENANT, about.id, ConversationChanges(title=title))

    async def remember(self) -> None:
        """Keeps model and instructions with it, once there is something to keep. Raises LocalFileError."""
        if self.about is not None and self.about.settings != self._settings():
            changes = ConversationChanges(settings=self._settings())
            self.about = await self.store.update(TENANT, self.about.id, changes)

    def _settings(self) -> dict[str, Any]:
        before = self.about.settings if self.about is not None else {}
        return {**before, "model": self.chat.model or self.target.name, "system": self.chat.system or ""}

    async def _kept(self) -> Conversation:
        if self.about is None:
            self.about = await self.store.create(TENANT, settings=self._settings())
        return self.about

    async def ask(self, question: Message | None, settings: Settings | None = None) -> AsyncIterator[Event | ToolRun]:
        """Asks; what comes is kept however it ends.

        Args:
            question: None goes on with the conversation as it stands, or with an answer that broke off.
            settings: for this question.

        Raises:
            InterlinguaError: of any kind; what was finished is kept, and the question too if something came.
        """
        question = self._to_go_on(question)
        self.reply = None
        progress = _Progress(self, question)
        stream: ReplyStream[Any] = self.chat.stream(question, **(settings or {}))
        try:
            async for item in stream:
                if not isinstance(item, ToolRun):
                    progress.add(item, await self._kept())
                await self._sync(progress)
                yield item
            self.reply = stream.reply
            await self._sync(progress)
        except BaseException as error:
            # Whatever ends it, Ctrl-C included: what came is the user's.
            with suppress(InterlinguaError):
                await stream.aclose()
            code = error.code if isinstance(error, InterlinguaError) else Cancelled.code
            await self._sync(progress, code)
            await self._broken_off(progress, code)
            raise
        finally:
            progress.journal_done()

    def _to_go_on(self, question: Message | None) -> Message | None:
        if question is not None:
            return question
        if not self.path:
            raise InvalidRequest("there is nothing to go on with", remedy="Ask something.")
        return user(CONTINUE) if self.path[-1].message.role == "assistant" else None

    async def _sync(self, progress: _Progress, code: str = "") -> None:
        """Keeps what the chat has taken into its history since the last time."""
        fresh = self.chat.messages[len(self.path) :]
        if not fresh:
            return
        steps = list(self.chat.steps[progress.steps :])
        for message in fresh:
            step = steps.pop(0) if message.role == "assistant" and steps else None
            await self._append(message, self._made(message, step, progress, code))
        progress.kept()

    async def _broken_off(self, progress: _Progress, code: str) -> None:
        """Keeps what came of an answer that did not end."""
        partial = progress.accumulator.partial()
        if partial.parts:
            fresh = [*([progress.question] if progress.question is not None else []), partial]
            self.chat.messages += fresh
            for message in fresh:
                await self._append(message, self._made(message, None, progress, code))
            progress.kept()
        elif self.about is not None and not self.messages:
            await self.store.delete(TENANT, self.about.id)
            self.about = None

    def _made(self, message: Message, step: Answered | None, progress: _Progress, code: str) -> Answer | None:
        if message.role != "assistant":
            return None
        target = self.target if step is None else step.target
        began = now() - round((time.monotonic() - progress.began) * 1e6)
        made = Answer(
            provider=target.provider.id,
            model=target.model,
            started=began,
            duration=now() - began,
            first=None if progress.first is None else round(progress.first * 1e6),
        )
        if step is None:
            return replace(made, error=code or Cancelled.code, cost=0 if is_free(target) else None)
        return replace(
            made,
            usage=None if step.response.usage is None else replace(step.response.usage, raw=None),
            cost=None if step.cost is None else step.cost.pico,
            finish=step.response.finish.kind,
            losses=step.losses,
        )

    async def _append(self, message: Message, answer: Answer | None = None) -> None:
        about = await self._kept()
        added = await self.store.append(TENANT, about.id, self.leaf, message, answer)
        self.messages[added.id] = added
        self.path.append(added)
        if not about.title and message.role == "user":
            await self.name(title_of(message))

    def _stand_at(self, leaf: str | None) -> None:
        self.path = path_to(leaf, self.messages.values())
        self.chat.messages[:] = [one.message for one in self.path]

    async def stand_at(self, leaf: str | None) -> None:
        """Goes to a message, and so to its branch; None is the beginning. Raises LocalFileError."""
        self._stand_at(leaf)
        if self.about is not None:
            self.about = await self.store.update(TENANT, self.about.id, ConversationChanges(leaf=leaf))

    async def undo(self, turns: int = 1) -> Message | None:
        """Goes back before the last question, or several; the question that it went back to."""
        question: Message | None = None
        for _ in range(turns):
            at = last_question(self.path)
            if at is None:
                break
            question = self.path[at].message
            whole = self._summaries().get(self.path[at].id)
            await self.stand_at(whole or self.path[at].parent)
        return question

    async def before_answer(self) -> None:
        """Goes back to the last question, so that it can be asked again; the answer stays on a branch of its own.

        Raises:
            InvalidRequest: nothing was asked.
        """
        at = last_question(self.path)
        if at is None:
            raise InvalidRequest("nothing was asked yet", remedy="Ask something.")
        await self.stand_at(self.path[at].id)

    async def fork(self, title: str = "") -> Talk:
        """A new conversation with all that was said on this branch.

        Raises:
            InvalidRequest: nothing was said.
        """
        if self.about is None or not self.path:
            raise InvalidRequest("there is nothing to fork yet", remedy="Ask something first.")
        made = await self.store.fork(TENANT, self.about.id, self.leaf)
        talk = await opened(self.chat, self.store, self.journals, made.id)
        await talk.name(title or one_line(f"{self.title} (fork)", _TITLE_LENGTH + 10))
        return talk

    async def adopt(self, parent: str | None, question: str, answer: Answered, seconds: float) -> None:
        """Takes a question and an answer that were made elsewhere into the conversation, after `parent`."""
        self._stand_at(parent)
        progress = _Progress(self, None)
        progress.began -= seconds
        for message in (user(question), answer.response.message):
            self.chat.messages.append(message)
            await self._append(message, self._made(message, answer, progress, ""))

    async def summarise(self, model: str) -> str:
        """Puts a summary in the place of the conversation; the conversation itself stays on its branch.

        Args:
            model: who summarises.

        Raises:
            InterlinguaError: of any kind; nothing is changed then.
        """
        request = replace(self.request(), model=model, tools=())
        progress = _Progress(self, None)
        asked = replace(request, messages=(*request.messages, user(SUMMARISE)))
        reply = await self.chat.client.stream(asked).read()
        made = self._made(reply.message, reply.answer, progress, "")
        whole = self.leaf
        self._stand_at(None)
        for message in (user(SUMMARY + reply.text.strip()), assistant("Thank you. Let us go on from there.")):
            self.chat.messages.append(message)
            # The usage is that of the summary, not of what is sent from now on.
            spent = replace(made, usage=None) if made is not None and message.role == "assistant" else None
            await self._append(message, spent)
        if self.about is not None:
            summaries = {**self._summaries(), self.path[0].id: whole}
            changes = ConversationChanges(settings={**self.about.settings, "summaries": summaries})
            self.about = await self.store.update(TENANT, self.about.id, changes)
        return reply.text

    def _summaries(self) -> dict[str, Any]:
        """The message at which the whole conversation stood, by the message that summarises it."""
        found = self.about.settings.get("summaries") if self.about is not None else None
        return found if isinstance(found, dict) else {}


class _Progress:
    """A question that is being answered."""

    def __init__(self, talk: Talk, question: Message | None) -> None:
        self.question = question
        self.accumulator = Accumulator()
        self.steps = len(talk.chat.steps)
        self.began = time.monotonic()
        self.first: float | None = None
        self._talk = talk
        self._journal: Journal | None = None

    def add(self, event: Event, about: Conversation) -> None:
        """Takes an event, and writes it down."""
        if isinstance(event, MessageStart):
            self.accumulator = Accumulator()
        elif self.first is None:
            self.first = time.monotonic() - self.began
        self.accumulator.add(event)
        talk = self._talk
        if talk.journals is None:
            return
        if self._journal is None:
            begun = Begun(conversation=about.id, parent=talk.leaf, question=self.question, model=talk.target.name)
            self._journal = Journal(talk.journals, begun)
        self._journal.add(event)

    def kept(self) -> None:
        """All that came until now is kept elsewhere."""
        self.question = None
        self.accumulator = Accumulator()
        self.steps = len(self._talk.chat.steps)
        self.journal_done()

    def journal_done(self) -> None:
        """Nothing is running any more."""
        if self._journal is not None:
            self._journal.done()
            self._journal = None


async def opened(chat: AsyncChat, store: Conversations, journals: Path | None, id: str) -> Talk:
    """A conversation that is kept, as it stands. Raises NotFound, LocalFileError."""
    thread = await store.get(TENANT, id, whole=True)
    return Talk(chat, store, journals, thread.conversation, thread.messages)


async def recover(store: Conversations, folder: Path) -> int:
    """Keeps what processes that were killed left behind; how many answers. Raises LocalFileError."""
    count = 0
    for begun, partial in left_behind(folder):
        parent = begun.parent
        provider, _, model = begun.model.partition("/")
        made = Answer(provider=provider, model=model, error=Cancelled.code)
        with suppress(NotFound):  # the conversation was deleted meanwhile
            for message in (begun.question, partial):
                if message is not None and message.parts:
                    answer = made if message.role == "assistant" else None
                    added = await store.append(TENANT, begun.conversation, parent, message, answer)
                    if parent is None and message.role == "user":
                        changes = ConversationChanges(title=title_of(message))
                        await store.update(TENANT, begun.conversation, changes)
                    parent = added.id
            count += 1
    return count


def last_question(path: Sequence[StoredMessage]) -> int | None:
    """The place of the last message that a person wrote, or None."""
    return next((at for at in range(len(path) - 1, -1, -1) if path[at].message.role == "user"), None)


def title_of(question: Message) -> str:
    """What a conversation may be called: the beginning of its first question."""
    first = next((part.text for part in question.parts if isinstance(part, TextPart)), "")
    return one_line(first, _TITLE_LENGTH) or "(no words)"


def is_free(target: Target) -> bool:
    """Whether a model is known to cost nothing."""
    prices = target.row.prices if target.row is not None else ()
    return bool(prices) and all(row.input == row.output == "0" for row in prices)
