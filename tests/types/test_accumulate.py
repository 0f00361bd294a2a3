from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.errors import Overloaded
from interlingua.types.accumulate import UNFINISHED, Accumulator, accumulate, unfold
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.opaque import Opaque
from interlingua.types.parts import Annotation, FilePart, Part, ReasoningPart, TextPart, ToolCallPart, tool_call
from interlingua.types.response import ChatResponse, FinishReason, TokenLogprob
from interlingua.types.usage import Usage
from tests.strategies import citations, opaques, responses, texts

START = MessageStart(id="r1", model="m")
END = MessageEnd(finish=FinishReason("stop", "stop"))
TEXT = PartStart(index=0, part=TextPart(text=""))


@given(responses())
def test_folding_undoes_unfolding(response: ChatResponse) -> None:
    assert accumulate(unfold(response)) == response


@given(responses())
def test_an_unfolded_stream_is_complete_and_keeps_the_grammar(response: ChatResponse) -> None:
    accumulator = Accumulator()
    seen: list[Event] = []
    for event in unfold(response):
        assert not accumulator.complete or isinstance(event, MessageEnd)
        accumulator.add(event)
        seen.append(event)
    assert accumulator.complete
    ends = [isinstance(event, MessageEnd) for event in seen]
    assert ends == sorted(ends)
    assert isinstance(seen[0], MessageStart)


@given(responses(), st.data())
def test_every_prefix_of_a_stream_is_a_partial_answer(response: ChatResponse, data: st.DataObject) -> None:
    events = list(unfold(response))
    cut = data.draw(st.integers(0, len(events) - 1))
    partial = accumulate(events[:cut])
    assert partial.id == (response.id if cut else "")
    assert any(choice.finish == UNFINISHED for choice in partial.choices) or len(partial.choices) < len(events)
    for choice in partial.choices:
        whole = next(other for other in response.choices if other.index == choice.index)
        assert len(choice.message.parts) <= len(whole.message.parts)
        assert whole.message.text.startswith(choice.message.text)


@given(st.lists(texts), st.lists(opaques), st.lists(citations))
def test_deltas_add_up(pieces: list[str], states: list[Opaque], cited: list[Annotation]) -> None:
    deltas = [PartDelta(index=0, text=piece) for piece in pieces]
    deltas += [PartDelta(index=0, opaque=state) for state in states]
    deltas += [PartDelta(index=0, annotation=one) for one in cited]
    part = accumulate([START, TEXT, *deltas, PartEnd(index=0), END]).message.parts[0]
    assert part == TextPart(text="".join(pieces), opaque=tuple(states), annotations=tuple(cited))


def test_parts_of_one_choice_may_interleave() -> None:
    answer = accumulate(
        [
            START,
            PartStart(index=0, part=tool_call("a", "f")),
            PartStart(index=1, part=tool_call("b", "g")),
            PartDelta(index=0, text='{"x":'),
            PartDelta(index=1, text="{}"),
            PartDelta(index=0, text="1}"),
            PartEnd(index=1),
            PartEnd(index=0),
            END,
        ]
    )
    assert answer.message.parts == (tool_call("a", "f", '{"x":1}'), tool_call("b", "g", "{}"))


def test_arguments_are_parsed_from_all_that_came() -> None:
    cut = accumulate([START, PartStart(index=0, part=tool_call("a", "f")), PartDelta(index=0, text='{"x": ')])
    part = cut.message.parts[0]
    assert part == tool_call("a", "f", '{"x": ')
    assert isinstance(part, ToolCallPart)
    assert part.arguments is None


def test_a_later_usage_replaces_an_earlier_one() -> None:
    accumulator = Accumulator()
    for event in (START, UsageUpdate(usage=Usage(input_tokens=1)), UsageUpdate(usage=Usage(output_tokens=2)), END):
        accumulator.add(event)
    assert accumulator.usage == Usage(output_tokens=2) == accumulator.response().usage


