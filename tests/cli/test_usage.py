"""`il usage`: what was used and cost, however it is grouped, and costs that are reckoned again."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from interlingua.ports.store import AttemptRow
from tests.cli.ledger_file import NOW, call_row, write
from tests.cli.runs import Person, run

DAY = 86_400.0
FIRST_TRY = AttemptRow("groq/llama-3.3-70b-versatile", "openai_chat", "verbatim", 1, 1, None, 200, "timed_out", cost=5)


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with calls of three days."""
    path = tmp_path / "il.db"
    monkeypatch.setenv("IL_STORE__PATH", str(path))
    write(
        path,
        [
            call_row(0, tags=("nightly", "team-a")),
            call_row(1, key="ci", tags=("nightly",), before=(FIRST_TRY,)),
            call_row(2, ago=2 * DAY, key="ci", tenant="other"),
            call_row(3, target="lab/secret", cost=None),
            call_row(4, error="overloaded", cost=None, ago=40 * DAY),
        ],
    )
    return path


def usage(*arguments: str) -> Result:
    """A run that goes well."""
    done = run("usage", *arguments)
    assert done.exit_code == 0, done.output
    return done


def told(*arguments: str) -> dict[str, dict[str, Any]]:
    """Groups by name."""
    found = json.loads(usage("--json", *arguments).stdout)
    return {row[found["by"]]: row for row in found["rows"]}


def test_sums_by_model_hold_every_try_and_say_what_they_lack() -> None:
    found = told("--by", "model")
    assert list(found) == ["openai/gpt-6-luna", "groq/llama-3.3-70b-versatile", "lab/secret"]
    luna = found["openai/gpt-6-luna"]
    assert (luna["calls"], luna["input_tokens"], luna["cost"], luna["unknown_cost"]) == (3, 3000, "0.0018", 0)
    assert found["groq/llama-3.3-70b-versatile"] | {"cost": ""} == {
        **dict.fromkeys(("calls", "failed", "input_tokens", "output_tokens", "cache_read", "cache_creation"), 0),
        "model": "groq/llama-3.3-70b-versatile",
        "attempts": 1,
        "reasoning": 0,
        "cost": "",
        "unknown_cost": 0,
        "unknown_usage": 1,
        **dict.fromkeys(("hits", "saved_input_tokens", "saved_output_tokens", "unknown_saved"), 0),
        "saved": "0",
    }
    assert (found["lab/secret"]["cost"], found["lab/secret"]["unknown_cost"]) == ("0", 1)


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("provider", {"openai": 3, "groq": 0, "lab": 1}),
        ("key", {"bench": 2, "ci": 2}),
        ("tenant", {"lab": 3, "other": 1}),
        ("tag", {"nightly": 2, "team-a": 1, "": 2}),
    ],
)
def test_calls_are_grouped_by_whatever_is_asked(by: str, groups: dict[str, int]) -> None:
    """A call with two tags counts in both."""
    assert {name: row["calls"] for name, row in told("--by", by).items()} == groups


def test_days_come_in_order_and_the_time_bounds_them() -> None:
    found = told("--since", "60d")
    assert list(found) == sorted(found)
    assert sum(row["calls"] for row in found.values()) == 5
    assert sum(row["failed"] for row in found.values()) == 1
    assert sum(row["calls"] for row in told("--since", "1d").values()) == 3
    assert sum(row["calls"] for row in told("--key", "ci").values()) == 2
    assert sum(row["calls"] for row in told("--tenant", "other").values()) == 1


def test_csv_is_for_spreadsheets_and_no_name_in_it_is_a_formula(file: Path) -> None:
    write(file, [call_row(9, tags=("=cmd|'/c calc'!A1",))])
    rows = list(csv.DictReader(io.StringIO(usage("--by", "tag", "--csv").stdout)))
    assert {row["tag"] for row in rows} == {"nightly", "team-a", "", "'=cmd|'/c calc'!A1"}
    assert next(row["cost"] for row in rows if row["tag"] == "team-a") == "0.0006"


