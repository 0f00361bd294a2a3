"""The first fenced code block of an answer, for `il ask -x`."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^ {0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)$")


def first_code_block(text: str) -> str | None:
    """What stands in the first block, without its fences; None where there is no block.

    A block that is not closed goes to the end, as CommonMark says; so an answer that was cut off is not lost.
    """
    lines = text.splitlines()
    for start, line in enumerate(lines):
        opening = _FENCE.match(line)
        if opening is None or (opening["fence"][0] == "`" and "`" in opening["info"]):
            continue
        body = []
        for inner in lines[start + 1 :]:
            closing = _FENCE.match(inner)
            if (
                closing is not None
                and closing["fence"][0] == opening["fence"][0]
                and len(closing["fence"]) >= len(opening["fence"])
                and not closing["info"].strip()
            ):
                break
            body.append(inner)
        return "\n".join(body)
    return None
