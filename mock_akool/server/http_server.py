"""The live server: listens, answers on an event loop, and stops in time.

`bind` first, then `run` (in the main thread, until a signal) or `start` and `stop` (in a thread of its own).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from email.utils import formatdate
from functools import lru_cache
from types import TracebackType
from typing import Final, Protocol, Self

from mock_akool.core.errors import ServerError
from mock_akool.core.http import Request, Response
from mock_akool.server.application import Application
from mock_akool.server.http_connection import HttpConnection, frame

_HOST: Final = re.compile(r"[A-Za-z0-9.\-:\[\]_]{1,255}")
_BACKLOG: Final = 1024
_SWEEP_S: Final = 5.0
_QUIET_SWEEPS: Final = 15
"""After how many sweeps without a byte a connection is closed: 75 s."""
_GRACE_S: Final = 1.0
"""How long a stop waits for answers that are under way."""
_CALLBACK_GRACE_S: Final = 0.5
"""How long a stop then waits for callbacks that are under way."""
_NUDGE_S: Final = 0.1
_DRAWING_THREADS: Final = 2
_MOST_KNOWN: Final = 512
_MOST_FRAMED: Final = 16 << 10
"""From how many bytes on an answer is not worth remembering: a poll's is smaller."""
_LOOK_S: Final = 0.01
"""How often an admin request looks for what it waits for."""


def _nothing() -> None:
    """Do nothing, but wake the loop."""


class RequestLog(Protocol):
    """Takes a note of each answered call."""

    def note(self, time_ns: int, request: Request, response: Response, took_ns: int) -> None:
        """Note when (epoch ns) the reply to the call was made, and in how many ns."""
        ...


