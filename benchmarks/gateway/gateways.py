"""The gateways that are measured: how each is set up, started and asked.

All are given the same work: one key of a provider, one model of OpenAI chat and one of Anthropic Messages, whole
answers and streams. Logs of single requests and whatever else can be turned off to answer faster is off in the peers;
ours has keys, limits, ledger and metrics on, but in the rows that say otherwise.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.gateway.processes import GATEWAY_CORE, Running, free_port, running
from benchmarks.gateway.upstreams import nginx
from interlingua.config.schema import HttpSettings

HERE = Path(__file__).parent
PEERS = HERE.parent.parent / ".venv-peers"
KEY = "il-bench-0123456789abcdef0123456789abcdef"
PROVIDER_KEY = "sk-test-0123456789abcdef0123456789abcdef"
MASTER_KEY = "sk-master-0123456789abcdef0123456789abcdef"
START_SECONDS = 120.0


@dataclass(frozen=True)
class Door:
    """Where and how a gateway is asked one thing.

    Args:
        port, path, model: of the request.
        headers: beside the content type.
    """

    port: int
    path: str
    model: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Gateway:
    """A gateway that runs.

    Args:
        process: of it.
        doors: by `whole`, `stream`, `whole_translated`, `stream_translated`; what it cannot do is missing.
    """

    process: Running
    doors: dict[str, Door]


Starter = Callable[[Path, int, int], AbstractContextManager[Gateway]]
"""Given a folder and the ports of both upstreams."""

OURS = """
[server]
port = {port}
[telemetry]
log_level = "{log_level}"
metrics = {metrics}
[store]
path = "{folder}/il.db"
{http}
[providers.openai]
base_url = "http://127.0.0.1:{whole}/v1"
api_keys = ["env:BENCH_PROVIDER_KEY"]
[providers.flow]
base_url = "http://127.0.0.1:{streamed}/v1"
endpoints = {{ openai_chat = {{ native = true, quirk = "openai" }} }}
catalog = "openai"
api_keys = ["env:BENCH_PROVIDER_KEY"]
[providers.anthropic]
base_url = "http://127.0.0.1:{whole}"
api_keys = ["env:BENCH_PROVIDER_KEY"]
[providers.claude-flow]
base_url = "http://127.0.0.1:{streamed}"
endpoints = {{ anthropic_messages = {{ path = "/v1" }} }}
auth = "x-api-key"
catalog = "anthropic"
api_keys = ["env:BENCH_PROVIDER_KEY"]
"""
OUR_KEY = """
[[virtual_keys]]
name = "bench"
key = "env:BENCH_KEY"
rpm = 100000000
tpm = 10000000000
concurrency = 100000
"""
HTTP_CLIENTS = ("aiohttp", "pyreqwest") if "client" in HttpSettings.__struct_fields__ else ("aiohttp",)


@contextmanager
def ours(
    folder: Path, whole: int, streamed: int, *, client: str = "aiohttp", full: bool = True, log_level: str = "warning"
) -> Iterator[Gateway]:
    """`il serve`.

    Args:
        folder, whole, streamed: as for a `Starter`.
        client: of HTTP.
        full: whether keys, limits, ledger and metrics are on.
        log_level: at `info` a line is written of every call.
    """
    port = free_port()
    config = folder / "interlingua.toml"
    text = OURS.format(
        port=port,
        folder=folder,
        whole=whole,
        streamed=streamed,
        log_level=log_level,
        metrics="true" if full else "false",
        http=f'[http]\nclient = "{client}"' if len(HTTP_CLIENTS) > 1 else "",
    )
    config.write_text(text + OUR_KEY if full else text)
    environment = {"BENCH_KEY": KEY, "BENCH_PROVIDER_KEY": PROVIDER_KEY, "IL_KEYCHAIN": "off"}
    serve = [str(Path(sys.executable).with_name("il")), "--config", str(config), "serve"]
    if not full:
        serve = [sys.executable, str(HERE / "bare_worker.py"), str(config)]
    with running(serve, folder, name="ours", core=GATEWAY_CORE, environment=environment) as process:
        process.answers(f"http://127.0.0.1:{port}/healthz", START_SECONDS)
        headers = {"Authorization": f"Bearer {KEY}"}
        yield Gateway(
            process,
            {
                "whole": Door(port, "/v1/chat/completions", "openai/gpt-4.1", headers),
                "stream": Door(port, "/v1/chat/completions", "flow/gpt-4.1", headers),
                "whole_translated": Door(port, "/v1/chat/completions", "anthropic/claude-haiku-4-5", headers),
                "stream_translated": Door(port, "/v1/chat/completions", "claude-flow/claude-haiku-4-5", headers),
            },
        )


@contextmanager
def floor(folder: Path, whole: int, streamed: int, *, client: str) -> Iterator[Gateway]:
    """The server and one of the HTTP clients of ours, with nothing between."""
    port = free_port()
    command = [sys.executable, str(HERE / "floor_worker.py"), client, str(port), str(whole), str(streamed)]
    with running(command, folder, name="floor", core=GATEWAY_CORE) as process:
        process.listens(port, START_SECONDS)
        yield Gateway(process, {"whole": Door(port, "/whole", "gpt-4.1"), "stream": Door(port, "/stream", "gpt-4.1")})


@contextmanager
def nginx_proxy(folder: Path, whole: int, streamed: int) -> Iterator[Gateway]:
    """nginx as a plain proxy: what the machine can do."""
    ports = free_port(), free_port()
    blocks = ""
    for port, upstream in zip(ports, (whole, streamed), strict=True):
        blocks += (
            f"upstream up{upstream} {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 1000000000; }}\n"
            f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://up{upstream}; proxy_buffering off; "
            'proxy_http_version 1.1; proxy_set_header Connection ""; } }\n'
        )
    with running(nginx(folder, "proxy", blocks), folder, name="proxy", core=GATEWAY_CORE) as process:
        for port in ports:
            process.listens(port, START_SECONDS)
        yield Gateway(
            process,
            {
                "whole": Door(ports[0], "/v1/chat/completions", "gpt-4.1"),
                "stream": Door(ports[1], "/v1/chat/completions", "gpt-4.1"),
            },
        )


TENSORZERO = """
[models.{name}]
routing = ["up"]
[models.{name}.providers.up]
type = "{type}"
model_name = "{model}"
api_base = "http://127.0.0.1:{port}/v1/"
api_key_location = "env::BENCH_PROVIDER_KEY"
"""


@contextmanager
def tensorzero(folder: Path, whole: int, streamed: int) -> Iterator[Gateway]:
    """TensorZero's gateway in Rust, its observability off."""
    config = folder / "tensorzero.toml"
    models = {
        "whole": ("openai", "gpt-4.1", whole),
        "stream": ("openai", "gpt-4.1", streamed),
        "whole_translated": ("anthropic", "claude-haiku-4-5", whole),
        "stream_translated": ("anthropic", "claude-haiku-4-5", streamed),
    }
    text = '[gateway]\nbind_address = "127.0.0.1:0"\nobservability.enabled = false\n'
    for name, (type, model, port) in models.items():
        text += TENSORZERO.format(name=name, type=type, model=model, port=port)
    config.write_text(text)
    command = [str(PEERS / "bin" / "python"), str(HERE / "tensorzero_worker.py"), str(config)]
    environment = {"BENCH_PROVIDER_KEY": PROVIDER_KEY}
    with running(command, folder, name="tensorzero", core=GATEWAY_CORE, environment=environment) as process:
        port = int(process.says(r"address http://[\d.]+:(\d+)", START_SECONDS))
        yield Gateway(
            process,
            {name: Door(port, "/openai/v1/chat/completions", f"tensorzero::model_name::{name}") for name in models},
        )


