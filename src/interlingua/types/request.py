"""What is asked of a model. Everything but model and messages is optional; None means "not said"."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from interlingua.types.messages import Message
from interlingua.types.opaque import Extra, Json
from interlingua.types.parts import CacheHint
from interlingua.types.tools import Tool, ToolChoice


class Reasoning(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How much the model shall think, and how much of it shows.

    Args:
        effort: none, minimal, low, medium, high, xhigh or max.
        budget_tokens: a limit in tokens, for models that take one; 0 is off, -1 dynamic.
        enabled: switches thinking on or off where there is a switch.
        display: what is returned: `omitted`, `summarized`, `auto`, `concise`, `detailed`.
    """

    effort: str | None = None
    budget_tokens: int | None = None
    enabled: bool | None = None
    display: str | None = None


class OutputFormat(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The form of the answer.

    Args:
        kind: text, json (any object) or json_schema.
        name: a label for the schema, letters, digits, `_` and `-`, at most 64.
        schema: JSON Schema, for json_schema.
        strict: whether the provider must enforce it; None leaves it to the provider.
    """

    kind: Literal["text", "json", "json_schema"]
    name: str | None = None
    schema: Json = None
    strict: bool | None = None
    description: str | None = None


class ChatRequest(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One call: a conversation and how to go on with it.

    Args:
        model: the name as the caller wrote it; resolved by the router.
        messages: the conversation, system messages included, in order.
        tools, tool_choice, parallel_tool_calls: what the model may call, and how.
        max_output_tokens: including reasoning.
        temperature, top_p, top_k, frequency_penalty, presence_penalty, seed, logit_bias: sampling.
        stop: strings that end the answer.
        n: number of alternative answers.
        logprobs, top_logprobs: whether to return token probabilities, and how many alternatives (0-20).
        output: form of the answer.
        reasoning: how much to think.
        stream: whether the answer is wanted piece by piece.
        include_usage: whether the caller asked for usage in the stream.
        metadata: the caller's own labels.
        end_user: a stable id of the person behind the call.
        cache_key: groups calls that share a prompt prefix.
        cache: asks the provider to cache the prompt as far as it can.
        service_tier, verbosity: as the dialect writes them.
        store, previous_response_id: conversation state on the provider's side.
        modalities: output modalities, such as text, image, audio.
        extra: fields that only one dialect knows.
    """

    model: str
    messages: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    n: int | None = None
    logit_bias: dict[str, float] = {}
    logprobs: bool | None = None
    top_logprobs: int | None = None
    output: OutputFormat | None = None
    reasoning: Reasoning | None = None
    stream: bool = False
    include_usage: bool | None = None
    metadata: dict[str, str] = {}
    end_user: str | None = None
    cache_key: str | None = None
    cache: CacheHint | None = None
    service_tier: str | None = None
    verbosity: str | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    modalities: tuple[str, ...] = ()
    extra: Extra = {}
