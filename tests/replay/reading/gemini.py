"""generateContent, read from its description: spellings, endings, counts, state, and what a stream amounts to."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Json
from interlingua.types.traits import HostTraits, Traits
from tests.replay.differences import ABSENT, Difference
from tests.replay.reading.format import Ending, Exchange, Reading, Told, count, member, objects, walk
from tests.replay.rules import Case, Change, Excuse, Rules, Spelling, at, empty, every, whole_second, without_nulls

FILTERED = {
    *("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "MODEL_ARMOR", "ESCALATION"),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "PUP_LIMITED_DISABLED"),
}
ENDINGS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(FILTERED, "content_filter"),
}
"""finishReason; every other word is an error, for nothing says that the answer is whole."""
NUMBERS = ("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")
"""The members of the enum that both transports number alike."""
DATA = {
    *("text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode"),
    *("codeExecutionResult", "toolCall", "toolResponse"),
}
SCHEMAS = {"parameters": "parametersJsonSchema", "responseSchema": "responseJsonSchema"}
SEALED = ("args", "response", "labels", *SCHEMAS, *SCHEMAS.values())
"""Members that hold values of the caller's own."""
_STEPS = re.compile(r"[^.\[\]]+")
TYPES = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}


def camel(name: str) -> str:
    """A proto name as JSON has it."""
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest) if head else name


def camelized(value: Json) -> Json:
    """Names in camelCase, which proto3 JSON takes in snake_case too; not inside the caller's own values."""
    if isinstance(value, dict):
        return {camel(key): inner if camel(key) in SEALED else camelized(inner) for key, inner in value.items()}
    return [camelized(one) for one in value] if isinstance(value, list) else value


def listed(value: Json) -> Json:
    """A list of one, which proto3 JSON takes without its brackets."""
    return [value] if isinstance(value, dict) else value


def openapi(value: Json) -> Json:
    """The JSON Schema that an OpenAPI-style schema means: lower-case types, null as a type, properties in order."""
    if not isinstance(value, dict):
        return value
    found = {{"defs": "$defs", "ref": "$ref"}.get(camel(key), camel(key)): inner for key, inner in value.items()}
    found = _inner_schemas(found, openapi)
    kinds = found.get("type")
    if kinds is not None:
        lower = [word.lower() if word in TYPES else word for word in (kinds if isinstance(kinds, list) else [kinds])]
        found["type"] = lower if isinstance(kinds, list) else lower[0]
    ordering, properties = found.pop("propertyOrdering", []), found.get("properties")
    if isinstance(properties, dict):
        found["properties"] = {name: properties[name] for name in ordering if name in properties} | properties
    if found.pop("nullable", None) is True:
        if isinstance(found.get("type"), str):
            found["type"] = [found["type"], "null"]
            found |= {"enum": [*found["enum"], None]} if isinstance(found.get("enum"), list) else {}
        elif isinstance(found.get("anyOf"), list):
            found["anyOf"] = [*found["anyOf"], {"type": "null"}]
    return found


def schema(value: Json) -> Json:
    """A JSON Schema in words that every model knows, with the order of its properties beside them."""
    if not isinstance(value, dict):
        return value
    found = _inner_schemas({key: inner for key, inner in value.items() if key != "$schema"}, schema)
    if "oneOf" in found and "anyOf" not in found:
        found["anyOf"] = found.pop("oneOf")
    if "const" in found and "enum" not in found:
        found["enum"] = [found.pop("const")]
    if isinstance(found.get("properties"), dict):
        found["(order)"] = list(found["properties"])
    return found


def _inner_schemas(value: dict[str, Json], change: Change) -> dict[str, Json]:
    for key in ("properties", "$defs"):
        if isinstance(value.get(key), dict):
            value[key] = {name: change(one) for name, one in value[key].items()}
    for key in ("items", "additionalProperties"):
        if key in value:
            value[key] = change(value[key])
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        if isinstance(value.get(key), list):
            value[key] = [change(one) for one in value[key]]
    return value


def _schemas(value: Json) -> Json:
    """Both fields of a schema as the newer one, in JSON Schema."""
    if not isinstance(value, dict):
        return value
    found = dict(value)
    for old, new in SCHEMAS.items():
        if old in found and new not in found:
            found[new] = openapi(found.pop(old))
        if new in found:
            found[new] = schema(found[new])
    return found


