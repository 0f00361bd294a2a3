"""What Lighthouse says of the first page, in a hand and on a desk: `make lighthouse`.

It is signed in by a one-time link, as `il open` does it. Scores of performance are those of this machine, slowed down
as Lighthouse slows it for a phone; the others do not depend on it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from interlingua.config.build import SystemClock
from interlingua.gateway.sessions import SIGN_IN, Sessions
from interlingua.stores.memory import ProcessMemory
from interlingua.types.secret import Secret
from tests.e2e.browser.stand import CHROMIUM, FLAGS, ROOT, Stand, stand

LIGHTHOUSE = ROOT / ".venv-lighthouse" / "node_modules" / ".bin" / "lighthouse"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
LEAST = {"accessibility": 95, "best-practices": 95}
FORMS: dict[str, list[str]] = {"phone": [], "desk": ["--preset=desktop"]}


def looked_at(gateway: Stand, more: list[str], folder: Path) -> dict[str, Any]:
    """Lighthouse's report of the first page.

    Args:
        gateway: what serves it.
        more: of Lighthouse's options.
        folder: for its files.
    """
    code = Sessions(SystemClock(), ProcessMemory(SystemClock().time), Secret(gateway.token)).code()
    report = folder / "report.json"
    command = [str(LIGHTHOUSE), f"{gateway.address}/#{SIGN_IN}={code}", *more, "--quiet", "--output=json"]
    command += [f"--output-path={report}", f"--only-categories={','.join(CATEGORIES)}", "--no-enable-error-reporting"]
    command += [f"--chrome-flags=--headless=new {' '.join(FLAGS)} --user-data-dir={folder / 'chromium'}"]
    subprocess.run(command, check=True, env={**os.environ, "CHROME_PATH": CHROMIUM})
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def told(report: dict[str, Any]) -> list[str]:
    """The audits that were not passed, the worst of each category first."""
    lines = []
    for name in CATEGORIES:
        for row in report["categories"][name]["auditRefs"]:
            audit = report["audits"][row["id"]]
            if row["weight"] and audit["score"] is not None and audit["score"] < 0.9:
                lines.append(f"  {name}: {audit['title']} ({audit['score']:.2f}) {audit.get('displayValue', '')}")
    return lines


def main() -> int:
    """Prints the scores; 1 where one that does not depend on the machine is too low."""
    low = False
    for form, more in FORMS.items():
        with tempfile.TemporaryDirectory() as text, stand(Path(text)) as gateway:
            report = looked_at(gateway, more, Path(text))
            scores = {name: round(report["categories"][name]["score"] * 100) for name in CATEGORIES}
            print(f"{form}: " + ", ".join(f"{name} {score}" for name, score in scores.items()))
            print("\n".join(told(report)))
            low |= any(scores[name] < least for name, least in LEAST.items())
            if len(sys.argv) > 1:
                (Path(sys.argv[1]) / f"{form}.json").write_text(json.dumps(report))
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
