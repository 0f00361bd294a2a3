"""A page's way of speaking to the gateway in tests: signed in, JSON in and out, events read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from interlingua.config.schema import VirtualKeySettings
from interlingua.gateway.app import Gateway
from interlingua.gateway.auth import admin_token
from interlingua.gateway.build import token_path
from interlingua.transport.scripted import ScriptedTransport
from tests.gateway.asgi import Answer, call, gateway
from tests.gateway.upstreams import ENVIRONMENT, config

KEYS = {"ALICE": "il-alice-has-a-key-of-her-own", "BOB": "il-bob-has-another-key-of-his"}
MODEL = "the-openai-chat/m-1"


class Page:
    """One signed-in page.

    Args:
        app: the gateway.
        token: of the session, or a key.
    """

    def __init__(self, app: Gateway, token: str) -> None:
        self.app = app
        self.token = token

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """One request."""
        headers = {"authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        return await call(self.app, method, path, body, headers=headers, **more)

    async def get(self, path: str) -> Any:
        """What a path says, which must go well."""
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    async def post(self, path: str, body: Any = None) -> Any:
        """What comes of a question, which must go well."""
        answer = await self.ask("POST", path, {} if body is None else body)
        assert answer.status in (200, 201, 204), answer.body
        return answer.json if answer.body else None

    async def chat(self, text: str = "Count to three.", **settings: Any) -> tuple[str, str]:
        """A new conversation with one message: both ids."""
        made = await self.post("/api/conversations", {"settings": {"model": MODEL, **settings}})
        said = await self.post(f"/api/conversations/{made['id']}/messages", {"parts": [{"type": "text", "text": text}]})
        return made["id"], said["id"]

    async def run(self, conversation: str, parent: str, model: str = MODEL, **settings: Any) -> str:
        """Starts a run; its id."""
        asking = {"conversation": conversation, "parent": parent, "model": model, "settings": settings}
        started = await self.post("/api/runs", asking)
        return str(started["id"])

    async def events(self, run: str, after: int = 0) -> list[tuple[int, str, Any]]:
        """All events of a run, to its end."""
        answer = await self.ask("GET", f"/api/runs/{run}/events", headers={"last-event-id": str(after)})
        assert answer.status == 200, answer.body
        return events_of(answer.body)


def events_of(body: bytes) -> list[tuple[int, str, Any]]:
    """Number, name and data of each event of a stream."""
    found = []
    for block in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "data" in fields:
            found.append((int(fields.get("id", 0)), fields["event"], msgspec.json.decode(fields["data"])))
    return found


async def signed_in(app: Gateway, key: str = "") -> Page:
    """A page signed in as the administrator, or with a virtual key."""
    if not key:
        key = admin_token(token_path(app.state.config)).reveal()
    answer = await call(app, "POST", "/api/session", {"key": key})
    assert answer.status == 201, answer.body
    return Page(app, answer.json["token"])


@asynccontextmanager
async def pages(
    tmp_path: Path, transport: ScriptedTransport, *, keys: bool = False, **more: Any
) -> AsyncIterator[Page]:
    """A gateway with scripted hosts, and the administrator's page; with `keys`, Alice and Bob have one each."""
    settings = config(**more)
    if keys:
        settings["virtual_keys"] = tuple(VirtualKeySettings(name=name.lower(), key=f"env:{name}_KEY") for name in KEYS)
    environment = ENVIRONMENT | {f"{name}_KEY": key for name, key in KEYS.items()}
    async with gateway(tmp_path, transport, environment, **settings) as app:
        yield await signed_in(app)
