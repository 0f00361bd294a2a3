"""Takes conversations of an export into a store, each once, with their dates."""

from __future__ import annotations

import msgspec

from interlingua.client.transcripts.import_chats import Unread, parse_export
from interlingua.ports.conversations import Conversations
from interlingua.ports.store import ConversationChanges

IMPORTED = "imported"
"""The setting that names where a conversation came from."""


class Kept(msgspec.Struct, frozen=True):
    """What came of an export.

    Args:
        imported: how many conversations were taken in.
        known: how many were here already.
        unread: what could not be read.
        left_out: how many pictures, files and tools' messages those that were taken in had besides.
    """

    imported: int
    known: int = 0
    unread: tuple[Unread, ...] = ()
    left_out: int = 0


async def keep_export(store: Conversations, tenant: str, content: bytes) -> Kept:
    """Keeps the conversations of an export; what came of that.

    Args:
        store: where.
        tenant: whose they become.
        content: the ZIP or JSON file.

    Raises:
        InvalidRequest: it is no export that we know.
        LocalFileError: they cannot be kept.
    """
    here = await _sources(store, tenant)
    count = known = left_out = 0
    unread: list[Unread] = []
    for found in parse_export(content):
        if isinstance(found, Unread):
            unread.append(found)
            continue
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
        if found.source:
            here.add(found.source)
        count += 1
        left_out += found.left_out
    return Kept(count, known, tuple(unread), left_out)


async def _sources(store: Conversations, tenant: str) -> set[str]:
    """What was taken in before."""
    found: set[str] = set()
    after: str | None = None
    while True:
        page = await store.page(tenant, archived=None, after=after, limit=1000)
        found |= {str(one.settings[IMPORTED]) for one in page.conversations if one.settings.get(IMPORTED)}
        after = page.next
        if after is None:
            return found
