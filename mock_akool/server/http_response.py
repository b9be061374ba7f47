"""Responses as bytes on one HTTP/1.1 connection of the live server: whole, slowly, cut off, or not at all."""

from __future__ import annotations

import asyncio
import socket
import struct
from http import HTTPStatus
from typing import Final, Protocol

from mock_akool.core.clock import NS_PER_S
from mock_akool.core.http import Headers, Request, Response, Termination, Transfer

_BODILESS: Final = frozenset({204, 304})


class ResponseHost(Protocol):
    """What a writer asks its server for."""

    pace: float
    """How many times as fast as they say responses are that come late or slowly."""

    def date(self) -> bytes:
        """Return the Date header, with the line end before it."""
        ...

    def framed(self, response: Response) -> bytes:
        """Return a response without a file as it is sent now on a connection that is kept alive."""
        ...


class ResponseWriter:
    """Writes the responses of one connection."""

    __slots__ = ("_host", "_transport")

    def __init__(self, host: ResponseHost, transport: asyncio.Transport) -> None:
        self._host = host
        self._transport = transport

    def write(self, request: Request, response: Response, body: bytes, keep_alive: bool) -> None:
        """Write a whole response; closes the connection afterwards unless `keep_alive`."""
        if response.media is None and keep_alive and request.method != "HEAD":
            self._transport.write(self._host.framed(response))
            return
        before, after = frame(response, body)
        if request.method == "HEAD":
            after = after[: len(after) - len(body)]
        self._transport.write(b"".join((before, self._host.date(), _closing(keep_alive), after)))
        if not keep_alive:
            self._transport.close()

    async def write_badly(
        self, request: Request, response: Response, transfer: Transfer, body: bytes, keep_alive: bool
    ) -> None:
        """Write what the transfer lets through, as slowly as it says, and end the connection as it says."""
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
        transport.write(b"".join((before, self._host.date(), _closing(keep_alive), head)))
        if transfer.termination is Termination.CUT:
            arriving = arriving[: transfer.sent.of(len(arriving))]
        size = transfer.piece_bytes or len(arriving) or 1
        for start in range(0, len(arriving), size):
            if transfer.piece_bytes:
                await asyncio.sleep(transfer.pause_ns / NS_PER_S / self._host.pace)
            if transport.is_closing():
                return
            transport.write(arriving[start : start + size])
        if not keep_alive:
            transport.close()

    def write_head(self, response: Response, keep_alive: bool) -> None:
        """Write the head of a response whose body comes in `write_piece`s: chunked, or until the connection ends."""
        framing = b"\r\ntransfer-encoding: chunked" if keep_alive else b"\r\nconnection: close"
        head = _head(response.status, response.headers)
        self._transport.write(b"".join((head, self._host.date(), framing, b"\r\n\r\n")))

    def write_piece(self, piece: bytes, keep_alive: bool) -> None:
        """Write a piece of such a body, which is not empty."""
        self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if keep_alive else piece)

    def write_continue(self) -> None:
        """Ask a client for the body that it holds back."""
        self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def refuse(self, status: int, why: str) -> None:
        """Answer what is no request, and close: nobody knows where the next one would begin."""
        body = f"{why}\n".encode()
        head = _head(status, (("content-type", "text/plain; charset=utf-8"), ("connection", "close")))
        length = b"\r\ncontent-length: %d\r\n\r\n" % len(body)
        self._transport.write(head + self._host.date() + length + body)
        self._transport.close()


def frame(response: Response, body: bytes) -> tuple[bytes, bytes]:
    """Return what is sent before and after the headers that depend on the moment."""
    length = b"" if response.status in _BODILESS else b"\r\ncontent-length: %d" % len(body)
    return _head(response.status, response.headers), b"%b\r\n\r\n%b" % (length, body)


def reset(transport: asyncio.Transport) -> None:
    """Close a connection so that the other side sees a reset and not an end: TCP RST instead of FIN."""
    own: socket.socket = transport.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _closing(keep_alive: bool) -> bytes:
    return b"" if keep_alive else b"\r\nconnection: close"


def _head(status: int, headers: Headers) -> bytes:
    """Return the status line and the headers that do not depend on the single response."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers), "server: mock-akool"]
    return "\r\n".join(lines).encode("latin-1")
