"""Waiting with `at_least` and `timeout`: what is counted meanwhile, and the reply when there is enough of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mock_akool.admin.routing import Asked, Counting, refused
from mock_akool.core.errors import ScenarioError
from mock_akool.core.http import Response
from mock_akool.core.schema import Field, number, whole

LONGEST_S: Final = 600
"""How long one call may wait."""
AT_LEAST: Final = Field(whole(1, 2**53), "wait until so many have come; HTTP 504 when that was in vain")
TIMEOUT: Final = Field(
    number(0, LONGEST_S, f"a number of seconds from 0 to {LONGEST_S}"), "how long to wait, in real time", 0
)


def check_wait(given: dict[str, Any]) -> None:
    """Refuse a time limit without a number to wait for."""
    if given.get("timeout") and given.get("at_least") is None:
        raise ScenarioError("a timeout is for waiting", "Say with at_least how many to wait for")


class Awaited:
    """What somebody waits for: so many of what a route lists.

    A door asks for the `reply` now and then, and in the end for that `in_vain`.
    """

    def __init__(self, asked: Asked, counting: Counting, answered: Callable[[], Response]) -> None:
        self.seconds: float = asked.given["timeout"]
        self.at_least: int = asked.given["at_least"]
        self._lock = asked.engine.lock
        self._counting = counting
        self._answered = answered

    def response(self) -> Response | None:
        """Return what the route tells when there is enough of it, else None."""
        if not self._counting.has_news():
            return None
        with self._lock:
            return self._answered() if self._counting.count() >= self.at_least else None

    def in_vain(self) -> Response:
        """Return what is told when the time is over: how many came, or the answer when they came at the last moment."""
        counting, wanted = self._counting, self.at_least
        with self._lock:
            came = counting.count()
            if came >= wanted:
                return self._answered()
            error = f"{came} of {wanted} such {counting.what} came within {self.seconds:g} s"
            return refused(504, error, counting.hint)
