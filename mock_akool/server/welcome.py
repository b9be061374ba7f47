"""What a browser is shown that opens the address of a server: what this is, and where to look."""

from __future__ import annotations

from typing import Final

from mock_akool._version import __version__
from mock_akool.akool.codes import API_URL
from mock_akool.core.http import Headers, Request, Response

WELCOMING: Final = frozenset({"/", "/_mock"})
"""The paths of which `welcome` may know more than the API."""
_OVER_THE_NETWORK: Final = frozenset({"server", "flask"})
_HTML: Final[Headers] = (("content-type", "text/html; charset=utf-8"), ("cache-control", "no-store"))
_NO_ICON: Final = '<link rel="icon" href="data:,">'
"""Without it a browser asks for /favicon.ico, which would be a call to the API."""
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>mock-akool</title>
{_NO_ICON}
<style>body {{ font: 1rem/1.5 system-ui; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }}</style>
<h1>mock-akool {__version__}</h1>
<p>This is a fake of Akool's API for tests. It is not Akool, and nothing here costs credits.</p>
<p>Let your client use this address as the base URL instead of <code>{API_URL}</code>.</p>
<p><a href="_mock/"><strong>Open the dashboard</strong></a>: it shows jobs and calls as they happen, and makes things
happen.</p>
<ul>
<li><a href="_mock/health">/_mock/health</a>: whether it runs</li>
<li><a href="_mock/state">/_mock/state</a>: what happened until now, in numbers</li>
<li><a href="_mock/report">/_mock/report</a>: jobs, calls, and hints at mistakes of the client</li>
<li><a href="_mock/openapi.json">/_mock/openapi.json</a>: the admin API and the faked API, as OpenAPI</li>
</ul>
"""


_DASHBOARD: Final = Response(302, (("location", "_mock/"), ("cache-control", "no-store")), b"")
"""Its location, as the links of the page, holds also where a proxy serves the fake below a path of its own."""


def welcome(request: Request) -> Response | None:
    """Return what a browser is shown that opens `/`, or `/_mock` without the slash; None for all other requests.

    The API answers these with 404.
    """
    if (
        request.path not in WELCOMING
        or request.method not in ("GET", "HEAD")
        or request.transport not in _OVER_THE_NETWORK
    ):
        return None
    if "text/html" not in request.headers.get("accept", ""):
        return None
    return Response(200, _HTML, _PAGE.encode()) if request.path == "/" else _DASHBOARD
