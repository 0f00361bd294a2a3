"""Schemas. `parameters` and `responseSchema` hold an OpenAPI subset with upper-case types, `parametersJsonSchema` and
`responseJsonSchema` plain JSON Schema: both are read, the second is written.
"""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.gemini.schema import camel
from interlingua.types.opaque import Json

_TYPES = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}
_COUNTS = {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
_MAPS = {"properties", "$defs", "defs"}
_ONES = {"items", "additionalProperties"}
_TO_REWRITE = (b'"const"', b'"oneOf"', b'"$schema"')
_MANY = {"anyOf", "oneOf", "allOf", "prefixItems"}


def parse_schema(schema: Json) -> Json:
    """The JSON Schema that an OpenAPI-style schema means; one that is JSON Schema already is unchanged in meaning.

    `nullable` becomes a type `null`, `propertyOrdering` the order of the properties, int64 strings numbers.
    """
    if not isinstance(schema, dict):
        return schema
    fields = {camel(key): value for key, value in schema.items()}
    nullable = fields.pop("nullable", None) is True
    ordering = fields.pop("propertyOrdering", None)
    found = {_renamed(key): _parsed(key, value) for key, value in fields.items()}
    if isinstance(ordering, list) and isinstance(found.get("properties"), dict):
        found["properties"] = _ordered(found["properties"], ordering)
    return _with_null(found) if nullable else found


def render_schema(schema: Json) -> tuple[Json, bool]:
    """The JSON Schema as Gemini takes it, and whether it had to be rewritten: `const` becomes an `enum` of one,
    `oneOf` an `anyOf`; the draft's name is left out, for it says nothing here.
    """
    if isinstance(schema, dict):
        text = msgspec.json.encode(schema)  # told by its text, because most have nothing to rewrite
        if not any(word in text for word in _TO_REWRITE):
            return schema, False
        schema = {key: value for key, value in schema.items() if key != "$schema"}
    rewritten = _rewritten(schema)
    return rewritten, rewritten != schema


def _renamed(key: str) -> str:
    return {"defs": "$defs", "ref": "$ref"}.get(key, key)


def _parsed(key: str, value: Json) -> Json:
    if key == "type":
        return _lower(value) if not isinstance(value, list) else [_lower(item) for item in value]
    if key in _MAPS and isinstance(value, dict):
        return {name: parse_schema(inner) for name, inner in value.items()}
    if key in _ONES:
        return parse_schema(value)
    if key in _MANY and isinstance(value, list):
        return [parse_schema(item) for item in value]
    if key in _COUNTS and isinstance(value, str) and value.isdigit():
        return int(value)
    if key == "ref" and isinstance(value, str):
        return value.replace("#/defs/", "#/$defs/", 1)
    return value


def _lower(word: Json) -> Json:
    return word.lower() if isinstance(word, str) and word in _TYPES else word


def _ordered(properties: dict[str, Json], ordering: list[Json]) -> dict[str, Json]:
    first = {name: properties[name] for name in ordering if isinstance(name, str) and name in properties}
    return first | properties


def _with_null(schema: dict[str, Json]) -> dict[str, Json]:
    kind = schema.get("type")
    if isinstance(kind, str) and kind != "null":
        schema["type"] = [kind, "null"]
        if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
    elif isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    return schema


def _rewritten(schema: Json) -> Json:
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _MAPS and isinstance(value, dict):
            found[key] = {name: _rewritten(inner) for name, inner in value.items()}
        elif key in _ONES:
            found[key] = _rewritten(value)
        elif key in _MANY and isinstance(value, list):
            name = "anyOf" if key == "oneOf" and "anyOf" not in schema else key
            found[name] = [_rewritten(item) for item in value]
        elif key == "const" and "enum" not in schema:
            found["enum"] = [value]
        else:
            found[key] = value
    return found
