"""How much to think: `thinking` and `output_config.effort`, by what forms the model takes.

Models of different ages take different forms (wire: a budget on old ones, `adaptive` on newer ones, some cannot stop
thinking at all), so the form that is sent follows `Traits.thinking`; an unknown model is taken for a new one.
"""

from __future__ import annotations

from typing import Any

from interlingua.dialects.anthropic_messages.schema import (
    DEFAULT_MAX_TOKENS,
    DISPLAYS,
    EFFORT_BUDGETS,
    EFFORTS,
    ID,
    LEAST_BUDGET,
)
from interlingua.ports.context import TranslationContext
from interlingua.types.request import ChatRequest, Reasoning
from interlingua.wire.fields import Fields

_ORDER = ("minimal", *EFFORTS)
_BUDGET_EFFORTS = ((2048, "low"), (10_240, "medium"), (24_576, "high"))


def parse_reasoning(fields: Fields, config: Fields | None) -> tuple[Reasoning | None, dict[str, Any]]:
    """(reasoning settings, what only this dialect understands of them, for `extra`).

    Args:
        fields: the request, whose `thinking` is taken.
        config: its `output_config`, whose `effort` is taken.
    """
    effort = config.text("effort") if config else None
    thinking = fields.child("thinking")
    if thinking is None:
        # Effort alone does not switch thinking on here, while elsewhere it does: only `extra` can tell the two apart.
        return (None, {}) if effort is None else (Reasoning(effort=effort), {"output_config": {"effort": effort}})
    kind = thinking.need_text("type")
    reasoning = Reasoning(
        effort=effort,
        budget_tokens=thinking.integer("budget_tokens", least=0),
        enabled=kind not in ("disabled", "between_tools"),
        display=thinking.text("display"),
    )
    left = thinking.rest()
    if kind not in ("enabled", "adaptive", "disabled"):
        left = {"type": kind} | left
    return reasoning, {"thinking": left} if left else {}


