"""/api/generate, the older sibling of chat: one prompt instead of messages, one text instead of a message.

A request of it is a chat of one turn, marked in `extra`; whoever answers it finds the mark there and answers in its
shape. What only this path knows (suffix, template, context, raw) is carried to this dialect and path alone.
"""

from __future__ import annotations

from interlingua.dialects.ollama.content import parse_image
from interlingua.dialects.ollama.schema import GENERATE, Body, own
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Message
from interlingua.types.opaque import Extra
from interlingua.types.parts import Part, TextPart
from interlingua.wire.fields import Fields

PATH = "/api/generate"
ONLY_HERE = ("suffix", "template", "context", "raw")


def is_generate(path: str) -> bool:
    """Whether a request's path is this one."""
    return path.partition("?")[0].rstrip("/").endswith(PATH)


def is_marked(extra: Extra) -> bool:
    """Whether a request or an answer is of this path."""
    return bool(own(extra).get(GENERATE))


def parse_prompt(fields: Fields) -> tuple[Message, ...]:
    """The conversation that a prompt stands for; empty where only the model is to be loaded."""
    system, prompt = fields.text("system"), fields.text("prompt")
    said: list[Part] = [TextPart(text=prompt)] if prompt else []
    said += [parse_image(image) for image in fields.texts("images")]
    found = [Message(role="system", parts=(TextPart(text=system),))] if system else []
    return (*found, Message(role="user", parts=tuple(said))) if said else tuple(found)


def as_prompt(body: Body, context: TranslationContext) -> Body | None:
    """The body of a chat as one of this path, or None where the conversation is more than a prompt."""
    messages = body["messages"]
    *systems, last = messages or [{"role": "user", "content": ""}]
    if last["role"] == "system":
        systems, last = messages, {"role": "user", "content": ""}
    whole = all(message["role"] == "system" and "images" not in message for message in systems)
    if not whole or last["role"] != "user" or "tools" in body:
        for key in ONLY_HERE:
            if body.pop(key, None) is not None:
                context.lose(f"extra.{key}", "a chat has no such field")
        return None
    wire = {key: value for key, value in body.items() if key != "messages"}
    wire["prompt"] = last["content"]
    if systems:
        wire["system"] = "\n\n".join(message["content"] for message in systems)
    if "images" in last:
        wire["images"] = last["images"]
    return wire
