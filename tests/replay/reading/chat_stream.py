"""What a stream of chat completion chunks amounts to, folded by the description of the format."""

from __future__ import annotations

from collections.abc import Sequence

from interlingua.types.opaque import Json
from tests.replay.reading.format import Sightings, Told, count, member, objects

NOISE = {
    "obfuscation": "padding against traffic analysis",
    "p": "padding against traffic analysis",
    "token_id": "Together's number of each token, unasked and without meaning beside its text",
}
RESTATED = "answer restated", "chunks that repeat id, model, time or tier another way: the first telling counts"
HEAD = ("id", "model", "created", "service_tier")
CHUNK = {*HEAD, "object", "choices", "usage", "error"}
CHOICE = {"index", "delta", "message", "finish_reason", "logprobs", "text", "usage"}
GROWING = ("text", "summary", "data", "signature")


class _Choice:
    def __init__(self, index: int) -> None:
        self.index = index
        self.message: dict[str, Json] = {"role": "assistant"}
        self.calls: list[dict[str, Json]] = []
        self.at: list[Json] = []
        self.logprobs: dict[str, list[Json]] = {}
        self.finish = ""
        self.stop: Json = None

    def take(self, choice: dict[str, Json], told: Told, seen: Sightings) -> None:
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = choice.get("message")
        if not isinstance(delta, dict):
            delta = {"content": choice.get("text")}
        elif choice.get("text") not in (None, delta.get("content") or ""):
            seen.see("text", choice["text"])
        for key, value in delta.items():
            if value is not None:
                self._member(key, value, told, seen)
        for key, entries in (choice.get("logprobs") or {}).items():
            if isinstance(entries, list) and key in ("content", "refusal"):
                self.logprobs.setdefault(key, []).extend(entries)
            else:
                seen.see(key, entries)
        self.finish = choice.get("finish_reason") or self.finish
        for key, value in choice.items():
            if key not in CHOICE:
                seen.see(key, value)

    def _member(self, key: str, value: Json, told: Told, seen: Sightings) -> None:
        message = self.message
        if key == "role":
            return
        if key == "content" and (isinstance(value, list) or isinstance(message.get("content"), list)):
            self._pieces([{"type": "text", "text": value}] if isinstance(value, str) else value)
        elif key in ("content", "refusal", "reasoning", "reasoning_content") and isinstance(value, str):
            name = "reasoning" if key == "reasoning_content" else key
            message[name] = message.get(name, "") + value
        elif key == "reasoning_details":
            self._details(value)
        elif key == "annotations":  # numbered in streams, for clients that put them together by number
            cited = [{name: inner for name, inner in one.items() if name != "index"} for one in objects(value)]
            message.setdefault(key, []).extend(cited)
        elif key == "images":
            message.setdefault(key, []).extend(value)
        elif key == "tool_calls":
            for call in objects(value):
                self._call(call)
        elif key == "function_call":
            self._call({"index": "legacy", "function": value})
        elif key == "audio":
            audio = message.setdefault("audio", {})
            for name, inner in value.items():
                grows = name in ("data", "transcript") and isinstance(inner, str)
                audio[name] = audio.get(name, "") + inner if grows else inner
        elif key in ("extra_content", "thought_signature"):
            message[key] = value
        elif key in NOISE:
            told.note(f"noise: {key}", NOISE[key])
        else:
            seen.see(key, value)

    def _pieces(self, pieces: list[Json]) -> None:
        """A piece of an array of content: thinking and text, each growing."""
        content = self.message.get("content") or []
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        self.message["content"] = content
        for piece in objects(pieces):
            last = content[-1] if content else None
            if piece.get("type") == "text" and last is not None and last["type"] == "text":
                last["text"] += piece["text"]
            elif piece.get("type") == "thinking" and last is not None and last["type"] == "thinking":
                last["thinking"] = [*last["thinking"], *piece["thinking"]]
            else:
                content.append(dict(piece))

    def _details(self, details: list[Json]) -> None:
        """Details grow while type and index stay the same."""
        merged = self.message.setdefault("reasoning_details", []) if details else []
        for detail in objects(details):
            last = merged[-1] if merged else None
            if last is None or any(last.get(key) != detail.get(key) for key in ("type", "index")):
                merged.append(dict(detail))
                continue
            for key, value in detail.items():
                if key in GROWING and isinstance(value, str) and isinstance(last.get(key), str):
                    last[key] += value
                elif value is not None:
                    last[key] = value

    def _call(self, call: dict[str, Json]) -> None:
        """A fragment belongs to the call of its index, unless it brings another id and a name: then it begins one."""
        inner = call.get("function") or call.get("custom") or {}
        index, given, name = call.get("index"), call.get("id"), inner.get("name")
        places = [i for i, known in enumerate(self.at) if known == index] if index is not None else []
        place = places[-1] if places else None
        if index is None and self.calls and not (given and name):
            place = len(self.calls) - 1
        if place is not None and given and name and self.calls[place].get("id") not in (None, "", given):
            place = None
        if place is None:
            kind = "custom" if call.get("custom") else "function"
            self.calls.append({"type": kind, kind: {"name": "", "arguments" if kind == "function" else "input": ""}})
            self.at.append(index)
            place = len(self.calls) - 1
        whole = self.calls[place]
        kind = whole["type"]
        for key, value in inner.items():
            if key in ("arguments", "input") and isinstance(value, str):
                whole[kind][key] += value
            elif value:
                whole[kind][key] = value
        for key, value in call.items():
            if key not in ("index", "function", "custom", "type") and value not in (None, ""):
                whole[key] = value

    def body(self) -> dict[str, Json]:
        message = dict(self.message)
        for call in self.calls:
            if call.get("function", {}).get("arguments") == "":
                call["function"]["arguments"] = "{}"  # no arguments are an empty object
        legacy = [call for call, index in zip(self.calls, self.at, strict=True) if index == "legacy"]
        calls = [call for call in self.calls if call not in legacy]
        if calls:
            message["tool_calls"] = calls
        if legacy and legacy[0]["function"]["name"]:
            message["function_call"] = legacy[0]["function"]
        found: dict[str, Json] = {"index": self.index, "message": message, "finish_reason": self.finish}
        return found | ({"logprobs": self.logprobs} if any(self.logprobs.values()) else {})


