"""Every dialect carries every case completely, or loses exactly what is declared."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from interlingua.dialects.registry import DIALECTS, dialect
from interlingua.errors import InterlinguaError, Unsupported
from interlingua.ports.context import TranslationContext
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from tests.contract.declared import TABLE, Entry, Verb, added, declared
from tests.contract.measure import (
    level_request,
    level_response,
    measured,
    request_through,
    response_through,
    stream_through,
    surroundings,
)
from tests.contract.requests import REQUESTS
from tests.contract.responses import RESPONSES

each_dialect = pytest.mark.parametrize("name", DIALECTS)
KINDS = {"setting", "content", "emulated", "quiet", "error"}
EXACT_REQUESTS = ("call_id",)
EXACT_ANSWERS = ("id", "created")
"""Cases about what is levelled in all others: the field of that name must survive as it is."""


def lost_of_request(case: str, name: str) -> tuple[Entry, ...]:
    """What a dialect loses of a request."""
    before = REQUESTS[case]
    after, losses = request_through(before, name)
    if case in EXACT_REQUESTS:
        ids = ChatRequest(model="m", messages=_without_names(after))
        return measured(ChatRequest(model="m", messages=before.messages), ids, losses, name)
    return measured(level_request(before), level_request(after), losses, name)


def _without_names(request: ChatRequest) -> tuple[Any, ...]:
    return tuple(
        replace(message, parts=tuple(replace(part, name=None) for part in message.parts))
        if message.role == "tool"
        else message
        for message in request.messages
    )


def lost_of_answer(case: str, name: str, verb: Verb) -> tuple[Entry, ...]:
    """What a dialect loses of an answer, whole or streamed."""
    before = RESPONSES[case]
    try:
        after, losses = (response_through if verb == "response" else stream_through)(before, name)
    except InterlinguaError as error:
        return (Entry("choices", "error", f"the client gets the error `{error.code}`"),)
    if case in EXACT_ANSWERS:
        return () if getattr(after, case) == getattr(before, case) else (Entry(case, "quiet", ""),)
    return measured(level_response(before), level_response(after), losses, name)


def without_reasons(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Entries as they are measured: nothing in the code says why a quiet difference is one."""
    return tuple(sorted(replace(entry, reason="") if entry.kind == "quiet" else entry for entry in entries))


@each_dialect
@pytest.mark.parametrize("case", REQUESTS)
def test_a_request_is_carried_but_for_what_is_declared(case: str, name: str) -> None:
    """No more, no less, and for the reason that is told."""
    assert lost_of_request(case, name) == without_reasons(declared("request", case, name))


@each_dialect
@pytest.mark.parametrize("case", RESPONSES)
def test_an_answer_is_carried_but_for_what_is_declared(case: str, name: str) -> None:
    """As a client of the dialect reads it."""
    assert lost_of_answer(case, name, "response") == without_reasons(declared("response", case, name))


@each_dialect
@pytest.mark.parametrize("case", RESPONSES)
def test_a_stream_is_carried_but_for_what_is_declared(case: str, name: str) -> None:
    """As much as the whole answer, but where the table says otherwise."""
    assert lost_of_answer(case, name, "stream") == without_reasons(declared("stream", case, name))


@each_dialect
def test_lost_content_refuses_the_request_unless_configured_otherwise(name: str) -> None:
    """And the error names the place."""
    cases = {case: declared("request", case, name) for case in REQUESTS}
    refusing = {case: entries for case, entries in cases.items() if any(entry.kind == "content" for entry in entries)}
    assert refusing
    for case, entries in refusing.items():
        context = replace_policy(surroundings(name))
        with pytest.raises(Unsupported) as caught:
            dialect(name).render_request(REQUESTS[case], context)
        assert caught.value.path in {entry.field for entry in entries if entry.kind == "content"}, case


def replace_policy(context: TranslationContext) -> TranslationContext:
    """The context with the default policy."""
    context.on_loss = TranslationContext().on_loss
    return context


def test_the_table_speaks_of_every_case_and_of_no_other() -> None:
    """A case without a title would be missing in the documentation."""
    assert list(TABLE["request"]) == list(REQUESTS)
    assert list(TABLE["response"]) == list(RESPONSES)
    assert set(TABLE["stream"]) <= set(RESPONSES)
    assert tuple(TABLE["dialects"]) == DIALECTS
    for section in ("request", "response", "stream"):
        for case, row in TABLE[section].items():
            assert set(row) - {"title"} <= set(DIALECTS), case
            for name in set(row) & set(DIALECTS):
                for _, kind, reason in row[name]:
                    assert kind in KINDS
                    assert reason, f"{section}.{case}.{name}"


@each_dialect
def test_what_is_said_to_be_always_filled_is(name: str) -> None:
    """A line of the table that nothing bears out would hide a loss."""
    unseen = set(added(name))
    for before in REQUESTS.values():
        unseen -= _filled(request_through(before, name)[0], unseen)
    for answer in RESPONSES.values():
        try:
            unseen -= _filled(response_through(answer, name)[0], unseen)
        except InterlinguaError:
            continue
    assert not unseen


def _filled(value: ChatRequest | ChatResponse, paths: set[str]) -> set[str]:
    return {path for path in paths if any(_at(value, path.replace("[]", ".*").split(".")))}


def _at(value: Any, steps: list[str]) -> list[Any]:
    if not steps:
        return [value] if value not in (None, (), {}) else []
    step, rest = steps[0], steps[1:]
    if step == "*":
        return [found for item in value for found in _at(item, rest)]
    inner = value.get(step) if isinstance(value, dict) else getattr(value, step, None)
    return [] if inner is None else _at(inner, rest)
