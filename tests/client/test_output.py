from __future__ import annotations

import enum
import json
import typing
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.client.output import Output
from interlingua.errors import InvalidRequest, UpstreamError


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


@dataclass
class Step:
    """One step.

    Attributes:
        text: what to do.
    """

    text: str
    minutes: int = 5


@dataclass
class Recipe:
    """A recipe."""

    title: str
    steps: list[Step]
    mood: Annotated[Mood, "how it feels"] = Mood.GOOD
    note: str | None = None
    rest: Step | None = None
    tags: list[str] = field(default_factory=list)


class Node(msgspec.Struct):
    value: int
    children: list[Node] = []


class Cat(msgspec.Struct, tag="cat"):
    lives: int = 9


class Dog(msgspec.Struct, tag="dog"):
    tricks: list[str] = []


class Film(typing.TypedDict):
    title: str
    year: typing.NotRequired[int]


class Address(pydantic.BaseModel):
    street: str
    number: int = pydantic.Field(ge=1, le=999, description="house number")


class Person(pydantic.BaseModel):
    """Somebody."""

    name: str = pydantic.Field(min_length=1)
    home: Address
    work: Address | None = None
    kind: Literal["adult"] = "adult"


class Bird(pydantic.BaseModel):
    kind: Literal["bird"]
    height: int = 1


class Fish(pydantic.BaseModel):
    kind: Literal["fish"]
    length: int = 2


class Numbers(pydantic.RootModel[list[int]]):
    pass


class Zoo(pydantic.BaseModel):
    pet: Annotated[Bird | Fish, pydantic.Field(discriminator="kind")]
    cages: Numbers


SCHEMAS: tuple[Any, ...] = (Recipe, Node, Film, Person, Zoo, Cat | Dog, list[Recipe], Mood, int, tuple[float, float])


def nodes(schema: Any) -> list[dict[str, Any]]:
    """Every subschema."""
    found = [schema]
    for key in ("properties", "$defs"):
        found += [inner for one in schema.get(key, {}).values() for inner in nodes(one)]
    if "items" in schema:
        found += nodes(schema["items"])
    return found + [inner for one in schema.get("anyOf", ()) for inner in nodes(one)]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_schemas_are_in_the_strict_subset_and_always_the_same(kind: Any) -> None:
    form = Output(kind).format
    assert (form.kind, form.strict) == ("json_schema", True)
    assert form == Output(kind).format
    assert json.dumps(form.schema) == json.dumps(Output(kind).format.schema)
    assert form.schema["type"] == "object"
    for node in nodes(form.schema):
        if "$ref" in node:
            assert set(node) == {"$ref"}
            assert node["$ref"].removeprefix("#/$defs/") in form.schema["$defs"]
            continue
        assert "type" in node or "anyOf" in node
        assert set(node) <= {
            *("type", "description", "enum", "properties", "required", "additionalProperties", "items", "anyOf"),
            "$defs",
        }
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])


def test_a_dataclass_becomes_a_schema() -> None:
    form = Output(Recipe).format
    step = {
        "description": "One step.",
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "what to do."},
            "minutes": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
        "required": ["text", "minutes"],
        "additionalProperties": False,
    }
    assert form.name == "Recipe"
    assert form.schema == {
        "type": "object",
        "description": "A recipe.",
        "properties": {
            "title": {"type": "string"},
            "steps": {"type": "array", "items": {"$ref": "#/$defs/Step"}},
            "mood": {
                "anyOf": [{"type": "string", "enum": ["bad", "good"]}, {"type": "null"}],
                "description": "how it feels",
            },
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "rest": {"anyOf": [{"$ref": "#/$defs/Step"}, {"type": "null"}]},
            "tags": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
        },
        "required": ["title", "steps", "mood", "note", "rest", "tags"],
        "additionalProperties": False,
        "$defs": {"Step": step},
    }


def test_limits_move_into_the_description_and_are_checked_here() -> None:
    output = Output(Person)
    number = output.format.schema["$defs"]["Address"]["properties"]["number"]
    assert number == {"type": "integer", "description": "house number (at most 999, at least 1)"}
    with pytest.raises(UpstreamError, match=r"`home\.number`: Input should be less than"):
        output.parse('{"name":"A","home":{"street":"S","number":1000}}')


def test_a_recursive_type_keeps_its_definition() -> None:
    schema = Output(Node).format.schema
    assert "$ref" not in schema
    assert schema["$defs"]["Node"]["properties"]["children"]["anyOf"][0]["items"] == {"$ref": "#/$defs/Node"}
    assert Output(Node).parse('{"value":1,"children":[{"value":2,"children":null}]}') == Node(1, [Node(2)])


