"""A client in this process that sends JSON: what the tests of single families, and of what all have, share."""

from __future__ import annotations

import json
from typing import Any, Final

from mock_akool import MockAkool, Request
from mock_akool.core.http import Response

KEY: Final = "k" * 32
OTHER: Final = "o" * 32


def json_request(
    method: str, path: str, query: str = "", key: str = KEY, body: object = None, **headers: str
) -> Request:
    """Return a request with a body in JSON, without one for None, and with this API key, if it is not empty."""
    sent = {"content-type": "application/json", **({"x-api-key": key} if key else {}), **headers}
    return Request.build(method, path, query, sent, b"" if body is None else json.dumps(body).encode())


def send(
    mock: MockAkool, method: str, path: str, query: str = "", key: str = KEY, body: object = None, **headers: str
) -> Response:
    """Return what a fake answers to such a request."""
    return mock.answer(json_request(method, path, query, key, body, **headers))


class Asker:
    """Asks a fake of its own, or the one that is given; `options` are those of its own."""

    def __init__(self, key: str = KEY, mock: MockAkool | None = None, **options: Any) -> None:
        self.mock = mock or MockAkool(**{"queueing": 2, "processing": 3, **options})
        self.headers = {"content-type": "application/json", "x-api-key": key}

    def ask(self, path: str, fields: object, **headers: str) -> Response:
        return send(self.mock, "POST", path, key="", body=fields, **{**self.headers, **headers})

    def post(self, path: str, fields: object) -> Any:
        return json.loads(self.ask(path, fields).body)

    def get(self, path: str, query: str = "") -> Any:
        return json.loads(send(self.mock, "GET", path, query, key="", **self.headers).body)

    def file(self, url: str) -> tuple[Response, bytes]:
        path = "/" + url.split("/", 3)[3]
        return self.mock.application.complete(self.mock.answer(Request.build("GET", path)))
