"""A host that ignores `stream` and answers at once: its whole answer as the stream that the client asked for."""

from __future__ import annotations

import msgspec

from interlingua.dialects import registry
from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Seen, Watcher
from interlingua.types.accumulate import unfold
from interlingua.types.events import Failed, MessageStart, UsageUpdate

CONTENT_TYPE = "application/json"
"""What such an answer comes as; one that begins with no `{`, or holds several values, is a stream all the same."""


class AtOnce:
    """Watches what came as JSON; see `ports.lens.Watcher`.

    Args:
        asked: the request as the client sent it.
        context: the dialect, and who answers.
    """

    def __init__(self, asked: WireRequest, context: TranslationContext) -> None:
        self._asked = asked
        self._context = context
        self._watcher: Watcher = registry.lens(context.dialect).Watcher(context)
        self._held: list[bytes] = []
        self._streams = False

    def feed(self, data: bytes) -> list[Seen]:
        """Nothing until all is there, unless it is a stream."""
        if not self._streams and not self._held and (head := data.lstrip()):
            self._streams = not head.startswith(b"{")
        if self._streams:
            return self._watcher.feed(data)
        self._held.append(data)
        return []

    def close(self) -> list[Seen]:
        """The answer's events; the failure that it tells of."""
        if self._streams:
            return self._watcher.close()
        body = b"".join(self._held)
        try:
            msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [*self._watcher.feed(body), *self._watcher.close()]
        try:
            return self._events(body)
        except InterlinguaError as error:
            return [Seen(raw=b"", failed=Failed.of(error))]

    def _events(self, body: bytes) -> list[Seen]:
        dialect = registry.dialect(self._context.dialect)
        answer = dialect.parse_response(WireResponse(body=body), self._context)
        context = TranslationContext(
            dialect=dialect.ID,
            model=answer.model,
            seed=answer.id,
            created=answer.created or self._context.created,
            on_loss={"setting": "warn", "content": "warn"},
        )
        asked = dialect.parse_request(self._asked, TranslationContext(dialect=dialect.ID))
        renderer = dialect.StreamRenderer(context, asked)
        found = []
        for event in unfold(answer):
            shown = not isinstance(event, MessageStart | UsageUpdate)
            found.append(Seen(raw=renderer.render(event), content=shown))
        return [*found, Seen(raw=renderer.close(), usage=answer.usage, terminal=True)]
