"""Responses of admin routes: JSON, and errors as `{error, hint}`."""

from __future__ import annotations

from typing import Any, Final

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


def json_response(plain: Any, status: int = 200) -> Response:
    """Return the response with this plain data as its body."""
    return Response(status, JSON, encode(plain))


def text_response(text: str, status: int = 200) -> Response:
    """Return the response with this text as its body."""
    return Response(status, (("content-type", "text/plain; charset=utf-8"), _NO_STORE), f"{text}\n".encode())


def prefers_text(accept: str) -> bool:
    """Return whether an Accept header wants plain text rather than JSON."""
    wanted = dict(map(_range, accept.split(",")))
    return wanted.get("text/plain", 0) > max(wanted.get(each, 0) for each in ("application/json", "application/*"))


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
    return Response(status, (*JSON, *headers), encode({"error": error, "hint": hint}))
