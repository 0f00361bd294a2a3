"""Who may use which models."""

from __future__ import annotations

import pytest

from interlingua.engine.principal import LOCAL, Principal


@pytest.mark.parametrize(
    ("patterns", "names", "allowed"),
    [
        (("*",), ("anything",), True),
        (("openai/*",), ("openai/gpt-6",), True),
        (("openai/*",), ("openai-evil/gpt-6",), False),
        (("groq/*",), ("fast", "groq/llama"), True),
        (("fast",), ("fast", "groq/llama"), True),
        (("fast",), ("FAST", "groq/llama"), False),
        (("gpt-6",), ("gpt-6-sol",), False),
        ((), ("gpt-6",), False),
        (("*",), (), True),
        (("a",), (), False),
    ],
)
def test_a_model_is_allowed_where_one_of_its_names_matches(
    patterns: tuple[str, ...], names: tuple[str, ...], allowed: bool
) -> None:
    """Whole names, case and all."""
    assert Principal(tenant="t", models=patterns).may_use(*names) is allowed


def test_without_keys_everybody_is_local_and_nobody_is_an_administrator() -> None:
    """Inference is open; settings are not."""
    assert (LOCAL.tenant, LOCAL.key, LOCAL.admin) == ("local", "", False)
    assert LOCAL.may_use("anything")
