"""Which of the counted calls a rule chooses, and until which it can be left alone."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from mock_akool.core.faults import Fault
from mock_akool.core.rules import NEVER, Rule

FAULT = Fault(http=502)


@pytest.mark.parametrize(
    ("parts", "chosen"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"nth": (2, 5)}, [2, 5]),
        ({"first": 3}, [1, 2, 3]),
        ({"every": 3}, [3, 6]),
        ({"after": 6}, [7, 8]),
        ({"after": 2, "first": 2}, [3, 4]),
        ({"after": 1, "every": 2}, [3, 5, 7]),
        ({"after": 1, "nth": (1, 4)}, [2, 5]),
        ({"nth": (2, 3, 4), "every": 2}, [2, 4]),
        ({"nth": (2, 3, 4), "first": 3}, [2, 3]),
    ],
)
def test_which_calls_are_chosen(parts: dict[str, Any], chosen: list[int]) -> None:
    rule = Rule(("api",), FAULT, **parts)
    assert [count for count in range(9) if rule.chosen(count)] == chosen


NTHS = ((), (1,), (2, 5), (5, 2), (3, 4, 8))
FIRSTS = (None, 1, 2, 7)
EVERY = (None, 1, 2, 3)
AFTER = (0, 1, 4)


@pytest.mark.parametrize("nth", NTHS, ids=str)
def test_nothing_is_chosen_while_a_rule_is_left_alone(nth: tuple[int, ...]) -> None:
    for first, every, after in product(FIRSTS, EVERY, AFTER):
        rule = Rule(("api",), FAULT, nth=nth, first=first, every=every, after=after)
        chosen = [count for count in range(1, 60) if rule.chosen(count)]
        for count in range(30):
            following = next((each for each in chosen if each > count), NEVER)
            until = rule.quiet_until(count)
            assert count < until <= following, rule
            if not nth and (first is None or every is None):
                assert until == following, rule


@pytest.mark.parametrize(
    ("parts", "must"),
    [
        ({}, True),
        ({"optional": True}, False),
        ({"probability": 1}, True),
        ({"probability": 0.99}, False),
        ({"probability": 1, "optional": True}, False),
    ],
)
def test_whether_it_is_a_mistake_that_it_never_fires(parts: dict[str, Any], must: bool) -> None:
    assert Rule(("api",), FAULT, **parts).must_fire is must
