"""What was asked and answered, kept of the calls whose content may be kept: nobody's, unless the configuration says so.

A call hands over what it holds when it is over, and waits for nothing. A task of its own makes it canonical, takes
files out, masks what looks like a credential, shortens it to its bounds, packs and writes it. Where too much waits, or
the disk fails, a content is given up: the call's row in the ledger says all that is needed without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import zlib
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from interlingua.dialects import registry
from interlingua.errors import InterlinguaError, NotFound
from interlingua.ports.contents import ContentRow, ContentStore
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.accumulate import Accumulator
from interlingua.types.opaque import Json
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.secret import Secret
from interlingua.wire.redact import redact_json

MOST_WAITING = 1000
MOST_WAITING_BYTES = 32 * 1024 * 1024
"""Contents that may wait in memory; what comes beyond is not kept."""
BATCH_SECONDS = 0.25
_BATCH = 20
_BOUNDS = ((1 << 62, 1 << 62), (16_384, 1 << 62), (4_096, 1 << 62), (1_024, 400), (256, 100), (80, 40), (40, 8))
"""Letters of a text and items of a list that stay, from one try at shortening to the next."""

log = logging.getLogger("interlingua.contents")


class ContentSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether what was asked and answered is kept beside the rows of the ledger, and how much of it. For how long,
    `store.keep.contents` says.

    Args:
        keys: patterns of the virtual keys whose calls' content is kept; `*` is all calls, those without a key too. By
            default none is.
        max_bytes: of one request, and of one answer; longer ones are shortened, and say so.
        total_bytes: of all that is kept; beyond it the oldest goes.
    """

    keys: tuple[str, ...] = ()
    max_bytes: Annotated[int, Meta(ge=1024)] = 128 * 1024
    total_bytes: Annotated[int, Meta(ge=65_536)] = 256 * 1024 * 1024


class Left(Struct, frozen=True, kw_only=True):
    """What a call that is over leaves.

    Args:
        request_id, tenant: of its row in the ledger.
        created: microseconds since 1970.
        dialect: the client's, where `asked` and `answered` are its bytes; empty where they are values.
        asked: what came from the client.
        answered: what went to it, as far as it got; None where nothing did.
        stream: whether that is a stream.
        error: why it failed, for people.
    """

    request_id: str
    tenant: str
    created: int
    dialect: str
    asked: WireRequest | ChatRequest
    answered: bytes | ChatResponse | None = None
    stream: bool = False
    error: str | None = None

    @property
    def size(self) -> int:
        """About how many bytes it holds; values are not weighed."""
        asked = len(self.asked.body) if isinstance(self.asked, WireRequest) else 4096
        return asked + (len(self.answered) if isinstance(self.answered, bytes) else 4096)


class Contents:
    """Keeps contents. Belongs to the event loop that the first one came on.

    Args:
        store: where.
        settings: of which calls, and how much.
        secrets: gives what no content may hold, whatever it looks like.
    """

    def __init__(
        self,
        store: ContentStore,
        settings: ContentSettings | None = None,
        secrets: Callable[[], Iterable[Secret]] = tuple,
    ) -> None:
        self._store = store
        self.secrets = secrets
        self.settings = settings or ContentSettings()
        self.given_up = 0
        """Contents that were not kept, of those that were to be."""
        self._waiting: list[Left] = []
        self._bytes = 0
        self._untrimmed: int | None = None
        self._writer: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    def covers(self, key: str) -> bool:
        """Whether the content of a key's calls is kept.

        Args:
            key: its name; empty for calls without one.
        """
        keys = self.settings.keys
        return bool(keys) and any(fnmatchcase(key, pattern) for pattern in keys)

    def add(self, left: Left) -> bool:
        """Takes a content without waiting; whether there was room for it."""
        if len(self._waiting) >= MOST_WAITING or self._bytes + left.size > MOST_WAITING_BYTES:
            self._give_up(1, "too many came at once")
            return False
        self._waiting.append(left)
        self._bytes += left.size
        if self._writer is None or self._writer.done():
            self._hurry.clear()
            self._writer = asyncio.get_running_loop().create_task(self._write(), name="contents")
        return True

    async def read(self, tenant: str | None, request_id: str) -> dict[str, Any]:
        """What was kept of a call.

        Args:
            tenant: whose; None is for the administrator.
            request_id: ours.

        Raises:
            NotFound: nothing, or another tenant's: the same error.
            LocalFileError: the store fails.
        """
        await self.flush()
        row = await self._store.read(tenant, request_id)
        if row is None:
            raise NotFound("nothing was kept of this request", what="content")
        found: dict[str, Any] = msgspec.json.decode(zlib.decompress(row.content))
        return {**found, "created": row.created}

    async def forget(self, tenant: str | None, request_id: str) -> None:
        """Deletes what was kept of a call. Raises NotFound, LocalFileError."""
        await self.flush()
        if not await self._store.forget(tenant, request_id):
            raise NotFound("nothing was kept of this request", what="content")

    async def flush(self) -> None:
        """Waits until what was taken is written, or given up."""
        self._hurry.set()
        if self._writer is not None:
            await asyncio.wait({self._writer})

    async def aclose(self) -> None:
        """Writes what waits."""
        await self.flush()

    async def _write(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), BATCH_SECONDS)
        while self._waiting:
            batch = self._waiting[:_BATCH]
            del self._waiting[:_BATCH]
            self._bytes -= sum(left.size for left in batch)
            try:
                rows = await asyncio.to_thread(packed, batch, self.settings.max_bytes, tuple(self.secrets()))
                await self._store.keep(rows)
                await self._trim(sum(row.size for row in rows))
            except InterlinguaError as error:
                self._give_up(len(batch), error.message)

    async def _trim(self, more: int) -> None:
        """Holds the bound on all; looked at for the first content, and then again for each twentieth of it."""
        total = self.settings.total_bytes
        if self._untrimmed is not None and self._untrimmed + more < total // 20:
            self._untrimmed += more
            return
        self._untrimmed = 0
        await self._store.trim(total)

    def _give_up(self, count: int, why: str) -> None:
        if self.given_up == 0:
            log.warning("the content of calls is not kept: %s", why)
        self.given_up += count


