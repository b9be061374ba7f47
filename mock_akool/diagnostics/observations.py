"""What a fake saw of everybody or of one account, with the lookups that a report and its hints need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final, Self, TypeVar

from mock_akool.akool.endpoints import FILE, READS, SERVICES
from mock_akool.akool.engine import Engine
from mock_akool.akool.jobs import Job
from mock_akool.akool.snapshot import Snapshot
from mock_akool.core import timeline
from mock_akool.core.call_log import Call
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.timeline import Change, Status, changes

_Key = TypeVar("_Key")

_FETCHED: Final = 200


@dataclass(frozen=True, kw_only=True)
class Observations(Snapshot):
    """What a fake saw, and lookups in it. They are indexed, as a server may have seen thousands of jobs."""

    error: BaseException | None = None
    """The exception that ended the test, where it is known."""
    unseen_pause: str = ""
    """Why the client's pauses may not have moved the clock, such as `time.sleep was replaced`; empty when they do."""
    failed_elsewhere: tuple[str, ...] = ()
    """Requests to other hosts that failed, in words, each once, and only the first few."""
    failed_elsewhere_count: int = 0
    """How many requests to other hosts failed."""

    @classmethod
    def of(cls, engine: Engine, api_key: str | None = None, *, clock_is_held: bool = False) -> Self:
        """Return what the engine saw: all of it, or what belongs to the account with this API key.

        `clock_is_held`: the caller itself stopped the clock, so the report need not say that it stands still.
        """
        seen = vars(engine.observe(api_key))
        return cls(**{**seen, "stands_still": seen["stands_still"] and not clock_is_held})

    def to(self, *endpoints: str) -> list[Call]:
        """Return the calls to these endpoints, oldest first."""
        if len(endpoints) == 1:
            return self._to[endpoints[0]]
        return [call for call in self.calls if call.endpoint in endpoints]

    def polls(self, job_id: str) -> list[Call]:
        """Return the polls that were shown a status of the job."""
        return [call for call in self.attempted_polls(job_id) if call.job_status]

    def attempted_polls(self, job_id: str) -> list[Call]:
        """Return all polls of the job, including those that met a fault."""
        return self._attempted_polls[job_id]

    def fetches(self, job_id: str) -> list[Call]:
        """Return the downloads of the job's files."""
        return self._fetches[job_id]

    def job(self, job_id: str | None) -> Job | None:
        """Return the job with this `_id`."""
        return self._jobs.get(job_id)

    def job_of_file(self, call: Call) -> Job | None:
        """Return the job whose file a call asks for."""
        return self.job(call.job_id)

    def file_was_asked_for(self, job: Job) -> bool:
        """Return whether a call asked for a file of the job, successfully or not."""
        return bool(self.fetches(job.id)) or job.id in self._requested

    def at(self, instant_ns: int) -> str:
        """Write an instant as the seconds since the beginning, such as `+2.5 s`."""
        seconds = f"{(instant_ns - self.start_ns) / NS_PER_S:.3f}".rstrip("0")
        return f"+{seconds}{'0' if seconds.endswith('.') else ''} s"

    @cached_property
    def _to(self) -> defaultdict[str, list[Call]]:
        return _grouped(self.calls, lambda call: call.endpoint)

    @cached_property
    def _attempted_polls(self) -> defaultdict[str | None, list[Call]]:
        showing = self.to(*READS, *SERVICES)
        found = _grouped(showing, lambda call: call.job_id)
        for call in showing:
            for job_id, status in call.response.also_shown:
                found[job_id].append(call._replace(response=call.response._replace(job_id=job_id, job_status=status)))
        return found

    @cached_property
    def _fetches(self) -> defaultdict[str | None, list[Call]]:
        fetched = (call for call in self.to(FILE) if call.response.status == _FETCHED)
        return _grouped(fetched, lambda call: call.job_id)

    @cached_property
    def _jobs(self) -> dict[str | None, Job]:
        return {job.id: job for job in self.jobs}

    @cached_property
    def _requested(self) -> frozenset[str | None]:
        return frozenset(call.job_id for call in self.to(FILE))


def _grouped(calls: Iterable[Call], key: Callable[[Call], _Key]) -> defaultdict[_Key, list[Call]]:
    found: defaultdict[_Key, list[Call]] = defaultdict(list)
    for call in calls:
        found[key(call)].append(call)
    return found


def known_changes(job: Job) -> list[Change]:
    """Return the job's changes of status as far as they are known, without stages that take no time."""
    steps = list(changes(job.timeline, job.created_ns, job.polls))
    return [one for one, following in pairwise(steps) if one.at_ns < following.at_ns] + steps[-1:]


def end_ns(job: Job) -> int | None:
    """Return the instant at which the job ends; None when it never ends or waits for polls."""
    last = known_changes(job)[-1]
    return last.at_ns if last.status >= Status.COMPLETED else None


def status_at(job: Job, instant_ns: int) -> Status:
    """Return the status that the job had at an instant, in nanoseconds since the epoch."""
    return timeline.status_at(job.timeline, job.created_ns, job.polls, instant_ns)
