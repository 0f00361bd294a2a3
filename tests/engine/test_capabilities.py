"""What a target cannot take is refused or left out before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from msgspec.structs import replace

from interlingua.config.build import build_engine
from interlingua.config.schema import Config
from interlingua.engine.capabilities import admit
from interlingua.engine.settings import LossSettings
from interlingua.engine.target import Target
from interlingua.errors import Unsupported
from interlingua.types.messages import Message, user
from interlingua.types.parts import BlobPart, TextPart, ToolCallResponsePart
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.tools import FunctionTool, ServerTool, ToolChoice
from interlingua.types.traits import Traits
from tests.strategies import requests

(BASE,) = build_engine(Config(), environment={}).route("groq/llama-3.3-70b-versatile")
IMAGE = BlobPart(modality="image", mime_type="image/png", content="AAAA")
REJECT, WARN = LossSettings(), LossSettings(content="warn")


def target(**traits: object) -> Target:
    return replace(BASE, traits=Traits(**traits))  # type: ignore[arg-type]  # each test gives traits of the right type


def able(_: str) -> Sequence[str]:
    return ("a/one", "b/two")


def ask(*parts: TextPart | BlobPart, **more: object) -> ChatRequest:
    return ChatRequest(model="m", messages=(Message(role="user", parts=parts or (TextPart(text="hi"),)),), **more)  # type: ignore[arg-type]  # as above


@given(requests)
def test_a_model_of_which_nothing_is_known_is_refused_nothing(request: ChatRequest) -> None:
    """Unknown is not no; what is known is which format has a hosted tool."""
    own = tuple(replace(tool, dialect=BASE.dialect) if isinstance(tool, ServerTool) else tool for tool in request.tools)
    request = replace(request, tools=own)
    assert admit(request, target(), REJECT, able) == (request, ())


@pytest.mark.parametrize(
    ("request_", "traits", "path", "feature"),
    [
        (ask(TextPart(text="x"), IMAGE), {"input": ("text",)}, "messages[0].parts[1]", "image"),
        (
            ask(BlobPart(modality="document", mime_type="application/pdf", content="AA")),
            {"input": ("text",)},
            "messages[0].parts[0]",
            "pdf",
        ),
        (
            ask(tools=(ServerTool(dialect="openai_responses", kind="web_search", raw="{}"),)),
            {"tools": False},
            "tools",
            "tools",
        ),
        (ask(modalities=("audio",)), {"output": ("text",)}, "modalities", "audio output"),
    ],
)
def test_content_that_a_model_cannot_take_is_refused_by_place_with_models_that_can(
    request_: ChatRequest, traits: dict[str, object], path: str, feature: str
) -> None:
    """By default; or left out and noted, as configured."""
    with pytest.raises(Unsupported) as caught:
        admit(request_, target(**traits), REJECT, able)
    assert (caught.value.path, caught.value.feature, caught.value.alternatives) == (path, feature, ("a/one", "b/two"))
    admitted, losses = admit(request_, target(**traits), WARN, able)
    assert [(loss.field, loss.action) for loss in losses] == [(path, "warn")]
    assert admit(admitted, target(**traits), REJECT, able) == (admitted, ())


def test_media_in_tool_results_counts_too() -> None:
    """The model would see it as well."""
    result = ToolCallResponsePart(id="c", response=(TextPart(text="a"), IMAGE))
    request = ChatRequest(model="m", messages=(user("x"), Message(role="tool", parts=(result,))))
    with pytest.raises(Unsupported, match=r"messages\[1\]\.parts\[0\]\.response\[1\]"):
        admit(request, target(input=("text",)), REJECT, able)
    admitted, _ = admit(request, target(input=("text",)), WARN, able)
    assert admitted.messages[1].parts == (replace(result, response=(TextPart(text="a"),)),)


def test_what_the_model_said_itself_is_not_examined() -> None:
    """History may hold what another model made; its dialect decides."""
    request = ChatRequest(model="m", messages=(user("x"), Message(role="assistant", parts=(IMAGE,))))
    assert admit(request, target(input=("text",)), REJECT, able) == (request, ())


def test_tools_are_emulated_where_the_model_has_none() -> None:
    """And noted; they stay in the request, for the attempt to put into words."""
    request = ask(tools=(FunctionTool(name="f"),))
    admitted, losses = admit(request, target(tools=False), REJECT, able)
    assert admitted == request
    assert [(loss.field, loss.action) for loss in losses] == [("tools", "emulate")]


def test_tools_that_may_not_be_called_are_simply_left_out() -> None:
    """tool_choice none asks for nothing that the model lacks."""
    request = ask(tools=(FunctionTool(name="f"),), tool_choice=ToolChoice("none"))
    admitted, losses = admit(request, target(tools=False), REJECT, able)
    assert (admitted.tools, losses) == ((), ())


def test_a_schema_is_asked_for_in_words_where_it_cannot_be_enforced() -> None:
    """And noted as emulated."""
    request = ask(output=OutputFormat(kind="json_schema", schema={"type": "object"}))
    admitted, losses = admit(request, target(structured_output=False), REJECT, able)
    assert admitted.output is None
    assert '{"type":"object"}' in admitted.messages[0].text
    assert [loss.action for loss in losses] == ["emulate"]


@pytest.mark.parametrize(("effort", "lost"), [("high", 1), ("none", 0)])
def test_reasoning_is_a_setting_that_a_model_may_lack(effort: str, lost: int) -> None:
    """Asking for none of it loses nothing."""
    admitted, losses = admit(ask(reasoning=Reasoning(effort=effort)), target(reasoning=False), REJECT, able)
    assert (admitted.reasoning, len(losses)) == (None, lost)


def test_the_length_of_an_answer_is_held_to_what_the_model_gives() -> None:
    """More would be a 400."""
    admitted, losses = admit(ask(max_output_tokens=9000), target(max_output=4096), REJECT, able)
    assert (admitted.max_output_tokens, losses[0].action) == (4096, "emulate")


SEARCH = ServerTool(dialect="openai_responses", kind="web_search", raw='{"type":"web_search"}')
LOOK = FunctionTool(name="look")


@pytest.mark.parametrize("choice", [None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required", ("look",))])
def test_a_hosted_tool_beside_the_callers_own_is_left_out_and_told(choice: ToolChoice | None) -> None:
    """Coding agents offer web search with every request; the conversation is whole without."""
    request, losses = admit(ask(tools=(LOOK, SEARCH), tool_choice=choice), target(), REJECT, able)
    assert request.tools == (LOOK,)
    assert [(loss.field, loss.action) for loss in losses] == [("tools[1]", "warn")]
    with pytest.raises(Unsupported) as refused:
        admit(ask(tools=(LOOK, SEARCH), tool_choice=choice), target(), LossSettings(setting="reject"), able)
    assert refused.value.path == "tools[1]"


@pytest.mark.parametrize(
    ("tools", "choice"),
    [((SEARCH,), None), ((LOOK, SEARCH), ToolChoice("required"))],
)
def test_a_hosted_tool_that_is_what_is_asked_for_is_left_to_the_dialect_to_refuse(
    tools: tuple[FunctionTool | ServerTool, ...], choice: ToolChoice | None
) -> None:
    """Leaving it out would answer something else."""
    asked = ask(tools=tools, tool_choice=choice)
    assert admit(asked, target(), REJECT, able) == (asked, ())


def test_a_host_of_the_tools_own_format_gets_it() -> None:
    """As it stands."""
    asked = ask(tools=(LOOK, SEARCH))
    assert admit(asked, replace(target(), dialect="openai_responses"), REJECT, able) == (asked, ())
