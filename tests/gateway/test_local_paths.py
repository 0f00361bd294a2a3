"""Clients name local models and never files: the machine's paths are nobody's business."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlingua.config.schema import LocalSection
from tests.gateway.asgi import call, gateway
from tests.gateway.upstreams import config

ASK = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("there", [True, False])
async def test_a_path_is_no_model_whether_there_is_a_file_or_not(there: bool, tmp_path: Path) -> None:
    """The answers are the same, so nobody can feel his way through the disk."""
    file = tmp_path / "elsewhere" / "secret.gguf"
    file.parent.mkdir()
    if there:
        file.write_bytes(b"not a model")
    (tmp_path / "models").mkdir()
    local = LocalSection(folder=str(tmp_path / "models"))
    async with gateway(tmp_path, None, **config(local=local)) as app:
        answer = await call(app, "POST", "/v1/chat/completions", {"model": f"local/{file}", "messages": ASK})
    assert 400 <= answer.status < 600
    assert "no local model called" in answer.json["error"]["message"]
    assert str(tmp_path / "models") not in answer.body.decode()


async def test_an_error_of_a_damaged_model_does_not_say_where_it_lies(tmp_path: Path) -> None:
    """Its name is enough."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "broken.gguf").write_bytes(b"not a model")
    async with gateway(tmp_path, None, **config(local=LocalSection(folder=str(folder)))) as app:
        answer = await call(app, "POST", "/v1/chat/completions", {"model": "local/broken", "messages": ASK})
    assert "broken cannot be loaded: it is no GGUF file" in answer.json["error"]["message"]
    assert str(tmp_path) not in answer.body.decode()
