"""A job's life as data: stages, each lasting seconds or polls or for ever, and an ending.

The law: a status is computed, never stored, and never advanced by reading. Everything here is a pure
function of the timeline, the creation instant, the instants of the polls, and now. A poll counts towards
a poll-counted stage because its instant is part of the record, not because reading has an effect.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from mock_akool.core.durations import Span


class Status(IntEnum):
    """`image_status` of a job, the same in every family (contract section 1)."""

    QUEUEING = 1
    PROCESSING = 2
    COMPLETED = 3
    FAILED = 4


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
