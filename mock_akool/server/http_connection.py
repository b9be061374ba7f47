"""One HTTP/1.1 connection of the live server: bytes to Calls, Replies to bytes.

The parsing is httptools' (llhttp, the parser of Node.js). What is here is what a parser leaves to its user:
the order of pipelined requests, answers that wait, bounds, and when to close.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import deque
from collections.abc import Coroutine
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, Protocol, cast

import httptools

from mock_akool.admin import PREFIX, is_slow, most_body_bytes
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.http import Headers, Request, Response, Termination, Transfer

_MAX_HEAD_BYTES: Final = 64 << 10
_MAX_WAITING: Final = 16
_LONG: Final = 512
"""From how many bytes on a text is not worth remembering."""
_BODILESS: Final = frozenset({204, 304})
_SPECIAL: Final = frozenset({"expect", "upgrade", "transfer-encoding"})
_MOST_REMEMBERED: Final = 2048
"""From how many bytes on a request is not worth remembering."""
_OF_UPGRADE: Final = frozenset({"connection", "upgrade", "http2-settings", "expect"})

_log = logging.getLogger("mock_akool")


@lru_cache(maxsize=256)
def _head(status: int, headers: Headers) -> bytes:
    """Return the status line and the headers that do not depend on the single answer."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers), "server: mock-akool"]
    return "\r\n".join(lines).encode("latin-1")


# Clients repeat themselves: what they sent is decoded once and shared by all the calls that the journal keeps.


@lru_cache(maxsize=512)
def _name(raw: bytes) -> str:
    return raw.decode("latin-1").lower()


_ADMIN: Final = PREFIX.encode()


@lru_cache(maxsize=1024)
def _text(raw: bytes) -> str:
    return raw.decode("latin-1")


@lru_cache(maxsize=1024)
def _path_and_query(target: bytes) -> tuple[str, str]:
    if target[:1] != b"/" and b"://" in target:
        url = httptools.parse_url(target)
        target = (url.path or b"/") + (b"?" + url.query if url.query else b"")
    path, _, query = target.decode("latin-1").partition("?")
    return path, query


def frame(response: Response, body: bytes) -> tuple[bytes, bytes]:
    """Return what is sent before and after the headers that depend on the moment."""
    length = b"" if response.status in _BODILESS else b"\r\ncontent-length: %d" % len(body)
    return _head(response.status, response.headers), b"%b\r\n\r\n%b" % (length, body)


class Bodies(Protocol):
    """Who knows the bodies of responses."""

    def ready_body(self, response: Response) -> bytes | None:
        """Return the response's body if it needs no drawing, else None."""
        ...


class ConnectionHost(Protocol):
    """What a connection needs of whoever serves it: the live server, or a fake in the process of the client."""

    max_body_bytes: int
    loop: asyncio.AbstractEventLoop
    connections: set[HttpConnection]
    tasks: set[asyncio.Task[None]]
    known_calls: dict[bytes, Request]

    @property
    def application(self) -> Bodies:
        """Who knows the bodies of responses."""
        ...

    def base_of(self, host: str, /) -> str:
        """Return what the URLs of files begin with for a client that asked `host`."""
        ...

    def answer(self, request: Request) -> Response:
        """Answer a request."""
        ...

    async def answer_admin(self, request: Request) -> Response:
        """Answer a request to the admin API, and wait for what its caller waits for."""
        ...

    async def complete(self, response: Response) -> tuple[Response, bytes]:
        """Return the response and its body; one that must be drawn takes milliseconds."""
        ...

    def remember(self, data: bytes, request: Request) -> None:
        """Keep what the parser made of a read that was one whole request, for `known_calls`."""
        ...

    def framed(self, response: Response) -> tuple[bytes, bytes]:
        """Return what is sent before and after the Date header."""
        ...

    def date(self) -> bytes:
        """Return the Date header."""
        ...


