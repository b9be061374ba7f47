"""Which things changed lately, so that somebody who looks now and then sees each change without a queue of its own.

A thing that changes again moves to the end, so the log is as long as the things are many, however often they change,
and never longer than its bound.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import takewhile
from typing import Final, Generic, NamedTuple, TypeVar

MOST: Final = 10_000
"""How many things a log remembers unless it is made with another bound."""

K = TypeVar("K")


class Changed(NamedTuple, Generic[K]):
    """The newest change of a thing: its `edition`, the thing's `key`, and its `owner`, such as an API key."""

    edition: int
    key: K
    owner: str


class ChangeLog(Generic[K]):
    """The newest change of each thing, of `size` things at most. Not safe for several threads."""

    __slots__ = ("_newest", "_size", "edition", "forgotten")

    def __init__(self, size: int = MOST) -> None:
        self._size = size
        self._newest: OrderedDict[K, Changed[K]] = OrderedDict()
        self.edition = 0
        """How many changes there ever were."""
        self.forgotten = 0
        """The edition of the newest change that is no longer known: who saw it, or a later one, missed nothing."""

    def note(self, key: K, owner: str) -> None:
        """Take note of a change of a thing."""
        self.edition += 1
        newest = self._newest
        newest[key] = Changed(self.edition, key, owner)
        newest.move_to_end(key)
        if len(newest) > self._size:
            self.forgotten = newest.popitem(last=False)[1].edition

    def clear(self) -> None:
        """Forget all changes, which counts as one; the editions go on."""
        self.edition += 1
        self.forgotten = self.edition
        self._newest.clear()

    def go_on_from(self, edition: int) -> None:
        """Let the editions go on from this one, or from their own if that is later: all before is forgotten."""
        self.edition = max(self.edition, edition)
        self.clear()

    def after(self, edition: int) -> list[Changed[K]]:
        """Return the newest change of each thing that changed after an edition, oldest first."""
        found = list(takewhile(lambda each: each.edition > edition, reversed(self._newest.values())))
        found.reverse()
        return found
