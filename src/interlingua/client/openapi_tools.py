"""Tools from an OpenAPI file: each operation becomes one, and a call of it a request to the API's own address.

The file says what may be asked; the address and the secrets are the user's configuration. What a model gives is
encoded into the place that the file names and can lead nowhere else: no argument changes host, path segments or
headers beyond its own. Redirects are not followed.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import msgspec
from msgspec import Struct

from interlingua.client.described_tools import DescribedTool, tool_name
from interlingua.client.schema import Schema
from interlingua.errors import ConfigError, InvalidRequest, LocalFileError, UpstreamError
from interlingua.ports.transport import HttpRequest, Timeouts, Transport
from interlingua.types.opaque import Json

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
_JSON = "application/json"
_PLACES = ("path", "query", "header")
_OURS = {"authorization", "host", "cookie", "content-length", "content-type", "transfer-encoding", "connection"}
"""Headers that no argument sets."""
BODY = "body"


class Api(Struct, frozen=True, kw_only=True):
    """An API that is called.

    Args:
        name: ours; begins the names of its tools.
        base: address that the file's paths stand below.
        headers: sent with every call.
        transport: the way there.
    """

    name: str
    base: str
    headers: tuple[tuple[str, str], ...]
    transport: Transport


class _Argument(Struct, frozen=True):
    """Where an argument goes: path, query or header, and its name there."""

    place: str
    name: str


def read_document(path: str | Path) -> dict[str, Any]:
    """An OpenAPI file, JSON or YAML.

    Raises:
        LocalFileError: it cannot be read.
        ConfigError: it is no OpenAPI 3 document.
    """
    path = Path(path).expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LocalFileError(f"{path} cannot be read: {error.strerror or error}", path=str(path)) from error
    found = _decoded(path, content)
    if not isinstance(found, dict) or not str(found.get("openapi", "")).startswith("3."):
        raise ConfigError(f"{path} is no OpenAPI 3 document", remedy="Convert it, if it is of Swagger 2.")
    return found


def openapi_tools(
    name: str,
    document: Mapping[str, Any],
    transport: Transport,
    *,
    base_url: str = "",
    headers: Mapping[str, str] | None = None,
    only: Sequence[str] = ("*",),
) -> tuple[DescribedTool, ...]:
    """The tools of an API.

    Args:
        name: ours; begins the names of the tools.
        document: of OpenAPI 3.
        transport: the way there.
        base_url: where the API is; the file's first server by default.
        headers: sent with every call, such as the API's key.
        only: patterns of operation ids, or of `METHOD /path`.

    Raises:
        ConfigError: nobody says where the API is.
    """
    servers = document.get("servers")
    told = servers[0].get("url", "") if isinstance(servers, list) and servers and isinstance(servers[0], dict) else ""
    base = urljoin(base_url, told) if base_url and not urlsplit(told).scheme and told not in ("", "/") else base_url
    base = base or told
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname or "{" in base:
        raise ConfigError(f"tools.openapi.{name}: it is not said where this API is", remedy='base_url = "https://…"')
    lower = tuple((key.lower(), value) for key, value in (headers or {}).items())
    api = Api(name=name, base=base.rstrip("/"), headers=lower, transport=transport)
    found: list[DescribedTool] = []
    for path, method, operation in _operations(document):
        id = str(operation.get("operationId") or f"{method}_{path}")
        if any(fnmatch.fnmatchcase(one, pattern) for one in (id, f"{method.upper()} {path}") for pattern in only):
            found.append(_tool(api, path, method, id, operation, document, [one.name for one in found]))
    return tuple(found)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in (document.get("paths") or {}).items():
        item = _resolved(item, document)
        for method in _METHODS:
            operation = item.get(method)
            if isinstance(path, str) and path.startswith("/") and isinstance(operation, dict):
                shared = item.get("parameters") or []
                yield path, method, {**operation, "parameters": [*shared, *(operation.get("parameters") or [])]}


def _tool(
    api: Api,
    path: str,
    method: str,
    id: str,
    operation: Mapping[str, Any],
    document: Mapping[str, Any],
    taken: Sequence[str],
) -> DescribedTool:
    properties: Schema = {}
    required: list[str] = []
    places: dict[str, _Argument] = {}
    for one in operation["parameters"]:
        one = _resolved(one, document)
        place, named = one.get("in"), one.get("name")
        if place not in _PLACES or not isinstance(named, str) or (place == "header" and named.lower() in _OURS):
            continue
        key = named if named != BODY else f"{BODY}_{place}"
        properties[key] = {**_schema(one.get("schema"), document)}
        if one.get("description"):
            properties[key]["description"] = str(one["description"])
        if place == "path" or one.get("required") is True:
            required.append(key)
        places[key] = _Argument(place, named)
    body = _body_schema(operation, document)
    if body is not None:
        properties[BODY] = body[0]
        required += [BODY] if body[1] else []
    schema: Schema = {"type": "object", "properties": properties, "required": list(dict.fromkeys(required))}
    definitions = (document.get("components") or {}).get("schemas") or {}
    schema["$defs"] = {name: _inner(one) for name, one in definitions.items() if isinstance(one, dict)}
    said = [str(operation[key]).strip() for key in ("summary", "description") if operation.get(key)]

    async def run(arguments: dict[str, Json]) -> str:
        return await _call(api, method, path, places, arguments)

    name = tool_name(f"{api.name}_{id}", taken)
    return DescribedTool(name, "\n".join(dict.fromkeys(said)) or f"{method.upper()} {path}", schema, run)


def _body_schema(operation: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[Schema, bool] | None:
    body = _resolved(operation.get("requestBody"), document)
    content = body.get("content")
    media = content.get(_JSON) if isinstance(content, dict) else None
    if not isinstance(media, dict):
        return None
    return _schema(media.get("schema"), document), body.get("required") is True


def _schema(schema: Any, document: Mapping[str, Any]) -> Schema:
    return _inner(schema) if isinstance(schema, dict) else {}


def _inner(node: Any) -> Any:
    """A schema with its references pointing to `$defs`."""
    if isinstance(node, list):
        return [_inner(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value.replace("#/components/schemas/", "#/$defs/")
        if key == "$ref" and isinstance(value, str)
        else _inner(value)
        for key, value in node.items()
    }


def _resolved(value: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """What a reference within the file leads to; empty for what is nothing."""
    for _ in range(8):
        if not isinstance(value, dict):
            return {}
        ref = value.get("$ref")
        if not isinstance(ref, str):
            return value
        value = document
        for step in ref.removeprefix("#/").split("/"):
            value = value.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(value, Mapping) else None
    return {}


async def _call(
    api: Api, method: str, path: str, places: Mapping[str, _Argument], arguments: Mapping[str, Json]
) -> str:
    query: list[tuple[str, str]] = []
    headers = [("accept", f"{_JSON}, text/*;q=0.5"), *api.headers]
    for key, argument in places.items():
        value = arguments.get(key)
        if value is None:
            continue
        if argument.place == "path":
            path = path.replace("{" + argument.name + "}", _segment(key, value))
        elif argument.place == "query":
            query += [(argument.name, _text(one)) for one in (value if isinstance(value, list) else [value])]
        else:
            headers.append((argument.name.lower(), _header(key, value)))
    if "{" in path:
        raise InvalidRequest(f"an argument of the path {path} is missing", path=path)
    body = b""
    if BODY in arguments and BODY not in places:
        body = msgspec.json.encode(arguments[BODY])
        headers.append(("content-type", _JSON))
    url = api.base + path + (f"?{urlencode(query)}" if query else "")
    timeouts = Timeouts(first_byte_whole=60.0)
    request = HttpRequest(method=method.upper(), url=url, headers=tuple(headers), body=body, timeouts=timeouts)
    response = await api.transport.send(request)
    try:
        text = (await response.read()).decode("utf-8", "replace")
    finally:
        await response.aclose()
    if response.status >= 300:
        raise UpstreamError(f"{api.name} answered with status {response.status}: {text[:1000]}")
    return text or f"done (status {response.status})"


def _segment(key: str, value: Json) -> str:
    """A value as one segment of a path: it can neither end the segment nor climb out of it."""
    text = _text(value)
    if text in ("", ".", ".."):
        raise InvalidRequest(f"{key}: {text!r} cannot stand in an address", path=key)
    return quote(text, safe="")


def _header(key: str, value: Json) -> str:
    text = _text(value)
    if not (text.isascii() and text.isprintable()):
        raise InvalidRequest(f"{key}: a header cannot hold this value", path=key)
    return text


def _text(value: Json) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _decoded(path: Path, content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        if path.suffix.lower() not in (".yaml", ".yml"):
            raise ConfigError(f"{path} is not JSON: {error}") from error
    try:
        import yaml
    except ImportError as error:
        raise ConfigError(
            "YAML needs a package that is not installed", remedy="pip install 'interlingua[tools]'"
        ) from error
    try:
        return yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
