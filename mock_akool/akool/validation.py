"""From the body or the query of a call to a checked request, or to the error that Akool answers.

The only reader of the wire's keys. What is not a known field is ignored (contract section 1).
"""

from __future__ import annotations

import json
import re
from collections.abc import Container
from typing import Any, Final, NoReturn
from urllib.parse import parse_qs

from mock_akool.akool.errors import ParameterError
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.http import Request

_JSON_TYPE: Final = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE | re.ASCII)
_URL: Final = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)
"""One character of a host, then anything but white space: two repetitions that overlap would be quadratic."""
_MAX_DIGITS: Final = 300


def _bad(*_: object) -> NoReturn:
    raise ParameterError


def _whole(digits: str) -> int | float:
    # Python refuses to read very long integers; to JSON they are numbers like any other, and too large for any field.
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


_decode = json.JSONDecoder(parse_int=_whole, parse_constant=_bad).decode


def read_object(request: Request, settings: ServiceSettings) -> dict[str, Any]:
    """Return the JSON object in the body; anything else is 1003 (contract section 4, last row)."""
    if settings.json_content_type_required and not _JSON_TYPE.fullmatch(request.headers.get("content-type", "")):
        _bad()
    if len(request.body) > settings.max_body_bytes:
        _bad()
    try:
        value = _decode(request.body.decode())
    except (ValueError, RecursionError):
        _bad()
    return value if isinstance(value, dict) else _bad()


class _Fields:
    """Reads the fields of one body. A wrong value is 1003; an optional field may be absent."""

    def __init__(self, body: dict[str, Any], settings: ServiceSettings) -> None:
        if settings.null_is_absent:
            body = {name: value for name, value in body.items() if value is not None}
        self._body = body
        self._check_urls = settings.check_urls

    def text(self, name: str) -> str:
        """A text that must be there and say something."""
        value = self._body.get(name)
        return value if isinstance(value, str) and value.strip() else _bad()

    def optional_text(self, name: str) -> str | None:
        value = self._body.get(name, "")
        return (value or None) if isinstance(value, str) else _bad()

    def one_of(self, name: str, values: Container[str], default: str | None) -> str:
        value = self._body.get(name, default)
        return value if isinstance(value, str) and value in values else _bad()

    def url(self, name: str) -> str:
        """A URL, or `""` when absent or empty."""
        return self._as_url(self._body.get(name, ""))

    def first_url(self, name: str) -> str:
        """The first of a list of URLs, or `""` when the list is absent or empty; all of them are checked."""
        value = self._body.get(name, [])
        urls = [self._as_url(each) for each in value] if isinstance(value, list) else _bad()
        return urls[0] if urls else ""

    def _as_url(self, value: object) -> str:
        if not isinstance(value, str) or (value and self._check_urls and not _URL.fullmatch(value)):
            _bad()
        return value

    def whole(self, name: str, low: int, high: int, default: int) -> int:
        value = self.number(name, low, high, default)
        return int(value) if value == int(value) else _bad()

    def number(self, name: str, low: float, high: float, default: float) -> float:
        value = self._body.get(name, default)
        # JSON's true is Python's 1.
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            _bad()
        return value

    def has_object(self, name: str) -> bool:
        """Whether the field is there; it must then be an object."""
        return name in self._body and (isinstance(self._body[name], dict) or _bad())


def image_model_id(request: Request) -> str:
    """Read the query of `infobymodelid` (contract section 6): the parameter once, not empty."""
    query = request.query
    # The usual query is read without the general parser, which takes longer than the rest of a poll.
    if query.startswith("image_model_id=") and query[15:].isalnum():
        return query[15:]
    try:
        values = parse_qs(query, max_num_fields=100).get("image_model_id", [])
    except ValueError:
        _bad()
    return values[0] if len(values) == 1 else _bad()
