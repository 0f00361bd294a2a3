"""Files of batches, what hosts answer to them, and what the store has of them afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from interlingua.engine.budgets import Kind, period_of
from interlingua.ports.budgets import BudgetState
from interlingua.ports.store import LedgerRow
from interlingua.stores.place import Place
from interlingua.stores.sql import SqlStore
from interlingua.transport.scripted import Script

MODEL = "openai/gpt-6-luna"


def request(id: str, text: str = "hi", model: str = MODEL, url: str = "/v1/chat/completions", **more: Any) -> str:
    """A line of the requests."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    return json.dumps({"custom_id": id, "method": "POST", "url": url, "body": body})


def answer(text: str = "ok") -> Script:
    """What a host says."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return Script.json(body)


def results(path: Path) -> dict[str, Any]:
    """Results by name, each there once."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({line["custom_id"] for line in lines}) == len(lines)
    return {line["custom_id"]: line for line in lines}


class Host:
    """A provider on a real port: it holds back all answers after the first few until it is let."""

    def __init__(self, free: int) -> None:
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.stuck = threading.Event()
        self._lock = threading.Lock()
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with host._lock:
                    host.asked.append(body["messages"][0]["content"])
                    number = len(host.asked)
                if number > free and not host.gate.is_set():
                    host.stuck.set()
                    host.gate.wait(60)
                data = answer(f"to {body['messages'][0]['content']}").chunks[0]
                assert isinstance(data, bytes)
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Books:
    """What the store has: the calls by their ids, how a budget stands, and answers that are in no file yet."""

    def __init__(self, rows: dict[str, LedgerRow], budget: BudgetState, undelivered: int) -> None:
        self.rows = rows
        self.budget = budget
        self.undelivered = undelivered


def books(place: str | None = None, kind: Kind = "global", name: str = "") -> Books:
    """What a batch has left there.

    Args:
        place: a file or an address; by default the file that `IL_STORE__PATH` names.
        kind, name: whose budget, of all time.
    """
    place = place or os.environ["IL_STORE__PATH"]

    async def read() -> Books:
        store = SqlStore(Place(url=place) if place.startswith("postgresql") else Path(place))
        await store.open()
        try:
            rows = (await store.page(None, limit=1000)).rows
            period = period_of(kind, name, "total", 0.0)[0]
            # In 1970 every lease counts, also those of processes that were killed.
            (state,) = await store.budgets.states([period], 0)
            async with store.database.reading() as connection:
                left = (await connection.exec_driver_sql("SELECT count(*) FROM batch_answers")).scalar_one()
        finally:
            await store.aclose()
        assert len({row.request_id for row in rows}) == len(rows)
        return Books({row.request_id: row for row in rows}, state, left)

    return asyncio.run(read())
