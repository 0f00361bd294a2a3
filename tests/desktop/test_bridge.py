"""The commands of the window's bridge, before a real gateway with a scripted provider."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interlingua.desktop import bridge
from interlingua.desktop.bridge import COMMANDS, Bridge
from interlingua.errors import InvalidRequest
from interlingua.types.secret import Secret
from tests.desktop.screens import SECONDS
from tests.e2e.browser.provider import MODELS
from tests.e2e.browser.stand import Stand, stand

KEY = "sk-a-canary-that-must-not-sing-4711"
QUESTION = {"messages": [{"role": "user", "content": "The capital, please"}], "model": "lab/chat"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with stand(tmp_path_factory.mktemp("bridge")) as found:
        yield found


class Page:
    """What a page sees of the bridge."""

    def __init__(self, gateway: Stand) -> None:
        self.events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.bridge = Bridge(
            gateway.address, Secret(gateway.token), lambda: "a code", lambda *event: self.events.put(event)
        )

    def value(self, command: str, **arguments: Any) -> Any:
        answer = self.bridge.invoke(command, json.dumps(arguments).encode())
        assert answer["ok"], answer
        return answer["value"]

    def error(self, command: str, **arguments: Any) -> dict[str, Any]:
        answer = self.bridge.invoke(command, json.dumps(arguments).encode())
        assert not answer["ok"], answer
        error: dict[str, Any] = answer["error"]
        assert error["message"]
        assert error["remedy"]
        return error


@pytest.fixture
def page(gateway: Stand) -> Page:
    return Page(gateway)


def test_the_table_holds_the_commands_that_were_promised() -> None:
    promised = {
        *("list_providers", "set_active_provider", "test_provider_connection", "stream_chat", "complete_chat"),
        *("save_api_key", "get_api_key", "delete_api_key", "list_saved_providers"),
    }
    assert promised <= COMMANDS.keys()
    assert COMMANDS.keys() - promised == {"stop_chat", "sign_in"}


def test_providers_are_listed_chosen_and_tried(page: Page, gateway: Stand) -> None:
    listed = {one["id"]: one for one in page.value("list_providers")}
    assert listed["lab"]["dialects"] == ["openai_chat"]
    tried = page.value("test_provider_connection", config={"provider": "lab"})
    assert (tried["state"], tried["models"]) == ("valid", len(MODELS))
    unreachable = page.value("test_provider_connection", config={"provider": "down", "api_key": KEY})
    assert unreachable["state"] == "unreachable"
    assert page.error("set_active_provider", config={"provider": "nobody"})["code"] == "not_found"
    # Here the configuration's file says who it is.
    fixed = page.error("set_active_provider", config={"provider": "lab", "model": "fast"})
    assert fixed["code"] == "conflict"
    assert gateway.api("GET", "/api/providers/active")["model"] == "chat"


def test_a_whole_answer_says_what_it_was_and_cost(page: Page) -> None:
    answer = page.value("complete_chat", **QUESTION, options={"max_tokens": 100, "temperature": 0.5})
    assert answer["text"].startswith("Paris")
    assert answer["model"] == "lab/chat"
    assert answer["usage"]["output_tokens"] == 18


def test_a_stream_comes_as_events_and_ends_with_the_whole(page: Page) -> None:
    id = page.value("stream_chat", **QUESTION)
    text = ""
    while (event := page.events.get(timeout=SECONDS))[0] == f"chat-stream-{id}":
        text += event[1]["delta"]
    assert event[0] == f"chat-stream-complete-{id}"
    assert event[1]["content"] == text
    assert text.startswith("Paris")


def test_a_stream_that_breaks_off_ends_with_a_typed_error(page: Page) -> None:
    id = page.value("stream_chat", **{**QUESTION, "model": "breaks", "messages": [{"role": "user", "content": "Long"}]})
    name, payload = page.events.get(timeout=SECONDS)
    while not name.startswith("chat-stream-error"):
        name, payload = page.events.get(timeout=SECONDS)
    assert name == f"chat-stream-error-{id}"
    assert payload["error"]["code"] == "stream_interrupted"


def test_a_stream_can_be_stopped_and_its_provider_with_it(page: Page, gateway: Stand) -> None:
    gateway.provider.hold()
    try:
        id = page.value("stream_chat", **{**QUESTION, "model": "held"})
        assert page.events.get(timeout=SECONDS)[0] == f"chat-stream-{id}"
        page.value("stop_chat", id=id)
        name, payload = page.events.get(timeout=SECONDS)
        while not name.startswith("chat-stream-complete"):
            name, payload = page.events.get(timeout=SECONDS)
        assert payload == {"content": None, "stopped": True}
        assert page.error("stop_chat", id=id)["code"] == "not_found"
    finally:
        gateway.provider.release()


def test_a_question_to_nobody_is_a_value_too(page: Page) -> None:
    error = page.error("complete_chat", **{**QUESTION, "model": "nowhere"})
    assert (error["code"], error["retryable"]) == ("connection_failed", True)
    assert page.error("stream_chat", **{**QUESTION, "model": "no/such"})["code"] == "model_not_found"
    assert page.error("complete_chat", **QUESTION, options={"stream": True})["path"] == "options.stream"


def test_a_key_is_kept_shown_masked_and_taken_away(page: Page, gateway: Stand) -> None:
    assert page.value("list_saved_providers") == []
    kept = page.value("save_api_key", provider="groq", api_key=KEY)
    assert kept["source"] == "credentials file"
    page.value("save_api_key", provider="groq", api_key=KEY, profile="team")
    shown = page.value("get_api_key", provider="groq")
    assert (shown["api_key"], shown["masked"], shown["source"]) == ("…4711", True, "credentials file")
    assert page.value("list_saved_providers") == [
        {"provider": "groq", "has_api_key": True, "profiles": ["default", "team"]}
    ]
    for profile in ("default", "team"):
        assert page.value("delete_api_key", provider="groq", profile=profile) is None
    assert page.error("get_api_key", provider="groq")["code"] == "not_found"
    assert page.error("delete_api_key", provider="groq")["code"] == "not_found"
    log = (gateway.folder / "serve.log").read_text()
    assert KEY not in json.dumps([kept, shown]) + log


@pytest.mark.parametrize(
    ("command", "arguments", "code", "path"),
    [
        ("format_disk", b"{}", "not_found", None),
        ("list_providers", b'{"all":true}', "invalid_request", None),
        ("save_api_key", b'{"provider":"groq"}', "invalid_request", None),
        ("save_api_key", b'{"provider":"groq","api_key":7}', "invalid_request", "api_key"),
        ("save_api_key", b'{"provider":"groq","api_key":"two\\nlines"}', "invalid_request", None),
        ("save_api_key", b'{"provider":"../..","api_key":"sk-12345678"}', "not_found", None),
        ("save_api_key", b'{"provider":"..","api_key":"sk-12345678"}', "invalid_request", "provider"),
        ("test_provider_connection", b'{"config":{"provider":"groq","url":"x"}}', "invalid_request", "config"),
        ("complete_chat", b"{", "invalid_request", None),
    ],
)
def test_bad_input_gets_an_error_that_names_the_field(
    command: str, arguments: bytes, code: str, path: str | None, page: Page
) -> None:
    answer = page.bridge.invoke(command, arguments)
    assert not answer["ok"]
    assert (answer["error"]["code"], answer["error"].get("path")) == (code, path), answer


def test_a_gateway_that_is_gone_is_told() -> None:
    gone = Bridge("http://127.0.0.1:9", Secret("a token that is none"), str, lambda *event: None)
    assert gone.invoke("list_providers")["error"]["code"] == "connection_failed"


def test_what_a_page_sends_is_answered_under_its_number(page: Page) -> None:
    assert page.bridge.take(b'{"id":7,"command":"sign_in"}') == (7, {"ok": True, "value": {"code": "a code"}})
    for text in (b"", b'{"id":"x","command":"sign_in"}', b'{"id":1,"command":"sign_in","more":1}'):
        with pytest.raises(InvalidRequest):
            page.bridge.take(text)


def test_scripts_for_pages_are_ascii_and_stand_for_the_value(tmp_path: Path) -> None:
    """GTK cuts others; and U+2028 would end a line of an old engine."""
    odd = {"text": "“é” \u2028 </script> \\ ' \""}
    for text in (
        bridge.answered(3, odd),
        bridge.happened("chat-stream-1", odd),
        bridge.script("http://x", "void text;"),
    ):
        assert text.isascii()
    inside = bridge.answered(3, odd).removeprefix("window.interlingua?.answered(3, ").removesuffix(")")
    assert json.loads(inside) == odd
