"""Records as plain data and back, by nothing but their annotations."""

from __future__ import annotations

import json
import math
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
from mock_akool.core.errors import SettingsError
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
    dogs: tuple[Dog | None, Dog | None] = (None, None)
    secret: object = None


def records() -> PlainRecords:
    return PlainRecords(
        variants={Animal: {"cat": Cat, "dog": Dog}},
        left_out={Whole: ("secret",)},
        shared=(Point,),
        single=(Dog,),
    )


def there_and_back(value: Any, kind: Any = Whole) -> Any:
    """Return what is read of what was written of a value, by way of JSON."""
    writer, reader = records(), records()
    text = "".join(writer.json(kind, value))
    if "$rows" not in text:
        assert json.loads(text) == json.loads(json.dumps(records().write(kind, value)))
    reader.read_tables(json.loads("".join(writer.tables_json())))
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
    (Dog("Rex"), None),
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
    assert json.loads("".join(writer.tables_json())) == {"Point": [{"x": 5}], "Dog": []}


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


def test_what_is_the_same_object_as_another_stays_so() -> None:
    rex = Dog("Rex")
    one, other = there_and_back(
        [Whole(Point(1), dogs=(rex, rex)), Whole(Point(1), dogs=(rex, Dog("Rex")))], list[Whole]
    )
    assert one.dogs[0] is one.dogs[1] is other.dogs[0]
    assert other.dogs[0] is not other.dogs[1]


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


class Empty(NamedTuple):
    pass


class Loose(NamedTuple):
    anything: Any = None
    raw: bytes | None = None
    animal: Animal = Cat("Tom")


@dataclass(frozen=True, slots=True)
class Slotted:
    name: str
    number: int = 0
    point: Point | None = None
    hidden: str = "hidden"


