"""The Flask app: the whole fake by itself, under any WSGI server or Flask's test client."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from mock_akool.core.clock import NS_PER_S, SystemClock
from mock_akool.core.models import Call
from mock_akool.service import Service
from mock_akool.settings import Settings
from mock_akool.webhooks.courier import HTTP

if TYPE_CHECKING:
    from mock_akool.mock import MockAkool


def create_app(mock: MockAkool | None = None) -> Flask:
    """Return an app that answers for `mock`; without one, for a new fake set up by `MOCK_AKOOL_*` variables.

    Routes that you add to the app yourself win over the fake's.
    """
    app = Flask("mock_akool", static_folder=None)
    if mock is None:
        settings = Settings.from_environment()
        service = Service(settings, SystemClock())
        service.courier.carry_by(HTTP)
        app.before_request(_Answering(service, settings.public_url))
    else:
        app.before_request(_Answering(mock.service, None))
    return app


class _Answering:
    """Answers whatever no route of the app is for."""

    def __init__(self, service: Service, public_url: str | None) -> None:
        self._service = service
        self._public_url = public_url

    def __call__(self) -> Response | None:
        if request.url_rule is not None:
            return None
        call = self._call()
        reply, body = self._service.complete(self._service.answer(call))
        if reply.delay_ns:
            time.sleep(reply.delay_ns / NS_PER_S)
        return Response(body, status=reply.status, headers=list(reply.headers))

    def _call(self) -> Call:
        # The target as it was on the wire: what WSGI calls the path is decoded.
        path = (request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI") or request.path).partition("?")[0]
        if "://" in path:
            path = request.path
        limit = self._service.engine.behaviour.max_body_bytes
        headers = {name.lower(): value for name, value in reversed(list(request.headers.items()))}
        return Call(
            request.method,
            path,
            request.environ.get("QUERY_STRING", ""),
            headers,
            request.stream.read(limit + 1),
            self._public_url or request.host_url.rstrip("/"),
            "flask",
        )
