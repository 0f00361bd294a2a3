"""Fuzzes the parsers under coverage (atheris, libFuzzer): `python -m tests.fuzz TARGET… --seconds N`.

Without a target all of them run, two at a time. What libFuzzer learns is kept in `.fuzz/corpus/TARGET`, so that the
next run goes on from there; an input that fails a check is written to `.fuzz/TARGET-crash-…` and is checked alone with
`python -m tests.fuzz TARGET --input FILE`.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = Path(".fuzz")
LONGEST = 16384
"""Bytes of an input; parsers that are slow only on long ones are the business of `test_linear_time.py`."""
SLOWEST = 20
"""Seconds that one input may take."""


def fuzz(name: str, seconds: int) -> None:
    """Fuzzes one target in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["interlingua"]):
        from tests.fuzz.mutate import mutate
        from tests.fuzz.targets import TARGETS

        if name not in TARGETS:
            sys.exit(f"unknown: {name}; there are: {', '.join(TARGETS)}")
        target = TARGETS[name]
        seeds = target.seeds()
        for seed in seeds:
            target.check(seed)  # dialects are imported on first use, which must be here
    corpus, given = FOLDER / "corpus" / name, FOLDER / "seeds" / name
    for folder in (corpus, given):
        folder.mkdir(parents=True, exist_ok=True)
    for place, seed in enumerate(seeds):
        (given / str(place)).write_bytes(seed)
    dictionary = FOLDER / f"{name}.dict"
    dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words), encoding="ascii")

    def custom(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.randrange(4) == 0:
            return bytes(atheris.Mutate(data, max_size))
        return mutate(data, rng, seeds, target.words)[:max_size]

    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={SLOWEST}", "-rss_limit_mb=2048"]
    output = [f"-artifact_prefix={FOLDER}/{name}-", "-print_final_stats=1", "-verbosity=0"]
    atheris.Setup(
        [sys.argv[0], *limits, *output, f"-dict={dictionary}", str(corpus), str(given)],
        target.check,
        custom_mutator=custom,
    )
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in word.encode())


def run_all(names: list[str], seconds: int, jobs: int) -> int:
    """Fuzzes several targets, each in a process of its own; the number of those that failed."""

    def one(name: str) -> tuple[str, subprocess.CompletedProcess[str]]:
        command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        return name, done

    failures = 0
    with ThreadPoolExecutor(jobs) as pool:
        for name, done in pool.map(one, names):
            runs = done.stderr.partition("number_of_executed_units:")[2].split()[:1]
            verdict = "ok" if done.returncode == 0 else "FAILED"
            print(f"{name:28} {runs[0] if runs else '?':>9} inputs  {verdict}", flush=True)
            if done.returncode:
                failures += 1
                print(done.stdout[-4000:] + done.stderr[-4000:], flush=True)
    return failures


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition(":")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="such as wire.sse or gemini.stream")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time (2)")
    parser.add_argument("--input", type=Path, help="check this file alone")
    given = parser.parse_args()
    if len(given.targets) == 1 and given.input is None:
        fuzz(given.targets[0], given.seconds)  # before anything is imported that must be instrumented
    from tests.fuzz.targets import TARGETS

    names = given.targets or list(TARGETS)
    unknown = sorted(set(names) - set(TARGETS))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are: {', '.join(TARGETS)}")
    if given.input is None:
        return min(1, run_all(names, given.seconds, given.jobs))
    for name in names:
        TARGETS[name].check(given.input.read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
