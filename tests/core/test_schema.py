"""The one validation system: what shapes read, refuse, write, describe, and take from texts."""

from __future__ import annotations

import pickle
from typing import Any, NamedTuple

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_akool import MockAkoolError, ScenarioError, SettingsError
from mock_akool.core.durations import DURATION, SPAN
from mock_akool.core.errors import Mistake, Mistakes, format_path
from mock_akool.core.faults import FAULT
from mock_akool.core.options import BASE_URL, Options, option
from mock_akool.core.schema import (
    FLAG,
    NAME,
    ONE_JOB,
    TEXT,
    Field,
    Listed,
    Optional,
    Plain,
    Record,
    Shape,
    choice,
    nearest,
    number,
    one_of,
    shown,
    whole,
)
from mock_akool.core.stages import ENDING, STAGES
from mock_akool.core.timeline import STATUS, Status
from mock_akool.core.webhook_faults import WEBHOOK, WEBHOOK_FAULT
from tests.extent import choose


class Point(NamedTuple):
    x: int
    y: int = 0
    label: str = ""


def _check(point: Point) -> None:
    if point.x == point.y:
        raise SettingsError("x and y are the same", "change one", ("y",))


POINT = Record(
    "point",
    Point,
    {
        "x": Field(whole(0, 9), "how far to the right"),
        "y": Field(whole(0, 9), "how far up", 0),
        "name": Field(TEXT, "what it is called", "", attribute="label"),
    },
    needed=("x",),
    check=_check,
)
POINTS = Listed(POINT)
NUMBERS = Listed(whole(0, 9), lone=True, least=1)


