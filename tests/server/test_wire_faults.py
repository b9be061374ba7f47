"""Faults on the wire, as a raw socket sees them: of the live server, and of the Flask app on a server of its own."""

from __future__ import annotations

import errno
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from werkzeug.serving import make_server

from mock_akool import MockAkool
from mock_akool.server import http_server
from tests.waiting import until

QUOTA: Final = b"GET /api/open/v3/faceswap/quota/info HTTP/1.1\r\nhost: akool.test\r\nx-api-key: my-key\r\n\r\n"
BODY: Final = b'{"code":1000,"msg":"OK","data":{"credit":1000}}'
PATIENCE_S: Final = 10.0


@contextmanager
def live(mock: MockAkool) -> Iterator[int]:
    with mock.server() as server:
        yield server.port


@contextmanager
def werkzeug(mock: MockAkool) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, mock.app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        yield connection


def read_all(connection: socket.socket) -> bytes:
    got = b""
    while piece := connection.recv(65536):
        got += piece
    return got


@pytest.fixture(params=[live, werkzeug], ids=["live", "werkzeug"])
def served(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_dropped_connection_ends_without_a_byte(served: Any) -> None:
    mock = MockAkool()
    mock.on("quota/info").drop()
    with served(mock) as port, connected(port) as connection:
        connection.sendall(QUOTA)
        assert read_all(connection) == b""


def test_a_reset_connection_is_reset() -> None:
    mock = MockAkool()
    mock.on("quota/info").reset()
    with live(mock) as port, connected(port) as connection:
        connection.sendall(QUOTA)
        with pytest.raises(ConnectionResetError) as caught:
            read_all(connection)
        assert caught.value.errno == errno.ECONNRESET


def test_a_reset_under_werkzeug_breaks_the_connection_too() -> None:
    mock = MockAkool()
    mock.on("quota/info").reset()
    with werkzeug(mock) as port, connected(port) as connection:
        connection.sendall(QUOTA)
        with suppress(ConnectionResetError):  # which of the two depends on who is faster
            assert read_all(connection) == b""


def test_a_body_that_is_cut_off_was_promised_whole(served: Any) -> None:
    mock = MockAkool()
    mock.on("quota/info").respond(truncate=10)
    with served(mock) as port, connected(port) as connection:
        connection.sendall(QUOTA)
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
        assert b"content-length: %d" % len(BODY) in head.lower()
        assert body == BODY[:10]


def test_a_dripping_body_comes_piece_by_piece() -> None:
    mock = MockAkool()
    mock.on("quota/info").respond(drip={"bytes": 1, "every": "2ms"})
    with live(mock) as port, connected(port) as connection:
        began = time.monotonic()
        connection.sendall(QUOTA)
        pieces = [connection.recv(65536)]
        while not b"".join(pieces).endswith(BODY):
            pieces.append(connection.recv(65536))
        assert len(pieces) > 10
        assert time.monotonic() - began >= 0.002 * len(BODY)
        # The connection is as good as before.
        mock.reset()
        connection.sendall(QUOTA)
        assert connection.recv(65536).endswith(BODY)


def test_a_late_answer_does_not_hold_up_another_connection() -> None:
    mock = MockAkool()
    mock.on("quota/info").nth(1).respond(delay="1h")
    with live(mock) as port, connected(port) as slow, connected(port) as quick:
        slow.sendall(QUOTA)
        until(lambda: mock.calls)
        quick.sendall(QUOTA)
        assert quick.recv(65536).endswith(BODY)
        slow.setblocking(False)
        with pytest.raises(BlockingIOError):
            slow.recv(1)


def test_what_was_asked_behind_a_dropped_request_goes_unanswered() -> None:
    mock = MockAkool()
    mock.on("quota/info").nth(2).drop()
    with live(mock) as port, connected(port) as connection:
        connection.sendall(QUOTA * 3)
        assert read_all(connection).count(BODY) == 1
    assert mock.calls.to("quota/info").count == 2


def test_a_client_that_leaves_a_dripping_answer_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    # It might still read, for all that the server knows, and so is given some sweeps.
    monkeypatch.setattr(http_server, "_SWEEP_S", 0.02)
    mock = MockAkool()
    mock.on("quota/info").respond(drip={"bytes": 1, "every": "1h"})
    with mock.server() as server:
        with connected(server.port) as connection:
            connection.sendall(QUOTA)
            connection.recv(65536)
        until(lambda: not server.connections)


def test_a_stop_does_not_wait_for_an_answer_that_never_comes() -> None:
    mock = MockAkool()
    mock.on("quota/info").respond(delay="1h")
    with mock.server() as server, connected(server.port) as connection:
        connection.sendall(QUOTA)
        until(lambda: mock.calls)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < PATIENCE_S


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_resumes_what_was_cut_off(tmp_path: Path) -> None:
    mock = MockAkool()
    mock.on("file").first(1).respond(truncate=700)
    with mock.server() as server:
        job = requests.post(
            f"{server.url}/api/open/v3/content/image/createbyprompt",
            json={"prompt": "a fox"},
            headers={"x-api-key": "k"},
        ).json()["data"]
        mock.job(job["_id"]).complete()
        asked = f"{server.url}/api/open/v3/content/image/infobymodelid?image_model_id={job['_id']}"
        url = requests.get(asked, headers={"x-api-key": "k"}).json()["data"]["image"]
        file = tmp_path / "fox.jpg"
        curl = [
            "curl",
            "--silent",
            "--show-error",
            "--fail",
            "--noproxy",
            "*",
            "--continue-at",
            "-",
            "--output",
            str(file),
        ]
        first = subprocess.run([*curl, url], check=False, timeout=30)
        assert (first.returncode, file.stat().st_size) == (18, 700)
        subprocess.run([*curl, url], check=True, timeout=30)
        assert file.read_bytes() == requests.get(url).content
    assert [call.headers.get("range") for call in mock.calls.to("file")] == [None, "bytes=700-", None]
