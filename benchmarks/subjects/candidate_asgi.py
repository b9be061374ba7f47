"""A bare ASGI app that granian loads, and uvicorn with it: ``candidate_asgi.py PORT [transport]``.

The word ``transport`` gives uvicorn a protocol class of ours, through which the app can reach the connection.
"""

import importlib
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

BODY = Path(__file__).with_name("body.json").read_bytes()
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
START = {"type": "http.response.start", "status": 200, "headers": HEADERS}
RESET = struct.pack("ii", 1, 0)


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[Any], Awaitable[None]],
) -> None:
    if scope["type"] != "http":
        return
    match scope["path"]:
        case "/return":
            return
        case "/raise":
            raise RuntimeError
        case "/cut" if "transport" in scope:
            scope["transport"].abort()
            return
        case "/reset" if "transport" in scope:
            scope["transport"].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            scope["transport"].abort()
            return
        case "/half":
            await send(START)
            await send({"type": "http.response.body", "body": BODY[:100], "more_body": True})
            raise RuntimeError
    await send(START)
    await send({"type": "http.response.body", "body": BODY})


def protocol_with_transport() -> Any:
    base: Any = importlib.import_module("uvicorn.protocols.http.httptools_impl").HttpToolsProtocol

    def on_message_begin(self: Any) -> None:
        base.on_message_begin(self)
        self.scope["transport"] = self.transport

    return type("WithTransport", (base,), {"on_message_begin": on_message_begin})


if __name__ == "__main__":
    importlib.import_module("uvicorn").run(
        app,
        port=int(sys.argv[1]),
        http=protocol_with_transport() if "transport" in sys.argv else "httptools",
        loop="uvloop",
        access_log=False,
        log_level="critical",
    )
