"""A JSON Schema that is named on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from interlingua.errors import InvalidRequest, LocalFileError


def read_schema(path: str) -> dict[str, Any]:
    """A JSON Schema from a file.

    Raises:
        LocalFileError: the file cannot be read.
        InvalidRequest: it holds no JSON object.
    """
    try:
        found = json.loads(Path(path).expanduser().read_bytes())
    except OSError as error:
        raise LocalFileError(f"{path} cannot be read: {error.strerror or error}", path=path) from error
    except ValueError as error:
        raise InvalidRequest(f"{path} is not JSON: {error}", path="schema") from error
    if not isinstance(found, dict):
        raise InvalidRequest(f"{path} is not a JSON Schema: it must be an object", path="schema")
    return found
