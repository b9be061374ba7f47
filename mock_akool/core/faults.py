"""Faults: what goes wrong with a response, as data, and how a person writes it.

A fault replaces the response (a business code, a gateway's page, a broken connection) or spoils the one that there is
(a delay, a body that is cut). `fault_injection` applies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mock_akool.core.clock import NS_PER_MS
from mock_akool.core.delays import DELAY, Delay
from mock_akool.core.durations import DURATION, Duration
from mock_akool.core.errors import Mistakes, ScenarioError
from mock_akool.core.http import Share
from mock_akool.core.schema import FLAG, TEXT, Field, Plain, Record, one_of, whole

_MOST_HEADERS: Final = 50


class Drip(NamedTuple):
    """A body that comes in small pieces: so many bytes at a time, with a pause before each."""

    bytes: int = 1
    every: Duration = Duration(100 * NS_PER_MS)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with a response; FAULT says what each field means.

    Raises ScenarioError for fields that do not go together.
    """

    code: int | None = None
    msg: str | None = None
    http: int | None = None
    body: str | None = None
    empty: bool = False
    garbage: bool = False
    html: bool = False
    drop: bool = False
    reset: bool = False
    file: str | None = None
    truncate: Share | None = None
    drip: Drip | None = None
    delay: Delay | None = None
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    at: str | None = None

    def __post_init__(self) -> None:
        _check(self)

    @property
    def before(self) -> bool:
        """Whether it strikes before the work is done: then there is no job and no charge."""
        return self.replaces if self.at is None else self.at == "before"

    @property
    def replaces(self) -> bool:
        """Whether it replaces the response instead of spoiling it."""
        return bool(_kinds(self)) and self.file not in _SPOILING

    def __str__(self) -> str:
        return ", ".join(
            f"{name}={value if isinstance(value, (int, float)) else repr(value)}"
            for name, value in FAULT.write(self).items()
        )


_KINDS: Final = ("code", "http", "empty", "garbage", "html", "drop", "reset", "file")
_BREAKING: Final = ("drop", "reset")
_SPOILING: Final = ("truncated", "png")
FILE_FAULTS: Final = ("expired", *_SPOILING)


def _kinds(fault: Fault) -> list[str]:
    return [name for name in _KINDS if getattr(fault, name) not in (None, False)]


def _check(fault: Fault) -> None:
    """Raise ScenarioError for fields that do not go together."""
    mistakes, kinds = Mistakes(), _kinds(fault)
    spoils = fault.truncate or fault.drip or fault.delay or fault.content_type or fault.headers
    if len(kinds) > 1:
        mistakes.add(f"a fault is either {kinds[0]} or {kinds[1]}, not both", "write two rules, one for each")
    if not (kinds or spoils or fault.msg or fault.body):
        mistakes.add("this fault does nothing", "use keys such as {http: 502}")
    for detail, of_kind in (("msg", "code"), ("body", "http")):
        if getattr(fault, detail) is not None and of_kind not in kinds:
            mistakes.add(f"{detail} belongs to {of_kind}, which is not there", f"add {of_kind}")
    if kinds and kinds[0] in _BREAKING:
        for other in ("truncate", "drip", "content_type", "headers"):
            if getattr(fault, other):
                mistakes.add(f"{kinds[0]} sends nothing, so it does not go with {other}", "remove one of them")
    if fault.at == "before" and not fault.replaces:
        mistakes.add(
            "at: before is for a fault that replaces the response; this one spoils the response to work that was done",
            "remove `at`",
        )
    mistakes.raise_any(ScenarioError)


# How a person writes it


def _read_share(value: Any) -> Share:
    if isinstance(value, Share):
        return value
    if isinstance(value, str) and value.endswith("%"):
        fraction = round(float(value[:-1]) / 100, 6)
        if 0 <= fraction < 1:
            return Share(fraction=fraction)
    elif isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Share(bytes=value)
    raise ValueError(value)


