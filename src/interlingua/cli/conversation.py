"""The conversation that `il ask -c` goes on with: the latest that is kept, or a new one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from interlingua.cli.session import Session
from interlingua.errors import ConfigError

if TYPE_CHECKING:
    from interlingua.client.reply import Reply
    from interlingua.client.settings import Settings
    from interlingua.client.tools import ToolRun
    from interlingua.ports.conversations import Conversations
    from interlingua.repl.talk import Talk
    from interlingua.types.events import Event
    from interlingua.types.messages import Message


async def open_conversations(current: Session, closing: AsyncExitStack) -> Conversations:
    """What keeps conversations; closed with `closing`. Raises ConfigError, LocalFileError."""
    from interlingua.stores.opening import open_store

    store = await open_store(current.config.store)
    closing.push_async_callback(store.aclose)
    return store.conversations


async def latest_talk(current: Session, closing: AsyncExitStack, model: str | None, system: str | None) -> Talk:
    """The latest conversation, with another model or instructions if they are named; a new one where there is none.

    Raises:
        ConfigError: the packages of the chat are not installed, or the configuration names no such model.
        LocalFileError: the store cannot be read.
    """
    try:
        from interlingua.client.chat import AsyncChat
        from interlingua.repl.archive import TENANT
        from interlingua.repl.talk import Talk, opened
    except ImportError as error:
        raise ConfigError(
            f"conversations need a package that is not installed: {error.name}",
            remedy="pip install 'interlingua[chat]'",
        ) from error
    store = await open_conversations(current, closing)
    found = (await store.page(TENANT, limit=1)).conversations
    if not found:
        return Talk(AsyncChat(model, system=system, client=current.client), store)
    settings = found[0].settings
    chat = AsyncChat(
        model or str(settings.get("model") or "") or None,
        system=system or str(settings.get("system") or "") or None,
        client=current.client,
    )
    return await opened(chat, store, None, found[0].id)


class Continued:
    """An answer within a conversation, asked for and read like any other stream.

    Args:
        talk: the conversation.
        question: what is said in it.
        settings: for this question.
    """

    def __init__(self, talk: Talk, question: Message, settings: Settings) -> None:
        self._talk = talk
        self._items = talk.ask(question, settings)

    def __aiter__(self) -> AsyncIterator[Event | ToolRun]:
        return self._items

    @property
    def reply(self) -> Reply[Any]:
        """The finished reply."""
        assert self._talk.reply is not None, "it was read to its end"
        return self._talk.reply

    async def aclose(self) -> None:
        """Stops the answer; what came is kept."""
        close = getattr(self._items, "aclose", None)
        if close is not None:
            await close()
