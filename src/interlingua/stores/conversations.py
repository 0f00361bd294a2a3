"""Conversations and their messages in SQL: trees, each change of which is one transaction.

A message's content is canonical JSON with all that it holds, and is never rewritten. Where no words are looked for,
nothing but the rows of one tenant is touched; where they are, the tenant is one of the words.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import and_, case, delete, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from interlingua.errors import InvalidRequest, NotFound
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
from interlingua.stores.database import Database, storable
from interlingua.stores.message_terms import MessageTerms, TermsInFile, TermsOnServer
from interlingua.stores.pages import after_number, checked_limit
from interlingua.stores.schema import conversations, messages
from interlingua.stores.terms import snippet, terms, wanted
from interlingua.types.messages import Message
from interlingua.types.opaque import Json
from interlingua.types.serde import dump, load

MOST_BYTES = 32 * 1024 * 1024
"""Of one message, its images and files included."""
LONGEST_TITLE, LONGEST_FOLDER = 500, 200
_COLUMNS = [one for one in conversations.c if one.name not in {"tenant", "title_terms"}]
_MESSAGE = [messages.c.id, messages.c.parent, messages.c.content, messages.c.created, messages.c.answer]
_answer = msgspec.json.Decoder(Answer)


class SqlConversations:
    """Keeps conversations.

    Args:
        database: where.
        now: microseconds since 1970.
    """

    def __init__(self, database: Database, now: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        self._database = database
        self._now = now
        self._terms: MessageTerms = TermsInFile() if database.place.is_file else TermsOnServer()

    async def create(
        self,
        tenant: str,
        *,
        title: str = "",
        folder: str = "",
        settings: Mapping[str, Json] | None = None,
        created: int | None = None,
    ) -> Conversation:
        """Begins one."""
        now = self._now() if created is None else created
        made = Conversation(
            id=_new_id(), title=title, folder=folder, created=now, updated=now, settings=dict(settings or {})
        )
        values = _values(msgspec.structs.asdict(made))

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert(conversations).values(tenant=tenant, **values))

        await self._database.written(work)
        return made

    async def get(self, tenant: str, id: str, *, leaf: str | None = None, whole: bool = False) -> Thread:
        """One with messages."""
        async with self._database.reading() as connection:
            found = await _one(connection, tenant, id)
            if whole:
                query = select(*_MESSAGE).where(_of(tenant, id)).order_by(messages.c.number)
                rows = (await connection.execute(query)).all()
            else:
                rows = await _branch(connection, tenant, id, found.leaf if leaf is None else leaf)
        return Thread(found, tuple(_message(row) for row in rows))

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
        """Some, the one with the newest message first."""
        checked_limit(limit)
        c = conversations.c
        query = select(*_COLUMNS).where(c.tenant == tenant).order_by(c.updated.desc(), c.id.desc()).limit(limit + 1)
        for chosen, is_so in ((c.folder, folder), (c.pinned, pinned), (c.archived, archived)):
            if is_so is not None:
                query = query.where(chosen == is_so)
        if search.strip():
            query = query.where(self._matches(tenant, wanted(search)))
        if after is not None:
            updated, id = _cursor(after)
            query = query.where(or_(c.updated < updated, and_(c.updated == updated, c.id < id)))
        async with self._database.reading() as connection:
            rows = [_conversation(row) for row in await connection.execute(query)]
        last = rows[limit - 1] if len(rows) > limit else None
        return ConversationPage(tuple(rows[:limit]), f"{last.updated}.{last.id}" if last else None)

    async def folders(self, tenant: str) -> dict[str, int]:
        """The folders by name, with how many conversations are in each that are not archived."""
        c = conversations.c
        query = select(c.folder, func.count().label("many")).where(
            c.tenant == tenant, c.folder != "", c.archived.is_(False)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.group_by(c.folder).order_by(c.folder))).all()
        return {row.folder: row.many for row in rows}

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
        """Adds a message; its branch becomes the active one."""
        when = self._now() if created is None else created
        added = StoredMessage(id=_new_id(), parent=parent, message=message, created=when, answer=answer)
        latest: Any = when
        if created is not None:  # what comes from elsewhere need not come in its order
            before = conversations.c.updated
            latest = case((before > created, before), else_=created)
        # Beside the loop: a message may hold megabytes.
        content, found = await asyncio.to_thread(_stored, message)

        async def work(connection: AsyncConnection) -> None:
            # This locks the conversation, so that it cannot be deleted meanwhile.
            await _change(connection, tenant, id, {"leaf": added.id, "updated": latest})
            if parent is not None:
                await _known(connection, tenant, id, parent)
            await self._add(connection, tenant, id, added, content, found)

        await self._database.written(work)
        return added

    async def update(self, tenant: str, id: str, changes: ConversationChanges) -> Conversation:
        """Changes what is said of it; its place in lists stays."""
        given = msgspec.structs.asdict(changes)
        values = _values({name: value for name, value in given.items() if value is not msgspec.UNSET})

        async def work(connection: AsyncConnection) -> Conversation:
            await _one(connection, tenant, id)
            if values.get("leaf") is not None:
                await _known(connection, tenant, id, values["leaf"])
            if values:
                await _change(connection, tenant, id, values)
            return await _one(connection, tenant, id)

        return await self._database.written(work)

    async def remove(self, tenant: str, id: str, message: str) -> Conversation:
        """Deletes a message and all that follows it; the branch that is active ends before it, if it was on it."""
        m = messages.c

        async def work(connection: AsyncConnection) -> Conversation:
            found = await _one(connection, tenant, id)
            await _change(connection, tenant, id, {"leaf": found.leaf})
            await _known(connection, tenant, id, message)
            below = (
                select(m.number, m.id, m.parent).where(_of(tenant, id), m.id == message).cte("below", recursive=True)
            )
            child = select(m.number, m.id, m.parent).where(_of(tenant, id), m.parent == below.c.id)
            rows = (await connection.execute(select(below.union_all(child)))).all()
            parent = next(row.parent for row in rows if row.id == message)
            numbers = [row.number for row in rows]
            await self._terms.forget(connection, select(m.number).where(m.number.in_(numbers)))
            await connection.execute(delete(messages).where(m.number.in_(numbers)))
            if found.leaf in {row.id for row in rows}:
                await _change(connection, tenant, id, {"leaf": parent})
            return await _one(connection, tenant, id)

        return await self._database.written(work)

    async def delete(self, tenant: str, id: str) -> None:
        """Deletes it with all its messages."""

        async def work(connection: AsyncConnection) -> None:
            await _change(connection, tenant, id, {"leaf": None})
            await self._delete(connection, tenant, id)

        await self._database.written(work)

    async def prune(self, before: int) -> int:
        """Deletes those of all tenants that had no new message since a time and are not pinned; how many."""
        c = conversations.c
        query = select(c.tenant, c.id).where(c.updated < before, c.pinned.is_(False)).limit(100)
        done = 0
        while True:

            async def work(connection: AsyncConnection) -> int:
                found = (await connection.execute(query.with_for_update())).all()
                for tenant, id in found:
                    await self._delete(connection, tenant, id)
                return len(found)

            deleted = await self._database.written(work)
            done += deleted
            if not deleted:
                return done

    async def fork(self, tenant: str, id: str, leaf: str | None = None) -> Conversation:
        """A new conversation of the same title and folder that holds a copy of one branch."""
        thread = await self.get(tenant, id, leaf=leaf)
        now = self._now()
        source = msgspec.structs.replace(thread.conversation, id=_new_id(), pinned=False, archived=False)
        copies: list[StoredMessage] = []
        for one in thread.messages:
            before = copies[-1].id if copies else None
            copies.append(msgspec.structs.replace(one, id=_new_id(), parent=before))
        made = msgspec.structs.replace(source, created=now, updated=now, leaf=copies[-1].id if copies else None)
        values = _values(msgspec.structs.asdict(made))

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert(conversations).values(tenant=tenant, **values))
            for copy in copies:
                content, found = await asyncio.to_thread(_stored, copy.message)
                await self._add(connection, tenant, made.id, copy, content, found)

        await self._database.written(work)
        return made

    async def search(self, tenant: str, text: str, *, after: str | None = None, limit: int = 50) -> HitPage:
        """Messages in which all the words begin words, newest first."""
        checked_limit(limit)
        looked_for = wanted(text)
        if not looked_for:
            return HitPage(())
        m, c = messages.c, conversations.c
        query = (
            select(m.number, m.conversation, c.title, m.id, m.created, m.content)
            .join(conversations, and_(c.tenant == m.tenant, c.id == m.conversation))
            .where(m.tenant == tenant, m.number.in_(self._terms.hits(tenant, looked_for)))
            .order_by(m.number.desc())
            .limit(limit + 1)
        )
        if after is not None:
            query = query.where(m.number < after_number(after))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        hits = await asyncio.to_thread(_hits, rows[:limit], looked_for)
        return HitPage(hits, str(rows[limit - 1][0]) if len(rows) > limit else None)

    def _matches(self, tenant: str, looked_for: list[str]) -> Any:
        if not looked_for:
            return literal(False)
        title = and_(
            *(conversations.c.title_terms.contains(f" {term}", autoescape=True) for term in looked_for),
        )
        m = messages.c
        among = select(m.conversation).where(m.tenant == tenant, m.number.in_(self._terms.hits(tenant, looked_for)))
        return or_(title, conversations.c.id.in_(among))

    async def _add(
        self, connection: AsyncConnection, tenant: str, id: str, added: StoredMessage, content: str, found: list[str]
    ) -> None:
        values = {
            "tenant": tenant,
            "conversation": id,
            "id": added.id,
            "parent": added.parent,
            "content": content,
            "answer": msgspec.json.encode(added.answer).decode() if added.answer is not None else None,
            "created": added.created,
        }
        done = await connection.execute(insert(messages).values(values).returning(messages.c.number))
        await self._terms.add(connection, tenant, done.scalar_one(), found)

    async def _delete(self, connection: AsyncConnection, tenant: str, id: str) -> None:
        await self._terms.forget(connection, select(messages.c.number).where(_of(tenant, id)))
        await connection.execute(delete(messages).where(_of(tenant, id)))
        await connection.execute(delete(conversations).where(_named(tenant, id)))


async def _one(connection: AsyncConnection, tenant: str, id: str) -> Conversation:
    """A conversation. Raises NotFound where there is none, or it is another tenant's."""
    if _is_id(id):
        found = (await connection.execute(select(*_COLUMNS).where(_named(tenant, id)))).one_or_none()
        if found is not None:
            return _conversation(found)
    raise _missing("conversation")


