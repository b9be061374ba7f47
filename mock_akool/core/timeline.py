"""A job's life as data: stages, each of which lasts a time, a number of polls or forever, and an ending.

The design rule: a status is computed, never stored, and reading never moves it on. Everything here is a pure function
of the timeline, the instant of creation, the instants of the polls, and now. A poll counts towards a stage that counts
polls because its instant is part of the record, not because reading has an effect.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from mock_akool.core.durations import FOREVER, Span
from mock_akool.core.errors import SettingsError
from mock_akool.core.schema import Plain, did_you_mean, shown


class Status(IntEnum):
    """The status of a job: a number on the wire, and a word everywhere else."""

    QUEUEING = 1
    PROCESSING = 2
    COMPLETED = 3
    FAILED = 4

    @property
    def word(self) -> str:
        """The word that it is written as."""
        return self.name.lower()

    @classmethod
    def of(cls, value: object) -> Status:
        """Read a status, its word or its number, which may be a text; else raises SettingsError."""
        found = None if isinstance(value, bool) else _STATUSES.get(value if isinstance(value, int) else str(value))
        if found is None:
            raise SettingsError(
                f"{shown(value)} is not a status", did_you_mean(value, STATUS_WORDS, f"use {_STATUS_USE}")
            )
        return found


STATUS_WORDS: Final = tuple(status.word for status in Status)
_STATUSES: Final[dict[object, Status]] = {
    **{status.word: status for status in Status},
    **{str(int(status)): status for status in Status},
    **{int(status): status for status in Status},
}
_STATUS_USE: Final = "queueing, processing, completed or failed (or 1 to 4)"
STATUS: Final = Plain(
    "a status",
    Status.of,
    {"enum": [*STATUS_WORDS, *map(int, Status)]},
    lambda status: status.word,
    use=_STATUS_USE,
)
"""A status of a job: its word, or its number on the wire."""


class Stage(NamedTuple):
    """One stage of a timeline: the status that the job shows, and for how long."""

    status: Status
    span: Span


class Ending(NamedTuple):
    """How a job ends: completed, or failed with reasons; without any, the API gives its usual one.

    `refund`: whether a failed job gives back what it cost; None: as is usual where the job is made.
    """

    status: Status = Status.COMPLETED
    reasons: tuple[str, ...] = ()
    refund: bool | None = None

    def __str__(self) -> str:
        word = self.status.word
        return f"{word}: {'; '.join(self.reasons)}" if self.reasons else word


COMPLETED: Final = Ending()


def failed(*reasons: str, refund: bool | None = None) -> Ending:
    """Return the ending of a job that fails for these reasons; without any, the API gives its usual one.

    Raises SettingsError for a reason that is no text.
    """
    for reason in reasons:
        if not isinstance(reason, str):
            raise SettingsError(f"failed({shown(reason)}): a reason is a text", "write it in quotes")
    return Ending(Status.FAILED, reasons, refund)


class Timeline(NamedTuple):
    """The whole life of a job. Stages follow each other in order; one that lasts forever stalls the job."""

    stages: tuple[Stage, ...]
    ending: Ending = COMPLETED

    @classmethod
    def of(cls, queueing: object = 0, processing: object = 0, ending: Ending = COMPLETED) -> Timeline:
        """Return the usual life: queueing, then processing, then the ending; spans as in `Span.of`."""
        return cls((Stage(Status.QUEUEING, Span.of(queueing)), Stage(Status.PROCESSING, Span.of(processing))), ending)

    @property
    def endless(self) -> Stage | None:
        """The first stage that lasts forever, after which nothing comes; None when the job ends."""
        return next((stage for stage in self.stages if stage.span == FOREVER), None)

    @property
    def reachable(self) -> tuple[Stage, ...]:
        """The stages that come: all, or those up to the first that lasts forever."""
        endless = self.endless
        return self.stages if endless is None else self.stages[: self.stages.index(endless) + 1]

    @property
    def has_unreachable(self) -> bool:
        """Whether something is said that never comes: a stage of some length, or an ending in failure."""
        never = self.stages[len(self.reachable) :]
        return any(stage.span != Span(0) for stage in never) or (self.endless is not None and self.ending != COMPLETED)

    @property
    def is_ever_completed(self) -> bool:
        """Whether a reader can ever see that the job is completed."""
        ends_so = self.endless is None and self.ending.status is Status.COMPLETED
        return ends_so or any(stage.status is Status.COMPLETED for stage in self.reachable)

    @property
    def counts_polls(self) -> bool:
        """Whether any stage lasts a number of polls, so that the polls' instants must be kept."""
        for _, (_, polls) in self.stages:  # noqa: SIM110 - each poll asks this, and a generator takes twice as long
            if polls is not None:
                return True
        return False

    @property
    def known_ns(self) -> int:
        """The nanoseconds that the timed stages take together."""
        return sum(stage.span.ns or 0 for stage in self.stages)


