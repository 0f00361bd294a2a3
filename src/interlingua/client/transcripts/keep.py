"""Takes conversations of an export into a store, each once, with their dates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from interlingua.client.transcripts.import_chats import parse_export
from interlingua.ports.store import Answer, Conversation, ConversationChanges, ConversationPage, StoredMessage
from interlingua.types.messages import Message
from interlingua.types.opaque import Json

IMPORTED = "imported"
"""The setting that names where a conversation came from."""


class Taker(Protocol):
    """What of a `ConversationStore` is needed to take conversations in."""

    async def create(
        self, tenant: str, *, title: str = "", settings: Mapping[str, Json] | None = None, created: int | None = None
    ) -> Conversation:
        """Begins one."""
        ...

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
        """Adds a message."""
        ...

    async def update(self, tenant: str, id: str, changes: ConversationChanges) -> Conversation:
        """Changes what is said of it."""
        ...

    async def page(
        self, tenant: str, *, archived: bool | None = False, after: str | None = None, limit: int = 50
    ) -> ConversationPage:
        """Some of them."""
        ...


async def keep_export(store: Taker, tenant: str, content: bytes) -> tuple[int, int]:
    """Keeps the conversations of an export; how many, and how many were there already.

    Args:
        store: where.
        tenant: whose they become.
        content: the ZIP or JSON file.

    Raises:
        InvalidRequest: it is no export that we know.
        LocalFileError: they cannot be kept.
    """
    here = await _sources(store, tenant)
    count = known = 0
    for found in parse_export(content):
        if found.source and found.source in here:
            known += 1
            continue
        settings = {**found.settings, IMPORTED: found.source} if found.source else found.settings
        about = await store.create(tenant, title=found.title, settings=settings, created=found.created or None)
        ids: dict[str | None, str | None] = {None: None}
        for one in found.messages:
            created = one.created or found.created or None
            added = await store.append(tenant, about.id, ids.get(one.parent), one.message, one.answer, created=created)
            ids[one.id] = added.id
        leaf = ids.get(found.leaf)
        if leaf is not None:
            await store.update(tenant, about.id, ConversationChanges(leaf=leaf))
        count += 1
    return count, known


async def _sources(store: Taker, tenant: str) -> set[str]:
    """What was taken in before."""
    found: set[str] = set()
    after: str | None = None
    while True:
        page = await store.page(tenant, archived=None, after=after, limit=1000)
        found |= {str(one.settings[IMPORTED]) for one in page.conversations if one.settings.get(IMPORTED)}
        after = page.next
        if after is None:
            return found
