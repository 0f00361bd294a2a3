"""Structured output: a Python type as the form of an answer, and the answer as a value of that type.

    recipe = Output(Recipe)
    request = ChatRequest(..., output=recipe.format)
    value = recipe.parse(response.text)          # a Recipe

Providers want an object at the root: any other type travels as `{"value": …}` and comes back without it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Generic, TypeVar, cast, overload

from interlingua.client.schema import Schema, drop_nulls, mismatch, strict, tidy
from interlingua.client.shapes import Mismatch, Shape
from interlingua.errors import InvalidRequest, UpstreamError
from interlingua.types.opaque import Json
from interlingua.types.parts import RefusalPart
from interlingua.types.request import OutputFormat
from interlingua.types.response import ChatResponse, FinishKind
from interlingua.wire.partial_json import parse_partial

T = TypeVar("T")

_SHOWN = 200
_TRIED = 50
_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_OPENING = re.compile(r"[{\[]")
_CUT: dict[FinishKind, tuple[str, str]] = {
    "length": ("it was cut off at its limit of tokens", "Allow more of them: max_output_tokens, or --max-tokens."),
    "content_filter": ("a safety system ended it", "Rephrase the request, or use another model."),
    "refusal": ("the model refused", "Rephrase the request, or use another model."),
}
"""Why an answer that ended so has not the form, and what helps; another try would not."""


class Output(Generic[T]):
    """The form that an answer must have.

    Args:
        kind: a dataclass, msgspec Struct, TypedDict, Pydantic model, Enum, Literal, list[…], plain type, or a dict
            that is a JSON Schema. An Output is taken as it is.
        name: a label for the schema, letters, digits, `_` and `-`, at most 64; the type's name by default.
        description: what the answer is, read by the model.
        strict: whether the provider must enforce the schema; by default it must where the schema can be said in the
            subset that all providers know (free-form dicts and Any cannot).

    Attributes:
        format: goes into a request.

    Raises:
        InvalidRequest: the type has no form in JSON, or is to be strict and cannot be.
    """

    @overload
    def __init__(
        self: Output[Any],
        kind: Schema,
        *,
        name: str | None = None,
        description: str | None = None,
        strict: bool | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self, kind: type[T], *, name: str | None = None, description: str | None = None, strict: bool | None = None
    ) -> None: ...
    @overload
    def __init__(
        self: Output[Any],
        kind: object,
        *,
        name: str | None = None,
        description: str | None = None,
        strict: bool | None = None,
    ) -> None: ...
    def __init__(
        self, kind: Any, *, name: str | None = None, description: str | None = None, strict: bool | None = None
    ) -> None:
        if isinstance(kind, Output):
            self.__dict__.update(vars(kind))
            return
        self._shape: Shape[T] | None = None if isinstance(kind, dict) else Shape(kind)
        schema = tidy(kind) if self._shape is None else self._shape.schema
        self._schema = schema
        self._wrapped = schema.get("type") != "object" or "anyOf" in schema
        root = _wrap(schema) if self._wrapped else schema
        label = name or _NOT_IN_NAMES.sub("_", _label(kind)).strip("_")[:64] or "answer"
        self.format: OutputFormat = _format(root, label, description, strict)

    def parse(self, text: str) -> T:
        """The value that an answer holds, also inside a code fence or behind some words.

        Args:
            text: the answer.

        Raises:
            UpstreamError: retryable; the model answered something that is not of the form. The message names the
                place and the reason, and shows the first 200 characters.
        """
        first: Mismatch | None = None
        for value in _values(text):
            try:
                return self._convert(value)
            except Mismatch as error:
                first = first or error
        reason = str(first) if first else "there is no JSON in it"
        raise UpstreamError(
            f"the answer is not of the form {self.format.name}: {reason}; it begins: {text[:_SHOWN]!r}",
            remedy="Ask again, or use a model that supports structured output.",
            retryable=True,
        ) from first

    def read(self, response: ChatResponse) -> T:
        """The value of a whole answer.

        Raises:
            UpstreamError: as `parse`; where the answer was cut off or refused, it says so, and is not retryable.
        """
        try:
            return self.parse(response.text)
        except UpstreamError as error:
            if not response.choices:
                raise
            refusal = "".join(part.text for part in response.message.parts if isinstance(part, RefusalPart))
            reason, remedy = _CUT.get("refusal" if refusal else response.finish.kind, ("", ""))
            if not reason:
                raise
            said = f"; it says: {refusal[:_SHOWN]!r}" if refusal else ""
            raise UpstreamError(f"{error.message}; {reason}{said}", remedy=remedy, retryable=False) from error

    def partial(self, text: str) -> Json:
        """What is known of the value while the answer still arrives: plain JSON, fields missing; None before it begins.

        Args:
            text: the answer so far.
        """
        fence = _FENCE.search(text)
        body = fence[1] if fence else text
        opening = _OPENING.search(body)
        value = parse_partial(body[opening.start() :]) if opening else None
        if self._wrapped and isinstance(value, dict):
            return value.get("value")
        return value

    def _convert(self, value: Json) -> T:
        if not self._wrapped:
            return self._plain(value)
        if isinstance(value, dict) and set(value) == {"value"}:
            try:
                return self._plain(value["value"])
            except Mismatch as error:
                raise Mismatch(f"value.{error.path}".replace(".[", "[").rstrip("."), error.reason) from error
        return self._plain(value)  # a model that was not held to the schema often leaves the wrapper out

    def _plain(self, value: Json) -> T:
        if self._shape is not None:
            return self._shape.convert(value)
        definitions = self._schema.get("$defs", {})
        value = drop_nulls(value, self._schema, definitions)
        wrong = mismatch(value, self._schema, definitions)
        if wrong:
            raise Mismatch(*wrong)
        return cast("T", value)


def _label(kind: Any) -> str:
    if isinstance(kind, dict):
        return str(kind.get("title", ""))
    return kind.__name__ if isinstance(kind, type) else ""


def _wrap(schema: Schema) -> Schema:
    inner = {key: value for key, value in schema.items() if key != "$defs"}
    root: Schema = {"type": "object", "properties": {"value": inner}, "required": ["value"]}
    return {**root, "$defs": schema["$defs"]} if "$defs" in schema else root


def _format(root: Schema, name: str, description: str | None, wanted: bool | None) -> OutputFormat:
    exact = wanted is not False
    if exact:
        made, problems = strict(root)
        if problems and wanted:
            raise InvalidRequest(
                f"{name}: cannot be strict: {'; '.join(problems)}",
                path=name,
                remedy="Name every key and type, or leave strict out.",
            )
        exact = not problems
        root = root if problems else made
    return OutputFormat(kind="json_schema", name=name, schema=root, strict=exact, description=description)


def _values(text: str) -> Iterator[Json]:
    """The JSON values in a text, the likeliest first: the whole, what is fenced, then each outermost one."""
    bodies = [text.strip(), *(found[1].strip() for found in _FENCE.finditer(text))]
    for body in bodies:
        found = _decoded(body, 0)
        if found and not body[found[1] :].strip():
            yield found[0]
    place = 0
    for _ in range(_TRIED):
        opening = _OPENING.search(text, place)
        if not opening:
            return
        found = _decoded(text, opening.start())
        if found:
            yield found[0]
        place = found[1] if found else opening.end()


def _decoded(text: str, start: int) -> tuple[Json, int] | None:
    try:
        value, end = _decoder.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return value, end


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


# Not strict: models write raw line breaks into strings.
_decoder = json.JSONDecoder(parse_constant=_no_constant, strict=False)
