"""What a store promises about conversations; what they consist of stands in `store.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from interlingua.ports.store import (
    Answer,
    Conversation,
    ConversationChanges,
    ConversationPage,
    HitPage,
    StoredMessage,
    Thread,
)
from interlingua.types.messages import Message
from interlingua.types.opaque import Json


class Conversations(Protocol):
    """Keeps conversations. Each change is on the disk when its method returns.

    An id that is unknown and one of another tenant's raise the same NotFound. Texts that are too long, or no text, and
    cursors and limits that are none raise InvalidRequest.
    """

    async def create(
        self,
        tenant: str,
        *,
        title: str = "",
        folder: str = "",
        settings: Mapping[str, Json] | None = None,
        created: int | None = None,
    ) -> Conversation:
        """Begins one; `created` is when it was begun elsewhere, where it comes from there."""
        ...

    async def get(self, tenant: str, id: str, *, leaf: str | None = None, whole: bool = False) -> Thread:
        """One with messages.

        Args:
            tenant: whose.
            id: which.
            leaf: the message whose branch is wanted; the active branch by default.
            whole: all messages of all branches, in the order of their being written.
        """
        ...

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
        """Some, the one with the newest message first.

        Args:
            tenant: whose.
            folder: of this folder only; empty is of none.
            pinned, archived: only those that are, or are not; None is both.
            search: words that must all begin words of its title, or of one of its messages.
            after: the cursor of the page before.
            limit: most, 1 to 1,000.
        """
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
        """Adds a message; its branch becomes the active one.

        Args:
            tenant: whose.
            id: the conversation.
            parent: the message that it follows, or None for a first one. A parent that is followed already begins a
                branch.
            message: what is said.
            answer: how it came to be.
            created: when it was said, where that was elsewhere; the conversation keeps the latest such time.

        Raises:
            NotFound: no such conversation, or no such parent in it.
            InvalidRequest: the message is too large.
        """
        ...

    async def update(self, tenant: str, id: str, changes: ConversationChanges) -> Conversation:
        """Changes what is said of it; its place in lists stays."""
        ...

    async def delete(self, tenant: str, id: str) -> None:
        """Deletes it with all its messages."""
        ...

    async def fork(self, tenant: str, id: str, leaf: str | None = None) -> Conversation:
        """A new conversation of the same title and folder that holds a copy of one branch.

        Args:
            tenant: whose.
            id: the conversation.
            leaf: the message that the branch ends with; the active branch by default.
        """
        ...

    async def search(self, tenant: str, text: str, *, after: str | None = None, limit: int = 50) -> HitPage:
        """Messages in which all the words begin words, newest first; letters' case and accents make no difference."""
        ...


class ConversationStore(Conversations, Protocol):
    """The same with what pages alone ask for."""

    async def folders(self, tenant: str) -> dict[str, int]:
        """The folders by name, with how many conversations are in each that are not archived."""
        ...

    async def remove(self, tenant: str, id: str, message: str) -> Conversation:
        """Deletes a message and all that follows it; the branch that is active ends before it, if it was on it."""
        ...
