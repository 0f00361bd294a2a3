"""Contracts §1 on the HTTP path, for each client dialect in front of each host's: 5 pairs verbatim, 20 translated."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from interlingua.config.schema import ServerSettings
from interlingua.dialects import registry
from interlingua.engine.ledger import LedgerSettings
from interlingua.engine.router import ModelAlias
from interlingua.engine.settings import RetrySettings
from interlingua.errors import InterlinguaError, LocalFileError
from interlingua.gateway.heart import HEARTBEATS
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.ports.store import LedgerRow
from interlingua.ports.transport import HttpRequest, HttpResponse, Timeouts
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.events import Failed, UsageUpdate
from tests.gateway.asgi import Answer, call, gateway
from tests.gateway.upstreams import (
    ENVIRONMENT,
    PAIRS,
    SECRET,
    WORDS,
    asks,
    begun,
    config,
    failure,
    host_of,
    in_band,
    model_of,
    parsed,
    read,
    script,
    text_of,
    whole,
)

each_pair = pytest.mark.parametrize(("client", "host"), PAIRS, ids=lambda name: name)
SAID = "".join(WORDS).replace(" ", "")
GONE_SECONDS = 30.0
"""So soon everything is over that was done for a client that left (contracts §1.4)."""


async def ask(
    tmp_path: Path, transport: ScriptedTransport, client: str, host: str, **more: Any
) -> tuple[Answer, LedgerRow]:
    """One question, its answer and its row; nothing is left running, no slot taken."""
    settings = {key: more.pop(key) for key in list(more) if key in ("retry", "timeouts", "server", "models")}
    leave_after, stream = more.pop("leave_after", None), more.pop("stream", True)
    seen = more.pop("seen", None)
    async with gateway(tmp_path, transport, ENVIRONMENT, **config(**settings)) as app:
        before = asyncio.all_tasks()
        path, body = asks(client, host, stream=stream, **more)
        async with asyncio.timeout(None if leave_after is None else GONE_SECONDS):
            answer = await call(app, "POST", path, body, leave_after=leave_after, seen=seen)
        for _ in range(3):
            await asyncio.sleep(0)  # Python's own tidying of generators
        left = {task for task in asyncio.all_tasks() - before if task.get_name() != "ledger"}
        if left:  # what the gateway looks up in its store meanwhile ends by itself
            _, left = await asyncio.wait(left, timeout=GONE_SECONDS)
        assert not left, left
        assert not app.state.running
        assert all(response.closed for response in transport.responses)
        row = (await app.state.ledger.page(None)).rows[0]
    return answer, row


@each_pair
async def test_a_stream_is_told_whole(client: str, host: str, tmp_path: Path) -> None:
    """The words, the end, the usage once, the row."""
    transport = ScriptedTransport(script(host))
    answer, row = await ask(tmp_path, transport, client, host)
    found = read(client, answer.body)
    assert answer.status == 200
    assert not isinstance(found[-1], Failed)
    assert text_of(found) == SAID
    assert answer.ended
    assert row.error is None
    assert row.attempts[0].lane == ("verbatim" if client == host else "translated")
    assert row.attempts[0].usage is not None
    assert row.attempts[0].usage.input_tokens == 11
    assert answer.headers["x-interlingua-cost"] == "pending"


@each_pair
async def test_a_compressed_stream_is_told_whole(client: str, host: str, tmp_path: Path) -> None:
    """Though pieces end anywhere."""
    answer, _ = await ask(tmp_path, ScriptedTransport(script(host).gzipped()), client, host)
    assert text_of(read(client, answer.body)) == SAID


@each_pair
@pytest.mark.parametrize("fault", ["refused", "cut", "nothing", "error", "malformed"])
async def test_what_fails_before_content_is_tried_again(fault: str, client: str, host: str, tmp_path: Path) -> None:
    """The client sees one whole answer, and the ledger both tries."""
    faults = {
        "refused": Script.refused(),
        "cut": script(host).cut(after=0),
        "nothing": replace(script(host), chunks=()),
        "error": replace(script(host), chunks=(in_band(host),)),
        "malformed": replace(script(host), chunks=()).malformed(after=0),
    }
    transport = ScriptedTransport([faults[fault], script(host)])
    answer, row = await ask(tmp_path, transport, client, host, retry=RetrySettings(attempts=2, base=0.0))
    assert text_of(read(client, answer.body)) == SAID
    assert [attempt.error is None for attempt in row.attempts] == [False, True]


@each_pair
async def test_what_fails_before_content_fails_over_to_another_target(client: str, host: str, tmp_path: Path) -> None:
    """To a host of any dialect."""
    transport = ScriptedTransport([Script.refused(), script("openai_chat")])
    models = {model_of(host): ModelAlias(targets=(model_of(host), "the-openai-chat/m-2"))}
    answer, row = await ask(tmp_path, transport, client, host, models=models)
    assert text_of(read(client, answer.body)) == SAID
    assert len(row.attempts) == 2


def named_error(client: str, answer: Answer) -> InterlinguaError:
    wire = WireResponse(status=answer.status, body=answer.body, headers=tuple(answer.headers.items()))
    return registry.dialect(client).parse_error(wire, TranslationContext(dialect=client))


@each_pair
@pytest.mark.parametrize("stream", [True, False])
async def test_what_fails_before_content_for_good_is_a_status_in_the_dialects_envelope(
    stream: bool, client: str, host: str, tmp_path: Path
) -> None:
    """Never a 200."""
    faults = [Script.refused(), Script.text("<html>", 200, "text/html"), Script.text("no", 503)]
    for at, fault in enumerate(faults):
        folder = tmp_path / str(at)
        folder.mkdir()
        answer, row = await ask(folder, ScriptedTransport(fault), client, host, stream=stream)
        assert answer.status >= 500
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-interlingua-fault"] == "provider"
        assert named_error(client, answer).status == answer.status
        assert (row.status, row.error) == (answer.status, named_error(client, answer).code)


@each_pair
async def test_a_refusal_on_a_stream_route_is_a_status(client: str, host: str, tmp_path: Path) -> None:
    """A provider's 429 with its waiting time."""
    wait = Script.json({"error": {"message": "slowly"}}, 429, headers=(("retry-after", "7"),))
    answer, _ = await ask(tmp_path, ScriptedTransport(wait), client, host)
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    assert answer.headers["x-interlingua-fault"] == "provider"