async def _change(connection: AsyncConnection, tenant: str, id: str, values: Mapping[str, Any]) -> None:
    """Changes and locks a conversation. Raises NotFound where there is none."""
    if not _is_id(id):
        raise _missing("conversation")
    done = await connection.execute(update(conversations).where(_named(tenant, id)).values(values))
    if not done.rowcount:
        raise _missing("conversation")


async def _known(connection: AsyncConnection, tenant: str, id: str, message: str) -> None:
    """Sees that a message is one of a conversation. Raises NotFound."""
    query = select(messages.c.number).where(_of(tenant, id), messages.c.id == message)
    if not _is_id(message) or (await connection.execute(query)).one_or_none() is None:
        raise _missing("message")


async def _branch(connection: AsyncConnection, tenant: str, id: str, leaf: str | None) -> Sequence[Any]:
    """The messages from the first to one. Raises NotFound where it is none of the conversation's."""
    if leaf is None:
        return ()
    await _known(connection, tenant, id, leaf)
    m = messages.c
    way = select(m.number, m.parent).where(_of(tenant, id), m.id == leaf).cte("way", recursive=True)
    way = way.union_all(select(m.number, m.parent).where(_of(tenant, id), m.id == way.c.parent))
    # A parent is always written before its children, so the order of writing is that of the branch.
    query = select(*_MESSAGE).join(way, way.c.number == m.number).order_by(m.number)
    return (await connection.execute(query)).all()


