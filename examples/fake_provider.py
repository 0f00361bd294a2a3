"""Testing your own code without a provider: a scripted transport answers, and remembers what it was asked."""

from interlingua import Client
from interlingua.errors import StreamInterrupted
from interlingua.transport.scripted import Script, ScriptedTransport

whole = Script.json(
    {
        "id": "chatcmpl-1",
        "model": "gpt-6-luna",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello!"}}],
        "usage": {"prompt_tokens": 8, "completion_tokens": 2},
    }
)
cut = Script.sse({"id": "2", "model": "gpt-6-luna", "choices": [{"index": 0, "delta": {"content": "Once upon"}}]})

transport = ScriptedTransport([whole, cut])
client = Client("openai/gpt-6-luna", api_keys={"openai": "not-a-real-key"}, transport=transport)

reply = client.generate("Hi")
print(reply.text, "cost:", reply.cost)
print("asked:", transport.bodies[0]["messages"])

try:
    client.stream("Tell me a story").read()
except StreamInterrupted as error:
    print("a cut stream is an error:", error.message, "| it had said:", error.partial and error.partial.text)
