"""One HTTP/1.1 connection of the live server: from bytes to Requests, and whose response is sent when.

The parsing is httptools' (llhttp, the parser of Node.js). What is here is what a parser leaves to its user: the order
of pipelined requests, responses that wait, bounds, when to close, and that connections take turns.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, MutableSet
from functools import lru_cache
from typing import Any, Final, Protocol, cast

import httptools

from mock_akool.admin import PREFIX, most_body_bytes
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.http import STREAM_FILLER_S, STREAM_LOOK_S, Request, Response, Stream
from mock_akool.core.text import without_secrets
from mock_akool.server.forwarding import HEADERS as FORWARDED
from mock_akool.server.http_response import ResponseHost, ResponseWriter
from mock_akool.server.proxy import (
    ESTABLISHED,
    PROXIED,
    Place,
    Proxy,
    Tunnel,
    Way,
    forward,
    place_of,
    where,
)
from mock_akool.server.tls import Tls, TlsTransport, is_tls

_MAX_HEAD_BYTES: Final = 64 << 10
_MAX_WAITING: Final = 16
"""How many parsed requests may wait for their turn before no more are parsed."""
_TURN_BYTES: Final = 16 << 10
"""How many bytes of a connection are parsed before the other connections have their turn."""
_LONG: Final = 512
"""From how many bytes on a text is not worth remembering."""
_LONG_NAME: Final = 64
_SPECIAL: Final = frozenset({"expect", "upgrade", "transfer-encoding"}) | FORWARDED
"""What a request has that is not the same whenever and from wherever its bytes come."""
_MOST_REMEMBERED: Final = 2048
"""From how many bytes on a request is not worth remembering."""
_OF_UPGRADE: Final = frozenset({"connection", "upgrade", "http2-settings", "expect"})
_HTTP_2: Final = b"PRI * HTTP/2.0"
_SHOWN: Final = 80

_QUIET_SWEEPS: Final = 15
"""After how many sweeps without a byte in either direction a connection is closed: 75 s."""
_HALF_CLOSED_SWEEPS: Final = 6
"""For how many sweeps the response of a client is waited for that has said that it sends no more: 30 s."""
_SLOW_SWEEPS: Final = 12
"""For how many sweeps a request may arrive, 60 s, and one more for each piece of so many bytes of its body."""
_BYTES_PER_SWEEP: Final = 16 << 10

_STUCK_S: Final = 75
"""For how long the client of a stream may take nothing."""

_log = logging.getLogger("mock_akool")


class ConnectionHost(ResponseHost, Protocol):
    """What a connection asks its server for."""

    loop: asyncio.AbstractEventLoop
    max_body_bytes: int
    tls: Tls
    proxy: Proxy
    known_requests: dict[bytes, Request]
    """What the parser made of a read that was one whole request, by its bytes."""
    known_over_tls: dict[bytes, Request]
    """The same, of clients that speak TLS: the URLs of their files begin with https."""

    @property
    def port(self) -> int:
        """The port that it listens on."""
        ...

    @property
    def connections(self) -> MutableSet[HttpConnection]:
        """The open connections; each puts itself in and takes itself out."""
        ...

    @property
    def tasks(self) -> MutableSet[asyncio.Task[None]]:
        """The tasks of responses that are under way."""
        ...

    @property
    def is_slow(self) -> Callable[[Request], bool]:
        """Returns whether a request may take milliseconds, so that it is answered outside of the event loop."""
        ...

    def has_room(self) -> bool:
        """Return whether there may be as many connections as there are."""
        ...

    def again(self, request: Request, peer: str) -> bytes | None:
        """Answer a known request that is a poll at which nothing has changed, and log it; returns what is to be sent.

        Return None for any other request, and do nothing then.
        """
        ...

    def answer(self, request: Request, peer: str) -> Response:
        """Answer a request at once, and log it unless the response is a file."""
        ...

    async def answer_admin(self, request: Request, peer: str) -> Response:
        """Answer a slow request, such as one to the admin API, outside of the event loop, and log it."""
        ...

    async def beside(self, work: Callable[[], bytes]) -> bytes:
        """Do what may take milliseconds, outside of the event loop."""
        ...

    def ready_file(self, request: Request, response: Response, peer: str) -> tuple[Response, bytes] | None:
        """Return the response with a file as it is sent, and its body; None when the file must be drawn. Logs it."""
        ...

    async def complete(self, request: Request, response: Response, peer: str) -> tuple[Response, bytes]:
        """Return the response as it is sent, and its body; a file is drawn outside of the event loop, and logged."""
        ...

    def remember(self, known: dict[bytes, Request], data: bytes, request: Request) -> None:
        """Keep what the parser made of a read that was one whole request."""
        ...

    def base_for(self, headers: Mapping[str, str], scheme: str, peer: str, /) -> str:
        """Return what the URLs of files begin with for a client with these headers; empty for the real API's."""
        ...

    def most_bytes_of(self, request: Request, /) -> int:
        """Return up to how many bytes of an admin request's body are read that is longer than most are; or 0."""
        ...

    def is_own(self, place: Place, /) -> bool:
        """Return whether a request that names this place is for the server itself, and not for a proxy."""
        ...

    def note_refusal(self, peer: str, status: int, why: str, start: bytes) -> None:
        """Take note of what never became a request: whose it is, what it is answered, and what it began with."""
        ...


