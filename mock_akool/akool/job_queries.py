"""Questions about all jobs of an engine. Not locked: the engine's lock covers them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from mock_akool.akool.job_store import JobStore
from mock_akool.akool.jobs import Job
from mock_akool.akool.outbox import Outbox
from mock_akool.core.timeline import Status, Timeline, change_at, changes


def _status(job: Job, now_ns: int) -> Status:
    return change_at(job.timeline, job.created_ns, job.polls, now_ns).status


def is_awaited(jobs: JobStore, outbox: Outbox, now_ns: int) -> bool:
    """Return whether a client has something to wait for of jobs or webhooks; see `Engine.is_awaited`."""
    if jobs.polled_on or outbox.next_ns is not None or outbox.is_sending:
        return True
    if not outbox.missed.isdisjoint(jobs.open):
        return True
    return any(_status(jobs.by_id[job_id], now_ns) < Status.COMPLETED for job_id in jobs.open)


def is_awaited_by(jobs: JobStore, outbox: Outbox, api_key: str, now_ns: int) -> bool:
    """Return the same for the jobs and webhooks of one account."""
    if outbox.next_ns_of(api_key) is not None or outbox.is_sending_for(api_key):
        return True
    return any(
        job_id in jobs.polled_on or job_id in outbox.missed or _status(jobs.by_id[job_id], now_ns) < Status.COMPLETED
        for job_id in jobs.open | jobs.polled_on
        if jobs.by_id[job_id].account.api_key == api_key
    )


def _by_timeline(jobs: JobStore, api_key: str | None) -> Iterator[tuple[Timeline, list[Job]]]:
    """Yield the jobs of everybody or of an account, those together that share a timeline, as most do."""
    found: dict[int, tuple[Timeline, list[Job]]] = {}
    for job in jobs.by_id.values():
        if api_key is None or job.account.api_key == api_key:
            found.setdefault(id(job.timeline), (job.timeline, []))[1].append(job)
    yield from found.values()


def count_by_status(jobs: JobStore, now_ns: int, api_key: str | None = None) -> dict[Status, int]:
    """Return how many jobs there are by the status that they have; with an API key, of that account."""
    found = dict.fromkeys(Status, 0)
    for timeline, sharing in _by_timeline(jobs, api_key):
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


def idle_ns(jobs: JobStore, now_ns: int, api_key: str | None = None) -> int:
    """Return the instant after which no job's status will change by time alone; `now_ns` when none will.

    With an API key only that account's jobs count.
    """
    last_ns = now_ns
    for timeline, sharing in _by_timeline(jobs, api_key):
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
