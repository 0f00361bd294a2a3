"""Chat Completions, read from its description: spellings, endings, counts, state, and what a stream amounts to."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Json
from interlingua.types.traits import HostTraits, Traits
from tests.replay.differences import ABSENT, Difference
from tests.replay.reading.chat_stream import fold
from tests.replay.reading.format import Ending, Exchange, Reading, count, member, objects, walk
from tests.replay.rules import (
    Case,
    Excuse,
    Rules,
    Spelling,
    as_texts,
    at,
    dropped,
    empty,
    every,
    renamed,
    told,
    without_nulls,
)

ENDINGS = {
    "stop": "stop",
    "eos": "stop",
    "": "stop",
    "length": "length",
    "model_length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_call",
    "function_call": "tool_call",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "error": "error",
    "network_error": "error",
    "insufficient_system_resource": "error",
}
"""finish_reason of the format and of its vendors; a word that nobody documents says that the answer is there."""
PARTS = {"text", "refusal", "thinking", "image_url", "video_url", "input_audio", "file", "reference"}
CALLS = {"function", "custom"}

# Spellings of both directions.


def _answered(message: Json) -> Json:
    """An assistant's message: a deprecated call among the calls, a refusal in its field, one name for thinking."""
    if not isinstance(message, dict):
        return message
    found = renamed(message, {"reasoning_content": "reasoning"})
    if found.get("reasoning_content") == found.get("reasoning"):
        found.pop("reasoning_content", None)
    call = found.get("function_call")
    if isinstance(call, dict) and call.get("name"):
        found["tool_calls"] = [*(found.get("tool_calls") or []), {"type": "function", "function": call}]
        del found["function_call"]
    return found


def _number(index: Json) -> Json:
    """Takes out the index of a call: its place tells, once the message is whole."""
    return ABSENT if isinstance(index, int) else index


def _typed(call: Json) -> Json:
    return {"type": "function", **call} if isinstance(call, dict) and "function" in call else call


def _unset(value: Json) -> Json:
    """Takes out an object in which nothing is set: every member empty or zero."""
    if isinstance(value, dict) and all(inner in ("", 0) and inner is not False for inner in value.values()):
        return ABSENT
    return value


NULLS = Spelling("null is absent", "JSON members that are null say nothing", without_nulls("parameters", "schema"))
TEXTS = Spelling(
    "text alone is one part",
    "content may be a string or an array of parts; an empty text is none",
    lambda body: every("messages[].content[]", "choices[].message.content[]", change=told)(
        every("messages[].content", "choices[].message.content", change=as_texts("text"))(
            every("messages[].content", "choices[].message.content", change=dropped(""))(body)
        )
    ),
)
CALLED = Spelling(
    "calls by other names",
    "its type is function where it is not said, its index is left from a stream, function_call is the deprecated name",
    lambda body: every("messages[].tool_calls[]", "choices[].message.tool_calls[]", change=_typed)(
        every("messages[].tool_calls[].index", "choices[].message.tool_calls[].index", change=_number)(
            every("messages[]", "choices[].message", change=_answered)(body)
        )
    ),
)

# Requests.


def _functions(body: Json) -> Json:
    """`functions` and `function_call` as the tools and the choice that took their place."""
    if not isinstance(body, dict):
        return body
    found = dict(body)
    if "functions" in found and "tools" not in found:
        found["tools"] = [{"type": "function", "function": one} for one in found.pop("functions")]
    if "function_call" in found and "tool_choice" not in found:
        found["tool_choice"] = found.pop("function_call")
    return at(found, "messages[]", lambda one: one | {"role": "tool"} if one.get("role") == "function" else one)


def _choice(value: Json) -> Json:
    """A forced tool in its current form."""
    if value == "any":
        return "required"
    if isinstance(value, dict) and value.keys() == {"name"}:
        return {"type": "function", "function": value}
    return {"type": "function", **value} if isinstance(value, dict) and "function" in value else value


def _choiceless(body: Json) -> Json:
    if isinstance(body, dict) and not body.get("tools"):
        return {key: value for key, value in body.items() if key not in ("tool_choice", "parallel_tool_calls")}
    return body


