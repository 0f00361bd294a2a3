"""A model in the words of Ollama's /api/show: what its clients read before they use it."""

from __future__ import annotations

from typing import Any

from interlingua.engine.target import Target


def described(target: Target) -> dict[str, Any]:
    """What is known of a model; what is unknown is left out, or empty where clients expect a text."""
    traits = target.traits
    can = {
        "completion": True,
        "tools": traits.tools is not False,
        "vision": "image" in traits.input,
        "thinking": bool(traits.reasoning),
        "audio": "audio" in traits.input,
    }
    info: dict[str, Any] = {"general.architecture": "remote", "general.basename": target.model}
    if traits.context is not None:
        info["remote.context_length"] = traits.context
    return {
        "license": "",
        "modelfile": "",
        "parameters": "",
        "template": "",
        "details": {
            "parent_model": "",
            "format": "",
            "family": target.provider.id,
            "families": [target.provider.id],
            "parameter_size": "",
            "quantization_level": "",
        },
        "model_info": info,
        "capabilities": [name for name, has in can.items() if has],
        "remote_model": target.model,
        "remote_host": target.provider.id,
    }
