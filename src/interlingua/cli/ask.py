"""`il ask`: one question, one answer. The answer goes to standard output, all else to standard error."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import click
import msgspec

from interlingua.cli.answer_view import AnswerView, WaitLine, notes
from interlingua.cli.code_block import first_code_block
from interlingua.cli.conversation import Continued, latest_talk
from interlingua.cli.estimate_view import estimate_json, estimate_lines
from interlingua.cli.json_schema import read_schema
from interlingua.cli.names import complete_files, complete_models
from interlingua.cli.preset_use import read_preset, read_template, with_template
from interlingua.cli.prompt import piped_text, whole_prompt
from interlingua.cli.session import Session, session
from interlingua.cli.summary import summary
from interlingua.cli.tool_use import open_toolbox, show_run
from interlingua.cli.usage_line import usage_line
from interlingua.client.attachments import attach as attached
from interlingua.client.chat import AsyncChat
from interlingua.client.estimate import Estimate
from interlingua.client.presets import Preset
from interlingua.client.reply import Reply, ReplyStream
from interlingua.client.tools import ToolRun
from interlingua.errors import InterlinguaError
from interlingua.types.accumulate import unfold
from interlingua.types.events import Event, Failed
from interlingua.types.messages import user

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


class Form(NamedTuple):
    """How the answer is shown.

    Args:
        json: as one object at the end.
        jsonl: as events, one per line, and the object after them.
        extract: only its first code block.
        schema: only the value that it holds.
        stream: whether it is asked for piece by piece.
        usage: whether the line of usage is shown.
    """

    json: bool
    jsonl: bool
    extract: bool
    schema: dict[str, Any] | None
    stream: bool
    usage: bool

    @property
    def is_text(self) -> bool:
        """Whether the text itself is shown as it comes."""
        return not (self.json or self.jsonl or self.extract or self.schema is not None)


@click.command("ask", short_help="Ask a model.")
@click.argument("prompt", nargs=-1)
@click.option("-m", "--model", metavar="MODEL", shell_complete=complete_models, help="Who answers; see `il models`.")
@click.option("-s", "--system", metavar="TEXT", help="Instructions that precede the question.")
@click.option("-p", "--preset", metavar="NAME", help="Model and settings that have a name; see `il preset`.")
@click.option("-t", "--template", metavar="TEXT|@FILE|NAME", help="What is asked, with {{name}} for variables.")
@click.option("-v", "--var", "values", metavar="NAME=VALUE", multiple=True, help="The value of a variable.")
@click.option("--tool", "tools", metavar="NAME", multiple=True, help="A tool that may be called; see `il tools`.")
@click.option("-c", "--continue", "go_on", is_flag=True, help="Go on with the last conversation; it is kept.")
@click.option(
    "-a",
    "--attach",
    "attachments",
    metavar="PATH|URL",
    multiple=True,
    shell_complete=complete_files,
    help="Show a file or an address with the question; may be repeated.",
)
@click.option(
    "-T", "--temperature", type=click.FloatRange(min=0), metavar="NUMBER", help="How freely words are chosen."
)
@click.option("--max-tokens", type=click.IntRange(min=1), metavar="NUMBER", help="The longest answer, in tokens.")
@click.option("--reasoning", type=click.Choice(EFFORTS), metavar="EFFORT", help=f"Thinking: {', '.join(EFFORTS)}.")
@click.option(
    "--schema",
    metavar="FILE",
    shell_complete=complete_files,
    help="A JSON Schema: the answer is a value that fits it, as JSON.",
)
@click.option("-x", "--extract", is_flag=True, help="Print only the first code block of the answer.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: text, usage, cost, timing and more.")
@click.option("--jsonl", "as_jsonl", is_flag=True, help="Print events as they come, one JSON object per line.")
@click.option("--estimate", is_flag=True, help="Send nothing: say what it would take and cost.")
@click.option("--no-stream", is_flag=True, help="Ask for the answer at once.")
@click.option("-q", "--quiet", is_flag=True, help="No line of usage after the answer.")
@click.pass_context
def command(
    context: click.Context,
    /,
    prompt: tuple[str, ...],
    model: str | None,
    attachments: tuple[str, ...],
    schema: str | None,
    extract: bool,
    as_json: bool,
    as_jsonl: bool,
    no_stream: bool,
    estimate: bool,
    quiet: bool,
    go_on: bool = False,
    **options: Any,
) -> None:
    """Ask a model. The answer is all that goes to standard output.

    What is piped in is put after the words of PROMPT.

    \b
    il ask "What is the capital of France?"
    git diff | il ask -m claude-sonnet-5-5 "Review it." > r.md
    il ask -a bill.jpg --schema bill.json "What is on it?"
    """
    if [extract, as_json, as_jsonl].count(True) > 1 or (extract and schema):
        raise click.UsageError("--extract, --json and --jsonl exclude each other, and --extract excludes --schema")
    current = session(context)
    preset = read_preset(current, options["preset"])
    template = read_template(current, options["template"], preset)
    question = with_template(template, options["values"], whole_prompt(prompt, piped_text()))
    if not question and not attachments:
        raise click.UsageError('there is no question: write one, as in il ask "What is …?", or pipe one in')
    form = Form(
        json=as_json,
        jsonl=as_jsonl,
        extract=extract,
        schema=read_schema(schema) if schema else preset.settings.json_schema,
        stream=not no_stream,
        usage=not (quiet or as_json or as_jsonl) and current.config.display.usage,
    )
    tools = tuple(options["tools"]) or preset.settings.tools
    if go_on and (form.schema or no_stream or estimate or tools):
        raise click.UsageError("--continue excludes schemas, tools, --no-stream and --estimate")
    call = {"model": model or preset.model, "attach": attachments, **_settings(preset, options)}
    target = current.target(call["model"])
    if estimate:
        _show_estimate(current, question, as_json=as_json, **call)
        return
    if target.provider.in_process:
        from interlingua.cli.pull import offer_weights  # brings what downloads need

        offer_weights(current, target)
    view = AnswerView(current.out, current.err, silent=not form.is_text)
    try:
        reply = asyncio.run(
            _go_on(current, view, form, question, **call)
            if go_on
            else _ask(current, view, form, target.name, question, tools, **call)
        )
    finally:
        view.end()
    _conclude(current, form, reply)


def _settings(preset: Preset, options: dict[str, Any]) -> dict[str, Any]:
    """What the call is told: the preset's settings, and over them the options."""
    found: dict[str, Any] = {**preset.call_settings(), "system": preset.system}
    found.pop("output_format", None)  # it is asked for as what the answer shall be
    names = {"max_tokens": "max_output_tokens"}
    for option in ("system", "temperature", "max_tokens", "reasoning"):
        if options.get(option) is not None:
            found[names.get(option, option)] = options[option]
    return found


