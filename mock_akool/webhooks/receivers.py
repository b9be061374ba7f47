"""Receivers inside the process: a function, a WSGI app or an ASGI app gets the webhook as a request."""

from __future__ import annotations

import inspect
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from mock_akool._version import __version__
from mock_akool.akool.errors import EnvelopeError
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.urls import basic_authorization

_log = logging.getLogger("mock_akool")

_delivering: Final[ContextVar[bool]] = ContextVar("mock_akool_delivering", default=False)


def is_delivering() -> bool:
    """Return whether this code runs in a receiver that is being called with a webhook."""
    return _delivering.get()


@contextmanager
def delivering() -> Iterator[None]:
    """Mark what runs inside as a receiver that is being called."""
    marked = _delivering.set(True)
    try:
        yield
    finally:
        _delivering.reset(marked)


class WebhookRequest(NamedTuple):
    """What a function that receives webhooks is given: a POST with these headers and this body."""

    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body read as JSON; raises ValueError when it is not JSON."""
        return json.loads(self.body)


class Answer(NamedTuple):
    """What a receiver answered to a webhook: an HTTP status, or why there is none."""

    status: int | None
    error: str = ""
    failure: BaseException | None = None
    """The assertion that failed in the receiver, or what `pytest.fail` raised there."""


class Sent(NamedTuple):
    """How it went to send a webhook: the HTTP status of the response, or why there is none.

    `is_final`: it would go no better again. `is_lasting`: it is tried again, and yet somebody has to change something.
    """

    status: int | None = None
    error: str = ""
    is_final: bool = False
    is_lasting: bool = False


class Receiver(Protocol):
    """Takes webhooks inside the process."""

    def receive(self, request: WebhookRequest) -> Answer:
        """Take one; an exception of the receiver's code is HTTP 500, as under any server."""
        ...


def request_of(url: str, body: bytes, credentials: str = "") -> WebhookRequest:
    """Return the request of a webhook; `credentials` are the user and password of its URL."""
    parts = urlsplit(url)
    headers = {
        "host": parts.netloc.rpartition("@")[2],
        "user-agent": f"mock-akool/{__version__}",
        "accept": "*/*",
        "content-type": "application/json",
        "content-length": str(len(body)),
    }
    if credentials:
        headers["authorization"] = basic_authorization(credentials)
    return WebhookRequest(url, headers, body)


def receiver_of(target: Callable[..., Any]) -> Receiver:
    """Return the receiver that an app or a function is, recognised by how many arguments it takes.

    One is a function, two a WSGI app, three an ASGI app. Raises MockAkoolError for anything else.
    """
    count = _arguments(target)
    match count:
        case 1:
            return _Function(target)
        case 2:
            return _Wsgi(target)
        case 3:
            return _Asgi(target)
        case _:
            raise MockAkoolError(
                f"deliver_to({target!r}): this is neither a function of one argument nor a WSGI or ASGI app",
                "Give the app itself, such as Flask's or FastAPI's, or a function that takes the request",
            )


def _arguments(target: Any) -> int | None:
    """Return how many positional arguments must be given, or None when that cannot be known."""
    if not callable(target):
        return None
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return None
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    required = [each for each in positional if each.default is each.empty]
    return len(required or positional[:1])


def _guarded(receive: Callable[[], int]) -> Answer:
    """Run the receiver's code; what it raises is HTTP 500, and is in the delivery and the log."""
    try:
        with delivering():
            return Answer(receive())
    except BaseException as error:
        is_failure = _is_failure(error)
        if not isinstance(error, Exception) and not is_failure:
            raise
        what = _in_a_line(error)
        # A failed assertion is raised again at the end of the test, with where it was; nobody wants it at each attempt.
        _log.warning("the receiver of a webhook raised %s", what, exc_info=None if is_failure else error)
        return Answer(500, f"the receiver raised {what}", error if is_failure else None)


def _is_failure(error: BaseException | None) -> bool:
    """Return whether this is a failed assertion, or what `pytest.fail` raises, which pytest marks so."""
    return isinstance(error, AssertionError) or hasattr(error, "pytrace")


