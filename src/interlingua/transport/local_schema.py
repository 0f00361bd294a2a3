"""JSON schemas made fit for llama.cpp's grammars.

The rule: whatever a client sends, turning it into a grammar ends quickly, prints nothing and stays small. Measured
on xllamacpp 2026.10: a least bound over its most (`minLength` 3, `maxLength` 1) takes all memory of the machine, a
`$ref` that only leads to itself never ends, thousands of alternatives take seconds per token, and a `pattern` that it
cannot express is announced on stderr and then ignored. Here the first three are refused and the last is left out.
"""

from __future__ import annotations

import re

from interlingua.errors import InvalidRequest
from interlingua.types.opaque import Json

MOST_NODES = 2_000
MOST_CHOICES = 500
MOST_REQUIRED = 1_000
DEEPEST = 100
LONGEST_STRING = 256
MOST_ITEMS = 16

_PAIRS = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
    ("minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
)
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_SCHEMA_MAPS = ("properties", "$defs", "definitions")
_SCHEMA_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SCHEMAS = ("items", "additionalProperties")
_KEPT = frozenset(
    {"type", "enum", "format", "required", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", *_COUNTS}
)
_PATTERN = re.compile(r"\^[A-Za-z0-9 _\-.,:;/@#()|\[\]?+*]{1,200}\$")
"""Patterns of which llama.cpp makes grammars without a complaint: anchored, no escapes, no counts."""
_SCALAR: Json = {"anyOf": [{"type": "string", "maxLength": LONGEST_STRING}, {"type": "number"}, {"type": "boolean"}]}


def grammar_schema(schema: Json, path: str, *, bounded: bool = False) -> dict[str, Json]:
    """The schema as llama.cpp can safely enforce it: the same values, or more where it cannot say as much.

    Args:
        schema: any JSON; references are to places inside it (`#/$defs/…`, or `#` for the whole).
        path: where it stands in the request, for messages.
        bounded: gives strings and arrays without a limit one, closes objects, and takes "anything" for a scalar, so
            that a weak model comes to an end.

    Raises:
        InvalidRequest: it is no schema, contradicts itself, or is too large for a grammar.
    """
    rewritten = _Rewriter(path, bounded).rewrite(schema, path, 0)
    _check_references({"root": rewritten}, path)
    return {"$ref": "#/$defs/root", "$defs": {"root": rewritten}}


def named_schemas(schemas: dict[str, tuple[Json, str]]) -> dict[str, Json]:
    """`$defs` that hold each (schema, path) under its name, bounded, with references moved along."""
    found = {}
    for name, (schema, path) in schemas.items():
        found[name] = _Rewriter(path, bounded=True, root=name).rewrite(schema, path, 0)
    _check_references(found, "tools")
    return found


class _Rewriter:
    def __init__(self, path: str, bounded: bool, root: str = "root") -> None:
        self.path = path
        self.bounded = bounded
        self.root = root
        self.nodes = 0

    def rewrite(self, schema: Json, path: str, depth: int) -> dict[str, Json]:
        if schema is True:
            schema = {}
        if not isinstance(schema, dict):
            raise InvalidRequest(f"{path}: a schema must be an object", path=path)
        self.nodes += 1
        if self.nodes > MOST_NODES or depth > DEEPEST:
            raise InvalidRequest(f"{self.path}: the schema is too large for a local model", path=self.path)
        _check_bounds(schema, path)
        reference = schema.get("$ref")
        if reference is not None:
            return {"$ref": self._moved(reference, path), **self._maps(schema, path, depth)}
        found = {key: value for key, value in schema.items() if key == "const" or (key in _KEPT and value is not None)}
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and _PATTERN.fullmatch(pattern) and _is_regular(pattern):
            found["pattern"] = pattern
        found |= self._maps(schema, path, depth)
        for key in _SCHEMA_LISTS:
            if key in schema:
                found[key] = self._list(schema[key], f"{path}.{key}", depth)
        for key in _SCHEMAS:
            if isinstance(schema.get(key), dict):
                found[key] = self.rewrite(schema[key], f"{path}.{key}", depth + 1)
            elif schema.get(key) is False and key == "additionalProperties":
                found[key] = False
        return _bound(found) if self.bounded else found

    def _maps(self, schema: dict[str, Json], path: str, depth: int) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for key in _SCHEMA_MAPS:
            if key not in schema:
                continue
            if not isinstance(schema[key], dict):
                raise InvalidRequest(f"{path}.{key}: must be an object", path=f"{path}.{key}")
            found[key] = {
                name: self.rewrite(child, f"{path}.{key}.{name}", depth + 1) for name, child in schema[key].items()
            }
        return found

    def _list(self, children: Json, path: str, depth: int) -> list[Json]:
        if not isinstance(children, list) or not children:
            raise InvalidRequest(f"{path}: must be a list with schemas in it", path=path)
        return [self.rewrite(child, f"{path}[{i}]", depth + 1) for i, child in enumerate(children)]

    def _moved(self, reference: Json, path: str) -> str:
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise InvalidRequest(f"{path}.$ref: only references into the same schema", path=f"{path}.$ref")
        return f"#/$defs/{self.root}{reference[1:]}"


def _check_bounds(schema: dict[str, Json], path: str) -> None:
    for key in _COUNTS:
        value = schema.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise InvalidRequest(f"{path}.{key}: must be a whole number from 0", path=f"{path}.{key}")
        if key.startswith("min") and (value or 0) > MOST_REQUIRED:
            raise InvalidRequest(f"{path}.{key}: at most {MOST_REQUIRED} for a local model", path=f"{path}.{key}")
    for least, most in _PAIRS:
        low, high = schema.get(least), schema.get(most)
        for key, value in ((least, low), (most, high)):
            if value is not None and not (isinstance(value, int | float) and abs(value) < 1e15):
                raise InvalidRequest(f"{path}.{key}: must be a number below 10^15", path=f"{path}.{key}")
        if low is not None and high is not None and low > high:
            raise InvalidRequest(f"{path}.{least}: is above {most}", path=f"{path}.{least}")
    choices = schema.get("enum")
    if choices is not None and not (isinstance(choices, list) and 0 < len(choices) <= MOST_CHOICES):
        raise InvalidRequest(f"{path}.enum: must list 1 to {MOST_CHOICES} values", path=f"{path}.enum")


def _is_regular(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return "(?" not in pattern and "[]" not in pattern and "[^]" not in pattern


def _bound(schema: dict[str, Json]) -> dict[str, Json]:
    kind = schema.get("type")
    open_ended = not schema.keys() & {"enum", "const", "anyOf", "oneOf", "allOf"}
    kinds = kind if isinstance(kind, list) else [kind]
    if open_ended and kind is None and not schema.keys() & {"properties", "items", "prefixItems"}:
        return {**_SCALAR, **{key: schema[key] for key in ("$defs", "definitions") if key in schema}}
    if open_ended and "string" in kinds and not schema.keys() & {"maxLength", "pattern", "format"}:
        schema["maxLength"] = max(LONGEST_STRING, schema.get("minLength", 0))
    if "array" in kinds and "maxItems" not in schema:
        schema["maxItems"] = max(MOST_ITEMS, schema.get("minItems", 0))
    if "object" in kinds and "additionalProperties" not in schema:
        schema["additionalProperties"] = _SCALAR if not schema.get("properties") and open_ended else False
    return schema


def _check_references(schemas: dict[str, Json], path: str) -> None:
    """Refuses references that lead nowhere or back to themselves, and alternatives too many for one token."""
    ways: dict[int, int] = {}
    under_way: set[int] = set()

    def walk(node: dict[str, Json], depth: int) -> int:
        """How many alternatives a value of this schema can begin with."""
        if id(node) in ways:
            return ways[id(node)]
        if id(node) in under_way or depth > DEEPEST:
            raise InvalidRequest(f"{path}: a $ref leads back to itself, or through too many others", path=path)
        under_way.add(id(node))
        optional = node.get("properties", {}).keys() - set(_names(node.get("required")))
        found = max(len(node.get("enum", ())), len(optional), 1)
        found = max(found, sum(walk(child, depth + 1) for child in _alternatives(node, schemas, path)))
        if found > MOST_CHOICES:
            raise InvalidRequest(f"{path}: more than {MOST_CHOICES} alternatives in one place", path=path)
        under_way.discard(id(node))
        ways[id(node)] = found
        return found

    waiting = list(schemas.values())
    while waiting:
        node = waiting.pop()
        walk(node, 0)
        waiting.extend(_children(node))


def _alternatives(node: dict[str, Json], schemas: dict[str, Json], path: str) -> list[dict[str, Json]]:
    """What a value of this schema may be without anything around it."""
    found = [child for key in ("anyOf", "oneOf", "allOf") for child in node.get(key, ())]
    reference = node.get("$ref")
    if reference is None:
        return found
    place: Json = {"$defs": schemas}
    try:
        for step in reference[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            place = place[int(key)] if isinstance(place, list) else place[key]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise InvalidRequest(f"{path}: a $ref leads nowhere", path=path) from error
    if not isinstance(place, dict):
        raise InvalidRequest(f"{path}: a $ref leads to no schema", path=path)
    return [*found, place]


def _names(required: Json) -> list[str]:
    return [name for name in required if isinstance(name, str)] if isinstance(required, list) else []


def _children(node: dict[str, Json]) -> list[dict[str, Json]]:
    found = [child for key in _SCHEMA_MAPS for child in node.get(key, {}).values()]
    found += [child for key in _SCHEMA_LISTS for child in node.get(key, ())]
    return found + [node[key] for key in _SCHEMAS if isinstance(node.get(key), dict)]
