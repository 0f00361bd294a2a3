"""What recorded model lists prove beyond the report: the limits that hosts tell under names of their own."""

from __future__ import annotations

import pytest

from interlingua.dialects import registry
from interlingua.ports.context import TranslationContext
from tests.replay.coverage import Covered, covers
from tests.replay.traffic import folder, recorded, response_of


@pytest.mark.parametrize(
    ("name", "host", "limits"),
    [
        ("openai_chat", "openrouter", (400000, 128000)),
        ("openai_chat", "groq", (448, 448)),
        ("openai_chat", "mistral", (131072, None)),
        ("openai_chat", "venice", (1000000, 65536)),
        ("openai_chat", "llamacpp", (4096, None)),
        ("openai_chat", "deepseek", (None, None)),
        ("gemini", "google", (480, 8192)),
    ],
)
def test_the_limits_of_a_hosts_first_model_are_found(
    name: str, host: str, limits: tuple[int | None, int | None]
) -> None:
    module = registry.models(name)
    assert module is not None
    lists = (
        response_of(exchange)
        for exchange in recorded(folder())
        if exchange["provider"] == host
        and exchange["response"]["status"] == 200
        and covers(exchange) == Covered(name, "models")
    )
    first = module.parse_models_response(next(lists), TranslationContext(dialect=name)).models[0]
    assert (first.context, first.max_output) == limits
