"""One try: what is sent, and what becomes of an answer that is none."""

from __future__ import annotations

import pytest

from interlingua.errors import AuthenticationFailed, InterlinguaError, InvalidRequest, UpstreamError
from interlingua.transport.scripted import Script
from interlingua.types.messages import user
from interlingua.types.request import ChatRequest
from tests.client.providers_scripted import anthropic_text, gemini_text, openai_text
from tests.engine.test_engine import BAD_KEY, ask, engine_with, streamed

MODELS = {"openai": "gpt-6-luna", "anthropic": "claude-haiku-5-5", "google": "gemini-3.8-flash"}
ANSWERS = {"openai": openai_text, "anthropic": anthropic_text, "google": gemini_text}
PAGE = Script.text("<html>sign in</html>", content_type="text/html; charset=utf-8")


@pytest.mark.parametrize("provider", MODELS)
async def test_every_header_is_sent_once(provider: str) -> None:
    """Strict servers refuse a request whose content-type comes twice."""
    engine, _, transport = engine_with(ANSWERS[provider]("hi", stream=False), keys=(provider,))
    await engine.generate(ask(f"{provider}/{MODELS[provider]}"))
    names = [name for name, _ in transport.requests[0].headers]
    assert sorted(names) == sorted(set(names))
    assert "content-type" in names


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("script", "said"),
    [
        (PAGE, "web page"),
        (Script(status=307, headers=(("location", "https://evil.example/x?key=1"),)), "redirects to evil.example,"),
        (Script(status=302, headers=(("location", "http://[x"),)), "redirects,"),
    ],
)
async def test_a_sign_in_page_and_a_redirect_are_told_as_such_and_not_tried_again(
    script: Script, said: str, stream: bool
) -> None:
    """Behind both stands a wrong address or something in between; neither goes away by itself."""
    engine, clock, transport = engine_with(*[script] * 3)
    error: InterlinguaError | None
    if stream:
        _, _, error = await streamed(engine, ask("openai/gpt-6-luna"))
    else:
        with pytest.raises(UpstreamError) as caught:
            await engine.generate(ask("openai/gpt-6-luna"))
        error = caught.value
    assert isinstance(error, UpstreamError)
    assert said in error.message
    assert "base_url" in error.remedy
    assert (len(transport.requests), clock.slept, error.provider) == (1, [], "openai")
    assert transport.responses[0].closed


async def test_the_status_counts_where_the_explanation_breaks_off() -> None:
    """A refused key stays a refused key, and is not tried again as a broken connection would be."""
    engine, clock, _ = engine_with(BAD_KEY.cut(after=0))
    with pytest.raises(AuthenticationFailed):
        await engine.generate(ask("openai/gpt-6-luna"))
    assert clock.slept == []


async def test_half_of_a_surrogate_pair_is_refused() -> None:
    """File names that are not UTF-8 look like this in Python."""
    engine, _, transport = engine_with()
    with pytest.raises(InvalidRequest, match="surrogate"):
        await engine.generate(ChatRequest(model="openai/gpt-6-luna", messages=(user("caf\udce9"),)))
    assert transport.requests == []


async def test_a_failure_told_by_a_web_page_is_told_by_its_title() -> None:
    """Proxies before a host answer in HTML; the status still says which error it is."""
    page = "<!DOCTYPE html>\n<head><title>502 Bad\n Gateway &amp; more</title></head>" + "<p>" * 5000
    engine, _, _ = engine_with(*[Script.text(page, 502, "text/html")] * 3)
    with pytest.raises(UpstreamError) as caught:
        await engine.generate(ask("openai/gpt-6-luna"))
    assert caught.value.message == "a web page came instead: 502 Bad Gateway & more"


async def test_what_a_provider_says_of_a_failure_is_bounded() -> None:
    """Some repeat the whole request."""
    error = Script.json({"error": {"message": "x" * 100_000, "type": "invalid_request_error"}}, status=400)
    engine, _, _ = engine_with(error)
    with pytest.raises(InvalidRequest) as caught:
        await engine.generate(ask("openai/gpt-6-luna"))
    assert len(caught.value.message) == 4_000


async def test_an_empty_answer_is_told_with_the_status_that_it_came_with() -> None:
    engine, _, _ = engine_with(*[Script.json({})] * 3)
    with pytest.raises(UpstreamError, match="status 200 and no explanation"):
        await engine.generate(ask("openai/gpt-6-luna"))


async def test_what_has_no_form_in_json_is_refused() -> None:
    """No error of the package that writes it leaves here."""
    engine, _, transport = engine_with()
    with pytest.raises(InvalidRequest, match="no form in JSON"):
        await engine.generate(
            ChatRequest(model="openai/gpt-6-luna", messages=(user("a"),), extra={"openai_chat": {"x": object()}})
        )
    assert transport.requests == []