def _addressed(part: Json) -> Json:
    for key in ("image_url", "video_url"):
        if isinstance(part, dict) and isinstance(part.get(key), str):
            return part | {key: {"url": part[key]}}
    return part


def _repeated(message: Json) -> Json:
    """Takes out thinking that repeats, word for word, what the message's reasoning details say."""
    if not isinstance(message, dict):
        return message
    details = objects(message.get("reasoning_details"))
    said = "".join(str(one.get("text") or one.get("summary") or "") for one in details)
    if details and message.get("reasoning") in (said, ""):
        return {key: value for key, value in message.items() if key != "reasoning"}
    return message


def _renamed_results(body: Json) -> Json:
    """Takes the tool's name from a result where it repeats that of the call that it answers."""
    messages = objects(member(body, "messages"))
    calls = {
        call.get("id"): member(call, "function", "name") for one in messages for call in objects(one.get("tool_calls"))
    }

    def repeated(message: Json) -> Json:
        same = "name" in message and message["name"] == calls.get(message.get("tool_call_id"))
        return {key: value for key, value in message.items() if key != "name"} if same else message

    return at(body, "messages[]", lambda one: repeated(one) if one.get("role") == "tool" else one)


def _refused(message: Json) -> Json:
    """A refusal beside the content as the part of it that it may be as well."""
    if not isinstance(message, dict) or not message.get("refusal"):
        return message
    found = {key: value for key, value in message.items() if key != "refusal"}
    return found | {"content": [*(found.get("content") or []), {"type": "refusal", "refusal": message["refusal"]}]}


def _silent(message: Json) -> Json:
    return ABSENT if isinstance(message, dict) and message.keys() == {"role"} and message["role"] != "tool" else message


def _current(body: Json) -> Json:
    """`max_tokens` and `user` by the names that took their place, where those are not there too."""
    return renamed(body, {"user": "safety_identifier"})


def _found_call(difference: Difference, case: Case) -> bool:
    """An id that was missing where the format demands one: that of a call before it, which nothing else answers."""
    path = difference.path
    if not difference.added or len(path) != 3 or path[0] != "messages" or path[2] != "tool_call_id":
        return False
    messages = case.rendered["messages"]
    place = int(path[1])
    others = [one.get("tool_call_id") for i, one in enumerate(messages) if i != place]
    calls = [call for one in messages[:place] for call in objects(one.get("tool_calls"))]
    return difference.rendered not in others and difference.rendered in [call.get("id") for call in calls]


def _made_id(difference: Difference, case: Case) -> bool:
    """An id that nobody gave, where the format demands one."""
    made = difference.added or difference.recorded == ""
    return (
        made
        and difference.pattern in ("messages[].tool_calls[].id", "choices[].message.tool_calls[].id", "id")
        and isinstance(difference.rendered, str)
        and bool(difference.rendered)
    )


REQUEST = Rules(
    spellings=(
        NULLS,
        Spelling("functions are tools", "deprecated in 2023, the same since", _functions),
        TEXTS,
        CALLED,
        Spelling(
            "forced tool in several forms",
            "`any` is Mistral's required; the type of a choice is function where it is not said",
            lambda body: at(at(body, "tool_choice", _choice), "tools[]", _typed),
        ),
        Spelling(
            "address alone",
            "Mistral takes an image's address without an object",
            lambda body: at(body, "messages[].content[]", _addressed),
        ),
        Spelling(
            "thinking said twice",
            "details and a text beside them that repeats them",
            lambda body: at(body, "messages[]", _repeated),
        ),
        Spelling(
            "empty says nothing",
            "an empty list of tools, stops, calls or citations is none",
            every(
                "tools",
                "stop",
                "functions",
                "messages[].tool_calls",
                "messages[].annotations",
                "messages[].content",
                "messages[].refusal",
                change=empty,
            ),
        ),
        Spelling(
            "refusal is content",
            "an assistant's refusal stands in a field or among the parts",
            lambda body: at(body, "messages[]", _refused),
        ),
        Spelling("tool named again", "a result may repeat the name of the call that it answers", _renamed_results),
        Spelling("choice without tools", "there is nothing to choose from, and the format refuses it", _choiceless),
        Spelling(
            "turn that says nothing", "the format refuses empty turns", lambda body: at(body, "messages[]", _silent)
        ),
        Spelling(
            "one stop",
            "`stop` is a string or a list",
            lambda body: at(body, "stop", lambda one: [one] if isinstance(one, str) else one),
        ),
        Spelling(
            "default said",
            "an answer in one piece, and a stream without usage, are what happens unasked",
            lambda body: at(
                at(at(body, "stream", dropped(False)), "stream_options.include_usage", dropped(False)),
                "stream_options",
                empty,
            ),
        ),
        Spelling("user is safety_identifier", "deprecated and current name", _current),
    ),
    excuses=(
        Excuse("result without id", "paired with the call that it follows", _found_call),
        Excuse("id made", "the format demands one and nobody gave it", _made_id),
    ),
)