REX = Dog("Rex")
WORDS: tuple[str | Colour | tuple[str, ...] | None, ...] = ("red", Colour.RED, ("red",), None)
ALIKE = [0, False, 0.0, -0.0, "0", None, (), [], {}, Decimal(0), [0], {"$a": 1}]
ONE_NAME = WHOLE._replace(names=frozenset({"x"}))
"""Two equal sets of more may be shown in another order, as their texts have other hashes in each process."""
MANY: list[tuple[Any, list[Any]]] = [
    (Point, [Point(number) for number in range(500)]),
    (Point, [Point(1, 2, "a")] * 17),
    (Cat, [Cat("Tom")] * 200 + [Cat(str(number)) for number in range(417)]),
    (Dog, [REX if number % 3 else Dog("Rex", number) for number in range(300)]),
    (Slotted, [Slotted("x" * number, number % 2, Point(number % 5)) for number in range(40)]),
    (Whole, [ONE_NAME] * 30),
    (Whole, [ONE_NAME._replace(dogs=(REX, REX if number % 2 else Dog("Rex"))) for number in range(30)]),
    (Whole, [Whole(Point(number), size=Size(1 + number % 2)) for number in range(30)]),
    (Whole, [Whole(Point(1), word=WORDS[number % 4]) for number in range(30)]),
    (Whole, [Whole(Point(1), price=Decimal(1) if number % 2 else 1, length=number / 4) for number in range(30)]),
    (Loose, [Loose(ALIKE[number % len(ALIKE)]) for number in range(60)]),
    *((Loose, [Loose(ALIKE[number // 30], b"a") for number in range(at * 30, at * 30 + 60)]) for at in range(11)),
    (Loose, [Loose(raw=[None, b"a", b"\xff", b"x" * 50_000][number // 9 % 4]) for number in range(70)]),
    (Loose, [Loose(None, b"", REX if number % 2 else Cat("Tim")) for number in range(30)]),
    (Animal, [Cat("Tom")] * 30),
    (Animal, [*[Cat("Tom")] * 230, *[REX] * 230]),
    (Empty, [Empty()] * 300),
    (Positive, [Positive(number) for number in range(30)]),
    (Duration, [Duration(number) for number in range(30)]),
]


@pytest.mark.parametrize(("kind", "many"), MANY, ids=lambda each: getattr(each, "__name__", ""))
def test_many_records(kind: Any, many: list[Any]) -> None:
    back = there_and_back(many, list[kind])
    assert list(map(repr, back)) == list(map(repr, many))
    assert list(map(type, back)) == list(map(type, many))
    for one, other in zip(many, back, strict=True):
        assert not isinstance(one, Whole) or (one.dogs[0] is one.dogs[1]) is (other.dogs[0] is other.dogs[1])


def test_many_records_have_their_names_once() -> None:
    cats = [Slotted(f"Tom {number}") for number in range(400)]
    text = "".join(records().json(list[Slotted], cats))
    assert text.count('"name"') == 2
    assert "number" not in text, "all have the default"
    assert text.count("Tom") == 400
    assert json.loads("".join(records().json(list[Slotted], cats[:10]))) == [{"name": each.name} for each in cats[:10]]


def test_equal_values_stand_once() -> None:
    same = [Slotted("".join(["T", "om"]), 7) for _ in range(50)]
    assert json.loads("".join(records().json(list[Slotted], same))) == [{"$rows": 50, "name": "Tom", "number": 7}]


@pytest.mark.parametrize(
    "long",
    [
        [Cat("x" * 9_000) for _ in range(100)],
        [Cat("x" * 9_000) if number % 2 else Dog("x" * 9_000) for number in range(100)],
        [Loose(raw=bytes([97 + number]) * 9_000) for number in range(26)],
        [Loose(raw=b"\xff" * 9_000 + bytes([number])) for number in range(26)],
        [Loose({"a": str(number) + "x" * 9_000}) for number in range(26)],
    ],
    ids=lambda each: type(each[0]).__name__,
)
def test_long_records_come_in_pieces(long: list[Any]) -> None:
    kind = Loose if isinstance(long[0], Loose) else Animal
    assert max(map(len, records().json(list[kind], long))) < 40_000  # type: ignore[valid-type]
    assert there_and_back(long, list[kind]) == long  # type: ignore[valid-type]


class Basket(NamedTuple):
    points: list[Point]
    dogs: Mapping[str, Dog | None]
    numbers: Mapping[int, Decimal]
    pair: tuple[Colour, Decimal]
    animals: tuple[Animal, ...] = ()


class Ears(Enum):
    LEFT = 1
    RIGHT = "right"


class Word(bytes):
    """Bytes of a kind of its own."""


# Each type beside one that JSON has as another kind, and by itself: values, and what is none, word for word.
TYPES: list[tuple[Any, list[Any], Any, str]] = [
    (int | None, [3, None], "x", "'x' is not a whole number or null"),
    (
        float | None,
        [0.5, 3, math.inf, None],
        {"$number": "inf", "a": 1},
        "{'$number': 'inf', 'a': 1} is not a number or null",
    ),
    (bool | None, [True, None], 1, "1 is not true or false or null"),
    (bytes | None, [b"a", b"\xff", Word(b"b"), None], 1, "1 is not bytes or null"),
    (Decimal | int, [Decimal("0.10"), 3], [], "[] is not a number as text or a whole number"),
    (Colour | None, [Colour.RED, None], 1, "1 is not one of red, blue or null"),
    (Ears | None, [Ears.LEFT, Ears.RIGHT, None], 2, "2 is not one of 1, right"),
    (Size | str, [Size.LARGE, "a"], 3, "3 is not one of 1, 2"),
    (list[int] | None, [[1, 2], None], 1, "1 is not a list or null"),
    (tuple[int, ...] | None, [(1, 2), (), None], 1, "1 is not a list or null"),
    (set[str] | int, [{"a"}, 3], "a", "'a' is not a list or a whole number"),
    (Sequence[Colour] | str, [[Colour.RED], "a"], 1, "1 is not a list or a text"),
    (tuple[int, Colour] | None, [(1, Colour.RED), None], 1, "1 is not a list of 2 or null"),
    (dict[str, Colour] | None, [{"a": Colour.RED}, {}, None], 1, "1 is not an object or null"),
    (dict[int, Colour] | None, [{1: Colour.RED}, {}, None], 1, "1 is not a list of pairs or null"),
    (Empty | list[int], [Empty(), [1]], 1, "1 is not an object or a list"),
    (Cat | None, [Cat("Tom"), None], 1, "1 is not an object or null"),
    (Animal | str, [Cat("Tom"), Dog("Rex"), "a"], 1, "1 is not an object or a text"),
    (Point | None, [Point(1, label="a"), None], "a", "'a' is not a number in Point of the tables or null"),
    (Point | int, [Point(1), 3], 1, "1 is not an object with $is and value"),
    (Decimal | str, [Decimal(1), "1"], "1", "'1' is not an object with $is and value"),
    (bool | Decimal | float, [True, Decimal(1), 0.5, math.inf], "x", "'x' is not a number as text"),
    (Cat | Any, [Cat("Tom"), 1, {"a": 1}], 1, "1 is not an object with $is and value"),
    (
        Size | Decimal | bool,
        [Size.SMALL, Decimal(2), True],
        {},
        "{} is not one of 1, 2 or a number as text or true or false",
    ),
    (tuple[str, ...] | bytes, [("a",), b"a"], 1, "1 is not an object with $is and value"),
    (int | Size | None, [3, None], 3, "3 is not an object with $is and value"),
    (
        object,
        [(1, ()), [[], {}], {"$a": 1, 2: Decimal(3)}, -math.inf, None],
        {"$tuple": {}},
        "{} is no value of '$tuple'",
    ),
    (
        Basket,
        [Basket([Point(1), Point(2)], {"a": Dog("Rex"), "b": None}, {1: Decimal(2)}, (Colour.RED, Decimal(3)))],
        1,
        "1 is not an object",
    ),
]


@pytest.mark.parametrize(("kind", "values", "wrong", "why"), TYPES, ids=lambda each: str(each)[:40])
def test_a_type_beside_another(kind: Any, values: list[Any], wrong: Any, why: str) -> None:
    for value in values:
        back = there_and_back(value, kind)
        assert (back, type(back)) == (value, bytes if isinstance(value, Word) else type(value))
    with pytest.raises(UnreadableError) as refused:
        records().read(kind, wrong)
    assert in_words(refused.value) == why


BASKET: dict[str, Any] = {"points": [], "dogs": {}, "numbers": [], "pair": ["red", "1"]}
REFUSED: list[tuple[Any, Any, str]] = [
    (int, True, "True is not a whole number"),
    (int | None, "x", "'x' is not a whole number or null"),
    (float, {"$number": "1"}, "{'$number': '1'} is not a number"),
    (Decimal, "x", "'x' is not a number as text"),
    (Decimal, "NaN", "'NaN' is not a number as text"),
    (Decimal, 1, "1 is not a number as text"),
    (int | Decimal, [], "[] is not a whole number or a number as text"),
    (bytes, "\ud800", "'\\ud800' is not bytes: a text, or a list with base64"),
    (bytes, ["?"], "['?'] is not bytes: a text, or a list with base64"),
    (bytes, [], "[] is not bytes: a text, or a list with base64"),
    (Colour, "green", "'green' is not one of red, blue"),
    (Colour, [], "[] is not one of red, blue"),
    (Size, 1.0, "1.0 is not one of 1, 2"),
    (str | Colour, "red", "'red' is not an object with $is and value"),
    (str | Colour, {"$is": "Cat", "value": 1}, "$is: 'Cat' is not one of str, Colour"),
    (str | Colour, {"$is": [], "value": 1}, "$is: [] is not one of str, Colour"),
    (str | Colour, {"$is": "str", "value": 1}, "1 is not a text"),
    (tuple[str, int], ["a"], "['a'] is not a list of 2"),
    (tuple[str, int], ["a", "b"], "[1]: 'b' is not a whole number"),
    (list[int], {}, "{} is not a list"),
    (list[int], [1, "b"], "[1]: 'b' is not a whole number"),
    (set[Any], [[]], "[[]] is not a list"),
    (dict[str, int], [], "[] is not an object"),
    (dict[str, int], {"a": 1, "b": "c"}, "b: 'c' is not a whole number"),
    (dict[int, int], {}, "{} is not a list"),
    (dict[int, int], [[1, "x"]], "[0][1]: 'x' is not a whole number"),
    (Positive, [], "[] is not an object"),
    (Positive, {}, "number: the field is missing"),
    (Positive, {"number": "x"}, "number: 'x' is not a whole number"),
    (Positive, {"number": 1, "colour": 2}, "colour: there is no such field"),
    (Positive, {"number": -1}, "it is negative; use 0"),
    (Animal, [], "[] is not an object"),
    (Animal, {"$is": "os.system"}, "$is: 'os.system' is not one of cat, dog"),
    (Animal, {"$is": {}}, "$is: {} is not one of cat, dog"),
    (Animal, {"$is": "cat", "name": 1}, "name: 1 is not a text"),
    (Point, 0, "0 is not a number in Point of the tables"),
    (Point, "0", "'0' is not a number in Point of the tables"),
    (Any, {"$decimal": "x"}, "'x' is not a number as text"),
    (Any, {"$number": "1"}, "'1' is no value of '$number'"),
    (Any, {"$number": []}, "[] is no value of '$number'"),
    (Any, {"$tuple": 1}, "1 is no value of '$tuple'"),
    (Any, {"$pairs": [[1]]}, "[[1]] is no value of '$pairs'"),
    (Any, {"$pairs": [[[], 1]]}, "[[[], 1]] is no value of '$pairs'"),
    (Any, {"$import": "os"}, "'os' is no value of '$import'"),
    (Any, {"$tuple": [], "a": 1}, "nothing is called '$tuple' here"),
    (Animal, {}, "$is: None is not one of cat, dog"),
    (Point, -1, "-1 is not a number in Point of the tables"),
    (Decimal, "Infinity", "'Infinity' is not a number as text"),
    (bytes, ["", ""], "['', ''] is not bytes: a text, or a list with base64"),
    (bytes, [1], "[1] is not bytes: a text, or a list with base64"),
    (list[Positive], [{"number": 1}, {"number": -1}], "[1]: it is negative; use 0"),
    (Basket, {**BASKET, "pair": []}, "pair: [] is not a list of 2"),
    (Basket, {"dogs": {}, "points": []}, "numbers: the field is missing / pair: the field is missing"),
    (Basket, {**BASKET, "dogs": {"a": None, "b": 7}}, "dogs.b: 7 is not a number in Dog of the tables"),
    (Basket, {**BASKET, "dogs": {"a": {}}}, "dogs.a: {} is not a number in Dog of the tables or null"),
    (
        Basket,
        {**BASKET, "animals": [{"$is": "cat", "name": "a"}, {"$is": "cat"}]},
        "animals[1].name: the field is missing",
    ),
    (Any, {"a": 1, "$b": 2}, "nothing is called '$b' here"),
    (Any, {"$pairs": [[1, 2, 3]]}, "[[1, 2, 3]] is no value of '$pairs'"),
    (Any, {"$pairs": [1]}, "[1] is no value of '$pairs'"),
    (Any, {"$pairs": {}}, "{} is no value of '$pairs'"),
    (int, "x" * 99, f"'{'x' * 56}... is not a whole number"),
]


@pytest.mark.parametrize(("kind", "plain", "why"), REFUSED, ids=lambda each: str(each)[:40])
def test_what_cannot_be_read_is_named(kind: Any, plain: Any, why: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        records().read(kind, plain)
    assert in_words(refused.value) == why


def in_words(error: UnreadableError) -> str:
    """Return the mistakes as one text, without which fields there are."""
    return " / ".join(str(each).partition("; the fields here are")[0] for each in error.mistakes)


CAT = {"name": "x", "$is": "cat"}
BLOCK: dict[str, Any] = {"$rows": 3, "name": ["a", "b", "c"], "number": 5}


@pytest.mark.parametrize(
    ("kind", "plain", "why"),
    [
        (Slotted, {**BLOCK, "name": ["a", "b", 3]}, "[4].name: 3 is not a text"),
        (Slotted, {**BLOCK, "name": ["a", "b"]}, "[2].name: ['a', 'b'] is not a list of 3"),
        (Slotted, {**BLOCK, "$rows": 2, "name": None}, "[2].name: None is not a text / [3].name: None is not a text"),
        (Slotted, {**BLOCK, "point": [None, None, 7]}, "[4].point: 7 is not a number in Point of the tables"),
        (Slotted, {**BLOCK, "colour": 1}, "[2].colour: there is no such field"),
        (Slotted, {"$rows": 3, "number": 5}, "[2].name: the field is missing"),
        (Slotted, {**BLOCK, "$rows": 0}, "[2].$rows: 0 is not a number from 1 to 200"),
        (Slotted, {**BLOCK, "$rows": True}, "[2].$rows: True is not a number from 1 to 200"),
        (Slotted, {**BLOCK, "$rows": 10**9}, "[2].$rows: 1000000000 is not a number from 1 to 200"),
        (Slotted, {**BLOCK, "$rows": "3"}, "[2].$rows: '3' is not a number from 1 to 200"),
        (Slotted, {"$rows": 1, "name": {"$rows": 3}}, "[2].name: {'$rows': 3} is not a text"),
        (Positive, {"$rows": 3, "number": [1, -1, 2]}, "[3]: it is negative; use 0"),
        (Animal, {"$rows": 3, "$is": "cat", "name": ["a", 1, "b"]}, "[3].name: 1 is not a text"),
        (Animal, {"$rows": 3, "$is": "cow", "name": "a"}, "[2].$is: 'cow' is not one of cat, dog"),
        (Animal, {"$rows": 3, "$is": ["cat"], "name": "a"}, "[2].$is: ['cat'] is not one of cat, dog"),
        (Animal, {"$rows": 3, "name": "a"}, "[2].$is: None is not one of cat, dog"),
        (
            Empty,
            {"$rows": 3},
            "[0].name: there is no such field; nothing is taken here / "
            "[1].name: there is no such field; nothing is taken here / "
            "[2].$rows: there is no such field; nothing is taken here",
        ),
        (
            int,
            {"$rows": 3},
            f"[0]: {CAT} is not a whole number / [1]: {CAT} is not a whole number / "
            "[2]: {'$rows': 3} is not a whole number",
        ),
        (
            Slotted,
            {**BLOCK, "nmae": 1, "colour": 2, "number": [1]},
            "[2].nmae: there is no such field; did you mean 'name'? / [2].colour: there is no such field / "
            "[2].number: [1] is not a list of 3",
        ),
        (
            Slotted,
            {**BLOCK, "name": ["a", 1, 2], "number": ["x", 1, "y"]},
            "[2].number: 'x' is not a whole number / [3].name: 1 is not a text / [4].name: 2 is not a text / "
            "[4].number: 'y' is not a whole number",
        ),
    ],
)
def test_what_is_wrong_in_a_block_is_named(kind: Any, plain: Any, why: str) -> None:
    before: dict[str, Any] = {"number": 1} if kind is Positive else {"name": "x"}
    if kind in (Animal, int):
        before["$is"] = "cat"
    with pytest.raises(UnreadableError) as refused:
        records().read(tuple[kind, ...], [before, before, plain])
    assert in_words(refused.value) == why


@pytest.mark.parametrize(
    ("kind", "plain", "mistakes"),
    [
        (
            Basket,
            {"pionts": [], "dogs": {"a": 1, "b": None, "c": "x"}, "pair": [1, "a"], "colour": 1},
            [
                "pionts: there is no such field; did you mean 'points'?",
                "colour: there is no such field",
                "numbers: the field is missing",
                "dogs.a: 1 is not a number in Dog of the tables",
                "dogs.c: 'x' is not a number in Dog of the tables or null",
                "pair[0]: 1 is not one of red, blue",
                "pair[1]: 'a' is not a number as text",
            ],
        ),
        (Colour, "rde", ["'rde' is not one of red, blue; did you mean 'red'?"]),
        (Animal, {"$is": "dgo"}, ["$is: 'dgo' is not one of cat, dog; did you mean 'dog'?"]),
        (list[int], ["x"] * 30, [f"[{number}]: 'x' is not a whole number" for number in range(10)]),
        (
            dict[str, int],
            dict.fromkeys("abcdefghijklmn", "x"),
            [f"{each}: 'x' is not a whole number" for each in "abcdefghij"],
        ),
    ],
    ids=lambda each: str(each)[:40],
)
def test_all_that_is_wrong_is_named_at_once(kind: Any, plain: Any, mistakes: list[str]) -> None:
    with pytest.raises(UnreadableError) as refused:
        records().read(kind, plain)
    assert in_words(refused.value).split(" / ") == mistakes


def test_no_more_mistakes_are_named_than_anybody_reads() -> None:
    with pytest.raises(UnreadableError) as refused:
        records().read(Positive, {f"field {number}": 1 for number in range(5_000)})
    assert len(refused.value.mistakes) == 100
    wide = [{f"field {number}": 1 for number in range(30)}] * 9
    with pytest.raises(UnreadableError) as refused:
        records().read(list[Positive], wide)
    assert len(refused.value.mistakes) == 100


def test_a_number_in_a_table_that_is_wrong_is_no_mistake_of_its_own() -> None:
    some = records()
    with pytest.raises(UnreadableError):
        some.read_tables({"Point": [{"x": "a"}], "Dog": [{"name": "Rex"}]})
    with pytest.raises(UnreadableError) as refused:
        some.read(tuple[Point, ...], [0, 0, 1])
    assert refused.value.mistakes == ()
    assert some.read(tuple[Dog, ...], [0]) == (Dog("Rex"),)
    with pytest.raises(UnreadableError):
        some.read_tables([])
    with pytest.raises(UnreadableError) as refused:
        some.read(dict[str, Dog], {"a": 7})
    assert refused.value.mistakes == ()
    with pytest.raises(UnreadableError) as refused:
        some.read(tuple[Point, ...], [0, "x"])
    assert in_words(refused.value) == "[1]: 'x' is not a number in Point of the tables"


def test_a_block_beside_others() -> None:
    plain = [{"name": "x"}, BLOCK, {"name": "y"}, {"$rows": 2, "name": ["d", "d"]}]
    assert records().read(tuple[Slotted, ...], plain) == (
        *(Slotted("x"), Slotted("a", 5), Slotted("b", 5), Slotted("c", 5), Slotted("y"), Slotted("d"), Slotted("d")),
    )


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        ([], "[] is not an object of lists"),
        ({"Cat": []}, "Cat: there is no such table; the tables here are Point, Dog"),
        (
            {"Pont": [], "Point": {}, "Dog": [{"nam": 1}]},
            "Pont: there is no such table; did you mean 'Point'? / Point: {} is not a list / "
            "Dog[0].nam: there is no such field; did you mean 'name'?",
        ),
        ({"Point": {}}, "Point: {} is not a list"),
        ({"Point": [{"x": 1}, {"x": "a"}]}, "Point[1].x: 'a' is not a whole number"),
        ({"Point": [{"x": 1}, {"$rows": 2, "x": ["a", 1]}]}, "Point[1].x: 'a' is not a whole number"),
    ],
    ids=str,
)
def test_tables_that_cannot_be_read(tables: Any, why: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        records().read_tables(tables)
    assert in_words(refused.value) == why


@pytest.mark.parametrize(
    ("kind", "name"), [(type[int], "type[int]"), (complex, "complex"), (Sequence[memoryview], "memoryview")]
)
def test_a_type_that_no_rule_fits_is_a_mistake_of_the_programmer(kind: Any, name: str) -> None:
    with pytest.raises(TypeError) as refused:
        records().coder(kind)
    assert str(refused.value) == f"no rule says how {name} is written"


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        (int | Decimal, "x", "str is not a whole number or a number as text"),
        (str | Colour, 1.5, "float is none of str, Colour"),
        (Any, object(), "object is no plain value"),
        (Any, [{1}], "set is no plain value"),
        (Decimal | int | str, True, "bool is none of Decimal, int, str"),
    ],
)
def test_a_value_that_is_not_of_its_type_is_not_written(kind: Any, value: Any, why: str) -> None:
    with pytest.raises(TypeError) as refused:
        records().write(kind, value)
    assert str(refused.value) == why


def test_what_a_record_refuses_is_told_in_its_own_words() -> None:
    with pytest.raises(UnreadableError) as refused:
        records().read(Positive, {"number": -1})
    assert in_words(refused.value) == "it is negative; use 0"
    assert records().read(Duration, {"ns": 5}) == Duration(5)
