"""What a kill leaves of a run, where one process answers and shares nothing."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import msgspec

from interlingua.gateway.run_journal import read
from interlingua.ports.runs import RunHead
from interlingua.stores.running_files import RunningFile
from interlingua.transport.scripted import ScriptedTransport
from tests.cli.serving import Gateway
from tests.gateway.pages_client import pages
from tests.gateway.test_runs import begun, names, stream
from tests.gateway.test_worker_runs import lab
from tests.gateway.test_workers import Lab, until

__all__ = ["lab"]
HEAD = RunHead(id="run_1", tenant="t", conversation="c", parent="q", model="p/m", request_id="r", owner="", started=1)


def said(gateway: Gateway, path: str, body: Any = None) -> Any:
    token = (gateway.file.parent / "admin-token").read_text().strip()
    status, text = gateway.ask(path, body, token)
    assert status in (200, 201), text
    return json.loads(text)


def test_what_had_come_of_an_answer_is_kept_though_its_process_is_killed(tmp_path: Path, lab: Lab) -> None:
    gateway = Gateway(tmp_path, more=lab.toml)
    try:
        chat = said(gateway, "/api/conversations", {})["id"]
        text = {"parts": [{"type": "text", "text": "Hello"}]}
        question = said(gateway, f"/api/conversations/{chat}/messages", text)["id"]
        run = said(gateway, "/api/runs", {"conversation": chat, "parent": question, "model": "lab/m"})["id"]
        file = tmp_path / "runs" / f"{run}.jsonl"
        until(lambda: file.exists() and b'"text":"One"' in file.read_bytes())
    finally:
        gateway.end(signal.SIGKILL)
    gateway = Gateway(tmp_path, more=lab.toml)
    try:
        until(lambda: not file.exists())
        *_, asked, partial = said(gateway, f"/api/conversations/{chat}")["messages"]
        assert (asked["id"], partial["parent"]) == (question, question)
        assert partial["parts"][0]["text"] == "One"
        assert (partial["answer"]["status"], partial["answer"]["model"]) == ("interrupted", "lab/m")
    finally:
        gateway.end()


async def test_a_run_that_ends_leaves_nothing_behind_and_one_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    """Another gateway on the same folder, such as the window's, has nothing to end."""
    folder, transport = tmp_path / "runs", ScriptedTransport([stream(), stream().stalled(after=2)])
    async with pages(tmp_path, transport) as page:
        chat, question = await page.chat()
        assert names(await page.events(await page.run(chat, question)))[-1] == "run_end"
        second = await page.run(chat, question)
        await begun(page, second)
        async with pages(tmp_path, ScriptedTransport([])) as other:
            assert len((await other.get(f"/api/conversations/{chat}"))["messages"]) == 2
        assert [one.stem for one in folder.iterdir()] == [second]
    assert list(folder.iterdir()) == []


async def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    for number, text in enumerate((b"", b"not json\n", msgspec.json.encode(HEAD) + b"\nid: one\nevent: event\n\n")):
        file = RunningFile(tmp_path / "runs", f"run_{number}")
        file.add(text)
        file.path.rename(file.path.with_stem(f"left_{number}"))
        file.done()
    async with pages(tmp_path, ScriptedTransport([])) as page:
        assert (await page.get("/api/conversations"))["items"] == []
    assert list((tmp_path / "runs").iterdir()) == []


def test_events_that_were_being_written_are_left_out() -> None:
    whole = b"id: 1\nevent: run_start\ndata: {}\n\n"
    assert read(msgspec.json.encode(HEAD) + b"\n" + whole + b"id: 2\nevent: ev") == (HEAD, whole)
    assert read(msgspec.json.encode(HEAD) + b"\n") == (HEAD, b"")
    assert read(b"") is None
