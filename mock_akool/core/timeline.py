"""A job's life as data: stages, each lasting seconds or polls or for ever, and an ending.

The law: a status is computed, never stored, and never advanced by reading. Everything here is a pure
function of the timeline, the creation instant, the instants of the polls, and now. A poll counts towards
a poll-counted stage because its instant is part of the record, not because reading has an effect.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from mock_akool.core.clock import NS_PER_S
from mock_akool.core.codes import Status
from mock_akool.core.errors import SettingsError

_UNITS_NS: Final = {
    "ms": NS_PER_S // 1000,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
    "d": 86_400 * NS_PER_S,
}
_SPAN: Final = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|h|d|polls?)?\s*", re.IGNORECASE | re.ASCII)
_MAX_POLLS: Final = 10_000
_MAX_NS: Final = 100 * 365 * _UNITS_NS["d"]
_HINT: Final = "Write seconds (10, '10s', '500ms', '2m', '3h', '7d'), polls ('3 polls') or 'forever'"


def _spelled(ns: int) -> str:
    """Write a length of time in the largest unit that says it in a whole number."""
    for unit, size in reversed(_UNITS_NS.items()):
        if ns and ns % size == 0:
            return f"{ns // size}{unit}"
    return f"{ns // NS_PER_S}.{ns % NS_PER_S:09}".rstrip("0") + "s" if ns else "0s"


class Span(NamedTuple):
    """How long a stage lasts: `ns` nanoseconds, or `polls` polls that see it, or (both None) for ever."""

    ns: int | None = None
    polls: int | None = None

    @classmethod
    def of(cls, value: object) -> Span:
        """Read a span: a number of seconds, or text such as `10s`, `500ms`, `2m`, `3 polls`, `forever`.

        Raises SettingsError when it is none of these, is negative, lasts over 100 years, or counts over
        10,000 polls.
        """
        if isinstance(value, Span):
            return value
        if isinstance(value, bool):
            raise SettingsError(f"{value!r} is no length of time", _HINT)
        # A float's own spelling may have an exponent.
        text = f"{value:.9f}" if isinstance(value, float) else str(value)
        if text.strip().lower() in {"forever", "for ever"}:
            return FOREVER
        match = _SPAN.fullmatch(text) if len(text) <= 40 else None
        if match is None:
            raise SettingsError(f"{text[:60]!r} is no length of time", _HINT)
        number, unit = match[1], (match[2] or "s").lower()
        if unit.startswith("poll"):
            if not number.isdigit() or int(number) > _MAX_POLLS:
                raise SettingsError(f"{text!r} does not count polls from 0 to {_MAX_POLLS:,}", _HINT)
            return cls(polls=int(number))
        ns = round(float(number) * _UNITS_NS[unit])
        if ns > _MAX_NS:
            raise SettingsError(f"{text!r} is over 100 years", "Write 'forever' for a stage without end")
        return cls(ns=ns)

    def __str__(self) -> str:
        if self.polls is not None:
            return f"{self.polls} poll{'' if self.polls == 1 else 's'}"
        return "forever" if self.ns is None else _spelled(self.ns)


FOREVER: Final = Span()


class Duration(NamedTuple):
    """A length of time in nanoseconds, read from text as a span is."""

    ns: int

    @classmethod
    def of(cls, value: object) -> Duration:
        """Read a number of seconds, or text such as `100ms`, `10s`, `7d`; else raises SettingsError."""
        if isinstance(value, Duration):
            return value
        ns = Span.of(value).ns
        if ns is None:
            raise SettingsError(f"{value!r} is no length of time in seconds", _HINT)
        return cls(ns)

    def __str__(self) -> str:
        return str(Span(self.ns))


class Stage(NamedTuple):
    """One stage of a timeline: the status that is seen, and for how long."""

    status: Status
    span: Span


class Ending(NamedTuple):
    """How a job ends: completed, or failed with reasons.

    `refund`: a failed job gives its credits back and its record says 0 (contract section 6).
    """

    status: Status = Status.COMPLETED
    reasons: tuple[str, ...] = ()
    refund: bool = False

    def __str__(self) -> str:
        word = self.status.name.lower()
        return f"{word}: {'; '.join(self.reasons)}" if self.reasons else word


COMPLETED: Final = Ending()
DEFAULT_REASON: Final = "Image generation failed, check your input"


def failed(*reasons: str, refund: bool = False) -> Ending:
    """Return the ending of a job that fails with these `error_reasons` (a general one when none is given)."""
    return Ending(Status.FAILED, reasons or (DEFAULT_REASON,), refund)


class Timeline(NamedTuple):
    """The whole life of a job. Stages follow each other in order; one without end makes a stuck job."""

    stages: tuple[Stage, ...]
    ending: Ending = COMPLETED

    @classmethod
    def of(cls, queueing: object = 0, processing: object = 0, ending: Ending = COMPLETED) -> Timeline:
        """Return the usual life: queueing, then processing, then the ending; spans as in `Span.of`."""
        return cls((Stage(Status.QUEUEING, Span.of(queueing)), Stage(Status.PROCESSING, Span.of(processing))), ending)

    @property
    def counts_polls(self) -> bool:
        """Whether any stage lasts a number of polls, so that the polls' instants must be kept."""
        return any(stage.span.polls is not None for stage in self.stages)

    @property
    def known_ns(self) -> int:
        """The nanoseconds that the timed stages take together."""
        return sum(stage.span.ns or 0 for stage in self.stages)


