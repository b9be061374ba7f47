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


def error_response(status: int, error: str, hint: str, headers: Headers = ()) -> Response:
    """Return the response that says what is wrong and what to do next."""
    return Response(status, (*JSON, *headers), encode({"error": error, "hint": hint}))
