"""Polls that come again as the very same record, which a server hands in for the same bytes.

Such a poll was read, routed and authenticated before, and so was its response made. What may have changed since is
looked at, and nothing else. Not locked: the engine's lock covers it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from mock_akool.akool.accounts import Account
from mock_akool.akool.jobs import Job
from mock_akool.core.http import Request, Response

REPEATING: Final = frozenset({"server", "direct"})
"""The transports that may hand in the same record of a request again."""

_MOST_KEPT: Final = 512
_MOST_BODY: Final = 8 << 10
"""From how many bytes on a response is not kept here: that of one job is smaller."""


class StandingPoll:
    """A poll, what its response depends on, and that response; `size` is what the call log counts for both, in bytes.

    It stands until `until_ns`, exclusively, if its account and its jobs are then still the same records.
    """

    __slots__ = ("account", "account_key", "endpoint", "jobs", "request", "response", "size", "until_ns")

    def __init__(
        self,
        request: Request,
        endpoint: str,
        account: Account,
        jobs: Sequence[Job],
        until_ns: int,
        response: Response,
        size: int,
    ) -> None:
        self.request = request
        """Kept so that its identity stays its own."""
        self.endpoint = endpoint
        self.account = account
        self.account_key = account.api_key
        self.jobs = tuple((job.id, job) for job in jobs)
        self.until_ns = until_ns
        self.response = response
        self.size = size


class StandingPolls:
    """The newest of such polls, by the identity of their requests: a few hundred, each of a few kilobytes."""

    __slots__ = ("_account_of", "_jobs", "find", "kept")

    def __init__(self, account_of: Callable[[str], Account | None], jobs: Mapping[str, Job]) -> None:
        self._account_of = account_of
        self._jobs = jobs
        self.kept: dict[int, StandingPoll] = {}
        self.find = self.kept.get
        """Returns the poll with this identity, or None."""

    def holds(self, poll: StandingPoll, now_ns: int) -> bool:
        """Return whether nothing that the response depends on has changed."""
        if now_ns >= poll.until_ns or self._account_of(poll.account_key) is not poll.account:
            return False
        for job_id, job in poll.jobs:  # noqa: SIM110 - a generator takes longer than all the rest
            if self._jobs.get(job_id) is not job:
                return False
        return True

    def keep(self, poll: StandingPoll) -> None:
        """Keep a poll."""
        if len(self.kept) >= _MOST_KEPT:
            self.kept.clear()
        self.kept[id(poll.request)] = poll

    def clear(self) -> None:
        """Forget all."""
        self.kept.clear()


def may_stand(request: Request, response: Response) -> bool:
    """Return whether it is worth keeping: whether the record may come again, and its response is sent as it is."""
    return (
        request.method == "GET"
        and not request.body
        and request.transport in REPEATING
        and not response.delay_ns
        and len(response.body) <= _MOST_BODY
    )
