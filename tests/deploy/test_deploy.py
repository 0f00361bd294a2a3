"""What lies in `deploy/` holds what the guide promises of it, as far as it can be tried without a cluster."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from interlingua.config.load import load_config
from interlingua.config.schema import Config
from tests.gateway.test_sockets import body_of, listening
from tests.gateway.upstreams import read, script, text_of
from tests.services import free_port
from tests.transport.servers import Exchange

DEPLOY = Path(__file__).parents[2] / "deploy"
HOST = "openai_chat"


def compose() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_the_configuration_of_both_gateways_can_be_used_and_shares_all_that_can_be_shared() -> None:
    """Its secrets are the environment's."""
    config = load_config(DEPLOY / "interlingua.toml", environment={})
    assert (config.store.url, config.shared.url) == ("env:DATABASE_URL", "env:REDIS_URL")
    assert [key.key for key in config.virtual_keys] == ["env:GATEWAY_KEY"]
    assert config.server.host == "0.0.0.0"  # noqa: S104 - with keys


def test_the_compose_file_holds_two_gateways_that_share_all_and_end_in_good_order() -> None:
    """Nobody is reached from outside but nginx; whoever others wait for says when it is ready."""
    file = compose()
    services = file["services"]
    assert set(services) == {"gateway-1", "gateway-2", "nginx", "postgres", "valkey"}
    drain = Config().server.drain
    for name in ("gateway-1", "gateway-2"):
        one = services[name]
        assert seconds(one["stop_grace_period"]) > drain + 5
        assert "/readyz" in one["healthcheck"]["test"][-1]
        assert {"DATABASE_URL", "REDIS_URL", "GATEWAY_KEY"} <= set(one["environment"])
        assert one["read_only"]
        assert one["cap_drop"] == ["ALL"]
        assert "./interlingua.toml:/etc/interlingua/interlingua.toml:ro" in one["volumes"]
        assert "ports" not in one
    assert services["gateway-1"]["environment"] == services["gateway-2"]["environment"]
    assert [name for name, one in services.items() if "ports" in one] == ["nginx"]
    assert services["nginx"]["ports"] == ["${LISTEN:-127.0.0.1:8100}:8080"]
    assert file["networks"]["inside"]["internal"]
    assert all(services[name]["networks"] == ["inside"] for name in ("postgres", "valkey"))
    for name, one in services.items():
        waits = one.get("depends_on", {})
        assert all(how["condition"] == "service_healthy" for how in waits.values()), name
        assert all("healthcheck" in services[other] for other in waits)
    # A volume or a file that is mounted is there.
    for one in services.values():
        for mount in one.get("volumes", ()):
            source = mount.partition(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in file["volumes"]
    assert (DEPLOY / services["gateway-1"]["build"]["context"] / services["gateway-1"]["build"]["dockerfile"]).exists()


def test_the_image_is_built_from_all_that_a_build_reads() -> None:
    """The ignore file leaves in what the project's own file names."""
    root = DEPLOY.parent
    left_in = {line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    project = tomllib.loads((root / "pyproject.toml").read_text())
    build = project["tool"]["hatch"]["build"]
    read = [project["project"]["readme"], *project["project"]["license-files"], *build["targets"]["wheel"]["packages"]]
    read += [hook["path"] for hook in build.get("hooks", {}).values()]
    assert {name.partition("/")[0] for name in read} | {"constraints.txt", "pyproject.toml"} <= left_in


def test_the_unit_is_valid_and_gives_running_calls_their_time(tmp_path: Path) -> None:
    """As systemd itself reads it."""
    text = (DEPLOY / "interlingua.service").read_text()
    told = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    assert int(told["TimeoutStopSec"]) >= Config().server.drain + 5 + 10
    assert (told["KillSignal"], told["KillMode"]) == ("SIGTERM", "mixed")
    assert told["RestartPreventExitStatus"] == "78"
    assert told["ExecStartPost"].endswith("/readyz")
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    names = ("interlingua.service", "interlingua-probe.service", "interlingua-probe.timer")
    for name in names:
        # The programs are where the guide puts them; here stands another in their place.
        content = (DEPLOY / name).read_text().replace("/opt/interlingua/bin/il", "/bin/true")
        (tmp_path / name).write_text(content.replace("/usr/bin/curl", "/bin/true"))
    command = ["systemd-analyze", "verify", *(str(tmp_path / name) for name in names)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "interlingua" in line]
    assert (done.returncode, ours) == (0, [])


@contextlib.contextmanager
def nginx(folder: Path, ports: tuple[int, int]) -> Iterator[int]:
    """The real one with our file; where it listens."""
    port = free_port()
    text = (DEPLOY / "nginx.conf").read_text().replace("listen 8080", f"listen 127.0.0.1:{port}")
    for number, behind in enumerate(ports, 1):
        assert f"gateway-{number}:8100" in text
        text = text.replace(f"gateway-{number}:8100", f"127.0.0.1:{behind}")
    file = folder / "nginx.conf"
    file.write_text(
        text.replace("/tmp/", f"{folder}/").replace("worker_processes auto", "worker_processes 1")  # noqa: S108
    )
    folder.chmod(0o755)
    command = ["nginx", "-p", str(folder), "-c", str(file), "-g", "daemon off; user root;"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=60)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    for _ in range(500):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
            break
        except ConnectionRefusedError:
            await asyncio.sleep(0.02)
    try:
        yield reader, writer
    finally:
        writer.close()


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
async def test_behind_nginx_streams_come_piece_by_piece_and_a_gateway_that_ends_loses_no_call(tmp_path: Path) -> None:
    """Real sockets all the way."""
    go_on = asyncio.Event()

    async def slowly(exchange: Exchange) -> None:
        await exchange.begin_chunks("content-type: text/event-stream\r\n")
        for piece in script(HOST).chunks:
            await exchange.chunk(piece)
            if b"One" in piece:
                await go_on.wait()
        await exchange.send(b"0\r\n\r\n")

    body = b'{"model":"the-openai-chat/m-1","stream":true,"messages":[{"role":"user","content":"Count to three."}]}'
    asked = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    async with AsyncExitStack() as first, AsyncExitStack() as other:
        folders = tmp_path / "a", tmp_path / "b"
        for folder in folders:
            folder.mkdir()
        one = await first.enter_async_context(listening(folders[0], HOST, slowly))
        two = await other.enter_async_context(listening(folders[1], HOST, slowly))
        with nginx(tmp_path, (one.port, two.port)) as port:
            async with connected(port) as (reader, writer):
                writer.write(asked)
                seen = await reader.readuntil(b"One")  # though the rest has not been said
                go_on.set()
                seen += await reader.readuntil(b"0\r\n\r\n")
                assert b"HTTP/1.1 200" in seen
                assert b"three." in seen
            await first.aclose()
            for _ in range(6):
                async with connected(port) as (reader, writer):
                    writer.write(asked)
                    head, told = await body_of(reader)
                    assert head.startswith("HTTP/1.1 200")
                    assert text_of(read(HOST, told)) == "Onetwothree."
            async with connected(port) as (reader, writer):
                writer.write(b"GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
                assert b" 404 " in await reader.readline()
        assert len(two.upstream.exchanges) >= 6
