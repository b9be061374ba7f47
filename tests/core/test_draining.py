"""What is out of use is let go item by item."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from mock_akool.core.draining import drain


class Kept(dict[str, int]):
    """A dictionary that must not be let go of all at once."""

    def clear(self) -> None:
        raise AssertionError("all at once")


@pytest.mark.parametrize(
    "container", [Kept(a=1, b=2), {1, 2, 3}, [1, 2, 3], deque([1, 2, 3]), {}, []], ids=lambda each: type(each).__name__
)
def test_each_kind_is_emptied(container: Any) -> None:
    drain([container, container])
    assert not container


def test_what_they_held_is_left_as_it_is() -> None:
    inner = [1, 2]
    drain([{"inner": inner}])
    assert inner == [1, 2]