class Change(NamedTuple):
    """From `at_ns` on, the job shows `status`."""

    at_ns: int
    status: Status


class StatusInterval(NamedTuple):
    """From `at_ns` on, the job shows `status`, until `until_ns`; None: for ever, or until enough polls have come."""

    at_ns: int
    status: Status
    until_ns: int | None


def _walk(timeline: Timeline, created_ns: int, polls: Sequence[int]) -> Iterator[tuple[int, Status]]:
    """Yield from when on the job shows what, as far as its creation and these polls decide it."""
    start, seen = created_ns, 0
    for status, (ns, count) in timeline.stages:
        yield start, status
        if ns is not None:
            start += ns
            if polls:
                seen = bisect_left(polls, start, seen)
        elif count is None or seen + count > len(polls):
            return
        elif count:
            seen += count
            start = max(start, polls[seen - 1])
    yield start, timeline.ending.status


def changes(timeline: Timeline, created_ns: int, polls: Sequence[int]) -> Iterator[Change]:
    """Yield what becomes of the job and when, as far as the creation and these polls decide it.

    `polls` are the instants of all polls so far, rising. A stage of N polls ends at the instant of the N-th poll
    that saw it: that poll still sees the stage, the next one does not, at whatever time it comes.
    """
    return map(Change._make, _walk(timeline, created_ns, polls))


def status_interval_at(timeline: Timeline, created_ns: int, polls: Sequence[int], now_ns: int) -> StatusInterval:
    """Return what is in force at `now_ns`: the status, since when, and until when, if time alone decides that."""
    following = _walk(timeline, created_ns, polls)
    at_ns, status = next(following)
    for next_ns, next_status in following:
        if next_ns > now_ns:
            return StatusInterval(at_ns, status, next_ns)
        at_ns, status = next_ns, next_status
    return StatusInterval(at_ns, status, None)


def is_over(timeline: Timeline, created_ns: int, polls: Sequence[int], now_ns: int) -> bool:
    """Return whether the ending is reached by `now_ns`, after which nothing changes any more."""
    steps = list(_walk(timeline, created_ns, polls))
    return len(steps) > len(timeline.stages) and steps[-1][0] <= now_ns


def change_at(timeline: Timeline, created_ns: int, polls: Sequence[int], now_ns: int) -> Change:
    """Return the change that is in force at `now_ns`: the status, and since when."""
    return Change._make(status_interval_at(timeline, created_ns, polls, now_ns)[:2])


def status_at(timeline: Timeline, created_ns: int, polls: Sequence[int], now_ns: int) -> Status:
    """Return the status that a reader sees at `now_ns`, after these `polls`."""
    return change_at(timeline, created_ns, polls, now_ns).status


def changes_between(
    timeline: Timeline, created_ns: int, polls: Sequence[int], after_ns: int, until_ns: int
) -> list[Change]:
    """Return the changes after `after_ns` up to and including `until_ns`, in order."""
    return [c for c in changes(timeline, created_ns, polls) if after_ns < c.at_ns <= until_ns]