def test_hits_are_told_apart_from_what_was_paid_for(file: Path) -> None:
    """In JSON, in CSV and on a terminal; what is not known to have been saved is said to be unknown."""
    write(file, [call_row(10, saved=600_000_000), call_row(11, saved=600_000_000, tags=("t",))])
    luna = told("--by", "model")["openai/gpt-6-luna"]
    assert (luna["calls"], luna["input_tokens"], luna["cost"]) == (5, 3000, "0.0018")
    assert (luna["hits"], luna["saved_input_tokens"], luna["saved_output_tokens"]) == (2, 2000, 2000)
    assert (luna["saved"], luna["unknown_saved"]) == ("0.0012", 0)
    (row,) = [one for one in csv.DictReader(io.StringIO(usage("--by", "tag", "--csv").stdout)) if one["tag"] == "t"]
    assert {name: row[name] for name in ("input_tokens", "cost", "hits", "saved_input_tokens", "saved")} == {
        "input_tokens": "0",
        "cost": "0",
        "hits": "1",
        "saved_input_tokens": "1000",
        "saved": "0.0006",
    }
    person = Person("usage", columns=130)
    assert person.finish() == 0
    assert "2 from the cache saved 2.0k in and 2.0k out, $0.0012" in " ".join(person.screen.split())
    entry = json.loads(run("logs", "--json", "req_10").stdout)
    assert (entry["cost"], entry["attempts"][0]["saved"]) == ("0", "0.0006")


def test_a_pipe_gets_a_plain_table_that_says_unknown() -> None:
    shown = usage("--by", "model").stdout
    assert next(line.split() for line in shown.splitlines() if "lab/secret" in line)[1] == "unknown"
    assert "█" not in shown and "\x1b" not in shown


@pytest.mark.parametrize("columns", [100, 60])
def test_a_terminal_gets_a_chart_with_every_day_and_the_budgets(columns: int, tmp_path: Path) -> None:
    """Yesterday had no call, and is there."""
    config = tmp_path / "c.toml"
    config.write_text('[budgets]\nglobal = "0.002 USD / total"\n')
    person = Person("--config", str(config), "usage", columns=columns)
    assert person.finish() == 0
    lines = person.screen.splitlines()
    days = [line for line in lines if line.strip()[:3] == "202"]
    assert len(days) == 3 and "█" in days[0] and "█" not in days[1] and "█" in days[2]
    assert all(len(line) <= columns for line in lines)
    assert any("budget  global  $0.0018 of 0.002 USD (90 %)" in line for line in lines)


def test_a_time_that_is_none_is_refused_by_name() -> None:
    done = run("usage", "--since", "yesterdayish")
    assert done.exit_code == 64
    assert "yesterdayish" in done.stderr and "30d" in done.stderr


def test_repricing_shows_first_and_writes_only_when_told_to(file: Path) -> None:
    """A thousand tokens each way at 0.1 and 0.5 are 0.0006; one row has another cost, one had none."""
    write(file, [call_row(7, cost=1_000_000_000), call_row(8, cost=None)])
    dry = run("usage", "reprice", "--dry-run")
    assert (dry.exit_code, "2 answers would change" in dry.stderr) == (0, True)
    asked = run("usage", "reprice")
    assert asked.exit_code == 2 and "--yes" in asked.stderr
    before = told("--by", "model")["openai/gpt-6-luna"]
    assert (before["cost"], before["unknown_cost"]) == ("0.0028", 1)
    (change,) = json.loads(run("usage", "reprice", "--dry-run", "--json").stdout)
    assert (change["before"], change["unknown_before"], change["after"]) == ("0.001", 1, "0.0012")
    assert "2 answers have their new cost" in run("usage", "reprice", "--yes").stderr
    after = told("--by", "model")["openai/gpt-6-luna"]
    assert (after["cost"], after["unknown_cost"]) == ("0.003", 0)
    assert "nothing would change" in run("usage", "reprice", "--yes").stderr


def test_a_cost_that_the_provider_reported_is_never_reckoned_again(file: Path) -> None:
    from msgspec.structs import replace

    row = call_row(7, cost=1)
    write(file, [replace(row, attempts=(replace(row.attempts[0], price_source="reported"),))])
    assert "nothing would change" in run("usage", "reprice").stderr


def test_nothing_is_said_to_be_nothing(file: Path, tmp_path: Path) -> None:
    done = run("usage", env={"IL_STORE__PATH": str(tmp_path / "empty.db")})
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no calls" in done.stderr
    assert NOW > 0