def _named(tenant: str, id: str) -> Any:
    return and_(conversations.c.tenant == tenant, conversations.c.id == id)


def _of(tenant: str, id: str) -> Any:
    return and_(messages.c.tenant == tenant, messages.c.conversation == id)


def _values(given: dict[str, Any]) -> dict[str, Any]:
    """Columns of what is said of a conversation. Raises InvalidRequest."""
    values = dict(given)
    if "title" in values:
        values["title_terms"] = " " + " ".join(terms(storable("title", values["title"], LONGEST_TITLE)))
    if "folder" in values:
        storable("folder", values["folder"], LONGEST_FOLDER)
    if "settings" in values:
        values["settings"] = msgspec.json.encode(values["settings"]).decode()
    return values


def _stored(message: Message) -> tuple[str, list[str]]:
    """A message's text as it is kept, and its terms. Raises InvalidRequest where it is too large."""
    content = dump(message)
    if len(content) > MOST_BYTES:
        raise InvalidRequest(
            f"the message takes {len(content):,} bytes, and {MOST_BYTES:,} can be kept",
            path="message",
            status=413,
            remedy="Send smaller images or files, or fewer in one message.",
        )
    return content.decode(), terms(message.text)


def _conversation(row: Any) -> Conversation:
    values = row._asdict()
    return Conversation(**values | {"settings": msgspec.json.decode(values["settings"])})


def _hits(rows: Sequence[Any], looked_for: list[str]) -> tuple[Hit, ...]:
    hits = []
    for _, conversation, title, id, created, content in rows:
        message = load(content, Message)
        shown, marks = snippet(message.text, looked_for)
        hits.append(
            Hit(
                conversation=conversation,
                title=title,
                message=id,
                role=message.role,
                created=created,
                snippet=shown,
                marks=marks,
            )
        )
    return tuple(hits)


def _message(row: Any) -> StoredMessage:
    id, parent, content, created, answer = row
    return StoredMessage(
        id=id,
        parent=parent,
        message=load(content, Message),
        created=created,
        answer=_answer.decode(answer) if answer is not None else None,
    )


def _cursor(after: str) -> tuple[int, str]:
    updated, _, id = after.partition(".")
    if not _is_id(id):
        after_number("")
    return after_number(updated), id


def _new_id() -> str:
    return secrets.token_hex(12)


def _is_id(id: str) -> bool:
    return id.isascii() and id.isalnum() and len(id) <= 64


def _missing(what: str) -> NotFound:
    return NotFound(f"there is no {what} of this id", what=what)
