"""The doors that the contract suite goes through: one class each, all with the same `call`.

To add a door, derive from `Door` and name the class in `DOORS`. Every test of this package then runs through it.
"""

from __future__ import annotations

import json
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Any, ClassVar, Final

from mock_akool import MockAkool

PATIENCE_S: Final = 20.0
"""How long a socket waits for an answer before the test fails instead of hanging."""


@dataclass(frozen=True)
class Answer:
    """What a client gets; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> int:
        """The business code."""
        code: int = self.json()["code"]
        return code

    @property
    def msg(self) -> str:
        msg: str = self.json()["msg"]
        return msg

    @property
    def data(self) -> Any:
        """What a success carries; an answer that is none fails the test."""
        envelope = self.json()
        assert (self.status, envelope["code"]) == (200, 1000), envelope
        return envelope["data"]


class Door(ABC):
    """A way into one fake. `call` may be used by several threads at once."""

    name: ClassVar[str]
    file_base: str
    """What the URLs of files begin with through this door."""

    def __init__(self, mock: MockAkool) -> None:
        self.mock = mock

    @abstractmethod
    def call(
        self, method: str, path: str, query: str = "", *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """Send a request and return its answer. `path` and `query` are ASCII and go out as they are."""

    @abstractmethod
    def close(self) -> None:
        """Give back whatever the door holds."""

    def advance(self, seconds: float) -> None:
        """Move the fake's virtual clock."""
        self.mock.clock.advance(seconds)

    @property
    def now_ms(self) -> int:
        """The fake's time in milliseconds since the epoch."""
        return self.mock.clock.now_ns() // 1_000_000


class FlaskDoor(Door):
    """Flask's test client of the app."""

    name = "flask"
    file_base = "http://localhost"

    def __init__(self, mock: MockAkool) -> None:
        super().__init__(mock)
        self._app = mock.app()
        self._app.testing = True
        self._local = threading.local()

    def call(
        self, method: str, path: str, query: str = "", *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        if not hasattr(self._local, "client"):
            self._local.client = self._app.test_client(use_cookies=False)
        response = self._local.client.open(
            f"{path}?{query}" if query else path, method=method, headers=list((headers or {}).items()), data=body
        )
        with response:
            return Answer(
                response.status_code, {name.lower(): value for name, value in response.headers}, response.get_data()
            )

    def close(self) -> None:
        pass


@dataclass
class _Connections(threading.local):
    """The keep-alive connection of each thread."""

    mine: socket.socket | None = field(default=None)


class SocketDoor(Door):
    """The live server on a free port, and a keep-alive connection to it by hand.

    By hand, because http.client refuses to send some of the requests that a server must survive.
    A server starts and stops in a millisecond, so each fake has its own.
    """

    name = "socket"

    def __init__(self, mock: MockAkool) -> None:
        super().__init__(mock)
        self._server = mock.server().start()
        self.file_base = self._server.url
        self._connections = _Connections()
        self._open: list[socket.socket] = []

    def call(
        self, method: str, path: str, query: str = "", *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        sent = {"host": self._server.address, "content-length": str(len(body)), **(headers or {})}
        target = f"{path}?{query}" if query else path
        lines = [
            f"{method} {target} HTTP/1.1".encode("ascii"),
            *(f"{n}: {v}".encode("latin-1") for n, v in sent.items()),
        ]
        connection = self._connection()
        connection.sendall(b"\r\n".join([*lines, b"", body]))
        with HTTPResponse(connection, method=method) as response:
            response.begin()
            got = {name.lower(): value for name, value in response.getheaders()}
            answer = Answer(response.status, got, response.read())
            if response.will_close:
                connection.close()
                self._connections.mine = None
        return answer

    def _connection(self) -> socket.socket:
        if self._connections.mine is None:
            made = socket.create_connection(("127.0.0.1", self._server.port), timeout=PATIENCE_S)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.mine = made
            self._open.append(made)
        return self._connections.mine

    def close(self) -> None:
        for connection in self._open:
            connection.close()
        self._server.stop()


DOORS: Final[tuple[type[Door], ...]] = (FlaskDoor, SocketDoor)

OpenDoor = Callable[..., Door]
"""Opens a door into a new fake with these options."""