FAULTS: dict[str, Callable[[str], Script]] = {
    "cut": lambda host: replace(script(host), chunks=tuple(begun(host))).cut(after=len(begun(host))),
    "stall": lambda host: script(host).stalled(after=len(begun(host))),
    "malformed": lambda host: replace(script(host), chunks=tuple(begun(host))).malformed(after=len(begun(host))),
    "error": lambda host: replace(script(host), chunks=(*begun(host), in_band(host))),
    "end": lambda host: replace(script(host), chunks=tuple(begun(host))),
}


@each_pair
@pytest.mark.parametrize("fault", FAULTS)
async def test_what_breaks_after_content_is_the_dialects_error_event_with_nothing_after_it(
    fault: str, client: str, host: str, tmp_path: Path
) -> None:
    """Nothing is tried again."""
    transport = ScriptedTransport([FAULTS[fault](host)])
    timeouts = Timeouts(idle=0.05, idle_before_content=0.05)
    retry = RetrySettings(attempts=3, base=0.0)
    answer, row = await ask(tmp_path, transport, client, host, timeouts=timeouts, retry=retry)
    assert answer.status == 200
    assert text_of(read(client, answer.body)) == WORDS[0].strip()
    failed = failure(client, answer.body)
    assert failed.message
    assert answer.ended
    assert row.error is not None
    assert row.attempts[0].error is not None
    assert len(transport.requests) == 1


@each_pair
async def test_headers_and_secrets_stay_where_they_belong(client: str, host: str, tmp_path: Path) -> None:
    """The provider's key, cookies and organization never come down; its request id does, under another name."""
    for stream in (True, False):
        transport = ScriptedTransport(script(host) if stream else whole(host))
        folder = tmp_path / str(stream)
        folder.mkdir()
        answer, row = await ask(folder, transport, client, host, stream=stream)
        told = repr((answer.headers, answer.body, row))
        assert SECRET not in told
        assert "set-cookie" not in answer.headers
        assert "org-x" not in told
        if client == host:
            assert answer.headers["x-upstream-request-id"] == "up-1"


@each_pair
@pytest.mark.parametrize("moment", ["before the head", "in mid-stream", "during a whole answer"])
async def test_a_client_that_leaves_ends_everything(moment: str, client: str, host: str, tmp_path: Path) -> None:
    """The upstream is closed, the row says cancelled, and nothing runs on."""
    scripts = {
        "before the head": replace(script(host), chunks=tuple(begun(host)[:0])).stalled(after=0),
        "in mid-stream": script(host).stalled(after=len(begun(host))),
        "during a whole answer": whole(host).stalled(after=0),
    }
    transport = ScriptedTransport(scripts[moment])
    leave_after = 1 if moment == "in mid-stream" else 0
    stream = "whole" not in moment
    answer, row = await ask(tmp_path, transport, client, host, stream=stream, leave_after=leave_after)
    assert row.error == "cancelled"
    assert [attempt.error for attempt in row.attempts] == ["cancelled"]
    if moment == "in mid-stream":
        assert answer.status == 200
        assert not answer.ended
    else:
        assert not answer.body


