"""JSON Schema as data: put into the subset that every provider enforces, and read back against what a model wrote.

The subset is what OpenAI's strict mode, Anthropic's structured outputs and Gemini's `responseJsonSchema` share:
objects closed and with all properties required (an optional one may be null instead), `anyOf`, `enum`, references to
`$defs` without neighbours, no defaults. Limits that not all of them take (lengths, ranges, patterns) move into the
description, where the model reads them; whoever converts the answer checks them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeAlias

from interlingua.types.opaque import Json

Schema: TypeAlias = dict[str, Any]

REF = "#/$defs/"
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
_NOTES = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matching {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "uniqueItems": "no item twice",
    "contentEncoding": "{} encoded",
}
_IGNORED = {
    *("default", "title", "examples", "example", "deprecated", "readOnly", "writeOnly", "discriminator"),
    *("$schema", "$id", "$comment", "$defs", "contentMediaType", "additionalProperties", "required", "prefixItems"),
}
_VALUES = {"enum", "const", "default", "examples"}
_TYPES: dict[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def hoist(node: Json, definitions: Schema) -> Any:
    """`node` without the `$defs` in it, which go to `definitions`, renamed where a name stands for something else.

    Args:
        node: a schema; left as it is, a copy is returned.
        definitions: where the definitions are gathered; changed.
    """
    if isinstance(node, list):
        return [hoist(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    bare = {key: hoist(value, definitions) for key, value in node.items() if key != "$defs"}
    own = {name: hoist(value, definitions) for name, value in node.get("$defs", {}).items()}
    names = {REF + name: REF + _free(name, value, definitions) for name, value in own.items()}
    if all(old == new for old, new in names.items()):
        definitions.update(own)
        return bare
    for name, value in own.items():
        definitions[names[REF + name].removeprefix(REF)] = _renamed(value, names)
    return _renamed(bare, names)


def _free(name: str, value: Json, definitions: Schema) -> str:
    free, number = name, 2
    while free in definitions and definitions[free] != value:
        free, number = f"{name}_{number}", number + 1
    return free


def _renamed(node: Json, names: dict[str, str]) -> Any:
    if isinstance(node, list):
        return [_renamed(item, names) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: names.get(value, value) if key == "$ref" and isinstance(value, str) else _renamed(value, names)
        for key, value in node.items()
    }


def tidy(schema: Schema) -> Schema:
    """The same schema with all definitions in `$defs` at the root, only those in use, and no reference as its root."""
    if "definitions" in schema:  # the name before JSON Schema 2019-09
        old = schema["definitions"]
        schema = {key: value for key, value in schema.items() if key != "definitions"} | {"$defs": old}
        schema = _renamed(schema, {f"#/definitions/{name}": REF + name for name in old})
    definitions: Schema = {}
    root: Schema = hoist(schema, definitions)
    seen: set[str] = set()
    while isinstance(root.get("$ref"), str) and root["$ref"] not in seen:
        seen.add(root["$ref"])
        root = {**resolve(root, definitions), **{key: value for key, value in root.items() if key != "$ref"}}
    used = _used(root, definitions)
    kept = {name: value for name, value in definitions.items() if name in used}
    return {**root, "$defs": kept} if kept else root


def plain(node: Json) -> Any:
    """A schema without titles, which only repeat names, and with a type beside every enum, which some hosts demand."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {
        key: value if key in _VALUES else plain(value)
        for key, value in node.items()
        if key != "title" or not isinstance(value, str)
    }
    values = made.get("enum")
    return {"type": types_of(values), **made} if isinstance(values, list) and "type" not in made else made


def _used(root: Json, definitions: Schema) -> set[str]:
    used: set[str] = set()
    open_: list[Json] = [root]
    while open_:
        node = open_.pop()
        if isinstance(node, list):
            open_ += node
        elif isinstance(node, dict):
            open_ += node.values()
            name = str(node.get("$ref", "")).removeprefix(REF)
            if name in definitions and name not in used:
                used.add(name)
                open_.append(definitions[name])
    return used


def resolve(node: Json, definitions: Schema) -> Schema:
    """What a schema refers to, or itself; empty where there is nothing such."""
    if not isinstance(node, dict):
        return {}
    found = node
    for _ in range(len(definitions) + 1):
        ref = found.get("$ref")
        if not isinstance(ref, str):
            return found
        found = definitions.get(ref.removeprefix(REF), {})
        if not isinstance(found, dict):
            return {}
    return {}


def strict(schema: Schema) -> tuple[Schema, tuple[str, ...]]:
    """The schema in the subset that every provider can enforce, and what of it the subset cannot say.

    Args:
        schema: tidied (`tidy`), an object at its root.

    Returns:
        The strict schema and the reasons, each with its path, why it is not one; empty if it is.
    """
    rewriter = _Rewriter(schema.get("$defs", {}))
    root = rewriter.node(schema, "$", ())
    definitions = {name: rewriter.node(value, REF + name, ()) for name, value in rewriter.definitions.items()}
    return tidy({**root, "$defs": definitions}), tuple(rewriter.problems)


