"""`/openapi.json` against a real gateway: what it says of statuses, content types and bodies is so, and nothing fails.

schemathesis makes the requests, always the same ones, from the document itself. Two of its checks are left out: that
whatever fits a schema is accepted (a model, an id or a name must exist, too), and its trial of authentication, which
takes a token that we send for one of its own; `tests/security` asks every route with every kind of caller.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from msgspec import Struct
from schemathesis import checks

from interlingua.gateway.answers import ANSWERS
from interlingua.gateway.openapi import description
from interlingua.gateway.routes import ROUTES
from tests.cli.serving import Gateway
from tests.gateway.test_workers import Lab

pytestmark = pytest.mark.slow
checks.load_all_checks()
LEFT_OUT = [checks.positive_data_acceptance, checks.ignored_auth]
ENDLESS = {"GET /api/requests/events"}
"""It is followed for as long as one likes."""
AWAY = {"POST /api/local/pull"}
"""It would leave this machine."""
ABSENT = {"POST /v1/responses/compact"}
"""501, as the document says."""
SLOWED = {"POST /api/session"}
"""A wrong secret is answered late, on purpose."""
EXAMPLES = 4
WRONG_EXAMPLES = 2


class Stand(Struct):
    """A gateway, its administrator's token, and its description."""

    address: str
    token: str
    schema: Any

    def operations(self, without: set[str]) -> list[Any]:
        found = [result.ok() for result in self.schema.get_all_operations()]
        return [one for one in found if one.label not in without | ENDLESS | AWAY]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = answer.read()
        return json.loads(said) if answer.headers.get_content_type() == "application/json" and said else said


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("openapi")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "DATA", "STATE", "CACHE"):
            patch.setenv(f"XDG_{name}_HOME", str(folder / name.lower()))
        patch.setenv("IL_KEYCHAIN", "off")
        patch.setenv("IL_DEFAULT_MODEL", "lab/m")
        lab = Lab()
        lab.go_on.set()
        tools = '[gateway.tools]\nallow = ["calculate"]\n[tools]\nplugins = false\n'
        gateway = Gateway(folder, more=lab.toml + tools)
        try:
            schema = schemathesis.openapi.from_url(gateway.address + "/openapi.json")
            yield Stand(gateway.address, (folder / "admin-token").read_text().strip(), schema)
        finally:
            gateway.end()
            lab.server.shutdown()
            lab.server.server_close()


def examples(operation: Any, count: int, mode: Any, try_one: Callable[[Any], None]) -> None:
    """Tries so many requests of an operation, the same ones each time."""

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        try_one(case)

    run()


def problems(stand: Stand, operations: list[Any], count: int, mode: Any) -> list[str]:
    """What is not as the document says."""
    found: list[str] = []

    def try_one(case: Any) -> None:
        case.headers["Authorization"] = f"Bearer {stand.token}"
        left_out = [*LEFT_OUT, checks.not_a_server_error] if case.operation.label in ABSENT else LEFT_OUT
        try:
            case.call_and_validate(timeout=30, excluded_checks=left_out)
        except BaseExceptionGroup as group:
            found.extend(f"{case.operation.label}: {error}" for error in group.exceptions)

    for operation in operations:
        examples(operation, count, mode, try_one)
    return found


def test_what_fits_the_description_is_answered_as_described(stand: Stand) -> None:
    operations = stand.operations(set())
    assert len(operations) > 85
    assert problems(stand, operations, EXAMPLES, schemathesis.GenerationMode.POSITIVE) == []


def test_what_does_not_fit_the_description_is_refused_as_described(stand: Stand) -> None:
    """Where something can be wrong: a body of ours, or a query."""
    operations = [
        one
        for one in stand.operations(SLOWED)
        if one.label.startswith(("POST /api/", "PUT /api/", "PATCH /api/")) or len(one.query)
        if one.definition.raw["tags"] == ["interlingua"] and (len(one.body) or len(one.query))
    ]
    assert len(operations) > 15
    assert problems(stand, operations, WRONG_EXAMPLES, schemathesis.GenerationMode.NEGATIVE) == []


def test_what_there_is_looks_as_described(stand: Stand) -> None:
    """Every path of ours that shows something, where there is something to show."""
    ask = stand.ask
    ask("PUT", "/api/presets/poet", {"system": "Rhyme.", "settings": {"temperature": 1}})
    ask("PUT", "/api/routes/quick", {"targets": ["lab/m", {"target": "lab/n", "weight": 2}], "strategy": "weighted"})
    made = ask("POST", "/api/virtual-keys", {"name": "team", "budget": "5 USD / month", "rpm": 5})
    assert made["key"].startswith("il-")
    ask("PUT", "/api/credentials/openai/team", {"secret": "sk-a-secret-of-some-length"})
    ask("POST", "/api/providers/lab/test", {})
    chat = ask("POST", "/api/conversations", {"folder": "work", "settings": {"model": "lab/m"}})["id"]
    said = {"parts": [{"type": "text", "text": "Hello there"}]}
    message = ask("POST", f"/api/conversations/{chat}/messages", said)["id"]
    for model in ("lab/m", "lab/again", "nobody/x"):
        asking = {"conversation": chat, "parent": message, "model": model, "settings": {"tools": ["other"]}}
        run = ask("POST", "/api/runs", asking)["id"]
        ask("GET", f"/api/runs/{run}/events")
    values = {"/api/conversations/{id}": {"id": chat}, "/api/conversations/{id}/export": {"id": chat}}
    queries = {"/api/conversations": {"q": "Hello"}, "/api/conversations/{id}/export": {"format": "json"}}
    shown = [
        one for one in stand.operations(set()) if one.method == "get" and one.path.startswith(("/api/", "/healthz"))
    ]
    for operation in shown:
        path = operation.path
        if "{" in path and path not in values:
            continue
        for query in ({}, queries.get(path, {})):
            case = operation.Case(path_parameters=dict(values.get(path, {})), query=query)
            case.headers["Authorization"] = f"Bearer {stand.token}"
            answer = case.call_and_validate(timeout=30, excluded_checks=LEFT_OUT)
            assert answer.status_code == 200, path
    told = {one["path"] for one in ask("GET", "/api/settings")["items"]}
    assert "models.quick" in told
    statuses = {
        one["answer"]["status"] for one in ask("GET", f"/api/conversations/{chat}")["messages"] if one["answer"]
    }
    assert statuses == {"done", "failed"}


def test_every_path_of_ours_is_described_and_nothing_else() -> None:
    ours = {(one.method, one.path) for one in ROUTES if not one.dialect and one.path.startswith("/api/")}
    elsewhere = {
        ("POST", "/api/chat/complete"),
        ("GET", "/api/chat/models"),
        ("POST", "/api/explain"),
        ("GET", "/api/requests/{id}"),
        ("GET", "/api/usage"),
        ("GET", "/api/voice"),
        ("POST", "/api/voice/token"),
    }
    assert ours - set(ANSWERS) == elsewhere
    assert {row for row in ANSWERS if row not in {(one.method, one.path) for one in ROUTES}} == set()
    assert "/api/runs" in description()["paths"]
