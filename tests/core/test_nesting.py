"""JSON that is nested too deeply is found without recursion, so whatever Python's own limit is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mock_akool.core.nesting import MOST_LEVELS, is_shallow


def nested(levels: int, begin: str = "[", end: str = "]") -> bytes:
    return (begin * levels + "1" + end * levels).encode()


@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a": ', "}")], ids=["arrays", "objects"])
def test_it_is_the_depth_that_counts(begin: str, end: str) -> None:
    for levels, shallow in ((0, True), (1, True), (MOST_LEVELS, True), (MOST_LEVELS + 1, False), (500, False)):
        raw = nested(levels, begin, end)
        assert is_shallow(raw, json.loads(raw)) is shallow, levels
    raw = nested(3, begin, end)
    assert [is_shallow(raw, json.loads(raw), most) for most in (2, 3)] == [False, True]


def test_many_brackets_side_by_side_or_in_texts_are_not_deep() -> None:
    values: tuple[Any, ...] = ([[[]]] * 1000, ["[" * 1000], {str(number): {"a": []} for number in range(1000)})
    for value in values:
        assert is_shallow(json.dumps(value).encode(), value)
    assert not is_shallow(b"[" * 200, [*[[]] * 10, json.loads(nested(200))])