def test_values_come_back_typed() -> None:
    text = '{"title":"Tea","steps":[{"text":"boil","minutes":null}],"mood":"bad","note":null,"rest":null,"tags":null}'
    assert Output(Recipe).parse(text) == Recipe("Tea", [Step("boil", 5)], Mood.BAD)
    assert Output(Film).parse('{"title":"M","year":null}') == {"title": "M"}
    person = Output(Person).parse('{"name":"A","home":{"street":"S","number":1},"work":null,"kind":null}')
    assert person == Person(name="A", home=Address(street="S", number=1))


@pytest.mark.parametrize(
    ("kind", "inner", "value"),
    [
        (Mood, '"good"', Mood.GOOD),
        (Literal["a", "b"], '"b"', "b"),
        (int, "3", 3),
        (str, '"x"', "x"),
        (bool, "false", False),
        (list[Step], '[{"text":"a","minutes":1}]', [Step("a", 1)]),
        (tuple[float, float], "[1,2.5]", (1.0, 2.5)),
        (Cat | Dog, '{"type":"dog","tricks":null}', Dog()),
        (int | None, "null", None),
        (list[Person], '[{"name":"A","home":{"street":"S"}}]', [Person(name="A", home=Address(street="S", number=1))]),
    ],
)
def test_what_is_no_object_is_wrapped_and_unwrapped(kind: Any, inner: str, value: Any) -> None:
    if kind == list[Person]:
        inner = inner.replace('"S"', '"S","number":1')
    output = Output(kind)
    assert list(output.format.schema["properties"]) == ["value"]
    assert output.parse(f'{{"value": {inner}}}') == value
    assert output.parse(inner) == value


@pytest.mark.parametrize(
    "text",
    [
        '{"text":"a","minutes":1}',
        '  \n{"text":"a","minutes":1}\n',
        '```json\n{"text":"a","minutes":1}\n```',
        '```\n{"text":"a","minutes":1}\n```\nAnything else?',
        'Here you are:\n\n```json\n{"text":"a","minutes":1}\n```',
        'Sure! {"text":"a","minutes":1} Enjoy.',
        'For {this} and [that], {"unrelated": 1}: {"text":"a","minutes":1}',
        '```json\n{"text":"a","minutes":1}',
        '{"text":"a","minutes":"1"}',
    ],
)
def test_the_value_is_found_in_what_models_write(text: str) -> None:
    assert Output(Step).parse(text) == Step("a", 1)


def test_a_raw_line_break_in_a_string_is_understood() -> None:
    assert Output(Step).parse('{"text":"a\nb"}') == Step("a\nb")


@pytest.mark.parametrize("name", ['"\\ud800"', "1" * 400, "1e999"])
def test_odd_values_make_nothing_but_our_error(name: str) -> None:
    with pytest.raises(UpstreamError):
        Output(Person).parse(f'{{"name":{name},"home":{{"street":"S","number":1}}}}')


def test_a_fence_inside_a_string_does_not_confuse() -> None:
    text = json.dumps({"text": "```python\nprint({})\n```", "minutes": 1})
    assert Output(Step).parse(text).text == "```python\nprint({})\n```"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        ("I would rather not.", "no JSON"),
        ('{"minutes": 1}', "missing required field text"),
        ('{"text": 1}', "`text`: Expected str, got int"),
        ('{"text": "cut of', "no JSON"),
        ('{"text": NaN}', "no JSON"),
        ("[" * 5_000, "no JSON"),
    ],
)
def test_another_answer_is_an_error_worth_a_retry(text: str, reason: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        Output(Step).parse(text + " " * 300 + "END")
    assert caught.value.retryable
    assert reason in caught.value.message
    assert repr(text[:100])[:-1] in caught.value.message
    assert "END" not in caught.value.message


def test_a_path_inside_a_wrapped_value_is_named() -> None:
    with pytest.raises(UpstreamError, match=r"`value\[0\]\.text`: Expected str"):
        Output(list[Step]).parse('{"value":[{"text":1}]}')


def test_tagged_models_and_root_models_are_understood() -> None:
    zoo = Output(Zoo)
    assert zoo.format.strict is True
    parsed = zoo.parse('{"pet":{"kind":"fish","length":null},"cages":[1]}')
    assert parsed == Zoo(pet=Fish(kind="fish"), cages=Numbers([1]))
    assert Output(Numbers).parse('{"value":[1]}') == Numbers([1])


def test_free_form_types_are_not_strict() -> None:
    form = Output(dict[str, int]).format
    assert form.strict is False
    assert form.schema == {"type": "object", "additionalProperties": {"type": "integer"}}
    assert Output(dict[str, int]).parse('{"a":1}') == {"a": 1}
    with pytest.raises(InvalidRequest, match="free keys"):
        Output(dict[str, int], strict=True)


def test_not_strict_leaves_the_schema_as_it_is() -> None:
    form = Output(Step, strict=False, name="one_step", description="A step.").format
    assert (form.strict, form.name, form.description) == (False, "one_step", "A step.")
    assert form.schema["required"] == ["text"]
    assert form.schema["properties"]["minutes"] == {"type": "integer", "default": 5}


PLAIN: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Order form",
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 1},
        "size": {"enum": ["S", "L"], "default": "S"},
        "lines": {"type": "array", "items": {"$ref": "#/definitions/line"}},
        "gift": {"oneOf": [{"type": "boolean"}, {"const": "maybe"}]},
    },
    "required": ["title", "lines"],
    "definitions": {"line": {"type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"]}},
}


