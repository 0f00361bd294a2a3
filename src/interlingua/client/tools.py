"""Tools from typed Python functions: what a model is told about them, and running them when it calls.

The rule of this file: whatever goes wrong in a call becomes an answer that the model can act on, and an exception
that the caller can look at (`ToolRun`); only cancellation passes through. A tool's definition never changes once it
is made, and a toolbox lists its tools in the order of their addition, so that providers' prompt caches hold.

    @tool
    async def weather(city: str, days: int = 1) -> Forecast:
        '''The weather forecast of a city.'''

    box = Toolbox([weather, database.lookup])
    runs = await box.run_all(calls)
"""

from __future__ import annotations

import asyncio
import copy
import difflib
import functools
import inspect
import re
import time
import types
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from msgspec import Struct

from interlingua.client.schema import Schema, strict, tidy
from interlingua.client.shapes import Mismatch
from interlingua.client.signatures import Signature, read_signature
from interlingua.client.tool_results import render_result, whole_letters
from interlingua.errors import InterlinguaError, InvalidRequest, NotFound, TimedOut
from interlingua.types.opaque import Json
from interlingua.types.parts import ContentPart, TextPart, ToolCallPart, ToolCallResponsePart, parse_arguments
from interlingua.types.tools import CustomTool, FunctionTool
from interlingua.types.tools import Tool as Definition

P = ParamSpec("P")
R = TypeVar("R")

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHOWN = 200
_LONGEST_MESSAGE = 2_000
_NO_PARAMETERS: Schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


class ToolRun(Struct, frozen=True, kw_only=True):
    """One call of a tool, for whoever watches.

    Args:
        call: what the model asked.
        name: the tool's name.
        arguments: as the model gave them, decoded; the text itself where it is no JSON object, or for custom tools.
        response: what the model is answered.
        seconds: how long it took.
        error: what went wrong, None if nothing did.
    """

    call: ToolCallPart
    name: str
    arguments: Json
    response: ToolCallResponsePart
    seconds: float
    error: BaseException | None = None


