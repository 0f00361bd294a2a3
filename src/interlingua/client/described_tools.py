"""A tool that comes with a JSON Schema instead of a Python signature: of an MCP server, of an OpenAPI file.

The schema is somebody else's. It is handed on as it is, and arguments are held against it as far as it says something
that we know; whoever runs the call checks the rest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from interlingua.client.docstrings import Docstring
from interlingua.client.schema import Schema, drop_nulls, mismatch, tidy
from interlingua.client.signatures import Signature
from interlingua.client.tools import Tool
from interlingua.errors import InvalidRequest
from interlingua.types.opaque import Json
from interlingua.types.parts import ToolCallPart, parse_arguments
from interlingua.types.tools import FunctionTool

LONGEST_DESCRIPTION = 4_000
_LONGEST_NAME = 64
_SHOWN = 200


class DescribedTool(Tool):
    """A tool with a schema of its own.

    Args:
        name: letters, digits, `_` and `-`, at most 64; see `tool_name`.
        description: read by the model; cut at 4,000 letters.
        schema: JSON Schema of an object.
        run: is given the arguments.
        sequential: as for `Tool`.
    """

    def __init__(
        self,
        name: str,
        description: str,
        schema: Schema,
        run: Callable[[dict[str, Json]], Awaitable[Any]],
        *,
        sequential: bool = False,
    ) -> None:
        async def function(**arguments: Json) -> Any:
            return await run(arguments)

        self.function = function
        self.sequential = sequential
        self.custom = False
        self.unbound = False
        self.name = name
        self.description = description.strip()[:LONGEST_DESCRIPTION] or None
        self.signature = Signature(name=name, docstring=Docstring(summary=self.description or ""), parameters=())
        self.schema = _object(schema)
        self.definition = FunctionTool(name=name, description=self.description, parameters=self.schema)

    def parse(self, call: ToolCallPart) -> dict[str, Any]:
        """The arguments from what a model wrote.

        Raises:
            InvalidRequest: they are no object, or do not fit the schema.
        """
        given = call.arguments if call.arguments is not None else parse_arguments(call.raw)
        if not isinstance(given, dict):
            raise InvalidRequest(f"the arguments are not a JSON object: {call.raw[:_SHOWN]!r}", path=self.name)
        definitions = self.schema.get("$defs", {})
        try:
            given = drop_nulls(given, self.schema, definitions)
            wrong = mismatch(given, self.schema, definitions)
        except RecursionError:
            raise InvalidRequest("the arguments are nested too deeply", path=self.name) from None
        except (TypeError, AttributeError, KeyError, ValueError):
            wrong = None  # the schema itself is odd; whoever runs the call knows what it means
        if wrong is not None:
            path, reason = wrong
            raise InvalidRequest(
                f"the arguments do not fit: `{path or 'arguments'}`: {reason}. Call {self.name} again with arguments "
                "that fit its schema",
                path=f"{self.name}.{path}",
            )
        assert isinstance(given, dict), "nulls are dropped from an object, which stays one"
        return given


def tool_name(wanted: str, taken: Collection[str] = ()) -> str:
    """A name that every provider takes, and that is not taken.

    Args:
        wanted: the name that it has where it comes from.
        taken: names that are in use.
    """
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", wanted).strip("_") or "tool"
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 9]}_{hashlib.sha256(wanted.encode()).hexdigest()[:8]}"
    free, number = name, 2
    while free in taken:
        free = f"{name[: _LONGEST_NAME - len(str(number)) - 1]}_{number}"
        number += 1
    return free


def _object(schema: Schema) -> Schema:
    """A schema as one of an object. One that makes no sense is as good as none: a provider would refuse the request."""
    try:
        found = tidy(schema)
    except (TypeError, AttributeError, ValueError, KeyError, RecursionError):
        found = {}
    properties = found.get("properties")
    return {**found, "type": "object", "properties": properties if isinstance(properties, dict) else {}}
