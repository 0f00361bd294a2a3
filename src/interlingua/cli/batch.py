"""`il batch run`: a file of requests in, a file of results out, to be gone on with after whatever interrupted it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import IO, TYPE_CHECKING
from uuid import uuid4

import click
import msgspec

from interlingua.cli.names import complete_files, complete_models
from interlingua.cli.progress import ProgressBar
from interlingua.cli.session import Session, session
from interlingua.cli.stored import dollars
from interlingua.errors import Conflict, InvalidRequest, LocalFileError

if TYPE_CHECKING:
    from interlingua.engine.batch import BatchEstimate, BatchItem


class _Response(msgspec.Struct):
    status_code: int


class _Line(msgspec.Struct):
    """What is looked at of a line of results."""

    custom_id: str
    response: _Response | None = None


_line = msgspec.json.Decoder(_Line)


@click.group("batch", short_help="Ask many questions from a file.")
def command() -> None:
    """Ask many questions from a file, and write the answers to another.

    \b
    il batch run requests.jsonl -o results.jsonl
    """


@command.command("run", short_help="Answer a file of requests.")
@click.argument("requests", type=click.Path(dir_okay=False), shell_complete=complete_files)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="Where the results go.")
@click.option("-m", "--model", metavar="MODEL", shell_complete=complete_models, help="Who answers, whatever lines say.")
@click.option("-j", "--at-once", type=click.IntRange(1, 1000), default=8, help="Requests at once; 8 by default.")
@click.option("--retry-failed", is_flag=True, help="Ask again what failed in a run before.")
@click.option("--yes", is_flag=True, help="Do not ask before it costs something.")
@click.pass_context
def run_batch(
    context: click.Context,
    requests: str,
    output: str,
    model: str | None,
    at_once: int,
    retry_failed: bool,
    yes: bool,
) -> None:
    """Answer a file of requests in OpenAI's batch format, with any model.

    Results are written as they come, each a line of OpenAI's format, and each call into the ledger (il logs, il usage);
    the configured budgets hold. After an interruption the same command goes on with what has no result yet.
    """
    from interlingua.cli.batch_book import budget_lines, put_back
    from interlingua.engine.batch import estimate, parse_items

    current, path = session(context), Path(output)
    items = parse_items(_read(Path(requests)), model)
    with ExitStack() as stack:
        file = _opened(path, stack)
        there = _done(file, path)
        # What was paid for and killed on its way to the file.
        there |= put_back(current, path, items, there, lambda line: _append(file, line))
        if retry_failed:
            file = _without_failed(file, path, stack)
            there = _done(file, path)
        rest = [item for item in items if item.custom_id not in there]
        if rest:
            # A name of which nothing is known is said before anything is sent.
            found = estimate(current.engine, rest)
            _tell(current, found, budget_lines(current), rest=len(rest), done=len(items) - len(rest))
            if not yes:
                _ask(current, found)
        failed, cost, unknown = asyncio.run(_run(current, rest, file, path, at_once)) if rest else (0, 0, 0)
    told = [f"{len(rest) - failed:,} answered"]
    told += [f"{failed:,} failed (--retry-failed asks them again)"] if failed else []
    told += [f"{len(items) - len(rest):,} were there already"] if len(rest) < len(items) else []
    told += [dollars(cost) + (f", and {unknown:,} of unknown cost" if unknown else "")] if rest else []
    current.err.line(" · ".join(told))
    if failed:
        context.exit(1)


async def _run(
    current: Session, items: list[BatchItem], file: IO[bytes], path: Path, at_once: int
) -> tuple[int, int, int]:
    """Answers and writes; how many failed, what is known of the cost, and of how many it is not."""
    from interlingua.cli.batch_book import opened
    from interlingua.engine.batch import Batch, render_result
    from interlingua.engine.limits import Limiter
    from interlingua.stores.memory import ProcessMemory

    engine = current.engine
    bar = ProgressBar(current.err, "asking", amount=_count, verb="asking")
    failed = cost = unknown = number = 0
    try:
        async with opened(current, path, items) as book:
            batch = Batch(
                engine,
                memory=ProcessMemory(engine.clock.monotonic),
                limiter=Limiter(engine.clock, current.config.limits),
                budgets=book.budgets,
                concurrency=at_once,
                new_id=lambda: f"req_{uuid4().hex[:24]}",
            )
            book.left = batch.left
            bar.tell(0, len(items))
            async with aclosing(batch.results(items)) as each:
                async for result in each:
                    number += 1
                    line = render_result(result)
                    await book.enter(result, line)
                    _append(file, line)
                    book.written(result)
                    failed += result.error is not None
                    if result.error is None:
                        cost += result.cost.pico if result.cost is not None else 0
                        unknown += result.cost is None
                    bar.tell(number, len(items))
    finally:
        bar.stop()
        await current.client.aclose()
    return failed, cost, unknown


def _count(number: float | None) -> str:
    return "?" if number is None else f"{number:.1f}" if number < 10 and number != int(number) else f"{number:,.0f}"


def _read(path: Path) -> list[bytes]:
    try:
        return path.expanduser().read_bytes().splitlines()
    except OSError as error:
        raise LocalFileError(f"{path} cannot be read: {error.strerror or error}", path=str(path)) from error


def _opened(path: Path, stack: ExitStack) -> IO[bytes]:
    """The file of results, for this run alone.

    Raises:
        Conflict: another run writes it.
        LocalFileError: it cannot be written.
    """
    try:
        file = stack.enter_context(path.expanduser().open("a+b"))
    except OSError as error:
        raise LocalFileError(f"{path} cannot be written: {error.strerror or error}", path=str(path)) from error
    _lock(file, path)
    return file


def _lock(file: IO[bytes], path: Path) -> None:
    """Two runs on one file would ask everything twice. The lock ends with the process, however that ends."""
    busy = Conflict(f"another run writes {path}", remedy="Wait for it, or name another file.")
    with contextlib.suppress(ImportError):  # not on Windows
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise busy from error
        if os.fstat(file.fileno()).st_ino != path.expanduser().stat().st_ino:
            raise busy  # it put another file in its place meanwhile


def _done(file: IO[bytes], path: Path) -> set[str]:
    """The requests that have a result; what a kill left of a last line is cut off.

    Raises:
        InvalidRequest: the file holds something else than results.
    """
    found: set[str] = set()
    file.seek(0)
    end = 0
    for text in file:
        if not text.endswith(b"\n"):
            file.truncate(end)
            break
        end += len(text)
        found.add(_result(text, path).custom_id)
    return found


def _without_failed(file: IO[bytes], path: Path, stack: ExitStack) -> IO[bytes]:
    """The results that did not fail, in a file that takes the other's place whole: a kill leaves one or the other."""
    file.seek(0)
    kept = [text for text in file if text.endswith(b"\n") and not _has_failed(_result(text, path))]
    where = path.expanduser().resolve()
    beside = where.with_name(f".{where.name}.{os.getpid()}")
    try:
        copy = stack.enter_context(beside.open("w+b"))
        copy.writelines(kept)
        copy.flush()
        os.fsync(copy.fileno())
        beside.replace(where)
    except OSError as error:
        raise LocalFileError(f"{path} cannot be written: {error.strerror or error}", path=str(path)) from error
    _lock(copy, path)
    return copy


