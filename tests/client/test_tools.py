from __future__ import annotations

import asyncio
import contextvars
import enum
import functools
import subprocess
import sys
import threading
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pytest

from interlingua.client.guard import GuardedToolbox
from interlingua.client.tools import Tool, Toolbox, ToolRun, tool
from interlingua.errors import InvalidRequest, NotFound, TimedOut
from interlingua.types.parts import BlobPart, TextPart, ToolCallPart, tool_call
from interlingua.types.tools import CustomTool, FunctionTool


class Unit(enum.Enum):
    CELSIUS = "c"
    FAHRENHEIT = "f"


@dataclass
class Place:
    """Somewhere.

    Args:
        latitude: degrees north.
    """

    latitude: float
    longitude: Annotated[float, "degrees east"] = 0.0
    tags: list[str] = field(default_factory=list)


class Filter(msgspec.Struct, rename="camel"):
    max_results: Annotated[int, msgspec.Meta(ge=1, le=50, description="how many")] = 10


class Movie(typing.TypedDict, total=False):
    title: typing.Required[str]
    year: int


class Guest(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0, default=18)


async def weather(city: str, days: int = 1, unit: Unit = Unit.CELSIUS) -> dict[str, Any]:
    """The weather of a city,
    as a forecast.

    More that no model needs.

    Args:
        city (str): name of the city,
            in English.
        days: how far ahead.
    """
    return {"city": city, "days": days, "unit": unit}


def call(name: str, raw: str = "", id: str = "c1") -> ToolCallPart:
    return tool_call(id, name, raw)


def schema_of(function: Any) -> Any:
    definition = tool(function).definition
    assert isinstance(definition, FunctionTool)
    return definition.parameters


async def run_one(function: Any, raw: str = "", **options: Any) -> tuple[str, bool]:
    made = tool(function, **options)
    answer = await Toolbox([made]).run(call(made.name, raw))
    return answer.text, answer.is_error


def test_a_function_becomes_a_definition() -> None:
    assert tool(weather).definition == FunctionTool(
        name="weather",
        description="The weather of a city, as a forecast.",
        parameters={
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "name of the city, in English."},
                "days": {"type": "integer", "description": "how far ahead.", "default": 1},
                "unit": {"type": "string", "enum": ["c", "f"], "default": "c"},
            },
            "required": ["city"],
            "additionalProperties": False,
        },
    )


def test_every_kind_of_annotation_has_a_schema() -> None:
    def everything(
        a: str,
        b: Literal["x", "y"],
        c: list[int],
        d: dict[str, float],
        e: tuple[int, str],
        f: int | None,
        g: Place,
        h: Filter,
        i: Movie,
        j: Guest,
        k: Annotated[bool, "whether to"],
        l: list[Guest] | None = None,  # noqa: E741
        m: Path = Path("."),
        n: Any = 1,
    ) -> None: ...

    schema = schema_of(everything)
    properties = schema["properties"]
    assert properties["b"] == {"type": "string", "enum": ["x", "y"]}
    assert properties["f"] == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert properties["g"]["properties"]["latitude"]["description"] == "degrees north."
    assert properties["g"]["properties"]["longitude"]["description"] == "degrees east"
    assert properties["h"]["properties"]["maxResults"]["description"] == "how many"
    assert properties["i"]["required"] == ["title"]
    assert properties["j"]["properties"]["age"]["minimum"] == 0
    assert properties["k"] == {"type": "boolean", "description": "whether to"}
    assert properties["l"]["anyOf"][0] == {"items": {"$ref": "#/$defs/Guest"}, "type": "array"}
    assert properties["m"] == {"type": "string"}
    assert schema["required"] == list("abcdefghijk")
    assert set(schema["$defs"]) == {"Guest"}


