"""`il logs`: calls as the ledger has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interlingua.ports.store import AttemptRow
from tests.cli.ledger_file import call_row, write
from tests.cli.runs import Person, run

REFUSED = AttemptRow("groq/llama", "openai_chat", "translated", 1_790_000_000_000_000, 1, None, 429, "rate_limited")


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with four calls."""
    path = tmp_path / "il.db"
    monkeypatch.setenv("IL_STORE__PATH", str(path))
    rows = [
        call_row(0, ago=1000, tags=("nightly",)),
        call_row(1, ago=900, key="ci", before=(REFUSED,)),
        call_row(2, ago=200, error="overloaded", cost=None),
        call_row(3, ago=100, target="lab/secret", cost=None, tenant="other"),
    ]
    write(path, rows)
    return path


def ids(*arguments: str) -> list[str]:
    """The requests that are shown."""
    done = run("logs", "--json", *arguments)
    assert done.exit_code == 0, done.output
    return [json.loads(line)["request_id"][4:] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ((), "0123"),
        (("-n", "2"), "23"),
        (("--errors",), "2"),
        (("--key", "ci"), "1"),
        (("--model", "lab/*"), "3"),
        (("--model", "groq/*"), "1"),
        (("--tenant", "other"), "3"),
        (("--tag", "nightly"), "0"),
        (("--since", "250s"), None),
        (("--since", "5m"), "23"),
    ],
)
def test_calls_are_shown_latest_last_as_far_as_they_fit(arguments: tuple[str, ...], shown: str | None) -> None:
    if shown is None:
        assert run("logs", *arguments).exit_code == 64
    else:
        assert "".join(ids(*arguments)) == shown


def test_the_table_says_unknown_where_a_cost_is() -> None:
    lines = run("logs").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["time", *[line.split()[0] for line in lines[1:]]]
    assert "503 overloaded" in lines[3]
    assert "unknown" in lines[4] and "unknown" not in lines[1]
    assert lines[2].split()[-2:] == ["2", "req_1"]


def test_one_call_is_told_whole() -> None:
    """Its tries, what was lost, and by which price it was reckoned."""
    text = run("logs", "req_0").stdout
    for words in ("1,000 in · 1,000 out", "$0.00060 · prices of models.dev, litellm, genai-prices", "nightly"):
        assert words in text
    assert "lost in translation" in text and "there is no such setting" in text
    text = run("logs", "req_1").stdout
    assert text.index("attempt 1") < text.index("429 · rate_limited") < text.index("attempt 2")
    row = json.loads(run("logs", "req_1", "--json").stdout)
    assert (row["cost"], row["attempts"][0]["cost"], len(row["attempts"])) == ("0.0006", None, 2)


def test_an_unknown_id_is_said_to_be_unknown() -> None:
    done = run("logs", "req_none")
    assert done.exit_code == 64
    assert "req_none" in done.stderr


def test_what_clients_wrote_cannot_move_the_terminal(file: Path) -> None:
    write(file, [call_row(5, target="lab/\x1b[2Jevil", tags=("\x1b[31m",))])
    person = Person("logs", columns=140)
    assert person.finish() == 0
    assert "\x1b[2J" not in person.raw
    assert "lab/[2Jevil" in person.screen


def test_following_shows_calls_as_they_end_and_ctrl_c_stops_it(file: Path) -> None:
    person = Person("logs", "--follow", columns=140)
    person.read_until("req_3")
    write(file, [call_row(5), call_row(6, key="ci")])
    screen = person.read_until("req_6")
    assert screen.index("req_5") < screen.index("req_6")
    assert screen.count("request") == 1
    person.type("\x03")
    assert person.finish() == 130
