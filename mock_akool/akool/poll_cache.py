"""The responses to repeated polls. Not locked: the engine's lock covers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from mock_akool.akool.jobs import Job
from mock_akool.core.http import Response
from mock_akool.core.timeline import Status

_MOST_KEPT: Final = 256
_MOST_ROWS: Final = 1024
_MOST_BYTES: Final = 8 << 20

NEVER_NS: Final = 1 << 63

Question = str | bytes
"""What a poll asks: its query, or what its body says."""


class PollResult(NamedTuple):
    """What a poll sees of a job: its status, and until when, in ns, further polls see the same and change nothing."""

    job: Job
    status: Status
    until_ns: int


class KeptPoll(NamedTuple):
    """The response to a poll, what it saw of the first job, until when it sees the same of all, and the other jobs."""

    first: PollResult
    file_base: str
    response: Response
    others: tuple[Job, ...]

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs that it shows."""
        return (self.first.job, *self.others)


class KeptRow(NamedTuple):
    """The record of a job in the response to a poll of several, and what that poll saw of the job."""

    seen: PollResult
    file_base: str
    record: dict[str, Any]


class PollCache:
    """The responses that the newest polls got, and the records in those of several jobs.

    A client that waits asks the same over and over; its polls change nothing until the next stage begins. A few
    hundred are kept, within 8 MiB: those of jobs that are waited for now. When one of fifty jobs has changed, or a
    client leaves out those that are done, the records of the others are as they were.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], KeptRow] = {}
        self._kept: dict[tuple[str, Question], KeptPoll] = {}
        self._bytes = 0

    def recall(
        self, endpoint: str, question: Question, api_key: str, file_base: str, now_ns: int, jobs: dict[str, Job]
    ) -> KeptPoll | None:
        """Return an equal poll of a moment ago, if nothing has changed since."""
        kept = self._kept.get((endpoint, question))
        if kept is None:
            return None
        (job, _, until_ns), kept_base, _, others = kept
        if now_ns >= until_ns or kept_base != file_base or jobs.get(job.id) is not job:
            return None
        if others and any(jobs.get(other.id) is not other for other in others):
            return None
        return kept if job.account.api_key == api_key else None

    def remember(
        self, endpoint: str, question: Question, file_base: str, results: Sequence[PollResult], response: Response
    ) -> None:
        """Keep the response to a poll that saw these jobs, all of one account."""
        first, *others = results
        until_ns = min(each.until_ns for each in results)
        size = len(response.body) + len(question)
        if len(self._kept) >= _MOST_KEPT or self._bytes + size > _MOST_BYTES:
            self.clear()
        self._bytes += size
        others_seen = tuple(each.job for each in others)
        self._kept[endpoint, question] = KeptPoll(first._replace(until_ns=until_ns), file_base, response, others_seen)

    def recall_row(
        self, endpoint: str, job_id: str, api_key: str, file_base: str, now_ns: int, jobs: dict[str, Job]
    ) -> tuple[PollResult, dict[str, Any]] | None:
        """Return what a poll of a moment ago saw of a job, and its record then, if nothing has changed since."""
        kept = self._rows.get((endpoint, job_id))
        if kept is None:
            return None
        seen, kept_base, record = kept
        job = seen.job
        if now_ns >= seen.until_ns or kept_base != file_base or jobs.get(job_id) is not job:
            return None
        return (seen, record) if job.account.api_key == api_key else None

    def remember_rows(
        self, endpoint: str, file_base: str, rows: Sequence[tuple[PollResult, dict[str, Any]]], size: int
    ) -> None:
        """Keep the records of jobs that were shown together, `size` bytes; they must not be changed any more."""
        if len(self._rows) + len(rows) > _MOST_ROWS or self._bytes + size > _MOST_BYTES:
            self.clear()
        if size > _MOST_BYTES:
            return
        self._bytes += size
        for seen, record in rows:
            self._rows[endpoint, seen.job.id] = KeptRow(seen, file_base, record)

    def clear(self) -> None:
        """Forget all."""
        self._rows.clear()
        self._kept.clear()
        self._bytes = 0