def host_of(exchange: Exchange) -> TranslationContext:
    """A target that takes every spelling that the recorded request uses."""
    body = exchange["request"]["body"]
    text = msgspec.json.encode(body.get("messages", [])).decode()
    named: tuple[Any, ...] = ("reasoning_details", "reasoning_content", "reasoning")
    field: Any = next((name for name in named if f'"{name}":' in text), "")
    switches: tuple[Any, ...] = ("thinking", "enable_thinking", "chat_template_kwargs")
    said = {key for key in body if body[key] is not None}
    return TranslationContext(
        dialect="openai_chat",
        seed="replay",
        traits=Traits(),
        host=HostTraits(
            reasoning_field="content" if '"type":"thinking"' in text else field,
            effort="reasoning" if isinstance(body.get("reasoning"), dict) else "reasoning_effort",
            thinking_switch=next((name for name in switches if _switches(body.get(name))), ""),
            cache_field="prompt_cache_breakpoint" if '"prompt_cache_breakpoint"' in text else "cache_control",
            max_tokens_field="max_completion_tokens" if "max_completion_tokens" in said else "max_tokens",
            seed_field="random_seed" if "random_seed" in said else "seed",
            usage="asked" if member(body, "stream_options", "include_usage") else "never",
            video_parts=True,
            media_in_results=True,
        ),
    )


def _switches(value: Json) -> bool:
    return isinstance(value, bool) or (isinstance(value, dict) and bool({"type", "enable_thinking"} & value.keys()))


# Answers.


def _thinking_content(message: Json) -> Json:
    """Thinking inside the content, as Mistral has it, as thinking beside it; its signature is checked as state."""
    pieces = objects(member(message, "content"))
    thoughts = [piece for piece in pieces if piece.get("type") == "thinking"]
    if not thoughts:
        return message
    said = "".join(
        one["thinking"]
        if isinstance(one["thinking"], str)
        else "".join(str(p.get("text") or "") for p in one["thinking"])
        for one in thoughts
    )
    words = "".join(str(piece.get("text") or "") for piece in pieces if piece.get("type") == "text")
    others = [piece for piece in pieces if piece.get("type") not in ("thinking", "text")]
    content = [*([{"type": "text", "text": words}] if words else []), *others]
    return message | {"content": content, "reasoning": message.get("reasoning", "") + said}


def _object_content(message: Json) -> Json:
    """Content that is an object (asked for as JSON) as the text of that object."""
    content = member(message, "content")
    if isinstance(content, dict):
        return message | {"content": msgspec.json.encode(content).decode()}
    return message


def _answer(body: Json) -> Json:
    body = at(body, "choices[]", lambda one: renamed(one, {"finishReason": "finish_reason"}))
    names = {"promptTokens": "prompt_tokens", "completionTokens": "completion_tokens", "totalTokens": "total_tokens"}
    return at(body, "usage", lambda usage: renamed(usage, names))


def _inclusive(usage: Json) -> Json:
    """Counts with the reasoning inside the answer's, where the total says that they stand apart."""
    prompt, answer = count(member(usage, "prompt_tokens")), count(member(usage, "completion_tokens"))
    thought = count(member(usage, "completion_tokens_details", "reasoning_tokens"))
    if prompt is None or answer is None or not thought:
        return usage
    apart = count(usage.get("total_tokens")) == prompt + answer + thought or thought > answer
    return (
        usage | {"completion_tokens": answer + thought, "total_tokens": prompt + answer + thought} if apart else usage
    )


