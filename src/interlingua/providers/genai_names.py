"""What OpenTelemetry calls hosts (`gen_ai.provider.name`), where that is not their id here.

Source: the GenAI semantic conventions' list of well-known values (opentelemetry-semantic-conventions 0.66b2). Hosts
that it does not know keep their own ids, as it provides for.
"""

from __future__ import annotations

GENAI_NAMES: dict[str, str] = {
    "azure": "azure.ai.openai",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "xai": "x_ai",
}
"""The convention's name by provider id."""