class HttpConnection(asyncio.Protocol):
    """Serves one connection. Its requests are answered one after the other, in the order they came."""

    __slots__ = (
        "_application",
        "_between",
        "_body",
        "_busy",
        "_completed",
        "_headers",
        "_parser",
        "_paused",
        "_refusal",
        "_server",
        "_target",
        "_task",
        "_transport",
        "_unread_head",
        "_waiting",
        "_whole",
        "quiet_sweeps",
    )

    _transport: asyncio.Transport

    def __init__(self, server: ConnectionHost) -> None:
        self._server = server
        self._application = server.application
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._between = True
        """Whether the parser has read all of a request and nothing of the next."""
        self._completed = 0
        self._whole: Request | None = None
        """What the last complete request was, if it may be remembered."""
        self._busy = False
        self._task: asyncio.Task[None] | None = None
        self._paused = False
        self._refusal: tuple[int, str] | None = None
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: bytes | bytearray = b""
        self._unread_head = 0
        self.quiet_sweeps = 0
        """How often the server looked after idle connections since this one last sent something."""

    @property
    def idle(self) -> bool:
        """Whether no answer of this connection is under way."""
        return not self._busy

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its class
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; answers that were under way go nowhere."""
        self._server.connections.discard(self)
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()  # or an answer that is late by an hour would be kept for nobody

    def data_received(self, data: bytes) -> None:
        """Parse what came; complete requests are answered from the parser's callbacks."""
        self.quiet_sweeps = 0
        try:
            known = self._server.known_calls.get(data) if self._between and not self._busy else None
            if known is not None and not self._waiting and not self._paused and not self._transport.is_closing():
                self._answer(known, True)
            else:
                self._parse(data)
        except httptools.HttpParserUpgrade as upgrade:
            # We speak HTTP/1.1 only, and answer as such; what follows is the request's body or the next request.
            rest = data[upgrade.args[0] :]
            if self._lacks_body():
                rest = self._head_without_upgrade() + rest
            self._parser = httptools.HttpRequestParser(self)
            self._between = True
            if rest:
                self.data_received(rest)
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, _HeadTooLongError):
                self._refuse_head()
            else:
                self._report_bug(error.__context__ or error)
        except httptools.HttpParserError as error:
            self._refuse(400, f"this is not HTTP/1.1: {error}")
        except Exception as bug:
            self._report_bug(bug)

    def _parse(self, data: bytes) -> None:
        began_between = self._between
        self._unread_head += len(data)
        self._completed = 0
        self._parser.feed_data(data)
        if self._unread_head > _MAX_HEAD_BYTES:
            self._refuse_head()
        if began_between and len(data) <= _MOST_REMEMBERED:
            self._remember(data)

    def _remember(self, data: bytes) -> None:
        """Keep what a read was, if it was just one request: the parser would make the same of the same bytes."""
        if self._between and self._completed == 1 and self._whole is not None:
            self._server.remember(data, self._whole)

    def _report_bug(self, bug: BaseException) -> None:
        _log.error("mock-akool bug in the HTTP door", exc_info=bug)
        self._refuse(500, "mock-akool bug: see the server's log")

    def pause_writing(self) -> None:
        """Read no more while the client does not take what it asked for."""
        self._paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on reading."""
        self._paused = False
        self._transport.resume_reading()
        self._answer_waiting()

    # What the parser calls

    def on_message_begin(self) -> None:
        """Start a new request."""
        self._between = False
        self._target = b""
        self._headers = {}
        self._body = b""

    def on_url(self, url: bytes) -> None:
        """Take the target, which may come in pieces."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; of a repeated one the first counts."""
        key = _name(name)
        if key not in self._headers:
            self._headers[key] = _text(value) if len(value) < _LONG else value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Refuse a head that is too long; ask a client for the body that it holds back."""
        headers = self._headers
        if self._unread_head > _MAX_HEAD_BYTES:
            size = len(self._target) + sum(map(len, (*headers, *headers.values())))
            if size > _MAX_HEAD_BYTES:
                raise _HeadTooLongError
        self._unread_head = 0
        if "expect" in headers and headers["expect"].lower() == "100-continue" and not self._waiting and self.idle:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, up to a byte over the bound, so that the API sees that it is too long."""
        most = self._server.max_body_bytes
        if self._target.startswith(_ADMIN):
            most = most_body_bytes(most)
        room = most + 1 - len(self._body)
        if room > 0:
            self._body = self._body or bytearray()
            self._body += body[:room]
        self._unread_head = 0

    def on_message_complete(self) -> None:
        """Answer, or wait for the answers that are under way."""
        self._unread_head = 0
        self._between = True
        self._completed += 1
        headers = self._headers
        if "upgrade" in headers and self._lacks_body():
            return
        keep_alive = self._parser.should_keep_alive()
        if "connection" in headers and self._parser.get_http_version() == "1.0":
            keep_alive = False  # its keep-alive is an agreement that we need not enter
        request = self._call()
        self._whole = request if keep_alive and not self._body and not _SPECIAL.intersection(headers) else None
        if self._busy or self._waiting or self._paused:
            self._waiting.append((request, keep_alive))
            if len(self._waiting) >= _MAX_WAITING:
                self._transport.pause_reading()
        elif not self._transport.is_closing():
            self._answer(request, keep_alive)

    # Ours

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _lacks_body(self) -> bool:
        """Whether the parser left out the body: after an `Upgrade` header it takes a body for another protocol.

        Java's HTTP client asks every http:// server for an upgrade to HTTP/2, bodies included.
        """
        headers = self._headers
        has_body = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        return has_body and self._parser.should_upgrade() and self._parser.get_method() != b"CONNECT"

    def _head_without_upgrade(self) -> bytes:
        """Write the request's head again, so that a new parser reads the body that belongs to it."""
        keep_alive = b"keep-alive" if self._parser.should_keep_alive() else b"close"
        lines = [b"%b %b HTTP/1.1" % (self._parser.get_method(), self._target), b"connection: " + keep_alive]
        for name, value in self._headers.items():
            if name not in _OF_UPGRADE:
                lines.append(f"{name}: {value}".encode("latin-1"))
        return b"\r\n".join([*lines, b"", b""])

    def _call(self) -> Request:
        target = self._target
        path, query = (_path_and_query if len(target) < _LONG else _path_and_query.__wrapped__)(target)
        headers = self._headers
        base = self._server.base_of(headers.get("host", ""))
        return Request(_text(self._parser.get_method()), path, query, headers, bytes(self._body), base, "server")

    def _answer(self, request: Request, keep_alive: bool) -> None:
        if is_slow(request):
            self._busy = True
            self._later(self._answer_admin(request, keep_alive))
            return
        response = self._server.answer(request)
        body = self._application.ready_body(response)
        if body is not None and not response.delay_ns and response.transfer is None:
            self._send(request, response, body, keep_alive)
            return
        self._busy = True
        self._later(self._answer_later(request, response, keep_alive))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._task = self._server.loop.create_task(work)
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    async def _answer_admin(self, request: Request, keep_alive: bool) -> None:
        """Answer an admin request, which may look through all jobs or move a clock, outside of the event loop."""
        await self._answer_later(request, await self._server.answer_admin(request), keep_alive)

    async def _answer_later(self, request: Request, response: Response, keep_alive: bool) -> None:
        """Send an answer that waits or whose picture must be drawn; neither holds the event loop."""
        response, body = await self._server.complete(response)
        if response.delay_ns:
            await asyncio.sleep(response.delay_ns / NS_PER_S)
        if response.transfer is not None:
            await self._send_badly(request, response, response.transfer, body, keep_alive)
        self._busy = False
        self.quiet_sweeps = 0
        if not self._transport.is_closing():
            if response.transfer is None:
                self._send(request, response, body, keep_alive)
            self._answer_waiting()

    async def _send_badly(
        self, request: Request, response: Response, transfer: Transfer, body: bytes, keep_alive: bool
    ) -> None:
        """Send what the transfer lets through, as slowly as it says, and end the connection as it says."""
        transport = self._transport
        if transport.is_closing():
            return
        if transfer.termination is Termination.DROP:
            transport.close()
            return
        if transfer.termination is Termination.RESET:
            reset(transport)
            return
        before, after = frame(response, body)
        head, arriving = after[: len(after) - len(body)], b"" if request.method == "HEAD" else body
        keep_alive = keep_alive and transfer.termination is None
        closing = b"" if keep_alive else b"\r\nconnection: close"
        transport.write(b"".join((before, self._server.date(), closing, head)))
        if transfer.termination is Termination.CUT:
            arriving = arriving[: transfer.sent.of(len(arriving))]
        size = transfer.piece_bytes or len(arriving) or 1
        for start in range(0, len(arriving), size):
            if transfer.piece_bytes:
                await asyncio.sleep(transfer.pause_ns / NS_PER_S)
            if transport.is_closing():
                return
            transport.write(arriving[start : start + size])
        if not keep_alive:
            transport.close()

    def _answer_waiting(self) -> None:
        while self._waiting and not self._busy and not self._paused and not self._transport.is_closing():
            self._answer(*self._waiting.popleft())
        if self._refusal is not None:
            self._refuse(*self._refusal)
        elif not self._paused and not self._transport.is_closing():
            self._transport.resume_reading()

    def _send(self, request: Request, response: Response, body: bytes, keep_alive: bool) -> None:
        if response.media is None and keep_alive and request.method != "HEAD":
            before, after = self._server.framed(response)
            self._transport.write(b"".join((before, self._server.date(), after)))
            return
        before, after = frame(response, body)
        if request.method == "HEAD":
            after = after[: len(after) - len(body)]
        closing = b"" if keep_alive else b"\r\nconnection: close"
        self._transport.write(b"".join((before, self._server.date(), closing, after)))
        if not keep_alive:
            self._transport.close()

    def _refuse_head(self) -> None:
        self._refuse(431, f"the request's headers are over {_MAX_HEAD_BYTES:,} bytes")

    def _refuse(self, status: int, why: str) -> None:
        """Answer what is no request, and close: nobody knows where the next one would begin."""
        if self._transport.is_closing():
            return
        if self._busy or self._waiting:
            self._refusal = (status, why)  # after the answers to the requests before it
            self._transport.pause_reading()
            return
        body = f"{why}\n".encode()
        head = _head(status, (("content-type", "text/plain; charset=utf-8"), ("connection", "close")))
        length = b"\r\ncontent-length: %d\r\n\r\n" % len(body)
        self._transport.write(head + self._server.date() + length + body)
        self._transport.close()


def reset(transport: asyncio.Transport) -> None:
    """Close a connection so that the other side sees a reset and not an end: TCP RST instead of FIN."""
    own: socket.socket = transport.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class _HeadTooLongError(Exception):
    pass
