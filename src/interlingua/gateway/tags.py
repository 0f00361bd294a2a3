"""What clients say of a call that is written down with it."""

from __future__ import annotations

TAGS_HEADER = "x-interlingua-tags"
LONGEST_TAG = 64
MOST_TAGS = 10


def tags(header: str) -> tuple[str, ...]:
    """What a client calls a call, to sum up usage by: words between commas, such as `team-a, nightly`.

    Args:
        header: its `x-interlingua-tags`; what cannot be a tag is left out, and so is what is too much.
    """
    if not header:
        return ()
    words = (word.strip() for word in header.split(","))
    found = sorted({word for word in words if 0 < len(word) <= LONGEST_TAG and word.isprintable()})
    return tuple(found[:MOST_TAGS])