async def test_arguments_arrive_as_the_annotated_types() -> None:
    got: dict[str, Any] = {}

    def take(unit: Unit, place: Place, filter: Filter, guest: Guest, file: Path, pair: tuple[int, str]) -> None:
        got.update(locals())

    raw = (
        '{"unit":"f","place":{"latitude":1,"tags":null},"filter":{"maxResults":3},'
        '"guest":{"name":"A"},"file":"a/b","pair":[1,"x"]}'
    )
    assert await run_one(take, raw) == ("done", False)
    assert got["unit"] is Unit.FAHRENHEIT
    assert got["place"] == Place(latitude=1.0)
    assert got["filter"] == Filter(max_results=3)
    assert got["guest"] == Guest(name="A", age=18)
    assert got["file"] == Path("a/b")
    assert got["pair"] == (1, "x")


async def test_sloppy_arguments_are_understood() -> None:
    def take(days: int, loud: bool, names: list[str], city: str = "Bonn", note: str = None) -> str:  # type: ignore[assignment]  # noqa: RUF013 - as people write it
        return f"{days} {loud} {names} {city} {note}"

    raw = '{"days":"3","loud":"true","names":"[\\"a\\"]","city":null,"note":null}'
    assert await run_one(take, raw) == ("3 True ['a'] Bonn None", False)


async def test_no_arguments_may_be_written_as_nothing() -> None:
    def ping() -> str:
        return "pong"

    assert schema_of(ping) is None
    assert await run_one(ping, "") == ("pong", False)


async def test_wrong_arguments_are_all_named_at_once() -> None:
    text, is_error = await run_one(weather, '{"days":"soon","unit":"k","place":1}')
    assert is_error
    assert "`city`: missing" in text
    assert "`days`: Expected int, got str" in text
    assert "`unit`: Invalid enum value 'k'" in text
    assert "`place`: there is no such argument" in text
    assert "Call weather again with: city, days (optional), unit (optional)" in text


async def test_a_wrong_inner_value_is_named_by_its_path() -> None:
    def go(place: Place, guests: list[Guest]) -> None: ...

    text, _ = await run_one(go, '{"place":{"latitude":1,"tags":[1]},"guests":[{"name":"a","age":-1}]}')
    assert "`place.tags[0]`: Expected str, got int" in text
    assert "`guests[0].age`: Input should be greater than or equal to 0" in text


@pytest.mark.parametrize("raw", ['{"city":"Bo', "[1]", '"x"', "nonsense"])
async def test_arguments_that_are_no_json_object_are_told_to_the_model(raw: str) -> None:
    text, is_error = await run_one(weather, raw)
    assert is_error
    assert "not a JSON object" in text
    assert "city" in text


async def test_arguments_built_by_hand_count_too() -> None:
    box = Toolbox([weather])
    answer = await box.run(ToolCallPart(id="1", name="weather", arguments={"city": "Ulm"}))
    assert msgspec.json.decode(answer.text) == {"city": "Ulm", "days": 1, "unit": "c"}


async def test_an_unknown_tool_is_told_with_the_nearest_name() -> None:
    box = Toolbox([weather])
    answer = await box.run(call("wether", "{}", id="c9"))
    assert (answer.id, answer.name, answer.is_error) == ("c9", "wether", True)
    assert "did you mean weather?" in answer.text
    assert "there are: weather" in (await box.run(call("zzz"))).text


async def test_an_exception_becomes_an_answer_and_is_kept() -> None:
    runs: list[ToolRun] = []
    failure = ValueError("no such city")

    def find(city: str) -> str:
        raise failure

    times = iter([10.0, 12.5])
    box = Toolbox([find], on_run=runs.append, clock=lambda: next(times))
    answer = await box.run(call("find", '{"city":"X"}'))
    assert answer.is_error
    assert answer.text == "ValueError: no such city"
    assert "Traceback" not in answer.text
    (run,) = runs
    assert (run.name, run.arguments, run.seconds) == ("find", {"city": "X"}, 2.5)
    assert run.error is failure
    assert run.response == answer


