"""What a model's catalog row says to send where the caller says nothing."""

from __future__ import annotations

from msgspec.structs import replace

from interlingua.engine.target import Target
from interlingua.types.messages import system
from interlingua.types.request import ChatRequest


def with_defaults(request: ChatRequest, target: Target) -> ChatRequest:
    """The request with the row's system prompt, temperature and limit, each only where the caller set none."""
    if target.row is None:
        return request
    defaults = target.row.defaults
    if defaults.system and not any(message.role == "system" for message in request.messages):
        request = replace(request, messages=(system(defaults.system), *request.messages))
    if defaults.temperature is not None and request.temperature is None:
        request = replace(request, temperature=defaults.temperature)
    if defaults.max_output_tokens is not None and request.max_output_tokens is None:
        request = replace(request, max_output_tokens=defaults.max_output_tokens)
    return request