class Tool:
    """A Python function that a model may call; called from Python it is the function itself.

    Args:
        function: sync or async; also a bound method, functools.partial or callable object. Every parameter has a
            name and an annotation.
        name: letters, digits, `_` and `-`, at most 64; the function's name by default.
        description: what it is for, read by the model; the docstring's first paragraph by default.
        strict: true makes the provider enforce the schema, which is put into the common strict subset.
        sequential: calls of such tools in one turn run one after another, in order.
        custom: the tool takes free text: its one parameter is a str and gets what the model wrote, unparsed.

    Raises:
        InvalidRequest: the function cannot be a tool; `path` names the parameter.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        strict: bool | None = None,
        sequential: bool = False,
        custom: bool = False,
    ) -> None:
        self.function: Callable[..., Any] = function.function if isinstance(function, Tool) else function
        self.sequential = sequential
        self.custom = custom
        self.signature: Signature = read_signature(self.function, name or "")
        self.unbound = self.signature.unbound
        self.name = name or self.signature.name
        self.description = description or self.signature.docstring.summary or None
        self.definition: Definition = self._define(strict)
        functools.update_wrapper(self, self.function, updated=())

    def _define(self, strict: bool | None) -> Definition:
        if not _NAME.fullmatch(self.name):
            raise InvalidRequest(
                f"{self.name}: a tool's name has letters, digits, _ and -, and at most 64 of them",
                path=self.name,
                remedy="Give it one: tool(function, name=...).",
            )
        if self.custom:
            parameters = self.signature.parameters
            if len(parameters) != 1 or parameters[0].shape.kind is not str:
                raise InvalidRequest(f"{self.name}: a custom tool has one parameter, a str", path=self.name)
            return CustomTool(name=self.name, description=self.description)
        schema = self.signature.schema()
        if strict:
            schema = _strict(schema or _NO_PARAMETERS, self.name)
        return FunctionTool(name=self.name, description=self.description, parameters=schema, strict=strict)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"Tool({self.name!r})"

    def __get__(self, instance: object | None, owner: type) -> Tool:
        if instance is None or not self.unbound:
            return self
        bound = copy.copy(self)
        bound.function = types.MethodType(self.function, instance)
        bound.unbound = False
        return bound

    def parse(self, call: ToolCallPart) -> dict[str, Any]:
        """The function's arguments from what a model wrote.

        Raises:
            InvalidRequest: they do not fit; the message lists all that is wrong and how to put it right.
        """
        if self.custom:
            return {self.signature.parameters[0].name: _free_text(call)}
        given = _given(call)
        if not isinstance(given, dict):
            raise InvalidRequest(
                f"the arguments are not a JSON object: {call.raw[:_SHOWN]!r}. "
                f"Call {self.name} again with an object of: {self._wanted()}",
                path=self.name,
            )
        known = {one.name for one in self.signature.parameters}
        wrong = {name: "there is no such argument" for name in given if name not in known}
        found: dict[str, Any] = {}
        for one in self.signature.parameters:
            if one.name not in given:
                if one.required:
                    wrong[one.name] = "missing"
                continue
            try:
                found[one.name] = one.shape.convert(given[one.name])
            except Mismatch as error:
                if given[one.name] is None and not one.required:  # what strict schemas make of "not given"
                    continue
                wrong[f"{one.name}.{error.path}".replace(".[", "[").rstrip(".")] = error.reason
        if wrong:
            said = "; ".join(f"`{path}`: {reason}" for path, reason in wrong.items())
            raise InvalidRequest(
                f"the arguments do not fit: {said}. Call {self.name} again with: {self._wanted()}",
                path=f"{self.name}.{next(iter(wrong))}",
            )
        return found

    def _wanted(self) -> str:
        names = (one.name if one.required else f"{one.name} (optional)" for one in self.signature.parameters)
        return ", ".join(names) or "no arguments"

    async def answer(self, call: ToolCallPart, *, timeout: float | None = None) -> tuple[ContentPart, ...]:
        """Runs the function on a call's arguments; a sync one in a thread, so that the event loop stays free.

        Args:
            call: what the model asked.
            timeout: seconds; None is no limit. A thread cannot be stopped: its result is then thrown away.

        Raises:
            InvalidRequest: the arguments do not fit, or the result cannot be shown to a model.
            TimedOut: `timeout` passed.
            Exception: whatever the function raises.
        """
        arguments = self.parse(call)
        limit = asyncio.timeout(timeout)
        try:
            async with limit:
                value = await self._run(arguments)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TimedOut(f"{self.name} took longer than {timeout:g} s and was given up", phase="tool") from error
        return render_result(value, nothing="done" if self.signature.returns_nothing else "null")

    async def _run(self, arguments: dict[str, Any]) -> Any:
        function: Any = self.function
        call = functools.partial(function, **arguments)
        if _is_async(function):
            return await call()
        value = await asyncio.to_thread(_without_stop, call)
        return await value if inspect.isawaitable(value) else value


class TypedTool(Tool, Generic[P, R]):
    """A Tool whose signature type checkers know: calling it is checked as calling its function is."""

    if TYPE_CHECKING:

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...


@overload
def tool(
    function: Callable[P, R],
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool | None = None,
    sequential: bool = False,
    custom: bool = False,
) -> TypedTool[P, R]: ...
@overload
def tool(
    function: None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool | None = None,
    sequential: bool = False,
    custom: bool = False,
) -> Callable[[Callable[P, R]], TypedTool[P, R]]: ...
def tool(
    function: Callable[P, R] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool | None = None,
    sequential: bool = False,
    custom: bool = False,
) -> TypedTool[P, R] | Callable[[Callable[P, R]], TypedTool[P, R]]:
    """Makes a function a tool; bare (`@tool`), with options (`@tool(strict=True)`) or called (`tool(f, name="g")`).

    Args and errors: those of `Tool`.
    """
    make = functools.partial(
        TypedTool[P, R], name=name, description=description, strict=strict, sequential=sequential, custom=custom
    )
    return make if function is None else make(function)


class Toolbox:
    """The tools that a conversation may use.

    Args:
        tools: functions or Tools, as for `add`.
        on_run: is told of every finished call, also failed ones; it must not raise.
        clock: seconds, for `ToolRun.seconds`.
    """

    def __init__(
        self,
        tools: Iterable[Callable[..., Any]] = (),
        *,
        on_run: Callable[[ToolRun], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._tools: dict[str, Tool] = {}
        self._on_run = on_run
        self._clock = clock
        for one in tools:
            self.add(one)

    def add(self, function: Callable[..., Any]) -> Tool:
        """Adds a function, or a Tool, and returns the Tool.

        Raises:
            InvalidRequest: it cannot be a tool, or its name is taken.
        """
        made = function if isinstance(function, Tool) else tool(function)
        if made.unbound:
            raise InvalidRequest(
                f"{made.name}: is a method without its object",
                path=made.name,
                remedy=f"Add it from an object: box.add(thing.{made.name}).",
            )
        if made.name in self._tools:
            raise InvalidRequest(
                f"{made.name}: a tool of this name is there already",
                path=made.name,
                remedy="Give one of them another name: tool(function, name=...).",
            )
        self._tools[made.name] = made
        return made

    def remove(self, name: str) -> None:
        """Takes a tool out. Raises NotFound."""
        del self._tools[self[name].name]

    def definitions(self) -> tuple[Definition, ...]:
        """What a request tells the model, in order of addition."""
        return tuple(one.definition for one in self)

    def __getitem__(self, name: str) -> Tool:
        found = self._tools.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self._tools, n=1)
            there = "; did you mean " + near[0] + "?" if near else "; there are: " + (", ".join(self._tools) or "none")
            raise NotFound(f"there is no tool {name[:_SHOWN]!r}{there}", what="tool")
        return found

    def __iter__(self) -> Iterator[Tool]:
        return iter(tuple(self._tools.values()))

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    async def run(self, call: ToolCallPart, *, timeout: float | None = None) -> ToolCallResponsePart:
        """Answers a model's call; a failure is an answer too, marked `is_error`. Raises nothing but cancellation.

        Args:
            call: what the model asked.
            timeout: seconds that the tool may take; None is no limit.
        """
        return (await self._run(call, timeout)).response

    async def _run(self, call: ToolCallPart, timeout: float | None) -> ToolRun:
        started = self._clock()
        error: BaseException | None = None
        content: tuple[ContentPart, ...] = ()
        try:
            content = await self[call.name].answer(call, timeout=timeout)
        except asyncio.CancelledError as cancelled:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            error = cancelled  # something inside the tool was cancelled, not we
        except (Exception, SystemExit) as failure:  # noqa: BLE001 - the tool is the user's code; what it raises is told
            error = failure
        if error is not None:
            content = (TextPart(text=_told(error)),)
        response = ToolCallResponsePart(id=call.id, name=call.name, response=content, is_error=error is not None)
        run = ToolRun(
            call=call,
            name=call.name,
            arguments=call.raw if call.custom else _given(call),
            response=response,
            seconds=self._clock() - started,
            error=error,
        )
        if self._on_run is not None:
            self._on_run(run)
        return run

    async def run_all(
        self,
        calls: Iterable[ToolCallPart],
        *,
        timeout: float | None = None,
        finished: dict[int, ToolRun] | None = None,
    ) -> list[ToolRun]:
        """Answers several calls at once, in their order; those of sequential tools run one after another.

        The answers themselves are the `response` of each.

        Args:
            calls: what the model asked in one turn.
            timeout: seconds for each; None is no limit.
            finished: gets each as it is answered, by its place: what is there though the rest was cancelled.
        """
        calls = list(calls)
        runs: dict[int, ToolRun] = {} if finished is None else finished

        async def answer(places: list[int]) -> None:
            for place in places:
                runs[place] = await self._run(calls[place], timeout)

        in_order = [i for i, call in enumerate(calls) if call.name in self and self[call.name].sequential]
        async with asyncio.TaskGroup() as group:
            for i in range(len(calls)):
                if i not in in_order:
                    group.create_task(answer([i]))
            group.create_task(answer(in_order))
        return [runs[i] for i in range(len(calls))]


def _strict(schema: Schema, name: str) -> Schema:
    made, problems = strict(tidy(schema))
    if problems:
        raise InvalidRequest(
            f"{name}: its parameters cannot be strict: {'; '.join(problems)}",
            path=name,
            remedy="Name every key and type, or leave strict out.",
        )
    return made


def _given(call: ToolCallPart) -> Json:
    """The arguments as an object; the raw text where it is none."""
    given = call.arguments if call.arguments is not None else parse_arguments(call.raw)
    return call.raw if given is None else given


def _free_text(call: ToolCallPart) -> str:
    """A custom tool's input, also where a dialect without custom tools wrapped it in an object."""
    given = None if call.custom else _given(call)
    if isinstance(given, dict) and len(given) == 1:
        (only,) = given.values()
        if isinstance(only, str):
            return only
    return call.raw


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 - asks what it is, not whether it is


def _without_stop(call: Callable[[], Any]) -> Any:
    """Calls; StopIteration, which no future can carry, and what would end the event loop are raised as RuntimeError."""
    try:
        return call()
    except (StopIteration, KeyboardInterrupt, SystemExit, GeneratorExit) as error:
        raise RuntimeError(_named(error)) from error


def _told(error: BaseException) -> str:
    """What a model is told of a failure: type and message, never a traceback."""
    said = error.message if isinstance(error, InterlinguaError) else _named(error)
    return whole_letters(said[:_LONGEST_MESSAGE])


def _named(error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - the error is the user's code too
        said = "(what it says cannot be shown)"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
