"""The window's bridge: commands that a page gives by name, each answered by the gateway's own paths.

A page may give them as `interlingua.invoke(command, arguments)` (`bridge.js`); the answer is a value, an error too:
`{"ok": true, "value": …}` or `{"ok": false, "error": {"code", "message", "remedy", …}}`. The table below is all there
is; whatever it does can be done over HTTP as well. A key goes in and never comes out.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import UNSET, Struct, UnsetType

from interlingua.errors import BY_CODE, ConnectionFailed, InterlinguaError, InvalidRequest, NotFound, UpstreamError
from interlingua.gateway.outgoing import problem
from interlingua.types.secret import Secret
from interlingua.wire.sse import SSEEvent, SSEParser

SECONDS = 660.0
"""Longer than any answer that the gateway waits for."""
_SCRIPT = Path(__file__).with_name("bridge.js")
Emit = Callable[[str, Any], None]


class Nothing(Struct, forbid_unknown_fields=True):
    """No arguments."""


class ProviderChoice(Struct, forbid_unknown_fields=True):
    """A provider, and what it is to be used with.

    Args:
        provider: its id or one of its short names.
        model: one of its models; its default where none is named.
        api_key: its key; what is kept is used without.
    """

    provider: str
    model: str = ""
    api_key: str = ""


class Configured(Struct, forbid_unknown_fields=True):
    """Arguments with a provider's configuration."""

    config: ProviderChoice


class Chat(Struct, forbid_unknown_fields=True):
    """A question.

    Args:
        messages: as in OpenAI's chat format.
        model: whom to ask; the active provider without.
        options: such as max_tokens and temperature, named as in OpenAI's chat format.
    """

    messages: list[dict[str, Any]]
    model: str = ""
    options: dict[str, Any] = {}


class Stream(Struct, forbid_unknown_fields=True):
    """A stream by the id that `stream_chat` gave."""

    id: str


class Key(Struct, forbid_unknown_fields=True):
    """One of a provider's keys."""

    provider: str
    profile: str = "default"


class NewKey(Struct, forbid_unknown_fields=True):
    """A key to keep."""

    provider: str
    api_key: str
    profile: str = "default"


class _Given(Struct, forbid_unknown_fields=True):
    id: int
    command: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class Command(NamedTuple):
    """A command: what it takes, and what it does."""

    kind: type[Struct]
    does: Callable[[Bridge, Any], Any]


