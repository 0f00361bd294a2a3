"""What a translation may know beyond its input: target, traits, ids, time, and where losses are noted.

Ids and time come in through here, so that dialects stay pure: the same input and context give the same output.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from interlingua.errors import Unsupported
from interlingua.types.loss import Loss, LossAction, LossKind
from interlingua.types.opaque import Json, Origin
from interlingua.types.traits import HostTraits, Traits

Adapt = Callable[[dict[str, Json]], dict[str, Json]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """What one host does differently inside a dialect: pure functions on decoded JSON (`providers/quirks/`).

    Args:
        request: applied to a rendered request body before it is sent.
        response: applied to a whole response body before it is parsed.
        chunk: applied to each streamed JSON event before it is parsed.
        error: applied to an error body before it is parsed.
    """

    request: Adapt | None = None
    response: Adapt | None = None
    chunk: Adapt | None = None
    error: Adapt | None = None


PLAIN = Quirk()
WARN: dict[LossKind, LossAction] = {"setting": "warn", "content": "reject"}


@dataclass(slots=True, kw_only=True)
class TranslationContext:
    """One translation's surroundings.

    Args:
        dialect: the dialect that is parsed or rendered, for losses.
        provider: provider id, for errors; empty when the other side is a client.
        model: the model's name at the provider, as it goes into the request.
        traits: what the model can do.
        host: how the host's flavour of the dialect differs.
        quirk: what the host does differently beyond that.
        origin: who made what is parsed; set on messages and opaque state.
        seed: what invented ids derive from: the same seed gives the same ids, in order.
        created: seconds since 1970, where a dialect must state a time.
        on_loss: what to do with what cannot be carried, by kind.
        losses: what was lost; filled by the translation.
    """

    dialect: str = ""
    provider: str = ""
    model: str = ""
    traits: Traits = field(default_factory=Traits)
    host: HostTraits = field(default_factory=HostTraits)
    quirk: Quirk = PLAIN
    origin: Origin | None = None
    seed: str = ""
    created: int = 0
    on_loss: dict[LossKind, LossAction] = field(default_factory=lambda: dict(WARN))
    losses: list[Loss] = field(default_factory=list)
    _made: int = 0

    def new_id(self, prefix: str, length: int = 24) -> str:
        """An id that the format demands and nobody gave: a hash of the seed and the place in order.

        Args:
            prefix: what it starts with, such as `call_`.
            length: hexadecimal digits after it, at most 64.
        """
        self._made += 1
        digest = hashlib.sha256(f"{self.seed}\0{prefix}\0{self._made}".encode()).hexdigest()
        return prefix + digest[:length]

    def lose(self, field: str, reason: str, kind: LossKind = "setting") -> None:
        """Notes that the dialect cannot carry a field.

        Raises:
            Unsupported: where the configuration says that this kind of loss is refused.
        """
        action = self.on_loss[kind]
        self.losses.append(Loss(field=field, dialect=self.dialect, reason=reason, action=action))
        if action == "reject":
            raise Unsupported(
                f"{field}: {reason}",
                feature=field,
                path=field,
                provider=self.provider or None,
                model=self.model or None,
            )

    def emulate(self, field: str, reason: str) -> None:
        """Notes that a field was carried by other means; never refused."""
        self.losses.append(Loss(field=field, dialect=self.dialect, reason=reason, action="emulate"))
