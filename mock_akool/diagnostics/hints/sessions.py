"""Hints about sessions of live avatars: how they are opened, used and closed (contract section 19)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from mock_akool.akool.codes import Code
from mock_akool.akool.jobs import Job
from mock_akool.core.call_log import Call
from mock_akool.core.text import printable
from mock_akool.core.timeline import Status
from mock_akool.diagnostics.hints.finding import Hint, fields_of
from mock_akool.diagnostics.observations import Observations, end_ns, status_at

_CREATE: Final = "liveAvatar/session/create"
_CLOSE: Final = "liveAvatar/session/close"
_KEYS: Final = ("id", "session_id", "_id")
_WAITS: Final = 3
"""So many polls that show a session as open: whoever asks on waits for something else."""
_NAME_SHOWN: Final = 40


def _sessions(seen: Observations) -> list[Job]:
    return [job for job in seen.jobs if job.endpoint == _CREATE]


def _closes(seen: Observations) -> Iterator[Call]:
    return (call for call in seen.to(_CLOSE) if call.code == Code.OK)


def _never_closed(seen: Observations) -> str | None:
    closed = {call.job_id for call in _closes(seen)}
    for job in _sessions(seen):
        if job.id not in closed:
            length = "until it is over" if end_ns(job) is None else f"until {seen.at(end_ns(job) or 0)}"
            return f"session {job.id} was never closed, so all of it is charged: {job.cost} credits, {length}"
    return None


def _closed_by_other_key(seen: Observations) -> str | None:
    for call in seen.to(_CLOSE):
        fields = fields_of(call)
        if call.code == Code.PARAMETER_ERROR and fields and not any(fields.get(key) for key in _KEYS):
            given = ", ".join(f"`{printable(name, _NAME_SHOWN)}`" for name in fields)
            return f"#{call.number} closes nothing: it has {given}, and the session is named by `id`"
    return None


def _waits_for_end(seen: Observations) -> str | None:
    for job in _sessions(seen):
        open_polls = [poll for poll in seen.polls(job.id) if poll.job_status is Status.PROCESSING]
        if len(open_polls) >= _WAITS:
            return (
                f"#{open_polls[0].number} showed session {job.id} at status 2, and the client polled it on; "
                f"2 is open and can be used, 3 is over"
            )
    return None


def _gave_up_busy(seen: Observations) -> str | None:
    creates = seen.to(_CREATE)
    if creates and creates[-1].code == Code.SESSION_BUSY:
        return (
            f"#{creates[-1].number} met code {int(Code.SESSION_BUSY)}, the avatar is busy, and the client did not ask "
            f"again; try again after some seconds"
        )
    return None


def _two_at_once(seen: Observations) -> str | None:
    for one, following in pairwise(_sessions(seen)):
        is_same = one.account.api_key == following.account.api_key and one.topic == following.topic
        if is_same and status_at(one, following.created_ns) < Status.COMPLETED:
            return (
                f"session {following.id} was opened with the avatar of {one.id}, which was open, and both are charged; "
                f"close one before the next, or use it again"
            )
    return None


HINTS: Final = (
    Hint("session never closed", "opens a session and does not close it", _never_closed),
    Hint("session closed by another key", "closes a session by `sessionId` or another key", _closed_by_other_key),
    Hint(
        "waits for the end of a session", "takes status 2 of a session for unfinished, and waits for 3", _waits_for_end
    ),
    Hint("gave up at a busy avatar", "does not try again when an avatar is busy", _gave_up_busy),
    Hint("two sessions at once", "opens a session while one with the same avatar is open", _two_at_once),
)