class Bridge:
    """The commands, as one window gives them.

    Args:
        address: of the gateway.
        token: the administrator's.
        code: makes a code that signs a page in, once.
        emit: is given the events of streams: a name and a payload.
    """

    def __init__(self, address: str, token: Secret, code: Callable[[], str], emit: Emit) -> None:
        parts = urlsplit(address)
        assert parts.hostname is not None, "a gateway's address has a host"
        self._host, self._port = parts.hostname, parts.port
        self.code = code
        self._token = token
        self._emit = emit
        self._streams: dict[str, http.client.HTTPConnection] = {}

    def invoke(self, command: str, arguments: bytes = b"{}") -> dict[str, Any]:
        """Does a command; an error is a value too.

        Args:
            command: its name.
            arguments: a JSON object.
        """
        try:
            return {"ok": True, "value": self._do(command, arguments)}
        except InterlinguaError as error:
            return {"ok": False, "error": {**problem(error, error.request_id or ""), **_details(error)}}

    def take(self, text: bytes) -> tuple[int, dict[str, Any]]:
        """Does what a page sent; the page's number for it, and the answer. Raises InvalidRequest: it is no command."""
        try:
            given = msgspec.json.decode(text, type=_Given)
        except msgspec.DecodeError as error:
            raise InvalidRequest(f"this is no command: {error}") from error
        return given.id, self.invoke(given.command, bytes(given.arguments))

    def _do(self, command: str, arguments: bytes) -> Any:
        found = COMMANDS.get(command)
        if found is None:
            raise NotFound(
                f"there is no command {command[:60]!r}", what="command", remedy="Known are: " + ", ".join(COMMANDS)
            )
        try:
            given = msgspec.json.decode(arguments, type=found.kind)
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at `$")
            raise InvalidRequest(f"{command}: {message}", path=path.rstrip("`").removeprefix(".")) from error
        except msgspec.DecodeError as error:
            raise InvalidRequest(f"{command}: the arguments are not JSON: {error}") from error
        return found.does(self, given)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What one of the gateway's paths answers.

        Raises:
            InterlinguaError: what it refused with.
        """
        with contextlib.closing(self._connection()) as connection:
            return _read(self._sent(connection, method, path, body))

    def begin(self, path: str, body: Any) -> str:
        """Begins a stream; its id. What comes of it is told by events.

        Raises:
            InterlinguaError: it was refused before it began.
        """
        connection = self._connection()
        try:
            answer = self._sent(connection, "POST", path, body)
            if answer.status != 200:
                _read(answer)
        except BaseException:
            connection.close()
            raise
        id = secrets.token_hex(8)
        self._streams[id] = connection
        threading.Thread(
            target=self._relay, args=(id, connection, answer), name="interlingua stream", daemon=True
        ).start()
        return id

    def end(self, id: str) -> None:
        """Ends a stream, and with it the provider's. Raises NotFound."""
        connection = self._streams.pop(id, None)
        if connection is None:
            raise NotFound(f"no stream {id[:40]!r} is running", what="stream")
        if connection.sock is not None:
            with contextlib.suppress(OSError):  # it has just come to its end
                connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends all streams."""
        for id in list(self._streams):
            with contextlib.suppress(NotFound):
                self.end(id)

    def _relay(self, id: str, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> None:
        ended = False
        with contextlib.closing(connection):
            for event in _events(answer):
                told = _told(event)
                if told is not None:
                    kind, payload = told
                    ended = kind != "chat-stream"
                    self._emit(f"{kind}-{id}", payload)
        stopped = self._streams.pop(id, None) is None
        if not ended:
            gone = ConnectionFailed("the gateway broke the stream off")
            payload = {"content": None, "stopped": True} if stopped else {"error": problem(gone, "")}
            self._emit(f"chat-stream-{'complete' if stopped else 'error'}-{id}", payload)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host, self._port, timeout=SECONDS)

    def _sent(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Any
    ) -> http.client.HTTPResponse:
        headers = {"authorization": f"Bearer {self._token.reveal()}", "content-type": "application/json"}
        try:
            connection.request(method, path, None if body is None else msgspec.json.encode(body), headers)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionFailed("the gateway of this window does not answer", remedy="Open it again.") from error


def script(origin: str, send: str) -> str:
    """The page's side of the bridge.

    Args:
        origin: of our pages; in others it does nothing.
        send: a statement that sends `text` to where `take` is given it.
    """
    return _SCRIPT.read_text(encoding="ascii").replace("ORIGIN", json.dumps(origin)).replace("SEND", send)


def answered(id: int, result: Any) -> str:
    """The script that gives a page its answer; ASCII, as some toolkits need it."""
    return f"window.interlingua?.answered({id}, {json.dumps(result)})"


def happened(name: str, payload: Any) -> str:
    """The script that tells a page of an event."""
    return f"window.interlingua?.happened({json.dumps(name)}, {json.dumps(payload)})"


def _read(answer: http.client.HTTPResponse) -> Any:
    body = answer.read()
    if answer.status >= 400:
        raise _refusal(body)
    return msgspec.json.decode(body) if body else None


def _refusal(body: bytes) -> InterlinguaError:
    try:
        told = msgspec.json.decode(body)["error"]
        kind = BY_CODE.get(told["code"], UpstreamError)
        return kind(told["message"], remedy=told["remedy"], request_id=told["request_id"], retryable=told["retryable"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return UpstreamError("the gateway of this window answered nonsense")


def _details(error: InterlinguaError) -> dict[str, Any]:
    path = getattr(error, "path", "")
    return {"path": path} if path else {}


def _events(answer: http.client.HTTPResponse) -> Iterator[SSEEvent]:
    parser = SSEParser()
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError, AttributeError):  # it was ended
        while piece := answer.read1(65536):
            yield from parser.feed(piece)


def _told(event: SSEEvent) -> tuple[str, Any] | None:
    """What a page is told of one of the gateway's events."""
    value = msgspec.json.decode(event.data)
    if event.event == "part_delta":
        return ("chat-stream", {"delta": value["text"]}) if value.get("text") else None
    if event.event == "answer":
        return "chat-stream-complete", {"content": value["text"], **value}
    if event.event == "failed":
        return "chat-stream-error", {"error": value}
    return None


