"""One question, one answer: the shortest way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, Unpack, overload

from interlingua.client.attachments import Source
from interlingua.client.chat import Chat
from interlingua.client.reply import Reply
from interlingua.client.settings import Settings
from interlingua.client.sync import default_client
from interlingua.types.traits import Traits

T = TypeVar("T")


@overload
def ask(
    prompt: str,
    model: str | None = None,
    *,
    attach: Iterable[Source] = (),
    output: type[T],
    **settings: Unpack[Settings],
) -> Reply[T]: ...


@overload
def ask(
    prompt: str,
    model: str | None = None,
    *,
    attach: Iterable[Source] = (),
    output: object = None,
    **settings: Unpack[Settings],
) -> Reply[Any]: ...


def ask(
    prompt: str,
    model: str | None = None,
    *,
    attach: Iterable[Source] = (),
    output: object = None,
    **settings: Unpack[Settings],
) -> Reply[Any]:
    """The answer to one question; see `AsyncChat.ask`.

    Args:
        prompt: what to ask.
        model: a model name or alias; the default model otherwise.
        attach: files, addresses or bytes to show with it.
        output: the type that the answer shall have.
        settings: see `Settings`.
    """
    return Chat(model).ask(prompt, attach=attach, output=output, **settings)


def capabilities(model: str) -> Traits:
    """What a model can do; see `AsyncClient.capabilities`."""
    return default_client().capabilities(model)
