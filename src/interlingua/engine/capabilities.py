"""Whether a target can take a request, asked of the catalog's traits before anything is sent.

What it cannot take is refused with `Unsupported`, naming the feature, the place and models that can, or left out as a
`Loss`: as configured, by kind of loss. What can be carried by other means is (a schema, tools), and that is noted too
(`engine/emulated_tools.py`). An unknown trait refuses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from interlingua.engine.settings import LossSettings
from interlingua.engine.target import Target
from interlingua.errors import Unsupported
from interlingua.types.loss import Loss, LossKind
from interlingua.types.messages import Message, system
from interlingua.types.parts import BlobPart, FilePart, Part, ToolCallResponsePart, UriPart
from interlingua.types.request import ChatRequest
from interlingua.types.tools import ServerTool

Alternatives = Callable[[str], Sequence[str]]
"""Names of models that have a feature: an input modality, `tools`, `reasoning`, or such as `audio output`."""


@dataclass(slots=True)
class _Check:
    """One request under examination."""

    target: Target
    settings: LossSettings
    alternatives: Alternatives
    losses: list[Loss] = field(default_factory=list)

    def lacks(self, path: str, feature: str, needed: str, kind: LossKind) -> None:
        """Notes or refuses what the model cannot do."""
        action = self.settings.content if kind == "content" else self.settings.setting
        reason = f"{self.target.name} {feature}"
        if action == "reject":
            raise Unsupported(
                f"{reason} ({path})",
                feature=needed,
                path=path,
                provider=self.target.provider.id,
                model=self.target.model,
                alternatives=self.alternatives(needed),
            )
        self.losses.append(Loss(field=path, dialect=self.target.dialect, reason=reason, action=action))

    def emulated(self, path: str, reason: str) -> None:
        """Notes what is carried by other means."""
        self.losses.append(Loss(field=path, dialect=self.target.dialect, reason=reason, action="emulate"))


def admit(
    request: ChatRequest, target: Target, settings: LossSettings, alternatives: Alternatives
) -> tuple[ChatRequest, tuple[Loss, ...]]:
    """The request as the target can take it, and what was lost.

    Raises:
        Unsupported: it cannot, and that kind of loss is refused.
    """
    check = _Check(target, settings, alternatives)
    messages = tuple(_message(message, f"messages[{i}]", check) for i, message in enumerate(request.messages))
    if any(a is not b for a, b in zip(messages, request.messages, strict=True)):
        request = replace(request, messages=messages)
    request = _modalities(request, check)
    request = _hosted(_tools(request, check), check)
    request = _output(request, check)
    request = _settings(request, check)
    return request, tuple(check.losses)


def _message(message: Message, path: str, check: _Check) -> Message:
    if not check.target.traits.input or message.role == "assistant":
        return message
    parts = tuple(part for i, part in enumerate(message.parts) if _taken(part, f"{path}.parts[{i}]", check))
    parts = tuple(
        _result(part, f"{path}.parts[{i}]", check) if isinstance(part, ToolCallResponsePart) else part
        for i, part in enumerate(parts)
    )
    unchanged = len(parts) == len(message.parts) and all(a is b for a, b in zip(parts, message.parts, strict=True))
    return message if unchanged else replace(message, parts=parts)


def _result(part: ToolCallResponsePart, path: str, check: _Check) -> ToolCallResponsePart:
    kept = tuple(piece for i, piece in enumerate(part.response) if _taken(piece, f"{path}.response[{i}]", check))
    return part if len(kept) == len(part.response) else replace(part, response=kept)


def _taken(part: Part, path: str, check: _Check) -> bool:
    if not isinstance(part, BlobPart | UriPart | FilePart):
        return True
    needed: str = part.modality
    if part.modality == "document":
        needed = "text" if part.mime_type.startswith("text/") else "pdf"
    if needed in check.target.traits.input:
        return True
    check.lacks(path, f"takes no {needed} input", needed, "content")
    return False


def _modalities(request: ChatRequest, check: _Check) -> ChatRequest:
    given = check.target.traits.output
    missing = [modality for modality in request.modalities if given and modality not in given]
    for modality in missing:
        check.lacks("modalities", f"gives no {modality} output", f"{modality} output", "content")
    kept = tuple(modality for modality in request.modalities if modality not in missing)
    return replace(request, modalities=kept) if missing else request


def _tools(request: ChatRequest, check: _Check) -> ChatRequest:
    if not request.tools or check.target.traits.tools is not False:
        return request
    if request.tool_choice is not None and request.tool_choice.mode == "none":
        return replace(request, tools=(), tool_choice=None, parallel_tool_calls=None)
    if any(isinstance(tool, ServerTool) for tool in request.tools):
        check.lacks("tools", "calls no tools, and none that its provider would run", "tools", "content")
        request = replace(request, tools=tuple(tool for tool in request.tools if not isinstance(tool, ServerTool)))
    if request.tools:
        check.emulated("tools", f"{check.target.name} calls no tools; it is told of them, and calls them, in words")
        return request
    return replace(request, tool_choice=None, parallel_tool_calls=None)


def _hosted(request: ChatRequest, check: _Check) -> ChatRequest:
    """The request without tools that hosts of another format run, where they are an offer beside others.

    The conversation lacks nothing then, the model only cannot look something up by itself: a setting. Coding agents
    offer such tools with every request. Where there is no other tool, or one must be called, the dialect refuses it.
    """
    foreign = [
        i
        for i, tool in enumerate(request.tools)
        if isinstance(tool, ServerTool) and tool.dialect != check.target.dialect
    ]
    choice = request.tool_choice
    must = choice is not None and choice.mode == "required" and not choice.names
    if not foreign or must or len(foreign) == len(request.tools):
        return request
    for i in foreign:
        tool = request.tools[i]
        assert isinstance(tool, ServerTool)
        check.lacks(f"tools[{i}]", f"is not offered {tool.kind}, which only {tool.dialect} has", tool.kind, "setting")
    return replace(request, tools=tuple(tool for i, tool in enumerate(request.tools) if i not in foreign))


def _output(request: ChatRequest, check: _Check) -> ChatRequest:
    output = request.output
    if output is None or output.kind == "text" or check.target.traits.structured_output is not False:
        return request
    check.emulated("output", f"{check.target.name} keeps to no schema; it is asked to in words")
    words = "Answer with one JSON object and nothing else."
    if output.schema is not None:
        words += " It must fit this JSON Schema:\n" + msgspec.json.encode(output.schema).decode()
    leading = 0
    while leading < len(request.messages) and request.messages[leading].role == "system":
        leading += 1
    messages = (*request.messages[:leading], system(words), *request.messages[leading:])
    return replace(request, output=None, messages=messages)


def _settings(request: ChatRequest, check: _Check) -> ChatRequest:
    traits = check.target.traits
    wants = request.reasoning is not None and (
        request.reasoning.effort not in (None, "none") or request.reasoning.budget_tokens or request.reasoning.enabled
    )
    if traits.reasoning is False and request.reasoning is not None:
        if wants:
            check.lacks("reasoning", "does not reason", "reasoning", "setting")
        request = replace(request, reasoning=None)
    most = traits.max_output
    if most is not None and request.max_output_tokens is not None and request.max_output_tokens > most:
        check.emulated("max_output_tokens", f"{check.target.name} gives {most} at most")
        request = replace(request, max_output_tokens=most)
    return request
