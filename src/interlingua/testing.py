"""What a package that brings hosts of its own can test them with: the contract that every row keeps.

    from interlingua.testing import ProviderContract

    class TestAcme(ProviderContract):
        rows = acme_interlingua.ROWS

pytest finds its tests. Nothing is sent: answers are made by the dialects themselves, and come from a script.
"""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from interlingua.client.client import AsyncClient
from interlingua.config.schema import Config
from interlingua.dialects.registry import DIALECTS, dialect
from interlingua.engine.settings import RetrySettings
from interlingua.errors import AuthenticationFailed, InterlinguaError, RateLimited
from interlingua.ports.context import TranslationContext
from interlingua.providers.plugins import parse_rows
from interlingua.providers.provider import Provider
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.accumulate import unfold
from interlingua.types.messages import assistant
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.tools import FunctionTool
from interlingua.types.usage import Usage

SECRET = "contract-test-secret-0123456789"  # noqa: S105 - it opens nothing
MODEL = "contract-model"
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_TOOL = FunctionTool(name="look", description="Look.", parameters={"type": "object", "properties": {}})
_ANSWER = ChatResponse(
    id="1",
    model=MODEL,
    choices=(Choice(message=assistant("Hello."), finish=FinishReason("stop", "stop")),),
    usage=Usage(input_tokens=3, output_tokens=2),
)


class ProviderContract:
    """Tests of rows; make a subclass of it that names them.

    Attributes:
        rows: what the entry point `interlingua.providers` gives: tables by id.
        settings: values of the rows' placeholders, by id, such as a region.
        models: the model that is asked, by id; any name by default.
    """

    rows: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    settings: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    models: ClassVar[Mapping[str, str]] = {}

    def test_rows_are_hosts_that_are_not_known_yet(self) -> None:
        """Every key is one of a row's, every dialect one that is spoken here."""
        assert self._providers(), "name the rows: rows = ..."
        for provider in self._providers().values():
            assert provider.title, f"{provider.id}: has no title for people"
            assert set(provider.dialects) <= set(DIALECTS), f"{provider.id}: speaks what nobody here does"

    def test_addresses_are_safe(self) -> None:
        """Encrypted but for this machine, and without anything that a log should not hold."""
        for provider, spoken in self._spoken():
            url = provider.url(spoken, "/x", self._model(provider))
            local = re.match(r"http://(127\.|localhost|\[::1\])", url)
            assert url.startswith("https://") or local, f"{provider.id}: {url} is not encrypted"

    def test_credentials_have_names_and_travel_in_headers_only(self) -> None:
        """Never in an address or a body."""
        for provider, spoken in self._spoken():
            assert all(_NAME.fullmatch(name) for name in provider.env), f"{provider.id}: env holds no variable's name"
            if not provider.needs_credential:
                continue
            transport = self._asked(provider, spoken, stream=False)[0]
            (request,) = transport.requests
            assert SECRET not in request.url, f"{provider.id}: the key is in the address"
            assert SECRET.encode() not in request.body, f"{provider.id}: the key is in the body"
            held = [name for name, value in request.headers if SECRET in value]
            assert len(held) == 1, f"{provider.id}: the key is in {held or 'no header'}"

    def test_questions_are_answered_in_every_dialect(self) -> None:
        """Whole and streamed, with a tool in the request."""
        for provider, spoken in self._spoken():
            for stream in (False, True):
                transport, text = self._asked(provider, spoken, stream=stream)
                assert text == "Hello.", f"{provider.id}, {spoken}, stream={stream}: {text!r}"
                expected = provider.url(spoken, "", self._model(provider)).partition("?")[0]
                assert transport.requests[0].url.startswith(expected), (
                    f"{provider.id}: asked {transport.requests[0].url}"
                )

    def test_failures_are_told_apart_and_hold_no_secret(self) -> None:
        """A refused key and a rate limit mean the same for every host."""
        for provider, spoken in self._spoken():
            for status, kind in ((401, AuthenticationFailed), (429, RateLimited)):
                body = {"error": {"message": f"no: {SECRET}", "type": "error", "code": status}}
                script = Script.json(body, status=status, headers=(("retry-after", "7"),))
                error = self._failure(provider, spoken, script)
                assert isinstance(error, kind), f"{provider.id}, {spoken}: {status} is {error!r}"
                assert SECRET not in str(error), f"{provider.id}: the error shows the key"

    def test_quirks_are_pure_functions(self) -> None:
        """The same comes of the same, and what is given is left as it is."""
        for provider, spoken in self._spoken():
            quirk = provider.quirk_value(spoken)
            for adapt in (quirk.request, quirk.response, quirk.chunk, quirk.error):
                if adapt is not None:
                    given: dict[str, Any] = {"model": self._model(provider), "messages": [], "choices": []}
                    before = copy.deepcopy(given)
                    assert adapt(given) == adapt(copy.deepcopy(before)), f"{provider.id}: its quirk is not pure"
                    assert given == before, f"{provider.id}: its quirk changes what it is given"

    def _providers(self) -> dict[str, Provider]:
        found = parse_rows(self.rows, type(self).__name__)
        return {id: one.with_settings(dict(self.settings.get(id, {}))) for id, one in found.items()}

    def _spoken(self) -> list[tuple[Provider, str]]:
        return [(provider, spoken) for provider in self._providers().values() for spoken in provider.dialects]

    def _model(self, provider: Provider) -> str:
        return self.models.get(provider.id, provider.default_model or MODEL)

    def _client(self, provider: Provider, spoken: str, transport: ScriptedTransport) -> AsyncClient:
        client = AsyncClient(
            config=Config(retry=RetrySettings(attempts=1)), api_keys={provider.id: SECRET}, transport=transport
        )
        endpoint = {spoken: provider.endpoints[spoken]}
        only = msgspec.structs.replace(provider, endpoints=endpoint, deployments={})
        client.engine.providers = {provider.id: only}
        return client

    def _asked(self, provider: Provider, spoken: str, *, stream: bool) -> tuple[ScriptedTransport, str]:
        transport = ScriptedTransport(_script(spoken, stream=stream))
        client = self._client(provider, spoken, transport)
        name = f"{provider.id}/{self._model(provider)}"

        async def ask() -> str:
            if stream:
                return (await client.stream("Hello?", model=name, tools=(_TOOL,)).read()).text
            return (await client.generate("Hello?", model=name, tools=(_TOOL,))).text

        return transport, asyncio.run(ask())

    def _failure(self, provider: Provider, spoken: str, script: Script) -> InterlinguaError | None:
        client = self._client(provider, spoken, ScriptedTransport(script))
        try:
            asyncio.run(client.generate("Hello?", model=f"{provider.id}/{self._model(provider)}"))
        except InterlinguaError as error:
            return error
        return None


def _script(spoken: str, *, stream: bool) -> Script:
    """The answer as a server of that dialect would send it."""
    module, context = dialect(spoken), TranslationContext(dialect=spoken, model=MODEL, seed="contract")
    if not stream:
        answer = module.render_response(_ANSWER, context)
        return Script(status=200, headers=(("content-type", "application/json"),), chunks=(answer.body,))
    request = ChatRequest(model=MODEL, stream=True, include_usage=True)
    renderer = module.StreamRenderer(context, request)
    chunks = [*(renderer.render(event) for event in unfold(_ANSWER)), renderer.close()]
    kind = (("content-type", module.STREAM_CONTENT_TYPE),)
    return Script(status=200, headers=kind, chunks=tuple(chunk for chunk in chunks if chunk))
