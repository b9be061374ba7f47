"""Connections to a live server by hand, byte by byte."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

from mock_akool import MockAkool, Server
from tests.waiting import PATIENCE_S

CREATE: Final = "/api/open/v3/content/image/createbyprompt"
INFO: Final = "/api/open/v3/content/image/infobymodelid?image_model_id="
PRESS: Final = "/api/open/v3/content/image/createbybutton"
QUOTA: Final = "/api/open/v3/faceswap/quota/info"
HEALTH: Final = "/_mock/health"
BODY: Final = json.dumps({"prompt": "a lighthouse"}).encode()


class Answer(NamedTuple):
    version: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """A connection to a server, by hand."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._unread = b""

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def answer(self, *, of_head: bool = False) -> Answer:
        """Read one answer; `of_head` when it belongs to a HEAD request, so that no body follows."""
        while b"\r\n\r\n" not in self._unread:
            self._read()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        version, status, _ = first.split(" ", 2)
        names = [line.partition(":")[0].lower() for line in lines]
        assert len(set(names)) == len(names), f"a header stands twice: {names}"
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
        length = 0 if of_head else int(headers.get("content-length", 0))
        while len(self._unread) < length:
            self._read()
        body, self._unread = self._unread[:length], self._unread[length:]
        return Answer(version, int(status), headers, body)

    def is_closed(self) -> bool:
        """Wait for the server to close; False when it sends something instead."""
        try:
            return not self._unread and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _read(self) -> None:
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError(f"the server closed after {self._unread!r}")
        self._unread += piece


def get(target: str, **headers: str) -> bytes:
    return request("GET", target, b"", **headers)


def request(method: str, target: str, body: bytes = b"", /, **headers: str) -> bytes:
    """The bytes of a request; header names are written with _ for -."""
    usual = {"host": "akool.test", "x-api-key": "key"}
    if body:
        usual |= {"content-type": "application/json", "content-length": str(len(body))}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in {**usual, **given}.items()]
    return "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode() + body


class Running:
    """A fake with its live server."""

    def __init__(self, mock: MockAkool, server: Server, opened: ExitStack) -> None:
        self.mock = mock
        self.server = server
        self._opened = opened

    def connect(self, *, receive_buffer: int | None = None) -> Wire:
        connection = self._opened.enter_context(socket.socket())
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(PATIENCE_S)
        connection.connect(("127.0.0.1", self.server.port))
        return Wire(connection)

    def create(self) -> str:
        """Make a job and return its id."""
        wire = self.connect()
        wire.send(request("POST", CREATE, BODY))
        job_id: str = wire.answer().json()["data"]["_id"]
        return job_id

    def image_path(self, number: int = 0) -> str:
        """Make a completed job and return the path of its grid, or of a single image by its number."""
        self.mock.next_job(queueing=0, processing=0)
        job_id = self.create()
        wire = self.connect()
        wire.send(get(INFO + job_id))
        record = wire.answer().json()["data"]
        links = [record["image"], *record["upscaled_urls"]]
        path: str = "/" + links[number].rpartition("/")[2]
        return path