def fold(events: Sequence[Json]) -> Told:
    """The chat completion that chunks amount to; it is whole once every choice has its finish_reason."""
    told = Told()
    seen, choices, head, usage = Sightings(told), dict[int, _Choice](), dict[str, Json](), None
    for number, chunk in enumerate(events):
        if not isinstance(chunk, dict) or chunk.get("error") or (not {"choices", "id", "usage"} & chunk.keys()):
            told.error = chunk
            return told
        for key, value in chunk.items():
            if key in HEAD and value is not None:
                if head.get(key) and value and head[key] != value:
                    told.note(*RESTATED)
                head[key] = head.get(key) or value
            elif key in NOISE:
                told.note(f"noise: {key}", NOISE[key])
            elif key not in CHUNK:
                seen.see(key, value)
        found = [chunk.get("usage"), member(chunk, "x_groq", "usage")]
        for place, choice in enumerate(objects(chunk.get("choices"))):
            index = choice.get("index")
            index = index if isinstance(index, int) else place
            choices.setdefault(index, _Choice(index)).take(choice, told, seen)
            found.append(choice.get("usage"))
            if choice.get("finish_reason") and told.end < 0:
                told.end = number
        usage = next((one for one in found if isinstance(one, dict) and one), None) or usage
    seen.close()
    told.ended = bool(choices) and all(choice.finish for choice in choices.values())
    told.body = {**head, "choices": [choice.body() for _, choice in sorted(choices.items())]}
    if usage is not None:
        told.body["usage"] = usage
    told.body.setdefault("created", count(head.get("created")))
    return told
