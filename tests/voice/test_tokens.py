"""Tokens, as LiveKit's own verifier reads them; and the paths on which they are given out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from livekit import api

from interlingua.cli.serve import MOUNTS, voice_token
from interlingua.config.schema import VoiceSettings
from interlingua.errors import ConfigError, InvalidRequest
from interlingua.gateway.auth import admin_token
from interlingua.gateway.build import token_path
from interlingua.voice.tokens import TokenRequest, mint
from tests.cli.runs import run
from tests.cli.serving import Gateway
from tests.gateway.asgi import call, gateway
from tests.gateway.test_workers import lines
from tests.voice.livekit_server import KEY, SECRET
from tests.voice.sessions import LAB

ENVIRONMENT = {"LIVEKIT_URL": "ws://127.0.0.1:7880", "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
WISHES = {"llm_model": "groq/fast", "task_agent_provider": "anthropic"}


def claims(token: str) -> Any:
    """What a token grants, its signature checked."""
    return api.TokenVerifier(KEY, SECRET).verify(token)


def test_a_token_joins_one_room_may_change_its_own_attributes_and_carries_the_wishes() -> None:
    """And brings the agent along."""
    made = mint(VoiceSettings(), TokenRequest(room="kitchen", identity="ann", **WISHES), ENVIRONMENT)
    found = claims(made.token)
    assert (made.room, made.identity, made.url) == ("kitchen", "ann", "ws://127.0.0.1:7880")
    assert (found.identity, found.video.room, found.video.room_join) == ("ann", "kitchen", True)
    assert found.video.can_update_own_metadata is True
    assert not (found.video.room_admin or found.video.room_create or found.video.room_list or found.video.agent)
    assert json.loads(found.metadata) == WISHES and found.attributes == WISHES
    assert [agent.agent_name for agent in found.room_config.agents] == ["interlingua"]
    assert SECRET not in repr(made)


def test_rooms_and_names_are_made_up_where_none_is_given() -> None:
    """And never the same twice."""
    first, second = (mint(VoiceSettings(), TokenRequest(), ENVIRONMENT) for _ in range(2))
    assert first.room != second.room and first.identity != second.identity


@pytest.mark.parametrize(
    "wanted", [TokenRequest(room="../x"), TokenRequest(identity="a b"), TokenRequest(llm_model="x" * 201)]
)
def test_what_is_no_name_is_refused(wanted: TokenRequest) -> None:
    """It names the field."""
    with pytest.raises(InvalidRequest) as caught:
        mint(VoiceSettings(), wanted, ENVIRONMENT)
    assert caught.value.path in ("room", "identity", "llm_model")


@pytest.mark.parametrize("missing", sorted(ENVIRONMENT))
def test_what_is_missing_is_named(missing: str) -> None:
    """With what to do about it."""
    with pytest.raises(ConfigError, match=missing if missing != "LIVEKIT_URL" else r"voice\.url"):
        mint(VoiceSettings(), TokenRequest(), {**ENVIRONMENT, missing: ""})


def test_a_key_in_the_configuration_itself_is_refused() -> None:
    """It says where it is, and never is it."""
    with pytest.raises(ConfigError) as caught:
        mint(VoiceSettings(api_secret=SECRET), TokenRequest(), ENVIRONMENT)
    assert SECRET not in str(caught.value)


async def test_the_gateway_gives_tokens_to_the_administrator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The route is mounted by `il serve`; a gateway without the mount says that it is not offered."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    async with gateway(tmp_path, None) as app:
        headers = {"authorization": f"Bearer {admin_token(token_path(app.state.config)).reveal()}"}
        assert (await call(app, "POST", "/api/voice/token", {}, headers=headers)).status == 400
        app.state.mounts = {("POST", "/api/voice/token"): voice_token}
        assert (await call(app, "POST", "/api/voice/token", {})).status == 401
        answer = await call(app, "POST", "/api/voice/token", {"room": "kitchen", **WISHES}, headers=headers)
        wrong = await call(app, "POST", "/api/voice/token", {"room": "kitchen", "api_key": "x"}, headers=headers)
    assert answer.status == 200
    assert claims(answer.json["token"]).video.room == "kitchen"
    assert wrong.status == 400


async def test_the_gateway_tells_the_administrator_what_may_be_chosen(tmp_path: Path) -> None:
    """Aliases and models by name, so that a page can list them."""
    voice = VoiceSettings(llm_model="lab/m", task_agent_provider="lab", llm_models=("far/*",))
    providers = {"lab": LAB, "far": LAB}
    async with gateway(tmp_path, None, voice=voice, providers=providers) as app:
        app.state.mounts = MOUNTS
        headers = {"authorization": f"Bearer {admin_token(token_path(app.state.config)).reveal()}"}
        assert (await call(app, "GET", "/api/voice")).status == 401
        told = (await call(app, "GET", "/api/voice", headers=headers)).json
    assert told["llm_models"] == ["lab/m", "far/m"]
    assert told["task_agents"] == [{"provider": "lab", "model": "m"}]


@pytest.mark.slow
def test_each_of_several_workers_gives_tokens(tmp_path: Path) -> None:
    """What answers is handed to other processes by its name."""
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "secret").write_text(SECRET)
    voice = (
        f'[voice]\nurl = "ws://127.0.0.1:7880"\n'
        f'api_key = "file:{tmp_path}/key"\napi_secret = "file:{tmp_path}/secret"\n'
    )
    running = Gateway(tmp_path, "--workers", "2", more=voice)
    try:
        admin = (tmp_path / "admin-token").read_text().strip()
        with lines(running) as both:
            rooms = {claims(line.ask("/api/voice/token", {}, admin)["token"]).video.room for line in both}
            features = [line.ask("/api/session", token=admin)["features"]["voice"] for line in both]
    finally:
        assert running.end() == 0
    assert len(rooms) == 2
    assert features == [True, True]


def test_the_command_prints_a_token(tmp_path: Path) -> None:
    """The token alone on standard output, so that it can be piped."""
    done = run("voice", "token", "--room", "kitchen", "-m", "groq/fast", env=ENVIRONMENT)
    assert done.exit_code == 0, done.stderr
    assert claims(done.stdout.strip()).attributes == {"llm_model": "groq/fast"}
    assert "join kitchen" in done.stderr


def test_without_a_server_the_command_says_what_to_do() -> None:
    """As everywhere: what, why, remedy."""
    done = run("voice", env={})
    assert done.exit_code == 78
    assert "voice.url" in done.stderr and "livekit-server --dev" in done.stderr