# Clients repeat themselves: what they sent is decoded once and shared by all the requests that the call log keeps. Of
# the benchmark `floods` the memory "under pipelined requests whose answers are not taken" grows by a tenth without it.


@lru_cache(maxsize=512)
def _name(raw: bytes) -> str:
    return raw.decode("latin-1").lower()


_ADMIN: Final = PREFIX.encode()


@lru_cache(maxsize=1024)
def _text(raw: bytes) -> str:
    return raw.decode("latin-1")


@lru_cache(maxsize=1024)
def _path_and_query(target: bytes) -> tuple[str, str]:
    path, _, query = _origin_form(target).decode("latin-1").partition("?")
    return path, query


def _scheme_of(target: bytes) -> str:
    """Return the scheme of a target that names a host, as clients of proxies send it; else an empty text."""
    scheme = target.partition(b"://")[0].lower()
    return scheme.decode() if scheme in (b"http", b"https") else ""


def _origin_form(target: bytes) -> bytes:
    """Return a target without scheme and host, whatever these are: clients of proxies send them."""
    if target[:1] == b"/" or b"://" not in target:
        return target
    _, _, rest = target.partition(b"://")
    ends = [place for place in (rest.find(b"/"), rest.find(b"?")) if place >= 0]
    rest = rest[min(ends) :] if ends else b""
    return rest if rest[:1] == b"/" else b"/" + rest


