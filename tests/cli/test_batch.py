"""`il batch run`: every request has one result, whatever interrupts it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result

from interlingua.transport.scripted import Script, ScriptedTransport
from tests.cli.batches import answer, request, results
from tests.cli.runs import Person, run


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Requests and results."""
    path = tmp_path / "requests.jsonl"
    path.write_text("\n".join(request(f"r{i}") for i in range(4)) + "\n")
    return path, tmp_path / "results.jsonl"


def batch(files: tuple[Path, Path], scripts: list[Script], *more: str) -> Result:
    return run("batch", "run", str(files[0]), "-o", str(files[1]), *more, transport=ScriptedTransport(scripts))


def test_each_request_has_a_result_in_openais_format(files: tuple[Path, Path]) -> None:
    done = batch(files, [answer(f"answer {i}") for i in range(4)], "--yes", "-j", "1")
    assert done.exit_code == 0, done.output
    found = results(files[1])
    assert set(found) == {"r0", "r1", "r2", "r3"}
    assert found["r2"]["response"]["status_code"] == 200
    assert found["r2"]["response"]["body"]["choices"][0]["message"]["content"] == "answer 2"
    assert found["r2"]["error"] is None
    assert done.stdout == ""
    assert "4 answered · $0.0024" in done.stderr
    assert "about $0.00000" in done.stderr or "at most" in done.stderr


def test_it_asks_before_it_costs_something(files: tuple[Path, Path]) -> None:
    """Nobody to ask: nothing is sent."""
    transport = ScriptedTransport([])
    done = run("batch", "run", str(files[0]), "-o", str(files[1]), transport=transport)
    assert (done.exit_code, transport.requests) == (2, [])
    assert "--yes" in done.stderr and "at most $0.0" in done.stderr


def test_a_person_is_asked_and_may_say_no(files: tuple[Path, Path]) -> None:
    person = Person("batch", "run", str(files[0]), "-o", str(files[1]), env={"OPENAI_API_KEY": "sk-x"})
    person.read_until("Ask them?")
    person.type("n\n")
    assert person.finish() == 130
    assert files[1].read_bytes() == b""


def test_what_is_done_is_not_asked_again_and_a_cut_line_is(files: tuple[Path, Path]) -> None:
    assert batch(files, [answer()] * 4, "--yes").exit_code == 0
    lines = files[1].read_bytes().splitlines(keepends=True)
    files[1].write_bytes(b"".join(lines[:2]) + lines[2][:30])
    done = batch(files, [answer("again")] * 2, "--yes")
    assert done.exit_code == 0, done.output
    assert "2 were there already" in done.stderr
    texts = [line["response"]["body"]["choices"][0]["message"]["content"] for line in results(files[1]).values()]
    assert sorted(texts) == ["again", "again", "ok", "ok"]


def test_a_failure_is_the_result_of_its_request_and_can_be_asked_again(files: tuple[Path, Path]) -> None:
    scripts = [answer(), Script.json({"error": {"message": "no such thing", "type": "invalid_request_error"}}, 400)]
    done = batch(files, [*scripts, answer(), answer()], "--yes", "-j", "1")
    assert (done.exit_code, "3 answered · 1 failed" in done.stderr) == (1, True)
    failed = results(files[1])["r1"]["response"]
    assert (failed["status_code"], failed["body"]["error"]["message"]) == (400, "no such thing")
    assert batch(files, [], "--yes").exit_code == 0
    done = batch(files, [answer("better")], "--yes", "--retry-failed")
    assert done.exit_code == 0, done.output
    assert results(files[1])["r1"]["response"]["status_code"] == 200
    assert len(results(files[1])) == 4


def test_what_would_befall_all_ends_the_run_and_leaves_the_rest(files: tuple[Path, Path]) -> None:
    """A refused key is no result of four requests."""
    refused = Script.json({"error": {"message": "bad key", "code": "invalid_api_key"}}, 401)
    done = batch(files, [answer(), refused], "--yes", "-j", "1")
    assert done.exit_code == 77
    assert set(results(files[1])) == {"r0"}


def test_other_dialects_and_vectors_go_the_same_way(files: tuple[Path, Path]) -> None:
    vectors = {"custom_id": "e", "url": "/v1/embeddings", "body": {"model": "openai/text-embedding-3", "input": "x"}}
    messages = request("m", url="/v1/messages", max_tokens=10)
    files[0].write_text(messages + "\n\n" + json.dumps(vectors) + "\n")
    found = {"object": "list", "model": "e", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
    scripts = [answer("over there"), Script.json({**found, "usage": {"prompt_tokens": 1, "total_tokens": 1}})]
    done = batch(files, scripts, "--yes", "-j", "1")
    assert done.exit_code == 0, done.output
    assert results(files[1])["m"]["response"]["body"]["content"][0]["text"] == "over there"
    assert results(files[1])["e"]["response"]["body"]["data"][0]["embedding"] == [0.5]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        (request(""), "custom_id"),
        (request("r0"), "custom_id 'r0' stands on line 1 too"),
        (request("x", url="/v1/files"), "url: '/v1/files'"),
        (request("x", stream=True), "body.stream: a batch has no streams"),
        (json.dumps({"custom_id": "x", "url": "/v1/messages", "body": 1}), "body: an object"),
        (request("x", model=""), "body.model"),
    ],
)
def test_a_line_that_is_no_request_is_named_before_anything_is_sent(
    line: str, why: str, files: tuple[Path, Path]
) -> None:
    with files[0].open("a") as file:
        file.write(line + "\n")
    transport = ScriptedTransport([])
    done = run("batch", "run", str(files[0]), "-o", str(files[1]), "--yes", transport=transport)
    assert (done.exit_code, transport.requests) == (64, [])
    assert f"line 5: {why}" in done.stderr


def test_a_file_of_something_else_is_not_overwritten(files: tuple[Path, Path]) -> None:
    files[1].write_text("my diary\n")
    assert batch(files, [], "--yes").exit_code == 64
    assert files[1].read_text() == "my diary\n"
