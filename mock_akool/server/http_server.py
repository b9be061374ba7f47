"""The live server: listens, answers on an event loop, and stops in time.

`bind` first, then `run` (in the main thread, until a signal) or `start` and `stop` (in a thread of its own).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, Protocol, Self

from mock_akool.admin import MOST_SNAPSHOT_BYTES, is_snapshot
from mock_akool.admin.access import is_loopback
from mock_akool.akool import api
from mock_akool.akool.families import HOSTS
from mock_akool.core.call_log import Refusal
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.dates import http_date
from mock_akool.core.errors import ServerError
from mock_akool.core.http import Request, Response
from mock_akool.server.application import Application
from mock_akool.server.forwarding import Called, Forwarding
from mock_akool.server.greenlets import patched_by
from mock_akool.server.http_connection import HttpConnection
from mock_akool.server.http_response import frame
from mock_akool.server.listening import BACKLOG, identity_of, listen, listen_on_path, remove_own, without_brackets
from mock_akool.server.open_files import most_connections
from mock_akool.server.proxy import Others, Place, Proxy
from mock_akool.server.tls import Tls
from mock_akool.webhooks.event_loop import new_loop

_HOST: Final = re.compile(r"[A-Za-z0-9.\-:\[\]_]{1,255}")
_SWEEP_S: Final = 5.0
_GRACE_S: Final = 1.0
"""How long a stop waits for responses that are under way, and for clients to take what was written."""
_WEBHOOK_GRACE_S: Final = 0.5
"""How long a stop then waits for webhooks that are under way."""
_NUDGE_S: Final = 0.1
_DRAWING_THREADS: Final = 2
_MOST_KNOWN: Final = 512
_MOST_FRAMED: Final = 16 << 10
"""From how many bytes on a response is not worth remembering: a poll's is smaller."""
_MOST_FRAMED_BYTES: Final = 4 << 20
_LOOK_S: Final = 0.01
"""How often an admin request looks for what it waits for."""
_COMPLAINT_S: Final = 1.0
"""How often the same trouble of the event loop is logged at most."""

_log = logging.getLogger("mock_akool")


def _nothing() -> None:
    """Do nothing, but wake the loop."""


def _complain(ended: asyncio.Task[None]) -> None:
    """Log the bug that ended a task of which nobody awaits the end."""
    bug = None if ended.cancelled() else ended.exception()
    if bug is not None:
        _log.error("mock-akool bug beside the server", exc_info=bug)


class RequestLog(Protocol):
    """Takes a note of each request that was answered, and of what never became one."""

    def note(self, time_ns: int, request: Request, response: Response, took_ns: int, peer: str) -> None:
        """Note when (epoch ns) the response to a request was made, in how many ns, and the client's address."""
        ...

    def note_refusal(self, refusal: Refusal) -> None:
        """Note what never became a request."""
        ...


