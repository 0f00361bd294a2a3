"""Azure OpenAI's two forms of address.

The v1 API takes the deployment's name as the model and needs no version. The classic form has deployment and version
in the address; it is used where a dated `api_version` is set. Deployments may be called anything: the row's
`deployments` tells which model stands behind one, for abilities and prices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_ROOT = re.compile(r"/openai(/v1|/deployments/\{model\})?/?$")
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")


def address(base_url: str, settings: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Base address and query.

    Args:
        base_url: the resource's endpoint, as AZURE_OPENAI_ENDPOINT has it, or a whole base address.
        settings: `api_version`: a date for the classic form; `preview` or `latest` go with the v1 API.
    """
    root = _ROOT.sub("", base_url.rstrip("/"))
    version = settings.get("api_version", "")
    query = {"api-version": version} if version else {}
    return f"{root}/openai/{'deployments/{model}' if _DATED.fullmatch(version) else 'v1'}", query