def test_log_probabilities_are_gathered_per_choice() -> None:
    spoken = (TokenLogprob("a", -1.0),)
    answer = accumulate([START, TEXT, PartDelta(index=0, text="a", logprobs=spoken), PartEnd(index=0), END])
    assert answer.choices[0].logprobs == spoken


def test_choices_are_kept_apart_and_in_order() -> None:
    events: list[Event] = [START]
    for choice, text in ((1, "second"), (0, "first")):
        events.append(PartStart(index=0, part=TextPart(text=text), choice=choice))
        events.append(PartEnd(index=0, choice=choice))
    events += [MessageEnd(finish=FinishReason("stop", "stop"), choice=choice) for choice in (0, 1)]
    answer = accumulate(events)
    assert [(choice.index, choice.message.text) for choice in answer.choices] == [(0, "first"), (1, "second")]


def test_a_stream_that_failed_keeps_what_came_and_is_not_complete() -> None:
    accumulator = Accumulator()
    failed = Failed.of(Overloaded("no room"))
    for event in (START, TEXT, PartDelta(index=0, text="half"), failed):
        accumulator.add(event)
    assert accumulator.failed == failed
    assert not accumulator.complete
    assert accumulator.response().text == "half"
    assert accumulator.response().finish == UNFINISHED


def test_an_answer_that_never_began_takes_the_names_that_stand_in() -> None:
    accumulator = Accumulator()
    accumulator.add(Failed.of(Overloaded("no room")))
    assert accumulator.response(id="x", model="m") == ChatResponse(id="x", model="m", choices=())


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([TEXT], "before message_start"),
        ([START, START], "second message_start"),
        ([START, PartStart(index=1, part=TextPart(text=""))], "part 1 begins where 0 was due"),
        ([START, PartDelta(index=0, text="a")], "part 0 is not open"),
        ([START, TEXT, PartEnd(index=0), PartDelta(index=0, text="a")], "part 0 is not open"),
        ([START, TEXT, PartEnd(index=0), PartEnd(index=0)], "part 0 is not open"),
        ([START, TEXT, END], "while a part is open"),
        ([START, END, TEXT], "after the end of choice 0"),
        ([START, END, END], "after the end of choice 0"),
        ([START, Failed(code="overloaded", message=""), END], "after the stream failed"),
        (
            [START, PartStart(index=0, part=FilePart(modality="image", file_id="f")), PartDelta(index=0, text="a")],
            "cannot grow",
        ),
        (
            [START, PartStart(index=0, part=ReasoningPart()), PartDelta(index=0, annotation=Annotation(kind="url"))],
            "only text carries annotations",
        ),
    ],
)
def test_a_stream_that_breaks_the_grammar_is_refused(events: list[Event], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        accumulate(events)


def test_what_is_kept_of_an_answer_that_broke_off_is_what_can_be_given_back() -> None:
    """Text; thinking that came whole with its signature; no call, and no thinking without its end."""
    signed = Opaque(origin=None, kind="signature", data="s")
    whole = ReasoningPart(text="why", opaque=(signed,))
    accumulator = Accumulator()
    assert accumulator.partial().parts == ()
    parts: list[Part] = [
        whole,
        ReasoningPart(text="unsigned"),
        TextPart(text="Yes"),
        TextPart(text=" "),
        tool_call("c", "f", "{"),
    ]
    accumulator.add(START)
    for index, part in enumerate(parts):
        accumulator.add(PartStart(index=index, part=part))
        accumulator.add(PartEnd(index=index))
    accumulator.add(PartStart(index=len(parts), part=whole))
    accumulator.add(PartStart(index=len(parts) + 1, part=TextPart(text="and")))
    kept = accumulator.partial()
    assert (kept.role, kept.parts) == ("assistant", (whole, TextPart(text="Yes"), TextPart(text="and")))