def packed(batch: Sequence[Left], most: int, secrets: Sequence[Secret] = ()) -> list[ContentRow]:
    """Contents as they are kept.

    Args:
        batch: what calls left.
        most: bytes of a request, and of an answer.
        secrets: what no content may hold.
    """
    return [_packed(left, most, secrets) for left in batch]


def _packed(left: Left, most: int, secrets: Sequence[Secret]) -> ContentRow:
    parts = (canonical_request(left), canonical_response(left))
    kept = [shortened(redact_json(_without_files(part), secrets), most) for part in parts]
    value = {
        "dialect": left.dialect,
        "request": kept[0][0],
        "response": kept[1][0],
        "error": redact_json(left.error, secrets),
        "shortened": kept[0][1] or kept[1][1],
    }
    content = zlib.compress(msgspec.json.encode(value), 6)
    return ContentRow(left.tenant, left.request_id, left.created, len(content), content)


def canonical_request(left: Left) -> Json:
    """What was asked, in our words; what cannot be read is `{"raw": …}`."""
    if isinstance(left.asked, ChatRequest):
        return _plain(left.asked)
    context = TranslationContext(dialect=left.dialect, seed=left.request_id)
    try:
        return _plain(registry.dialect(left.dialect).parse_request(left.asked, context))
    except (InterlinguaError, ValueError):
        return {"raw": left.asked.body.decode("utf-8", "replace")}


def canonical_response(left: Left) -> Json:
    """What was answered, in our words, as far as it got; None where nothing was."""
    answered = left.answered
    if answered is None or isinstance(answered, ChatResponse):
        return None if answered is None else _plain(answered)
    if not answered:
        return None
    context = TranslationContext(dialect=left.dialect, seed=left.request_id)
    dialect = registry.dialect(left.dialect)
    try:
        if not left.stream:
            return _plain(dialect.parse_response(WireResponse(body=answered), context))
        accumulator = Accumulator()
        parser = dialect.StreamParser(context)
        with contextlib.suppress(InterlinguaError):  # it broke off, or was too long to be held: what came is kept
            for event in (*parser.feed(answered), *parser.close()):
                accumulator.add(event)
        return _plain(accumulator.response())
    except (InterlinguaError, ValueError):
        return {"raw": answered.decode("utf-8", "replace")}


def shortened(value: Json, most: int) -> tuple[Json, bool]:
    """A value of at most so many bytes of JSON, and whether anything was left out for it.

    Long texts lose their middle, long lists too; what is too large for that is not kept at all.
    """
    whole = value
    for letters, items in _BOUNDS:
        value = _cut(whole, letters, items)
        if len(msgspec.json.encode(value)) <= most:
            return value, value != whole
    return {"raw": "too large to be kept"}, True


def _cut(value: Json, letters: int, items: int) -> Json:
    if isinstance(value, str) and len(value) > letters:
        gone = len(value) - letters
        return f"{value[: letters * 3 // 4]} … {gone:,} characters left out … {value[-(letters // 4) :]}"
    if isinstance(value, list):
        if len(value) > items:
            value = [*value[: items // 2], f"… {len(value) - items:,} left out …", *value[-(items // 2) :]]
        return [_cut(one, letters, items) for one in value]
    if isinstance(value, dict):
        return {name: _cut(one, letters, items) for name, one in value.items()}
    return value


def _without_files(value: Json) -> Json:
    """A value in which files and what only providers can read are told by their size."""
    if isinstance(value, list):
        return [_without_files(one) for one in value]
    if isinstance(value, str) and value.startswith("data:") and len(value) > 200:
        return f"{value[:40]}… {len(value):,} characters"
    if not isinstance(value, dict):
        return value
    content, data = value.get("content"), value.get("data")
    if value.get("type") == "blob" and isinstance(content, str):
        digest = hashlib.sha256(content.encode()).hexdigest()[:16]
        return {**value, "content": f"{len(content) * 3 // 4:,} bytes, {digest}"}
    if isinstance(data, str) and len(data) > 200 and "kind" in value:
        value = {**value, "data": f"{len(data):,} characters"}
    return {name: _without_files(one) for name, one in value.items()}


def _plain(value: ChatRequest | ChatResponse) -> Json:
    found: Json = msgspec.json.decode(msgspec.json.encode(value))
    return found
