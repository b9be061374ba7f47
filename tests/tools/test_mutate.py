"""The measure of the tests: what is drawn, what counts, what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import mutate, try_mutants
from tools.mutate import Explained, Survivor
from tools.try_mutants import Known

NAME = "mock_akool.core.timeline.xǁStatusǁof__mutmut_3"
CHANGE = "-    return a < b\n+    return a <= b"


def test_names_are_those_of_the_code() -> None:
    assert mutate.plain_name(NAME) == "mock_akool.core.timeline.Status.of"
    assert mutate.plain_name("mock_akool.core.urls.x_split__mutmut_12") == "mock_akool.core.urls.split"
    assert mutate.plain_name("mock_akool.akool.outbox.xǁOutboxǁ_box__mutmut_1") == "mock_akool.akool.outbox.Outbox._box"


def test_a_seed_draws_the_same_and_zero_draws_all() -> None:
    names = [f"name_{number}" for number in range(100)]
    assert mutate.drawn(names, 10, 7) == mutate.drawn(reversed(names), 10, 7)
    assert len(set(mutate.drawn(names, 10, 7))) == 10
    assert mutate.drawn(names, 10, 7) != mutate.drawn(names, 10, 8)
    assert mutate.drawn(names, 0, 7) == mutate.drawn(names, 1000, 7) == sorted(names)


def test_names_are_read_from_all_files(tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "a.py.meta").write_text(json.dumps({"exit_code_by_key": {"a": 1, "b": None}}))
    (tmp_path / "c.py.meta").write_text(json.dumps({"exit_code_by_key": {"c": 0}}))
    assert sorted(mutate.names_of(tmp_path)) == ["a", "b", "c"]


def test_quick_tests_that_reach_little_come_first_until_it_is_enough() -> None:
    many = frozenset(map(str, range(60)))
    tests = {
        "slow": Known(0.2, frozenset()),
        "wide": Known(0.001, many),
        "quick": Known(0.002, frozenset({"a"})),
        "slower": Known(5, frozenset()),
    }
    assert try_mutants.in_order(tests, tests, 60) == ["quick", "wide", "slow", "slower"]
    assert try_mutants.in_order(tests, tests, 0.1) == ["quick", "wide", "slow"]
    assert try_mutants.in_order(tests, ["slow", "wide"], 0.001) == ["wide"]
    assert try_mutants.function_of(NAME) == "mock_akool.core.timeline.xǁStatusǁof"


def test_survivors_count_unless_they_are_explained() -> None:
    verdicts = {NAME: "survived", **{str(number): "killed by a test" for number in range(8)}}
    text, enough = mutate.report(verdicts, [Survivor(NAME, CHANGE)], [], 9)
    assert not enough
    assert text.splitlines() == [
        "mock_akool.core.timeline.Status.of",
        *CHANGE.splitlines(),
        "",
        "0 of 1 changes of mock_akool.core were noticed: 0.0%, so 0.0% to 79.3%; at least 90%",
        "8 of 9 changes were noticed: 88.9%, so 88.9% to 88.9%; at least 90%",
    ]
    known = [Explained("mock_akool.core.timeline.Status", "a <= b", "they are never the same")]
    text, enough = mutate.report(verdicts, [Survivor(NAME, CHANGE)], known, 8)
    assert enough
    assert text.splitlines() == [
        "mock_akool.core.timeline.Status.of: they are never the same",
        "8 of 8 changes were noticed: 100.0%, so 100.0% to 100.0%; at least 90%",
    ]


def test_a_sample_says_how_sure_it_is() -> None:
    assert mutate.interval(90, 100, 10**9) == pytest.approx((0.8256, 0.9448), abs=0.0005)
    assert mutate.interval(90, 100, 100) == (0.9, 0.9)
    low, high = mutate.interval(90, 100, 150)
    assert 0.8256 < low < 0.9 < high < 0.9448
    verdicts = {str(number): "killed by a test" for number in range(86)}
    survivors = [Survivor(str(number), CHANGE) for number in range(100, 114)]
    verdicts |= {each.name: "survived" for each in survivors}
    assert mutate.report(verdicts, survivors, [], 20_000)[1], "86 of 100 may be bad luck"
    assert not mutate.report(verdicts, survivors, [], 100)[1]


def test_all_parts_are_the_whole() -> None:
    names = [str(number) for number in range(10)]
    parts = [mutate.part_of(names, f"{number}/3") for number in (1, 2, 3)]
    assert sorted(name for part in parts for name in part) == names
    assert parts[1] == ["1", "4", "7"]


@pytest.mark.parametrize(("function", "text"), [("mock_akool.core.rules", "a <= b"), ("mock_akool.core.timeline", ">")])
def test_an_explanation_is_of_one_place_and_change(function: str, text: str) -> None:
    assert not Explained(function, text, "because").explains(Survivor(NAME, CHANGE))


def test_the_explanations_can_be_read() -> None:
    assert all(each.why for each in mutate.explanations(mutate.EXPLAINED.read_text(encoding="utf-8")))
    one = '[[survivor]]\nfunction = "a"\ntext = "b"\nwhy = "c"'
    assert mutate.explanations(one) == [Explained("a", "b", "c")]
    with pytest.raises(TypeError, match="reason"):
        mutate.explanations(one.replace("why", "reason"))
