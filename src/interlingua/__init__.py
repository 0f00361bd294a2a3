"""Interlingua: one interface to any language model.

    import interlingua as il

    print(il.ask("What is the capital of France?"))

    chat = il.Chat("local/smollm2")
    chat.ask("Hello")
    chat.use("anthropic/claude-sonnet-5-5")      # history, tools and ids survive
    for text in chat.stream("Again").texts():
        print(text, end="")

Names are imported when they are first used: importing the package costs next to nothing and reaches no network.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from interlingua._version import __version__

if TYPE_CHECKING:
    from interlingua import errors
    from interlingua.client.agent import AsyncTaskAgent, TaskAgent
    from interlingua.client.ask import ask, capabilities
    from interlingua.client.chat import AsyncChat, Chat
    from interlingua.client.client import AsyncClient
    from interlingua.client.reply import Reply
    from interlingua.client.sync import Client
    from interlingua.client.tools import tool
    from interlingua.errors import InterlinguaError
    from interlingua.types.messages import Message
    from interlingua.types.money import Money
    from interlingua.types.request import ChatRequest
    from interlingua.types.response import ChatResponse
    from interlingua.types.usage import Usage

_HOMES = {
    "AsyncChat": "client.chat",
    "AsyncClient": "client.client",
    "AsyncTaskAgent": "client.agent",
    "Chat": "client.chat",
    "ChatRequest": "types.request",
    "ChatResponse": "types.response",
    "Client": "client.sync",
    "InterlinguaError": "errors",
    "Message": "types.messages",
    "Money": "types.money",
    "Reply": "client.reply",
    "TaskAgent": "client.agent",
    "Usage": "types.usage",
    "ask": "client.ask",
    "capabilities": "client.ask",
    "errors": "errors",
    "tool": "client.tools",
}

__all__ = [
    "AsyncChat",
    "AsyncClient",
    "AsyncTaskAgent",
    "Chat",
    "ChatRequest",
    "ChatResponse",
    "Client",
    "InterlinguaError",
    "Message",
    "Money",
    "Reply",
    "TaskAgent",
    "Usage",
    "__version__",
    "ask",
    "capabilities",
    "errors",
    "tool",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'interlingua' has no attribute {name!r}")
    module = importlib.import_module(f"interlingua.{home}")
    value = module if home == name else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
