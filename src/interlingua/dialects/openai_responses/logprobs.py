"""Token probabilities, both ways."""

from __future__ import annotations

from collections.abc import Iterable

from interlingua.dialects.openai_responses.schema import Body, luggage, put_back
from interlingua.types.opaque import Json
from interlingua.types.response import TokenLogprob

_KNOWN = ("token", "logprob", "bytes", "top_logprobs")

UNLIKELY = -9999.0
"""What the format writes for a token that was hardly possible."""


def parse_logprobs(raw: Json) -> tuple[TokenLogprob, ...]:
    """The entries of a `logprobs` array; empty where there is none."""
    return tuple(_parse(one) for one in raw if isinstance(one, dict)) if isinstance(raw, list) else ()


def _parse(raw: Body) -> TokenLogprob:
    value, octets, top = raw.get("logprob"), raw.get("bytes"), raw.get("top_logprobs")
    rest = {key: value for key, value in raw.items() if key not in _KNOWN and value is not None}
    return TokenLogprob(
        token=str(raw.get("token", "")),
        logprob=float(value) if isinstance(value, int | float) else UNLIKELY,
        bytes=tuple(octets) if isinstance(octets, list) else None,
        top=parse_logprobs(top),
        extra=luggage(rest),
    )


def render_logprobs(logprobs: Iterable[TokenLogprob]) -> list[Body]:
    """The entries of a `logprobs` array."""
    return [{**_render(one), "top_logprobs": [_render(top) for top in one.top]} for one in logprobs]


def _render(one: TokenLogprob) -> Body:
    octets = one.token.encode("utf-8", "replace") if one.bytes is None else one.bytes
    body: Body = {"token": one.token, "logprob": one.logprob, "bytes": list(octets)}
    put_back(body, one.extra)
    return body