class _Rewriter:
    """One rewriting; collects what cannot be said."""

    def __init__(self, definitions: Schema) -> None:
        self.definitions = definitions
        self.problems: list[str] = []

    def node(self, node: Json, path: str, within: tuple[str, ...]) -> Schema:
        """`node` rewritten; `within` are the references that were put in place around it."""
        if not isinstance(node, dict):
            return self._refuse(path, "any value")
        flat = _flat(node)
        ref = flat.get("$ref")
        if isinstance(ref, str):
            return self._reference(flat, ref, path, within)
        made: Schema = {}
        if "const" in flat:
            flat["enum"] = [flat.pop("const")]
        if "type" in flat:
            made["type"] = flat["type"]
        elif "enum" in flat:
            made["type"] = types_of(flat["enum"])
        if "properties" in flat and "type" not in made:
            made["type"] = "object"
        types = made.get("type", ())
        if not types and "anyOf" not in flat:
            return self._refuse(path, "any value")
        if "object" in types:
            made |= self._object(flat, path, within)
        if "array" in types:
            made |= self._array(flat, path, within)
        for key in ("enum", "format"):
            if key in flat:
                made[key] = flat[key]
        if "anyOf" in flat:
            made["anyOf"] = [self.node(one, f"{path}.anyOf[{i}]", within) for i, one in enumerate(flat["anyOf"])]
        self._describe(flat, made, path)
        return made

    def _refuse(self, path: str, what: str) -> Schema:
        self.problems.append(f"{path}: {what}")
        return {}

    def _reference(self, flat: Schema, ref: str, path: str, within: tuple[str, ...]) -> Schema:
        if ref.removeprefix(REF) not in self.definitions:
            return self._refuse(path, f"a reference to {ref}")
        beside = {key: value for key, value in flat.items() if key not in _IGNORED | {"$ref"}}
        if not beside:
            return {"$ref": ref}
        if ref in within:  # recursive: a description may stand beside anyOf, but not beside $ref
            return self.node({"anyOf": [{"$ref": ref}], **beside}, path, within)
        return self.node({**resolve(flat, self.definitions), **beside}, path, (*within, ref))

    def _object(self, flat: Schema, path: str, within: tuple[str, ...]) -> Schema:
        properties = flat.get("properties")
        if not isinstance(properties, dict) or flat.get("additionalProperties", False) is not False:
            return self._refuse(path, "an object with free keys")
        required = flat.get("required", ())
        made = {}
        for name, value in properties.items():
            one = self.node(value, f"{path}.{name}", within)
            made[name] = one if name in required else self._nullable(one)
        return {"properties": made, "required": list(properties), "additionalProperties": False}

    def _array(self, flat: Schema, path: str, within: tuple[str, ...]) -> Schema:
        prefix = flat.get("prefixItems")
        if isinstance(prefix, list):
            kinds = [self.node(one, f"{path}[{i}]", within) for i, one in enumerate(prefix)]
            different = [kind for i, kind in enumerate(kinds) if kind not in kinds[:i]]
            return {"items": different[0] if len(different) == 1 else {"anyOf": different}}
        if "items" not in flat:
            return self._refuse(path, "an array of any values")
        return {"items": self.node(flat["items"], f"{path}[]", within)}

    def _nullable(self, node: Schema) -> Schema:
        if accepts_null(node, self.definitions):
            return node
        if set(node) <= {"anyOf", "description"}:
            return {**node, "anyOf": [*node["anyOf"], {"type": "null"}]} if "anyOf" in node else node
        inner = {key: value for key, value in node.items() if key != "description"}
        outer = {"description": node["description"]} if "description" in node else {}
        return {"anyOf": [inner, {"type": "null"}], **outer}

    def _describe(self, flat: Schema, made: Schema, path: str) -> None:
        notes = []
        if "prefixItems" in flat:
            kinds = ", ".join(str(kind.get("type", "any")) for kind in flat["prefixItems"] if isinstance(kind, dict))
            notes.append(f"exactly {len(flat['prefixItems'])} items: {kinds}")
        for key, value in flat.items():
            if key == "format" and value not in _FORMATS:
                del made["format"]
                notes.append(f"format {value}")
            elif key in _NOTES:
                if "prefixItems" not in flat and value is not False:
                    notes.append(_NOTES[key].format(value))
            elif key not in made and key not in _IGNORED | {"description", "properties", "items"}:
                self._refuse(path, f"the keyword {key}")
        said = [flat["description"]] if flat.get("description") else []
        if notes:
            said.append("(" + ", ".join(notes) + ")")
        if said:
            made["description"] = " ".join(said)


def _flat(node: Schema) -> Schema:
    flat = dict(node)
    if isinstance(flat.get("allOf"), list) and len(flat["allOf"]) == 1 and isinstance(flat["allOf"][0], dict):
        flat = {**flat.pop("allOf")[0], **flat}
    if "oneOf" in flat and "anyOf" not in flat:
        flat["anyOf"] = flat.pop("oneOf")
    if flat.get("nullable") is True and "type" in flat:  # OpenAPI 3.0's way
        del flat["nullable"]
        flat = {"anyOf": [flat, {"type": "null"}]}
    return flat


