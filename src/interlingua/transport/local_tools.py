"""Tool calls from models whose chat template knows none.

What exactly is done:

- The tools are described in the system message, in words.
- `tool_choice` required, or a named tool: the answer is forced by grammar into
  `{"name": <one of them>, "arguments": <by its schema>}` and told as a tool call, streamed as it is written.
- `tool_choice` auto: nothing is forced. Where the answer begins with `<tool_call>{…}</tool_call>` (one or several) and
  the JSON names an offered tool, it is told as a tool call; anything else stays text. (SmolLM2-135M practically
  always answers in words.)
- Calls and results of earlier turns become text: `<tool_call>…</tool_call>` of the assistant,
  `<tool_response>…</tool_response>` of the user.

A template that knows tools gets them untouched; only a forced choice goes through the grammar there too, because
llama.cpp bars the end before a call but does not keep a weak model from rambling on.
"""

from __future__ import annotations

import re
import secrets
from typing import Protocol

import msgspec

from interlingua.errors import InvalidRequest
from interlingua.transport.local_schema import grammar_schema, named_schemas
from interlingua.types.opaque import Json

FORCED_TOKENS = 1024
"""Where a forced call is cut if the request names no limit."""

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_HEAD = re.compile(r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*')
_TOOL_FIELDS = ("tools", "tool_choice", "parallel_tool_calls")


class Reader(Protocol):
    """Turns an answer's text into deltas of `choices[].delta`."""

    called: bool
    """Whether a tool call was told."""

    def feed(self, text: str) -> list[dict[str, Json]]:
        """The deltas that this piece of text completes."""
        ...

    def close(self) -> list[dict[str, Json]]:
        """The deltas that the end of the text completes."""
        ...


class Plain:
    """Text stays text."""

    called = False

    def feed(self, text: str) -> list[dict[str, Json]]:
        return [{"content": text}]

    def close(self) -> list[dict[str, Json]]:
        return []


class Forced:
    """Reads `{"name": …, "arguments": {…}}` and streams the arguments as they are written."""

    def __init__(self) -> None:
        self.called = False
        self._held = ""
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._ended = False

    def feed(self, text: str) -> list[dict[str, Json]]:
        if self.called:
            return self._arguments(text)
        self._held += text
        head = _HEAD.match(self._held)
        if head is None or head.end() == len(self._held):
            return []
        self.called = True
        name = msgspec.json.decode(head.group(1), type=str)
        return [{"tool_calls": [_call(0, name, "")]}, *self._arguments(self._held[head.end() :])]

    def close(self) -> list[dict[str, Json]]:
        return []

    def _arguments(self, text: str) -> list[dict[str, Json]]:
        if self._ended:
            return []
        end = len(text)
        for i, char in enumerate(text):
            if self._in_string:
                if self._escaped:
                    self._escaped = False
                elif char == "\\":
                    self._escaped = True
                elif char == '"':
                    self._in_string = False
            elif char == '"':
                self._in_string = True
            elif char in "{[":
                self._depth += 1
            elif char in "}]":
                self._depth -= 1
                if self._depth == 0:
                    self._ended, end = True, i + 1
                    break
        return [{"tool_calls": [{"index": 0, "function": {"arguments": text[:end]}}]}] if end else []


class Tagged:
    """Reads leading `<tool_call>` blocks; text that cannot be one passes at once.

    Args:
        names: the tools that may be called.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self.called = False
        self._names = names
        self._held = ""
        self._plain = False
        self._calls = 0

    def feed(self, text: str) -> list[dict[str, Json]]:
        if self._plain:
            return [{"content": text}]
        self._held += text
        deltas: list[dict[str, Json]] = []
        while not self._plain:
            start = self._held.lstrip()
            if not start.startswith(_OPEN):
                if not _OPEN.startswith(start):
                    deltas += self._as_text()
                break
            block, close, rest = start.removeprefix(_OPEN).partition(_CLOSE)
            if not close:
                break
            delta = self._call(block)
            if delta is None:
                deltas += self._as_text()
                break
            deltas.append(delta)
            self._held = rest
        return deltas

    def close(self) -> list[dict[str, Json]]:
        start = self._held.strip()
        if start.startswith(_OPEN):
            delta = self._call(start.removeprefix(_OPEN))
            if delta is not None:
                self._held = ""
                return [delta]
        return self._as_text()

    def _as_text(self) -> list[dict[str, Json]]:
        self._plain = True
        text, self._held = self._held, ""
        return [{"content": text}] if text.strip() or (text and not self.called) else []

    def _call(self, block: str) -> dict[str, Json] | None:
        try:
            found = msgspec.json.decode(block.strip())
        except msgspec.DecodeError:
            return None
        if not isinstance(found, dict) or found.get("name") not in self._names:
            return None
        arguments = found.get("arguments", {})
        if not isinstance(arguments, str):
            arguments = msgspec.json.encode(arguments).decode()
        self.called = True
        self._calls += 1
        return {"tool_calls": [_call(self._calls - 1, found["name"], arguments)]}


def _call(index: int, name: str, arguments: str) -> dict[str, Json]:
    return {
        "index": index,
        "id": f"call_{secrets.token_hex(12)}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def plan_tools(body: dict[str, Json], native: bool) -> tuple[dict[str, Json], Reader]:
    """The body as the model can take it, and what reads its answer.

    Args:
        body: an openai_chat request; not changed.
        native: whether the model's chat template knows tools.

    Raises:
        InvalidRequest: a tool or the choice is malformed, or a schema is refused (`local_schema`).
    """
    tools = _functions(body.get("tools"))
    mode, allowed = _choice(body.get("tool_choice"), tools)
    body = dict(body)
    if not native:
        body["messages"] = _as_text(body["messages"])
        for field in _TOOL_FIELDS:
            body.pop(field, None)
    if not tools or mode == "none":
        return _with_format(body), Plain()
    chosen = {name: tool for name, tool in tools.items() if name in allowed}
    if native and mode == "auto":
        return _with_format(body), Plain()
    if mode == "auto":
        body["messages"] = _described(body["messages"], chosen, _HOW_AUTO)
        return _with_format(body), Tagged(frozenset(chosen))
    body.pop("tool_choice", None)
    body.pop("response_format", None)
    body["json_schema"] = _call_schema(chosen)
    body.setdefault("temperature", 0)
    if body.get("max_tokens") is None and body.get("max_completion_tokens") is None:
        body["max_tokens"] = FORCED_TOKENS
    if not native:
        body["messages"] = _described(body["messages"], chosen, _HOW_FORCED)
    return body, Forced()


def _functions(tools: Json) -> dict[str, dict[str, Json]]:
    if tools is None:
        return {}
    if not isinstance(tools, list):
        raise InvalidRequest("tools: must be a list", path="tools")
    found = {}
    for i, tool in enumerate(tools):
        function = (
            tool.get("function") if isinstance(tool, dict) and tool.get("type", "function") == "function" else None
        )
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise InvalidRequest(f"tools[{i}]: a local model takes function tools with a name", path=f"tools[{i}]")
        found[function["name"]] = {**function, "path": f"tools[{i}].function.parameters"}
    return found


def _choice(choice: Json, tools: dict[str, dict[str, Json]]) -> tuple[str, frozenset[str]]:
    """(auto, none or required; the tools that may be called)."""
    everything = frozenset(tools)
    if choice is None or choice in ("auto", "none", "required"):
        if choice == "required" and not tools:
            raise InvalidRequest("tool_choice: there are no tools", path="tool_choice")
        return choice or "auto", everything
    if isinstance(choice, dict):
        kind = choice.get("type")
        if kind == "function":
            return "required", _known([choice], tools)
        if kind == "allowed_tools":
            offer = choice.get("allowed_tools", choice)
            if isinstance(offer, dict) and offer.get("mode", "auto") in ("auto", "required"):
                return offer.get("mode", "auto"), _known(offer.get("tools"), tools)
    raise InvalidRequest("tool_choice: must be auto, none, required or name a function", path="tool_choice")


def _known(chosen: Json, tools: dict[str, dict[str, Json]]) -> frozenset[str]:
    names = set()
    for tool in chosen if isinstance(chosen, list) else []:
        function = tool.get("function", tool) if isinstance(tool, dict) else {}
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str) or name not in tools:
            raise InvalidRequest(f"tool_choice: no tool is called {name!r}", path="tool_choice")
        names.add(name)
    if not names:
        raise InvalidRequest("tool_choice: names no tool", path="tool_choice")
    return frozenset(names)


def _call_schema(tools: dict[str, dict[str, Json]]) -> dict[str, Json]:
    given = {}
    for i, tool in enumerate(tools.values()):
        parameters = tool.get("parameters") or {}
        if isinstance(parameters, dict) and not parameters.keys() & {"type", "$ref", "anyOf", "oneOf", "allOf"}:
            parameters = {"type": "object", "properties": {}, "additionalProperties": False, **parameters}
        given[f"t{i}"] = (parameters, tool["path"])
    alternatives = [
        {
            "type": "object",
            "properties": {"name": {"const": name}, "arguments": {"$ref": f"#/$defs/t{i}"}},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for i, name in enumerate(tools)
    ]
    return {"anyOf": alternatives, "$defs": named_schemas(given)}


def _with_format(body: dict[str, Json]) -> dict[str, Json]:
    """Makes a wanted schema one that llama.cpp can take."""
    wanted = body.get("response_format")
    if not isinstance(wanted, dict):
        return body
    inner = wanted.get("json_schema") if wanted.get("type") == "json_schema" else wanted
    if not isinstance(inner, dict) or inner.get("schema") is None:
        return body
    path = "response_format.json_schema.schema" if inner is not wanted else "response_format.schema"
    schema = grammar_schema(inner["schema"], path)
    return {**body, "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}}


_HOW_AUTO = (
    "You can call these functions:\n{tools}\n"
    "Only where a function is needed to answer, reply with nothing but\n"
    '<tool_call>{{"name": "<function>", "arguments": {{<arguments>}}}}</tool_call>\n'
    "Otherwise answer in plain words."
)
# Short, with names only, because the grammar knows the rest: of six wordings tried on SmolLM2-135M this one picked
# the right function most often (11 of 11 questions, 9 with the right argument).
_HOW_FORCED = (
    'Call one of these functions for the user:\n{tools}\nAnswer as JSON: {{"name": "<function>", "arguments": {{...}}}}'
)


def _described(messages: list[Json], tools: dict[str, dict[str, Json]], how: str) -> list[Json]:
    line = _in_short if how is _HOW_FORCED else _in_full
    text = how.format(tools="\n".join(line(name, tool) for name, tool in tools.items()))
    first = messages[0] if messages else None
    if isinstance(first, dict) and first.get("role") == "system":
        return [{"role": "system", "content": f"{_words(first.get('content'))}\n\n{text}"}, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]


def _in_short(name: str, tool: dict[str, Json]) -> str:
    parameters = tool.get("parameters")
    properties = parameters.get("properties") if isinstance(parameters, dict) else None
    arguments = ", ".join(properties) if isinstance(properties, dict) else ""
    return f"- {name}({arguments}): {tool.get('description') or name}"


def _in_full(name: str, tool: dict[str, Json]) -> str:
    parameters = msgspec.json.encode(tool.get("parameters") or {}).decode()
    return f"- {name}: {tool.get('description') or name} Arguments: {parameters}"


def _as_text(messages: Json) -> list[Json]:
    """Earlier calls and results in words; every other message as it is."""
    found: list[Json] = []
    results: list[str] = []
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role == "tool":
            results.append(f"<tool_response>\n{_words(message.get('content'))}\n</tool_response>")
            continue
        if results:
            found.append({"role": "user", "content": "\n".join(results)})
            results = []
        if role == "developer":
            message = {**message, "role": "system"}
        calls = message.get("tool_calls") if role == "assistant" else None
        if isinstance(calls, list) and calls:
            lines = [_words(message.get("content")), *(_call_text(call) for call in calls)]
            message = {"role": "assistant", "content": "\n".join(line for line in lines if line)}
        found.append(message)
    if results:
        found.append({"role": "user", "content": "\n".join(results)})
    return found


def _call_text(call: Json) -> str:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        return ""
    arguments = function.get("arguments") or {}
    if not isinstance(arguments, str):
        arguments = msgspec.json.encode(arguments).decode()
    name = msgspec.json.encode(function.get("name")).decode()
    return f'{_OPEN}{{"name": {name}, "arguments": {arguments}}}{_CLOSE}'


def _words(content: Json) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
