"""What happened to a fake since somebody looked last."""

from __future__ import annotations

from typing import Final, NamedTuple

from mock_akool.akool.deliveries import Delivery
from mock_akool.akool.jobs import Job
from mock_akool.core.call_log import Call
from mock_akool.core.change_log import Changed

EVERYBODY: Final = ""
"""Stands for a reset of everybody where that of an account has its API key."""


class Position(NamedTuple):
    """How far a reader has read: when the fake was started or reset, in epoch nanoseconds, and how much came since."""

    start_ns: int
    resets: int
    calls: int
    jobs: int
    webhooks: int


class Changes(NamedTuple):
    """What happened after a position, which `begins` is; after a reset of everybody it is that of the reset."""

    begins: Position
    resets: list[str | None]
    """The API keys of the accounts that were reset; None for everybody."""
    calls: list[Call]
    """The calls, oldest first."""
    jobs: list[tuple[Changed[str], Job | None]]
    """The jobs that were made or changed, by the newest change of each; None for one that was deleted."""
    deliveries: list[tuple[Changed[int], Delivery | None]]
    """The same of the deliveries of webhooks, by number."""
    missed_calls: int
    """How many calls came that are not among these: they are no longer kept, or there were too many."""
    missed_jobs: bool
    """Whether jobs changed that nobody knows any more."""
    missed_deliveries: bool