def mistakes_of(shape: Shape, value: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        shape.read(value, ("here",))
    return list(map(str, caught.value.mistakes))


class TestRecords:
    def test_it_becomes_a_python_record(self) -> None:
        assert POINT.read({"x": 3, "name": "a"}) == Point(3, 0, "a")
        assert POINT.read(Point(3)) == Point(3), "a real one is let be"
        assert POINT.write(Point(3, 0, "a")) == {"x": 3, "name": "a"}, "what is as by default is left out"

    @pytest.mark.parametrize(
        ("plain", "mistakes"),
        [
            (3, ["here: 3 is not a point; use an object with the keys x, y, name"]),
            ({}, ["here: a point needs the key 'x'; it is how far to the right"]),
            (
                {"y": "a", "nam": 1, "colour": 2},
                [
                    "here.nam: there is no such key; did you mean 'name'?",
                    "here.colour: there is no such key; the keys here are x, y, name",
                    "here: a point needs the key 'x'; it is how far to the right",
                    "here.y: 'a' is not a whole number from 0 to 9",
                ],
            ),
            ({"X": 1}, ["here.X: there is no such key; did you mean 'x'?"]),
            ({"x": 1, "y": 1}, ["here.y: x and y are the same; change one"]),
            ({"x": 1, 7: 1}, ["here.7: there is no such key; the keys here are x, y, name"]),
        ],
        ids=repr,
    )
    def test_all_mistakes_are_reported_with_their_places(self, plain: Any, mistakes: list[str]) -> None:
        assert mistakes_of(POINT, plain) == mistakes

    def test_words_of_other_mocks_are_understood(self) -> None:
        assert (
            mistakes_of(FAULT, {"status_code": 502})[0]
            == "here.status_code: there is no such key; did you mean 'http'?"
        )

    def test_a_record_without_keys_takes_nothing(self) -> None:
        nothing = Record("query", dict, {})
        assert mistakes_of(nothing, {"a": 1}) == ["here.a: there is no such key; nothing is taken here"]

    def test_a_field_may_be_another_in_the_same_record(self) -> None:
        far = POINT.having(x=Field(whole(0, 99), "far to the right"))
        assert far.read({"x": 50}) == Point(50)
        assert mistakes_of(far, {"x": 1, "y": 1}), "the check is the same"
        assert mistakes_of(POINT, {"x": 50})

    @pytest.mark.parametrize(
        ("plain", "mistakes"),
        [
            ({"x": 1}, []),
            ({"y": 1, "name": "a"}, []),
            ({"colours": 1}, ["here.colours: there is no such key; did you mean 'colour'?"]),
            (
                {"name": "a"},
                [
                    "here: a move needs one of the keys 'x', 'y', 'colour'; 'x' is a whole number from 0 to 9; "
                    "'y' is a whole number from 0 to 9; 'colour' is a text"
                ],
            ),
            (
                {"x": 1, "y": "b", "unknown": 1},
                [
                    "here.unknown: there is no such key; the keys here are x, y, colour, name",
                    "here: a move takes only one of the keys 'x', 'y', 'colour'",
                    "here.y: 'b' is not a whole number from 0 to 9",
                ],
            ),
        ],
        ids=repr,
    )
    def test_exactly_one_of_some_keys(self, plain: Any, mistakes: list[str]) -> None:
        digit = whole(0, 9)
        fields = {
            "x": Field(digit, "right"),
            "y": Field(digit, "up"),
            "colour": Field(TEXT, ""),
            "name": Field(TEXT, ""),
        }
        move = Record("move", dict, fields, one_of=("x", "y", "colour"))
        if mistakes:
            assert mistakes_of(move, plain) == mistakes
        else:
            assert move.read(plain) == plain
        has_one = sum(key in plain for key in ("x", "y", "colour")) == 1
        assert jsonschema.Draft202012Validator({"oneOf": move.schema["oneOf"]}).is_valid(plain) is has_one
        assert "oneOf" not in POINT.schema
        assert move.having(x=Field(TEXT, "")).schema["oneOf"] == move.schema["oneOf"]

    def test_a_key_that_is_taken_only_beside_another(self) -> None:
        fields = {"x": Field(whole(0, 9), "right"), "y": Field(whole(0, 9), "up")}
        move = Record("move", dict, fields, beside={"y": "x"})
        assert move.read({"x": 1}) == {"x": 1}
        assert move.read({"x": 1, "y": 2}) == {"x": 1, "y": 2}
        mistake = "here.y: it is taken only beside 'x'; give 'x', a whole number from 0 to 9"
        assert mistakes_of(move, {"y": 1}) == [mistake]
        assert mistakes_of(move.having(y=Field(TEXT, "")), {"y": "a"}) == [mistake]
        assert mistakes_of(move, {"y": 1, "X": 2}) == ["here.X: there is no such key; did you mean 'x'?"]
        validator = jsonschema.Draft202012Validator(move.schema)
        assert [validator.is_valid(each) for each in ({}, {"x": 1}, {"y": 1}, {"x": 1, "y": 1})] == [
            True,
            True,
            False,
            True,
        ]

    def test_which_keys_are_meant(self) -> None:
        assert POINT.meant_in({"X": 1, "label": 2, "y": 3}) == {"x", "y"}
        assert POINT.meant_in({}) == set()

    def test_its_errors_are_of_its_kind(self) -> None:
        strict = Record("rule", dict, {"a": Field(POINT, "a point")}, error=ScenarioError)
        with pytest.raises(ScenarioError, match=r"a\.x: 'b' is not"):
            strict.read({"a": {"x": "b"}})


class TestLists:
    def test_it_becomes_a_tuple(self) -> None:
        assert POINTS.read([{"x": 1}, Point(2)]) == (Point(1), Point(2))
        assert POINTS.write((Point(1), Point(2))) == [{"x": 1}, {"x": 2}]

    def test_the_mistakes_of_all_items_are_reported(self) -> None:
        assert mistakes_of(POINTS, [{"x": -1}, {"x": 1}, {"z": 2, "x": 1}]) == [
            "here[0].x: -1 is not a whole number from 0 to 9",
            "here[2].z: there is no such key; the keys here are x, y, name",
        ]

    def test_what_is_no_list(self) -> None:
        assert mistakes_of(POINTS, {"x": 1})[0].startswith("here: {'x': 1} is not a list; each item is an object")
        assert mistakes_of(POINTS, Point(1))[0].startswith("here: Point(x=1, y=0, label='') is not a list")

    def test_a_lone_item_may_stand_without_its_list(self) -> None:
        assert NUMBERS.read(3) == NUMBERS.read([3]) == (3,)
        assert (NUMBERS.write((3,)), NUMBERS.write((3, 4))) == (3, [3, 4])
        assert mistakes_of(NUMBERS, 10) == mistakes_of(NUMBERS, [10]) == ["here: 10 is not a whole number from 0 to 9"]
        assert mistakes_of(NUMBERS, [1, 10]) == ["here[1]: 10 is not a whole number from 0 to 9"]
        assert mistakes_of(NUMBERS, [])[0].startswith("here: the list is empty; each item is a whole number")

    def test_items_that_do_not_go_together(self) -> None:
        def check(points: tuple[Point, ...]) -> None:
            if len(set(points)) < len(points):
                raise SettingsError("it is there twice", place=(1,))

        distinct = Listed(POINT, check=check)
        assert mistakes_of(distinct, [{"x": 1}, {"x": 1}]) == ["here[1]: it is there twice"]
        assert distinct.read([{"x": 1}, {"x": 2}]) == (Point(1), Point(2))


class TestSingleValues:
    @pytest.mark.parametrize(
        ("shape", "value", "mistake"),
        [
            (TEXT, 3, "3 is not a text"),
            (NAME, "", "it is empty; write a text"),
            (FLAG, 1, "1 is not true or false"),
            (FLAG, "yes", "'yes' is not true or false"),
            (ONE_JOB, 0, "0 is not a number from 1, or an id"),
            (ONE_JOB, True, "True is not a number from 1, or an id"),
            (ONE_JOB, "", "'' is not a number from 1, or an id"),
            (whole(1, 2, use="1 or 2"), 3, "3 is not a whole number from 1 to 2; use 1 or 2"),
            (whole(1, 2), 1.0, "1.0 is not a whole number from 1 to 2"),
            (number(0, 1, "a share", above=True), 0, "0 is not a share"),
            (number(0, 1, "a share"), float("nan"), "nan is not a share"),
            (number(0, 1, "a share"), 1.5, "1.5 is not a share"),
            (number(0, 1, "a share"), "x", "'x' is not a share"),
            (one_of(("red", "green", "blue")), "grene", "'grene' is not red, green or blue; did you mean 'green'?"),
            (one_of(("red",)), 5, "5 is not red"),
            (choice({"on": True}, "a switch"), "xyz", "'xyz' is not a switch; use on"),
            (Optional(TEXT), 3, "3 is not a text"),
            (SPAN, "banana", "'banana' is not a duration; use 10, '10s', '2m', '500ms', '3 polls' or 'forever'"),
            (SPAN, "10 sec", "'10 sec' is not a duration; did you mean '10s'?"),
            (SPAN, "1.5 Minutes.", "'1.5 Minutes.' is not a duration; did you mean '1.5m'?"),
            (SPAN, "1,5s", "'1,5s' is not a duration; did you mean '1.5s'?"),
            (SPAN, "10 secnds", "'10 secnds' is not a duration; did you mean '10s'?"),
            (SPAN, "20millis", "'20millis' is not a duration; did you mean '20ms'?"),
            (SPAN, "3 poles", "'3 poles' is not a duration; did you mean '3 polls'?"),
            (SPAN, "1,5 polls", "'1,5 polls' is not a duration; use 10, '10s', '2m', '500ms', '3 polls' or 'forever'"),
            (SPAN, "5 years", "'5 years' is not a duration; use 10, '10s', '2m', '500ms', '3 polls' or 'forever'"),
            (SPAN, "infinite", "'infinite' is not a duration; did you mean 'forever'?"),
            (SPAN, "forevr", "'forevr' is not a duration; did you mean 'forever'?"),
            (DURATION, "2 hours", "'2 hours' is not a duration; did you mean '2h'?"),
            (DURATION, "never", "'never' is not a duration; use 10, '500ms', '2m', '3h' or '7d'"),
            (DURATION, "3 poles", "'3 poles' is not a duration; use 10, '500ms', '2m', '3h' or '7d'"),
            (SPAN, None, "None is not a duration; use 10, '10s', '2m', '500ms', '3 polls' or 'forever'"),
            (DURATION, "3 polls", "'3 polls' is not a duration in seconds; use 10, '500ms', '2m', '3h' or '7d'"),
            (STATUS, "complete", "'complete' is not a status; did you mean 'completed'?"),
            (STATUS, 5, "5 is not a status; use queueing, processing, completed or failed (or 1 to 4)"),
            (STATUS, True, "True is not a status; use queueing, processing, completed or failed (or 1 to 4)"),
            (BASE_URL, "fake.test", "'fake.test' is not a scheme and a host; use https://fake.test:8443"),
        ],
        ids=lambda each: repr(each) if not hasattr(each, "wants") else "",
    )
    def test_what_is_refused(self, shape: Shape, value: Any, mistake: str) -> None:
        assert mistakes_of(shape, value) == [f"here: {mistake}"]

    def test_a_secret_is_not_shown(self) -> None:
        secret = Plain("a token", int, {}, secret=True)
        assert mistakes_of(secret, "my-token") == ["here: the value is not a token"]

    def test_an_error_of_the_fake_says_what_is_wrong(self) -> None:
        def read(value: Any) -> Any:
            raise MockAkoolError("it is Monday", "wait")

        assert mistakes_of(Plain("a day", read, {}), "x") == ["here: it is Monday; wait"]

    def test_a_bug_is_no_mistake_of_the_input(self) -> None:
        def read(value: Any) -> Any:
            raise KeyError(value)

        with pytest.raises(KeyError):
            Plain("a day", read, {}).read("x")

    def test_long_values_are_shortened(self) -> None:
        assert len(shown("x" * 1000)) == 60
        assert shown(10**5000) == "a very long int"


TEXTS: list[tuple[Shape, str, Any]] = [
    (TEXT, "1", "1"),
    (whole(0, 99), "7", 7),
    (whole(0, 99), " 07 ", 7),
    (whole(0, 99), "7.0", 7.0),
    (whole(0, 99), "seven", "seven"),
    (whole(0, 99), "7" * 50, "7" * 50),
    (number(0, 9, "a number"), "1e-1", 0.1),
    (FLAG, "Yes", True),
    (FLAG, "off", False),
    (FLAG, "", False),
    (FLAG, "maybe", "maybe"),
    (Optional(whole(0, 99)), "", None),
    (Optional(whole(0, 99)), "7", 7),
    (NUMBERS, "1, 2,", [1, 2]),
    (NUMBERS, "[1, 2]", [1, 2]),
    (NUMBERS, "[1", "[1"),
    (NUMBERS, "", []),
    (POINTS, '[{"x": 1}]', [{"x": 1}]),
    (POINT, '{"x": 1}', {"x": 1}),
    (POINT, "x=1", "x=1"),
    (POINT, "[" * 100_000, "[" * 100_000),
    (SPAN, "3 polls", "3 polls"),
    (ENDING, "failed: no", "failed: no"),
    (STAGES, "completed", "completed"),
]


@pytest.mark.parametrize(("shape", "text", "plain"), TEXTS, ids=lambda each: str(each)[:30])
def test_texts_stand_for_plain_values(shape: Shape, text: str, plain: Any) -> None:
    assert shape.from_text(text) == plain
    assert type(shape.from_text(text)) is type(plain)


SHAPES: dict[str, tuple[Shape, list[Any]]] = {
    "text": (TEXT, ["", "a"]),
    "name": (NAME, ["a"]),
    "flag": (FLAG, [True, False]),
    "job": (ONE_JOB, [1, "64dd"]),
    "optional": (Optional(NUMBERS), [None, 1, [1, 2]]),
    "list": (POINTS, [[], [{"x": 1}, {"x": 2, "y": 3, "name": "b"}]]),
    "record": (POINT, [{"x": 1}]),
    "span": (SPAN, ["2s", "500ms", "3 polls", "forever", "0s", "1d"]),
    "duration": (DURATION, ["2s", "500ms", "90m", "1.234567891s"]),
    "status": (STATUS, ["queueing", "failed"]),
    "ending": (ENDING, ["completed", "failed", {"failed": ["a", "b"]}, {"failed": {"reasons": [], "refund": True}}]),
    "stages": (STAGES, [["completed"], [{"queueing": "2s"}, {"failed": "1 poll"}, {"failed": ["no"]}], ["failed"]]),
    "fault": (FAULT, [{"http": 502}, {"truncate": "50%"}, {"truncate": 7}, {"delay": ["1s", "2s"]}, {"drip": {}}]),
    "webhook fault": (
        WEBHOOK_FAULT,
        [{}, {"copies": 0, "delay": "1s"}, {"claim_status": 77}, {"claim_status": "failed"}],
    ),
    "webhook": (WEBHOOK, [{"fault": {"copies": 2}}, {"status": "failed", "times": 3, "fault": {"slow": "1s"}}]),
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_read_is_written_again_and_fits_its_schema(name: str) -> None:
    shape, values = SHAPES[name]
    jsonschema.Draft202012Validator.check_schema(shape.schema)
    assert shape.wants
    for plain in values:
        real = shape.read(plain, ())
        assert shape.write(real) == plain
        assert shape.read(real, ()) == real, "a real value is read as itself"
        jsonschema.Draft202012Validator(shape.schema).validate(plain)


@settings(max_examples=choose(100, 300))
@given(
    st.sampled_from([shape for shape, _ in SHAPES.values()]),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just("completed")),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(st.sampled_from(["x", "y", "failed", "http", "fault", "queueing", "delay", "?"]), inner),
        ),
        max_leaves=12,
    ),
)
def test_any_value_is_read_or_refused_with_words(shape: Shape, value: Any) -> None:
    mistakes = Mistakes()
    real = mistakes.read(shape, value, ())
    if mistakes.found:
        assert all(mistake.what for mistake in mistakes.found)
    else:
        assert shape.read(shape.write(real), ()) == real


