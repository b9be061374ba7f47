"""The chosen server library, bare: asyncio's Protocol, httptools' parser, a constant answer.

``bare_server.py PORT`` runs on uvloop, ``bare_server.py PORT asyncio`` on the standard library's loop;
a further word ``cuts`` makes it obey the paths ``/cut`` and ``/reset``.
"""

import asyncio
import socket
import struct
import sys
from pathlib import Path
from typing import cast

import httptools
import uvloop

BODY = Path(__file__).with_name("body.json").read_bytes()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)

# A linger time of zero makes the kernel send RST where it would have sent FIN.
RESET = struct.pack("ii", 1, 0)


class Bare(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.transport.write(ANSWER)


class Cutting(Bare):
    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_message_complete(self) -> None:
        if self.url == b"/cut":
            self.transport.abort()
        elif self.url == b"/reset":
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.transport.abort()
        else:
            super().on_message_complete()


async def main(port: int, protocol: type[Bare]) -> None:
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    serve = main(int(sys.argv[1]), Cutting if "cuts" in sys.argv else Bare)
    if "asyncio" in sys.argv:
        asyncio.run(serve)
    else:
        uvloop.run(serve)
