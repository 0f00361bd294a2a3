"""The tools that a chat of the pages may choose."""

from __future__ import annotations

from interlingua.gateway.asked import Asked, json_answer
from interlingua.ports.dialect import WireResponse


async def listed(asked: Asked) -> WireResponse:
    """The tools that who asks may have called; the administrator is told what could not be had, too."""
    tools = asked.state.tools
    async with tools.open(asked.principal) as offered:
        items = [
            {
                "name": name,
                "source": one.source,
                "description": one.tool.description,
                "approval": one.approval,
                "each": one.each,
            }
            for name, one in offered.items()
        ]
    problems = tools.problems() if asked.principal.admin else []
    told = [{"message": one.message, "remedy": one.remedy or None} for one in problems]
    return json_answer({"items": items, "next": None, "problems": told})
