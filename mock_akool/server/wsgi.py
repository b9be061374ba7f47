"""The Flask app: the whole fake by itself, under any WSGI server or Flask's test client."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Final

from flask import Flask, request
from flask import Response as FlaskResponse

from mock_akool import admin
from mock_akool.core.clock import NS_PER_S, SteeredClock, VirtualClock
from mock_akool.core.http import STREAM_FILLER_S, STREAM_LOOK_S, Request, Response, Stream, Termination, Transfer
from mock_akool.server.application import Application
from mock_akool.server.forwarding import Called, Forwarding
from mock_akool.server.settings import Settings
from mock_akool.webhooks.delivery_modes import HTTP

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def create_app(application: Application | None = None) -> Flask:
    """Return an app that answers for an application; without one, for a new fake set up by `MOCK_AKOOL_*` variables.

    Routes that you add to the app yourself win over the fake's.
    """
    app = Flask("mock_akool", static_folder=None)
    if application is None:
        settings = Settings.from_environment()
        application = Application(settings, SteeredClock(), settings.access)
        application.dispatcher.send_by(HTTP)
        answering = _Handler(application, settings.public_url, settings.forwarding)
    else:
        answering = _Handler(application, None, Forwarding())
    app.before_request(answering)
    app.wsgi_app = _Breaking(app.wsgi_app)  # type: ignore[method-assign]
    return app


class _Handler:
    """Answers whatever no route of the app is for."""

    def __init__(self, application: Application, public_url: str | None, forwarding: Forwarding) -> None:
        self._application = application
        self._public_url = public_url
        self._forwarding = forwarding
        clock = application.engine.clock
        self._wait: Callable[[float], None] = clock.advance if isinstance(clock, VirtualClock) else time.sleep

    def __call__(self) -> FlaskResponse | None:
        if request.url_rule is not None:
            return None
        response, body = self._application.complete(_awaited(self._application.answer(self._call())))
        if response.delay_ns:
            self._wait(response.delay_ns / NS_PER_S)
        if response.stream is not None and request.method != "HEAD":
            pieces = chain([body], _going_on(response.stream))
            return FlaskResponse(pieces, status=response.status, headers=list(response.headers))
        if response.transfer is None:
            return FlaskResponse(body, status=response.status, headers=list(response.headers))
        request.environ[_ENDS] = response.transfer.termination
        status = response.status or 502  # which nobody sees: there is no answer
        broken = FlaskResponse(self._travelling(response.transfer, body), status=status, headers=list(response.headers))
        broken.content_length = len(body)
        return broken

    def _travelling(self, transfer: Transfer, body: bytes) -> Iterator[bytes]:
        """Yield what of the body arrives, in the pieces in which it does."""
        arriving = body[: transfer.sent.of(len(body))] if transfer.termination is Termination.CUT else body
        size = transfer.piece_bytes or len(arriving) or 1
        for start in range(0, len(arriving), size):
            if transfer.piece_bytes:
                self._wait(transfer.pause_ns / NS_PER_S)
            yield arriving[start : start + size]

    def _call(self) -> Request:
        # The target as it was on the wire: what WSGI calls the path is decoded.
        path = (request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI") or request.path).partition("?")[0]
        if "://" in path:
            path = request.path
        limit = self._application.max_body_bytes
        if path.startswith(admin.PREFIX):
            limit = admin.most_body_bytes(limit)
        headers = {name.lower(): value for name, value in reversed(list(request.headers.items()))}
        base, query = self._public_url or self._base(headers), request.environ.get("QUERY_STRING", "")
        head = Request(request.method, path, query, headers, b"", base, "flask")
        if admin.is_snapshot(head) and self._application.access.refusal(head) is None:
            limit = admin.MOST_SNAPSHOT_BYTES
        return head._replace(body=request.stream.read(limit + 1))

    def _base(self, headers: Mapping[str, str]) -> str:
        """Return what the URLs of files begin with."""
        directly = Called(request.scheme, request.host)
        return "{}://{}{}".format(*self._forwarding.called(directly, headers, request.remote_addr or ""))


def _awaited(response: Response) -> Response:
    """Return the reply when what its caller waits for has come; a WSGI server gives each request a thread."""
    waiting = response.waiting
    if waiting is None:
        return response
    ends_s = time.monotonic() + waiting.seconds
    while time.monotonic() < ends_s:
        time.sleep(_LOOK_S)
        found = waiting.response()
        if found is not None:
            return found
    return waiting.in_vain()


def _going_on(stream: Stream) -> Iterator[bytes]:
    """Yield what more there is of a stream; a WSGI server ends it when the client is gone, which a filler shows."""
    quiet_s = 0.0
    while True:
        time.sleep(STREAM_LOOK_S)
        quiet_s += STREAM_LOOK_S
        piece = stream.more() if stream.has_news() else b""
        if not piece and quiet_s > STREAM_FILLER_S:
            piece = stream.filler
        if piece:
            yield piece
            quiet_s = 0.0


_LOOK_S: Final = 0.01
_ENDS: Final = "mock_akool.ends"
_SOCKETS: Final = ("werkzeug.socket", "gunicorn.socket")
"""Where WSGI servers show the connection's socket."""
_ERRORS: Final[dict[Termination, tuple[type[ConnectionError], str]]] = {
    Termination.DROP: (ConnectionAbortedError, "mock-akool closes the connection without an answer"),
    Termination.RESET: (ConnectionResetError, "mock-akool resets the connection"),
    Termination.CUT: (ConnectionAbortedError, "mock-akool closes the connection in the middle of the body"),
}


class _Breaking:
    """Breaks connections: WSGI has no word for it, so the server's socket is shut down and an error raised.

    Flask's test client hands that error on. A server that does not show its socket makes HTTP 500 of it.
    """

    def __init__(self, inner: WSGIApplication) -> None:
        self._inner = inner

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answered = self._inner(environ, start_response)
        ends: Termination | None = environ.pop(_ENDS, None)
        if ends is None:
            return answered
        if ends is Termination.CUT:
            return self._cut(answered, environ)
        raise self._broken(ends, environ)

    def _cut(self, answered: Iterable[bytes], environ: WSGIEnvironment) -> Iterator[bytes]:
        yield from answered
        raise self._broken(Termination.CUT, environ)

    def _broken(self, ends: Termination, environ: WSGIEnvironment) -> ConnectionError:
        connection = next((environ[name] for name in _SOCKETS if name in environ), None)
        if connection is not None:
            if ends is Termination.RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        error, message = _ERRORS[ends]
        return error(message)