class HttpConnection(asyncio.Protocol):
    """Serves one connection. Its requests are answered one after the other, in the order they came."""

    __slots__ = (
        "_between",
        "_body",
        "_busy",
        "_completed",
        "_ended",
        "_ended_sweeps",
        "_first",
        "_headers",
        "_host",
        "_in_head",
        "_known",
        "_most_body",
        "_parser",
        "_paused",
        "_peer",
        "_quiet_sweeps",
        "_reading",
        "_refusal",
        "_request_sweeps",
        "_scheduled",
        "_scheme",
        "_sniffs",
        "_target",
        "_task",
        "_transport",
        "_tunnel",
        "_unparsed",
        "_unread_head",
        "_unsent",
        "_waiting",
        "_whole",
        "_writer",
    )

    _transport: asyncio.Transport
    _writer: ResponseWriter

    def __init__(self, host: ConnectionHost) -> None:
        self._host = host
        self._parser = httptools.HttpRequestParser(self)
        self._peer = ""
        self._unparsed = b""
        """What came and has to wait for its turn."""
        self._scheduled = False
        """Whether the next turn is asked for."""
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._between = True
        """Whether the parser has read all of a request and nothing of the next."""
        self._first = True
        """Whether nothing came yet."""
        self._sniffs = True
        """Whether the next bytes may begin TLS: of a connection the first, and the first in a tunnel."""
        self._scheme = "http"
        self._known = host.known_requests
        self._tunnel: Place | Tunnel | None = None
        """Where the client wants its bytes to be sent, or what sends them there."""
        self._completed = 0
        self._whole: Request | None = None
        """What the last complete request was, if it may be remembered."""
        self._busy = False
        self._task: asyncio.Task[None] | None = None
        self._paused = False
        """Whether the client does not take what it asked for."""
        self._ended = False
        """Whether the client has said that it sends no more."""
        self._refusal: tuple[int, str] | None = None
        self._target = b""
        self._headers: dict[str, str] = {}
        self._in_head = False
        self._body: bytes | bytearray = b""
        self._unread_head = 0
        self._reading = True
        self._unsent = 0
        self._quiet_sweeps = 0
        """How often the server looked since this connection last moved a byte."""
        self._most_body = 0
        """Up to how many bytes of this request's body are read, where that is no matter of its path alone; else 0."""
        self._request_sweeps = 0
        """How often the server looked since the request that is arriving began."""
        self._ended_sweeps = 0

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its class
        self._writer = ResponseWriter(self._host, self._transport)
        self._peer = _shown_peer(transport.get_extra_info("peername"))
        self._host.connections.add(self)
        if not self._host.has_room():
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; responses that were under way go nowhere."""
        self._host.connections.discard(self)
        if self._first and self._scheme == "https" and self._refusal is None:
            self._host.tls.unused_connections += 1
        self._waiting.clear()
        # This and its parser keep each other until the garbage collector comes, which in a server is seldom.
        self._unparsed = self._body = self._target = b""
        self._headers = {}
        self._whole = None
        if self._task is not None:
            self._task.cancel()  # or a response that is late by an hour would be kept for nobody

    def data_received(self, data: bytes) -> None:
        """Answer what came, or put it with what waits for its turn."""
        self._quiet_sweeps = 0
        if self._unparsed:
            self._unparsed += data
            return
        if self._between and not self._busy:
            known = self._known.get(data)
            if known is not None and not self._waiting and not self._paused and not self._transport.is_closing():
                try:
                    again = self._host.again(known, self._peer)
                    if again is not None:
                        self._transport.write(again)
                    else:
                        self._answer(known, True)
                except Exception as bug:
                    self._report_bug(bug)
                return
        if self._sniffs and self._begins_tls(data):
            return
        self._unparsed = data
        self._take_turn()

    def eof_received(self) -> bool:
        """Keep the connection open for the responses that the client still waits for."""
        self._ended = True
        if self._unparsed or self._busy or self._waiting or self._transport.get_write_buffer_size():
            self._end_if_done()
            return True
        self._note_rest()
        return False

    def pause_writing(self) -> None:
        """Read no more while the client does not take what it asked for."""
        self._paused = True
        self._read(False)

    def resume_writing(self) -> None:
        """Go on."""
        self._paused = False
        self._go_on()

    # TLS

    def _begins_tls(self, data: bytes) -> bool:
        """Take the first bytes of a connection if they are TLS, or if nothing else is spoken here."""
        self._sniffs = False
        tls = self._host.tls
        if tls.off:
            return False
        if not is_tls(data):
            if tls.only and self._scheme == "http":
                self._refuse_with(400, "this port speaks TLS only: write https:// in the client's base URL", data)
                return True
            return False
        ready = tls.ready
        if ready is None:
            self._busy = True
            self._read(False)
            self._later(self._prepare_tls(data))
        else:
            self._speak_tls(ready, data)
        return True

    async def _prepare_tls(self, data: bytes) -> None:
        """Read the CA, or make it, outside of the event loop."""
        try:
            context = await self._host.loop.run_in_executor(None, self._host.tls.prepare)
        except MockAkoolError as error:
            self._note(400, f"no TLS: {error}", data)
            _log.error("mock-akool: no TLS: %s", error)
            self.abort()
            return
        self._busy = False
        if not self._transport.is_closing():
            self._read(True)
            self._speak_tls(context, data)

    def _speak_tls(self, context: ssl.SSLContext, data: bytes) -> None:
        below = self._transport
        secured = TlsTransport(context, below, self, lambda why: self._note(400, why))
        self._transport = secured
        self._writer = ResponseWriter(self._host, secured)
        self._scheme = "https"
        self._known = self._host.known_over_tls
        below.set_protocol(secured)
        secured.data_received(data)

    # Tunnels

    def _begin_tunnel(self, place: Place, rest: bytes) -> None:
        """Answer a client that wants a connection to another server."""
        way = where(self._host.proxy, place, self._host.port)
        if self._busy or self._waiting:
            self._refuse_with(400, "CONNECT comes before the responses to the requests before it are read")
        elif isinstance(way, str):
            self._refuse_with(403, way)
        elif way is Way.SELF:
            self._first = self._sniffs = True
            self._transport.write(ESTABLISHED)
            if rest:
                self.data_received(rest)
        else:
            self._busy = True
            self._read(False)
            self._tunnel = tunnel = Tunnel(self._host, self._transport, rest, self.connection_lost)
            self._later(self._open_tunnel(tunnel, place))

    async def _open_tunnel(self, tunnel: Tunnel, place: Place) -> None:
        why = await tunnel.open(place)
        if why is not None:
            self._busy = False
            self._refuse_with(502, why)

    async def _forward(self, request: Request) -> None:
        """Let another server answer a request; the connection ends with its response."""
        if len(request.body) > self._host.max_body_bytes:
            why: str | None = f"the body is over {self._host.max_body_bytes:,} bytes; use CONNECT for longer ones"
        else:
            why = await forward(request, self._transport, self._host.port)
        self._busy = False
        if why is not None:
            self._refuse_with(502, why)
        else:
            self._transport.close()

    # Taking turns

    def _take_turn(self) -> None:
        """Parse as much as one turn allows; complete requests are answered while the parser reads them."""
        self._scheduled = False
        if self._transport.is_closing():
            self._unparsed = b""
            return
        if self._may_parse():
            if len(self._unparsed) <= _TURN_BYTES:
                data, self._unparsed = self._unparsed, b""
            else:
                data, self._unparsed = self._unparsed[:_TURN_BYTES], self._unparsed[_TURN_BYTES:]
            if data:
                self._feed(data)
        self._go_on()

    def _may_parse(self) -> bool:
        return len(self._waiting) < _MAX_WAITING and not self._paused and self._refusal is None

    def _go_on(self) -> None:
        """Answer what waits; ask for the next turn, or for more bytes, when that makes sense."""
        while self._waiting and not self._busy and not self._paused and not self._transport.is_closing():
            self._answer(*self._waiting.popleft())
        if self._transport.is_closing():
            return
        if self._refusal is not None:
            self._refuse(*self._refusal)
            return
        may_parse = self._may_parse()
        self._read(may_parse and not self._unparsed)
        if self._unparsed:
            if may_parse and not self._scheduled:
                self._scheduled = True
                self._host.loop.call_soon(self._take_turn)
        elif self._ended:
            self._end_if_done()

    def _read(self, reading: bool) -> None:
        """Read on, or read no more for now."""
        if reading is not self._reading and not self._ended and not self._transport.is_closing():
            self._reading = reading
            (self._transport.resume_reading if reading else self._transport.pause_reading)()

    def _end_if_done(self) -> None:
        """Close when the client sends no more and has got all responses."""
        if self._ended and not (self._unparsed or self._busy or self._waiting):
            self._note_rest()
            self._transport.close()

    def _note_rest(self) -> None:
        """Take note of a request of which the client did not send the end."""
        if not self._between and self._refusal is None:
            self._note(400, "the connection ended in the middle of a request")

    # Parsing

    def _feed(self, data: bytes) -> None:
        first, self._first = self._first, False
        try:
            while data:
                data = self._parse(data)
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, _HeadTooLongError):
                self._refuse_head()
            else:
                self._report_bug(error.__context__ or error)
        except httptools.HttpParserError as error:
            self._refuse_with(400, f"this is not HTTP/1.1: {_why_unreadable(data, error, first)}", data)
        except Exception as bug:
            self._report_bug(bug)

    def _parse(self, data: bytes) -> bytes:
        """Let the parser have some bytes; returns those that another parser has to read."""
        began_between = self._between
        self._unread_head += len(data)
        self._completed = 0
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # We speak HTTP/1.1 only, and answer as such; what follows is the request's body or the next request.
            rest = data[upgrade.args[0] :]
            if isinstance(self._tunnel, Place):
                place, self._tunnel = self._tunnel, None
                self._parser = httptools.HttpRequestParser(self)
                self._begin_tunnel(place, rest)
                return b""
            if self._lacks_body():
                rest = self._head_without_upgrade() + rest
            self._parser = httptools.HttpRequestParser(self)
            self._between = True
            return rest
        if self._unread_head > _MAX_HEAD_BYTES:
            self._refuse_head()
        if began_between and len(data) <= _MOST_REMEMBERED and not self._unparsed:
            self._remember(data)
        return b""

    def _remember(self, data: bytes) -> None:
        """Keep what a read was, if it was just one request: the parser would make the same of the same bytes."""
        if self._between and self._completed == 1 and self._whole is not None:
            self._host.remember(self._known, data, self._whole)

    def _report_bug(self, bug: BaseException) -> None:
        _log.error("mock-akool bug in the HTTP server", exc_info=bug)
        self._refuse_with(500, "mock-akool bug: see the server's log")

    # What the parser calls

    def on_message_begin(self) -> None:
        """Start a new request."""
        self._between = False
        self._in_head = True
        self._target = b""
        self._headers = {}
        self._body = b""
        self._most_body = 0
        self._request_sweeps = 0

    def on_url(self, url: bytes) -> None:
        """Take the target, which may come in pieces."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; of a repeated one the first counts, and trailer fields are none."""
        if not self._in_head:
            return
        key = _name(name) if len(name) < _LONG_NAME else name.decode("latin-1").lower()
        if key not in self._headers:
            self._headers[key] = _text(value) if len(value) < _LONG else value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Refuse a head that is too long; ask a client for the body that it holds back."""
        self._in_head = False
        headers = self._headers
        if self._unread_head > _MAX_HEAD_BYTES:
            size = len(self._target) + sum(map(len, (*headers, *headers.values())))
            if size > _MAX_HEAD_BYTES:
                raise _HeadTooLongError
        self._unread_head = 0
        if (
            "expect" in headers
            and headers["expect"].lower() == "100-continue"
            and not self._waiting
            and not self._busy
            and self._parser.get_http_version() != "1.0"  # to such a client that would be the response
        ):
            self._writer.write_continue()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, up to a byte over the bound, so that the API sees that it is too long."""
        most = self._most_body or self._host.max_body_bytes
        if not self._most_body and self._target.startswith(_ADMIN):
            most = most_body_bytes(most)
            if len(self._body) + len(body) > most:
                most = self._most_body = max(most, self._host.most_bytes_of(self._request()))
        room = most + 1 - len(self._body)
        if room > 0:
            self._body = self._body or bytearray()
            self._body += body[:room]
        self._unread_head = 0

    def on_message_complete(self) -> None:
        """Answer, or wait for the responses that are under way."""
        self._unread_head = 0
        self._between = True
        self._completed += 1
        headers = self._headers
        if "upgrade" in headers and self._lacks_body():
            return
        place: Place | None = None
        if self._target[:1] != b"/" and self._host.proxy.on:
            place = self._proxied_place()
            if self._refusal is not None:
                return
            if self._parser.get_method() == b"CONNECT":
                self._tunnel = place
                return
        keep_alive = self._parser.should_keep_alive()
        if "connection" in headers and self._parser.get_http_version() == "1.0":
            keep_alive = False  # its keep-alive is an agreement that we need not enter
        request = self._request() if place is None else self._request()._replace(file_base=place.url, transport=PROXIED)
        self._whole = (
            request if keep_alive and place is None and not self._body and not _SPECIAL.intersection(headers) else None
        )
        if self._busy or self._waiting or self._paused:
            self._waiting.append((request, keep_alive))
        elif not self._transport.is_closing():
            self._answer(request, keep_alive)

    def _proxied_place(self) -> Place | None:
        """Return the other server that a request is for whose target names a host; None when it is answered here.

        Of CONNECT it is any server. Refuses what this proxy does not do.
        """
        target = self._target.decode("latin-1")
        if self._parser.get_method() == b"CONNECT":
            place = place_of(target, "")
            if place is None:
                self._refuse_with(400, "CONNECT wants a host and a port, such as openapi.akool.com:443")
            return place
        scheme = _scheme_of(self._target)
        if not scheme:
            return None
        authority = target[len(scheme) + 3 :].partition("/")[0].partition("?")[0]
        # A proxy goes by the target, whatever the Host header says (RFC 9112, section 3.2.2).
        self._headers["host"] = authority
        place = place_of(authority, scheme)
        if place is None:
            self._refuse_with(400, f"{authority[:100]!r} is no host")
            return None
        way = Way.SELF if self._host.is_own(place) else where(self._host.proxy, place, self._host.port)
        if isinstance(way, str):
            self._refuse_with(403, way)
        return place if way is Way.OTHER else None

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

    def _request(self) -> Request:
        target = self._target
        path, query = (_path_and_query if len(target) < _LONG else _path_and_query.__wrapped__)(target)
        headers = self._headers
        scheme = self._scheme if target[:1] == b"/" else _scheme_of(target) or self._scheme
        base = self._host.base_for(headers, scheme, self._peer)
        return Request(_text(self._parser.get_method()), path, query, headers, bytes(self._body), base, "server")

    # Answering

    def _answer(self, request: Request, keep_alive: bool) -> None:
        if request.transport == PROXIED:
            self._busy = True
            self._later(self._forward(request))
            return
        if self._host.is_slow(request):
            self._busy = True
            self._later(self._answer_admin(request, keep_alive))
            return
        response = self._host.answer(request, self._peer)
        if not response.delay_ns and response.transfer is None:
            if response.media is None:
                self._writer.write(request, response, response.body, keep_alive)
                return
            ready = self._host.ready_file(request, response, self._peer)
            if ready is not None:
                self._writer.write(request, *ready, keep_alive)
                return
        self._busy = True
        self._later(self._answer_later(request, response, keep_alive))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._task = self._host.loop.create_task(work)
        self._host.tasks.add(task)
        task.add_done_callback(self._host.tasks.discard)

    async def _answer_admin(self, request: Request, keep_alive: bool) -> None:
        """Answer a request outside of the event loop: it may look through all jobs, or ask another service."""
        response = await self._host.answer_admin(request, self._peer)
        if response.stream is not None and request.method != "HEAD":
            await self._answer_forever(response, response.stream, keep_alive)
        else:
            await self._answer_later(request, response, keep_alive)

    async def _answer_forever(self, response: Response, stream: Stream, keep_alive: bool) -> None:
        """Send a body that goes on until the client has enough.

        While the client does not take what it asked for, nothing is added to it: what happens then is not lost, since
        a stream is read from logs, and nothing is kept for this client.
        """
        if self._task is not None:
            self._host.tasks.discard(self._task)  # nobody need wait for its end, which the connection's is
        writer = self._writer
        writer.write_head(response, keep_alive)
        writer.write_piece(response.body, keep_alive)
        quiet_s = 0.0
        while not self._transport.is_closing():
            await asyncio.sleep(STREAM_LOOK_S)
            quiet_s += STREAM_LOOK_S
            if self._paused:
                if quiet_s > _STUCK_S:
                    self.abort()
                continue
            piece = b""
            if stream.has_news():
                piece = await self._host.beside(stream.more)
            if not piece and quiet_s > STREAM_FILLER_S:
                piece = stream.filler
            if piece and not self._transport.is_closing():
                writer.write_piece(piece, keep_alive)
                quiet_s = 0.0

    async def _answer_later(self, request: Request, response: Response, keep_alive: bool) -> None:
        """Send a response that waits or whose file must be drawn; neither holds the event loop."""
        response, body = await self._host.complete(request, response, self._peer)
        if response.delay_ns:
            await asyncio.sleep(response.delay_ns / NS_PER_S / self._host.pace)
        if response.transfer is not None:
            await self._writer.write_badly(request, response, response.transfer, body, keep_alive)
        self._busy = False
        self._quiet_sweeps = 0
        if not self._transport.is_closing():
            if response.transfer is None:
                self._writer.write(request, response, body, keep_alive)
            self._go_on()

    # Refusing

    def _refuse_head(self) -> None:
        self._refuse_with(431, f"the request's headers are over {_MAX_HEAD_BYTES:,} bytes")

    def _refuse_with(self, status: int, why: str, start: bytes = b"") -> None:
        if self._refusal is None and not self._transport.is_closing():
            self._note(status, why, start)
            self._refuse(status, why)

    def _note(self, status: int, why: str, start: bytes = b"") -> None:
        self._refusal = status, why
        self._host.note_refusal(self._peer, status, why, without_secrets(start[:_SHOWN]))

    def _refuse(self, status: int, why: str) -> None:
        """Answer what is no request, and close: nobody knows where the next one would begin."""
        self._unparsed = b""
        if self._transport.is_closing():
            return
        if self._busy or self._waiting:
            self._read(False)  # until the responses to the requests before it are sent
            return
        self._writer.refuse(status, why)

    # What the server asks now and then

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()
        if isinstance(self._tunnel, Tunnel):
            self._tunnel.abort()

    def finish(self) -> None:
        """Close when what is written has been taken."""
        self._transport.close()

    def sweep(self) -> None:
        """Close the connection if nobody uses it, so that leaking clients cannot use up our handles.

        A response that is still being computed or delayed keeps it open, and so does a client that takes its
        response or sends its request at a reasonable speed.
        """
        if isinstance(self._tunnel, Tunnel):
            if self._tunnel.is_idle():
                self.abort()
            return
        unsent = self._transport.get_write_buffer_size() + _queued(self._transport)
        if unsent != self._unsent:
            self._unsent = unsent
            self._quiet_sweeps = 0
        self._quiet_sweeps += 1
        if self._ended:
            self._ended_sweeps += 1
            if self._busy and self._ended_sweeps > _HALF_CLOSED_SWEEPS:
                self.abort()
                return
        if not self._busy and self._quiet_sweeps > _QUIET_SWEEPS:
            self.abort()
            return
        if not self._between and self._reading:
            self._request_sweeps += 1
            if self._request_sweeps > _SLOW_SWEEPS + len(self._body) // _BYTES_PER_SWEEP:
                self._refuse_with(408, "the request did not arrive in time")


