"""One lock for the state of a fake: a public method of the engine is one transaction."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Locked(Protocol):
    """Something whose methods take a lock. It may be taken again by the thread that has it."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """The lock."""
        ...


Owner = TypeVar("Owner", bound=Locked)


def transaction(method: Callable[Concatenate[Owner, P], R]) -> Callable[Concatenate[Owner, P], R]:
    """Let a method hold its object's lock from its first line to its last.

    The public methods of the engine have it but for these:

    - `reset_account`, `account_summaries`, `totals` and `is_awaited` go through what may be a million jobs or accounts.
      They do it in pieces, so that polls are answered in between, and may see what happened between two pieces.
    - `count_by_status`, `next_change_ns` and `idle_ns` compute from records that one transaction copied; `reset` begins
      anew in one, and lets go of what was forgotten after it.
    - `job`, `job_count`, `recall`, `recall_row` and `position` read single values, which are there or not. Polls
      and those who wait ask them all the time.
    - `admit` takes the lock only where an account may have a limit of requests.
    - `stands` and what `restoring` returns are parts of somebody else's transaction, within akool.
    - `follow_scripts` is for an engine that nobody else knows yet, and `change_of` and `unknown_job` read nothing that
      changes.
    """

    def locked(self: Owner, /, *args: P.args, **options: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **options)

    return update_wrapper(locked, method)
