"""What a model and a host can and cannot do: asked here, never inferred from a name."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Traits(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one model can do. None is unknown: nothing is refused on the ground of an unknown.

    Args:
        context: tokens of prompt and answer together.
        max_input, max_output: tokens of either.
        input, output: modalities among text, image, audio, video, pdf; empty is unknown.
        tools, structured_output, reasoning: whether it has them.
        efforts: reasoning efforts that it accepts, lowest first; empty is unknown or none.
        budget: (least, most) of a reasoning budget in tokens, where it takes one; most 0 is unlimited.
        reasoning_off: whether reasoning can be switched off.
        reasoning_default: whether it reasons when nothing is said.
        sampling: whether it accepts temperature, top_p and top_k.
        forced_tool_choice: whether tool_choice may be `required` or name a tool.
        tools_with_reasoning: whether function tools and reasoning go together over openai_chat.
        system_anywhere: whether system messages may stand between others in its native dialect.
        prefill: whether it continues a trailing assistant message.
        thinking: the forms of Anthropic's `thinking` that it accepts, among enabled, adaptive, disabled,
            between_tools.
        thought_signatures: whether Gemini demands a thought signature on replayed function calls.
        media_in_results: whether tool results may hold images and files in its native dialect.
        reasoning_portable: a group name: models of one group accept each other's reasoning state.
        cache_breakpoints: whether it takes OpenAI's explicit prompt-cache breakpoints.
        prefix_bound: whether its reasoning state is void once anything before it is edited.
    """

    context: int | None = None
    max_input: int | None = None
    max_output: int | None = None
    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    tools: bool | None = None
    structured_output: bool | None = None
    reasoning: bool | None = None
    efforts: tuple[str, ...] = ()
    budget: tuple[int, int] | None = None
    reasoning_off: bool | None = None
    reasoning_default: bool | None = None
    sampling: bool | None = None
    forced_tool_choice: bool | None = None
    tools_with_reasoning: bool | None = None
    system_anywhere: bool | None = None
    prefill: bool | None = None
    thinking: tuple[str, ...] = ()
    thought_signatures: bool | None = None
    media_in_results: bool | None = None
    reasoning_portable: str = ""
    cache_breakpoints: bool | None = None
    prefix_bound: bool | None = None


ReasoningField = Literal["", "reasoning_content", "reasoning", "reasoning_details", "content"]
ToolCallIds = Literal["", "any", "ascii40", "word", "alnum9"]
"""Any text; at most 40 printable ASCII characters; letters, digits, `_` and `-`; nine letters and digits."""


class HostTraits(Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """How one host's flavour of a dialect differs from the plain one; set in the provider's row.

    Args:
        max_tokens_field: the field of openai_chat that limits the answer.
        reasoning_field: where openai_chat's assistant messages take their reasoning back: nowhere (empty), a field
            of that name, or `content` for thinking chunks inside the content array.
        reasoning_required: assistant messages with tool calls must carry the field, empty if need be.
        effort: how openai_chat takes reasoning settings: `reasoning_effort` (a string), `reasoning` (an object with
            effort, max_tokens, enabled), or empty for not at all.
        thinking_switch: openai_chat's on/off switch: `thinking` ({type: enabled|disabled}), `enable_thinking`
            (a boolean), `chat_template_kwargs` (vLLM's and llama.cpp's), or empty for none.
        usage: whether usage in a stream must be asked for with stream_options.
        refuses: canonical request fields that the host rejects or ignores: left out, each as a Loss.
        developer_role: whether the role `developer` is known; else it is sent as `system`.
        tool_call_ids: what ids the host takes; empty follows the dialect.
        json_schema: whether output by schema is known; else json mode with the schema in the prompt.
        system_anywhere: whether system messages may stand between others.
        seed_field: the name of the seed.
        file_parts: whether file parts (PDF) are taken.
        video_parts: whether openai_chat's video_url parts are taken.
        media_in_results: whether tool messages of openai_chat may hold images and files; else they follow in a user
            message.
        fetches_media: whether gemini's host takes media by any public address, as Vertex does.
        assistant_prefix: the last assistant message must be marked `prefix: true` to be continued.
        names: whether messages may carry a participant's name.
        think_tags: whether reasoning arrives as a leading <think>…</think> inside the content.
        cache_field: how content parts and tools of openai_chat ask for prompt caching: OpenAI's
            `prompt_cache_breakpoint`, Anthropic's `cache_control` (routers take it), or empty for not at all.
        api_version: the anthropic-version header; empty lets the dialect choose by what the request needs.
        custom_tools: whether openai_chat's free-form tools are known; else they are functions of one string.
        namespaces: whether openai_responses' groups of functions are known; else they are sent as plain functions.
    """

    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    reasoning_field: ReasoningField = ""
    reasoning_required: bool = False
    effort: Literal["", "reasoning_effort", "reasoning"] = "reasoning_effort"
    thinking_switch: Literal["", "thinking", "enable_thinking", "chat_template_kwargs"] = ""
    usage: Literal["asked", "always", "never"] = "asked"
    refuses: tuple[str, ...] = ()
    developer_role: bool = True
    tool_call_ids: ToolCallIds = ""
    json_schema: bool = True
    system_anywhere: bool = True
    seed_field: str = "seed"
    file_parts: bool = True
    video_parts: bool = False
    media_in_results: bool = False
    fetches_media: bool = False
    assistant_prefix: bool = False
    names: bool = True
    think_tags: bool = False
    cache_field: Literal["", "prompt_cache_breakpoint", "cache_control"] = ""
    api_version: str = ""
    custom_tools: bool = True
    namespaces: bool = False
