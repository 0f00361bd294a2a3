"""Where configuration comes from, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlingua.config.load import load_config
from interlingua.config.schema import Config
from interlingua.errors import ConfigError, LocalFileError


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A working directory."""
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """A user's folder."""
    (tmp_path / "users").mkdir()
    return tmp_path / "users"


def write(folder: Path, text: str) -> Path:
    path = folder / "interlingua.toml"
    path.write_text(text)
    return path


def load(here: Path, users: Path, **environment: str) -> Config:
    return load_config(environment=environment, working_directory=here, user_folder=users)


def test_without_any_file_everything_has_its_default(here: Path, users: Path) -> None:
    """The main job needs no configuration."""
    assert load(here, users) == Config()


def test_the_users_file_may_set_everything(here: Path, users: Path) -> None:
    """It is the user's own."""
    write(users, '[providers.lab]\nbase_url = "http://127.0.0.1:9101"\n[retry]\nattempts = 5\n')
    config = load(here, users)
    assert config.providers == {"lab": {"base_url": "http://127.0.0.1:9101"}}
    assert config.retry.attempts == 5


@pytest.mark.parametrize("table", ["[providers.openai]\nbase_url = 'http://evil'", "[http]\nproxy = 'http://evil'"])
def test_a_file_in_the_working_directory_may_not_redirect_traffic(here: Path, users: Path, table: str) -> None:
    """Contracts §6.9: it came with somebody's repository."""
    write(here, table)
    with pytest.raises(ConfigError, match="working directory may not set") as caught:
        load(here, users)
    assert "--config" in caught.value.remedy


def test_a_file_in_the_working_directory_may_set_aliases_defaults_and_display(here: Path, users: Path) -> None:
    """These harm nobody."""
    write(here, 'default_model = "fast"\n[models.fast]\ntargets = ["local/smollm2"]\n[display]\nusage = false\n')
    config = load(here, users)
    assert (config.default_model, config.display.usage) == ("fast", False)
    assert list(config.models["fast"].targets) == ["local/smollm2"]


def test_the_file_that_is_named_wins_and_is_trusted(here: Path, users: Path, tmp_path: Path) -> None:
    """Naming it is an act of trust."""
    write(here, 'default_model = "a"')
    named = tmp_path / "named.toml"
    named.write_text('default_model = "b"\n[http]\nproxy = "http://127.0.0.1:1"\n')
    assert load(here, users, IL_CONFIG=str(named)).http.proxy == "http://127.0.0.1:1"
    assert load_config(named, environment={}).default_model == "b"


def test_the_environment_goes_over_the_file(here: Path, users: Path) -> None:
    """Double underscores go down into tables; values take the key's type."""
    write(users, 'default_model = "a"\n[retry]\nattempts = 5\nbase = 1.0\n')
    config = load(
        here,
        users,
        IL_DEFAULT_MODEL="b",
        IL_RETRY__ATTEMPTS="2",
        IL_PROVIDERS__LAB__API_KEYS='["env:X"]',
        IL_TRAFFIC="/somewhere",
    )
    assert (config.default_model, config.retry.attempts, config.retry.base) == ("b", 2, 1.0)
    assert config.providers["lab"]["api_keys"] == ["env:X"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("defualt_model = 'x'", "did you mean 'default_model'"),
        ("[retry]\nattemps = 1", "attemps"),
        ("[retry]\nattempts = 'many'", "retry.attempts"),
        ("[retry", "not TOML"),
    ],
)
def test_a_mistake_is_named(here: Path, users: Path, text: str, says: str) -> None:
    """File, key and reason."""
    path = write(users, text)
    with pytest.raises(ConfigError, match=says) as caught:
        load(here, users)
    assert str(path) in caught.value.message


def test_an_unknown_environment_key_is_an_error(here: Path, users: Path) -> None:
    """A typo must not be silent."""
    with pytest.raises(ConfigError, match="color"):
        load(here, users, IL_DISPLAY__COLOR="never")


def test_a_named_file_that_is_missing_is_a_file_error(here: Path, users: Path) -> None:
    """Exit code 74, not a traceback."""
    with pytest.raises(LocalFileError):
        load(here, users, IL_CONFIG=str(here / "none.toml"))


def test_a_variable_that_is_wrong_is_named_itself_and_not_the_file(here: Path, users: Path) -> None:
    """The file may be perfect."""
    write(users, "[retry]\nattempts = 5\n")
    with pytest.raises(ConfigError, match=r"^IL_RETRY__ATTEMPTS: "):
        load(here, users, IL_RETRY__ATTEMPTS="often")
    with pytest.raises(ConfigError, match=r"^IL_RETRI__ATTEMPTS: .*did you mean 'retry'"):
        load(here, users, IL_RETRI__ATTEMPTS="3")


def test_programs_to_start_stand_only_in_the_file_of_the_users_folder(here: Path, users: Path) -> None:
    """Contracts §6.9: not in a named file, not in the environment, and in the working directory nothing of them."""
    text = '[mcp.files]\ncommand = ["server"]\n'
    write(users, text)
    assert load(here, users).mcp["files"].command == ("server",)
    named = here / "named.toml"
    named.write_text(text)
    with pytest.raises(ConfigError, match="only stand in the file of your own folder"):
        load_config(named, environment={}, working_directory=here, user_folder=users)
    with pytest.raises(ConfigError, match="IL_MCP__FILES__COMMAND"):
        load(here, users, IL_MCP__FILES__COMMAND='["server"]')
    named.write_text('[mcp.far]\nurl = "https://mcp.example/mcp"\n')
    found = load_config(named, environment={}, working_directory=here, user_folder=users)
    assert found.mcp["far"].approval == "ask"
    write(here, '[mcp.far]\nurl = "https://mcp.example/mcp"\n')
    with pytest.raises(ConfigError, match="working directory may not set"):
        load(here, users)