async def test_stop_iteration_in_a_thread_does_not_hang() -> None:
    def empty() -> int:
        nothing: Iterator[int] = iter(())
        return next(nothing)

    text, is_error = await asyncio.wait_for(run_one(empty), 60)
    assert is_error
    assert "StopIteration" in text


async def test_sync_tools_run_in_a_thread_and_see_context_variables() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("set")
    seen: list[Any] = []

    def look() -> None:
        seen.extend((variable.get(), threading.current_thread() is threading.main_thread()))

    await run_one(look)
    assert seen == ["set", False]


async def test_async_tools_see_context_variables() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("set")

    async def look() -> str:
        return variable.get()

    assert await run_one(look) == ("set", False)


async def test_a_slow_tool_is_given_up() -> None:
    runs: list[ToolRun] = []

    async def slow() -> None:
        await asyncio.sleep(60)

    answer = await Toolbox([slow], on_run=runs.append).run(call("slow"), timeout=0.01)
    assert answer.is_error
    assert "longer than 0.01 s" in answer.text
    assert isinstance(runs[0].error, TimedOut)


async def test_a_timeout_of_the_tools_own_is_its_error() -> None:
    async def slow() -> None:
        raise TimeoutError("database")

    assert await run_one(slow) == ("TimeoutError: database", True)


async def test_cancellation_passes_through_and_stops_the_tools() -> None:
    stopped: list[str] = []
    begun = asyncio.Barrier(3)

    async def slow(name: str) -> None:
        try:
            await begun.wait()
            await asyncio.sleep(60)
        finally:
            stopped.append(name)

    box = Toolbox([slow])
    task = asyncio.create_task(box.run_all([call("slow", '{"name":"a"}'), call("slow", '{"name":"b"}')]))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(stopped) == ["a", "b"]


async def test_a_cancellation_inside_the_tool_is_an_answer() -> None:
    async def broken() -> None:
        raise asyncio.CancelledError

    assert await run_one(broken) == ("CancelledError", True)


async def test_calls_run_at_once_and_keep_their_order() -> None:
    both = asyncio.Barrier(2)

    async def meet(name: str) -> str:
        async with asyncio.timeout(60):
            await both.wait()
        return name

    runs = await Toolbox([meet]).run_all([call("meet", '{"name":"a"}', "1"), call("meet", '{"name":"b"}', "2")])
    assert [(run.response.id, run.response.text) for run in runs] == [("1", "a"), ("2", "b")]


async def test_sequential_tools_run_one_after_another() -> None:
    log: list[str] = []

    @tool(sequential=True)
    async def write(text: str) -> None:
        """Writes."""
        log.append("begin " + text)
        await asyncio.sleep(0.001)
        log.append("end " + text)

    await Toolbox([write]).run_all([call("write", f'{{"text":"{text}"}}') for text in "abc"])
    assert log == ["begin a", "end a", "begin b", "end b", "begin c", "end c"]


async def test_running_no_calls_gives_no_runs() -> None:
    assert await Toolbox().run_all([]) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (None, "null"),
        (Place(1.0), '{"latitude":1.0,"longitude":0.0,"tags":[]}'),
        (Filter(), '{"maxResults":10}'),
        (Guest(name="Ö"), '{"name":"Ö","age":18}'),
        ([Guest(name="a")], '[{"name":"a","age":18}]'),
        ({"a": Path("x/y"), "b": {1}}, '{"a":"x/y","b":[1]}'),
        (["a", "b"], '["a","b"]'),
        (Unit.CELSIUS, '"c"'),
        ([], "[]"),
    ],
)
async def test_results_become_text(value: Any, text: str) -> None:
    def give() -> Any:
        return value

    assert await run_one(give) == (text, False)


async def test_parts_are_content() -> None:
    picture = BlobPart(modality="image", mime_type="image/png", content="AAAA")

    def one() -> Any:
        return picture

    def several() -> Any:
        return ["look:", picture]

    box = Toolbox([one, several])
    assert (await box.run(call("one"))).response == (picture,)
    assert (await box.run(call("several"))).response == (TextPart(text="look:"), picture)


