"""A receiver of webhooks that is as fast as asyncio lets it be: it answers 200, and keeps what it got.

POST anything: kept, answered 200; below /hang never answered. GET /: how many were kept. GET /got: all bodies, a line
each, in the order they came.
"""

from __future__ import annotations

import asyncio
import sys

import httptools

got: list[bytes] = []


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.target = b""
        self.body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        answer = b"" if self.parser.get_method() == b"POST" else self.told()
        if self.parser.get_method() == b"POST":
            if self.target.startswith(b"/hang"):
                return
            got.append(self.body)
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(answer) + answer
        )
        self.transport.close()

    def told(self) -> bytes:
        return b"\n".join(got) if self.target == b"/got" else str(len(got)).encode()


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1])))