class Held(ScriptedTransport):
    """A host that is silent until it is told to go on, at the latest after a while: not all formats have heartbeats."""

    def __init__(self, script: Script, until: float) -> None:
        super().__init__(script)
        self.go = asyncio.Event()
        self._until = until

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The answer, then."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.go.wait(), self._until)
        return await super().send(request)


@each_pair
async def test_silence_before_the_first_event_is_bridged_by_heartbeats(client: str, host: str, tmp_path: Path) -> None:
    """The head goes out after a while, then something whenever nothing else does; clients read over it."""
    beat = HEARTBEATS[client]
    transport = Held(script(host), until=GONE_SECONDS if beat else 0.1)

    def look(answer: Answer) -> None:
        if beat and answer.pieces.count(beat) == 3:
            transport.go.set()

    server = ServerSettings(head_wait=0.03, heartbeat=0.03)
    answer, _ = await ask(tmp_path, transport, client, host, server=server, seen=look)
    assert text_of(read(client, answer.body)) == SAID
    assert answer.pieces.count(beat) >= 3 if beat else all(answer.pieces)


@each_pair
async def test_silence_between_events_is_bridged_by_heartbeats(client: str, host: str, tmp_path: Path) -> None:
    """A model that thinks for long keeps its connection."""
    transport = ScriptedTransport(script(host).dripping(0.06))
    answer, _ = await ask(tmp_path, transport, client, host, server=ServerSettings(heartbeat=0.02))
    assert text_of(read(client, answer.body)) == SAID
    beat = HEARTBEATS[client]
    assert not beat or answer.pieces.count(beat) >= 2


@each_pair
async def test_what_fails_after_the_head_went_out_is_an_event(client: str, host: str, tmp_path: Path) -> None:
    """Though no content came: the status is said already."""
    transport = ScriptedTransport(Script.text("no", 503))
    transport = ScriptedTransport(replace(Script.text("no", 503), delay=0.1))
    answer, row = await ask(tmp_path, transport, client, host, server=ServerSettings(head_wait=0.02))
    assert answer.status == 200
    assert failure(client, answer.body).message
    assert answer.ended
    assert row.error is not None


@pytest.mark.parametrize("host", ["openai_chat", "anthropic_messages", "gemini", "ollama", "openai_responses"])
@pytest.mark.parametrize("asked", [True, False])
async def test_usage_is_told_to_who_asked_for_it_and_to_nobody_else(asked: bool, host: str, tmp_path: Path) -> None:
    """Clients of openai_chat; upstream it is always asked for."""
    transport = ScriptedTransport(script(host))
    more = {"stream_options": {"include_usage": True}} if asked else {}
    answer, row = await ask(tmp_path, transport, "openai_chat", host, **more)
    told = [event for event in read("openai_chat", answer.body) if isinstance(event, UsageUpdate)]
    assert bool(told) == asked
    assert row.attempts[0].usage is not None
    if host == "openai_chat":
        assert transport.bodies[0]["stream_options"] == {"include_usage": True}


@each_pair
async def test_a_whole_answer_is_told_whole(client: str, host: str, tmp_path: Path) -> None:
    """With what it cost and who said it."""
    answer, row = await ask(tmp_path, ScriptedTransport(whole(host)), client, host, stream=False)
    assert answer.status == 200
    assert parsed(client, answer.body).text == "".join(WORDS)
    assert answer.headers["x-interlingua-provider"] == host_of(host)
    assert answer.headers["x-interlingua-cost"] == "unknown"
    assert row.attempts[0].status == 200


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("client", ["openai_chat", "anthropic_messages", "ollama"])
async def test_a_call_that_a_durable_ledger_cannot_keep_fails(
    client: str, stream: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a status, or as an error event; then the stream ends."""
    make = script if stream else whole
    settings = config(ledger=LedgerSettings(durable=True))
    async with gateway(tmp_path, ScriptedTransport(make("gemini")), ENVIRONMENT, **settings) as app:
        store = app.state.ledger._store

        async def full(rows: object) -> None:
            raise LocalFileError("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(store, "write", full)
            path, body = asks(client, "gemini", stream=stream)
            answer = await call(app, "POST", path, body)
        assert answer.ended
        assert b"the disk is full" in answer.body
        assert answer.status == (200 if stream else 500)
        rows = (await app.state.ledger.page(None)).rows
        assert len(rows) == 1