ANSWER_EMPTY = ("content", "refusal", "tool_calls", "annotations", "reasoning", "reasoning_content", "images")


def _word(difference: Difference, case: Case) -> bool:
    """A vendor's finish word by the format's own of the same kind; our value keeps the vendor's."""
    if difference.key != "finish_reason" or difference.lost:
        return False
    said = "" if difference.added else difference.recorded
    kept = [choice.finish.raw for choice in getattr(case.value, "choices", ())]
    calls = difference.rendered == "tool_calls" and ENDINGS.get(said, "stop") == "stop"
    return said in kept and (calls or ENDINGS.get(difference.rendered) == ENDINGS.get(said, "stop"))


def _counted(difference: Difference, case: Case) -> bool:
    """A count that its vendor tells under a name of its own, told again under the format's."""
    if not difference.added or difference.path[0] != "usage":
        return False
    found = usage(case.recorded)
    if found is None:
        return False
    told_, cost = found[0], member(case.recorded, "usage", "cost_in_usd_ticks")
    wanted: Json = {
        "usage.prompt_tokens": told_["input_tokens"],
        "usage.completion_tokens": told_["output_tokens"],
        "usage.prompt_tokens_details": {
            "cached_tokens": told_["cache_read"],
            "cache_write_tokens": told_["cache_creation"],
        },
        "usage.prompt_tokens_details.cached_tokens": told_["cache_read"],
        "usage.prompt_tokens_details.cache_write_tokens": told_["cache_creation"],
        "usage.cost": None if cost is None else cost / 1e10,
    }
    expected = wanted.get(difference.pattern)
    if isinstance(expected, dict):
        expected = {key: value for key, value in expected.items() if value is not None}
    return expected is not None and bool(difference.rendered == expected)


def _details_shown(difference: Difference, case: Case) -> bool:
    """The words of reasoning details, told besides in the field that most clients read."""
    if not (difference.added and difference.key == "reasoning"):
        return False
    message = case.recorded["choices"][difference.path[1]]["message"]
    details = objects(message.get("reasoning_details"))
    said = "".join(str(one.get("text") or one.get("summary") or "") for one in details)
    return bool(details) and bool(difference.rendered == said)


RESPONSE = Rules(
    spellings=(
        NULLS,
        Spelling("names in camelCase", "an old release of Google's endpoint; a known vendor's slip", _answer),
        Spelling(
            "object as content",
            "hosts that send JSON output as an object and not as its text",
            lambda body: at(body, "choices[].message", _object_content),
        ),
        Spelling(
            "thinking inside the content",
            "Mistral's arrays: told beside the content, as other hosts do",
            lambda body: at(body, "choices[].message", _thinking_content),
        ),
        Spelling(
            "empty delta beside the message",
            "Perplexity repeats a message as an empty delta",
            lambda body: at(
                body,
                "choices[].delta",
                lambda one: (
                    ABSENT
                    if isinstance(one, dict) and one.get("content") in (None, "") and one.keys() <= {"role", "content"}
                    else one
                ),
            ),
        ),
        Spelling(
            "unset frames",
            "Snowflake writes every field, unset ones as objects of empty texts and zeros",
            every(
                "choices[].message.audio",
                "choices[].message.function_call",
                "choices[].message.tool_calls[].custom",
                change=_unset,
            ),
        ),
        TEXTS,
        CALLED,
        Spelling(
            "empty says nothing",
            "an empty text or list where there is nothing",
            every(
                *(f"choices[].message.{key}" for key in ANSWER_EMPTY),
                "choices[].logprobs.content",
                "choices[].logprobs.refusal",
                "choices[].logprobs",
                "usage",
                "service_tier",
                "id",
                "model",
                "choices[].message.name",
                change=empty,
            ),
        ),
        Spelling(
            "reasoning counted apart",
            "wire/mapping.md: if total = prompt + completion + reasoning, the answer is both",
            lambda body: at(body, "usage", _inclusive),
        ),
        Spelling(
            "object named",
            "`object` is always chat.completion",
            lambda body: {"object": "chat.completion", **body} if isinstance(body, dict) else body,
        ),
        Spelling(
            "padding",
            "obfuscation and p are noise against traffic analysis",
            every("obfuscation", "p", change=lambda _: ABSENT),
        ),
    ),
    excuses=(
        Excuse("vendor's finish word", "told in the format's word of the same kind; ours keeps the vendor's", _word),
        Excuse("id made", "the format demands one and nobody gave it", _made_id),
        Excuse(
            "time made",
            "the format demands one and nobody gave it",
            lambda one, case: one.added and one.pattern == "created" and isinstance(one.rendered, int),
        ),
        Excuse(
            "count under another name",
            "vendors' names for cached tokens and cost, told again under the format's",
            _counted,
        ),
        Excuse("details shown as text", "for clients that know no reasoning details", _details_shown),
    ),
)


