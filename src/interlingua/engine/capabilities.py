"""Whether a target can take a request, asked of the catalog's traits before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from interlingua.engine.target import Target
from interlingua.errors import Unsupported
from interlingua.types.messages import Message
from interlingua.types.parts import BlobPart, FilePart, Part, ToolCallResponsePart, UriPart

PDF = "pdf"
"""The catalog's word for documents."""


def check_media(messages: Sequence[Message], target: Target, alternatives: Callable[[str], Sequence[str]]) -> None:
    """Refuses media that the target's model is known not to take.

    Args:
        messages: the conversation.
        target: where it would go; a model of unknown modalities refuses nothing.
        alternatives: names of models that take a modality.

    Raises:
        Unsupported: naming the part and models that can.
    """
    if not target.traits.input:
        return
    for path, part in _media(messages):
        needed = PDF if part.modality == "document" else part.modality
        if part.modality == "document" and part.mime_type.startswith("text/"):
            needed = "text"
        if needed not in target.traits.input:
            raise Unsupported(
                f"{target.name} takes no {needed} input ({path})",
                feature=f"{needed} input",
                path=path,
                provider=target.provider.id,
                model=target.model,
                alternatives=alternatives(needed),
            )


def _media(messages: Sequence[Message]) -> Iterable[tuple[str, BlobPart | UriPart | FilePart]]:
    for i, message in enumerate(messages):
        if message.role != "assistant":
            yield from _in_parts(message.parts, f"messages[{i}]")


def _in_parts(parts: Sequence[Part], path: str) -> Iterable[tuple[str, BlobPart | UriPart | FilePart]]:
    for j, part in enumerate(parts):
        where = f"{path}.parts[{j}]"
        if isinstance(part, BlobPart | UriPart | FilePart):
            yield where, part
        elif isinstance(part, ToolCallResponsePart):
            yield from _in_parts(part.response, where)