@pytest.mark.parametrize("value", [b"x", bytearray(b"x"), object(), {"a": object()}])
async def test_what_no_model_can_read_is_refused(value: Any) -> None:
    runs: list[ToolRun] = []

    def give() -> Any:
        return value

    answer = await Toolbox([give], on_run=runs.append).run(call("give"))
    assert answer.is_error
    assert isinstance(runs[0].error, InvalidRequest)
    assert ("attach" if isinstance(value, bytes | bytearray) else "Return text") in runs[0].error.remedy


async def test_methods_partials_and_callables_are_tools() -> None:
    class Shop:
        stock: typing.ClassVar[dict[str, int]] = {"tea": 3}

        def count(self, item: str) -> int:
            """How many there are."""
            return self.stock[item]

        @tool
        async def sell(self, item: str) -> int:
            """Sells one."""
            return self.stock[item] - 1

    class Doubler:
        """Doubles."""

        async def __call__(self, number: int) -> int:
            return 2 * number

    def power(base: int, exponent: int) -> int:
        return int(base**exponent)

    shop = Shop()
    square = tool(functools.partial(power, exponent=2), name="square")
    box = Toolbox([shop.count, shop.sell, Doubler(), square])
    assert [one.name for one in box] == ["count", "sell", "Doubler", "square"]
    assert box["Doubler"].description == "Doubles."
    assert list(schema_of(functools.partial(power, exponent=2))["properties"]) == ["base"]
    calls = [call("count", '{"item":"tea"}'), call("sell", '{"item":"tea"}')]
    calls += [call("Doubler", '{"number":4}'), call("square", '{"base":3}')]
    assert [run.response.text for run in await box.run_all(calls)] == ["3", "2", "8", "9"]
    assert await shop.sell("tea") == 2
    with pytest.raises(InvalidRequest, match="without its object"):
        box.add(Shop.sell)


async def test_a_decorated_function_stays_a_function() -> None:
    @tool(name="plus", description="Adds.", strict=True)
    def add(a: int, b: int = 1) -> int:
        return a + b

    assert add(1, b=2) == 3
    assert vars(add)["__name__"] == "add"
    assert isinstance(add, Tool)
    assert add.name == "plus"
    assert add.description == "Adds."


async def test_strict_tools_have_strict_schemas_and_take_null_for_not_given() -> None:
    @tool(strict=True)
    def plan(city: str, days: int = 2, unit: Unit = Unit.CELSIUS) -> str:
        return f"{city} {days} {unit.value}"

    definition = plan.definition
    assert isinstance(definition, FunctionTool)
    assert definition.strict is True
    assert definition.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "unit": {"anyOf": [{"type": "string", "enum": ["c", "f"]}, {"type": "null"}]},
        },
        "required": ["city", "days", "unit"],
        "additionalProperties": False,
    }
    assert await run_one(plan, '{"city":"Ulm","days":null,"unit":null}') == ("Ulm 2 c", False)


def test_strict_tools_refuse_what_cannot_be_strict() -> None:
    def store(values: dict[str, Any]) -> None: ...

    with pytest.raises(InvalidRequest, match=r"\$\.values: an object with free keys"):
        tool(store, strict=True)


async def test_custom_tools_get_the_raw_text() -> None:
    @tool(custom=True)
    def sql(query: str) -> str:
        """Runs a query."""
        return query.upper()

    box = Toolbox([sql])
    assert box.definitions() == (CustomTool(name="sql", description="Runs a query."),)
    assert (await box.run(tool_call("1", "sql", 'select "a"', custom=True))).text == 'SELECT "A"'
    assert (await box.run(tool_call("1", "sql", '{"input":"select 1"}'))).text == "SELECT 1"

    def two(a: str, b: str) -> None: ...

    with pytest.raises(InvalidRequest, match="one parameter"):
        tool(two, custom=True)


