"""A bare RSGI app, which granian loads."""

from pathlib import Path
from typing import Any

BODY = Path(__file__).with_name("body.json").read_bytes()
HEADERS = [("content-type", "application/json")]


async def app(scope: Any, protocol: Any) -> None:
    match scope.path:
        case "/return":
            return
        case "/raise":
            raise RuntimeError
        case "/half":
            stream = protocol.response_stream(200, HEADERS)
            await stream.send_bytes(BODY[:100])
            raise RuntimeError
    protocol.response_bytes(200, HEADERS, BODY)
