"""What is written down about calls, keys, conversations and settings, and what a store promises about it.

Times are integers in microseconds since 1970, money an integer count of pico-dollars; None is unknown, never 0.
`tenant=None` in a question means all tenants: it is for the administrator only. Whatever fails at the disk, the file
or the server that keeps it is a LocalFileError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from interlingua.ports.budgets import BudgetCharge
from interlingua.ports.memory import Memory
from interlingua.types.loss import Loss
from interlingua.types.messages import Message
from interlingua.types.opaque import Json
from interlingua.types.usage import Usage


class AttemptRow(Struct, frozen=True, gc=False, omit_defaults=True):
    """One try at a target. Build it by position: that takes a twentieth of the time that keywords take.

    Args:
        target: `provider/model`.
        dialect: what was spoken there.
        lane: `verbatim` or `translated`, or `cache` where the answer was remembered and nobody was asked.
        started, duration: microseconds.
        first: microseconds until the first content, or None where none came.
        status: the HTTP status of the provider, or None where no answer came.
        error: the code of the error that ended it, or None.
        finish: why the answer ended, our word.
        usage: what it consumed; of `raw` only the conditions are kept by which providers bill.
        cost: pico-dollars.
        price_source, price_since: which price row the cost was reckoned with, so that it can be reckoned again; source
            `reported` is the provider's own figure.
        service_tier: as the provider reports it.
        saved: pico-dollars that a remembered answer would have cost; None where nobody can say, and of other answers.
        head: microseconds until the head of its answer came, or None where none came or nobody looked.
    """

    target: str
    dialect: str
    lane: str
    started: int
    duration: int
    first: int | None = None
    status: int | None = None
    error: str | None = None
    finish: str | None = None
    usage: Usage | None = None
    cost: int | None = None
    price_source: str | None = None
    price_since: str | None = None
    service_tier: str | None = None
    saved: int | None = None
    head: int | None = None


class Decision(Struct, frozen=True, gc=False, omit_defaults=True):
    """One step of a call's way, to be explained by afterwards.

    Args:
        target: `provider/model`.
        what: `asked`, `skipped` or `waited`.
        why: in words.
        credential: which of several, by its reference, such as `env:NAME`.
    """

    target: str
    what: str
    why: str
    credential: str = ""


class LedgerRow(Struct, frozen=True, gc=False, omit_defaults=True):
    """One call: answered, failed, refused, cancelled or broken off alike. Build it by position.

    Args:
        request_id: ours, never a client's: a second row of the same id is taken for a repetition and not written.
        tenant: whose call it is.
        key: the virtual key's name; empty without one.
        conversation: which conversation it belongs to; empty where unknown.
        started, duration: microseconds.
        dialect: the client's.
        operation: `chat`, `embeddings`, …
        stream: whether the client asked for a stream.
        model: as the client named it.
        status: the HTTP status that the client got.
        error: the code of the error that ended the call, or None.
        losses: what could not be carried.
        attempts: every try, the last one last; empty where a call was refused before any.
        decisions: why they went where they went; empty where there was only one way, and it was taken.
        tags: what the client calls it, to sum up by; in order, each once.
    """

    request_id: str
    tenant: str
    key: str
    conversation: str
    started: int
    duration: int
    dialect: str
    operation: str
    stream: bool
    model: str
    status: int
    error: str | None = None
    losses: tuple[Loss, ...] = ()
    attempts: tuple[AttemptRow, ...] = ()
    decisions: tuple[Decision, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def cost(self) -> int | None:
        """Pico-dollars of all attempts, or None where one that was answered with a 2xx has an unknown cost.

        An attempt that a provider refused, or that never reached it, adds what is known of it: nothing, as a rule.
        """
        total = 0
        for attempt in self.attempts:
            if attempt.cost is not None:
                total += attempt.cost
            elif attempt.status is not None and 200 <= attempt.status < 300:
                return None
        return total


class LedgerPage(Struct, frozen=True):
    """Some rows, newest first, and the cursor of those that follow; None where there are no more."""

    rows: tuple[LedgerRow, ...]
    next: str | None = None


class LedgerStore(Protocol):
    """Keeps the ledger."""

    async def write(self, rows: Sequence[LedgerRow], charges: Sequence[BudgetCharge] = ()) -> None:
        """Commits all rows or none; rows that are there already are left as they are.

        Args:
            rows: what to write.
            charges: what the rows take from budgets, in the same transaction; those of rows that are there already
                were taken then.

        Raises:
            InvalidRequest: one of the rows can never be written.
            LocalFileError: the disk or the file fails; the same rows may be tried again.
        """
        ...

    async def read(self, tenant: str | None, request_id: str) -> LedgerRow | None:
        """One call, or None: no such id, or another tenant's. Raises LocalFileError."""
        ...

    async def page(self, tenant: str | None, *, after: str | None = None, limit: int = 50) -> LedgerPage:
        """Calls in the order of their being written, newest first.

        Args:
            tenant: whose.
            after: the cursor of the page before.
            limit: most rows, 1 to 1,000.

        Raises:
            InvalidRequest: the cursor or limit is not one.
            LocalFileError: the file cannot be read.
        """
        ...


class KeyRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A virtual key as it is kept: everything but the key.

    Args:
        name: unique among keys that are not revoked.
        digest: SHA-256 of the key, hexadecimal.
        tail: the key's last four characters, to tell keys apart.
        tenant: whose calls its calls are.
        models: patterns of the models that it may use.
        rpm, tpm: requests and tokens per minute; None is no limit.
        concurrency: calls at once.
        budget: such as `5 USD / month`.
        expires, created, revoked: microseconds since 1970.
    """

    name: str
    digest: str
    tail: str
    tenant: str
    models: tuple[str, ...] = ("*",)
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None
    budget: str | None = None
    expires: int | None = None
    created: int = 0
    revoked: int | None = None


class KeyStore(Protocol):
    """Keeps virtual keys."""

    async def keys(self, *, revoked: bool = False) -> tuple[KeyRow, ...]:
        """All keys by name, those that were revoked only if asked for. Raises LocalFileError."""
        ...

    async def keys_version(self) -> int:
        """A number that is another one after every change of any key, by whatever process. Raises LocalFileError."""
        ...

    async def add_key(self, row: KeyRow) -> None:
        """Writes a new key. Raises Conflict where the name or the key is in use, LocalFileError."""
        ...

    async def revoke_key(self, name: str, when: int) -> KeyRow:
        """Ends a key; what it was. Raises NotFound, LocalFileError."""
        ...

    async def rotate_key(self, name: str, digest: str, tail: str, when: int) -> KeyRow:
        """Revokes a key and writes its successor of the same name and limits; the successor.

        Raises:
            NotFound: there is no such key.
            LocalFileError: the disk or the file fails; the old key stays good.
        """
        ...


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an assistant's message came to be.

    Args:
        request_id: of the call in the ledger.
        provider, model: who answered.
        usage, cost: of all attempts; cost in pico-dollars.
        attempts: every try, the last one last.
        started, duration: microseconds.
        first: microseconds until the first content, or None where none came.
        finish: why the answer ended, our word.
        error: the code of the error that broke it off, or None.
        error_message: what it said, for people.
        losses: what could not be carried.
        settings: what the chat asked for when it was made, tools' names included; None where nobody wrote it down.
    """

    request_id: str = ""
    provider: str = ""
    model: str = ""
    usage: Usage | None = None
    cost: int | None = None
    attempts: tuple[AttemptRow, ...] = ()
    started: int | None = None
    duration: int | None = None
    first: int | None = None
    finish: str | None = None
    error: str | None = None
    error_message: str = ""
    losses: tuple[Loss, ...] = ()
    settings: dict[str, Json] | None = None


class StoredMessage(Struct, frozen=True, kw_only=True):
    """A message of a conversation, which is a tree: messages with one parent are branches.

    Args:
        id: ours.
        parent: the message before it, or None for a first one.
        message: itself, with all that only providers can read.
        created: when it was written down.
        answer: who made it and how, for an assistant's.
    """

    id: str
    parent: str | None
    message: Message
    created: int
    answer: Answer | None = None


class Conversation(Struct, frozen=True, kw_only=True):
    """What is said of a conversation in a list.

    Args:
        id: ours.
        title, folder: what people call it, and where they put it; empty where they did not.
        pinned, archived: whether it is kept in sight, or out of it.
        created: when it was begun.
        updated: when the last message was added; lists are in this order.
        leaf: the message that the active branch ends with, or None where there is none yet.
        settings: what belongs to it beside messages, such as the model and instructions that were chosen.
    """

    id: str
    title: str = ""
    folder: str = ""
    pinned: bool = False
    archived: bool = False
    created: int = 0
    updated: int = 0
    leaf: str | None = None
    settings: dict[str, Json] = {}


class Thread(Struct, frozen=True):
    """A conversation with messages: of one branch from the first to the last, or the whole tree as it grew."""

    conversation: Conversation
    messages: tuple[StoredMessage, ...]


class ConversationPage(Struct, frozen=True):
    """Some conversations, newest first, and the cursor of those that follow; None where there are no more."""

    conversations: tuple[Conversation, ...]
    next: str | None = None