def types_of(values: Iterable[Json]) -> str | list[str]:
    """The JSON type of values, or their types where they differ."""
    types = sorted({_TYPES.get(type(value), "object") for value in values})
    return types[0] if len(types) == 1 else types


def accepts_null(node: Json, definitions: Schema) -> bool:
    """Whether null fits a schema; true where the schema says nothing."""
    found = resolve(node, definitions)
    if "enum" in found:
        return None in found["enum"]
    if "const" in found:
        return found["const"] is None
    if "type" in found:
        return found["type"] == "null" or "null" in found["type"]
    for key in ("anyOf", "oneOf"):
        if key in found:
            return any(accepts_null(one, definitions) for one in found[key])
    return "properties" not in found


def drop_nulls(value: Json, node: Json, definitions: Schema) -> Json:
    """`value` without the nulls that stand for "not given": those of optional properties that take no null.

    Args:
        value: decoded JSON; left as it is.
        node: the schema before `strict`, which knows what is optional.
        definitions: its `$defs`.
    """
    found = _branch(value, resolve(node, definitions), definitions)
    if isinstance(value, list):
        prefix = found.get("prefixItems", ())
        return [
            drop_nulls(item, prefix[i] if i < len(prefix) else found.get("items"), definitions)
            for i, item in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    properties, required = found.get("properties", {}), found.get("required", ())
    kept = {}
    for key, one in value.items():
        inner = properties.get(key, found.get("additionalProperties"))
        if one is None and key in properties and key not in required and not accepts_null(inner, definitions):
            continue
        kept[key] = drop_nulls(one, inner, definitions)
    return kept


def _branch(value: Json, found: Schema, definitions: Schema) -> Schema:
    """The alternative of a union that a value most likely is."""
    options = found.get("anyOf") or found.get("oneOf")
    if not isinstance(options, list):
        return found
    kind = "object" if isinstance(value, dict) else "array"
    fitting = [one for option in options if (one := resolve(option, definitions)).get("type") == kind]
    if kind == "object":
        tagged = [one for one in fitting if mismatch({**value}, _tags(one), definitions) is None]
        fitting = tagged or fitting
    return fitting[0] if fitting else {}


def _tags(node: Schema) -> Schema:
    """Only what tells one object from another: required names and properties with one possible value."""
    tags = {
        name: one
        for name, one in node.get("properties", {}).items()
        if isinstance(one, dict) and ("const" in one or len(one.get("enum", ())) == 1)
    }
    return {"type": "object", "properties": tags, "required": node.get("required", [])}


def mismatch(value: Json, node: Json, definitions: Schema, path: str = "") -> tuple[str, str] | None:
    """(path, reason) of the first place where a value does not fit a schema; None where it fits.

    Checks types, required and unknown properties, items, enum, const and anyOf: enough to tell an answer from
    something else. Ranges, lengths and patterns of plain schemas are left to the caller.
    """
    found = resolve(node, definitions)
    if "const" in found and value != found["const"]:
        return path, f"expected {_shown(found['const'])}"
    if "enum" in found and value not in found["enum"]:
        return path, f"expected one of {', '.join(map(_shown, found['enum']))}"
    options = found.get("anyOf") or found.get("oneOf")
    if options:
        tried = [mismatch(value, option, definitions, path) for option in options]
        if None not in tried:
            return max((one for one in tried if one), key=lambda one: len(one[0]))
    types = found.get("type")
    if types and not any(_is(value, kind) for kind in ([types] if isinstance(types, str) else types)):
        return path, f"expected {types if isinstance(types, str) else ' or '.join(types)}, got {_kind(value)}"
    if isinstance(value, dict):
        return _object_mismatch(value, found, definitions, path)
    if isinstance(value, list) and "items" in found:
        for i, item in enumerate(value):
            wrong = mismatch(item, found["items"], definitions, f"{path}[{i}]")
            if wrong:
                return wrong
    return None


def _object_mismatch(value: Schema, found: Schema, definitions: Schema, path: str) -> tuple[str, str] | None:
    properties = found.get("properties", {})
    for name in found.get("required", ()):
        if name not in value:
            return f"{path}.{name}".lstrip("."), "required"
    for name, one in value.items():
        inner = properties.get(name, found.get("additionalProperties"))
        at = f"{path}.{name}".lstrip(".")
        if inner is False:
            return at, "not a property here"
        wrong = mismatch(one, inner, definitions, at)
        if wrong:
            return wrong
    return None


def _kind(value: Json) -> str:
    return "array" if isinstance(value, list) else _TYPES.get(type(value), "object")


def _is(value: Json, kind: str) -> bool:
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "integer":
        return (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, float) and value.is_integer()
        )
    return _kind(value) == kind


def _shown(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