@contextmanager
def _failures_raised() -> Iterator[None]:
    """Raise at the end what an app of Flask or Django inside let through, which they answer with HTTP 500.

    This is for a failed assertion, and for what `open_envelope` raises: for anything else the answer is enough.
    """
    failures: list[BaseException] = []

    def note(*_: object, exception: BaseException | None = None, **__: object) -> None:
        error = exception or sys.exc_info()[1]  # Django names none
        if error is not None and (_is_failure(error) or isinstance(error, EnvelopeError)) and is_delivering():
            failures.append(error)

    modules = (sys.modules.get("flask.signals"), sys.modules.get("django.core.signals"))
    signals = [module.got_request_exception for module in modules if module is not None]
    for signal in signals:
        signal.connect(note, weak=False)
    try:
        yield
    finally:
        for signal in signals:
            signal.disconnect(note)
    if failures:
        raise failures[-1]


def _in_a_line(error: BaseException) -> str:
    """Return the type of an error and the first line of its text; pytest explains an assertion in further lines."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__


class _Function:
    def __init__(self, function: Callable[[WebhookRequest], Any]) -> None:
        self._function = function

    def receive(self, request: WebhookRequest) -> Answer:
        return _guarded(lambda: _status_of(self._returned(request)))

    def _returned(self, request: WebhookRequest) -> Any:
        returned = self._function(request)
        if inspect.isawaitable(returned):

            async def waited() -> Any:
                return await returned

            return run_in_thread(waited)
        return returned


def _status_of(returned: Any) -> int:
    """Return the status that a function answered with: None is 200."""
    if returned is None:
        return 200
    if isinstance(returned, bool) or not isinstance(returned, int) or not 100 <= returned <= 999:
        raise TypeError(f"a receiver returns an HTTP status or nothing, not {returned!r}")
    return returned


class _Wsgi:
    def __init__(self, app: Callable[[dict[str, Any], Any], Any]) -> None:
        self._app = app

    def receive(self, request: WebhookRequest) -> Answer:
        return _guarded(lambda: self._call(request))

    def _call(self, request: WebhookRequest) -> int:
        from werkzeug.test import EnvironBuilder, run_wsgi_app

        parts = urlsplit(request.url)
        builder = EnvironBuilder(
            parts.path or "/",
            f"{parts.scheme}://{request.headers['host']}/",
            query_string=parts.query,
            method="POST",
            headers=[(name, value) for name, value in request.headers.items() if not name.startswith("content-")],
            content_type=request.headers["content-type"],
            data=request.body,
            environ_base={"REMOTE_ADDR": "127.0.0.1"},
            multithread=True,
        )
        with _failures_raised():
            _, status, _ = run_wsgi_app(self._app, builder.get_environ(), buffered=True)
        return int(status.partition(" ")[0])


class _Asgi:
    def __init__(self, app: Callable[[Any, Any, Any], Any]) -> None:
        self._app = app

    def receive(self, request: WebhookRequest) -> Answer:
        return _guarded(lambda: run_in_thread(lambda: self._call(request)))

    async def _call(self, request: WebhookRequest) -> int:
        import asyncio

        parts = urlsplit(request.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": parts.scheme,
            "path": unquote(parts.path or "/"),
            "raw_path": (parts.path or "/").encode("ascii", "replace"),
            "query_string": parts.query.encode("ascii", "replace"),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in request.headers.items()],
            "client": ("127.0.0.1", 0),
            "server": (parts.hostname or "localhost", port),
            "state": {},
        }
        messages = [{"type": "http.request", "body": request.body, "more_body": False}]
        answered: list[int] = []

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await asyncio.Event().wait()  # until the app is done: nobody disconnects
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answered.append(message["status"])

        await self._app(scope, receive, send)
        if not answered:
            raise RuntimeError("the app ended without an answer")
        return answered[0]


def run_in_thread(make: Callable[[], Any]) -> Any:
    """Run a coroutine in a thread of its own and wait for it: in this one an event loop may be running."""
    import asyncio
    from concurrent.futures import Future
    from contextvars import copy_context
    from threading import Thread

    result: Future[Any] = Future()

    def run() -> None:
        try:
            result.set_result(asyncio.run(make()))
        except BaseException as error:
            result.set_exception(error)

    context = copy_context()
    thread = Thread(target=context.run, args=(run,), name="mock-akool-receiver", daemon=True)
    thread.start()
    thread.join()
    return result.result()
