"""Operations of an OpenAPI file as tools, called on a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.client.openapi_tools import openapi_tools, read_document
from interlingua.client.tools import Toolbox
from interlingua.errors import ConfigError, LocalFileError
from interlingua.transport.http import HttpTransport
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.parts import tool_call
from interlingua.types.tools import FunctionTool
from tests.transport.servers import Exchange, serve

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://pets.example/v1"}],
    "paths": {
        "/pets/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}],
            "get": {
                "operationId": "getPet",
                "summary": "A pet.",
                "parameters": [
                    {"name": "fields", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                    {"name": "x-trace", "in": "header", "schema": {"type": "string"}},
                    {"name": "Authorization", "in": "header", "schema": {"type": "string"}},
                ],
            },
            "put": {
                "operationId": "keep pet",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}},
                },
            },
        },
        "/pets": {"get": {"summary": "All."}},
    },
    "components": {
        "parameters": {"id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}},
        "schemas": {
            "Pet": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "mother": {"$ref": "#/components/schemas/Pet"}},
                "required": ["name"],
            },
            "Unused": {"type": "object"},
        },
    },
}


def box_on(transport: ScriptedTransport | HttpTransport, **more: Any) -> Toolbox:
    return Toolbox(openapi_tools("pets", DOCUMENT, transport, headers={"Authorization": "Bearer ours"}, **more))


async def call(box: Toolbox, name: str, **arguments: object) -> str:
    return (await box.run(tool_call("1", name, json.dumps(arguments)))).text


def test_each_operation_becomes_a_tool_with_its_schema() -> None:
    """References are followed, and only what is used goes to the model."""
    box = box_on(ScriptedTransport([]))
    assert [one.name for one in box] == ["pets_getPet", "pets_keep_pet", "pets_get__pets"]
    definition = box["pets_keep_pet"].definition
    assert isinstance(definition, FunctionTool)
    schema: Any = definition.parameters
    assert schema["required"] == ["id", "body"]
    assert list(schema["$defs"]) == ["Pet"]
    look: Any = box["pets_getPet"].definition
    assert set(look.parameters["properties"]) == {"id", "fields", "x-trace"}
    assert look.description == "A pet."


async def test_a_call_goes_where_the_file_says() -> None:
    """On a real socket: path, query, header, body; the key is ours."""

    async def answer(exchange: Exchange) -> None:
        await exchange.reply(b'{"name": "Rex"}')

    async with serve(answer) as server:
        transport = HttpTransport()
        box = box_on(transport, base_url=f"{server.url}/api")
        try:
            assert await call(box, "pets_getPet", id="a/../b?c", fields=["x", "y"], **{"x-trace": "t"}) == (
                '{"name": "Rex"}'
            )
            await call(box, "pets_keep_pet", id="7", body={"name": "Rex"})
        finally:
            await transport.aclose()
        first, second = server.exchanges
        assert first.line.startswith("GET /api/pets/a%2F..%2Fb%3Fc?fields=x&fields=y ")
        assert (first.header("x-trace"), first.header("authorization")) == ("t", "Bearer ours")
        assert (second.line.split()[0], second.body) == ("PUT", b'{"name":"Rex"}')


@pytest.mark.parametrize("id", ["..", ".", ""])
async def test_no_argument_climbs_out_of_its_place(id: str) -> None:
    """Nothing is sent."""
    transport = ScriptedTransport(Script.json({}))
    assert "cannot stand in an address" in await call(box_on(transport), "pets_getPet", id=id)
    assert transport.requests == []


@given(st.text(min_size=1, max_size=20))
async def test_whatever_a_model_writes_stays_one_segment(id: str) -> None:
    """Host and path stand."""
    transport = ScriptedTransport(Script.json({}))
    try:
        id.encode()
    except UnicodeEncodeError:
        return
    await call(box_on(transport), "pets_getPet", id=id)
    for request in transport.requests:
        assert request.url.startswith("https://pets.example/v1/pets/")
        assert request.url.count("/") == 5


async def test_failures_and_wrong_arguments_are_answers() -> None:
    """The model can act on them."""
    transport = ScriptedTransport([Script.json({"error": "no such pet"}, status=404)])
    box = box_on(transport)
    assert "no such pet" in await call(box, "pets_getPet", id="9")
    assert "`body.name`: required" in await call(box, "pets_keep_pet", id="9", body={})
    assert "id" in await call(box, "pets_getPet")


def test_which_operations_are_offered_can_be_told() -> None:
    """By their id, or by method and path."""
    transport = ScriptedTransport([])
    assert [one.name for one in openapi_tools("p", DOCUMENT, transport, only=("get*",))] == ["p_getPet", "p_get__pets"]
    assert [one.name for one in openapi_tools("p", DOCUMENT, transport, only=("PUT *",))] == ["p_keep_pet"]


def test_files_are_json_or_yaml_and_of_version_3(tmp_path: Path) -> None:
    """What is neither is said to be none."""
    (tmp_path / "a.json").write_text(json.dumps(DOCUMENT))
    (tmp_path / "a.yaml").write_text("openapi: 3.0.3\npaths: {}\n")
    (tmp_path / "old.json").write_text('{"swagger": "2.0"}')
    (tmp_path / "no.json").write_text("x")
    assert read_document(tmp_path / "a.json") == DOCUMENT
    assert read_document(tmp_path / "a.yaml")["openapi"] == "3.0.3"
    for name in ("old.json", "no.json"):
        with pytest.raises(ConfigError):
            read_document(tmp_path / name)
    with pytest.raises(LocalFileError):
        read_document(tmp_path / "missing.json")
    with pytest.raises(ConfigError, match="where this API is"):
        openapi_tools("p", {"openapi": "3.0.0", "servers": [{"url": "/v1"}]}, ScriptedTransport([]))