def _tools(tools: Json) -> Json:
    """One tool in each object, all functions together in the first that holds any."""
    if not isinstance(tools, list):
        return tools
    found: list[dict[str, Json]] = []
    functions: list[Json] = []
    for tool in objects(tools):
        for key, inner in tool.items():
            if key != "functionDeclarations":
                found.append({key: inner})
                continue
            if not functions:
                found.append({key: functions})
            functions.extend(listed(inner))
    return found


def _part(part: Json) -> Json:
    """A part without defaults and in standard base64; nothing where it holds nothing."""
    if not isinstance(part, dict):
        return part
    found = {key: inner for key, inner in part.items() if not (key == "thought" and inner is False)}
    data = member(found, "inlineData", "data")
    if isinstance(data, str):
        data = data.replace("-", "+").replace("_", "/")
        found["inlineData"] = found["inlineData"] | {"data": data + "=" * (-len(data) % 4)}
    return ABSENT if found in ({"text": ""}, {"text": "", "thought": True}, {}) else found


def _level(word: Json) -> Json:
    return word.upper() if isinstance(word, str) else word


def _merged(body: Json) -> Json:
    """Neighbouring contents of one role as one."""
    if not isinstance(member(body, "contents"), list):
        return body
    turns: list[dict[str, Json]] = []
    for content in objects(body["contents"]):
        if turns and turns[-1].get("role", "user") == content.get("role", "user"):
            turns[-1] = turns[-1] | {"parts": [*turns[-1]["parts"], *content["parts"]]}
        else:
            turns.append(content)
    return body | {"contents": turns}


def _silent(content: Json) -> Json:
    return ABSENT if isinstance(content, dict) and not content.get("parts") else content


def _speaker(content: Json) -> Json:
    return {"role": "user", **content} if isinstance(content, dict) else content


NAMES = Spelling("names in snake_case", "proto3 JSON takes both", camelized)
NULLS = Spelling("null is absent", "JSON members that are null say nothing", without_nulls(*SEALED))
LISTS = Spelling(
    "list of one",
    "proto3 JSON takes it without brackets",
    lambda body: every(
        *("contents[].parts", "systemInstruction.parts", "tools[].functionDeclarations", "candidates[].content.parts"),
        *("candidates", "contents[].parts[].functionResponse.parts"),
        change=listed,
    )(every("contents", "tools", change=listed)(body)),
)
PARTS = Spelling(
    "parts as they mean",
    "bytes are base64 in either alphabet, `thought: false` is the default, an empty text is none",
    every(
        *("contents[].parts[]", "systemInstruction.parts[]", "candidates[].content.parts[]"),
        "contents[].parts[].functionResponse.parts[]",
        change=_part,
    ),
)

REQUEST = Rules(
    spellings=(
        NAMES,
        NULLS,
        LISTS,
        Spelling(
            "schema in JSON Schema",
            "`parameters` and `responseSchema` are the older fields: upper-case types, nullable, no const and oneOf",
            lambda body: at(at(body, "tools[].functionDeclarations[]", _schemas), "generationConfig", _schemas),
        ),
        Spelling(
            "tools in one place",
            "functions may be spread over several tool objects",
            lambda body: at(body, "tools", _tools),
        ),
        PARTS,
        Spelling(
            "turn that says nothing",
            "the format refuses empty contents",
            lambda body: at(at(body, "contents[]", _silent), "systemInstruction", _silent),
        ),
        Spelling(
            "role of instructions",
            "systemInstruction says by its place what it is; SDKs write user or model",
            lambda body: at(body, "systemInstruction.role", lambda _: ABSENT),
        ),
        Spelling(
            "neighbours of one role",
            "contents of one role in a row are one turn; results stand in one of their own",
            _merged,
        ),
        Spelling(
            "speaker unsaid", "contents without a role are the user's", lambda body: at(body, "contents[]", _speaker)
        ),
        Spelling(
            "enum in any case",
            "thinkingLevel is understood in either",
            lambda body: at(body, "generationConfig.thinkingConfig.thinkingLevel", _level),
        ),
        Spelling(
            "empty says nothing",
            "proto3 JSON leaves out defaults: empty settings, descriptions and lists",
            every(
                *("generationConfig.thinkingConfig", "generationConfig.stopSequences", "generationConfig", "tools"),
                *("toolConfig", "safetySettings", "systemInstruction", "tools[].functionDeclarations[].description"),
                change=empty,
            ),
        ),
    )
)


def surroundings(exchange: Exchange) -> TranslationContext:
    """A target that takes media in tool results, as models since 3 do, and by address, as Vertex does."""
    return TranslationContext(
        dialect="gemini", seed="replay", traits=Traits(media_in_results=True), host=HostTraits(fetches_media=True)
    )


