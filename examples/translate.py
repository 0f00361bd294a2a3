"""The sans-IO core alone: an OpenAI request becomes a Gemini one, and what cannot be carried is named."""

from interlingua.dialects.registry import dialect
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest

openai = b"""{
  "model": "gemini-3.8-flash",
  "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
  "temperature": 0.5, "logit_bias": {"50256": -100}
}"""

request = dialect("openai_chat").parse_request(WireRequest(body=openai), TranslationContext(dialect="openai_chat"))
context = TranslationContext(dialect="gemini", model=request.model)
wire = dialect("gemini").render_request(request, context)

print("POST", wire.path)
print(wire.body.decode())
for loss in context.losses:
    print(f"lost: {loss.field} ({loss.reason})")
