"""The control routes below `/_mock/`, a prefix that the real API cannot have: Calls in, Replies out.

They are a table like Akool's endpoints, so every door serves them, and they are not written into the journal,
which holds what the client under test did.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from mock_akool._version import __version__
from mock_akool.core.api import bug_reply
from mock_akool.core.engine import Engine
from mock_akool.core.models import Call, Headers, Reply
from mock_akool.core.wire import encode

PREFIX: Final = "/_mock/"

_JSON: Final[Headers] = (("content-type", "application/json; charset=utf-8"), ("cache-control", "no-store"))
_log = logging.getLogger("mock_akool")


def _health(engine: Engine) -> dict[str, Any]:
    return {"status": "ok", "name": "mock-akool", "version": __version__}


def _ready(engine: Engine) -> dict[str, Any]:
    behaviour = engine.behaviour
    return {"ready": True, "profile": behaviour.profile, "seed": behaviour.seed, "strict": behaviour.strict}


ROUTES: Final[dict[tuple[str, str], Callable[[Engine], dict[str, Any]]]] = {
    ("GET", "/_mock/health"): _health,
    ("GET", "/_mock/ready"): _ready,
}
"""Method and path, and what answers."""


def answer(engine: Engine, call: Call) -> Reply:
    """Answer a control call. An unknown path is HTTP 404, a wrong method 405, both `{error, hint}`."""
    method = "GET" if call.method == "HEAD" else call.method
    handle = ROUTES.get((method, call.path))
    try:
        if handle is not None:
            with engine.lock:
                return Reply(200, _JSON, encode(handle(engine)))
        return _not_found(call)
    except Exception as bug:
        _log.exception("mock-akool bug while answering %s %s", call.method, call.path)
        return bug_reply(bug)


def _not_found(call: Call) -> Reply:
    methods = sorted(method for method, path in ROUTES if path == call.path)
    if methods:
        body = {"error": f"{call.path} does not take {call.method}", "hint": f"It takes {', '.join(methods)}."}
        return Reply(405, (*_JSON, ("allow", ", ".join(methods))), encode(body))
    known = ", ".join(f"{method} {path}" for method, path in ROUTES)
    body = {"error": f"there is no control route {call.path[:200]}", "hint": f"The routes are: {known}."}
    return Reply(404, _JSON, encode(body))
