"""Ollama's own API, read from its description: spellings, endings, counts, and what a stream amounts to."""

from __future__ import annotations

from collections.abc import Sequence

from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Json
from tests.replay.differences import ABSENT, Difference
from tests.replay.reading.format import Ending, Exchange, Reading, Told, count, member, objects
from tests.replay.rules import Case, Excuse, Rules, Spelling, at, dropped, empty, every, whole_second, without_nulls

COUNTS = ("prompt_eval_count", "eval_count")
MEASURED = (*COUNTS, "total_duration", "load_duration", "prompt_eval_duration", "eval_duration")
"""The members that make up the usage of an answer."""
GROWING = ("content", "thinking", "response")


def _silent(message: Json) -> Json:
    """Takes out a turn without content; a tool's empty result is one."""
    if isinstance(message, dict) and message.get("role") != "tool" and message.keys() <= {"role", "content"}:
        return ABSENT if not message.get("content") else message
    return message


def _call(call: Json) -> Json:
    return (
        {key: value for key, value in call.items() if (key, value) != ("type", "function")}
        if isinstance(call, dict)
        else call
    )


def _made(difference: Difference, case: Case) -> bool:
    """The id of a call, made so that its result can be paired with it, the same id on that result; a time."""
    known = ("messages[].tool_calls[].id", "message.tool_calls[].id", "created_at")
    if difference.added and difference.pattern in known:
        return bool(difference.rendered)
    if not (difference.added and difference.pattern == "messages[].tool_call_id"):
        return False
    before = case.rendered["messages"][: difference.path[1]]
    return difference.rendered in [call.get("id") for one in before for call in objects(one.get("tool_calls"))]


def _named(difference: Difference, case: Case) -> bool:
    """The name of the tool, told on a result that carries only the id of its call."""
    if not (difference.added and difference.pattern == "messages[].tool_name"):
        return False
    result = case.rendered["messages"][difference.path[1]]
    calls = [call for one in case.rendered["messages"] for call in objects(one.get("tool_calls"))]
    wanted = [member(call, "function", "name") for call in calls if call.get("id") == result.get("tool_call_id")]
    return difference.rendered in wanted


REQUEST = Rules(
    spellings=(
        Spelling(
            "null is absent",
            "JSON members that are null say nothing",
            without_nulls("arguments", "parameters", "format"),
        ),
        Spelling(
            "empty says nothing",
            "settings, tools, formats, images and texts that are empty are not said",
            every(
                "options",
                "tools",
                "format",
                "images",
                "system",
                "template",
                "suffix",
                "messages[].tool_calls",
                "messages[].images",
                "messages[].thinking",
                "messages[].tool_call_id",
                "messages[].tool_name",
                change=empty,
            ),
        ),
        Spelling(
            "call of type function", "there is no other type", lambda body: at(body, "messages[].tool_calls[]", _call)
        ),
        Spelling(
            "turn that says nothing",
            "a message without content is left out",
            lambda body: at(body, "messages[]", _silent),
        ),
        Spelling(
            "default said",
            "an answer in pieces is what happens unasked",
            lambda body: at(body, "stream", dropped(True)),
        ),
    ),
    excuses=(
        Excuse("id made", "clients drop the ids of calls; results are paired with them by order and name", _made),
        Excuse("tool named", "templates want the tool's name on its result", _named),
    ),
)

RESPONSE = Rules(
    spellings=(
        Spelling("null is absent", "JSON members that are null say nothing", without_nulls("arguments")),
        Spelling(
            "empty says nothing",
            "an answer without words has none",
            every("message.content", "response", "message.thinking", "thinking", "message.tool_calls", change=empty),
        ),
        Spelling(
            "whole seconds",
            "the waist counts time in seconds; the fraction of created_at goes",
            lambda body: at(body, "created_at", whole_second),
        ),
        Spelling(
            "call numbered",
            "a call's index says no more than its place",
            lambda body: at(
                body, "message.tool_calls[].function.index", lambda one: ABSENT if isinstance(one, int) else one
            ),
        ),
    ),
    excuses=(
        Excuse("id made", "old servers give none, and clients pair results by them", _made),
        Excuse(
            "reason said",
            "old servers leave out why a whole answer ended",
            lambda one, case: one.added and one.pattern == "done_reason" and one.rendered == "stop",
        ),
    ),
)


def surroundings(exchange: Exchange) -> TranslationContext:
    """An unknown target: nothing is refused."""
    return TranslationContext(dialect="ollama", seed="replay")


def endings(body: Json) -> list[Ending]:
    """Why it ended; calls end with `stop` here."""
    word = member(body, "done_reason") or ""
    kind = {"length": "length"}.get(word, "stop")
    calls = member(body, "message", "tool_calls") or member(body, "tool_calls")
    return [Ending("tool_call" if kind == "stop" and calls else kind, word)]


def usage(body: Json) -> tuple[dict[str, int | None], Json] | None:
    """Two counts and four durations."""
    raw = {key: body[key] for key in MEASURED if isinstance(member(body, key), int)}
    if not raw:
        return None
    prompt, answer = (count(raw.get(key)) for key in COUNTS)
    return {
        "input_tokens": prompt,
        "output_tokens": answer,
        "cache_read": None,
        "cache_creation": None,
        "reasoning": None,
    }, raw


def calls(body: Json) -> list[tuple[str, str]]:
    """Calls of functions; old servers give no ids."""
    said = objects(member(body, "message", "tool_calls")) or objects(member(body, "tool_calls"))
    return [(str(one.get("id") or ""), str(member(one, "function", "name"))) for one in said]


def states(body: Json) -> list[str]:
    """There is none."""
    return []


def unknown(body: Json) -> list[str]:
    """There are no types."""
    return []


def failed(body: Json) -> bool:
    """Whether it is an error, whatever its status."""
    return not isinstance(body, dict) or bool(body.get("error"))


def _said(into: dict[str, Json], said: dict[str, Json]) -> None:
    for key, value in said.items():
        if key in GROWING and isinstance(value, str):
            into[key] = into.get(key, "") + value
        elif key in ("tool_calls", "images") and isinstance(value, list):
            into[key] = [*into.get(key, []), *value]
        elif value is not None:
            into[key] = value


def fold(events: Sequence[Json]) -> Told:
    """The answer that lines amount to; `done: true` makes it whole. It was made when its first line was."""
    told = Told()
    body: dict[str, Json] = {}
    logprobs: list[Json] = []
    for number, line in enumerate(events):
        if not isinstance(line, dict) or line.get("error"):
            told.error = line
            return told
        if isinstance(line.get("message"), dict):
            _said(body.setdefault("message", {}), line["message"])
        _said(body, {key: value for key, value in line.items() if key in GROWING or key in ("tool_calls", "images")})
        logprobs += line.get("logprobs") or []
        for key, value in line.items():
            if key == "created_at":
                if body.setdefault(key, value) != value:
                    told.note("lines stamped", "each line says when it was written: the answer began with the first")
            elif key not in ("message", "logprobs", *GROWING, "tool_calls", "images"):
                body[key] = value
        if line.get("done"):
            told.ended, told.end = True, number
            break
    told.body = body | ({"logprobs": logprobs} if logprobs else {})
    return told


READING = Reading(
    dialect="ollama",
    request=REQUEST,
    response=RESPONSE,
    surroundings=surroundings,
    endings=endings,
    usage=usage,
    calls=calls,
    states=states,
    unknown=unknown,
    fold=fold,
    failed=failed,
    address=lambda path: path.partition("?")[0],
)
