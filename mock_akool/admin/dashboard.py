"""The dashboard: the page at `/_mock/` that shows a fake and steers it, by the admin routes and nothing else.

Its files are in the folder `dashboard`: one of HTML, one of CSS, and modules of JavaScript. They are sent as they are,
and hold nothing about the fake, so that they need no token.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from mock_akool.admin.access import PAGE, PAGE_FILES
from mock_akool.admin.responses import error_response
from mock_akool.core.http import Headers, Request, Response

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' blob: data:",  # result files are fetched with the token, and shown from memory
        "media-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Nothing inline, nothing from elsewhere, nothing sent elsewhere, and no text becomes HTML or code."""
_SAFETY: Final[Headers] = (
    ("content-security-policy", _POLICY),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
)
_LOOKING: Final = frozenset({"GET", "HEAD"})


class PageFile(NamedTuple):
    """A file of the page: its content, its media type, and the tag by which a browser knows that it has it."""

    content: bytes
    type: str
    tag: str


@cache
def page_files() -> dict[str, PageFile]:
    """Return the files of the page by their paths."""
    found = {}
    for each in resources.files("mock_akool.admin").joinpath("dashboard").iterdir():
        kind = _TYPES.get(each.name.rpartition(".")[2])
        if kind is not None:
            content = each.read_bytes()
            path = PAGE if each.name == "index.html" else f"{PAGE_FILES}{each.name}"
            found[path] = PageFile(content, kind, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
    return found


def page_response(request: Request) -> Response | None:
    """Return the response with the file that a request is for; None when the page has no such file.

    A browser asks each time whether the file that it has is still the newest, so that another version of the fake on
    the same port shows its own page.
    """
    file = page_files().get(request.path)
    if file is None:
        return None
    if request.method not in _LOOKING:
        return error_response(
            405, f"{request.path} does not take {request.method}", "It takes GET.", (("allow", "GET, HEAD"),)
        )
    headers = (("etag", file.tag), ("cache-control", "no-cache"), *_SAFETY)
    known = request.headers.get("if-none-match", "")
    if file.tag in (each.strip().removeprefix("W/") for each in known.split(",")):
        return Response(304, headers, b"")
    return Response(200, (("content-type", file.type), *headers), file.content)
