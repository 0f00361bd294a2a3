"""One question to several models at once."""

from __future__ import annotations

import io

from interlingua.bench.compare import Racer, race
from interlingua.client.client import AsyncClient
from interlingua.config.schema import Config
from interlingua.engine.settings import RetrySettings
from interlingua.errors import StreamInterrupted
from interlingua.ports.transport import HttpRequest
from interlingua.repl.compare_view import CompareView, figures
from interlingua.repl.live import Live
from interlingua.repl.markdown import Pen
from interlingua.repl.theme import THEMES
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.cli.runs import openai_stream

LAB = {"base_url": "https://lab.example/v1", "dialect": "openai_chat"}
CONFIG = Config(providers={"lab": LAB}, retry=RetrySettings(attempts=1))


def client() -> AsyncClient:
    """A provider with a good model, a bad one and one that breaks off."""

    def answer(request: HttpRequest) -> Script:
        if b'"bad"' in request.body:
            return Script.json({"error": {"message": "no such model"}}, status=404)
        if b'"cut"' in request.body:
            return openai_stream("half", "rest").cut(after=1)
        return openai_stream("a whole ", "**answer**")

    return AsyncClient(config=CONFIG, transport=ScriptedTransport(answer))


async def test_one_that_fails_holds_up_no_other() -> None:
    """Each has its text, its figures or its error."""
    good, bad, cut = racers = [Racer("lab/good"), Racer("lab/bad"), Racer("lab/cut")]
    async for _ in race(client(), racers, "what?"):
        pass
    assert all(one.over for one in racers)
    assert (good.text, bad.text, cut.text) == ("a whole **answer**", "", "half")
    assert good.error is None
    assert bad.error is not None
    assert isinstance(cut.error, StreamInterrupted)
    assert "5 tokens · cost unknown" in figures(good)
    assert good.first is not None


async def test_what_they_said_stays_on_the_screen_whole() -> None:
    """One below the other, as Markdown."""
    for moves in (True, False):
        out = io.StringIO()
        racers = [Racer("lab/good"), Racer("lab/bad")]
        pen = Pen(THEMES["plain"], coloured=False, columns=lambda: 100)
        view = CompareView(Live(out, lambda: (100, 30)), pen, racers, moves=moves, out=out)
        await view.watch(race(client(), racers, "what?"))
        assert "── lab/good" in out.getvalue()
        assert "a whole answer" in out.getvalue()
        assert "error: no such model" in out.getvalue()