@contextmanager
def portkey(folder: Path, whole: int, streamed: int) -> Iterator[Gateway]:
    """Portkey's gateway on Node."""
    port = free_port()
    server = PEERS / "node" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    command = ["node", str(server), f"--port={port}", "--headless"]
    trusted = {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost", "NODE_ENV": "production"}
    with running(command, folder, name="portkey", core=GATEWAY_CORE, environment=trusted) as process:
        process.listens(port, START_SECONDS)

        def door(upstream: int) -> Door:
            headers = {
                "Authorization": f"Bearer {PROVIDER_KEY}",
                "x-portkey-provider": "openai",
                "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1",
            }
            return Door(port, "/v1/chat/completions", "gpt-4.1", headers)

        yield Gateway(process, {"whole": door(whole), "stream": door(streamed)})


@contextmanager
def litellm(folder: Path, whole: int, streamed: int) -> Iterator[Gateway]:
    """LiteLLM's proxy, one worker, without a database; it does not start without a key of its own."""
    port = free_port()
    models = [
        ("whole", "openai/gpt-4.1", f"http://127.0.0.1:{whole}/v1"),
        ("stream", "openai/gpt-4.1", f"http://127.0.0.1:{streamed}/v1"),
        ("whole_translated", "anthropic/claude-haiku-4-5", f"http://127.0.0.1:{whole}"),
        ("stream_translated", "anthropic/claude-haiku-4-5", f"http://127.0.0.1:{streamed}"),
    ]
    config = folder / "litellm.json"  # JSON is YAML too
    listed = [
        {"model_name": name, "litellm_params": {"model": model, "api_base": base, "api_key": PROVIDER_KEY}}
        for name, model, base in models
    ]
    settings = {"telemetry": False, "set_verbose": False}
    config.write_text(json.dumps({"model_list": listed, "litellm_settings": settings}))
    command = [str(PEERS / "bin" / "litellm"), "--config", str(config), "--port", str(port), "--host", "127.0.0.1"]
    environment = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks the network
        "LITELLM_LOG": "ERROR",
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_MASTER_KEY": MASTER_KEY,
    }
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    with running(command, folder, name="litellm", core=GATEWAY_CORE, environment=environment) as process:
        process.listens(port, START_SECONDS)
        yield Gateway(process, {name: Door(port, "/v1/chat/completions", name, headers) for name, _, _ in models})


