"""What is read of a run whose process died."""

from __future__ import annotations

from interlingua.gateway.lost_runs import Found
from interlingua.gateway.run_log import render_event
from interlingua.ports.runs import RunHead
from interlingua.types.accumulate import unfold
from interlingua.types.parts import TextPart
from tests.gateway.upstreams import response

HEAD = RunHead(id="run_1", tenant="t", conversation="c", parent="q", model="p/m", request_id="r", owner="a", started=1)


def told(*events: tuple[str, object]) -> bytes:
    return b"".join(render_event(at, name, value) for at, (name, value) in enumerate(events, 1))


def test_the_answer_so_far_is_that_of_the_last_message_and_follows_the_one_before() -> None:
    pieces = [("event", event) for event in unfold(response("One ", "two"))]
    found = Found(HEAD)
    found.add(told(("run_start", {}), *pieces))
    assert (found.parent, found.ended, found.last) == ("q", False, len(pieces) + 1)
    assert found.accumulator.partial().parts == (TextPart(text="One two"),)
    found.add(told(("message", {"message": {"id": "a1"}}), ("message", {"message": {"id": "t1"}}), *pieces[:3]))
    assert found.parent == "t1"
    assert found.accumulator.partial().parts == (TextPart(text="One two"),)
    found.add(told(("run_end", {"message": None})))
    assert found.ended


def test_what_another_version_wrote_ends_what_can_be_read_and_not_more() -> None:
    pieces = [("event", event) for event in unfold(response("One"))]
    found = Found(HEAD)
    found.add(told(*pieces[:3], ("event", {"type": "unheard_of"}), ("event", pieces[0][1]), ("run_end", {})))
    assert found.accumulator.partial().parts == (TextPart(text="One"),)
    assert found.ended