class Server:
    """A live server of one application.

    It listens on one host or several, all on one port (0 takes a free one), and with `uds` also on a Unix socket at
    that path.
    """

    loop: asyncio.AbstractEventLoop
    _drawing: ThreadPoolExecutor
    _admin: ThreadPoolExecutor
    _most_connections: int

    def __init__(
        self,
        application: Application,
        host: str | Sequence[str] = "127.0.0.1",
        port: int = 0,
        *,
        uds: str | None = None,
        public_url: str | None = None,
        log: RequestLog | None = None,
        tls: Tls | None = None,
        proxy: Proxy | None = None,
        forwarding: Forwarding | None = None,
    ) -> None:
        self.application = application
        self.public_url = public_url
        self.tls = tls or Tls()
        application.tls = self.tls
        self.max_body_bytes = application.max_body_bytes
        # Of the API as well: in a server there are others who wait meanwhile.
        is_slow = application.is_slow
        self.is_slow: Callable[[Request], bool] = lambda request: is_slow(request) or api.is_slow(request)
        self.pace = 1.0
        """How many times as fast as they say responses are that come late or slowly: as fast as the fake's clock."""
        self.connections: set[HttpConnection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self._beside: list[asyncio.Task[None]] = []
        self._hosts = (host,) if isinstance(host, str) else tuple(host)
        self.proxy = proxy or Proxy(on=all(map(is_loopback, self._hosts)))
        for each in self._hosts:
            application.listens_on(without_brackets(each))
        self._port = port
        self._uds = uds
        self._uds_identity: tuple[int, ...] | None = None
        self._log = log
        self._sockets: list[socket.socket] = []
        self._listeners: list[asyncio.AbstractServer] = []
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None
        self.known_requests: dict[bytes, Request] = {}
        """By the bytes of the request. A client that waits for a job sends the same bytes over and over."""
        self.known_over_tls: dict[bytes, Request] = {}
        self._again = application.again
        self._framed: dict[int, tuple[bytes, bytes, Response]] = {}
        self._framed_bytes = 0
        self._dated: dict[int, bytes] = {}
        """Of these the whole as it is sent in this second."""
        self._date = b""
        self._date_from_ns = self._date_until_ns = 0
        self._complained_s: dict[str, float] = {}
        application.clears(self.forget_remembered)
        self._forwarding = forwarding or Forwarding()
        # Each job keeps what its files' URLs begin with. By the benchmark `jobs` the "memory per job" grows by a tenth
        # when that is not the same text for all.
        self._base_of = lru_cache(maxsize=64)(self._made_base)

    # Life

    def bind(self) -> list[socket.socket]:
        """Take the addresses, once; `port` and `url` are known from then on.

        Raises ServerError when an address is taken or is none of this machine's.
        """
        if self._sockets:
            return self._sockets
        if self.tls.only:
            self.tls.prepare()  # a CA that cannot be used is better found now than by the first client
        sockets = listen(self._hosts, self._port)
        if self._uds is not None:
            try:
                sockets.append(listen_on_path(self._uds))
            except ServerError:
                for each in sockets:
                    each.close()
                raise
            self._uds_identity = identity_of(self._uds)
        self._sockets = sockets
        self._port = sockets[0].getsockname()[1]
        return sockets

    @property
    def port(self) -> int:
        """The port; after `bind` never 0."""
        return self._port

    @property
    def address(self) -> str:
        """Host and port, as in a URL; of several hosts the first."""
        return self._address_of(self._hosts[0])

    @property
    def addresses(self) -> tuple[str, ...]:
        """Everything that it listens on: each host with the port, as in a URL, and the path of the Unix socket."""
        hosts = tuple(self._address_of(host) for host in self._hosts)
        return hosts if self._uds is None else (*hosts, self._uds)

    def _address_of(self, host: str) -> str:
        host = without_brackets(host)
        return f"[{host}]:{self._port}" if ":" in host else f"{host}:{self._port}"

    @property
    def url(self) -> str:
        """The address as a base URL, without a slash at the end."""
        return f"{'https' if self.tls.only else 'http'}://{self.address}"

    def run(self, until: Callable[[asyncio.Event], None] | None = None) -> None:
        """Serve in this thread until stopped.

        `until`, when given, is called in the running loop as soon as the server listens, with the event that ends it.
        """
        self.bind()
        self.loop = new_loop()
        self.loop.set_exception_handler(self._complain)
        self._drawing = ThreadPoolExecutor(_DRAWING_THREADS, "mock-akool-draw")
        self._admin = ThreadPoolExecutor(self.application.slow_threads, "mock-akool-admin")
        self._most_connections = most_connections()
        self.application.server_started()
        try:
            self.loop.run_until_complete(self._serve(until))
        finally:
            self.loop.close()
            self.application.server_stopped(_WEBHOOK_GRACE_S)
            self._drawing.shutdown(wait=False, cancel_futures=True)
            self._admin.shutdown(wait=False, cancel_futures=True)
            self._unbind()

    def run_beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Run this in the server's loop, while the server runs; called in the loop. It is cancelled at the end."""
        task = self.loop.create_task(work)
        task.add_done_callback(_complain)
        self._beside.append(task)

    def start(self) -> Self:
        """Serve in a thread; returns as soon as connections are taken. A stopped server starts on the same port.

        Raises ServerError when an address is taken or the server runs already.
        """
        if self._thread is not None:
            raise ServerError(f"the server at {self.url} runs already", "Stop it before you start it again")
        library = patched_by()
        if library is not None:
            raise ServerError(
                f"a live server cannot run in a thread of this process: {library} has replaced its threads",
                "Run `mock-akool serve` in a process of its own",
            )
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
        """End a server that was started, within about a second even when responses are under way."""
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

    def listen_also(self, listening: socket.socket) -> None:
        """Take the connections of one more socket, which listens already, until the server stops; called in a thread.

        It need not be of this network: a socket stays in the network namespace in which it was made.
        """
        asyncio.run_coroutine_threadsafe(self._listen(listening), self.loop).result()
        self._sockets.append(listening)

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
        for each in self._sockets:
            each.close()
        self._sockets = []
        if self._uds is not None:
            remove_own(self._uds, self._uds_identity)
            self._uds_identity = None

    # What connections use

    def has_room(self) -> bool:
        """Return whether there may be as many connections as there are; says so, once a second, when not."""
        if len(self.connections) <= self._most_connections:
            return True
        self._say_once(
            f"{self._most_connections:,} connections are open: new ones are closed, so that files are left for "
            "webhooks and all else; allow more open files (ulimit -n), or close connections in the client"
        )
        return False

    def again(self, request: Request, peer: str = "") -> bytes | None:
        """Answer a known request that is a poll at which nothing has changed, and log it; returns what is to be sent.

        Return None for any other request, and do nothing then.
        """
        began_ns = now_ns = time.time_ns()
        response = self._again(request)
        if response is None:
            return None
        if self._log is not None:
            now_ns = time.time_ns()
            self._log.note(now_ns, request, response, now_ns - began_ns, peer)
        if not self._date_from_ns <= now_ns < self._date_until_ns:
            self._set_date(now_ns)
        return self._dated.get(id(response)) or self._frame(response)

    def answer(self, request: Request, peer: str = "") -> Response:
        """Answer a request, and log it unless the response is a file, of which it is decided later what is sent."""
        if self._log is None:
            return self.application.answer(request)
        began_ns = time.time_ns()
        response = self.application.answer(request)
        if response.media is not None:
            return response
        now_ns = time.time_ns()
        self._log.note(now_ns, request, response, now_ns - began_ns, peer)
        return response

    async def answer_admin(self, request: Request, peer: str = "") -> Response:
        """Answer a slow request, and wait for what its caller waits for; neither holds the event loop."""
        began_ns = time.time_ns()
        response = await self.loop.run_in_executor(self._admin, self.application.answer, request)
        waiting = response.waiting
        if waiting is not None:
            ends_s = self.loop.time() + waiting.seconds
            while self.loop.time() < ends_s:
                await asyncio.sleep(min(_LOOK_S, max(0, ends_s - self.loop.time())))
                if waiting.has_news():
                    # What looks through thousands of calls does so beside the loop.
                    found = await self.loop.run_in_executor(self._admin, waiting.response)
                    if found is not None:
                        response = found
                        break
            else:
                response = await self.loop.run_in_executor(self._admin, waiting.in_vain)
        if self._log is not None and response.media is None:
            now_ns = time.time_ns()
            self._log.note(now_ns, request, response, now_ns - began_ns, peer)
        return response

    async def beside(self, work: Callable[[], bytes]) -> bytes:
        """Do what may take milliseconds, outside of the event loop."""
        return await self.loop.run_in_executor(self._admin, work)

    def note_refusal(self, peer: str, status: int, why: str, start: bytes) -> None:
        """Take note of what never became a request."""
        refusal = self.application.note_refusal(peer, status, why, start)
        if self._log is not None:
            self._log.note_refusal(refusal)

    def remember(self, known: dict[bytes, Request], data: bytes, request: Request) -> None:
        """Keep what the parser made of a read that was one whole request, for `known_requests` or `known_over_tls`."""
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[data] = request

    def framed(self, response: Response) -> bytes:
        """Return a response without a file as it is sent now; remembered, as the engine repeats its responses."""
        self.date()
        return self._dated.get(id(response)) or self._frame(response)

    def _frame(self, response: Response) -> bytes:
        """Return a response with the Date header of this second."""
        known = self._framed.get(id(response))
        if known is None:
            before, after = frame(response, response.body)
            if len(after) > _MOST_FRAMED:
                return b"".join((before, self._date, after))
            if len(self._framed) >= _MOST_KNOWN or self._framed_bytes > _MOST_FRAMED_BYTES:
                self._forget_framed()
            # The response is kept too, so that its identity stays its own.
            known = self._framed[id(response)] = (before, after, response)
            self._framed_bytes += 3 * len(after)
        before, after, _ = known
        whole = self._dated[id(response)] = b"".join((before, self._date, after))
        return whole

    def forget_remembered(self) -> None:
        """Forget the requests and responses that are kept only to be faster."""
        self.known_requests.clear()
        self.known_over_tls.clear()
        self._forget_framed()

    def _forget_framed(self) -> None:
        self._framed.clear()
        self._dated.clear()
        self._framed_bytes = 0

    def ready_file(self, request: Request, response: Response, peer: str) -> tuple[Response, bytes] | None:
        """Return the response with a file as it is sent, and its body; None when the file must be drawn. Logs it."""
        began_ns = time.time_ns()
        ready = self.application.ready(response)
        if ready is not None:
            sent, _ = ready
            self._log_file(began_ns, request, sent, peer)
        return ready

    async def complete(self, request: Request, response: Response, peer: str) -> tuple[Response, bytes]:
        """Return the response as it is sent, and its body; a file is drawn outside of the event loop, and logged."""
        began_ns = time.time_ns()
        ready = self.application.ready(response)
        if ready is None:
            ready = await self.loop.run_in_executor(self._drawing, self.application.complete, response)
        sent, body = ready
        if response.media is not None:
            self._log_file(began_ns, request, sent, peer)
        return sent, body

    def _log_file(self, began_ns: int, request: Request, response: Response, peer: str) -> None:
        if self._log is not None:
            now_ns = time.time_ns()
            self._log.note(now_ns, request, response, now_ns - began_ns, peer)

    def most_bytes_of(self, request: Request) -> int:
        """Return up to how many bytes are read of a snapshot that somebody puts who may; 0 for other requests."""
        is_allowed = is_snapshot(request) and self.application.access.refusal(request) is None
        return MOST_SNAPSHOT_BYTES if is_allowed else 0

    def is_own(self, place: Place) -> bool:
        """Return whether a request that names this place is for the server itself, and not for a proxy."""
        if place.port == self._port:
            return self.application.access.is_ours(place.host)
        return self.proxy.others is Others.REFUSE and is_loopback(place.host)

    def base_for(self, headers: Mapping[str, str], scheme: str, peer: str) -> str:
        """Return what the URLs of files begin with for a client with these headers; empty for the real API's.

        `peer` is what connected, the client or a proxy: host and port as in a URL, empty for a Unix socket.
        """
        directly = Called(scheme, headers.get("host", ""))
        return self._base_of(self._forwarding.called(directly, headers, peer.rpartition(":")[0].strip("[]")))

    def _made_base(self, called: Called) -> str:
        scheme, host, prefix = called
        # A client that reaches Akool's names over TLS reaches the real hosts of files here as well.
        if self.public_url is None and scheme == "https" and host.removesuffix(":443").lower() in HOSTS:
            return ""
        return self.public_url or f"{scheme}://{host if _HOST.fullmatch(host) else self.address}{prefix}"

    def date(self) -> bytes:
        """Return the Date header, which HTTP wants in every response."""
        now_ns = time.time_ns()
        if not self._date_from_ns <= now_ns < self._date_until_ns:
            self._set_date(now_ns)
        return self._date

    def _set_date(self, now_ns: int) -> None:
        second = now_ns // NS_PER_S
        self._date_from_ns, self._date_until_ns = second * NS_PER_S, (second + 1) * NS_PER_S
        self._date = f"\r\ndate: {http_date(second)}".encode()
        self._dated.clear()

    # The loop's inside

    async def _serve(self, until: Callable[[asyncio.Event], None] | None) -> None:
        self._stopping = asyncio.Event()
        for each in self.bind():
            await self._listen(each)
        self.run_beside(self._sweep())
        self.run_beside(self._watch())
        try:
            if until is not None:
                until(self._stopping)
            await self._stopping.wait()
        finally:
            for task in self._beside:
                task.cancel()
            self._beside.clear()
            for listener in self._listeners:
                listener.close()
            self._listeners.clear()
            await self._finish()

    async def _listen(self, listening: socket.socket) -> None:
        create: Any = self.loop.create_server
        if listening.family == getattr(socket, "AF_UNIX", None):
            create = self.loop.create_unix_server
        self._listeners.append(await create(lambda: HttpConnection(self), sock=listening, backlog=BACKLOG))

    async def _finish(self) -> None:
        """Let responses that are under way come, and clients take them, but not for long."""
        ends_s = self.loop.time() + _GRACE_S
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=_GRACE_S)
        for task in self.tasks:
            task.cancel()
        for connection in list(self.connections):
            connection.finish()
        for _ in range(3):
            await asyncio.sleep(0)
        while self.connections and self.loop.time() < ends_s:
            await asyncio.sleep(_LOOK_S)
            for connection in list(self.connections):
                connection.finish()  # also one that the system had taken before, and the loop only now
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
                connection.sweep()

    def _complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log trouble of the event loop, such as too many open files: one line a second at most."""
        error = context.get("exception")
        if isinstance(error, OSError):
            said = f"{error.strerror or error} ({context.get('message', 'in the event loop')})"
        else:
            said = str(context.get("message") or error)
        self._say_once(said, None if isinstance(error, (OSError, type(None))) else error)

    async def _watch(self) -> None:
        """Try again what failed, and say when there are no more handles: uvloop then closes connections silently."""
        while True:
            await asyncio.sleep(_COMPLAINT_S)
            self.application.tick()
            try:
                os.close(os.open(os.devnull, os.O_RDONLY))
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    count = len(self.connections)
                    self._say_once(
                        f"{error.strerror}: new connections are closed, {count} are open; "
                        "allow more open files (ulimit -n), or close connections in the client"
                    )

    def _say_once(self, said: str, error: BaseException | None = None) -> None:
        now_s = time.monotonic()
        if now_s - self._complained_s.get(said, -_COMPLAINT_S) < _COMPLAINT_S:
            return
        if len(self._complained_s) >= _MOST_KNOWN:
            self._complained_s.clear()
        self._complained_s[said] = now_s
        _log.error("mock-akool: %s", said, exc_info=error)
