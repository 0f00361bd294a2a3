"""From what is asked to what a target is sent: the stations before an attempt."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from interlingua.dialects.registry import dialect as find_dialect
from interlingua.engine.attempt import Attempt
from interlingua.engine.capabilities import admit
from interlingua.engine.continuity import view
from interlingua.engine.defaults import with_defaults
from interlingua.engine.endpoints import speaking
from interlingua.engine.exchange import Access, Exchange
from interlingua.engine.target import Target
from interlingua.errors import InvalidRequest
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Message
from interlingua.types.opaque import Origin
from interlingua.types.request import ChatRequest
from interlingua.types.secret import Credential
from interlingua.types.serde import dump
from interlingua.types.traits import HostTraits, ToolCallIds

if TYPE_CHECKING:
    from interlingua.engine.engine import Engine


def prepare(
    engine: Engine, request: ChatRequest, target: Target, client: str = "", *, credential: Credential | None = None
) -> Attempt:
    """The attempt that asks a target.

    Args:
        engine: what it is answered with.
        request: what is asked, of any model.
        target: who is asked.
        client: the client's dialect; empty for the library.
        credential: the one to use; None is the provider's first.

    Raises:
        Unsupported: the target cannot take it, and that kind of loss is refused.
        CredentialMissing: the provider needs one.
        InvalidRequest: the conversation is not one.
    """
    settings = engine.settings
    target = speaking(target, request, client)
    request, losses = admit(request, target, settings.losses, partial(_alternatives, engine))
    request = replace(with_defaults(request, target), model=target.model)
    access = engine.access(target.provider, credential)
    origin = origin_of(target, access)
    host = _host(target)
    seen = view(
        request.messages,
        origin,
        tool_call_ids=tool_call_ids(target),
        reasoning=settings.losses.reasoning,
        portable=target.traits.reasoning_portable,
        portable_of=_portable_groups(engine, request),
    )
    request = replace(request, messages=seen.messages)
    context = TranslationContext(
        dialect=target.dialect,
        provider=target.provider.id,
        model=target.model,
        traits=target.traits,
        host=host,
        quirk=target.provider.quirk_value(target.dialect),
        origin=origin,
        seed=_seed(request),
        created=int(engine.clock.time()),
        on_loss={"setting": settings.losses.setting, "content": settings.losses.content},
        losses=[*losses, *seen.losses],
    )
    exchange = Exchange(target.provider, context, access, settings.timeouts)
    return Attempt(target=target, request=request, exchange=exchange)


def origin_of(target: Target, access: Access) -> Origin:
    """Who a target's answers are made by."""
    return Origin(provider=target.provider.id, endpoint=target.dialect, model=target.model, credential=access.account)


def accounts_of(messages: Sequence[Message], provider: str) -> list[str]:
    """Whose reasoning state of a provider a conversation holds, in the order in which it came."""
    return [
        opaque.origin.credential
        for message in messages
        for part in message.parts
        for opaque in part.opaque
        if opaque.origin is not None and opaque.origin.provider == provider and opaque.origin.credential
    ]


def tool_call_ids(target: Target) -> ToolCallIds:
    """Which tool-call ids a target accepts."""
    return target.host.tool_call_ids or find_dialect(target.dialect).TOOL_CALL_IDS


def _alternatives(engine: Engine, needed: str) -> Sequence[str]:
    find = engine.catalog.alternatives
    abilities = {"tools": partial(find, tools=True), "reasoning": partial(find, reasoning=True)}
    if needed in abilities:
        return abilities[needed]()
    modality = needed.removesuffix(" output")
    return find(input=modality) if modality == needed else find(output=modality)


def _seed(request: ChatRequest) -> str:
    """What invented ids are made of: the same request gives the same ones."""
    try:
        return hashlib.sha256(dump(request)).hexdigest()
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            "the request holds characters that no text can (half of a surrogate pair)",
            remedy="They often come from file names or bytes that are not UTF-8: decode those with errors='replace'.",
        ) from error
    except TypeError as error:
        raise InvalidRequest(f"the request holds what has no form in JSON: {error}") from error


def _host(target: Target) -> HostTraits:
    """The host's flavour as this model has it: older models of a host refuse what newer ones know."""
    host = target.provider.host(target.dialect)
    if host.cache_field == "prompt_cache_breakpoint" and not target.traits.cache_breakpoints:
        return replace(host, cache_field="")
    return host


def _portable_groups(engine: Engine, request: ChatRequest) -> dict[tuple[str, str], str]:
    """Which models in the history belong to a group that accepts each other's reasoning state."""
    groups: dict[tuple[str, str], str] = {}
    for message in request.messages:
        if message.origin is not None:
            key = (message.origin.provider, message.origin.model)
            row = engine.catalog.find(*key)
            if row is not None and row.traits.reasoning_portable:
                groups[key] = row.traits.reasoning_portable
    return groups