class TimelineOverride(NamedTuple):
    """What of the usual life is different: the length of a stage, or the ending. None means: as usual."""

    queueing: Span | None = None
    processing: Span | None = None
    ending: Ending | None = None

    def over(self, usual: Timeline) -> Timeline:
        """Return the life of a job whose usual life, of queueing and processing, would be `usual`."""
        if self == _AS_USUAL:
            return usual
        queueing, processing = usual.stages
        return Timeline(
            (
                queueing if self.queueing is None else Stage(queueing.status, self.queueing),
                processing if self.processing is None else Stage(processing.status, self.processing),
            ),
            usual.ending if self.ending is None else self.ending,
        )


_AS_USUAL: Final = TimelineOverride()


class Change(NamedTuple):
    """From `at_ns` on, the job shows `status`."""

    at_ns: int
    status: Status


class StatusInterval(NamedTuple):
    """From `at_ns` on, the job shows `status`, until `until_ns`; None: forever, or until enough polls have come."""

    at_ns: int
    status: Status
    until_ns: int | None


def _walk(timeline: Timeline, created_ns: int, polls: Sequence[int]) -> Iterator[tuple[int, Status]]:
    """Yield each change's instant and status, as far as the creation and these polls decide them."""
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
    """Yield the job's changes, in order, as far as the creation and these polls decide them.

    `polls` are the instants of all polls so far, rising. A stage of N polls ends at the instant of the N-th poll
    that saw it: that poll still sees the stage, the next one does not, whenever it comes.
    """
    return map(Change._make, _walk(timeline, created_ns, polls))


def status_interval_at(timeline: Timeline, created_ns: int, polls: Sequence[int], now_ns: int) -> StatusInterval:
    """Return the status at `now_ns`, since when, and until when, if time alone decides that."""
    if not polls:
        return _interval_without_polls(timeline, created_ns, now_ns)
    following = _walk(timeline, created_ns, polls)
    at_ns, status = next(following)
    for next_ns, next_status in following:
        if next_ns > now_ns:
            return StatusInterval(at_ns, status, next_ns)
        at_ns, status = next_ns, next_status
    return StatusInterval(at_ns, status, None)


def _interval_without_polls(timeline: Timeline, created_ns: int, now_ns: int) -> StatusInterval:
    """Return what `_walk` would find without polls, as for most jobs, in half of the time: lists ask it of each row."""
    at_ns = start_ns = created_ns
    status: Status | None = None
    for next_status, (ns, count) in timeline.stages:
        if status is not None and start_ns > now_ns:
            return StatusInterval(at_ns, status, start_ns)
        at_ns, status = start_ns, next_status
        if ns is not None:
            start_ns += ns
        elif count != 0:
            return StatusInterval(at_ns, status, None)
    if status is not None and start_ns > now_ns:
        return StatusInterval(at_ns, status, start_ns)
    return StatusInterval(start_ns, timeline.ending.status, None)


def is_over(timeline: Timeline, created_ns: int, polls: Sequence[int], now_ns: int) -> bool:
    """Return whether the ending is reached by `now_ns`, after which nothing changes any more."""
    steps = list(_walk(timeline, created_ns, polls))
    last_ns, _ = steps[-1]
    return len(steps) > len(timeline.stages) and last_ns <= now_ns


def change_at(timeline: Timeline, created_ns: int, polls: Sequence[int], now_ns: int) -> Change:
    """Return the newest change at `now_ns`: the status, and since when."""
    return Change._make(status_interval_at(timeline, created_ns, polls, now_ns)[:2])


def status_at(timeline: Timeline, created_ns: int, polls: Sequence[int], now_ns: int) -> Status:
    """Return the status that a reader sees at `now_ns`, after these `polls`."""
    return change_at(timeline, created_ns, polls, now_ns).status