def test_a_plain_schema_is_made_strict() -> None:
    before = json.dumps(PLAIN)
    form = Output(PLAIN).format
    assert (form.name, form.strict) == ("Order_form", True)
    assert form.schema == {
        "type": "object",
        "properties": {
            "title": {"type": "string", "description": "(at least 1 characters)"},
            "size": {"anyOf": [{"type": "string", "enum": ["S", "L"]}, {"type": "null"}]},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
            "gift": {"anyOf": [{"type": "boolean"}, {"type": "string", "enum": ["maybe"]}, {"type": "null"}]},
        },
        "required": ["title", "size", "lines", "gift"],
        "additionalProperties": False,
        "$defs": {
            "line": {
                "type": "object",
                "properties": {"sku": {"type": "string"}},
                "required": ["sku"],
                "additionalProperties": False,
            }
        },
    }
    assert json.dumps(PLAIN) == before


def test_answers_to_a_plain_schema_are_checked() -> None:
    output = Output(PLAIN)
    assert output.parse('{"title":"t","size":null,"lines":[{"sku":"1"}],"gift":null}') == {
        "title": "t",
        "lines": [{"sku": "1"}],
    }
    for text, reason in (
        ('{"title":"t"}', "`lines`: required"),
        ('{"title":"t","lines":[{"sku":1}]}', r"`lines\[0\]\.sku`: expected string, got integer"),
        ('{"title":"t","lines":[],"size":"M"}', '`size`: expected one of "S", "L"'),
        ('{"title":"t","lines":[],"gift":"no"}', "`gift`: expected"),
    ):
        with pytest.raises(UpstreamError, match=reason):
            output.parse(text)


def test_what_the_subset_cannot_say_is_left_to_the_provider() -> None:
    form = Output({"type": "object", "properties": {"a": {"not": {"type": "string"}, "type": "integer"}}}).format
    assert form.strict is False
    assert form.schema["properties"]["a"]["not"] == {"type": "string"}


def test_a_description_beside_a_recursive_reference_ends() -> None:
    tree = {
        "$ref": "#/$defs/tree",
        "$defs": {
            "tree": {
                "type": "object",
                "properties": {"next": {"$ref": "#/$defs/tree", "description": "the next"}},
                "required": [],
            }
        },
    }
    form = Output(tree).format
    assert form.strict is True
    assert "the next" in json.dumps(form.schema)


def test_types_without_a_form_in_json_are_refused() -> None:
    class Hidden(msgspec.Struct):
        value: int

    @dataclass
    class Holder:
        hidden: Hidden  # a name that only this function knows

    with pytest.raises(InvalidRequest, match="no form in JSON"):
        Output(Holder)
    with pytest.raises(InvalidRequest, match="no form in JSON"):
        Output(object)
    with pytest.raises(InvalidRequest, match="no form in JSON"):
        Output(Step | Recipe)


def test_an_output_made_before_is_taken_as_it_is() -> None:
    made = Output(Step, name="step", strict=False)
    assert Output(made).format == made.format
    assert Output(made).parse('{"text":"a"}') == Step("a")


def test_a_growing_answer_can_be_read() -> None:
    output = Output(Recipe)
    assert output.partial("Let me") is None
    assert output.partial('```json\n{"title": "Te') == {"title": "Te"}
    assert output.partial('{"title": "Tea", "steps": [{"text": "bo') == {"title": "Tea", "steps": [{"text": "bo"}]}
    assert Output(list[int]).partial('{"value": [1, 2') in ([1], [1, 2])
    assert Output(list[int]).partial('{"val') is None


@given(st.text(max_size=60), st.text(alphabet="ab c.!?", max_size=30), st.integers())
def test_any_value_survives_any_wording(text: str, prose: str, minutes: int) -> None:
    value = Step(text, minutes % 10**9)
    written = msgspec.json.encode(value).decode()
    for answer in (written, f"{prose}\n{written}", f"{prose}\n```json\n{written}\n```\n{prose}"):
        assert Output(Step).parse(answer) == value


@given(st.text(max_size=200))
def test_no_text_makes_anything_but_our_error(text: str) -> None:
    output = Output(Step)
    output.partial(text)
    with pytest.raises(UpstreamError):
        output.parse(text)