class Thinking:
    """What a request says about thinking, decided once.

    Args:
        request: what is asked.
        context: traits, and where losses go.
        max_tokens: the limit that will be sent.
        fixed: whether the caller set that limit; else it may rise to make room for a budget.
    """

    def __init__(self, request: ChatRequest, context: TranslationContext, max_tokens: int, fixed: bool) -> None:
        self.context = context
        self.max_tokens = max_tokens
        self.wire: dict[str, Any] = {}
        self.effort: str | None = None
        self._fixed = fixed
        own = request.extra.get(ID, {})
        self._more: dict[str, Any] = own.get("thinking") or {}
        self._effort_alone = "effort" in (own.get("output_config") or {})
        if request.reasoning is not None:
            self._decide(request.reasoning)

    @property
    def kind(self) -> str:
        """The form of thinking that is sent; empty for none."""
        return str(self.wire.get("type", ""))

    def leave_out(self, reason: str) -> None:
        """Says nothing about thinking after all."""
        self.context.lose("reasoning", reason)
        self.wire = {}

    def _takes(self, form: str) -> bool:
        forms = self.context.traits.thinking
        return not forms or form in forms

    def _decide(self, reasoning: Reasoning) -> None:
        traits = self.context.traits
        if reasoning.enabled is False or reasoning.effort == "none" or reasoning.budget_tokens == 0:
            self._off(reasoning)
            return
        if traits.reasoning is False and not traits.thinking:
            self.context.lose("reasoning", "the model does not think")
            return
        self._set_effort(reasoning.effort)
        budget = reasoning.budget_tokens if (reasoning.budget_tokens or 0) > 0 else None
        if self._more.get("type") and self._takes(str(self._more["type"])):
            self.wire = {"type": self._more["type"]}
        elif budget is not None and self._takes("enabled"):
            self._budget(budget)
        elif self._takes("adaptive"):
            self._adaptive(reasoning, budget)
        elif self._takes("enabled"):
            if self._effort_alone and not reasoning.enabled:
                return
            effort = reasoning.effort or "medium"
            self.context.emulate("reasoning", "effort is sent as a budget in tokens")
            self._budget(EFFORT_BUDGETS.get(effort, LEAST_BUDGET))
        elif reasoning.effort is None:
            self.context.lose("reasoning", "the model does not think")
        self._finish(reasoning)

    def _adaptive(self, reasoning: Reasoning, budget: int | None) -> None:
        if budget is not None:
            if reasoning.effort is None:
                self._set_effort(next((effort for most, effort in _BUDGET_EFFORTS if budget <= most), "xhigh"))
            self.context.emulate("reasoning.budget_tokens", "the model takes an effort instead of a budget")
        shown = reasoning.display is not None and self.context.traits.reasoning_default is True
        wanted = reasoning.enabled or budget is not None or reasoning.budget_tokens == -1 or shown
        implied = reasoning.effort is not None and not self._effort_alone
        if wanted or (implied and self.context.traits.reasoning_default is not True):
            self.wire = {"type": "adaptive"}

    def _finish(self, reasoning: Reasoning) -> None:
        if self.kind in ("enabled", "adaptive") and reasoning.display is not None:
            self.wire["display"] = DISPLAYS.get(reasoning.display, reasoning.display)
        elif reasoning.display is not None and self.kind != "between_tools":
            self.context.lose("reasoning.display", "nothing is said about thinking that could be shown")
        if self.wire:
            self.wire |= {key: value for key, value in self._more.items() if key not in self.wire}

    def _off(self, reasoning: Reasoning) -> None:
        if self.context.traits.reasoning is False:
            return
        self._set_effort(None if reasoning.effort == "none" else reasoning.effort)
        if self._more.get("type") == "between_tools" and self._takes("between_tools"):
            self.wire = dict(self._more)
        elif self._takes("disabled"):
            # Where nothing said means no thinking, nothing is said: not every old or compatible model knows the word.
            if reasoning.enabled is False or self.context.traits.reasoning_default is not False:
                self.wire = {"type": "disabled"}
        elif self._takes("between_tools"):
            self.wire = {"type": "between_tools"}
            self.context.emulate("reasoning", "the model can stop thinking only between tool calls")
        else:
            self.context.lose("reasoning", "thinking cannot be switched off on this model")
            self._set_effort(self.effort or "low")

    def _budget(self, budget: int) -> None:
        traits = self.context.traits
        least, most = traits.budget or (LEAST_BUDGET, 0)
        wanted = max(budget, least, LEAST_BUDGET)
        if most:
            wanted = min(wanted, most)
        if wanted >= self.max_tokens and not self._fixed:
            room = wanted + DEFAULT_MAX_TOKENS
            self.max_tokens = min(room, traits.max_output) if traits.max_output else room
        if wanted >= self.max_tokens:
            wanted = self.max_tokens - 1
        if wanted < LEAST_BUDGET:
            self.context.lose("reasoning", f"thinking needs more than {LEAST_BUDGET} tokens of max_output_tokens")
            return
        if wanted != budget:
            self.context.emulate("reasoning.budget_tokens", f"{budget} becomes {wanted}")
        self.wire = {"type": "enabled", "budget_tokens": wanted}

    def _set_effort(self, effort: str | None) -> None:
        """Chooses the effort that the model takes: the wanted one or the next above it, else its highest."""
        known = self.context.traits.efforts or (() if self.context.traits.thinking else EFFORTS)
        if effort is None or not known:
            return
        if effort in known or effort not in _ORDER:
            self.effort = effort
            return
        above = [word for word in known if word in _ORDER and _ORDER.index(word) >= _ORDER.index(effort)]
        self.effort = above[0] if above else known[-1]
        self.context.emulate("reasoning.effort", f"{effort} becomes {self.effort}")
