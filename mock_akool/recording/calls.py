"""One recorded call: what was asked, what came back, and when; as JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mock_akool.core.errors import SettingsError
from mock_akool.core.http import Termination
from mock_akool.core.schema import TEXT, Field, Listed, Optional, Plain, Record, choice, number, shown, whole

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
    body: Mapping[str, Any] | None = None


class Came(NamedTuple):
    """The response of a recorded call. `ended` says how the connection broke, if it did; `status` may then be 0."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: Mapping[str, Any] | None = None
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
        plain: dict[str, Any] = _CALL.write(self)
        return {"version": VERSION, **plain}

    @classmethod
    def of_json(cls, given: Any) -> RecordedCall:
        """Return the call of a file; raises SettingsError with its mistakes, or with its version if that is another."""
        if isinstance(given, dict) and given.get("version") != VERSION:
            what = f"its version is {shown(given.get('version'))}, and this mock-akool reads {VERSION}"
            raise SettingsError(what)
        plain = {key: each for key, each in given.items() if key != "version"} if isinstance(given, dict) else given
        call: RecordedCall = _CALL.read(plain)
        return call


def _read_header(value: Any) -> tuple[str, str]:
    name, text = value
    return TEXT.read(name), TEXT.read(text)


def _read_body(value: Any) -> Mapping[str, Any] | None:
    if value is not None and not (isinstance(value, dict) and _BODY_KEYS & value.keys()):
        raise ValueError(value)
    body: Mapping[str, Any] | None = value
    return body


_BODY_KEYS: Final = frozenset({"json", "text", "file", "left_out"})
_HEADERS: Final = Listed(Plain("a header", _read_header, {"type": "array"}, list, use="[name, value]"))
_BODY: Final = Plain(
    "a body", _read_body, {"type": ["object", "null"]}, use="an object with json, text, file or left_out"
)
_ALWAYS: Final = object()
"""What is no default, so that a body is written also where there is none."""
_SECONDS: Final = number(0, 1e9, "a number of seconds")._replace(writing=lambda seconds: round(seconds, 6))
_SENT: Final = Record(
    "request",
    Sent,
    {
        "method": Field(TEXT, "its method"),
        "path": Field(TEXT, "its path"),
        "query": Field(TEXT, "its query"),
        "headers": Field(_HEADERS, "its headers"),
        "body": Field(_BODY, "its body", _ALWAYS),
    },
    needed=("method", "path", "query", "headers"),
)
_CAME: Final = Record(
    "response",
    Came,
    {
        "status": Field(whole(0, 999), "its HTTP status"),
        "headers": Field(_HEADERS, "its headers"),
        "body": Field(_BODY, "its body", _ALWAYS),
        "ended": Field(Optional(choice({each.value: each for each in Termination})), "how the connection broke"),
    },
    needed=("status", "headers"),
)
_CALL: Final = Record(
    "recorded call",
    RecordedCall,
    {
        "number": Field(whole(0, 2**53), "its number"),
        "at": Field(_SECONDS, "when it came, in seconds since the recording began", attribute="at_s"),
        "took": Field(_SECONDS, "how long the service took, in seconds", attribute="took_s"),
        "endpoint": Field(TEXT, "the endpoint's name"),
        "request": Field(_SENT, "what was asked"),
        "response": Field(_CAME, "what came back"),
    },
    needed=("number", "at", "took", "endpoint", "request", "response"),
)
"""A call as its file has it, beside the version."""
