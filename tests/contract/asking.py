"""A client in this process that sends JSON: what the tests of single families share."""

from __future__ import annotations

import json
from typing import Any, Final

from mock_akool import MockAkool, Request
from mock_akool.core.http import Response

KEY: Final = "k" * 32
OTHER: Final = "o" * 32


class Asker:
    """Asks a fake of its own, or the one that is given; `options` are those of its own."""

    def __init__(self, key: str = KEY, mock: MockAkool | None = None, **options: Any) -> None:
        self.mock = mock or MockAkool(**{"queueing": 2, "processing": 3, **options})
        self.headers = {"content-type": "application/json", "x-api-key": key}

    def ask(self, path: str, fields: object, **headers: str) -> Response:
        return self.mock.answer(
            Request.build("POST", path, "", {**self.headers, **headers}, json.dumps(fields).encode())
        )

    def post(self, path: str, fields: object) -> Any:
        return json.loads(self.ask(path, fields).body)

    def get(self, path: str, query: str = "") -> Any:
        return json.loads(self.mock.answer(Request.build("GET", path, query, self.headers)).body)

    def file(self, url: str) -> tuple[Response, bytes]:
        path = "/" + url.split("/", 3)[3]
        return self.mock.application.complete(self.mock.answer(Request.build("GET", path)))
