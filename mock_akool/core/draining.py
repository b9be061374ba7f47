"""Letting go of much memory without holding other threads up."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

Container = dict[Any, Any] | set[Any] | list[Any] | deque[Any]


def drain(containers: Iterable[Container]) -> None:
    """Empty containers item by item. To let go of a million items at once would let no other thread run meanwhile."""
    for container in containers:
        if isinstance(container, dict):
            while container:
                container.popitem()
        else:
            while container:
                container.pop()
