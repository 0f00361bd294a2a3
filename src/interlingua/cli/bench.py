"""`il bench`: how fast models answer, how often they fail, and what it costs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from interlingua.cli.names import complete_files, complete_models
from interlingua.cli.session import Session, session
from interlingua.cli.table import Column, table
from interlingua.engine.principal import LOCAL_TENANT
from interlingua.errors import InterlinguaError, InvalidRequest, LocalFileError

if TYPE_CHECKING:
    from interlingua.bench.kept import Outcome, Plan
    from interlingua.bench.measure import Figures, Sample

_PROMPTS = ("Say in one sentence what a haiku is.", "List three uses of a brick.", "What is 17 * 23? Only the number.")
_COLUMNS = (
    Column("model"),
    Column("calls", right=True, keep=6),
    Column("failed", right=True, keep=9),
    Column("first p50", right=True, keep=10),
    Column("p95", right=True, keep=8),
    Column("whole p50", right=True, keep=7),
    Column("p95", right=True, keep=5),
    Column("p99", right=True, keep=1),
    Column("tok/s", right=True, keep=9),
    Column("tok/s in all", right=True, keep=2),
    Column("tokens out", right=True, keep=3),
    Column("cost", right=True, keep=4),
)


@click.command("bench", short_help="Measure how fast models answer.")
@click.option(
    "-m",
    "--model",
    "models",
    metavar="MODEL",
    multiple=True,
    required=True,
    shell_complete=complete_models,
    help="Who is measured; may be repeated.",
)
@click.option(
    "--prompts",
    "file",
    metavar="FILE",
    shell_complete=complete_files,
    help="Prompts: one a line, or JSON lines with `prompt`. Three short ones by default.",
)
@click.option("-n", "--runs", type=click.IntRange(1, 1000), default=3, show_default=True, help="How often each prompt.")
@click.option("--at-once", type=click.IntRange(1, 100), default=1, show_default=True, help="Calls of a model at once.")
@click.option("--max-tokens", type=click.IntRange(min=1), metavar="NUMBER", help="The longest answer, in tokens.")
@click.option("--plot", metavar="FILE.svg", help="Draw every call into an SVG.")
@click.option("--json", "as_json", is_flag=True, help="As JSON: figures, and every call.")
@click.option("--estimate", is_flag=True, help="Send nothing: say how many calls, and what their prompts cost.")
@click.option("--not-kept", is_flag=True, help="Keep nothing for usage and the page of performance.")
@click.pass_context
def command(
    context: click.Context, /, models: tuple[str, ...], file: str | None, plot: str | None, as_json: bool, **given: Any
) -> None:
    """Measure models with the same prompts: time to the first token and to the end, tokens per second, failures, cost.

    The calls are kept where usage and the web's page of performance find them. Ctrl-C shows what there is until then.

    \b
    il bench -m gpt-6-luna -m local/smollm2
    il bench -m A -m B --prompts p.txt -n 10 --plot p.svg
    """
    current = session(context)
    if plot is not None and Path(plot).suffix.lower() != ".svg":
        raise click.UsageError("--plot draws an SVG: name a file that ends with .svg")
    prompts = read_prompts(file) if file else list(_PROMPTS)
    models = tuple(dict.fromkeys(models))
    for model in models:
        current.target(model)
    calls = len(models) * len(prompts) * given["runs"]
    said = asyncio.run(_estimated(current, models, prompts, given["runs"]))
    current.err.line(f"{calls} calls, {said} for their prompts, before any answer")
    if given["estimate"]:
        return
    samples: list[Sample] = []
    stopped = False
    try:
        asyncio.run(_measured(current, models, prompts, samples, calls, given))
    except KeyboardInterrupt:
        stopped = True
        current.err.line()
    _show(current, samples, as_json=as_json)
    if plot is not None and samples:
        _draw(current, plot, samples)
    if not given["not_kept"]:
        from interlingua.bench.kept import Plan

        plan = Plan(
            models=models,
            prompts=len(prompts),
            runs=given["runs"],
            at_once=given["at_once"],
            max_output_tokens=given["max_tokens"],
        )
        asyncio.run(_kept(current, samples, plan, "stopped" if stopped else "done"))
    if stopped:
        context.exit(130)
    if samples and all(one.error is not None for one in samples):
        from interlingua.errors import BY_CODE

        context.exit(BY_CODE.get(samples[0].error or "", InterlinguaError).exit_code)


def read_prompts(path: str) -> list[str]:
    """The prompts of a file: a line each, or JSON lines that are texts or hold one as `prompt`.

    Raises:
        LocalFileError: it cannot be read.
        InvalidRequest: it holds none, or a line is something else.
    """
    try:
        lines = Path(path).expanduser().read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LocalFileError(f"{path} cannot be read: {error}", path=path) from error
    found: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if not path.endswith((".jsonl", ".ndjson")):
            found.append(line.strip())
            continue
        try:
            value = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            raise InvalidRequest(f"{path}, line {number}: {error}", path="prompts") from error
        text = value.get("prompt") if isinstance(value, dict) else value
        if not isinstance(text, str) or not text.strip():
            raise InvalidRequest(f"{path}, line {number}: neither a text nor an object with `prompt`", path="prompts")
        found.append(text)
    if not found:
        raise InvalidRequest(f"{path} holds no prompt", path="prompts", remedy="Write one on each line.")
    return found


async def _estimated(current: Session, models: Sequence[str], prompts: Sequence[str], runs: int) -> str:
    from interlingua.client.estimate import estimate
    from interlingua.client.reply import total_cost

    client = current.client
    costs = [
        (await estimate(client.engine, client.request(prompt, model=model))).prompt_cost
        for model in models
        for prompt in prompts
    ]
    whole = total_cost(cost for cost in costs for _ in range(runs))
    return "an unknown amount" if whole is None else "nothing" if not whole.pico else f"about {whole}"


async def _measured(
    current: Session,
    models: Sequence[str],
    prompts: Sequence[str],
    samples: list[Sample],
    calls: int,
    given: dict[str, Any],
) -> None:
    from interlingua.bench.measure import measure

    err = current.err

    def told(sample: Sample) -> None:
        samples.append(sample)
        if err.moves:
            failed = sum(one.error is not None for one in samples)
            line = f"{len(samples)} of {calls}" + (f" · {failed} failed" if failed else "") + " · Ctrl-C stops"
            err.write("\r\x1b[2K" + err.paint(line, "dim"))

    async with current.client as client:
        try:
            await measure(
                client,
                models,
                prompts,
                runs=given["runs"],
                at_once=given["at_once"],
                settings={"max_output_tokens": given["max_tokens"]} if given["max_tokens"] else {},
                on_sample=told,
            )
        finally:
            if err.moves and samples:
                err.write("\r\x1b[2K")


def _show(current: Session, samples: Sequence[Sample], *, as_json: bool) -> None:
    from interlingua.bench.measure import figures
    from interlingua.bench.plot import text_rows

    found = figures(samples)
    out = current.out
    if as_json:
        value = {"figures": msgspec.to_builtins(found), "calls": [_call(one) for one in samples]}
        out.line(json.dumps(value, indent=2, ensure_ascii=False))
        return
    for line in table(out, _COLUMNS, [_row(one) for one in found]):
        out.line(line)
    if samples and out.is_terminal:
        out.line()
        out.line(out.paint("time to the first token", "dim"))
        for line in text_rows(samples, min(100, out.width or 80)):
            out.line(out.safe(line))
    for one in found:
        for code, count in one.errors.items():
            message = next(sample.message for sample in samples if sample.model == one.model and sample.error == code)
            told = f"{one.model}: {code} {count} times: {message}"
            current.err.line(current.err.paint("note:", "yellow") + " " + current.err.safe(told))


def _row(one: Figures) -> tuple[str, ...]:
    from interlingua.types.money import Money

    return (
        one.model,
        str(one.calls),
        str(one.failed) if one.failed else "",
        *(_seconds(value) for value in (one.first_p50, one.first_p95, one.total_p50, one.total_p95, one.total_p99)),
        _figure(one.speed_p50),
        _figure(one.throughput),
        "unknown" if one.output_tokens is None else f"{one.output_tokens:,}",
        "unknown" if one.cost is None else str(Money(one.cost)),
    )


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f} s"


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f}"


def _call(sample: Sample) -> dict[str, Any]:
    """A call as JSON, without what only the ledger needs."""
    found: dict[str, Any] = msgspec.to_builtins(sample)
    found["usage"] = found["usage"] and {name: value for name, value in found["usage"].items() if name != "raw"}
    found["attempts"] = len(sample.attempts)
    return found


def _draw(current: Session, plot: str, samples: Sequence[Sample]) -> None:
    from interlingua.bench.plot import render_svg

    try:
        Path(plot).expanduser().write_text(render_svg(samples), encoding="utf-8")
    except OSError as error:
        raise LocalFileError(f"{plot} cannot be written: {error.strerror or error}", path=plot) from error
    current.err.line(f"drawn: {plot}")


async def _kept(current: Session, samples: Sequence[Sample], plan: Plan, state: Outcome) -> None:
    """Puts the calls into the ledger and the figures among the benchmarks; where there is no store, that is told and
    nothing else is lost."""
    from interlingua.bench.kept import benchmark, new_id
    from interlingua.bench.measure import ledger_rows
    from interlingua.stores.opening import open_store

    try:
        store = await open_store(current.config.store)
        try:
            await store.write(ledger_rows(samples))
            if samples:
                started = min(one.started for one in samples)
                found = benchmark(new_id(), plan, samples, started, time.time_ns() // 1000, state)
                await store.benchmarks.put(LOCAL_TENANT, found)
        finally:
            await store.aclose()
    except InterlinguaError as error:
        current.err.line(current.err.paint("note:", "yellow") + f" not kept: {error.message}")
