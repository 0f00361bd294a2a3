"""Conversations as the chat keeps them: in the store that the web UI shows too, under the tenant of this machine.

A conversation is a tree: each message knows the one before it, so that an answer which was asked for again, or a
question that was edited, stays beside the new one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from msgspec import UNSET
from msgspec.structs import asdict, replace

from interlingua.client.transcripts.stored import new_id, path_to
from interlingua.engine.principal import LOCAL_TENANT
from interlingua.errors import NotFound
from interlingua.ports.store import (
    Answer,
    Conversation,
    ConversationChanges,
    ConversationPage,
    Hit,
    HitPage,
    StoredMessage,
    Thread,
)
from interlingua.types.messages import Message
from interlingua.types.opaque import Json

TENANT = LOCAL_TENANT


class Unkept:
    """Conversations that end with the process: where the store cannot be had, and for tests."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Conversation, list[StoredMessage]]] = {}

    async def create(
        self,
        tenant: str,
        *,
        title: str = "",
        folder: str = "",
        settings: Mapping[str, Json] | None = None,
        created: int | None = None,
    ) -> Conversation:
        """See `ConversationStore.create`."""
        when = now() if created is None else created
        made = Conversation(
            id=new_id(), title=title, folder=folder, created=when, updated=when, settings=dict(settings or {})
        )
        self._kept[made.id] = (made, [])
        return made

    async def get(self, tenant: str, id: str, *, leaf: str | None = None, whole: bool = False) -> Thread:
        """See `ConversationStore.get`."""
        found, messages = self._one(id)
        shown = messages if whole else path_to(leaf or found.leaf, messages)
        return Thread(found, tuple(shown))

    async def page(
        self,
        tenant: str,
        *,
        folder: str | None = None,
        pinned: bool | None = None,
        archived: bool | None = False,
        search: str = "",
        after: str | None = None,
        limit: int = 50,
    ) -> ConversationPage:
        """See `ConversationStore.page`; all of them are one page."""
        found = (one for one, _ in self._kept.values())
        return ConversationPage(tuple(sorted(found, key=lambda one: (-one.updated, one.id))))

    async def append(
        self,
        tenant: str,
        id: str,
        parent: str | None,
        message: Message,
        answer: Answer | None = None,
        *,
        created: int | None = None,
    ) -> StoredMessage:
        """See `ConversationStore.append`."""
        found, messages = self._one(id)
        when = now() if created is None else created
        added = StoredMessage(id=new_id(), parent=parent, message=message, created=when, answer=answer)
        self._kept[id] = (replace(found, leaf=added.id, updated=max(when, found.updated)), [*messages, added])
        return added

    async def update(self, tenant: str, id: str, changes: ConversationChanges) -> Conversation:
        """See `ConversationStore.update`."""
        found, messages = self._one(id)
        given = {name: value for name, value in asdict(changes).items() if value is not UNSET}
        self._kept[id] = (replace(found, **given), messages)
        return self._kept[id][0]

    async def delete(self, tenant: str, id: str) -> None:
        """See `ConversationStore.delete`."""
        self._one(id)
        del self._kept[id]

    async def fork(self, tenant: str, id: str, leaf: str | None = None) -> Conversation:
        """See `ConversationStore.fork`."""
        found, messages = self._one(id)
        made = await self.create(tenant, title=found.title, folder=found.folder, settings=found.settings)
        parent = None
        for one in path_to(leaf or found.leaf, messages):
            parent = (await self.append(tenant, made.id, parent, one.message, one.answer)).id
        return self._one(made.id)[0]

    async def search(self, tenant: str, text: str, *, after: str | None = None, limit: int = 50) -> HitPage:
        """See `ConversationStore.search`; words are looked for anywhere."""
        words = text.lower().split()
        hits = [
            Hit(
                conversation=found.id,
                title=found.title,
                message=one.id,
                role=one.message.role,
                created=one.created,
                snippet=one.message.text,
            )
            for found, messages in self._kept.values()
            for one in messages
            if words and all(word in one.message.text.lower() for word in words)
        ]
        return HitPage(tuple(hits[:limit]))

    def _one(self, id: str) -> tuple[Conversation, list[StoredMessage]]:
        if id not in self._kept:
            raise NotFound("there is no conversation of this id", what="conversation")
        return self._kept[id]


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000
