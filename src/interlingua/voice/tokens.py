"""Tokens that let somebody join a room with the agent, and carry who shall talk and work.

A token names one room and one person, lets them change their own attributes in mid-call (that is how models are
changed), and nothing else. LiveKit's secret signs it and never leaves.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import msgspec
from livekit import api

from interlingua.config.schema import VoiceSettings
from interlingua.errors import ConfigError, InvalidRequest
from interlingua.types.secret import Secret
from interlingua.voice.choices import LONGEST, NAMES

ENVIRONMENT, FILE = "env:", "file:"
_ROOM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody asks for.

    Args:
        room: which room; a new one otherwise.
        identity: who joins; a new one otherwise.
        llm_model, task_agent_provider, task_agent_model: wishes, on which the agent decides.
    """

    room: str = ""
    identity: str = ""
    llm_model: str = ""
    task_agent_provider: str = ""
    task_agent_model: str = ""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What they get: everything that a client of LiveKit's needs to join."""

    url: str
    token: str
    room: str
    identity: str
    expires_in: int


class Server(msgspec.Struct, frozen=True):
    """The LiveKit server, and how we prove to it who we are."""

    url: str
    api_key: Secret
    api_secret: Secret


def server(settings: VoiceSettings, environment: Mapping[str, str] | None = None) -> Server:
    """The LiveKit server that a configuration names.

    Raises:
        ConfigError: it names none, or key and secret are not where it says.
    """
    environment = os.environ if environment is None else environment
    url = settings.address(environment)
    if not url:
        raise ConfigError(
            "voice.url: no LiveKit server is named",
            remedy="Run `livekit-server --dev` and set LIVEKIT_URL=ws://127.0.0.1:7880, or use one of LiveKit Cloud.",
        )
    if not url.startswith(("ws://", "wss://")):
        raise ConfigError(f"voice.url: {url!r} is no LiveKit address", remedy="It begins with ws:// or wss://.")
    return Server(
        url,
        _secret("api_key", settings.api_key, environment),
        _secret("api_secret", settings.api_secret, environment),
    )


def _secret(key: str, reference: str, environment: Mapping[str, str]) -> Secret:
    where = f"voice.{key}"
    if reference.startswith(ENVIRONMENT):
        name = reference.removeprefix(ENVIRONMENT)
        text = environment.get(name, "").strip()
        if not text:
            raise ConfigError(f"{where}: {name} is not set", remedy=f"export {name}=… as your LiveKit server has it.")
        return Secret(text)
    if reference.startswith(FILE):
        path = Path(reference.removeprefix(FILE)).expanduser()
        try:
            return Secret(path.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{where}: {path} cannot be read", remedy="Correct the path or its rights.") from error
    raise ConfigError(
        f"{where} must name where it is, and must not hold it itself", remedy='Write "env:NAME" or "file:/path".'
    )


def mint(settings: VoiceSettings, wanted: TokenRequest, environment: Mapping[str, str] | None = None) -> Token:
    """A token.

    Args:
        settings: the server, how long a token lives, what the agent is called.
        wanted: what was asked for.
        environment: names and values; the process environment by default.

    Raises:
        ConfigError: as `server`.
        InvalidRequest: a room, identity or wish is not one.
    """
    at = server(settings, environment)
    room = _named("room", wanted.room)
    identity = _named("identity", wanted.identity)
    wishes = {name: value for name in NAMES if (value := getattr(wanted, name))}
    for name, value in wishes.items():
        if len(value) > LONGEST or not value.isprintable():
            raise InvalidRequest(f"{name}: is no name", path=name, remedy=f"At most {LONGEST} printable letters.")
    token = (
        api.AccessToken(at.api_key.reveal(), at.api_secret.reveal())
        .with_identity(identity)
        .with_ttl(timedelta(seconds=settings.token_lifetime))
        .with_grants(api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True))
        .with_metadata(msgspec.json.encode(wishes).decode())
        .with_attributes(wishes)
    )
    if settings.agent_name:
        dispatch = api.RoomAgentDispatch(agent_name=settings.agent_name)
        token = token.with_room_config(api.RoomConfiguration(agents=[dispatch]))
    return Token(url=at.url, token=token.to_jwt(), room=room, identity=identity, expires_in=settings.token_lifetime)


def answer(settings: VoiceSettings, body: bytes) -> bytes:
    """`POST /api/voice/token`: JSON in, JSON out.

    Args:
        settings: those in force.
        body: a `TokenRequest`; empty asks for a new room.

    Raises:
        InvalidRequest: the body is not one.
        ConfigError: as `mint`.
    """
    try:
        wanted = msgspec.json.decode(body or b"{}", type=TokenRequest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"the body is not a request for a token: {error}") from error
    return msgspec.json.encode(mint(settings, wanted))


def _named(what: str, name: str) -> str:
    if not name:
        return f"{'voice' if what == 'room' else 'caller'}-{secrets.token_hex(6)}"
    if not _ROOM.fullmatch(name):
        raise InvalidRequest(
            f"{what}: {name[:80]!r} cannot be one",
            path=what,
            remedy="Use 1 to 64 letters, digits and . _ -, beginning with a letter or digit.",
        )
    return name
