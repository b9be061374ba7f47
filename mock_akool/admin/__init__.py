"""The control routes below `/_mock/`, a prefix that the real API cannot have: Calls in, Replies out.

They are a table like Akool's endpoints, so every door serves them, and they are not written into the journal,
which holds what the client under test did.
"""

from __future__ import annotations

import difflib
import logging
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from mock_akool.admin.access import OPEN, Access
from mock_akool.admin.long_poll import Awaited
from mock_akool.admin.routing import (
    JSON,
    PREFIX,
    AdminError,
    Asked,
    Fake,
    Route,
    body_of,
    fitting,
    query_of,
    refused,
)
from mock_akool.akool.api import bug_reply
from mock_akool.akool.envelope import encode
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.http import Request, Response
from mock_akool.core.schema import shown

_MORE_BYTES: Final = 64 << 10

__all__ = ["OPEN", "PREFIX", "Access", "Fake", "answer", "is_slow", "most_body_bytes"]

_log = logging.getLogger("mock_akool")


def is_slow(request: Request) -> bool:
    """Return whether the call is one of control that may take milliseconds, so that an event loop should not do it."""
    return request.path.startswith(PREFIX) and request.path not in OPEN


def most_body_bytes(of_api: int) -> int:
    """Return up to how many bytes the body of a control call is read, when the API reads `of_api` of a request's.

    It may hold a whole request of the API as base64, see `POST /_mock/answer`.
    """
    return 2 * of_api + _MORE_BYTES


def answer(fake: Fake, request: Request) -> Response:
    """Answer a control call. What is wrong is told as `{error, hint}` with its HTTP status, and changes nothing.

    An unknown path is 404, a wrong method 405, what is not usable 400.
    """
    try:
        refusal = fake.access.refusal(request)
        if refusal is not None:
            challenge = (("www-authenticate", "Bearer"),) if refusal.status == 401 else ()
            return refused(*refusal, challenge)
        found = _find(request)
        if isinstance(found, Response):
            return found
        most = most_body_bytes(fake.engine.settings.max_body_bytes)
        if len(request.body) > most:
            hint = "Twice --max-body-bytes and 64 KiB more are read: send less, or start with a larger --max-body-bytes"
            return refused(413, f"the body is over {most:,} bytes", hint)
        return _do(fake, request, *found)
    except AdminError as error:
        return refused(error.status, error.error, error.hint)
    except MockAkoolError as error:
        return refused(400, error.message, error.hint)
    except Exception as bug:
        _log.exception("mock-akool bug while answering %s %s", request.method, request.path)
        return bug_reply(bug)


class _Found(NamedTuple):
    route: Route
    in_path: dict[str, str]


def _do(fake: Fake, request: Request, route: Route, in_path: dict[str, str]) -> Response:
    said = body_of(route, request)
    given = query_of(route.query, request.query)
    for name in given.keys() & said.keys():
        if given[name] is not None and said[name] not in (None, given[name]):
            raise AdminError(
                400,
                f"{name} is {shown(said[name])} in the body, and {shown(given[name])} in the query",
                "Say it once",
            )
        if said[name] is None:
            said[name] = given[name]
    if route.carries:
        fake.carry_due(wait=False)
    asked = Asked(fake, {**given, **said, **in_path}, fake.engine.clock.now_ns(), request)

    def told() -> Response:
        return Response(route.status, JSON, encode(_handled(asked, route)))

    if route.counting is None or asked.given["at_least"] is None:
        return told()
    return _waited_for(Awaited(asked, route.counting(asked), told))


def _handled(asked: Asked, route: Route) -> Any:
    if not route.needs_lock:
        return route.handle(asked)
    with asked.engine.lock:
        return route.handle(asked)


def _waited_for(waiting: Awaited) -> Response:
    """Return what is told when there is enough of it, or a reply by which the door waits."""
    response = waiting.response()
    if response is not None:
        return response
    return waiting.in_vain()._replace(waiting=waiting if waiting.seconds else None)


def _find(request: Request) -> _Found | Response:
    from mock_akool.admin.routes import ROUTES  # most fakes are never controlled, and shall not pay for it

    method = "GET" if request.method == "HEAD" else request.method
    route = ROUTES.get((method, request.path))
    if route is not None:
        return _Found(route, {})
    methods = []
    for (known, pattern), each in ROUTES.items():
        in_path = fitting(pattern, request.path)
        if in_path is not None:
            if known == method:
                return _Found(each, in_path)
            methods.append(known)
    if methods:
        allowed = ", ".join(sorted(methods))
        return refused(
            405, f"{request.path[:200]} does not take {request.method}", f"It takes {allowed}.", (("allow", allowed),)
        )
    known_routes = [f"{method} {path}" for method, path in ROUTES]
    near = _nearest(f"{method} {request.path[:200]}", known_routes)
    meant = f"Did you mean {near}? " if near else ""
    return refused(
        404, f"there is no control route {request.path[:200]}", f"{meant}The routes are: {', '.join(known_routes)}."
    )


def _nearest(wanted: str, known_routes: list[str]) -> str | None:
    """Return the route that is most like what was wanted; where one takes a name, any will do."""
    parts = wanted.split("/")
    filled = {}
    for route in known_routes:
        places = zip_longest(route.split("/"), parts[: route.count("/") + 1], fillvalue="")
        filled["/".join(part if place.startswith("{") else place for place, part in places)] = route
    # What all routes begin with is no likeness.
    near = difflib.get_close_matches(wanted.replace(PREFIX, ""), [each.replace(PREFIX, "") for each in filled], n=1)
    return {each.replace(PREFIX, ""): route for each, route in filled.items()}[near[0]] if near else None
