"""Which lane an attempt takes: bytes passed on as they are, or translated through the canonical values. Pure.

Verbatim is taken where client and host speak the same dialect, the host takes it plain, and nothing in the request
must change but what policy sets. Everything else is translated. Headers are passed on by allow-list in either lane,
and so are the parameters of an address, where it is passed on at all.
"""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from interlingua.engine.target import Target
from interlingua.errors import Unsupported
from interlingua.ports.dialect import WireRequest
from interlingua.ports.lens import Peek
from interlingua.types.loss import Loss

CACHE: Literal["cache"] = "cache"
"""In place of a lane: nobody was asked, the answer was remembered."""
Lane = Literal["verbatim", "translated", "cache"]

VERSION_HEADERS = {"anthropic_messages": "anthropic-version"}
"""Headers that are part of a dialect and always go with its body."""
BETA_HEADER = "anthropic-beta"
PARAMETERS = {
    "anthropic_messages": frozenset({"beta"}),
    "gemini": frozenset({"alt", "$alt", "fields", "$fields"}),
}
"""Parameters of an address that are part of a dialect; of others, a client's key among them, none goes on."""


def may_pass(target: Target, client: str) -> bool:
    """Whether a target takes the client's bytes as they are, as far as its row tells."""
    return target.dialect == client and target.provider.native(client)


def check_needs(peek: Peek, target: Target) -> None:
    """Refuses what a model is known not to take, from a request that is not parsed.

    Raises:
        Unsupported: naming the feature.
    """
    traits = target.traits
    lacking = {need for need in peek.needs if traits.input and need in _INPUTS and need not in traits.input}
    if traits.tools is False and "tools" in peek.needs:
        lacking.add("tools")
    if lacking:
        feature = sorted(lacking)[0]
        raise Unsupported(
            f"{target.name} takes no {feature}", feature=feature, provider=target.provider.id, model=target.model
        )


_INPUTS = frozenset({"image", "audio", "video", "pdf"})


def forwarded(wire: WireRequest, target: Target, client: str) -> tuple[WireRequest, tuple[Loss, ...]]:
    """A client's request with what of its headers and parameters goes on to a target, and what does not.

    Args:
        wire: as the client sent it, names of headers in lower case.
        target: who is asked.
        client: the client's dialect.
    """
    endpoint = target.provider.endpoints[target.dialect]
    passed: list[tuple[str, str]] = []
    losses: list[Loss] = []
    for name, value in wire.headers:
        if name == BETA_HEADER and target.dialect == client in VERSION_HEADERS:
            asked = [beta.strip() for beta in value.split(",") if beta.strip()]
            taken = asked if endpoint.betas == "*" else [beta for beta in asked if beta in endpoint.betas]
            losses += [
                Loss(field=f"{BETA_HEADER}: {beta}", dialect=client, reason="not passed on to this host", action="warn")
                for beta in asked
                if beta not in taken
            ]
            if taken:
                passed.append((name, ",".join(taken)))
        elif (target.dialect == client and name == VERSION_HEADERS.get(client)) or name in endpoint.forward:
            passed.append((name, value))
    path, mark, query = wire.path.partition("?")
    if mark:
        known = PARAMETERS.get(client, frozenset())
        pairs = query.split("&")
        kept = [pair for pair in pairs if pair.partition("=")[0] in known]
        path = f"{path}?{'&'.join(kept)}" if kept else path
        if len(kept) < len(pairs):
            # Their names are not told: they are the client's own words, and may be a secret.
            losses.append(Loss(field="query", dialect=client, reason="not passed on to this host", action="warn"))
    return replace(wire, path=path, headers=tuple(passed)), tuple(losses)
