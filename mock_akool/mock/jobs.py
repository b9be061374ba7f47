"""The jobs of a fake as tests read them, and a handle by which a test decides the future of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Protocol

from mock_akool.akool.endpoints import ENDPOINTS
from mock_akool.akool.jobs import Job
from mock_akool.core.timeline import Ending, Status, change_at, failed
from mock_akool.mock.records import Records


class Jobs(Records[Job, "Jobs"]):
    """Jobs, in the order of their creation, as they were at one instant. Filters return new Jobs."""

    noun = "job"

    def __init__(
        self, records: Iterable[Job], which: str = "", *, why_none: Callable[[], str] = lambda: "", now_ns: int = 0
    ) -> None:
        super().__init__(records, which, why_none=why_none)
        self._now_ns = now_ns
        """The instant, in epoch nanoseconds, at which they had the statuses that `with_status` tells apart."""

    def by_account(self, api_key: str) -> Jobs:
        """Return the jobs of the account with this API key."""
        return self._where(" of that account", lambda job: job.account.api_key == api_key)

    def with_status(self, status: Status | int | str) -> Jobs:
        """Return the jobs that had this status, such as `"failed"` or 4, when this sequence was made."""
        wanted = Status.of(status)
        return self._where(
            f" of status {wanted.word}",
            lambda job: change_at(job.timeline, job.created_ns, job.polls, self._now_ns).status is wanted,
        )

    def created_by(self, endpoint: str) -> Jobs:
        """Return the jobs that an endpoint created, such as `createbybutton`; raises ScenarioError for a wrong name."""
        endpoints = frozenset(ENDPOINTS.read(endpoint, ("endpoint",)))
        return self._where(f" created by {endpoint}", lambda job: job.endpoint in endpoints)

    def with_prompt(self, pattern: str) -> Jobs:
        """Return the jobs whose prompt fits a pattern with `*` and `?`; a button's job has its parent's prompt."""
        return self._where(f" with a prompt like {pattern!r}", lambda job: fnmatchcase(job.topic.prompt, pattern))

    @staticmethod
    def _line(job: Job, /) -> str:
        """Return one line about a job."""
        return f"{job.id} {job.topic.prompt!r}"

    def _like(self, records: Iterable[Job], which: str, why_none: Callable[[], str]) -> Jobs:
        return Jobs(records, which, why_none=why_none, now_ns=self._now_ns)


class JobControl(Protocol):
    """What decides the future of jobs, each by its `_id`; see Backend."""

    def job(self, job_id: str) -> Job:
        """Return the record of a job; an unknown one raises MockAkoolError."""
        ...

    def status_of(self, job_id: str) -> Status:
        """Return the status of a job now."""
        ...

    def complete(self, job_id: str) -> None:
        """Let a job be completed from now on."""
        ...

    def fail(self, job_id: str, ending: Ending) -> None:
        """Let a job have failed from now on."""
        ...

    def stall(self, job_id: str) -> None:
        """Let a job stay at its status forever."""
        ...


class JobHandle:
    """A job of a fake, to look at and to decide the future of. `MockAkool.job` returns one."""

    def __init__(self, control: JobControl, job_id: str) -> None:
        self._control = control
        self.id = job_id
        """The job's `_id`."""

    @property
    def record(self) -> Job:
        """The job as it is now; a frozen record. Raises MockAkoolError when a reset has forgotten it."""
        return self._control.job(self.id)

    @property
    def status(self) -> Status:
        """The status that a poll would see now; looking counts as no poll."""
        return self._control.status_of(self.id)

    def complete(self) -> None:
        """Let the job be completed from now on."""
        self._control.complete(self.id)

    def fail(self, *reasons: str, refund: bool | None = None) -> None:
        """Let the job have failed from now on, with these `error_reasons`, or a general one.

        `refund` says whether its credits are given back; without it, that is as usual for its family.
        """
        self._control.fail(self.id, failed(*reasons, refund=refund))

    def stall(self) -> None:
        """Let the job stay at the status that it has now forever; raises MockAkoolError for a finished one."""
        self._control.stall(self.id)

    def __repr__(self) -> str:
        return f"<job {self.id} {self.status.word}>"