def endings(body: Json) -> list[Ending]:
    """Why each choice ended: calls and refusals count more than the word."""
    found = []
    for choice in objects(member(body, "choices")):
        word = choice.get("finish_reason") or choice.get("finishReason") or ""
        kind = ENDINGS.get(word, "stop")
        message = choice.get("message") or {}
        legacy = bool(member(message, "function_call", "name"))
        if kind == "stop" and (message.get("tool_calls") or legacy):
            kind = "tool_call"
        elif kind == "stop" and message.get("refusal"):
            kind = "refusal"
        elif kind == "stop" and isinstance(choice.get("stop_reason"), str) and choice["stop_reason"]:
            kind = "stop_sequence"
        found.append(Ending(kind, word))
    return found


def usage(body: Json) -> tuple[dict[str, int | None], Json] | None:
    """The counts of an answer: the prompt with what is cached, the answer with reasoning."""
    raw = member(body, "usage")
    if not isinstance(raw, dict) or not raw:
        return None
    told_ = _inclusive(_answer({"usage": raw})["usage"])
    prompt = member(raw, "prompt_tokens_details")
    cached = [member(prompt, "cached_tokens")]
    cached += [
        raw.get(key)
        for key in ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens")
    ]
    written = [member(prompt, "cache_write_tokens"), raw.get("cache_creation_input_tokens")]
    return {
        "input_tokens": count(told_.get("prompt_tokens")),
        "output_tokens": count(told_.get("completion_tokens")),
        "cache_read": next((count(one) for one in cached if count(one) is not None), None),
        "cache_creation": next((count(one) for one in written if count(one) is not None), None),
        "reasoning": count(member(raw, "completion_tokens_details", "reasoning_tokens")),
    }, raw


def calls(body: Json) -> list[tuple[str, str]]:
    """The calls of every choice; a deprecated one has no id."""
    found = []
    for choice in objects(member(body, "choices")):
        message = choice.get("message")
        for call in objects(member(message, "tool_calls")):
            inner = call.get("custom") if call.get("type") == "custom" else call.get("function")
            found.append((str(call.get("id") or ""), str(member(inner, "name"))))
        legacy = member(message, "function_call", "name")
        found += [("", legacy)] if legacy else []
    return found


def states(body: Json) -> list[str]:
    """Signatures, encrypted reasoning and thought signatures, wherever they stand in a message."""
    found = []
    for choice in objects(member(body, "choices")):
        for one in walk(choice.get("message")):
            keys = ["thought_signature", "signature"]
            keys += ["data"] if str(one.get("type", "")).startswith("reasoning.") else []
            found += [one[key] for key in keys if isinstance(one.get(key), str) and one[key]]
    return found


def unknown(body: Json) -> list[str]:
    """Types of content parts and calls that nobody documents."""
    found = []
    for choice in objects(member(body, "choices")):
        message = choice.get("message")
        found += [
            f"content {one.get('type')}" for one in objects(member(message, "content")) if one.get("type") not in PARTS
        ]
        for call in objects(member(message, "tool_calls")):
            if call.get("type", "function") not in CALLS:
                found.append(f"call {call.get('type')}")
    return found


def failed(body: Json) -> bool:
    """Whether it is an error, whatever its status: it says so, or it holds no choices."""
    return not isinstance(body, dict) or bool(body.get("error")) or not body.get("choices")


READING = Reading(
    dialect="openai_chat",
    request=REQUEST,
    response=RESPONSE,
    surroundings=host_of,
    endings=endings,
    usage=usage,
    calls=calls,
    states=states,
    unknown=unknown,
    fold=fold,
    failed=failed,
)
