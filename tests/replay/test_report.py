"""`make replay`: what it prints, and what it answers the shell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.replay.report import main
from tests.replay.rich_answers import ANSWERS
from tests.replay.rich_requests import PATHS, REQUESTS


def exchange(name: str, kind: str, body: Any) -> dict[str, Any]:
    return {
        "id": f"hand/{kind}",
        "provider": "hand",
        "dialect": kind,
        "request": {"url": f"https://example.org{PATHS[name]}", "headers": {}, "body": REQUESTS[name]},
        "response": {"status": 200, "headers": {}, "body": body},
    }


def written(folder: Path, *exchanges: dict[str, Any]) -> list[str]:
    lines = b"\n".join(map(msgspec.json.encode, exchanges))
    (folder / "made.jsonl").write_bytes(lines + b"\n")
    return [str(folder)]


CLEAN = exchange("openai_chat", "openai-chat", ANSWERS["openai_chat"])
OTHER = exchange("openai_chat", "cohere-chat", {})
NOVEL = ANSWERS["anthropic_messages"] | {"content": [{"type": "novel", "x": 1}]}
BROKEN = exchange("anthropic_messages", "anthropic-messages", NOVEL)


def test_a_clean_folder_is_a_table_and_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(written(tmp_path, CLEAN, OTHER)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "dialect"
    assert lines[2].split() == ["openai_chat", "hand", "1", "1/1", "1/1", "-", "-"]
    assert "      1  cohere-chat" in lines
    assert not any(line.startswith("Not clean") for line in lines)
    assert any(line.endswith("openai_chat  request.novelty") for line in lines)


def test_what_is_not_clean_is_named_and_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(written(tmp_path, CLEAN, BROKEN)) == 1
    lines = capsys.readouterr().out.splitlines()
    place = lines.index("  hand/anthropic-messages  (anthropic_messages, response)")
    assert lines[place + 1].strip() == "unknown type: block novel"
    assert ["all", "2", "2/2", "1/2", "-", "-"] in [line.split() for line in lines]


def test_a_body_that_no_dialect_understands_is_a_failure_and_no_crash(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strange: list[Any] = [None, [], "text", {"choices": 7}, {"choices": [{"message": {"content": [3, {"type": 4}]}}]}]
    broken = [exchange("openai_chat", "openai-chat", body) | {"id": f"hand/{i}"} for i, body in enumerate(strange)]
    assert main(written(tmp_path, *broken)) == 1
    assert "hand/4" in capsys.readouterr().out


def test_a_folder_without_traffic_is_an_error_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2
    assert main(written(tmp_path, OTHER)) == 2
    assert "nothing in it is covered" in capsys.readouterr().err


def test_the_folder_may_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IL_TRAFFIC", written(tmp_path, CLEAN)[0])
    assert main([""]) == 0
    monkeypatch.delenv("IL_TRAFFIC")
    assert main([""]) == 2