def _sign_in(bridge: Bridge, _: Nothing) -> Any:
    """For a page whose session came to its end while the window stayed open."""
    return {"code": bridge.code()}


def _providers(bridge: Bridge, _: Nothing) -> Any:
    return bridge.ask("GET", "/api/providers")["items"]


def _activate(bridge: Bridge, given: Configured) -> Any:
    config = given.config
    if config.api_key:
        _save(bridge, NewKey(config.provider, config.api_key))
    return bridge.ask("PUT", "/api/providers/active", {"provider": config.provider, "model": config.model})


def _test(bridge: Bridge, given: Configured) -> Any:
    config = given.config
    body: dict[str, Any] = {"secret": config.api_key} if config.api_key else {}
    if config.model:
        body["model"] = config.model
    return bridge.ask("POST", f"/api/providers/{_segment(config.provider)}/test", body)


def _question(given: Chat) -> dict[str, Any]:
    model: str | UnsetType = given.model or UNSET
    reserved = {"messages", "model", "stream"} & given.options.keys()
    if reserved:
        raise InvalidRequest(f"{min(reserved)} is no option", path=f"options.{min(reserved)}")
    return {"messages": given.messages, **given.options} | ({} if model is UNSET else {"model": model})


def _stream(bridge: Bridge, given: Chat) -> Any:
    return bridge.begin("/api/chat/stream", _question(given))


def _complete(bridge: Bridge, given: Chat) -> Any:
    return bridge.ask("POST", "/api/chat/complete", _question(given))


def _stop(bridge: Bridge, given: Stream) -> Any:
    bridge.end(given.id)


def _save(bridge: Bridge, given: NewKey) -> Any:
    return bridge.ask("PUT", _path(given), {"secret": given.api_key})


def _show(bridge: Bridge, given: Key) -> Any:
    return bridge.ask("GET", _path(given))


def _delete(bridge: Bridge, given: Key) -> Any:
    return bridge.ask("DELETE", _path(given))


def _saved(bridge: Bridge, _: Nothing) -> Any:
    kept = [item for item in bridge.ask("GET", "/api/credentials")["items"] if item["writable"]]
    return [
        {"provider": name, "has_api_key": True, "profiles": [one["profile"] for one in kept if one["provider"] == name]}
        for name in dict.fromkeys(item["provider"] for item in kept)
    ]


def _path(key: Key | NewKey) -> str:
    return f"/api/credentials/{_segment(key.provider)}/{_segment(key.profile)}"


def _segment(text: str) -> str:
    if not text or text in (".", ".."):
        raise InvalidRequest("this names nothing", path="provider")
    return quote(text, safe="")


COMMANDS: dict[str, Command] = {
    "list_providers": Command(Nothing, _providers),
    "set_active_provider": Command(Configured, _activate),
    "test_provider_connection": Command(Configured, _test),
    "stream_chat": Command(Chat, _stream),
    "stop_chat": Command(Stream, _stop),
    "complete_chat": Command(Chat, _complete),
    "save_api_key": Command(NewKey, _save),
    "get_api_key": Command(Key, _show),
    "delete_api_key": Command(Key, _delete),
    "list_saved_providers": Command(Nothing, _saved),
    "sign_in": Command(Nothing, _sign_in),
}
