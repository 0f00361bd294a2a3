"""A real `il serve` on a port of its own, with a store of its own, before a scripted provider."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.e2e.browser.provider import Provider, provider

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--font-render-hinting=none",
]
ROOT = Path(__file__).resolve().parents[3]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"

_NOT_OURS = ("IL_", "OPENAI", "ANTHROPIC", "LIVEKIT")
"""What whoever runs the tests has set, and the gateway must not see."""
NEW = """
[server]
port = {port}

[store]
path = "{folder}/il.db"
"""
"""What somebody has who has just installed it: nothing of their own."""
_CONFIG = """
default_model = "lab/chat"

[server]
port = {port}

[store]
path = "{folder}/il.db"

# Whoever failed in another test is asked in the next one all the same.
[breaker]
failures = 1000000

[providers.lab]
base_url = "{address}"
dialect = "openai_chat"
default_model = "chat"

[providers.down]
base_url = "http://127.0.0.1:9/v1"
dialect = "openai_chat"

[models.quick]
targets = ["lab/fast", "lab/chat"]

[models.careful]
targets = ["lab/failing", "lab/chat"]

[models.held]
targets = ["lab/held"]

[models.thinker]
targets = ["lab/think"]

[models.weather]
targets = ["lab/tools"]

[models.novel]
targets = ["lab/long"]

[models.breaks]
targets = ["lab/broken"]

[models.caller]
targets = ["lab/caller"]

[gateway.tools]
allow = ["calculate", "time_now", "fetch_page"]

[tools.approval]
time_now = "ask"

[models.nowhere]
targets = ["down/model"]
"""


class Stand(Struct):
    """What a test is given.

    Args:
        address: of the gateway.
        folder: of its configuration, store and token.
        provider: the script behind it.
        token: the administrator's.
    """

    address: str
    folder: Path
    provider: Provider
    token: str

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Asks the gateway as its administrator, past the browser."""
        request = urllib.request.Request(
            self.address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self.token}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def answered(self, question: str, model: str = "lab/chat", **changes: Any) -> str:
        """The id of a conversation in which something was asked and answered."""
        made = self.api("POST", "/api/conversations", {"settings": {"model": model}, **changes})["id"]
        self.asked(made, question, model, None)
        return str(made)

    def asked(self, conversation: str, question: str, model: str, parent: str | None) -> str:
        """The id of an answer to a question that is put behind `parent`."""
        said = {"role": "user", "parent": parent, "parts": [{"type": "text", "text": question}]}
        message = self.api("POST", f"/api/conversations/{conversation}/messages", said)["id"]
        run = self.api("POST", "/api/runs", {"conversation": conversation, "parent": message, "model": model})["id"]
        watch = urllib.request.Request(
            f"{self.address}/api/runs/{run}/events", headers={"authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(watch) as events:
            events.read()
        return str(self.api("GET", f"/api/conversations/{conversation}")["active"])


@contextmanager
def stand(folder: Path, more: str = "", base: str = _CONFIG) -> Iterator[Stand]:
    """A gateway that runs for a while.

    Args:
        folder: for its configuration and state.
        more: of configuration.
        base: the rest of it.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    env |= {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_DATA_HOME": str(folder / "data")}
    env |= {"XDG_STATE_HOME": str(folder / "state"), "IL_KEYCHAIN": "off", "NO_PROXY": "127.0.0.1,localhost"}
    with provider() as lab:
        config = folder / "il.toml"
        config.write_text(base.format(port=0, folder=folder, address=lab.address) + more)
        il = Path(sys.executable).with_name("il")
        arguments = [str(il), "--config", str(config), "serve", "--port", "0", "--log-format", "json"]
        with (folder / "serve.log").open("w") as log:
            drain: subprocess.Popen[bytes] | None = None
            server = subprocess.Popen(arguments, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            try:
                address, token = _ready(server, log)
                # What it says later goes nowhere, but must be read, or it would wait for us.
                assert server.stderr is not None
                drain = subprocess.Popen(["/bin/cat"], stdin=server.stderr, stdout=log)
                yield Stand(address, folder, lab, token)
            finally:
                lab.release()
                server.terminate()
                server.wait(timeout=60)
                assert server.stderr is not None
                server.stderr.close()
                if drain is not None:
                    drain.wait(timeout=60)


def _ready(server: subprocess.Popen[str], log: Any) -> tuple[str, str]:
    assert server.stderr is not None
    said = []
    for line in server.stderr:
        said.append(line)
        log.write(line)
        found = re.search(r"serves at (\S+) ; the administrator's token lies in ([^\"]+)\"", line)
        if found:
            return found[1], Path(found[2]).read_text().strip()
    raise AssertionError(f"il serve ended before it was ready: {''.join(said)}")