def _show_estimate(current: Session, question: str, *, as_json: bool, **call: Any) -> None:
    async def run() -> Estimate:
        async with current.client as client:
            return await client.estimate(question, **call)

    found = asyncio.run(run())
    if as_json:
        current.out.line(_json(estimate_json(found), pretty=current.out.is_terminal))
    else:
        for line in estimate_lines(found):
            current.out.line(line)


async def _ask(
    current: Session, view: AnswerView, form: Form, who: str, question: str, tools: tuple[str, ...], **call: Any
) -> Reply[Any]:
    """The reply, shown while it comes."""
    async with AsyncExitStack() as closing:
        client = await closing.enter_async_context(current.client)
        if tools:
            chat = AsyncChat(call.pop("model"), system=call.pop("system"), client=client)
            chat.tools = await open_toolbox(current, tools, closing)
        with WaitLine(current.err, who) as wait:
            if tools:
                return await _shown(current, view, form, wait, chat.stream(question, output=form.schema, **call))
            if not form.stream:
                reply = await client.generate(question, output=form.schema, **call)
                wait.stop()
                view.whole(reply.parts)
                return reply
            return await _shown(current, view, form, wait, client.stream(question, output=form.schema, **call))


async def _go_on(current: Session, view: AnswerView, form: Form, question: str, **call: Any) -> Reply[Any]:
    """The reply within the last conversation."""
    async with AsyncExitStack() as closing:
        await closing.enter_async_context(current.client)
        talk = await latest_talk(current, closing, call.pop("model"), call.pop("system"))
        parts = [attached(source) for source in call.pop("attach")]
        target = talk.target
        with WaitLine(current.err, target.name) as wait:
            return await _shown(current, view, form, wait, Continued(talk, user(question, *parts), call))  # type: ignore[arg-type]  # what is left are settings


async def _shown(
    current: Session, view: AnswerView, form: Form, wait: WaitLine, stream: ReplyStream[Any] | Continued
) -> Reply[Any]:
    try:
        async for event in stream:
            if form.is_text or form.jsonl:
                wait.stop()
            if form.jsonl:
                current.out.line(current.out.safe(_line(event)))
            if isinstance(event, ToolRun):
                show_run(current, event)
            else:
                view.show(event)
    except InterlinguaError as error:
        if form.jsonl:
            current.out.line(current.out.safe(_line(Failed.of(error))))
        raise
    finally:
        wait.stop()
        await stream.aclose()
    return stream.reply


def _conclude(current: Session, form: Form, reply: Reply[Any]) -> None:
    """Writes what is made of the finished answer, then notes and usage."""
    out, err = current.out, current.err
    if form.json:
        out.line(out.safe(_json(summary(reply), pretty=out.is_terminal)))
    elif form.jsonl:
        if not form.stream:
            for event in unfold(reply.response):
                out.line(out.safe(_line(event)))
        out.line(out.safe(_json({"type": "summary", **summary(reply)})))
    elif form.extract:
        block = first_code_block(reply.text)
        if block is None:
            err.line(err.paint("note:", "yellow") + " the answer holds no code block; this is all of it")
        text = (reply.text if block is None else block).rstrip("\n")
        out.write(out.safe(text) + "\n" if text else "")
    elif form.schema is not None:
        out.line(out.safe(_json(reply.output, pretty=True)))
    for note in notes(reply):
        err.line(err.paint("note:", "yellow") + " " + err.safe(note))
    if form.usage and err.is_terminal:
        err.line(err.paint(usage_line(reply, err.width), "dim"))


def _line(event: Event | ToolRun) -> str:
    return msgspec.json.encode(event).decode()


def _json(value: Any, *, pretty: bool = False) -> str:
    return json.dumps(
        msgspec.to_builtins(value),
        ensure_ascii=False,
        indent=2 if pretty else None,
        separators=None if pretty else (",", ":"),
    )