class TestTheNearestName:
    @pytest.mark.parametrize(
        ("name", "known", "near"),
        [
            ("sead", ("seed", "speed"), "seed"),
            ("SEED", ("seed", "speed"), "seed"),
            ("createbyprompt", ("createbybutton", "createByPrompt"), "createByPrompt"),
            ("zzz", ("seed",), None),
            ("seed", (), None),
            (None, ("none",), "none"),
            ("flakey", ("fails-late", "flaky-gateway"), "flaky-gateway"),
            ("flaky", ("fails", "flaky-gateway"), "flaky-gateway"),
            ("Gateway", ("late", "flaky-gateway"), "flaky-gateway"),
            ("gatway", ("late", "flaky-gateway"), "flaky-gateway"),
            ("fail", ("fails-late", "fails"), "fails"),
            ("late", ("webhook-late", "late-answers", "fails-late"), "late-answers"),
            ("lost", ("webhook-lost", "lots"), "webhook-lost"),
            ("processng", ("processing_time", "processing"), "processing"),
            ("at", ("at_once",), None),
            ("prot", ("prompt_suffix", "port"), "port"),
        ],
    )
    def test_it_is_found_whatever_the_case(self, name: object, known: tuple[str, ...], near: str | None) -> None:
        assert nearest(name, known) == near

    def test_it_may_have_to_be_very_like(self) -> None:
        assert nearest("sed", ("seed",), likeness=0.95) is None
        assert nearest("seed", ("seed_of_all",), likeness=0.95) is None

    def test_a_name_of_a_megabyte_is_compared_soon(self) -> None:
        assert nearest("x" * (1 << 20), ("x", "y")) is None
        assert nearest("xyz", ("x " * (1 << 20), "y")) is None


