"""What is known of one run of a client through a scenario: what the fake saw, and how the client ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from mock_akool.akool.endpoints import FILE
from mock_akool.akool.scenarios.expectations import Expectation
from mock_akool.akool.scenarios.model import Scenario
from mock_akool.core.call_log import Call
from mock_akool.core.timeline import Status
from mock_akool.diagnostics.observations import Observations
from mock_akool.gauntlet.saved import Folder, Saved

_OK = 200
_PART = 206
_KNOWN = 304


class How(Enum):
    """How a client ended."""

    WELL = "well"
    """It returned, or exited with status 0: it claims success."""
    GAVE_UP = "gave up"
    """It said that it could not do it."""
    CRASHED = "crashed"
    """It met something that it did not expect."""
    HUNG = "hung"
    """It was still at work when its time was over."""


class ClientEnd(NamedTuple):
    """How a client ended, and its last words: the exception, or what it printed last.

    `module` is where an exception is defined that the words name without it.
    """

    how: How
    words: str = ""
    module: str = ""


@dataclass(frozen=True)
class Run:
    """One run of a client through a scenario.

    `ended_ns` is when the client ended, in nanoseconds on the fake's clock, which ran `speed` times as fast as the
    client's. `saved` are the files that it saved, None where it is not known which, and `folder` is where they should
    be. `is_program`: the client is a process of its own, of which only the end and what it prints is known.
    """

    scenario: Scenario
    seen: Observations
    end: ClientEnd
    ended_ns: int
    speed: float = 1.0
    saved: tuple[Saved, ...] | None = None
    folder: Folder | None = None
    is_program: bool = False

    @property
    def expect(self) -> Expectation:
        """What the scenario expects."""
        return self.scenario.expect

    @property
    def ended_well(self) -> bool:
        """Whether the client claims success."""
        return self.end.how is How.WELL

    def clients_ns(self, fakes_ns: int) -> float:
        """Return a length of time on the client's clock, in nanoseconds, from one on the fake's."""
        return fakes_ns / self.speed

    def downloads(self, job_id: str | None = None) -> dict[str, list[Call]]:
        """Return the downloads of files, of one job or of all, by path."""
        found: dict[str, list[Call]] = {}
        for call in self.seen.to(FILE):
            if call.method == "GET" and job_id in (None, call.job_id):
                found.setdefault(call.path, []).append(call)
        return found

    @property
    def knows_a_completed_job(self) -> bool:
        """Whether the client was shown that a job is completed, by a poll or by a webhook that it accepted."""
        return any(
            poll.job_status is Status.COMPLETED for job in self.seen.jobs for poll in self.seen.polls(job.id)
        ) or any(each.answer == _OK and each.status is Status.COMPLETED for each in self.seen.deliveries)


def is_whole(download: Call) -> bool:
    """Return whether a download brought the file as it is, or the part that was asked for."""
    response = download.response
    if response.media is None or response.kept is not None or response.status not in (_OK, _PART, _KNOWN):
        return False
    return response.transfer is None or response.transfer.termination is None
