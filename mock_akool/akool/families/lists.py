"""What endpoints that list things share: what they read of their query, and the page that they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import parse_qs

from mock_akool.akool.errors import ParameterError
from mock_akool.akool.families.family import Asked, Family, Reading, Record, meant, shown_record
from mock_akool.akool.jobs import Job
from mock_akool.core.http import Request
from mock_akool.core.schema import shown
from mock_akool.core.timeline import Status

Item = TypeVar("Item")

_MOST_FIELDS: Final = 100
_LARGEST: Final = 10_000


_USUAL_SIZE: Final = 10


def paging(size: int = _USUAL_SIZE) -> dict[str, str]:
    """Return what a list that has pages of this size says of its parameters."""
    return {"page": "which page, from 1", "size": f"how many rows a page has; {size} without it"}


class Query(NamedTuple):
    """The parameters of a query, by name."""

    given: Mapping[str, str]

    @classmethod
    def of(cls, request: Request) -> Query:
        """Return the parameters of a request; raises ParameterError for one that is given twice, or for too many."""
        try:
            found = parse_qs(request.query, max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise ParameterError(f"the query has over {_MOST_FIELDS} fields") from None
        for name, values in found.items():
            if len(values) > 1:
                raise ParameterError(f"{name} is given {len(values)} times; give it once")
        return cls({name: values[0] for name, values in found.items()})

    def text(self, name: str) -> str:
        """Return a parameter; empty text when it is not given."""
        return self.given.get(name, "")

    def words(self, name: str) -> frozenset[str]:
        """Return the words of a parameter that has commas between them, in lower case."""
        return frozenset(filter(None, (word.strip().lower() for word in self.text(name).split(","))))

    def one_of(self, name: str, words: Sequence[str], *, required: bool = False) -> str:
        """Return a parameter that is one of some words, or empty text when it is not given and need not be.

        Raises ParameterError.
        """
        value = self.text(name)
        if value in words or not (value or required):
            return value
        wants = " or ".join(words)
        if not value:
            raise ParameterError(f"{name} is missing from the query; it takes {wants}{meant(name, self.given)}")
        raise ParameterError(f"{name} is {shown(value)}; it takes {wants}")

    def number(self, name: str, default: int) -> int:
        """Return a whole number from 1, or the default when it is not given; raises ParameterError."""
        value = self.text(name)
        if not value:
            return default
        if not value.isascii() or not value.isdigit() or not 1 <= int(value[:9]) <= _LARGEST:
            raise ParameterError(f"{name} is {shown(value)}; it takes a whole number from 1 to {_LARGEST:,}")
        return int(value)


class Page(NamedTuple, Generic[Item]):
    """A page of a list: its items, how many the whole list has, the number of the page, and how many fit on one."""

    items: Sequence[Item]
    whole: int
    number: int
    size: int

    @classmethod
    def of(cls, items: Sequence[Item], query: Query, size: int = _USUAL_SIZE) -> Page[Item]:
        """Return the page that a query asks for by `page` and `size`; raises ParameterError."""
        page, size = query.number("page", 1), query.number("size", size)
        return cls(items[(page - 1) * size : page * size], len(items), page, size)


class OwnRow:
    """A job of the account, its status now, and its record as a reader shows it.

    Both are found when they are asked for: of thousands of jobs, a page shows few.
    """

    __slots__ = ("_asked", "_family", "_reading", "_record", "_status", "job")

    def __init__(self, job: Job, asked: Asked, reading: Reading, family: Family[Any]) -> None:
        self.job = job
        self._asked = asked
        self._reading = reading
        self._family = family
        self._status: Status | None = None
        self._record: Record | None = None

    @property
    def input(self) -> Any:
        """What the job was made of; its type is that of the family's creates."""
        return self.job.input

    @property
    def status(self) -> Status:
        """The status of the job now."""
        if self._status is None:
            self._status = self._asked.world.change_of(self.job, self._asked.now_ns).status
        return self._status

    @property
    def record(self) -> Record:
        """The record of the job as the reader shows it."""
        if self._record is None:
            base, context = self._asked.request.file_base, self._asked.world.context
            self._record = shown_record(self._reading, self._family, self.job, self.status, base, context)
        return self._record


def own_rows(asked: Asked, reading: Reading, families: Sequence[Family[Any]]) -> list[OwnRow]:
    """Return the account's jobs of some families that it has not deleted, the newest first."""
    known = {create.endpoint: family for family in families for create in family.creates}
    jobs = asked.world.jobs(asked.own.api_key)
    return [
        OwnRow(job, asked, reading, known[job.endpoint])
        for job in reversed(jobs)
        if job.deleted_ns is None and job.endpoint in known
    ]


def note_shown(asked: Asked, rows: Sequence[OwnRow]) -> tuple[tuple[str, Status], ...]:
    """Let rows that are shown count as polls of their jobs; returns what the call log says of them."""
    for row in rows:
        asked.world.poll(asked.own, row.job.id, asked.now_ns)
    return tuple((row.job.id, row.status) for row in rows)


def has_any(values: object, wanted: frozenset[str]) -> bool:
    """Return whether one of a record's values is among the wanted ones, in any case; so it is when none is wanted."""
    known = values if isinstance(values, (list, tuple)) else [values]
    return not wanted or any(str(each).lower() in wanted for each in known)