class TestErrors:
    def test_a_single_mistake_is_one_line(self) -> None:
        error = SettingsError("it is wrong", "Write another", ("rules", 0, "on"))
        assert str(error) == "rules[0].on: it is wrong; write another"
        assert (error.message, error.hint) == ("rules[0].on: it is wrong", "Write another")
        assert str(SettingsError("it is wrong", "AES takes 16 bytes")) == "it is wrong; AES takes 16 bytes"

    def test_the_first_letter_of_a_hint_is_large_by_itself(self) -> None:
        assert SettingsError("it is wrong", "write another").hint == "Write another"

    def test_several_are_a_line_each(self) -> None:
        error = SettingsError.of([Mistake("one", "", ("a",)), Mistake("two", "do it", (), "my.yaml:3")])
        assert str(error) == error.message == "2 mistakes:\n  a: one\n  my.yaml:3: two; do it"
        assert error.hint == ""

    def test_it_can_be_of_a_part_of_a_larger_input(self) -> None:
        error = ScenarioError.of([Mistake("one", "", ("a",)), Mistake("two", "", ("b",), "my.yaml:3")])
        assert str(error.within(("scenario", 1))) == "2 mistakes:\n  scenario[1].a: one\n  my.yaml:3: b: two"
        assert type(error.within(("scenario",))) is ScenarioError

    def test_settings_are_named_as_they_were_written(self) -> None:
        error = SettingsError.of(
            [
                Mistake("one", "", ("seed",)),
                Mistake("two", "", ("accounts", 0)),
                Mistake("three"),
                Mistake("four", "", ("seed",), "my.yaml:3"),
            ]
        )
        assert [str(each) for each in error.renamed({"seed": "--seed"}).mistakes] == [
            "--seed: one",
            "accounts[0]: two",
            "three",
            "my.yaml:3: seed: four",
        ]

    def test_it_can_be_sent_to_another_process(self) -> None:
        error = ScenarioError("it is wrong", "write another", ("a",))
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy), copy.mistakes) == (ScenarioError, str(error), error.mistakes)

    def test_the_same_mistake_is_reported_once(self) -> None:
        mistakes = Mistakes()
        mistakes.raise_any()
        for _ in range(2):
            with mistakes.noted():
                raise SettingsError("it is wrong")
        assert mistakes.read(TEXT, 3, ("a",)) is None
        assert mistakes.read(TEXT, "b", ("a",)) == "b"
        with pytest.raises(ScenarioError) as caught:
            mistakes.raise_any(ScenarioError)
        assert [str(each) for each in caught.value.mistakes] == ["it is wrong", "a: 3 is not a text"]

    def test_other_errors_go_through(self) -> None:
        with pytest.raises(KeyError), Mistakes().noted():
            raise KeyError

    @pytest.mark.parametrize(
        ("place", "text"),
        [((), ""), (("a",), "a"), (("a", 0, "b"), "a[0].b"), ((0, 1), "[0][1]"), (("a\nb",), "'a\\nb'")],
    )
    def test_places_are_paths(self, place: tuple[str | int, ...], text: str) -> None:
        assert format_path(place) == text


