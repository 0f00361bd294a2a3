"""Answers of our own paths made smaller for the way: a list of models is 90 kB, and 5 on a phone's line.

Only whole JSON answers, and only for who says that it can unpack them. What clients of the dialects are answered is
never touched.
"""

from __future__ import annotations

import asyncio
import gzip
import re

from msgspec.structs import replace

from interlingua.gateway.incoming import Incoming
from interlingua.ports.dialect import WireResponse

LEAST_BYTES = 4096
"""What is smaller travels in a few packets anyway."""
_AT_ONCE = 200_000
"""Packing more than this would hold up others."""
_LEVEL = 5
_GZIP = re.compile(r"gzip(?:;q=(?!0(?:\.0*)?$)[\d.]+)?")


async def packed(response: WireResponse, incoming: Incoming) -> WireResponse:
    """The answer, packed where that helps and is understood."""
    body = response.body
    if len(body) < LEAST_BYTES or response.header("content-type") != "application/json" or not _unpacks(incoming):
        return response
    small = (
        gzip.compress(body, _LEVEL) if len(body) < _AT_ONCE else await asyncio.to_thread(gzip.compress, body, _LEVEL)
    )
    # The tag is that of the content, whatever it travels in, and therefore a weak one.
    headers = tuple((name, f"W/{value}" if name == "etag" else value) for name, value in response.headers)
    return replace(response, body=small, headers=(*headers, ("content-encoding", "gzip"), ("vary", "accept-encoding")))


def _unpacks(incoming: Incoming) -> bool:
    accepted = incoming.header("accept-encoding").lower().replace(" ", "").split(",")
    return any(_GZIP.fullmatch(one) for one in accepted)
