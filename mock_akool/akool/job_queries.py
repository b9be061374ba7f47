"""Questions about many jobs. They are asked of records, which do not change, and so need no lock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from mock_akool.akool.jobs import Job
from mock_akool.core.timeline import Status, Timeline, change_at, changes, status_interval_at


def _status(job: Job, now_ns: int) -> Status:
    return change_at(job.timeline, job.created_ns, job.polls, now_ns).status


def any_unfinished(jobs: Iterable[Job], now_ns: int) -> bool:
    """Return whether one of the jobs has not ended at an instant."""
    return any(_status(job, now_ns) < Status.COMPLETED for job in jobs)


def _by_timeline(jobs: Iterable[Job]) -> Iterator[tuple[Timeline, list[Job]]]:
    """Yield the jobs, those together that share a timeline, as most do."""
    found: dict[int, tuple[Timeline, list[Job]]] = {}
    for job in jobs:
        _, sharing = found.setdefault(id(job.timeline), (job.timeline, []))
        sharing.append(job)
    yield from found.values()


def count_by_status(jobs: Iterable[Job], now_ns: int) -> dict[Status, int]:
    """Return how many of the jobs there are by the status that they have at an instant."""
    found = dict.fromkeys(Status, 0)
    for timeline, sharing in _by_timeline(jobs):
        if timeline.counts_polls:
            for job in sharing:
                found[_status(job, now_ns)] += 1
            continue
        # Nothing but their creation tells these apart.
        steps = list(changes(timeline, 0, ()))
        starts, statuses = [each.at_ns for each in steps], [each.status for each in steps]
        for job in sharing:
            found[statuses[max(0, bisect_right(starts, now_ns - job.created_ns) - 1)]] += 1
    return found


def next_change_ns(jobs: Iterable[Job], now_ns: int) -> int | None:
    """Return the instant after `now_ns` at which a status of these jobs changes next by time alone, or None."""
    intervals = (status_interval_at(job.timeline, job.created_ns, job.polls, now_ns) for job in jobs)
    return min((each.until_ns for each in intervals if each.until_ns is not None), default=None)


def idle_ns(jobs: Iterable[Job], now_ns: int) -> int:
    """Return the instant after which no status of these jobs will change by time alone; `now_ns` when none will."""
    last_ns = now_ns
    for timeline, sharing in _by_timeline(jobs):
        if timeline.counts_polls:
            ends_ns = max(list(changes(timeline, job.created_ns, job.polls))[-1].at_ns for job in sharing)
        else:
            ends_ns = max(job.created_ns for job in sharing) + _decided_ns(timeline)
        last_ns = max(last_ns, ends_ns)
    return last_ns


def _decided_ns(timeline: Timeline) -> int:
    """Return after how many nanoseconds the last change comes of a timeline that counts no polls."""
    total_ns = 0
    for stage in timeline.stages:
        if stage.span.ns is None:
            break
        total_ns += stage.span.ns
    return total_ns
