"""One recorded call: what was asked, what came back, and when; as JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mock_akool.core.http import Termination
from mock_akool.core.schema import shown

VERSION: Final = 1
"""The version of the format. A recording of another version is refused."""

FILE_URL: Final = "https://files.invalid"
"""What the URLs of result files begin with in a recording. They are answered by who replays it."""

FILE_PATH: Final = "/recorded/"
"""What the paths of result files begin with, for clients of a recording server and of a replay."""


class Sent(NamedTuple):
    """The request of a recorded call. `query` is as on the wire; a `body` is as `bodies.written` makes it."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: Mapping[str, Any] | None


class Came(NamedTuple):
    """The response of a recorded call. `ended` says how the connection broke, if it did; `status` may then be 0."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: Mapping[str, Any] | None
    ended: Termination | None = None


class RecordedCall(NamedTuple):
    """A request and its response. `at_s` is when it came, in seconds since the recording began; `took_s` how long
    the service took to answer.
    """

    number: int
    at_s: float
    took_s: float
    endpoint: str
    request: Sent
    response: Came

    def as_json(self) -> dict[str, Any]:
        """Return it as the file of the call has it."""
        request: dict[str, Any] = {
            "method": self.request.method,
            "path": self.request.path,
            "query": self.request.query,
            "headers": [list(each) for each in self.request.headers],
            "body": self.request.body,
        }
        response: dict[str, Any] = {
            "status": self.response.status,
            "headers": [list(each) for each in self.response.headers],
            "body": self.response.body,
        }
        if self.response.ended is not None:
            response["ended"] = self.response.ended.value
        return {
            "version": VERSION,
            "number": self.number,
            "at": round(self.at_s, 6),
            "took": round(self.took_s, 6),
            "endpoint": self.endpoint,
            "request": request,
            "response": response,
        }

    @classmethod
    def of_json(cls, given: Any) -> RecordedCall:
        """Return the call of a file; raises ValueError that says what is wrong with it."""
        if not isinstance(given, dict):
            raise ValueError("it is no JSON object")  # noqa: TRY004 - one kind of error for one broken file
        if given.get("version") != VERSION:
            raise ValueError(f"its version is {shown(given.get('version'))}, and this mock-akool reads {VERSION}")
        request, response = _part(given, "request", dict), _part(given, "response", dict)
        ended = response.get("ended")
        if ended is not None and ended not in set(Termination):
            raise ValueError(f"response.ended: {shown(ended)} is none of {', '.join(Termination)}")
        return cls(
            _part(given, "number", int),
            float(_part(given, "at", (int, float))),
            float(_part(given, "took", (int, float))),
            _part(given, "endpoint", str),
            Sent(
                _part(request, "method", str, "request."),
                _part(request, "path", str, "request."),
                _part(request, "query", str, "request."),
                _headers(request, "request."),
                _body(request, "request."),
            ),
            Came(
                _part(response, "status", int, "response."),
                _headers(response, "response."),
                _body(response, "response."),
                None if ended is None else Termination(ended),
            ),
        )


def _part(given: Mapping[str, Any], name: str, kind: Any, where: str = "") -> Any:
    if name not in given:
        raise ValueError(f"{where}{name} is missing")
    value = given[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{where}{name}: {shown(value)} is of a wrong type")  # noqa: TRY004 - as above
    return value


def _headers(given: Mapping[str, Any], where: str) -> tuple[tuple[str, str], ...]:
    pairs = _part(given, "headers", list, where)
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(each, str) for each in pair):
            raise ValueError(f"{where}headers: {shown(pair)} is no [name, value]")
    return tuple((name, value) for name, value in pairs)


def _body(given: Mapping[str, Any], where: str) -> Mapping[str, Any] | None:
    body = given.get("body")
    if body is None:
        return None
    if not isinstance(body, dict) or not any(each in body for each in ("json", "text", "file", "left_out")):
        raise ValueError(f"{where}body: {shown(body)} has neither json, text, file nor left_out")
    return body
