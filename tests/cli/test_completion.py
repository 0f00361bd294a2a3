"""What a shell completes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.runs import process, run


def completed(words: str, env: dict[str, str] | None = None) -> list[str]:
    """What bash is offered for the last word of a line."""
    count = str(len(words.split(" ")) - 1)
    told = process(env={"_IL_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": count, **(env or {})})
    return [line.partition(",")[2] for line in told.stdout.decode().splitlines()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed_and_is_one(shell: str) -> None:
    """Checked by the shell itself where it is installed."""
    script = run("completion", shell).stdout
    assert "_IL_COMPLETE" in script
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=script, text=True, check=False).returncode == 0


def test_commands_models_and_providers_complete() -> None:
    """The same names that the commands take."""
    assert completed("il mo") == ["models"]
    assert "anthropic/claude-haiku-5-5" in completed("il ask -m anthropic/cl")
    assert completed("il ask -m claude-haiku-5") == ["claude-haiku-5-5"]
    assert completed("il models -p gro") == ["groq"]
    assert "gemini" in completed("il translate --from g")


def test_aliases_complete_and_a_broken_configuration_does_not_disturb(tmp_path: Path) -> None:
    """A shell has no place for an error."""
    file = tmp_path / "my.toml"
    file.write_text('[models.fast]\ntargets = ["local/smollm2"]\n')
    assert completed("il ask -m fa", {"IL_CONFIG": str(file)}) == ["fast"]
    file.write_text("colour = 1\n")
    assert completed("il ask -m local/", {"IL_CONFIG": str(file)}) == ["local/smollm2"]
