"""The frozen records that everything else passes around.

Instants are integer nanoseconds since the epoch (`*_ns`), because sums of floats drift. The wire's
milliseconds are made in `wire.py` only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

from mock_akool.akool.accounts import Account
from mock_akool.core.timeline import Timeline

if TYPE_CHECKING:
    from mock_akool.akool.families.image_button import PressButton
    from mock_akool.akool.families.image_v3 import CreateV3
    from mock_akool.akool.families.image_v4 import CreateV4
    from mock_akool.akool.scenarios.model import Result


JobInput = Union["CreateV3", "CreateV4", "PressButton"]


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A job as it was made, and what happened to it since. Its status is computed, see `timeline.status_at`.

    `look` is the request whose prompt and scale its pictures show: its own, or for a button job that of the
    first ancestor. `polls` holds the instants of the polls as long as the timeline needs them. `stamp_ms` is
    the 13-digit number that the names of its files begin with, unique in the engine. `file_base` is where the
    creating client sees files. `place` counts the jobs of a batch from 0: they live at the same time, but each
    `create_time` is a millisecond later than the one before (contract section 4).

    Two jobs are equal only when they are the same object: that makes them cheap keys of a cache.
    """

    id: str
    account: Account
    input: JobInput
    look: CreateV3 | CreateV4
    created_ns: int
    cost: int
    timeline: Timeline
    stamp_ms: int
    file_base: str
    place: int = 0
    polls: tuple[int, ...] = ()
    used_buttons: tuple[str, ...] = ()
    number: int = 1
    """It is the account's n-th job."""
    entry: str | None = None
    """Which entry of a script it follows; None when nobody scripted it."""
    result: Result | None = None
    """What its script says of its result, where that is not as usual."""
