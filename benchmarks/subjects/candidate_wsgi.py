"""A bare WSGI app that gunicorn loads, and two servers with it: ``candidate_wsgi.py PORT waitress|cheroot``."""

import importlib
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BODY = Path(__file__).with_name("body.json").read_bytes()
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]
RESET = struct.pack("ii", 1, 0)


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes] | Iterator[bytes]:
    connection = environ.get("gunicorn.socket") or environ.get("benchmark.socket")
    match environ["PATH_INFO"]:
        case "/return":
            return []
        case "/raise":
            raise RuntimeError
        case "/cut" if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError
        case "/reset" if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            connection.close()
            raise ConnectionAbortedError
        case "/half":
            start_response("200 OK", HEADERS)
            return half()
    start_response("200 OK", HEADERS)
    return [BODY]


def half() -> Iterator[bytes]:
    yield BODY[:100]
    raise RuntimeError


def serve_cheroot(port: int) -> None:
    wsgi: Any = importlib.import_module("cheroot.wsgi")
    base: Any = wsgi.Gateway_10

    def get_environ(self: Any) -> Any:
        return base.get_environ(self) | {"benchmark.socket": self.req.conn.socket}

    server = wsgi.Server(("127.0.0.1", port), app, numthreads=8)
    server.gateway = type("WithSocket", (base,), {"get_environ": get_environ})
    server.safe_start()


if __name__ == "__main__":
    if sys.argv[2] == "cheroot":
        serve_cheroot(int(sys.argv[1]))
    else:
        importlib.import_module("waitress").serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=8)
