"""What did not survive translation, as data: nothing is dropped silently."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

LossAction = Literal["reject", "warn", "drop", "emulate"]
LossKind = Literal["setting", "content"]
"""Settings tune an answer (seed, penalties); content is what the model is meant to see (an image, a tool)."""


class Loss(Struct, frozen=True):
    """One thing that a dialect could not carry.

    Args:
        field: where it stood in the canonical request or response, such as `seed` or `messages[1].parts[0]`.
        dialect: the dialect that cannot express it.
        reason: one clause for people.
        action: what was done: rejected, dropped with a warning, dropped quietly, or emulated another way.
    """

    field: str
    dialect: str
    reason: str
    action: LossAction
