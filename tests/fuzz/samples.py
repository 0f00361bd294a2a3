"""What fuzzing starts from: wire samples that our own renderers write, and the words of each format.

Nothing here is recorded. The words are the string constants of a dialect's source, so that a word which the code
learns is fuzzed from that day on.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import interlingua
from interlingua.dialects.registry import count_tokens, dialect, embeddings, models
from interlingua.errors import BY_CODE, InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.accumulate import unfold
from interlingua.types.embeddings import EmbedRequest, EmbedResponse
from interlingua.types.events import Event, Failed, PartDelta
from interlingua.types.listing import ListedModel, ModelPage
from interlingua.types.messages import Message, Role, assistant, system, user
from interlingua.types.opaque import Opaque
from interlingua.types.parts import (
    Annotation,
    BlobPart,
    CacheHint,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.response import ChatResponse, Choice, FinishReason, TokenLogprob
from interlingua.types.token_count import TokenCount
from interlingua.types.tools import CustomTool, FunctionTool, ToolChoice
from interlingua.types.usage import Usage

SOURCE = Path(interlingua.__file__).parent
_WORD = re.compile(r"[A-Za-z$][\w.$-]{1,47}")
_SCHEMA = {"type": "object", "properties": {"city": {"type": ["string", "null"]}}, "required": ["city"]}
_PIXEL = "iVBORw0KGgo="

_STATE = (
    *("openai_chat.reasoning_details", "openai_responses.encrypted_content", "anthropic_messages.signature"),
    *("anthropic_messages.redacted_thinking", "gemini.thought_signature"),
)
_CALLS: tuple[Part, ...] = (
    tool_call("call_1", "lookup", '{"city": "Oslo", "at": [1, 2.5, null, true]}'),
    tool_call("call_2", "lookup", ""),
)
_RESULTS: tuple[Part, ...] = (
    ToolCallResponsePart(id="call_1", name="lookup", response=(TextPart(text='{"sky": "rain"}'),)),
    ToolCallResponsePart(id="call_2", name="lookup", response=(TextPart(text="no"),), is_error=True),
)
_CITED = TextPart(text="Rain, says the paper.", annotations=(Annotation(kind="url", url="http://a/", start=0, end=4),))
_SAID: tuple[tuple[Part, ...], ...] = (
    (TextPart(text="Grüße 🌧 from Oslo."),),
    (_CITED,),
    (ReasoningPart(text="Let me think.", summary=True), TextPart(text="Rain.")),
    (TextPart(text="I look."), *_CALLS),
    (tool_call("call_3", "shell", "ls -l", custom=True),),
    (RefusalPart(text="No."),),
    (BlobPart(modality="image", mime_type="image/png", content=_PIXEL), TextPart(text="a picture")),
    *((ReasoningPart(text="Hm.", opaque=(Opaque(kind=kind, data="c2ln"),)), *_CALLS) for kind in _STATE),
)
_USAGE = Usage(input_tokens=30, output_tokens=12, cache_read=5, cache_creation=3, reasoning=4, input_audio=1)
_FINISHES = [FinishReason("stop", "stop"), FinishReason("length", "length"), FinishReason("tool_call", "tool_calls")]


def lenient(name: str) -> TranslationContext:
    """Surroundings in which nothing is refused for being lost."""
    return TranslationContext(
        dialect=name, model="m", seed="fuzz", created=1, on_loss={"setting": "warn", "content": "warn"}
    )


def _turn(role: Role, parts: tuple[Part, ...]) -> Message:
    return Message(role=role, parts=parts)


def requests() -> Iterator[ChatRequest]:
    """Requests that between them use every field of the waist."""
    ask = user("How is the weather?")
    tools = (
        FunctionTool(name="lookup", description="d", parameters=_SCHEMA, strict=True, cache=CacheHint("5m")),
        CustomTool(name="shell", format={"type": "text"}),
    )
    yield ChatRequest(model="m", messages=(ask,))
    yield ChatRequest(
        model="m",
        messages=(system("Be brief."), ask, _turn("assistant", _CALLS), _turn("tool", _RESULTS)),
        tools=tools,
        tool_choice=ToolChoice("required", ("lookup",)),
        parallel_tool_calls=False,
        stream=True,
        include_usage=True,
    )
    yield ChatRequest(
        model="m",
        messages=(ask,),
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.9,
        top_k=4,
        seed=7,
        stop=("a", "b"),
        n=2,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        logit_bias={"5": -1.0},
        logprobs=True,
        top_logprobs=3,
        reasoning=Reasoning(effort="low", display="summarized"),
        output=OutputFormat(kind="json_schema", name="o", schema=_SCHEMA, strict=True),
        metadata={"a": "b"},
        end_user="me",
        cache_key="k",
        service_tier="auto",
        verbosity="low",
        store=False,
        modalities=("text",),
    )
    media: tuple[Part, ...] = (
        TextPart(text="Look:", cache=CacheHint()),
        BlobPart(modality="image", mime_type="image/png", content=_PIXEL, detail="low"),
        BlobPart(modality="document", mime_type="application/pdf", content=_PIXEL, name="a.pdf"),
        BlobPart(modality="audio", mime_type="audio/wav", content=_PIXEL),
        UriPart(modality="image", uri="https://example.com/a.png", mime_type="image/png"),
    )
    yield ChatRequest(model="m", messages=(_turn("user", media),), reasoning=Reasoning(budget_tokens=2048))
    for said in _SAID:
        answers = (_turn("tool", _RESULTS),) if _CALLS[0] in said else ()
        turns = (ask, _turn("assistant", said), *answers, user("And?"))
        yield ChatRequest(model="m", messages=turns, tools=tools)


def responses() -> Iterator[ChatResponse]:
    """Answers that between them use every part a model may say."""
    for place, said in enumerate(_SAID):
        message = Message(role="assistant", parts=said)
        yield ChatResponse(
            id="r1",
            model="m",
            usage=_USAGE if place % 2 else None,
            created=1,
            choices=(Choice(message=message, finish=_FINISHES[place % len(_FINISHES)]),),
        )
    probable = TokenLogprob("Rain", -0.5, (82, 97), (TokenLogprob("Rain", -0.5), TokenLogprob("Sun", -1.5)))
    stop = FinishReason("stop", "stop")
    yield ChatResponse(
        id="r2",
        model="m",
        service_tier="default",
        usage=_USAGE,
        choices=(
            Choice(message=assistant("Rain."), finish=stop, logprobs=(probable,)),
            Choice(message=assistant("Sun."), finish=stop, index=1),
        ),
    )


def _pieces(event: Event) -> list[Event]:
    """A delta as several, for streams that look like those of providers."""
    if not isinstance(event, PartDelta) or len(event.text) < 4 or event.logprobs:
        return [event]
    half = len(event.text) // 2
    return [
        PartDelta(index=event.index, choice=event.choice, text=text) for text in (event.text[:half], event.text[half:])
    ]


def _stream(name: str, events: Iterator[Event]) -> bytes:
    renderer = dialect(name).StreamRenderer(lenient(name), ChatRequest(model="m", stream=True, include_usage=True))
    pieces = [renderer.render(piece) for event in events for piece in _pieces(event)]
    return b"".join((*pieces, renderer.close()))


def _failing(response: ChatResponse, error: InterlinguaError) -> Iterator[Event]:
    yield from list(unfold(response))[:3]
    yield Failed.of(error)


@cache
def streams(name: str) -> tuple[bytes, ...]:
    """Streams of a dialect."""
    failing = [_failing(next(responses()), made("in band")) for made in BY_CODE.values()]
    opaque = ChatResponse(id="r", model="m", choices=(Choice(message=_own(name), finish=_FINISHES[0]),))
    found = [_stream(name, unfold(response)) for response in (*responses(), opaque)]
    return _distinct((*found, *(_stream(name, events) for events in failing), *_by_hand(name, "streams")))


def _own(name: str) -> Message:
    """An answer with a piece that only `name` knows."""
    part = OpaquePart(dialect=name, kind="novelty", raw='{"type": "novelty", "id": "n1", "status": "completed"}')
    return Message(role="assistant", parts=(part, TextPart(text="Done.")))


@cache
def bodies(name: str) -> tuple[bytes, ...]:
    """Requests, answers and errors of a dialect, those of its other operations included."""
    speaker, context = dialect(name), lenient
    wires: list[WireRequest | WireResponse] = [speaker.render_request(each, context(name)) for each in requests()]
    wires += [speaker.render_response(each, context(name)) for each in responses()]
    wires += [speaker.render_error(made("no way", raw_code="oops"), context(name)) for made in BY_CODE.values()]
    if (embedding := embeddings(name)) is not None:
        asked = EmbedRequest(model="m", inputs=("a", "b"))
        answer = EmbedResponse(model="m", embeddings=((0.5, 1.0), (0.0, -1.0)), usage=_USAGE)
        wires += [
            embedding.render_embed_request(asked, context(name)),
            embedding.render_embed_response(answer, context(name), asked),
        ]
    if (listing := models(name)) is not None:
        page = ModelPage(models=(ListedModel(id="m", created=1, owner="me"),))
        wires += [listing.render_models_request(context(name)), listing.render_models_response(page, context(name))]
    if (counting := count_tokens(name)) is not None:
        wires += [
            counting.render_count_request(next(requests()), context(name)),
            counting.render_count_response(TokenCount(input_tokens=5, exact=True), context(name)),
        ]
    return _distinct((*(wire.body for wire in wires if wire.body), *_by_hand(name, "bodies")))


def _by_hand(name: str, kind: str) -> tuple[bytes, ...]:
    """Samples of what hosts send and our renderers do not write; see the files in `by_hand/`."""
    folder = Path(__file__).parent / "by_hand"
    return tuple(path.read_bytes() for path in sorted(folder.glob(f"{name}.{kind}.*")))


def _distinct(found: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(found))


@cache
def words(room: str) -> tuple[str, ...]:
    """Every word that stands as a string in the source of a room, such as `dialects/gemini`."""
    found: set[str] = set()
    for path in sorted((SOURCE / room).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _WORD.fullmatch(node.value):
                found.add(node.value)
    return tuple(sorted(found))
