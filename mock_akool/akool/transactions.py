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
    """Let a method hold its object's lock from its first line to its last."""

    def locked(self: Owner, /, *args: P.args, **options: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **options)

    return update_wrapper(locked, method)
