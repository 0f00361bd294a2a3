"""Hosts for tests of routing: each answers as a rule says, by its name and the key that it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from interlingua.config.build import build_engine
from interlingua.config.schema import Config
from interlingua.engine.engine import Engine
from interlingua.engine.router import ModelAlias
from interlingua.ports.transport import HttpRequest
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.messages import user
from interlingua.types.request import ChatRequest
from tests.engine.clock import Clock

Rule = Callable[[HttpRequest], Script] | Script
WORDS = ("One ", "two ", "three.")


def answer(text: str = "hi", **more: Any) -> Script:
    """A whole answer."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    body = {"id": "c-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return Script.json(body, **more)


def stream(*words: str, headers: tuple[tuple[str, str], ...] = ()) -> Script:
    """A whole stream, the first event without content."""
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in words or WORDS)]
    chunks: list[Any] = [_chunk({"index": 0, "delta": delta, "finish_reason": None}) for delta in deltas]
    chunks.append(_chunk({"index": 0, "delta": {}, "finish_reason": "stop"}))
    usage = {"prompt_tokens": 9, "completion_tokens": len(words or WORDS), "total_tokens": 9 + len(words or WORDS)}
    return Script.sse(*chunks, {**_chunk(), "usage": usage}, "[DONE]", headers=headers)


def _chunk(*choices: Any) -> dict[str, Any]:
    return {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": list(choices)}


def failing(status: int, code: str = "", **headers: str) -> Script:
    """A refusal."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Script.json({"error": {"message": "no", "code": code or None, "type": code}}, status, named)


BAD_KEY = failing(401, "invalid_api_key")
NO_CREDIT = failing(402, "insufficient_quota")
FULL = failing(503, "overloaded_error")
BROKEN = failing(500)
LIMITED = failing(429, "rate_limit_exceeded", retry_after="30")
TOO_LONG = failing(400, "context_length_exceeded")


class Hosts:
    """Hosts a, b, c of openai_chat; each with keys KEY_A1, KEY_A2, …

    Args:
        rules: by host (`a`) or host and key (`a1`); what each answers.
        keys: how many keys each host has.
        more: of the configuration; `models` as lists of targets or aliases.
    """

    def __init__(self, rules: Mapping[str, Rule], keys: int = 1, **more: Any) -> None:
        self.rules = dict(rules)
        self.asked: list[str] = []
        self.clock = Clock()
        self.transport = ScriptedTransport(self._answer)
        names = sorted({name[0] for name in rules})
        providers = {
            name: {
                "base_url": f"https://{name}.example/v1",
                "dialect": "openai_chat",
                "api_keys": [f"env:KEY_{name.upper()}{i}" for i in range(1, keys + 1)],
            }
            for name in names
        }
        for name, table in more.pop("providers", {}).items():
            providers[name] = {**providers[name], **table}
        models = {
            name: to if isinstance(to, ModelAlias) else ModelAlias(targets=tuple(to))
            for name, to in more.pop("models", {"all": [f"{name}/m" for name in names]}).items()
        }
        self.config = Config(providers=providers, models=models, **more)
        self.environment = {
            f"KEY_{name.upper()}{i}": f"secret-of-{name}{i}" for name in names for i in range(1, keys + 1)
        }
        self.engine = self.build()

    def build(self) -> Engine:
        """An engine that knows nothing yet, as after a reload."""
        engine = build_engine(self.config, transport=self.transport, environment=self.environment)
        engine.clock = self.clock
        return engine

    def _answer(self, request: HttpRequest) -> Script:
        host = (urlsplit(request.url).hostname or "")[0]
        key = dict(request.headers).get("authorization", host).rpartition("-")[2]
        self.asked.append(key)
        rule = self.rules.get(key, self.rules.get(host))
        assert rule is not None, key
        return rule if isinstance(rule, Script) else rule(request)


def ask(model: str = "all", text: str = "hi") -> ChatRequest:
    """A plain question."""
    return ChatRequest(model=model, messages=(user(text),))


def in_turn(*scripts: Script) -> Callable[[HttpRequest], Script]:
    """A rule that answers each time with the next; the last one stays."""
    left = list(scripts)
    return lambda request: left.pop(0) if len(left) > 1 else left[0]
