"""A secret is shown nowhere: not in answers, errors, tracebacks, values, recordings (contracts §6.7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlingua.client.client import AsyncClient
from interlingua.errors import InterlinguaError
from interlingua.ports.transport import HttpRequest
from interlingua.transport.recorded import RecordingTransport
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.cli.runs import run
from tests.client.providers_scripted import anthropic_text, gemini_text, openai_text

CANARY = "canary+plain.words-that-no-pattern-knows"
"""Not of the shape of any known key, so that only its being our credential gives it away."""

HOSTS = {
    "openai": ("OPENAI_API_KEY", "gpt-6-luna", openai_text),
    "anthropic": ("ANTHROPIC_API_KEY", "claude-haiku-5-5", anthropic_text),
    "google": ("GEMINI_API_KEY", "gemini-3.8-flash", gemini_text),
}
SAID = f"Incorrect API key {CANARY} at https://u:{CANARY}@host/v1?key={CANARY}"
ERROR = {"type": "error", "error": {"type": CANARY, "code": CANARY, "status": CANARY, "message": SAID}}


def faults(provider: str) -> list[Script]:
    """Answers that repeat the secret wherever an answer can."""
    whole = HOSTS[provider][2]("hi", stream=True)
    return [
        *(Script.json(ERROR, status=status, headers=(("request-id", CANARY),)) for status in (400, 401, 404, 429, 500)),
        Script.text(SAID, status=502),
        Script(status=307, headers=(("location", f"https://{CANARY}@h/{CANARY}"),)),
        whole.failing(ERROR, after=2, event="error"),
        whole.failing({**ERROR, "x": CANARY}, after=0),
        Script.text(SAID),
        Script.json({"unexpected": CANARY}),
    ]


def recordings(folder: Path) -> list[str]:
    """What stands in the files of a folder."""
    return [file.read_text() for file in folder.iterdir()]


@pytest.mark.parametrize("flags", [(), ("--json",), ("--jsonl",), ("--debug",), ("--no-stream", "--debug")])
@pytest.mark.parametrize("provider", HOSTS)
def test_what_a_provider_repeats_of_our_key_is_not_shown(provider: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    """On either stream, in whatever form."""
    name, model, _ = HOSTS[provider]
    quick = tmp_path / "quick.toml"
    quick.write_text("[retry]\nattempts = 1\n")
    env = {name: CANARY, "IL_CONFIG": str(quick)}
    for script in faults(provider):
        done = run("ask", "-m", f"{provider}/{model}", *flags, "hi", transport=ScriptedTransport(script), env=env)
        assert done.exit_code != 0, script
        assert "canary" not in done.stdout + done.stderr, script


@pytest.mark.parametrize("provider", HOSTS)
async def test_no_value_that_a_program_prints_holds_the_key(provider: str, tmp_path: Path) -> None:
    """Replies, requests, errors with all that led to them, engines, and recordings on the disk."""
    _, model, text = HOSTS[provider]
    transport = ScriptedTransport([text("hi", stream=False), *faults(provider)[:3]])
    client = AsyncClient(
        f"{provider}/{model}", api_keys={provider: CANARY}, transport=RecordingTransport(transport, tmp_path)
    )
    shown = [repr(await client.generate("hi")), repr(client.engine.access(client.engine.providers[provider]))]
    with pytest.raises(InterlinguaError) as caught:
        await client.generate("hi")
    error: BaseException | None = caught.value
    while error is not None:
        shown += [repr(error), str(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    shown += [repr(request) for request in transport.requests]
    shown += recordings(tmp_path)
    assert len(shown) >= 6
    assert not [text for text in shown if "canary" in text]


def test_a_request_shows_neither_its_headers_nor_what_its_address_hides() -> None:
    """Debuggers and failing tests print it."""
    request = HttpRequest(url=f"https://h/v1?key={CANARY[:6]}", headers=(("authorization", f"Bearer {CANARY}"),))
    assert repr(request) == "HttpRequest(POST https://h/v1?key=***, 0 bytes)"
