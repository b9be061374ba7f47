"""Responses of admin routes: JSON, and errors as `{error, hint}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from mock_akool.akool.envelope import encode
from mock_akool.core.http import Headers, Response

_NO_STORE: Final = ("cache-control", "no-store")
JSON: Final[Headers] = (("content-type", "application/json; charset=utf-8"), _NO_STORE)


class AdminError(Exception):
    """An admin route refuses: the HTTP status, what is wrong, and what to do next."""

    def __init__(self, status: int, error: str, hint: str = "") -> None:
        self.status = status
        self.error = error
        self.hint = hint
        super().__init__(f"{error}. {hint}")


PAGE_BYTES: Final = 4 << 20
"""About how many bytes a page of a list has at most. It has one item at least, however large that is."""


class Whole(NamedTuple):
    """A whole answer that is a JSON object already."""

    json: bytes


T = TypeVar("T")


class Encoded(NamedTuple):
    """A list of plain data that is JSON already, item by item."""

    items: list[bytes]


def page_of(found: Sequence[T], limit: int, write: Callable[[T], Any]) -> Encoded:
    """Return the first `limit` records as `write` makes them plain data, or fewer when they are too long for a page."""
    items: list[bytes] = []
    size = 0
    for record in found[:limit]:
        item = encode(write(record))
        size += len(item)
        if items and size > PAGE_BYTES:
            break
        items.append(item)
    return Encoded(items)


def json_response(plain: Mapping[str, Any] | Whole, status: int = 200) -> Response:
    """Return the response with this plain data as its body.

    Lists in it are encoded item by item: the encoder lets no other thread run until it is done.
    """
    if isinstance(plain, Whole):
        return Response(status, JSON, plain.json)
    return Response(
        status, JSON, b"{%b}" % b",".join(b"%b:%b" % (encode(name), _encoded(each)) for name, each in plain.items())
    )


def _encoded(value: Any) -> bytes:
    if isinstance(value, Encoded):
        return b"[%b]" % b",".join(value.items)
    return b"[%b]" % b",".join(map(encode, value)) if isinstance(value, list) else encode(value)


def text_response(text: str, status: int = 200) -> Response:
    """Return the response with this text as its body."""
    return Response(status, (("content-type", "text/plain; charset=utf-8"), _NO_STORE), f"{text}\n".encode())


def prefers(media: str, accept: str) -> bool:
    """Return whether an Accept header wants this media type, such as `text/plain`, rather than JSON."""
    wanted = dict(map(_range, accept.split(",")))
    return wanted.get(media, 0) > max(wanted.get(each, 0) for each in ("application/json", "application/*"))


def _range(part: str) -> tuple[str, float]:
    """Return a media range of an Accept header and how much it is wanted, from 0 to 1."""
    media, *parameters = part.split(";")
    quality = 1.0
    for each in parameters:
        name, _, value = each.partition("=")
        if name.strip().lower() == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 0.0
    return media.strip().lower(), quality


def error_response(status: int, error: str, hint: str, headers: Headers = ()) -> Response:
    """Return the response that says what is wrong and what to do next."""
    reason = f"{error}. {hint}" if hint else error
    return Response(status, (*JSON, *headers), encode({"error": error, "hint": hint}), reason=reason)