def new_loop() -> asyncio.AbstractEventLoop:
    """Return uvloop's event loop, or asyncio's own where uvloop does not exist."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class Server:
    """A live server of one service."""

    loop: asyncio.AbstractEventLoop
    _drawing: ThreadPoolExecutor

    def __init__(
        self,
        application: Application,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        public_url: str | None = None,
        log: RequestLog | None = None,
    ) -> None:
        self.application = application
        self.public_url = public_url
        self.max_body_bytes = application.max_body_bytes
        self.connections: set[HttpConnection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self._host = host
        application.listens_on(host)
        self._port = port
        self._log = log
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None
        self.known_calls: dict[bytes, Request] = {}
        """By the bytes of the request. A client that waits for a job sends the same bytes over and over."""
        self._framed: dict[int, tuple[bytes, bytes, Response]] = {}
        self._date = b""
        self._date_s = 0
        self.base_of = lru_cache(maxsize=64)(self._base_of)

    # Life

    def bind(self) -> socket.socket:
        """Take the address, once; `port` and `url` are known from then on.

        Raises ServerError when the address is taken or is none of this machine's.
        """
        if self._socket is not None:
            return self._socket
        try:
            family = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)[0][0]
            listener = socket.create_server((self._host, self._port), family=family, backlog=_BACKLOG)
        except (OSError, UnicodeError) as error:
            # The standard library adds the address, which is told anyway.
            why = (getattr(error, "strerror", None) or str(error)).partition(" (while ")[0]
            raise ServerError(
                f"cannot listen on {self._host}:{self._port}: {why}",
                "Choose another with --port (0 takes a free one) or --host",
            ) from None
        listener.setblocking(False)
        self._socket = listener
        self._port = listener.getsockname()[1]
        return listener

    @property
    def port(self) -> int:
        """The port; after `bind` never 0."""
        return self._port

    @property
    def address(self) -> str:
        """Host and port, as in a URL."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port}"

    @property
    def url(self) -> str:
        """The address as a base URL, without a slash at the end."""
        return f"http://{self.address}"

    def run(self, until: Callable[[asyncio.Event], None] | None = None) -> None:
        """Serve in this thread until stopped.

        `until`, when given, is called in the running loop as soon as the server listens, with the event that ends it.
        """
        self.bind()
        self.loop = new_loop()
        self._drawing = ThreadPoolExecutor(_DRAWING_THREADS, "mock-akool-draw")
        self.application.server_started()
        try:
            self.loop.run_until_complete(self._serve(until))
        finally:
            self.loop.close()
            self.application.server_stopped(_CALLBACK_GRACE_S)
            self._drawing.shutdown(wait=False, cancel_futures=True)
            self._unbind()

    def start(self) -> Self:
        """Serve in a thread; returns as soon as connections are taken. A stopped server starts on the same port.

        Raises ServerError when the address is taken or the server runs already.
        """
        if self._thread is not None:
            raise ServerError(f"the server at {self.url} runs already", "Stop it before you start it again")
        self.bind()
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="mock-akool-server", daemon=True)
        self._thread.start()
        try:
            started.result()
        except Exception:  # of the thread, which has then ended
            self._thread = None
            raise
        return self

    def stop(self) -> None:
        """End a server that was started, within about a second even when answers are under way."""
        if self._thread is not None and self._stopping is not None:
            with contextlib.suppress(RuntimeError):  # the loop ended by itself
                self.loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_NUDGE_S)
            while self._thread.is_alive():
                # uvloop was seen to sleep on with this waiting for it, once in some thousand stops; a nudge wakes it.
                with contextlib.suppress(RuntimeError):
                    self.loop.call_soon_threadsafe(_nothing)
                self._thread.join(_NUDGE_S)
            self._thread = None
        self._unbind()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, started: Future[None]) -> None:
        try:
            self.run(lambda _: started.set_result(None))
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    def _unbind(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    # What connections use

    def answer(self, request: Request) -> Response:
        """Answer the call and log it."""
        if self._log is None:
            return self.application.answer(request)
        began_ns = time.time_ns()
        response = self.application.answer(request)
        now_ns = time.time_ns()
        self._log.note(now_ns, request, response, now_ns - began_ns)
        return response

    async def answer_admin(self, request: Request) -> Response:
        """Answer an admin request, and wait for what its caller waits for; neither holds the event loop."""
        began_ns = time.time_ns()
        response = await self.loop.run_in_executor(self._drawing, self.application.answer, request)
        waiting = response.waiting
        if waiting is not None:
            ends_s = self.loop.time() + waiting.seconds
            while self.loop.time() < ends_s:
                await asyncio.sleep(min(_LOOK_S, max(0, ends_s - self.loop.time())))
                found = waiting.response()
                if found is not None:
                    response = found
                    break
            else:
                response = waiting.in_vain()
        if self._log is not None:
            now_ns = time.time_ns()
            self._log.note(now_ns, request, response, now_ns - began_ns)
        return response

    def remember(self, data: bytes, request: Request) -> None:
        """Keep what the parser made of a read that was one whole request, for `known_calls`."""
        if len(self.known_calls) >= _MOST_KNOWN:
            self.known_calls.clear()
        self.known_calls[data] = request

    def framed(self, response: Response) -> tuple[bytes, bytes]:
        """Return what is sent before and after the Date header; remembered, as the engine repeats its replies."""
        known = self._framed.get(id(response))
        if known is None:
            if len(response.body) > _MOST_FRAMED:
                return frame(response, response.body)
            if len(self._framed) >= _MOST_KNOWN:
                self._framed.clear()
            # The reply is kept too, so that its identity stays its own.
            known = self._framed[id(response)] = (*frame(response, response.body), response)
        return known[:2]

    async def complete(self, response: Response) -> tuple[Response, bytes]:
        """Return the reply and its body; a picture is drawn outside the event loop."""
        ready = self.application.ready_body(response)
        if ready is not None:
            return response, ready
        return await self.loop.run_in_executor(self._drawing, self.application.complete, response)

    def _base_of(self, host: str) -> str:
        """Return what picture URLs begin with for a client that called `host`."""
        return self.public_url or f"http://{host if _HOST.fullmatch(host) else self.address}"

    def date(self) -> bytes:
        """Return the Date header, which HTTP wants in every answer."""
        second = int(time.time())
        if second != self._date_s:
            self._date_s = second
            self._date = f"\r\ndate: {formatdate(second, usegmt=True)}".encode()
        return self._date

    # The loop's inside

    async def _serve(self, until: Callable[[asyncio.Event], None] | None) -> None:
        self._stopping = asyncio.Event()
        listener = await self.loop.create_server(lambda: HttpConnection(self), sock=self.bind(), backlog=_BACKLOG)
        sweeping = self.loop.create_task(self._sweep())
        try:
            if until is not None:
                until(self._stopping)
            await self._stopping.wait()
        finally:
            sweeping.cancel()
            listener.close()
            await self._finish()

    async def _finish(self) -> None:
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=_GRACE_S)
        for task in self.tasks:
            task.cancel()
        for connection in list(self.connections):
            connection.abort()
        # The transports close in the loop's next turns.
        for _ in range(3):
            await asyncio.sleep(0)

    async def _sweep(self) -> None:
        """Close connections that nobody used for a while, so that leaking clients cannot use up our handles."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            for connection in list(self.connections):
                connection.quiet_sweeps += 1
                if connection.idle and connection.quiet_sweeps > _QUIET_SWEEPS:
                    connection.abort()
