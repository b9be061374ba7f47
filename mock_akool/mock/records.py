"""The one kind of sequence that tests read: calls, jobs and deliveries, with filters and assertions that explain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final, Generic, TypeVar, cast, overload

from mock_akool.diagnostics.describe import counted

_Record = TypeVar("_Record")
_Kind = TypeVar("_Kind", bound="Records[Any, Any]")

_SHOWN: Final = 20
"""How many records a message lists, the newest ones."""


class Records(Generic[_Record, _Kind]):
    """Records of one kind, oldest first; it does not change, and works as a tuple does.

    A filter returns a new sequence of the same kind. Each remembers what it was filtered by, so that a failing
    assertion tells what was looked for and what there is.
    """

    noun: ClassVar[str] = "record"
    """What one of them is called."""
    plural: ClassVar[str] = ""
    """What several are called, where that is not the noun with an s."""

    def __init__(
        self, records: Iterable[_Record], which: str = "", *, why_none: Callable[[], str] = lambda: ""
    ) -> None:
        self._records = tuple(records)
        self._which = which
        """What they have in common, in words that follow the noun, such as ` to createbyprompt`."""
        self._why_none = why_none
        """Says why there is none, or what there is instead."""

    def _snapshot(self) -> _Kind:
        """Return what this is now: itself, but for a sequence that grows."""
        return cast("_Kind", self)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._snapshot()._records)

    @property
    def first(self) -> _Record:
        """The oldest one; an AssertionError says why when there is none."""
        __tracebackhide__ = True
        return self._at_end(0)

    @property
    def last(self) -> _Record:
        """The newest one; an AssertionError says why when there is none."""
        __tracebackhide__ = True
        return self._at_end(-1)

    def assert_count(self, count: int) -> None:
        """Raise an AssertionError that lists the records unless there are `count` of them."""
        __tracebackhide__ = True
        found = self._snapshot()
        if len(found) != count:
            expected = f"expected {counted(count, self.noun, self.plural)}{found._which}, got {len(found)}"
            raise AssertionError(f"{expected}{found.listed() or found._because()}")

    def assert_none(self) -> None:
        """Raise an AssertionError that lists the records if there are any."""
        __tracebackhide__ = True
        self.assert_count(0)

    def assert_any(self) -> None:
        """Raise an AssertionError that says why unless there is at least one."""
        __tracebackhide__ = True
        found = self._snapshot()
        if not found._records:
            raise AssertionError(f"expected a {self.noun}{found._which}, got none{found._because()}")

    def listed(self) -> str:
        """Return the newest ones, a line each, as the end of a message: empty when there is none."""
        records = self._snapshot()._records
        shown = records[-_SHOWN:]
        left_out = f"\n  ({len(records) - len(shown)} earlier ones left out)" if len(shown) < len(records) else ""
        return "".join([":" if shown else "", left_out, *(f"\n  {self._line(each)}" for each in shown)])

    @staticmethod
    def _line(record: _Record, /) -> str:
        """Return one line about a record, without secrets."""
        return repr(record)

    def _where(self, which: str, fits: Callable[[_Record], bool]) -> _Kind:
        """Return those that fit, as a sequence of this kind; `which` says in words what they have in common."""
        found = self._snapshot()
        return cast("_Kind", found._like(filter(fits, found._records), found._which + which, found._what_there_is))

    def _like(self, records: Iterable[_Record], which: str, why_none: Callable[[], str]) -> _Kind:
        return cast("_Kind", type(self)(records, which, why_none=why_none))

    def _what_there_is(self) -> str:
        """Return what there is instead of those that a filter looked for in vain."""
        if not self._records:
            return self._why_none()
        there_are = "there is" if len(self) == 1 else "there are"
        return f"{there_are} {counted(len(self), self.noun, self.plural)}{self._which}{self.listed()}"

    def _because(self) -> str:
        why = self._why_none()
        return f"; {why}" if why else ""

    def _at_end(self, index: int) -> _Record:
        __tracebackhide__ = True
        found = self._snapshot()
        if not found._records:
            raise AssertionError(found._none())
        return cast("_Record", found._records[index])

    def _none(self) -> str:
        return f"there is no {self.noun}{self._which}{self._because()}"

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[_Record]:
        return iter(self._snapshot()._records)

    def __reversed__(self) -> Iterator[_Record]:
        records: tuple[_Record, ...] = self._snapshot()._records
        return reversed(records)

    @overload
    def __getitem__(self, index: int) -> _Record: ...
    @overload
    def __getitem__(self, index: slice) -> _Kind: ...
    def __getitem__(self, index: int | slice) -> _Record | _Kind:
        __tracebackhide__ = True
        found = self._snapshot()
        if isinstance(index, slice):
            return cast("_Kind", found._like(found._records[index], found._which, found._what_there_is))
        if -len(found) <= index < len(found):
            return cast("_Record", found._records[index])
        if not found._records:
            raise IndexError(found._none())
        there_are = "there is only" if len(found) == 1 else "there are only"
        raise IndexError(
            f"[{index}]: {there_are} {counted(len(found), self.noun, self.plural)}{found._which}{found.listed()}"
        )

    def __contains__(self, record: object) -> bool:
        return record in self._snapshot()._records

    def __eq__(self, other: object) -> bool:
        theirs = other._snapshot()._records if isinstance(other, Records) else other
        return self._snapshot()._records == theirs

    def __hash__(self) -> int:
        return hash(self._records)

    def __repr__(self) -> str:
        found = self._snapshot()
        return f"<{counted(len(found), self.noun, self.plural)}{found._which}{found.listed()}>"


Sequence.register(Records)