NGINX, TENSORZERO_NAME, PORTKEY, LITELLM = "nginx proxy", "TensorZero", "Portkey", "LiteLLM"
PEER_STARTERS: dict[str, Starter] = {
    NGINX: nginx_proxy,
    TENSORZERO_NAME: tensorzero,
    PORTKEY: portkey,
    LITELLM: litellm,
}


def our_name(client: str, kind: str = "") -> str:
    """How a row of ours is called."""
    return f"Interlingua, {client}{', ' + kind if kind else ''}"


def floor_name(client: str) -> str:
    """How the row of a client with nothing around it is called."""
    return f"uvicorn + {client}"


def versions() -> dict[str, str]:
    """What is measured, by name; without those that are not installed."""
    found = {}
    nginx_path = shutil.which("nginx", path=f"/usr/sbin:{os.environ.get('PATH', '')}")
    if nginx_path:
        said = subprocess.run([nginx_path, "-v"], capture_output=True, text=True, check=True).stderr
        found[NGINX] = said.rpartition("/")[2].split()[0]
    package = PEERS / "node" / "node_modules" / "@portkey-ai" / "gateway" / "package.json"
    if package.exists():
        found[PORTKEY] = json.loads(package.read_text())["version"]
    for name, distribution in ((TENSORZERO_NAME, "tensorzero"), (LITELLM, "litellm")):
        for path in PEERS.glob(f"lib/python*/site-packages/{distribution}-*.dist-info"):
            matched = re.search(r"-([^-]+)\.dist-info$", path.name)
            found[name] = matched[1] if matched else ""
    return found