class Hit(Struct, frozen=True, kw_only=True):
    """A message that was found.

    Args:
        conversation: the conversation's id.
        title: what it is called.
        message: the message's id.
        role: who says it.
        created: when.
        snippet: what stands around the words that were looked for.
        marks: where in the snippet they stand: begin and end, in characters.
    """

    conversation: str
    title: str
    message: str
    role: str
    created: int
    snippet: str
    marks: tuple[tuple[int, int], ...] = ()


class HitPage(Struct, frozen=True):
    """Some hits, newest first, and the cursor of those that follow; None where there are no more."""

    hits: tuple[Hit, ...]
    next: str | None = None


class ConversationChanges(Struct, frozen=True, kw_only=True):
    """What shall be different; what is left out stays.

    Args:
        title, folder, pinned, archived, settings: as in `Conversation`.
        leaf: a message of it, whose branch becomes the active one; None is before the first.
    """

    title: str | UnsetType = UNSET
    folder: str | UnsetType = UNSET
    pinned: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    leaf: str | UnsetType | None = UNSET
    settings: dict[str, Json] | UnsetType = UNSET


class OverlayChange(Struct, frozen=True, kw_only=True):
    """One change of a setting.

    Args:
        version: of the overlay after it; one call of `change` is one version.
        name: the setting, such as `models.fast`.
        value: what it became; UNSET where it was taken out.
        who: who changed it.
        when: when.
    """

    version: int
    name: str
    value: Json | UnsetType = UNSET
    who: str
    when: int


class Overlay(Struct, frozen=True):
    """All settings that are in the store, and the version that they are of; 0 before the first change."""

    version: int
    values: dict[str, Json]


class OverlayStore(Protocol):
    """Keeps settings that were edited in the UI, with all that they were before.

    `tenant` is whose settings; the empty one's are the gateway's own.
    """

    async def read(self, tenant: str = "") -> Overlay:
        """What is in force."""
        ...

    async def version(self, tenant: str = "") -> int:
        """The present version: another number after every change, by whatever process."""
        ...

    async def change(
        self, changes: Mapping[str, Json | UnsetType], who: str, *, tenant: str = "", version: int | None = None
    ) -> Overlay:
        """Sets settings, and takes out those whose value is UNSET, all or none; what is in force then.

        Args:
            changes: by name.
            who: who asks for it.
            tenant: whose.
            version: the one that the changes were made from; None is any.

        Raises:
            Conflict: it is no longer the present one.
        """
        ...

    async def history(self, tenant: str = "", *, name: str | None = None, limit: int = 50) -> tuple[OverlayChange, ...]:
        """Changes, newest first; of one setting only where it is named."""
        ...


ResponseStore: TypeAlias = Memory
"""Answers that clients continue by their id are kept like all that is remembered; in SQL they outlive the process."""


class UsageHour(Struct, frozen=True, gc=False):
    """What one key used of one target in one hour. Sums of what is known; what is not is counted.

    Args:
        hour: hours since 1970, of the call's start.
        tenant, key: whose calls.
        target: `provider/model`; empty for calls that were refused before any attempt.
        calls, failed: those whose last attempt was there, and those of them with a status of 400 or more.
        attempts: all tries there, answers that were remembered included.
        input_tokens, output_tokens, cache_read, cache_creation, reasoning: of all attempts that somebody was asked in.
        cost: pico-dollars.
        unknown_cost, unknown_usage: attempts that were answered with a 2xx and did not say.
        duration: microseconds of the calls together.
        hits: attempts whose answer was remembered: nobody was asked.
        saved_input_tokens, saved_output_tokens: of those, and of no other sum here.
        saved: pico-dollars that they would have cost.
        unknown_saved: those of them of which nobody can say what.
        tags: of the calls, with commas between them, where these were asked for; deleted rows have none.
    """

    hour: int
    tenant: str
    key: str
    target: str
    calls: int = 0
    failed: int = 0
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read: int = 0
    cache_creation: int = 0
    reasoning: int = 0
    cost: int = 0
    unknown_cost: int = 0
    unknown_usage: int = 0
    duration: int = 0
    hits: int = 0
    saved_input_tokens: int = 0
    saved_output_tokens: int = 0
    saved: int = 0
    unknown_saved: int = 0
    tags: str = ""


class RollupStore(Protocol):
    """Adds the ledger up by the hour, rows that are there and rows that were deleted alike."""

    async def hours(self, tenant: str | None, since: int, until: int, *, tagged: bool = False) -> tuple[UsageHour, ...]:
        """What was used from one time until before another, oldest first; both are taken down to their hour.

        Args:
            tenant: whose.
            since, until: microseconds since 1970.
            tagged: by the calls' tags too; rows that were deleted have none.
        """
        ...

    async def roll_up(self, before: int) -> int:
        """Adds up and deletes the ledger's rows of the hours before the one of a time; how many. No total changes."""
        ...