def _numbered(word: Json) -> Json:
    return NUMBERS[word] if isinstance(word, int) and 0 <= word < len(NUMBERS) else word


def _made(difference: Difference, case: Case) -> bool:
    """Ids, by which clients pair results with calls."""
    known = ("candidates[].content.parts[].functionCall.id", "responseId")
    return difference.added and difference.pattern in known and isinstance(difference.rendered, str)


def _default(difference: Difference, case: Case) -> bool:
    """Members whose value follows from their place."""
    if not difference.added:
        return False
    if difference.pattern == "candidates[].index":
        return bool(difference.rendered == difference.path[1])
    if difference.pattern == "candidates[].content":
        return bool(difference.rendered == {"role": "model"})
    if difference.pattern == "candidates[].finishReason":
        return bool(difference.rendered == NUMBERS[0])
    return difference.pattern == "candidates[].content.role" and difference.rendered == "model"


RESPONSE = Rules(
    spellings=(
        NAMES,
        NULLS,
        LISTS,
        PARTS,
        Spelling(
            "enum by number",
            "finishReason as a number, which clients may ask for",
            lambda body: at(body, "candidates[].finishReason", _numbered),
        ),
        Spelling(
            "whole seconds",
            "the waist counts time in seconds; the fraction of createTime goes",
            lambda body: at(body, "createTime", whole_second),
        ),
        Spelling(
            "empty says nothing",
            "proto3 JSON leaves out defaults",
            every("candidates[].content.parts", "modelVersion", change=empty),
        ),
    ),
    excuses=(
        Excuse("id made", "older models give none, and clients pair results by them", _made),
        Excuse("default said", "proto3 JSON leaves out an index of 0, a role that is always the same", _default),
    ),
)


def endings(body: Json) -> list[Ending]:
    """Why each candidate ended; calls end with STOP, and a blocked prompt is an answer that a filter ended."""
    found = []
    for candidate in objects(member(body, "candidates")):
        word = _numbered(candidate.get("finishReason")) or NUMBERS[0]
        kind = ENDINGS.get(word, "error")
        parts = objects(listed(member(candidate, "content", "parts")))
        called = any("functionCall" in part or "function_call" in part for part in parts)
        found.append(Ending("tool_call" if kind == "stop" and called else kind, word))
    reason = member(body, "promptFeedback", "blockReason")
    return found or ([Ending("content_filter", reason)] if reason else [])


def usage(body: Json) -> tuple[dict[str, int | None], Json] | None:
    """The counts of an answer: thoughts belong to it, what tools put in belongs to the prompt."""
    raw = camelized(member(body, "usageMetadata"))
    if not isinstance(raw, dict):
        return None
    prompt, tools = count(raw.get("promptTokenCount")), count(raw.get("toolUsePromptTokenCount"))
    answer, thoughts = count(raw.get("candidatesTokenCount")), count(raw.get("thoughtsTokenCount"))
    total = count(raw.get("totalTokenCount"))
    if prompt is None and answer is None and thoughts is None and total is None:
        return None  # it counts nothing, and stands among the foreign fields
    whole = None if prompt is None else prompt + (tools or 0)
    spoken: int | None = (answer or 0) + (thoughts or 0)
    if answer is None and thoughts is None:  # a zero is left out on the wire
        spoken = None if total is None or whole is None else max(0, total - whole)
    return {
        "input_tokens": whole,
        "output_tokens": spoken,
        "cache_read": count(raw.get("cachedContentTokenCount")),
        "cache_creation": None,
        "reasoning": thoughts,
    }, raw


def calls(body: Json) -> list[tuple[str, str]]:
    """Function calls of every candidate; models before 3 give no ids."""
    found = []
    for candidate in objects(member(camelized(body), "candidates")):
        parts = objects(listed(member(candidate, "content", "parts")))
        made = [part["functionCall"] for part in parts if isinstance(part.get("functionCall"), dict)]
        found += [(str(call.get("id") or ""), str(call.get("name"))) for call in made]
    return found


def states(body: Json) -> list[str]:
    """Thought signatures."""
    found = [one.get("thoughtSignature") or one.get("thought_signature") for one in walk(member(body, "candidates"))]
    return [text for text in found if isinstance(text, str) and text]


