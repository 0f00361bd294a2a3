"""The program as a whole: its options, its help, and how it fails."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from interlingua import __version__
from interlingua.cli.main import COMMANDS
from interlingua.errors import BY_CODE
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.cli.runs import process, run

HEAVY = "{'msgspec', 'aiohttp', 'asyncio', 'ssl', 'xllamacpp', 'json', 'interlingua.client.client'}"


def test_the_version_needs_click_and_nothing_of_weight() -> None:
    """Contracts §7: within 150 ms of a bare interpreter, because hardly anything is imported."""
    code = f"import sys, interlingua.cli.main; print(sorted({HEAVY} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert run("--version").stdout == f"Interlingua {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_fits_sixty_columns(name: str) -> None:
    """`-h` and `--help` are the same, on every command."""
    told = run(name, "-h")
    assert told.exit_code == 0
    assert told.stdout == run(name, "--help").stdout
    assert f"Usage: il {name}" in told.stdout
    assert max(map(len, process(name, "-h", env={"COLUMNS": "60"}).stdout.decode().splitlines())) <= 60


def test_the_help_of_the_program_lists_all_commands_without_importing_them() -> None:
    """What a person types first must be quick."""
    code = "import sys; sys.argv = ['il', '--help']; from interlingua.cli.main import main\n"
    code += "try: main()\nexcept SystemExit: print([n for n in sys.modules if n.startswith('interlingua.cli.a')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert done.stdout.endswith("[]\n")


def test_every_command_is_the_command_of_its_module() -> None:
    """The table in main.py is the only list of commands."""
    for name in COMMANDS:
        command = importlib.import_module(f"interlingua.cli.{name}").command
        assert isinstance(command, click.Command)
        assert command.name == name


def test_without_a_command_the_help_goes_to_standard_error() -> None:
    """Nothing was asked, so there is no answer."""
    done = run()
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Usage: il")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("nope",), "error: no such command 'nope'"),
        (("ask", "--nope"), "error: no such option '--nope'"),
        (("ask", "--max-tokens", "many", "hi"), "error: invalid value for '--max-tokens'"),
        (("ask",), "error: there is no question"),
        (("pull",), "error: name a model"),
    ],
)
def test_a_mistake_in_the_command_is_exit_code_2_and_says_where_help_is(arguments: tuple[str, ...], what: str) -> None:
    """In the same form as every other error."""
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith(what)
    assert "--help" in done.stderr
    assert done.stdout == ""


def test_an_error_has_its_lines_and_its_exit_code() -> None:
    """What, where it looked, how to fix it, what works instead."""
    done = run("ask", "-m", "anthropic/claude-haiku-5-5", "hi", transport=ScriptedTransport([]))
    assert done.exit_code == 77
    assert done.stderr.splitlines() == [
        "error: no credential for anthropic",
        "  looked in: keychain (anthropic/default), ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, credentials file",
        "  fix:       il credentials set anthropic   or   export ANTHROPIC_API_KEY=…",
        "  or use:    local/smollm2 (works without a key)",
    ]
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (Script.json({"error": {"message": "bad key", "type": "invalid_request_error"}}, status=401), 77),
        (Script.json({"error": {"message": "no", "type": "invalid_request_error"}}, status=400), 64),
        (Script.json({"error": {"message": "wait"}}, status=429, headers=(("retry-after", "900"),)), 75),
        (Script.sse("[DONE]").without_end(), 76),
    ],
)
def test_a_providers_failure_becomes_the_exit_code_of_contracts_3(script: Script, code: int) -> None:
    """Scripts tell failures apart by it."""
    done = run(
        "ask", "-m", "openai/gpt-6-sol", "hi", transport=ScriptedTransport(script), env={"OPENAI_API_KEY": "k" * 20}
    )
    assert done.exit_code == code, done.stderr
    assert done.stderr.startswith("error: ")
    assert "fix:" in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_where_an_error_arose_before_or_after_the_command() -> None:
    """People put it where they find it."""
    for arguments in (("--debug", "ask", "-m", "nope/x", "hi"), ("ask", "--debug", "-m", "nope/x", "hi")):
        done = run(*arguments)
        assert "Traceback" in done.stderr
        assert "error: there is no model called 'nope/x'" in done.stderr
        assert done.exit_code == 64


def test_an_error_that_is_none_of_ours_is_one_line_and_a_hint(tmp_path: Path) -> None:
    """No traceback reaches a person who did not ask for one."""
    broken = "import sys; from interlingua.cli import main as m, session\n"
    broken += "session.Session.config = property(lambda self: 1 / 0)\nm.main(sys.argv[1:])"
    plain = subprocess.run([sys.executable, "-c", broken, "models"], capture_output=True, text=True, check=False)
    assert plain.returncode == 1
    assert plain.stderr.splitlines() == [
        "error: this should not happen: ZeroDivisionError: division by zero",
        "  fix:       run it again with --debug and report what it prints",
    ]
    debug = subprocess.run(
        [sys.executable, "-c", broken, "--debug", "models"], capture_output=True, text=True, check=False
    )
    assert debug.returncode == 1
    assert "Traceback" in debug.stderr


def test_the_configuration_can_be_named_before_or_after_the_command(tmp_path: Path) -> None:
    """And what is wrong in it is exit code 78."""
    file = tmp_path / "my.toml"
    file.write_text('[providers.lab]\nbase_url = "http://127.0.0.1:9"\ndialect = "openai_chat"\n')
    for arguments in (("--config", str(file), "providers", "--json"), ("providers", "--json", "--config", str(file))):
        assert "lab" in [row["provider"] for row in json.loads(run(*arguments).stdout)]
    file.write_text("colour = 1\n")
    done = run("--config", str(file), "models")
    assert done.exit_code == 78
    assert "unknown key 'colour'" in done.stderr


def test_every_exit_code_of_the_tree_is_one_of_contracts_3() -> None:
    """The table that the documentation prints."""
    assert {error.exit_code for error in BY_CODE.values()} <= {1, 64, 69, 74, 75, 76, 77, 78, 130}


def test_a_reader_that_has_enough_is_no_error() -> None:
    """As with `il models | head -1`: quiet, and nothing is wrong."""
    code = "import subprocess, sys; from interlingua.cli.main import main; main()"
    il_process = subprocess.Popen(
        [sys.executable, "-c", code, "models", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert il_process.stdout is not None and il_process.stderr is not None
    assert il_process.stdout.read(10)
    il_process.stdout.close()
    told = il_process.stderr.read()
    il_process.stderr.close()
    assert (il_process.wait(30), told) == (0, b"")


def test_a_full_disk_is_told_and_is_exit_code_74() -> None:
    """Half an answer in a file must not look like a whole one."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from interlingua.cli.main import main; main()", "models"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 74
    assert done.stderr.startswith(b"error: the output cannot be written: No space left on device\n")
    assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_stream_is_no_crash(closed: str) -> None:
    """Services start programs so."""
    command = f'"{sys.executable}" -c "from interlingua.cli.main import main; main()" providers {closed}'
    assert subprocess.run(["sh", "-c", command], capture_output=True, check=False).returncode == 0