class _Options(Options):
    count: int = option(1, whole(0, 9), "how many")
    points: tuple[Point, ...] = option((), POINTS, "where")
    status: Status = option(Status.QUEUEING, STATUS, "which")


class _Range(Options):
    low: int = option(0, whole(0, 9), "from where")
    high: int = option(9, whole(0, 9), "to where")
    step: int = option(1, whole(1, 9), "how far at once")

    def _check(self, mistakes: Mistakes) -> None:
        if self.low > self.high:
            mistakes.add("it is below low", "make it larger", ("high",))


class TestOptions:
    def test_values_may_be_texts(self) -> None:
        made = _Options.of(count="3", points='[{"x": 1}]', status="2")
        assert (made.count, made.points, made.status) == (3, (Point(1),), Status.PROCESSING)
        assert _Options() == _Options.of() == _Options(count=1)

    def test_all_mistakes_are_reported_at_once(self) -> None:
        with pytest.raises(SettingsError) as caught:
            _Options.of(count="x", points=[{"x": 1}, {}], statsu=3)
        assert [str(each) for each in caught.value.mistakes] == [
            "statsu: there is no such setting; did you mean 'status'?",
            "count: 'x' is not a whole number from 0 to 9",
            "points[1]: a point needs the key 'x'; it is how far to the right",
        ]

    def test_what_does_not_go_together_is_reported_along_with_bad_values(self) -> None:
        with pytest.raises(SettingsError) as caught:
            _Range.of(low=5, high=4, step=0, stpe=2)
        assert [str(each) for each in caught.value.mistakes] == [
            "stpe: there is no such setting; did you mean 'step'?",
            "step: 0 is not a whole number from 1 to 9",
            "high: it is below low; make it larger",
        ]
        with pytest.raises(SettingsError, match=r"^high: -1 is not a whole number from 0 to 9$"):
            _Range.of(low=5, high=-1)

    @pytest.mark.parametrize("name", ["cls", "self", "options"])
    def test_any_unknown_name_is_a_mistake(self, name: str) -> None:
        with pytest.raises(SettingsError, match=f"^{name}: there is no such setting; "):
            _Options.of(**{name: 1})

    def test_each_is_described(self) -> None:
        assert {name: field.help for name, field in _Options.fields().items()} == {
            "count": "how many",
            "points": "where",
            "status": "which",
        }
        assert _Options.fields()["count"].default == 1

    def test_names_of_others_may_be_known(self) -> None:
        assert _Options.unknown(["count", "other"], ["other"]) == []
        (mistake,) = _Options.unknown(["othr"], ["other"])
        assert str(mistake) == "othr: there is no such setting; did you mean 'other'?"