def unknown(body: Json) -> list[str]:
    """Parts that hold none of the documented data."""
    found = []
    for candidate in objects(member(body, "candidates")):
        for part in objects(listed(member(candidate, "content", "parts"))):
            names = {camel(key) for key in part}
            if not names & DATA and not names <= {"thoughtSignature", "thought"}:
                found.append(f"part {sorted(names)}")
    return found


def failed(body: Json) -> bool:
    """Whether it is an error, whatever its status."""
    return not isinstance(body, dict) or bool(body.get("error"))


def _plain(part: dict[str, Json]) -> bool:
    return part.keys() <= {"text", "thought"}


def _put(arguments: dict[str, Json], piece: dict[str, Json]) -> None:
    """Puts one partial argument in its place; a text that goes on is appended."""
    steps = [int(step) if step.isdigit() else step.strip("'\"") for step in _STEPS.findall(piece["jsonPath"][1:])]
    values = [piece[key] for key in ("stringValue", "numberValue", "boolValue") if key in piece]
    node: Json = arguments
    for step, following in itertools.pairwise(steps):
        if isinstance(step, int):
            node.extend([None] * (step + 1 - len(node)))
        if (node.get(step) if isinstance(node, dict) else node[step]) is None:
            node[step] = [] if isinstance(following, int) else {}
        node = node[step]
    last, value = steps[-1], values[0] if values else None
    if isinstance(last, int):
        node.extend([None] * (last + 1 - len(node)))
        before = node[last]
    else:
        before = node.get(last)
    node[last] = before + value if isinstance(before, str) and isinstance(value, str) else value


def _grow(parts: list[dict[str, Json]], part: dict[str, Json]) -> bool:
    """Takes a piece of a call whose arguments come in pieces; False for any other part."""
    call = part.get("functionCall")
    last = parts[-1] if parts else {}
    going = isinstance(last.get("functionCall"), dict) and last["functionCall"].get("willContinue")
    if not isinstance(call, dict) or not (going or "partialArgs" in call or call.get("willContinue")):
        return False
    if "name" in call:
        parts.append(part | {"functionCall": {"args": {}, **call}})
    whole = parts[-1]["functionCall"]
    for piece in whole.pop("partialArgs", []) if "name" in call else call.get("partialArgs", []):
        _put(whole["args"], piece)
    whole["willContinue"] = bool(call.get("willContinue"))
    if not whole["willContinue"]:
        del whole["willContinue"]
    return True


def _append(parts: list[dict[str, Json]], part: dict[str, Json]) -> None:
    """Adds a part; plain texts of a kind grow, a signature stays with the part that it came on."""
    if _grow(parts, part):
        return
    last = parts[-1] if parts else None
    if last is not None and _plain(part) and _plain(last) and last.get("thought") == part.get("thought"):
        last["text"] += part["text"]
    else:
        parts.append(part)


def fold(events: Sequence[Json]) -> Told:
    """The answer that pieces amount to; it is whole once every candidate has its finishReason, or the prompt none."""
    told = Told()
    body: dict[str, Json] = {}
    found: dict[int, dict[str, Json]] = {}
    blocked = False
    for number, event in enumerate(events):
        event = camelized(event)
        if not isinstance(event, dict) or event.get("error"):
            told.error = event
            return told
        for key, value in event.items():
            if key in ("responseId", "modelVersion", "createTime", "promptFeedback"):
                body.setdefault(key, value)
            elif key != "candidates":
                body[key] = value
        blocked = blocked or bool(member(event, "promptFeedback", "blockReason"))
        for piece in objects(listed(event.get("candidates"))):
            candidate = found.setdefault(piece.get("index") or 0, {"content": {"parts": []}})
            for part in objects(listed(member(piece, "content", "parts"))):
                if (kept := _part(part)) is not ABSENT:
                    _append(candidate["content"]["parts"], kept)
            candidate["content"] |= {k: v for k, v in (piece.get("content") or {}).items() if k != "parts"}
            for key, value in piece.items():
                before = candidate.get(key)
                if key == "citationMetadata" and isinstance(before, dict):
                    lists = {
                        name: [*before.get(name, []), *one] for name, one in value.items() if isinstance(one, list)
                    }
                    value = before | value | lists
                if key != "content":
                    candidate[key] = value
            if piece.get("finishReason") is not None and told.end < 0:
                told.end = number
    told.ended = blocked or (bool(found) and all(one.get("finishReason") is not None for one in found.values()))
    told.body = body | ({"candidates": [one for _, one in sorted(found.items())]} if found else {})
    return told


READING = Reading(
    dialect="gemini",
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
    address=lambda path: path.partition("?")[0].rpartition("/")[2],
)