def _write_share(share: Share) -> Any:
    return f"{share.fraction * 100:g}%" if share.bytes is None else share.bytes


def _read_headers(value: Any) -> tuple[tuple[str, str], ...]:
    pairs = value.items() if isinstance(value, Mapping) else value
    headers = tuple((str(name).lower(), str(text)) for name, text in pairs)
    for name, text in headers:
        if not name or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise ScenarioError(f"{name!r} is not the name of a header", "use letters, digits and -")
        _read_header(text)
    if len(headers) > _MOST_HEADERS:
        raise ScenarioError(f"{len(headers)} headers are too many", f"use at most {_MOST_HEADERS}")
    for name in _OF_FRAMING & dict(headers).keys():
        raise ScenarioError(f"{name} follows from the body", "remove it")
    return headers


_OF_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})
"""Headers that say where a body ends, which is not for a fault to say."""


def _read_header(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    if not value.isprintable() or not value.isascii():
        raise ScenarioError(f"{value[:80]!r} is not the value of a header", "use printable ASCII")
    return value


def _read_true(value: Any) -> bool:
    if value is not True:
        raise ValueError(value)
    return True


_TRUE: Final = Plain("true", _read_true, {"const": True}, texting=FLAG.texting)
_SHARE: Final = Plain(
    "a percentage or a number of bytes",
    _read_share,
    {"anyOf": [{"type": "string", "pattern": r"^\d{1,2}(\.\d+)?%$"}, {"type": "integer", "minimum": 0}]},
    _write_share,
    use="50% or 2048",
)
_HEADERS: Final = Plain(
    "an object of names and values",
    _read_headers,
    {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
    lambda headers: dict(headers),
    use="{retry-after: 10}",
)
_CONTENT_TYPE: Final = Plain("a content type", _read_header, {"type": "string"}, use="text/html")
_DRIP: Final = Record(
    "drip",
    Drip,
    {
        "bytes": Field(whole(1, 1 << 20), "how many bytes come at a time", Drip().bytes),
        "every": Field(DURATION, "the pause before each", Drip().every),
    },
    use="the keys bytes and every, such as {bytes: 1, every: 100ms}",
)
FAULT: Final = Record(
    "fault",
    Fault,
    {
        "code": Field(whole(0, 999_999), "a business error: HTTP 200 with this code"),
        "msg": Field(TEXT, "with code: the message, where it is not the usual one"),
        "http": Field(whole(200, 599), "an HTTP status, with the page that a gateway sends"),
        "body": Field(TEXT, "with http: the body instead of that page"),
        "empty": Field(_TRUE, "HTTP 200 with no body", False),
        "garbage": Field(_TRUE, "HTTP 200 with a body of random bytes", False),
        "html": Field(_TRUE, "HTTP 200 with a gateway's error page", False),
        "drop": Field(_TRUE, "the connection closes without a response", False),
        "reset": Field(_TRUE, "the connection is reset without a response", False),
        "file": Field(
            one_of(FILE_FAULTS),
            "for `on: file`: HTTP 403 as after expiry, half of the bytes, or a PNG under the JPEG's name",
        ),
        "truncate": Field(_SHARE, "the connection closes when so much of the body was sent"),
        "drip": Field(_DRIP, "the body comes in small pieces"),
        "delay": Field(DELAY, "the response is late"),
        "content_type": Field(_CONTENT_TYPE, "the response has this content type"),
        "headers": Field(_HEADERS, "the response has these headers, such as retry-after", ()),
        "at": Field(
            one_of(("before", "after")),
            "whether the fault strikes before or after the work, such as making and charging a job; "
            "before, unless the fault only spoils the response",
        ),
    },
    use="keys such as {http: 502}; the docs of scenarios and the JSON Schema list them all",
    error=ScenarioError,
)
"""A fault as a person writes it. Which business codes there are, the API says: see `Record.having`."""
