"""Which recorded exchanges are ours to prove: by a record's own word for its format, its address and its shape."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.replay.reading.format import Exchange


class Covered(NamedTuple):
    """A dialect of ours, and what is done in it: chat, embeddings, models or count_tokens."""

    dialect: str
    operation: str


KINDS: dict[str, Covered] = {
    "openai-chat": Covered("openai_chat", "chat"),
    "openai-responses": Covered("openai_responses", "chat"),
    "anthropic-messages": Covered("anthropic_messages", "chat"),
    "gemini-generate": Covered("gemini", "chat"),
    "ollama-chat": Covered("ollama", "chat"),
    "ollama-generate": Covered("ollama", "chat"),
    "openai-embeddings": Covered("openai_chat", "embeddings"),
    "gemini-embed": Covered("gemini", "embeddings"),
    "ollama-embed": Covered("ollama", "embeddings"),
    "openai-models": Covered("openai_chat", "models"),
    "anthropic-models": Covered("anthropic_messages", "models"),
    "gemini-models": Covered("gemini", "models"),
    "ollama-models": Covered("ollama", "models"),
    "openai-input-tokens": Covered("openai_responses", "count_tokens"),
    "anthropic-count-tokens": Covered("anthropic_messages", "count_tokens"),
    "gemini-count-tokens": Covered("gemini", "count_tokens"),
}
"""The formats by the words that records use for them."""

_ELSEWHERE = (
    (re.compile(r"/organization/"), "usage reports"),
    (re.compile(r"/api/show$"), "details of one model"),
    (re.compile(r":predict(LongRunning)?$"), "another method"),
)
"""Addresses of other operations that records file under the same words."""


def covers(exchange: Exchange) -> Covered | str:
    """What an exchange proves, or the kind of those that are not covered."""
    kind = str(exchange["dialect"])
    found = KINDS.get(kind)
    if found is None:
        return kind
    path = urlsplit((exchange["request"] or {}).get("url") or "").path
    for address, name in _ELSEWHERE:
        if address.search(path):
            return f"{kind}: {name}"
    return _by_shape(found, path, exchange["response"].get("body"))


def _by_shape(found: Covered, path: str, body: object) -> Covered:
    """A count of tokens that lies among the answers, told by its address or, without one, by its members."""
    if found == KINDS["gemini-generate"]:
        answer = isinstance(body, dict) and {"candidates", "promptFeedback", "error"} & body.keys()
        if path.endswith(":countTokens") or (isinstance(body, dict) and "totalTokens" in body and not answer):
            return KINDS["gemini-count-tokens"]
    return found
