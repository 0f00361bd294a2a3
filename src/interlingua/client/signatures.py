"""The parameters of a function as a model sees them: names, types, which are optional, and what they are for."""

from __future__ import annotations

import contextlib
import enum
import functools
import inspect
import sys
import typing
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from interlingua.client.docstrings import Docstring, parse_docstring
from interlingua.client.schema import Schema, hoist
from interlingua.client.shapes import Shape, description_of
from interlingua.errors import InvalidRequest

_ANY_NUMBER = {
    inspect.Parameter.VAR_POSITIONAL: "any number of positional arguments",
    inspect.Parameter.VAR_KEYWORD: "any keyword arguments",
    inspect.Parameter.POSITIONAL_ONLY: "positional only",
}


class Parameter(Struct, frozen=True):
    """One parameter.

    Args:
        name: as the model and the function call it.
        shape: its type.
        description: what it is for; may be empty.
        required: whether it has no default.
        default: its default where it has one.
    """

    name: str
    shape: Shape[Any]
    description: str = ""
    required: bool = True
    default: Any = None


class Signature(Struct, frozen=True):
    """What a function's definition says.

    Args:
        name: the function's own.
        docstring: its documentation.
        parameters: those that a caller has to give.
        unbound: whether it is a method that still lacks its object.
        returns_nothing: whether it is annotated to return None.
    """

    name: str
    docstring: Docstring
    parameters: tuple[Parameter, ...]
    unbound: bool = False
    returns_nothing: bool = False

    def schema(self) -> Schema | None:
        """JSON Schema of all parameters as one object; None where there are none."""
        if not self.parameters:
            return None
        definitions: Schema = {}
        properties: Schema = {}
        for one in self.parameters:
            properties[one.name] = dict(hoist(one.shape.schema, definitions))
            if one.description:
                properties[one.name]["description"] = one.description
            default = one.default.value if isinstance(one.default, enum.Enum) else one.default
            if not one.required and isinstance(default, str | int | float):
                properties[one.name]["default"] = default
        schema: Schema = {"type": "object", "properties": properties}
        schema["required"] = [one.name for one in self.parameters if one.required]
        schema["additionalProperties"] = False
        return {**schema, "$defs": definitions} if definitions else schema


def read_signature(function: Callable[..., Any], label: str = "") -> Signature:
    """What a function's definition says.

    Args:
        function: a function, bound method, functools.partial or other callable; what a partial fixes is hidden.
        label: what to call it in errors; its own name by default.

    Raises:
        InvalidRequest: a parameter cannot be given by name, has no annotation, or a type without a form in JSON.
    """
    owner = _owner(function)
    name = _name(function)
    label = label or name
    try:
        found = inspect.signature(function)
    except (ValueError, TypeError) as error:
        raise InvalidRequest(f"{label}: its parameters cannot be read: {error}", path=label) from error
    documented = parse_docstring(_documentation(function))
    parameters = list(found.parameters.values())
    unbound = _is_unbound(function, parameters)
    fixed = function.keywords if isinstance(function, functools.partial) else {}
    scope = _scope(owner)
    return Signature(
        name=name,
        docstring=documented,
        parameters=tuple(
            _parameter(one, scope, documented, label)
            for one in (parameters[1:] if unbound else parameters)
            if one.name not in fixed
        ),
        unbound=unbound,
        returns_nothing=found.return_annotation in (None, "None"),
    )


def _name(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def _documentation(function: Any) -> str | None:
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or isinstance(function, type):
        return function.__doc__
    return type(function).__call__.__doc__ or type(function).__doc__


def _owner(function: Any) -> Any:
    """The plain function whose module the annotations belong to."""
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, type):
        return function.__init__  # type: ignore[misc]  # of this class, whatever it is
    if not inspect.isroutine(function):
        function = type(function).__call__
    return inspect.unwrap(getattr(function, "__func__", function))


def _is_unbound(function: Any, parameters: list[inspect.Parameter]) -> bool:
    if not inspect.isfunction(function) or not parameters:
        return False
    around = function.__qualname__.rpartition(".")[0]
    return bool(around) and not around.endswith("<locals>") and parameters[0].name in ("self", "cls")


def _scope(owner: Any) -> dict[str, Any]:
    module = sys.modules.get(getattr(owner, "__module__", "") or "")
    names: dict[str, Any] = dict(getattr(owner, "__globals__", vars(module) if module else {}))
    if inspect.isfunction(owner):
        for name, cell in zip(owner.__code__.co_freevars, owner.__closure__ or (), strict=True):
            with contextlib.suppress(ValueError):  # not assigned yet, such as the chat that the tool is made for
                names[name] = cell.cell_contents
    return names


def _parameter(found: inspect.Parameter, scope: dict[str, Any], documented: Docstring, label: str) -> Parameter:
    path = f"{label}.{found.name}"
    if found.kind in _ANY_NUMBER:
        raise InvalidRequest(
            f"{path}: a model gives arguments by name, but this one is {_ANY_NUMBER[found.kind]}",
            path=path,
            remedy="Give every parameter of a tool a name and a type of its own.",
        )
    if found.annotation is inspect.Parameter.empty:
        raise InvalidRequest(
            f"{path}: has no type, so a model cannot be told what to give",
            path=path,
            remedy=f"Annotate it, such as `{found.name}: str`.",
        )
    kind = _resolved(found.annotation, scope, path)
    said = description_of(kind) or documented.parameters.get(found.name, "")
    if found.default is None:
        kind = typing.Optional[kind]  # noqa: UP045 - a value, and not every annotation has `|`
    try:
        shape = Shape[Any](kind)
    except InvalidRequest as error:
        raise InvalidRequest(f"{path}: {error.message}", path=path, remedy=error.remedy) from error
    if found.default is inspect.Parameter.empty:
        return Parameter(found.name, shape, said)
    return Parameter(found.name, shape, said, required=False, default=found.default)


def _resolved(annotation: Any, scope: dict[str, Any], path: str) -> Any:
    def holder() -> None: ...

    holder.__annotations__ = {"it": annotation}
    try:
        return typing.get_type_hints(holder, globalns=scope, include_extras=True)["it"]
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise InvalidRequest(
            f"{path}: its type {annotation!r} cannot be read: {error}",
            path=path,
            remedy="Define the type where the function's module sees it, outside of functions.",
        ) from error
