"""How each coding agent is told where to go and what to do, and nothing else of the world.

No agent reaches the network: their updates, telemetry and catalogs are switched off, and every address but the
loopback leads to a proxy that is not there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

INSTALLED = Path(__file__).parents[2] / ".agents" / "node_modules"
"""Where the packages of package.json lie (`tests/agents/__main__.py` installs them)."""
PROMPT = "Which word is in the file word.txt?"
NOWHERE = "http://127.0.0.1:9"


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A coding agent.

    Args:
        name: as people call it.
        package: its folder among the packages.
        command: its program.
        environment: what it is told by variables, of (gateway's address, model).
        files: what it is told by files in its home, of the same.
        arguments: of its command line, of the model.
        model: what it takes its model for; of one that it knows, its requests are others.
    """

    name: str
    package: str
    command: str
    environment: Callable[[str, str], Mapping[str, str]]
    files: Callable[[str, str], Mapping[str, str]] = lambda url, model: {}
    arguments: Callable[[str], tuple[str, ...]]
    model: str = "m-1"

    @property
    def title(self) -> str:
        """Its name and version, for people."""
        known = "" if self.model == "m-1" else f" as {self.model}"
        return f"{self.name} {self.version}{known}" if self.program.exists() else f"{self.name}{known}"

    @property
    def program(self) -> Path:
        """Its file."""
        return INSTALLED / ".bin" / self.command

    @property
    def version(self) -> str:
        """Of the package."""
        text = (INSTALLED / self.package / "package.json").read_bytes()
        return str(msgspec.json.decode(text)["version"])

    def surroundings(self, home: Path, url: str, model: str) -> dict[str, str]:
        """Its whole environment; writes its files."""
        for name, text in self.files(url, model).items():
            file = home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE)
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "HOME": str(home),
            "TMPDIR": str(home),
            **proxies,
            **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
            **self.environment(url, model),
        }


def _claude(url: str, model: str) -> dict[str, str]:
    return {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_AUTH_TOKEN": "any-word",
        "ANTHROPIC_MODEL": model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
    }


def _codex_config(url: str, model: str) -> dict[str, str]:
    return {
        ".codex/config.toml": f"""\
model = "{model}"
model_provider = "interlingua"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.interlingua]
name = "Interlingua"
base_url = "{url}/v1"
env_key = "IL_KEY"
wire_api = "responses"
"""
    }


def _opencode_config(url: str, model: str) -> dict[str, str]:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Interlingua",
        "options": {"baseURL": f"{url}/v1", "apiKey": "{env:IL_KEY}"},
        "models": {model: {}},
    }
    config = {"autoupdate": False, "share": "disabled", "provider": {"interlingua": provider}}
    return {".config/opencode/opencode.json": msgspec.json.encode(config).decode()}


_QUIET = ("OPENCODE_DISABLE_AUTOUPDATE", "OPENCODE_DISABLE_MODELS_FETCH", "OPENCODE_DISABLE_DEFAULT_PLUGINS")

_CODEX = Agent(
    name="Codex CLI",
    package="@openai/codex",
    command="codex",
    environment=lambda url, model: {"IL_KEY": "any-word"},
    files=_codex_config,
    arguments=lambda model: ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", PROMPT),
)
AGENTS = (
    Agent(
        name="Claude Code",
        package="@anthropic-ai/claude-code",
        command="claude",
        environment=_claude,
        arguments=lambda model: ("-p", PROMPT, "--allowedTools", "Bash", "--output-format", "text"),
    ),
    _CODEX,
    msgspec.structs.replace(_CODEX, model="gpt-6.1-sol"),  # its tools are one script, and stand among the items
    Agent(
        name="opencode",
        package="opencode-ai",
        command="opencode",
        environment=lambda url, model: {"IL_KEY": "any-word", **dict.fromkeys(_QUIET, "1")},
        files=_opencode_config,
        arguments=lambda model: ("run", "-m", f"interlingua/{model}", PROMPT),
    ),
)
