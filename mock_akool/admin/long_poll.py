"""Long polls: `at_least` and `timeout` of a list, what is counted meanwhile, and the response in the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mock_akool.admin.responses import error_response
from mock_akool.admin.routing import AdminRequest, Counter
from mock_akool.core.http import Response
from mock_akool.core.schema import Field, number, whole

LONGEST_S: Final = 600
"""How long one request may wait."""
AT_LEAST: Final = Field(whole(1, 2**53), "wait until so many have come; HTTP 504 when they did not in time")
DEFAULT_S: Final = 30
"""How long a request waits that does not say how long."""
TIMEOUT: Final = Field(
    number(0, LONGEST_S, f"a number of seconds from 0 to {LONGEST_S}"),
    f"how long to wait for `at_least`, in real time; {DEFAULT_S} s if not given",
)
BESIDE: Final = {"timeout": "at_least"}
"""A time limit is for waiting, so there is none without a number to wait for."""


class LongPoll:
    """What a caller waits for: so many of what a route lists.

    A server asks for the `response` now and then, and in the end for that `in_vain`.
    """

    def __init__(self, request: AdminRequest, counter: Counter, answer: Callable[[], Response]) -> None:
        timeout = request.given["timeout"]
        self.seconds: float = DEFAULT_S if timeout is None else timeout
        self.at_least: int = request.given["at_least"]
        self._counter = counter
        self._answer = answer

    def first_response(self) -> Response:
        """Return what the route answers when there is enough of it now, or else a response that waits."""
        response = self.response()
        if response is not None:
            return response
        return self.in_vain()._replace(waiting=self if self.seconds else None)

    def has_news(self) -> bool:
        """Return whether there may be more to count since the last time."""
        return self._counter.has_news()

    def response(self) -> Response | None:
        """Return what the route answers when there is enough of it, else None."""
        if not self.has_news():
            return None
        return self._answer() if self._counter.count() >= self.at_least else None

    def in_vain(self) -> Response:
        """Return the response when the time is over: how many came, or the answer when they came at the last moment."""
        counter, wanted = self._counter, self.at_least
        came = counter.count()
        if came >= wanted:
            return self._answer()
        error = f"{came} of {wanted} such {counter.what} came within {self.seconds:g} s"
        return error_response(504, error, counter.hint)
