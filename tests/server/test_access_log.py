"""The log of requests: every line is written, once and in order, whatever threads do."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mock_akool import Request, Response
from mock_akool.server.access_log import BatchedLog, TextStyle
from tests.waiting import PATIENCE_S

REQUEST = Request.build("GET", "/")
RESPONSE = Response(200, (), b"")


class Numbered(TextStyle):
    def request(self, time_ns: int, request: Request, response: Response, took_ns: int, peer: str) -> str:
        return str(time_ns)


@pytest.fixture
def busy_threads() -> Iterator[Callable[[], None]]:
    """What lets threads take the interpreter from each other as often as can be; for when all have started."""
    usual_s = sys.getswitchinterval()
    yield lambda: sys.setswitchinterval(1e-6)
    sys.setswitchinterval(usual_s)


def test_lines_are_written_in_order() -> None:
    stream = io.StringIO()
    log = BatchedLog(stream, Numbered())
    for number in range(12_345):
        log.note(number, REQUEST, RESPONSE, 0)
    log.close()
    assert stream.getvalue().splitlines() == list(map(str, range(12_345)))


def test_a_line_that_is_being_made_while_others_are_written_is_not_lost() -> None:
    stream = io.StringIO()

    class Flushing(TextStyle):
        def request(self, time_ns: int, request: Request, response: Response, took_ns: int, peer: str) -> str:
            log.flush()  # as the writing thread does at any moment
            return str(time_ns)

    log = BatchedLog(stream, Flushing())
    for number in range(100):
        log.note(number, REQUEST, RESPONSE, 0)
    log.close()
    assert stream.getvalue().splitlines() == list(map(str, range(100)))


def test_threads_lose_no_line(busy_threads: Callable[[], None]) -> None:
    stream = io.StringIO()
    together = threading.Barrier(4, busy_threads, PATIENCE_S)
    log = BatchedLog(stream, Numbered())
    flushing = threading.Event()

    def flush() -> None:
        while not flushing.is_set():
            log.flush()

    def note(start: int) -> None:
        together.wait()
        for number in range(start, start + 2000):
            log.note(number, REQUEST, RESPONSE, 0)

    flusher = threading.Thread(target=flush)
    flusher.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(note, range(0, 8000, 2000)))
    flushing.set()
    flusher.join()
    log.close()
    assert sorted(map(int, stream.getvalue().splitlines())) == list(range(8000))


@pytest.mark.parametrize(
    ("path", "method", "site", "status", "is_quiet"),
    [
        ("/_mock/jobs", "GET", "same-origin", 200, True),
        ("/_mock/dashboard/app.js", "GET", "same-origin", 304, True),
        ("/_mock/", "GET", "none", 200, True),
        ("/_mock/dashboard/app.js", "GET", "none", 404, False),
        ("/_mock/jobs", "GET", "same-origin", 404, False),
        ("/_mock/reset", "POST", "same-origin", 200, False),
        ("/_mock/jobs", "GET", "none", 200, False),
        ("/api/open/v3/faceswap/quota/info", "GET", "same-origin", 200, False),
    ],
)
def test_what_the_dashboard_reads_has_no_line(path: str, method: str, site: str, status: int, is_quiet: bool) -> None:
    stream = io.StringIO()
    log = BatchedLog(stream, Numbered())
    log.note(1, Request.build(method, path, "", {"sec-fetch-site": site}), Response(status, (), b""), 0)
    log.close()
    assert stream.getvalue() == ("" if is_quiet else "1\n")


@pytest.mark.parametrize("path", ["/_mock/health", "/_mock/ready", "/_mock/state", "/healthy"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_a_probe_has_a_line_unless_it_is_answered_well(path: str, method: str) -> None:
    for status in (200, 204, 404, 405, 500):
        stream = io.StringIO()
        log = BatchedLog(stream, Numbered())
        log.note(1, Request.build(method, path), Response(status, (), b""), 0)
        log.close()
        is_quiet = path in ("/_mock/health", "/_mock/ready") and method in ("GET", "HEAD") and status == 200
        assert stream.getvalue() == ("" if is_quiet else "1\n"), status


def test_lines_come_without_a_close() -> None:
    written = threading.Event()

    class Stream(io.StringIO):
        def flush(self) -> None:
            written.set()

    log = BatchedLog(Stream(), Numbered())
    log.note(1, REQUEST, RESPONSE, 0)
    assert written.wait(20)
    log.close()


def test_a_close_without_a_line_writes_nothing() -> None:
    stream = io.StringIO()
    BatchedLog(stream, Numbered()).close()
    assert stream.getvalue() == ""


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left"), ValueError("closed file")])
def test_a_stream_that_takes_no_more_stops_nobody(error: Exception) -> None:
    class Stream(io.StringIO):
        attempts = 0

        def write(self, text: str) -> int:
            self.attempts += 1
            raise error

    stream = Stream()
    log = BatchedLog(stream, Numbered())
    for number in range(12_345):
        log.note(number, REQUEST, RESPONSE, 0)
    log.close()
    assert stream.attempts == 1


def test_the_line_of_a_request_that_comes_again_is_of_its_own_response() -> None:
    style = TextStyle()
    request = Request.build("GET", "/x")
    lines = [style.request(1, request, Response(status, (), b""), 0, "") for status in (200, 404, 404, 200)]
    assert [line.split(" -> ")[1][:3] for line in lines] == ["200", "404", "404", "200"]


def test_what_is_remembered_of_lines_is_small() -> None:
    style = TextStyle()
    for _ in range(100):
        for request in (
            Request.build("POST", "/x", body=bytes(100_000)),
            Request.build("GET", "/x", headers={"cookie": "x" * 30_000}),
            Request.build("GET", "/x", "y" * 30_000),
        ):
            style.request(1, request, RESPONSE, 0, "")
    assert style._said == {}
    for _ in range(2_000):
        style.request(1, Request.build("GET", "/x"), RESPONSE, 0, "")
    assert 0 < len(style._said) <= 512
    style.forget()
    assert style._said == {}
