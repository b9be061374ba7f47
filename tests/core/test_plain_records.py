"""Records as plain data and back, by nothing but their annotations."""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, NamedTuple, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_akool.core.durations import Duration
from mock_akool.core.errors import MockAkoolError, SettingsError
from mock_akool.core.plain_records import PlainRecords, UnreadableError


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Point(NamedTuple):
    x: int
    y: int = 0
    label: str | None = None


@dataclass(frozen=True)
class Positive:
    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise SettingsError("it is negative", "use 0")


class Animal(Protocol):
    @property
    def name(self) -> str: ...


class Cat(NamedTuple):
    name: str


class Dog(NamedTuple):
    name: str
    tail: float = 1.0


class Whole(NamedTuple):
    point: Point
    raw: bytes = b""
    price: int | Decimal = 0
    colour: Colour | None = None
    word: str | Colour | tuple[str, ...] | None = None
    size: Size = Size.SMALL
    points: tuple[Point, ...] = ()
    pair: tuple[str, int] = ("", 0)
    names: frozenset[str] = frozenset()
    newest: deque[int] = deque()  # noqa: RUF012 - it is never changed
    by_name: Mapping[str, Point] = {}
    by_number: Mapping[int, str] = {}
    anything: Any = None
    length: float = 0.0
    animal: Animal = Cat("Tom")
    same: Animal = Cat("Tom")
    secret: object = None


def records() -> PlainRecords:
    return PlainRecords(
        variants={Animal: {"cat": Cat, "dog": Dog}},
        left_out={Whole: ("secret",)},
        same={Whole: {"same": "animal"}},
        shared=(Point,),
        single=(Dog,),
    )


def there_and_back(value: Any, kind: Any = Whole) -> Any:
    """Return what is read of what was written of a value, by way of JSON."""
    writer, reader = records(), records()
    text = "".join(writer.json(kind, value))
    assert json.loads(text) == json.loads(json.dumps(records().write(kind, value)))
    reader.read_tables(json.loads(json.dumps(writer.tables())))
    return reader.read(kind, json.loads(text))


WHOLE = Whole(
    Point(1, 2, "a"),
    b"\xff\x00",
    Decimal("0.1"),
    Colour.BLUE,
    Colour.RED,
    Size.LARGE,
    (Point(1), Point(2)),
    ("a", 3),
    frozenset({"x", "y"}),
    deque([1, 2]),
    {"p": Point(1)},
    {3: "three"},
    {"$tuple": (1, Decimal("0.5"), math.inf), "list": [None, True, {"a": {1: 2}}]},
    -math.inf,
    Dog("Rex", 0.5),
    Cat("Tim"),
)


class Name(str):
    """A text of a kind of its own, as libraries have them."""


@pytest.mark.parametrize(("kind", "value"), [(float, 0.5), (float, math.inf), (str | None, Name("x")), (int, 3)])
def test_a_value_by_itself(kind: Any, value: Any) -> None:
    assert records().read(kind, json.loads(json.dumps(records().write(kind, value)))) == value


@pytest.mark.parametrize("kind", [tuple[str, ...] | str, Colour | str, Sequence[int] | str | None])
def test_a_value_of_a_derived_class(kind: Any) -> None:
    assert records().read(kind, json.loads(json.dumps(records().write(kind, Name("x"))))) == "x"


def test_all_that_a_record_can_hold() -> None:
    back = there_and_back(WHOLE)
    assert back == WHOLE
    assert [type(each) for each in back] == [type(each) for each in WHOLE]


@pytest.mark.parametrize("word", ["red", Colour.RED, ("red",), None])
def test_what_would_look_alike_is_told_apart(word: Any) -> None:
    back = there_and_back(Whole(Point(1), word=word)).word
    assert (back, type(back)) == (word, type(word))


def test_defaults_are_left_out() -> None:
    writer = records()
    assert "".join(writer.json(Whole, Whole(Point(5)))) == '{"point":0}'
    assert writer.tables() == {"Point": [{"x": 5}], "Dog": []}


def test_equal_records_of_a_shared_class_become_one_and_those_of_a_single_class_do_not() -> None:
    points = [Point(1), Point(1), Point(2)]
    back = there_and_back(points, list[Point])
    assert back == points
    assert back[0] is back[1]
    rex = Dog("Rex")
    dogs = there_and_back([rex, rex, Dog("Rex")], Sequence[Dog])
    assert dogs[0] is dogs[1]
    assert dogs[0] is not dogs[2]
    assert dogs[0] == dogs[2]


def test_a_field_that_is_the_same_object_as_another_stays_so() -> None:
    rex = Dog("Rex")
    back = there_and_back(Whole(Point(1), animal=rex, same=rex))
    assert back.same is back.animal


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.decimals(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
        max_leaves=20,
    )
)
def test_anything_plain(value: Any) -> None:
    assert repr(there_and_back(Whole(Point(1), anything=value)).anything) == repr(value)


@given(st.binary())
def test_any_bytes(raw: bytes) -> None:
    assert there_and_back(raw, bytes) == raw


@pytest.mark.parametrize("text", ["\ud800", "\U0001f600", "\x00"])
def test_any_text(text: str) -> None:
    assert there_and_back(text, str) == text


