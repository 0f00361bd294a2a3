"""A host that says by a date when to come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import call, gateway
from tests.gateway.upstreams import ENVIRONMENT, PAIRS, asks, config


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("client", "host"), PAIRS)
async def test_a_date_reaches_the_client_as_seconds(client: str, host: str, stream: bool, tmp_path: Path) -> None:
    """In every lane, whatever the two speak."""
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
    busy = Script(status=429, headers=(("retry-after", later),), chunks=(b'{"error":{"message":"slow down"}}',))
    async with gateway(tmp_path, ScriptedTransport(busy), ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", *asks(client, host, stream=stream))
    assert answer.status == 429
    assert 500 < int(answer.headers["retry-after"]) <= 600