def _queued(transport: asyncio.Transport) -> int:
    """Return how many bytes the system keeps for a client that has not taken them; 0 where it does not say."""
    if sys.platform == "win32":
        return 0
    try:
        import fcntl
        import termios

        own: socket.socket = transport.get_extra_info("socket")
        return int.from_bytes(fcntl.ioctl(own.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    except (ImportError, AttributeError, OSError, ValueError):
        return 0


def _shown_peer(peer: object) -> str:
    """Return the address of a client as in a URL; empty for a client on a Unix socket."""
    if not isinstance(peer, tuple) or len(peer) < 2:
        return ""
    host, port = peer[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


_OTHERS: Final[tuple[tuple[bytes | tuple[bytes, ...], str], ...]] = (
    (_HTTP_2, "the client speaks HTTP/2; let it begin with HTTP/1.1"),
    (b"SSH-", "the client speaks SSH; it has the wrong port"),
    (b"\x05", "the client takes this for a SOCKS proxy; write http:// and not socks5:// in the proxy's URL"),
    (b"\x04\x01", "the client takes this for a SOCKS proxy; write http:// and not socks4:// in the proxy's URL"),
    (
        (b"PROXY ", b"\r\n\r\n\x00\r\nQUIT\n"),
        "a load balancer sends the PROXY protocol; turn that off (X-Forwarded-For is understood)",
    ),
)
"""What other protocols begin with."""
_HINTS: Final = {
    "Invalid char in url path": "; the client must escape what is not ASCII in the URL, as %C3%A9",
    "Expected HTTP/": "; the client must escape spaces in the URL, as %20",
    "Expected space after method": "; a request begins with a method, a path and HTTP/1.1",
    "Unexpected whitespace after header value": "; a header goes on in the next line, which HTTP/1.1 no longer allows",
    "Duplicate Content-Length": "; the client, or a proxy before it, writes that header twice",
    "Transfer-Encoding can't be present": "; the client must write one of the two headers",
    "Invalid character in chunk size": "; each chunk begins with its length in hexadecimal digits",
}
"""What to do about what the parser says."""


def _why_unreadable(data: bytes, error: Exception, first: bool) -> str:
    """Return why some bytes are no request; `first` are those of a connection."""
    said = str(error)
    if first and is_tls(data):
        return (
            "the client speaks TLS; write http:// and not https:// in its base URL, "
            "or start the server without --no-tls"
        )
    if first:
        for beginning, why in _OTHERS:
            if data.startswith(beginning):
                return why
    elif said.startswith("Invalid method"):
        return f"{said}; the request before it may have a body that is longer than its Content-Length says"
    if b"\n" in data and b"\r\n" not in data:
        return f"{said}; the lines end with LF, they must end with CRLF"
    return said + next((hint for beginning, hint in _HINTS.items() if said.startswith(beginning)), "")


class _HeadTooLongError(Exception):
    pass
