"""The synchronous API: one loop thread per process."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import assert_type

import pytest

from interlingua.client.chat import AsyncChat, Chat
from interlingua.client.client import AsyncClient
from interlingua.client.sync import Client, SyncStream, loop_thread
from interlingua.client.tools import Toolbox
from interlingua.config.schema import Config
from interlingua.transport.scripted import ScriptedTransport
from interlingua.types.parts import tool_call
from tests.client.providers_scripted import gemini_text, openai_text

KEYS = {"openai": "k"}
MODEL = "openai/gpt-6-luna"


@dataclass
class Bill:
    """A bill."""

    number: int


def client() -> Client:
    return Client(MODEL, config=Config(), api_keys=KEYS, transport=ScriptedTransport(openai_text("Hi.", stream=False)))


def test_many_threads_share_one_loop() -> None:
    """And get their own answers."""
    ours = client()
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(ours.generate("x").text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["Hi."] * 8
    assert sum(thread.name == "interlingua" for thread in threading.enumerate()) == 1


def test_a_forked_child_asks_on_a_thread_of_its_own() -> None:
    """As under a forking server."""
    ours = client()
    assert ours.generate("x").text == "Hi."
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, ours.generate("x").text.encode())
        os._exit(0)
    os.close(write)
    assert os.read(read, 10) == b"Hi."
    os.close(read)
    assert os.waitpid(child, 0)[1] == 0


def test_one_asynchronous_client_serves_several_event_loops_in_turn() -> None:
    """As in scripts that call asyncio.run more than once."""
    ours = AsyncClient(
        MODEL, config=Config(), api_keys=KEYS, transport=ScriptedTransport(openai_text("Hi.", stream=False))
    )
    assert [asyncio.run(ours.generate("x")).text for _ in range(3)] == ["Hi."] * 3


def test_leaving_an_iteration_early_closes_what_is_iterated() -> None:
    """The connection must not stay open until the garbage is collected."""
    closed = threading.Event()

    async def endless() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    for _ in loop_thread().iterate(endless()):
        break
    assert closed.wait(20)


def interrupt_who_waits() -> None:
    """Ctrl-C for the main thread, once it waits for what another does."""
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        while sys._current_frames()[main].f_code.co_name != "wait":
            time.sleep(0.001)
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt).start()


def test_an_interrupt_stops_the_work_on_the_thread() -> None:
    """Ctrl-C in the caller must not leave an answer running that nobody reads."""
    stopped = threading.Event()

    async def work() -> None:
        interrupt_who_waits()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            stopped.set()
            raise

    with pytest.raises(KeyboardInterrupt):
        loop_thread().run(work())
    assert stopped.wait(20)  # not by the end of its sleep, which would not be said


def test_an_interrupt_stays_one_while_a_tool_cleans_up() -> None:
    """The iteration is closed after the step that was cancelled has ended, not amid it."""
    cleaned = threading.Event()

    async def slow() -> AsyncIterator[int]:
        try:
            yield 1
            interrupt_who_waits()
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.2)
            cleaned.set()

    with pytest.raises(KeyboardInterrupt):
        for _ in loop_thread().iterate(slow()):
            pass
    assert cleaned.is_set()


def test_asking_inside_an_asynchronous_tool_is_refused_at_once() -> None:
    """It would wait for itself for ever."""
    ours = client()

    async def ask() -> str:
        """Asks somebody else."""
        return ours.generate("x").text

    call = tool_call("1", "ask", "{}")
    run = loop_thread().run(Toolbox([ask]).run(call))
    assert run.is_error
    assert "AsyncChat" in run.text


def test_a_client_that_is_dropped_is_forgotten() -> None:
    """A program may make any number of them."""
    ours = client()
    ours.generate("x")
    kept = weakref.ref(ours.asynchronous)
    del ours
    gc.collect()
    assert kept() is None


def test_asynchronous_chats_share_one_client() -> None:
    """And with it its connections and the catalog."""
    one, other = AsyncChat("local/smollm2"), AsyncChat("local/smollm2")
    assert one.client is other.client


def test_the_process_ends_cleanly_after_a_real_call(clean_environment: dict[str, str]) -> None:
    """No unclosed session is complained about, neither here nor in a forked child."""
    code = """
import http.server, json, os, sys, threading, interlingua as il
from interlingua.config.schema import Config
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"id": "1", "model": "m", "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi."}}]}).encode()
        self.send_response(200); self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
table = {"base_url": f"http://127.0.0.1:{server.server_address[1]}/v1", "dialect": "openai_chat"}
ours = il.Client("lab/m", config=Config(providers={"lab": table}))
ours.generate("x")
child = os.fork()
if child == 0:
    ours.generate("x")
    sys.exit(0)
print(ours.generate("x").text, os.waitpid(child, 0)[1])
"""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, env=clean_environment, timeout=60
    )
    assert (done.stdout, done.stderr, done.returncode) == ("Hi. 0\n", "", 0)


def test_work_that_would_end_the_program_ends_nobody_elses() -> None:
    """A hook of the caller's that leaves by sys.exit: the error is its caller's, and the thread goes on."""

    async def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        loop_thread().run(leave())
    assert client().generate("x").text == "Hi."


def test_leaving_the_texts_of_an_answer_early_stops_it() -> None:
    """Also where the stream itself is kept: else its connection, or the local model, would go on for nobody."""
    transport = ScriptedTransport(openai_text("Hi.", stream=True))
    ours = Client(MODEL, config=Config(), api_keys=KEYS, transport=transport)
    stream = ours.stream("x")
    for _ in stream.texts():
        break
    (response,) = transport.responses
    assert response.closed
    assert not response.finished
    with pytest.raises(RuntimeError, match="not been read to its end"):
        stream.read()


def test_what_was_asked_for_is_what_checkers_of_types_see() -> None:
    """The output of an answer is of the type given, streamed or not, and never optional."""
    transport = ScriptedTransport(openai_text('{"number": 7}', stream=True))
    ours = Client(MODEL, config=Config(), api_keys=KEYS, transport=transport)
    chat = Chat(client=ours)
    assert_type(chat.ask("Which?", output=Bill).output, Bill)
    assert_type(ours.stream("Which?", output=Bill), SyncStream[Bill])
    stream = chat.stream("Which?", output=Bill)
    assert_type(stream.read().output, Bill)
    assert stream.reply.output.number == 7


def test_a_stream_is_read_by_the_process_that_began_it() -> None:
    """A forked child is told so at once, and can end: its copy of the thread's loop never answers."""
    transport = ScriptedTransport(openai_text("Hi.", stream=True))
    texts = Client(MODEL, config=Config(), api_keys=KEYS, transport=transport).stream("x")
    events = iter(texts)
    next(events)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            next(events)
        except RuntimeError as error:
            os.write(write, f"{error}".encode())
        os._exit(0)
    assert b"by the process that began it" in os.read(read, 200)
    assert os.waitpid(child, 0)[1] == 0
    assert [*events]


def test_a_key_may_be_given_by_an_alias_of_its_provider() -> None:
    """As models are named."""
    transport = ScriptedTransport(gemini_text("Hi.", stream=False))
    ours = Client("google/gemini-3.8-flash", config=Config(), api_keys={"gemini": "k"}, transport=transport)
    assert ours.generate("x").text == "Hi."