def test_long_lists_come_in_pieces() -> None:
    numbers = list(range(1000))
    pieces = list(records().json(list[int], numbers))
    assert max(map(len, pieces)) < 1200
    assert json.loads("".join(pieces)) == numbers
    names = {str(number): number for number in range(1000)}
    pieces = list(records().json(dict[str, int], names))
    assert max(map(len, pieces)) < 3000
    assert json.loads("".join(pieces)) == names


@pytest.mark.parametrize(
    ("kind", "plain", "where", "why"),
    [
        (int, True, "", "True is not a whole number"),
        (int | None, "x", "", "'x' is not a whole number or null"),
        (float, {"$number": "1"}, "", "is not a number"),
        (Decimal, "x", "", "'x' is not a number as text"),
        (Decimal, "NaN", "", "'NaN' is not a number as text"),
        (Decimal, 1, "", "1 is not a number as text"),
        (int | Decimal, [], "", r"\[\] is not a whole number or a number as text"),
        (bytes, "\ud800", "", "is not bytes"),
        (bytes, ["?"], "", "is not bytes"),
        (bytes, [], "", "is not bytes"),
        (Colour, "green", "", "'green' is not one of red, blue"),
        (Colour, [], "", "is not one of red, blue"),
        (Size, 1.0, "", "1.0 is not one of 1, 2"),
        (str | Colour, "red", "", "'red' is not an object with"),
        (str | Colour, {"$is": "Cat", "value": 1}, r"\$is", "'Cat' is not one of str, Colour"),
        (str | Colour, {"$is": [], "value": 1}, r"\$is", r"\[\] is not one of str, Colour"),
        (str | Colour, {"$is": "str", "value": 1}, "", "1 is not a text"),
        (tuple[str, int], ["a"], "", "is not a list of 2"),
        (tuple[str, int], ["a", "b"], r"\[1\]", "'b' is not a whole number"),
        (list[int], {}, "", "{} is not a list"),
        (list[int], [1, "b"], r"\[1\]", "'b' is not a whole number"),
        (set[Any], [[]], "", "is not a list"),
        (dict[str, int], [], "", r"\[\] is not an object"),
        (dict[str, int], {"a": 1, "b": "c"}, "b", "'c' is not a whole number"),
        (dict[int, int], {}, "", "is not a list"),
        (dict[int, int], [[1, "x"]], r"\[0\]\[1\]", "'x' is not a whole number"),
        (Positive, [], "", r"\[\] is not an object"),
        (Positive, {}, "number", "the field is missing"),
        (Positive, {"number": "x"}, "number", "'x' is not a whole number"),
        (Positive, {"number": 1, "colour": 2}, "colour", "there is no such field"),
        (Positive, {"number": -1}, "", "it is negative"),
        (Animal, [], "", r"\[\] is not an object"),
        (Animal, {"$is": "os.system"}, r"\$is", "'os.system' is not one of cat, dog"),
        (Animal, {"$is": {}}, r"\$is", "{} is not one of cat, dog"),
        (Animal, {"$is": "cat", "name": 1}, "name", "1 is not a text"),
        (Point, 0, "", "0 is not a number in Point of the tables"),
        (Point, "0", "", "'0' is not a number in Point of the tables"),
        (Any, {"$decimal": "x"}, "", "'x' is not a number as text"),
        (Any, {"$number": "1"}, "", "'1' is no value of"),
        (Any, {"$number": []}, "", r"\[\] is no value of"),
        (Any, {"$tuple": 1}, "", "1 is no value of"),
        (Any, {"$pairs": [[1]]}, "", r"\[\[1\]\] is no value of"),
        (Any, {"$pairs": [[[], 1]]}, "", r"is no value of '\$pairs'"),
        (Any, {"$import": "os"}, "", r"'os' is no value of '\$import'"),
        (Any, {"$tuple": [], "a": 1}, "", r"nothing is called '\$tuple'"),
    ],
)
def test_what_cannot_be_read_is_named(kind: Any, plain: Any, where: str, why: str) -> None:
    with pytest.raises(UnreadableError, match=why) as refused:
        records().read(kind, plain)
    assert re.fullmatch(where, refused.value.where)


@pytest.mark.parametrize(
    ("tables", "where", "why"),
    [
        ([], "", "is not an object of lists"),
        ({"Cat": []}, "", "nothing is called 'Cat'"),
        ({"Point": {}}, "Point", "is not a list"),
        ({"Point": [{"x": 1}, {"x": "a"}]}, r"Point\[1\]\.x", "'a' is not a whole number"),
    ],
)
def test_tables_that_cannot_be_read(tables: Any, where: str, why: str) -> None:
    with pytest.raises(UnreadableError, match=why) as refused:
        records().read_tables(tables)
    assert re.fullmatch(where, refused.value.where)


@pytest.mark.parametrize("kind", [type[int], complex, Sequence[memoryview]])
def test_a_type_that_no_rule_fits_is_a_mistake_of_the_programmer(kind: Any) -> None:
    with pytest.raises(TypeError, match="no rule says how"):
        records().coder(kind)


@pytest.mark.parametrize(("kind", "value"), [(int | Decimal, "x"), (str | Colour, 1.5), (Any, object())])
def test_a_value_that_is_not_of_its_type_is_not_written(kind: Any, value: Any) -> None:
    with pytest.raises(TypeError):
        records().write(kind, value)


def test_what_a_record_refuses_is_told_in_its_own_words() -> None:
    with pytest.raises(MockAkoolError, match=r"it is negative"):
        records().read(Positive, {"number": -1})
    assert records().read(Duration, {"ns": 5}) == Duration(5)
