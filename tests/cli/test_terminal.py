"""What a person sees in a terminal: colour, width, Ctrl-C, and what stays out of a pipe."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest

from interlingua.catalog.catalog import load_catalog
from interlingua.cli.terminal import Screen
from interlingua.transport.scripted import Script
from tests.cli.runs import Person, openai_stream
from tests.transport.servers import Exchange, serve

ASK = ("ask", "-m", "openai/gpt-6-sol")


@contextmanager
def provider(script: Script, pause: float = 0.0, go: threading.Event | None = None) -> Iterator[dict[str, str]]:
    """A provider on a real socket that answers by a script, once it may; the environment that leads to it."""
    ready, gone = threading.Event(), asyncio.Event()
    port: list[int] = []
    loop = asyncio.new_event_loop()

    async def answer(exchange: Exchange) -> None:
        if go is not None:
            await asyncio.to_thread(go.wait)
        await exchange.begin_chunks("content-type: text/event-stream\r\n")
        for chunk in script.chunks:
            await exchange.chunk(chunk)
            await asyncio.sleep(pause)
        await exchange.send(b"0\r\n\r\n")

    async def run() -> None:
        async with serve(answer) as server:
            port.append(server.port)
            ready.set()
            await gone.wait()

    def serve_until_gone() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(run())

    thread = threading.Thread(target=serve_until_gone)
    thread.start()
    try:
        assert ready.wait(60)
        yield {"OPENAI_API_KEY": "sk-0123456789abcdef", "OPENAI_BASE_URL": f"http://127.0.0.1:{port[0]}/v1"}
    finally:
        if go is not None:
            go.set()
        loop.call_soon_threadsafe(gone.set)
        thread.join(60)


def test_an_answer_on_a_terminal_ends_with_the_line_of_usage() -> None:
    """At the right edge, dim; the answer itself is plain."""
    with provider(openai_stream("Par", "is."), pause=0.02) as env:
        person = Person(*ASK, "capital?", env=env)
        assert person.finish() == 0
    answer, usage = person.screen.splitlines()
    assert answer == "Paris."
    assert usage.startswith("  ") and len(usage) == 79
    assert "openai/gpt-6-sol · " in usage and " first token · " in usage and " · 5 tokens · $" in usage
    assert "\x1b[2m" in person.raw and "\x1b" not in person.raw.split("\r\n")[0]


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colour_nothing_but_text_is_written(env: dict[str, str]) -> None:
    """NO_COLOR and TERM=dumb, on answers and on errors."""
    with provider(openai_stream("Paris.")) as found:
        person = Person(*ASK, "capital?", env={**found, **env})
        assert person.finish() == 0
    assert "\x1b" not in person.raw
    wrong = Person("ask", "-m", "nope/x", "hi", env=env)
    assert wrong.finish() == 64
    assert wrong.screen.startswith("error: there is no model") and "\x1b" not in wrong.raw


def test_quiet_leaves_the_line_of_usage_out() -> None:
    """Nothing but the answer."""
    with provider(openai_stream("Paris.")) as env:
        person = Person(*ASK, "-q", "capital?", env=env)
        assert person.finish() == 0
    assert person.screen == "Paris.\n"


def test_a_file_gets_the_answer_while_the_terminal_gets_the_usage(tmp_path: Path) -> None:
    """`il ask … > answer.txt`."""
    target = tmp_path / "answer.txt"
    with provider(openai_stream("Paris.")) as env, target.open("wb") as file:
        person = Person(*ASK, "capital?", env=env, stdout=file.fileno())
        assert person.finish() == 0
    assert target.read_text() == "Paris.\n"
    assert person.screen.strip().startswith("openai/gpt-6-sol · ")


def test_ctrl_c_stops_the_answer_and_keeps_what_came() -> None:
    """130, a new line, no traceback, at once."""
    with provider(openai_stream(*[f"word{i} " for i in range(200)]), pause=0.1) as env:
        person = Person(*ASK, "tell me a story", env=env)
        person.read_until("word3 ")
        person.type("\x03")
        assert person.finish() == 130
    assert "word199" not in person.screen  # it did not wait for the end
    assert "Traceback" not in person.screen and "error" not in person.screen
    assert person.screen.startswith("word0 word1 word2 word3 ")
    assert person.screen.endswith("\n") and not person.screen.endswith("\n\n")


def test_ctrl_c_before_the_answer_is_as_quiet() -> None:
    """And what was said meanwhile is taken away."""
    go = threading.Event()
    with provider(openai_stream("late"), go=go) as env:
        person = Person(*ASK, "hi", env=env)
        person.read_until(" s · Ctrl-C stops")  # of as many seconds as they are on this machine
        person.type("\x03")
        assert person.finish() == 130
    assert "waiting for openai/gpt-6-sol · " in person.screen
    assert "Traceback" not in person.screen
    assert person.raw.rstrip().endswith("\x1b[2K")


def test_a_late_answer_takes_the_waiting_away() -> None:
    """The line is gone before the first word."""
    go = threading.Event()
    with provider(openai_stream("at ", "last"), go=go) as env:
        person = Person(*ASK, "-q", "hi", env=env)
        person.read_until("waiting for openai/gpt-6-sol")
        go.set()
        assert person.finish() == 0
    assert "waiting for openai/gpt-6-sol" in person.raw
    assert person.raw.endswith("\r\x1b[2Kat last\r\n")


def test_a_model_cannot_drive_the_terminal() -> None:
    """Escape sequences in an answer are not passed on to a terminal; a pipe gets what was said."""
    with provider(openai_stream("a\x1b[2Jb\x07c\rd")) as env:
        person = Person(*ASK, "-q", "hi", env=env)
        assert person.finish() == 0
    assert person.raw == "a[2Jbcd\r\n"


@pytest.mark.parametrize("columns", [60, 80, 140])
@pytest.mark.parametrize("command", ["models", "providers", "doctor --no-model", "models claude-haiku-5-5", "--help"])
def test_every_table_fits_the_terminal(columns: int, command: str) -> None:
    """Less important columns give way, long lines are wrapped, names stay whole."""
    person = Person(*command.split(), columns=columns)
    person.finish()
    lines = person.screen.splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= columns


def test_a_table_on_a_terminal_has_a_footer() -> None:
    """How many, in what unit, as of when."""
    person = Person("models", "vision", "--max-price", "1", columns=140)
    assert person.finish() == 0
    catalog = load_catalog()
    end = f" of {len(catalog.models)} · prices in USD per million tokens, checked {catalog.as_of}"
    assert end in person.screen.splitlines()[-1]


def test_a_missing_local_model_is_offered(tmp_path: Path) -> None:
    """Who says no gets the error that a script would get."""
    person = Person("ask", "-m", "local/smollm2", "hi", env={"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)})
    person.read_until("local/smollm2 is not on this machine. Fetch it (92.9 MB)? [Y/n]")
    person.type("n\n")
    assert person.finish() == 74
    assert "il pull smollm2" in person.screen


def test_translate_on_a_terminal_says_what_it_waits_for() -> None:
    """Instead of hanging."""
    person = Person("translate", "--from", "gemini", "--to", "openai_chat")
    assert person.finish() == 2
    assert "pipe in what is to be translated" in person.screen


def test_a_prompt_can_be_piped_while_the_terminal_watches() -> None:
    """`git diff | il ask`."""
    read, write = os.pipe()
    os.write(write, b"capital?")
    os.close(write)
    with provider(openai_stream("Paris.")) as env:
        person = Person(*ASK, "-q", env=env, stdin=read)
        os.close(read)
        assert person.finish() == 0
    assert person.screen == "Paris.\n"


class Terminal(StringIO):
    """A stream that a person sees."""

    def isatty(self) -> bool:
        return True


def test_long_text_hangs_under_its_beginning() -> None:
    """Words stay whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "30")
        lines = Screen(Terminal()).hanging("  fix:  ", "export SOME_LONG_NAME=… and then once more")
    assert lines == ["  fix:  export", "        SOME_LONG_NAME=… and", "        then once more"]
    assert Screen(StringIO()).hanging("a ", "b " * 100) == ["a " + "b " * 100]


def test_neither_head_nor_text_of_a_line_drives_the_terminal() -> None:
    """A head may be a client's word too, such as the field that was lost in translation."""
    assert Screen(Terminal(), "never").hanging("\x1b[2Jfield ", "reason\x9b31m") == ["[2Jfield reason31m"]


def test_a_stream_that_lacks_a_character_gets_a_question_mark() -> None:
    """An answer must not end in an encoding error."""

    class Ascii(StringIO):
        encoding = "ascii"

        def write(self, text: str) -> int:
            text.encode("ascii")
            return super().write(text)

    stream = Ascii()
    Screen(stream).line("5 € · ok")
    assert stream.getvalue() == "5 ? ? ok\n"
