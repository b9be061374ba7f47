"""The admin API: routes below `/_mock/` that show a fake and steer it. The real API cannot have paths like these.

It is a function from Request to Response, as the emulated API is, so every transport serves it. Its requests are not
in the call log, which holds what the client under test did.

    routes.py       all routes: the tables of `resources/` joined
    openapi.py      the OpenAPI document of them and of the emulated API
    schemas.py      the JSON Schemas in it of what routes answer
    resources/      per resource: its rows, what they take and answer, and what they do
    serializers.py  records as JSON, in both directions
    routing.py      what a row is, and which row a request is for
    parameters.py   how query and body are read
    long_poll.py    `at_least` and `timeout`
    access.py       who may use it
    dashboard.py    the page that shows and steers the fake by these routes; its files are in `dashboard/`
    responses.py    how it answers
"""

from __future__ import annotations

import logging
from typing import Final

from mock_akool.admin.access import OPEN, PAGE, Access, is_of_page
from mock_akool.admin.long_poll import LongPoll
from mock_akool.admin.parameters import read_parameters
from mock_akool.admin.responses import AdminError, error_response, json_response, prefers, text_response
from mock_akool.admin.routing import PREFIX, AdminRequest, Fake, Found, Routes, find
from mock_akool.akool.api import bug_reply
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.http import Request, Response

__all__ = [
    "MOST_SNAPSHOT_BYTES",
    "OPEN",
    "PAGE",
    "PREFIX",
    "Access",
    "Fake",
    "answer",
    "is_slow",
    "is_snapshot",
    "most_body_bytes",
]

_MORE_BYTES: Final = 64 << 10
_SNAPSHOT: Final = PREFIX + "snapshot"
MOST_SNAPSHOT_BYTES: Final = 1 << 30
"""Up to how many bytes a snapshot may have that is put: about two million jobs."""

_log = logging.getLogger("mock_akool")


def is_slow(request: Request) -> bool:
    """Return whether this is an admin request that may take milliseconds, so that an event loop should not do it."""
    return request.path.startswith(PREFIX) and request.path not in OPEN


def most_body_bytes(of_api: int) -> int:
    """Return up to how many bytes of an admin request's body are read, when the API reads `of_api` of a request's.

    It may hold such a request, see `POST /_mock/jobs`, in which escapes take room.
    """
    return 2 * of_api + _MORE_BYTES


def is_snapshot(request: Request) -> bool:
    """Return whether this puts a snapshot, which may be as long as the one that was taken."""
    return request.method == "PUT" and request.path == _SNAPSHOT


def answer(fake: Fake, request: Request) -> Response:
    """Answer an admin request. A mistake is answered with `{error, hint}` with its HTTP status, and changes nothing.

    An unknown path is 404, a wrong method 405, what is not usable 400.
    """
    try:
        refusal = fake.access.refusal(request)
        if refusal is not None:
            challenge = (("www-authenticate", "Bearer"),) if refusal.status == 401 else ()
            return error_response(*refusal, challenge)
        if is_of_page(request.path):
            from mock_akool.admin.dashboard import page_response  # most fakes are never looked at

            page = page_response(request)
            if page is not None:
                return page
        most = most_body_bytes(fake.engine.settings.max_body_bytes)
        if is_snapshot(request):
            most = MOST_SNAPSHOT_BYTES
            if len(request.body) > most:
                hint = "Write it into a file, and start the server with --state FILE"
                return error_response(413, f"the snapshot is over {most:,} bytes", hint)
        if len(request.body) > most:
            hint = "Twice max_body_bytes and 64 KiB more are read: send less, or start the server with a larger one"
            return error_response(413, f"the body is over {most:,} bytes", hint)
        found = find(_routes_for(request), request)
        return found if isinstance(found, Response) else _answered(fake, request, found)
    except AdminError as error:
        return error_response(error.status, error.error, error.hint)
    except MockAkoolError as error:
        return error_response(400, error.message, error.hint)
    except Exception as bug:
        _log.exception("mock-akool bug while answering %s %s", request.method, request.path)
        return bug_reply(bug)


def _routes_for(request: Request) -> Routes:
    """Return the routes of which one may be for a request.

    They are imported with the first request: most fakes get none, and many servers those of probes only.
    """
    if request.path in OPEN:
        from mock_akool.admin.resources.probes import ROUTES as PROBES

        return PROBES
    from mock_akool.admin.routes import ROUTES

    return ROUTES


def _answered(fake: Fake, http: Request, found: Found) -> Response:
    route, in_path = found
    given = read_parameters(route, http)
    if route.carries:
        fake.carry_due(wait=False)
    request = AdminRequest(fake, {**given, **in_path}, fake.engine.clock.now_ns(), http)

    accept = http.headers.get("accept", "")
    if route.stream is not None and prefers("text/event-stream", accept):
        return route.stream(request)

    def answered() -> Response:
        plain = route.handle(request)
        if isinstance(plain, Response):
            return plain
        if route.as_text is not None and prefers("text/plain", accept):
            return text_response(route.as_text(plain), route.status)
        return json_response(plain, route.status)

    if route.counter is None or request.given["at_least"] is None:
        return answered()
    return LongPoll(request, route.counter(request), answered).first_response()
