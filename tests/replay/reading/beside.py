"""What is asked of hosts beside chat: vectors, lists of models, counts of tokens."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from interlingua.dialects import registry
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.opaque import Json
from tests.replay.coverage import Covered
from tests.replay.differences import ABSENT, Difference
from tests.replay.reading import anthropic_messages, gemini, ollama, openai_chat, openai_responses
from tests.replay.reading.format import Exchange, count, member, objects
from tests.replay.rules import Case, Excuse, Rules, Spelling, Tally, at, compare, empty, every, renamed, without_nulls
from tests.replay.traffic import response_of

Add = Callable[[str, Callable[[], list[str]]], None]

NULLS = Spelling("null is absent", "JSON members that are null say nothing", without_nulls())


def context_of(covered: Covered, model: str = "") -> TranslationContext:
    """Surroundings in which nothing may be lost."""
    loud: Any = {"setting": "reject", "content": "reject"}
    return TranslationContext(dialect=covered.dialect, seed="replay", model=model, on_loss=loud)


def check_beside(exchange: Exchange, covered: Covered, tally: Tally, add: Add) -> None:
    """Checks the request and the answer of such an operation."""
    checks = {"embeddings": _embeddings, "models": _models, "count_tokens": _counts}
    checks[covered.operation](exchange, covered, tally, add)


def _wire(exchange: Exchange) -> WireRequest | None:
    request = exchange["request"]
    if not request or not isinstance(request["body"], dict):
        return None
    return WireRequest(path=urlsplit(request["url"]).path, body=msgspec.json.encode(request["body"]))


# Vectors.


def numbers(value: Json) -> Json:
    """A vector in base64 as its numbers: little-endian float32, or int8 where those would be nonsense."""
    if not isinstance(value, str):
        return value
    try:
        data = base64.b64decode(value, validate=True)
    except binascii.Error:
        return value
    if len(data) % 4 == 0:
        floats = struct.unpack(f"<{len(data) // 4}f", data)
        if sum(1 for one in floats if not one or 1e-12 < abs(one) < 1e6) >= 0.9 * len(floats):
            return list(floats)
    return list(struct.unpack(f"{len(data)}b", data))


def _embed_default(difference: Difference, case: Case) -> bool:
    """Members that official clients insist on, whose value follows from their place."""
    if not difference.added:
        return False
    wanted: Json = {
        "object": "list",
        "data[].object": "embedding",
        "data[].index": difference.path[1] if len(difference.path) > 1 else None,
        "usage.prompt_tokens": member(case.recorded, "usage", "total_tokens"),
        "usage.total_tokens": member(case.recorded, "usage", "prompt_tokens"),
    }.get(difference.pattern)
    return wanted is not None and bool(difference.rendered == wanted)


def _model_of_the_path(difference: Difference, case: Case) -> bool:
    return difference.added and difference.pattern in ("model", "requests[].model") and bool(difference.rendered)


EMBED_REQUEST: dict[str, Rules] = {
    "openai_chat": Rules(
        (
            NULLS,
            Spelling(
                "one input",
                "`input` is a text, or a list of one",
                lambda body: at(renamed(body, {"inputs": "input"}), "input", _one),
            ),
            Spelling(
                "dimensions by another name",
                "Voyage and Mistral say output_dimension",
                lambda body: renamed(body, {"output_dimension": "dimensions"}),
            ),
        )
    ),
    "gemini": Rules(
        (
            gemini.NAMES,
            NULLS,
            Spelling(
                "list of one",
                "proto3 JSON takes it without brackets",
                every("content.parts", "requests[].content.parts", change=gemini.listed),
            ),
            Spelling(
                "text alone is content",
                "a content may be a bare string",
                every(
                    "content",
                    "requests[].content",
                    change=lambda one: {"parts": [{"text": one}]} if isinstance(one, str) else one,
                ),
            ),
            Spelling(
                "settings in their place", "Vertex puts them into embedContentConfig", lambda body: _unpacked(body)
            ),
            Spelling(
                "role of a text",
                "a content to be embedded is nobody's turn",
                every("content.role", "requests[].content.role", change=lambda _: ABSENT),
            ),
        ),
        (Excuse("model of the path", "named in each request of a batch too", _model_of_the_path),),
    ),
    "ollama": Rules(
        (
            NULLS,
            Spelling("one input", "`input` is a text, or a list of one", lambda body: at(body, "input", _one)),
            Spelling("empty says nothing", "no options", every("options", change=empty)),
        )
    ),
}
EMBED_RESPONSE = Rules(
    (
        NULLS,
        Spelling(
            "vector in base64",
            "the same numbers, as the request asked for them",
            lambda body: at(body, "data[].embedding", numbers),
        ),
    ),
    (Excuse("frame completed", "members that official clients insist on, as their place tells", _embed_default),),
)


def _one(value: Json) -> Json:
    plain = isinstance(value, str) or (isinstance(value, list) and value and all(isinstance(one, int) for one in value))
    return [value] if plain else value


def _unpacked(body: Json) -> Json:
    config = member(body, "embedContentConfig")
    if not isinstance(config, dict):
        return body
    return {**{key: value for key, value in body.items() if key != "embedContentConfig"}, **config}


def _embeddings(exchange: Exchange, covered: Covered, tally: Tally, add: Add) -> None:
    module = registry.embeddings(covered.dialect)
    assert module is not None
    wire = _wire(exchange)

    def request() -> list[str]:
        assert wire is not None
        parsed = module.parse_embed_request(wire, context_of(covered))
        rendered = module.render_embed_request(parsed, context_of(covered))
        return compare(
            msgspec.json.decode(wire.body), msgspec.json.decode(rendered.body), EMBED_REQUEST[covered.dialect], tally
        )

    def response() -> list[str]:
        asked = module.parse_embed_request(wire, context_of(covered)) if wire is not None else None
        model = asked.model if asked is not None else ""
        found = module.parse_embed_response(response_of(exchange), context_of(covered, model))
        rendered = module.render_embed_response(found, context_of(covered, model), asked)
        body = exchange["response"]["body"]
        problems = compare(body, msgspec.json.decode(rendered.body), EMBED_RESPONSE, tally, found)
        if asked is not None and len(found.embeddings) != len(asked.inputs):
            problems.append(f"{len(found.embeddings)} vectors for {len(asked.inputs)} inputs")
        lengths = {len(vector) for vector in found.embeddings}
        if len(lengths) != 1 or (asked is not None and asked.dimensions not in (None, *lengths)):
            problems.append(f"vectors of length {sorted(lengths)}")
        wanted = _embedded(body)
        counted = found.usage.input_tokens if found.usage is not None else None
        return problems + ([] if counted == wanted else [f"usage.input_tokens {counted}, not {wanted}"])

    if wire is not None:
        add("request", request)
    add("response", response)


def _embedded(body: Json) -> int | None:
    """The tokens of the inputs, wherever a host counts them; a total without more is the prompt."""
    ways = (
        ("usage", "prompt_tokens"),
        ("usage", "total_tokens"),
        ("prompt_eval_count",),
        ("usageMetadata", "promptTokenCount"),
    )
    return next((found for way in ways if (found := count(member(body, *way))) is not None), None)


# Lists of models.


def _list_default(difference: Difference, case: Case) -> bool:
    """Members that official clients insist on, at the value that says nothing; and an id as the name of its model."""
    if not difference.added or not isinstance(difference.path[-1], str):
        return False
    entry = case.rendered
    for step in difference.path[:-1]:
        entry = entry[step]
    known: Json = {
        "object": ("list", "model"),
        "created": (0,),
        "owned_by": ("", entry.get("organization")),
        "name": (entry.get("display_name"),),
        "context_length": (),
        "lifecycle": ("active",),
        "supportedGenerationMethods": (["generateContent"],),
    }
    if difference.key in ("context_length", "max_completion_tokens"):
        return any(difference.rendered == found for found in _figures(entry, difference.key))
    if difference.key in ("first_id", "last_id"):
        return bool(difference.rendered in [one.get("id") for one in objects(case.rendered.get("data"))])
    return bool(difference.rendered in known.get(difference.key, ()))


def _figures(entry: Json, but: str) -> list[Json]:
    """Every number that an entry says, at any depth, but for the one under that name at its top."""
    found: list[Json] = []
    for key, value in entry.items() if isinstance(entry, dict) else ():
        if isinstance(value, dict):
            found += _figures(value, "")
        elif key != but:
            found.append(value)
    return found


def _entries(body: Json) -> Json:
    """A list in its envelope: hosts send it bare too, and a single model where one was asked for."""
    if isinstance(body, list):
        return {"data": body}
    return {"data": [body]} if isinstance(body, dict) and "id" in body and "data" not in body else body


LISTS = Rules(
    (
        NULLS,
        Spelling("list without envelope", "hosts that answer a bare list, or one model", _entries),
        Spelling("no further page", "links that lead nowhere", lambda body: at(body, "links", empty)),
        Spelling(
            "name is the id",
            "hosts that repeat the id as a name",
            lambda body: at(
                body, "data[]", lambda one: {k: v for k, v in one.items() if not (k == "name" and v == one.get("id"))}
            ),
        ),
        Spelling(
            "object named",
            "`object` is always list, and model",
            lambda body: at(at(body, "object", lambda _: ABSENT), "data[].object", lambda _: ABSENT),
        ),
    ),
    (
        Excuse(
            "frame completed",
            "members that official clients insist on; limits under the name that routers use",
            _list_default,
        ),
    ),
)


def _models(exchange: Exchange, covered: Covered, tally: Tally, add: Add) -> None:
    module = registry.models(covered.dialect)
    assert module is not None

    def response() -> list[str]:
        quiet: Any = {"setting": "drop", "content": "reject"}
        context = TranslationContext(dialect=covered.dialect, on_loss=quiet)
        page = module.parse_models_response(response_of(exchange), context)
        rendered = module.render_models_response(page, context)
        body = exchange["response"]["body"]
        problems = compare(body, msgspec.json.decode(rendered.body), LISTS, tally, page)
        entries = objects(_entries(body).get("data") or body.get("models") if isinstance(body, dict) else body)
        names = [
            one.get("id") or one.get("model") or str(one.get("name", "")).removeprefix("models/") for one in entries
        ]
        if [model.id for model in page.models] != names:
            problems.append(f"models {[model.id for model in page.models]}, not {names}"[:300])
        return problems

    add("response", response)


# Counts of tokens.

ASIDE = {*("maxOutputTokens", "temperature", "topP", "topK", "stopSequences", "seed"), "candidateCount"}


def _answers_own(difference: Difference, case: Case) -> bool:
    """Settings that only the answer depends on are not sent where nothing is answered."""
    if difference.pattern == "generationConfig" and difference.lost:
        return bool(difference.recorded.keys() <= ASIDE)
    return difference.lost and difference.path[0] == "generationConfig" and difference.key in ASIDE


COUNT_REQUEST: dict[str, Rules] = {
    "openai_responses": openai_responses.REQUEST,
    "anthropic_messages": anthropic_messages.REQUEST,
    "gemini": Rules(
        (
            gemini.NAMES,
            Spelling(
                "request inside",
                "the Developer API takes a whole request only inside generateContentRequest",
                lambda body: _inner(body),
            ),
        ),
        (Excuse("setting of the answer", "not sent where tokens are only counted", _answers_own),),
    )
    + gemini.REQUEST,
}


def _inner(body: Json) -> Json:
    inner = member(body, "generateContentRequest")
    if not isinstance(inner, dict):
        return body
    return {key: value for key, value in inner.items() if key != "model"}


def _counts(exchange: Exchange, covered: Covered, tally: Tally, add: Add) -> None:
    module = registry.count_tokens(covered.dialect)
    assert module is not None
    wire = _wire(exchange)
    readings = (openai_chat, openai_responses, anthropic_messages, gemini, ollama)
    reading = next(one.READING for one in readings if one.READING.dialect == covered.dialect)

    def request() -> list[str]:
        assert wire is not None
        asked = module.parse_count_request(wire, reading.surroundings(exchange))
        rendered = module.render_count_request(asked, reading.surroundings(exchange))
        recorded = msgspec.json.decode(wire.body)
        return compare(recorded, msgspec.json.decode(rendered.body), COUNT_REQUEST[covered.dialect], tally)

    def response() -> list[str]:
        found = module.parse_count_response(response_of(exchange), context_of(covered))
        rendered = module.render_count_response(found, context_of(covered))
        body = exchange["response"]["body"]
        problems = compare(body, msgspec.json.decode(rendered.body), Rules((NULLS,)), tally)
        wanted = body.get("input_tokens", body.get("totalTokens"))
        return problems + ([] if found.exact and found.input_tokens == wanted else [f"{found}, not {wanted}"])

    if wire is not None:
        add("request", request)
    add("response", response)