def _result(text: bytes, path: Path) -> _Line:
    try:
        return _line.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"{path} holds something else than results: {text[:40].decode(errors='replace')!r}",
            path="output",
            remedy="Name another file for the results.",
        ) from error


def _has_failed(line: _Line) -> bool:
    return line.response is None or line.response.status_code >= 400


def _append(file: IO[bytes], line: bytes) -> None:
    """A result counts when it is on the disk."""
    try:
        file.seek(0, os.SEEK_END)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        raise LocalFileError(f"the results cannot be written: {error.strerror or error}") from error


def _tell(current: Session, found: BatchEstimate, budgets: Sequence[str], *, rest: int, done: int) -> None:
    err = current.err
    lines = [
        ("requests", f"{rest:,}" + (f" ({done:,} are done)" if done else "")),
        ("models", ", ".join(found.models)),
        ("prompts", f"about {found.prompt_tokens:,} tokens"),
        ("costs", _costs(found, rest)),
        *(("budget", budget) for budget in budgets),
    ]
    for label, text in lines:
        for line in err.hanging(f"{label:<9} ", text):
            err.line(line)


def _costs(found: BatchEstimate, rest: int) -> str:
    if found.unpriced == rest:
        return "unknown"
    known = f"about {dollars(found.prompt_cost)} for the prompts, at most {dollars(found.most_cost)} with the answers"
    if not found.most_cost:
        known = "nothing"
    return known + (f"; unknown for {found.unpriced:,} requests" if found.unpriced else "")


def _ask(current: Session, found: BatchEstimate) -> None:
    if not found.most_cost and not found.unpriced:
        return
    if not (sys.stdin.isatty() and current.err.is_terminal):
        raise click.UsageError("there is nobody to ask here whether it may cost that; say --yes")
    click.confirm("Ask them?", abort=True, err=True)
