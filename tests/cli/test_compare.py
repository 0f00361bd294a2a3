"""`il compare`: several answers, and figures for each."""

from __future__ import annotations

import json

from interlingua.ports.transport import HttpRequest
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.cli.runs import openai_stream, run

ENV = {"OPENAI_API_KEY": "k", "GROQ_API_KEY": "k"}
MODELS = ("-m", "openai/gpt-6-sol", "-m", "groq/openai/gpt-oss-120b")


def answers(*, failing: bool = False) -> ScriptedTransport:
    """Two hosts, of which one may fail."""

    def answer(request: HttpRequest) -> Script:
        if failing or "groq" in request.url:
            return Script.json({"error": {"message": "not today"}}, status=403)
        return openai_stream("a whole ", "answer")

    return ScriptedTransport(answer)


def test_each_answer_stands_below_its_model_with_its_figures() -> None:
    """One that fails takes no other with it."""
    done = run("compare", *MODELS, "what?", transport=answers(), env=ENV)
    assert done.exit_code == 0
    assert "── openai/gpt-6-sol" in done.stdout
    assert "a whole answer" in done.stdout
    assert "5 tokens" in done.stdout
    assert "error: not today" in done.stdout
    assert "\x1b" not in done.stdout


def test_json_holds_what_il_ask_would_say_of_each() -> None:
    """For scripts."""
    done = run("compare", *MODELS, "--json", "what?", transport=answers(), env=ENV)
    good, bad = json.loads(done.stdout)
    assert (good["asked"], good["text"], good["error"]) == ("openai/gpt-6-sol", "a whole answer", None)
    assert bad["error"]["code"] == "permission_denied"


def test_where_none_answers_the_exit_code_says_why() -> None:
    """And where there is nothing to compare, that."""
    assert run("compare", *MODELS, "what?", transport=answers(failing=True), env=ENV).exit_code == 77
    assert run("compare", "-m", "openai/gpt-6-sol", "what?", env=ENV).exit_code == 2
    assert run("compare", *MODELS, env=ENV).exit_code == 2
    assert run("compare", "-m", "nosuch/x", "-m", "y", "what?", env=ENV).exit_code == 64
