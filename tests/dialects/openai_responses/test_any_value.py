"""Whatever the waist can hold goes out well-formed or is refused typed; nothing crashes."""

from __future__ import annotations

from hypothesis import assume, given, settings

from interlingua.dialects import openai_responses as dialect
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Failed
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from tests.dialects.openai_responses.wire import context, read
from tests.strategies import requests, responses


@given(requests)
@settings(max_examples=150)
def test_any_request_is_rendered_and_understood_again(request: ChatRequest) -> None:
    assume(request.max_output_tokens != 0)  # refused on the way in
    first = dialect.render_request(request, context())
    again = dialect.parse_request(first, context())
    second = dialect.render_request(again, context())
    third = dialect.render_request(dialect.parse_request(second, context()), context())
    assert third.body == second.body and again.model == request.model


@given(responses())
@settings(max_examples=150)
def test_any_answer_says_the_same_whole_and_streamed(response: ChatResponse) -> None:
    renderer = dialect.StreamRenderer(context())
    stream = b"".join(renderer.render(one) for one in unfold(response)) + renderer.close()
    events = read(stream)
    if response.finish.kind == "error":
        assert isinstance(events[-1], Failed)
        return
    streamed = accumulate(events)
    whole = dialect.parse_response(dialect.render_response(response, context()), context())
    assert streamed.text == whole.text == response.text
    assert [type(part) for part in streamed.message.parts] == [type(part) for part in whole.message.parts]
    assert streamed.finish == whole.finish
