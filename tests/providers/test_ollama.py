from __future__ import annotations

import pytest

from interlingua.providers.ollama import address
from interlingua.providers.provider import load_registry


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("localhost", "http://localhost:11434"),
        ("localhost:5000", "http://localhost:5000"),
        (":5000", "http://127.0.0.1:5000"),
        ("0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104  # the form for a server
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:5000", "http://[::1]:5000"),
        ("[::1]", "http://[::1]:11434"),
        ("http://box", "http://box"),
        ("https://box:8443/ollama/", "https://box:8443/ollama"),
        ("ollama.com", "https://ollama.com"),
    ],
)
def test_the_host_may_be_written_in_every_form_that_ollama_takes(written: str, meant: str) -> None:
    assert address(written, {}) == (meant, {})
    found = load_registry()["ollama"].with_environment({"OLLAMA_HOST": written})
    assert found.url("openai_chat", "/chat/completions") == f"{meant}/v1/chat/completions"