def _args(*cities: str) -> None: ...
def _kwargs(**cities: str) -> None: ...
def _positional(city: str, /) -> None: ...
def _bare(city) -> None: ...  # type: ignore[no-untyped-def]  # what is tested
def _unknown(city: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821 - what is tested
def _odd(city: threading.Thread) -> None: ...


@pytest.mark.parametrize("function", [_args, _kwargs, _positional, _bare, _unknown, _odd])
def test_a_parameter_that_no_model_can_give_is_named(function: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Toolbox([function])
    assert caught.value.path.startswith(f"{function.__name__}.cit")
    assert caught.value.path in caught.value.message


def test_a_name_that_providers_refuse_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="a tool's name"):
        tool(lambda: 1)
    with pytest.raises(InvalidRequest, match="a tool's name"):
        tool(weather, name="x" * 65)


def test_a_toolbox_keeps_order_and_names_apart() -> None:
    def other() -> None: ...

    box = Toolbox([weather])
    added = box.add(other)
    assert [getattr(one, "name", None) for one in box.definitions()] == ["weather", "other"]
    assert (len(box), "other" in box, box["other"] is added) == (2, True, True)
    with pytest.raises(InvalidRequest, match="there already"):
        box.add(weather)
    box.remove("weather")
    assert [one.name for one in box] == ["other"]
    with pytest.raises(NotFound):
        box.remove("weather")


def test_two_definitions_of_one_name_are_kept_apart() -> None:
    def make(kind: type) -> Any:
        return typing.cast(Any, pydantic.create_model("Same", inner=(kind, ...)))

    def both(a: Any, b: Any) -> None: ...

    both.__annotations__.update(a=list[make(int)], b=list[make(str)])  # type: ignore[misc]  # made at run time
    schema = schema_of(both)
    kinds = [
        schema["$defs"][schema["properties"][name]["items"]["$ref"].removeprefix("#/$defs/")] for name in ("a", "b")
    ]
    assert [kind["properties"]["inner"]["type"] for kind in kinds] == ["integer", "string"]


def test_pydantic_is_never_imported_for_others() -> None:
    code = (
        "import sys\n"
        "from interlingua.client.tools import tool\n"
        "from interlingua.client.output import Output\n"
        "def f(a: int) -> str: ...\n"
        "tool(f); Output(list[int])\n"
        "print('pydantic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
async def test_a_function_that_would_end_the_program_is_an_answer(error: BaseException) -> None:
    """Such as the main function of a command: what is raised in its thread would end the event loop."""

    def leave() -> None:
        raise error

    text, is_error = await run_one(leave)
    assert is_error
    assert type(error).__name__ in text


async def test_an_asynchronous_function_that_would_end_the_program_is_an_answer() -> None:
    async def leave() -> None:
        raise SystemExit(3)

    assert await run_one(leave) == ("SystemExit: 3", True)


async def test_an_exception_that_cannot_be_shown_is_an_answer() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    def broken() -> None:
        raise Odd

    assert await run_one(broken) == ("Odd: (what it says cannot be shown)", True)


async def test_what_is_told_of_a_failure_can_be_sent() -> None:
    def broken() -> None:
        raise ValueError("caf\udce9")

    assert await run_one(broken) == ("ValueError: caf\ufffd", True)


@pytest.mark.parametrize("box", [Toolbox, GuardedToolbox])
async def test_those_that_were_finished_are_there_when_the_rest_is_stopped(box: type[Toolbox]) -> None:
    """What a tool has done is done."""
    one = asyncio.Event()

    async def quick() -> str:
        return "done"

    async def slow() -> None:
        await asyncio.Event().wait()

    finished: dict[int, ToolRun] = {}
    tools = box([slow, quick], on_run=lambda _: one.set())
    task = asyncio.create_task(tools.run_all([call("slow"), call("quick")], finished=finished))
    await one.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert {place: run.response.text for place, run in finished.items()} == {1: "done"}
