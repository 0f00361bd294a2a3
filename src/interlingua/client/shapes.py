"""Python types as JSON: the schema of a type, and decoded JSON as a value of it.

Strategy: msgspec does both for everything it knows; Pydantic does both for its own models, and is never imported:
a type can only be Pydantic's where the caller has loaded it. Descriptions of fields come from
`Annotated[..., "text"]`, `msgspec.Meta`, or the class's docstring, in this order.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import sys
import typing
from collections.abc import Iterator
from pathlib import PurePath
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from interlingua.client.docstrings import parse_docstring
from interlingua.client.schema import Schema, drop_nulls, plain, tidy
from interlingua.errors import InvalidRequest
from interlingua.types.opaque import Json

T = TypeVar("T")

_PLACE = re.compile(r"^(.*) - at `(?:key in )?\$?(.*?)`$", re.DOTALL)


class Mismatch(ValueError):
    """A value is not of the type it should be: `path` (empty at the root) and `reason`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"`{path}`: {reason}" if path else reason)
        self.path = path
        self.reason = reason


class Shape(Generic[T]):
    """One Python type as JSON.

    Args:
        kind: any type that msgspec or Pydantic can describe: str, int, float, bool, Literal, Enum, list, dict, tuple,
            unions, dataclasses, msgspec Structs, TypedDicts, paths, dates, Pydantic models, …

    Raises:
        InvalidRequest: the type has no form in JSON.
    """

    def __init__(self, kind: type[T] | Any) -> None:
        self.kind = kind
        self._adapter = _adapter(kind)
        schema = self._adapter.json_schema() if self._adapter else _msgspec_schema(kind)
        self.schema: Schema = plain(tidy(schema))

    def convert(self, value: Json) -> T:
        """A value of the type, from decoded JSON.

        Lenient where models are sloppy: null for an optional field that takes none counts as not given, numbers and
        booleans may be written as strings, and so may whole objects and lists.

        Raises:
            Mismatch: it is something else.
        """
        try:
            value = drop_nulls(value, self.schema, self.schema.get("$defs", {}))
            return self._lenient(value)
        except RecursionError as error:
            raise Mismatch("", "nested too deeply") from error

    def _lenient(self, value: Json) -> T:
        try:
            return self._convert(value, strict=True)
        except Mismatch as first:
            with contextlib.suppress(Mismatch):
                return self._convert(value, strict=False)
            if isinstance(value, str):
                with contextlib.suppress(Mismatch, msgspec.DecodeError, UnicodeEncodeError):
                    return self._convert(msgspec.json.decode(value), strict=True)
            raise first

    def _convert(self, value: Json, strict: bool) -> T:
        if self._adapter:
            try:
                converted: T = self._adapter.validate_json(json.dumps(value))
                return converted
            except sys.modules["pydantic"].ValidationError as error:
                raise _pydantic_mismatch(error) from error
        try:
            return msgspec.convert(value, self.kind, strict=strict, str_keys=True, dec_hook=_decode)
        except msgspec.ValidationError as error:
            found = _PLACE.match(str(error))
            reason, path = (found[1], found[2]) if found else (str(error), "")
            raise Mismatch(path.lstrip("."), reason.replace("`", "")) from error


def _pydantic() -> Any:
    module = sys.modules.get("pydantic")
    return module if hasattr(module, "TypeAdapter") else None


def _is_model(kind: object) -> bool:
    pydantic = _pydantic()
    return pydantic is not None and isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)


def _is_pydantic(kind: Any) -> bool:
    """Whether a type, or what it is made of, is Pydantic's."""
    if _is_model(kind):
        return True
    if typing.get_origin(kind) is Annotated:
        return any(type(meta).__module__.startswith("pydantic") for meta in kind.__metadata__) or _is_pydantic(
            kind.__origin__
        )
    return typing.get_origin(kind) is not typing.Literal and any(map(_is_pydantic, typing.get_args(kind)))


def _adapter(kind: Any) -> Any:
    pydantic = _pydantic()
    if pydantic is None or not _is_pydantic(kind):
        return None
    try:
        adapter = pydantic.TypeAdapter(kind)
        adapter.json_schema()
    except (pydantic.errors.PydanticUserError, NameError, AttributeError) as error:
        raise _unfit(kind, str(error)) from error
    return adapter


def _pydantic_mismatch(error: Any) -> Mismatch:
    first, *more = error.errors(include_url=False, include_context=False, include_input=False)
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]).lstrip(".")
    return Mismatch(path, first["msg"] + (f" (and {len(more)} more)" if more else ""))


def _msgspec_schema(kind: Any) -> Schema:
    try:
        schema = msgspec.json.schema(kind, schema_hook=_describe)
    except (TypeError, NameError, AttributeError, RuntimeError) as error:  # RuntimeError: Pydantic's, and recursion
        raise _unfit(kind, str(error)) from error
    for name, found in _structured(kind):
        _document(found, schema.get("$defs", {}).get(name, {}))
    return schema


def _unfit(kind: Any, reason: str) -> InvalidRequest:
    lines = [line for line in reason.strip().splitlines() if line.strip()]
    return InvalidRequest(
        f"{kind!r} has no form in JSON: {lines[-1] if lines else 'unknown type'}",
        remedy="Use plain types, dataclasses, TypedDicts, msgspec Structs or Pydantic models.",
    )


def _describe(kind: type) -> Schema:
    if _is_model(kind):
        schema: Schema = kind.model_json_schema()  # type: ignore[attr-defined]  # a Pydantic model
        return schema
    if issubclass(kind, PurePath):
        return {"type": "string"}
    raise NotImplementedError


def _decode(kind: type, value: Json) -> Any:
    if _is_model(kind):
        try:
            return kind.model_validate_json(json.dumps(value))  # type: ignore[attr-defined]  # the same
        except sys.modules["pydantic"].ValidationError as error:
            raise ValueError(str(_pydantic_mismatch(error))) from error
    if issubclass(kind, PurePath) and isinstance(value, str):
        return kind(value)
    raise ValueError(f"expected {kind.__name__}")


def description_of(annotation: Any) -> str:
    """What `Annotated[..., "text"]` says of a type, with Meta's and Pydantic's descriptions; empty if nothing."""
    if typing.get_origin(annotation) is not Annotated:
        return ""
    for meta in annotation.__metadata__:
        said = meta if isinstance(meta, str) else getattr(meta, "description", None)
        if isinstance(said, str):
            return said
    return ""


def _structured(kind: Any, seen: dict[str, type] | None = None) -> Iterator[tuple[str, type]]:
    """Every class with named fields that a type is made of, by the name that msgspec gives its definition."""
    seen = {} if seen is None else seen
    if isinstance(kind, type) and kind.__name__ not in seen and _has_fields(kind):
        seen[kind.__name__] = kind
        yield kind.__name__, kind
        for hint in typing.get_type_hints(kind, include_extras=True).values():
            yield from _structured(hint, seen)
    for argument in typing.get_args(kind):
        yield from _structured(argument, seen)


def _has_fields(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct) or typing.is_typeddict(kind)


def _document(kind: type, definition: Schema) -> None:
    """Puts what a class says of itself and its fields into its definition."""
    docstring = parse_docstring(kind.__doc__)
    if "description" in definition:
        definition["description"] = docstring.summary
    hints = typing.get_type_hints(kind, include_extras=True)
    names = {name: name for name in hints}
    if issubclass(kind, msgspec.Struct):
        names = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    properties = definition.get("properties", {})
    for name, written in names.items():
        said = description_of(hints.get(name)) or docstring.parameters.get(name, "")
        if said and written in properties:
            properties[written].setdefault("description", said)
