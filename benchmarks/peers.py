"""The environment of the libraries that we are measured beside (`.venv-bench`), made by `make bench`.

They cannot share ours: what they demand of each other's versions conflicts. Each worker reads its inputs from stdin as
JSON and prints its figures as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PYTHON = HERE.parent / ".venv-bench" / "bin" / "python"


def run_peer(worker: str, given: str) -> Any:
    """What a worker measured; None where the environment does not exist.

    Args:
        worker: its file in this folder.
        given: what it reads from stdin.
    """
    if not PYTHON.exists():
        print(f"(no peers: {PYTHON} does not exist; `make bench` makes it)")
        return None
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # else it asks the network at import
    command = [str(PYTHON), str(HERE / worker)]
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])
