"""The live server's HTTP, byte by byte, and its life: start, stop, and what goes wrong between."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from typing import Any, Final

import pytest
from PIL import Image

from mock_akool import MockAkool, Request, Response, Server, ServerError, SystemClock, VirtualClock
from mock_akool.akool.api import API_ROUTES, Route
from mock_akool.core.call_log import Refusal
from mock_akool.media.cache import MediaCache
from mock_akool.server import http_server as server_module
from mock_akool.server.http_connection import HttpConnection
from mock_akool.server.proxy import Proxy
from tests.server.conftest import Start
from tests.server.wires import BODY, CREATE, HEALTH, INFO, PRESS, QUOTA, Running, Wire, get, request
from tests.waiting import PATIENCE_S, until


class TestConnection:
    def test_it_stays_open_for_the_next_request(self, running: Running) -> None:
        wire = running.connect()
        for _ in range(3):
            wire.send(get(QUOTA))
            answer = wire.answer()
            assert (answer.version, answer.status) == ("HTTP/1.1", 200)
            assert answer.json()["data"] == {"credit": 1000}
            assert "connection" not in answer.headers
            assert answer.headers["server"] == "mock-akool"
            assert answer.headers["date"].endswith(" GMT")

    def test_it_closes_when_the_client_wants_it(self, running: Running) -> None:
        wire = running.connect()
        wire.send(get(HEALTH, connection="close"))
        assert wire.answer().headers["connection"] == "close"
        assert wire.is_closed()

    @pytest.mark.parametrize("header", [b"", b"connection: keep-alive\r\n"])
    def test_http_1_0_is_answered_and_closed(self, header: bytes, running: Running) -> None:
        wire = running.connect()
        wire.send(b"GET %b HTTP/1.0\r\n%b\r\n" % (HEALTH.encode(), header))
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert wire.is_closed()

    def test_http_without_a_version_is_answered_and_closed(self, running: Running) -> None:
        wire = running.connect()
        wire.send(f"GET {HEALTH}\r\n\r\n".encode())
        assert wire.answer().status == 200
        assert wire.is_closed()

    def test_a_request_may_come_byte_by_byte(self, running: Running) -> None:
        wire = running.connect()
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.send(*(bytes([byte]) for byte in request("POST", CREATE, BODY)))
        assert wire.answer().json()["code"] == 1000

    def test_head_is_a_get_without_the_body(self, running: Running) -> None:
        wire = running.connect()
        wire.send(request("HEAD", QUOTA), get(QUOTA))
        head = wire.answer(of_head=True)
        answer = wire.answer()
        assert head.status == answer.status == 200
        assert head.headers["content-length"] == answer.headers["content-length"] == str(len(answer.body))

    def test_head_of_an_image(self, running: Running) -> None:
        path = running.image_path()
        wire = running.connect()
        wire.send(request("HEAD", path), get(path))
        head = wire.answer(of_head=True)
        answer = wire.answer()
        assert head.headers["content-type"] == "image/jpeg"
        assert head.headers["content-length"] == str(len(answer.body))

    def test_a_preflight_has_no_body(self, running: Running) -> None:
        wire = running.connect()
        wire.send(request("OPTIONS", CREATE), get(QUOTA))
        assert "content-length" not in (answer := wire.answer()).headers
        assert answer.status == 204
        assert wire.answer().status == 200

    def test_a_client_that_waits_for_100_is_asked_for_its_body(self, running: Running) -> None:
        wire = running.connect()
        head, body = request("POST", CREATE, BODY, expect="100-continue").split(b"\r\n\r\n")
        wire.send(head + b"\r\n\r\n")
        assert wire.answer().status == 100
        assert running.mock.calls == ()
        wire.send(body)
        assert wire.answer().json()["code"] == 1000

    def test_to_a_client_of_http_1_0_that_would_be_the_response(self, running: Running) -> None:
        wire = running.connect()
        wire.send(request("POST", CREATE, BODY, expect="100-continue").replace(b" HTTP/1.1", b" HTTP/1.0"))
        assert wire.answer().json()["code"] == 1000

    def test_a_body_may_come_in_chunks(self, running: Running) -> None:
        wire = running.connect()
        head = request("POST", CREATE, transfer_encoding="chunked", content_type="application/json")
        wire.send(
            head, *(b"%x\r\n%b\r\n" % (len(BODY[at : at + 7]), BODY[at : at + 7]) for at in range(0, len(BODY), 7))
        )
        wire.send(b"0\r\n\r\n", get(QUOTA))
        assert wire.answer().json()["data"]["origin_prompt"] == "a lighthouse"
        assert wire.answer().json()["data"] == {"credit": 998}

    def test_a_target_may_have_a_host(self, running: Running) -> None:
        wire = running.connect()
        job_id = running.create()
        wire.send(get(f"http://openapi.akool.com{INFO}{job_id}"), get("http://openapi.akool.com"))
        assert wire.answer().json()["data"]["_id"] == job_id
        assert wire.answer().status == 404

    @pytest.mark.parametrize("upgrade", ["websocket", "h2c"])
    def test_an_upgrade_is_answered_as_http_1_1(self, upgrade: str, running: Running) -> None:
        wire = running.connect()
        wire.send(get(QUOTA, connection="Upgrade", upgrade=upgrade) + get(HEALTH))
        answer = wire.answer()
        assert (answer.version, answer.status) == ("HTTP/1.1", 200)
        assert "upgrade" not in answer.headers
        assert wire.answer().json()["status"] == "ok"

    @pytest.mark.parametrize("chunked", [False, True])
    @pytest.mark.parametrize("pieces", [1, 2, 1000])
    def test_the_body_of_an_upgrade_is_read(self, pieces: int, chunked: bool, running: Running) -> None:
        # So does the HTTP client of Java 11 and later, unless it is set otherwise.
        wanted = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAEAAEAAAAIAAAAB"}
        if chunked:
            head = request("POST", CREATE, content_type="application/json", transfer_encoding="chunked", **wanted)
            sent = [head, b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)]
        else:
            sent = [request("POST", CREATE, BODY, **wanted)[: -len(BODY)], BODY]
        if pieces != 2:
            sent = [b"".join(sent)]
        if pieces > 2:
            sent = [bytes([byte]) for byte in sent[0]]
        wire = running.connect()
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(2):
            wire.send(*sent)
            assert wire.answer().json()["data"]["origin_prompt"] == "a lighthouse"
        wire.send(b"".join(sent) + get(QUOTA))
        assert wire.answer().json()["code"] == 1000
        assert wire.answer().json()["data"] == {"credit": 994}
        assert len(running.mock.jobs) == 3

    def test_an_upgrade_that_waits_for_100_is_asked_for_its_body(self, running: Running) -> None:
        wire = running.connect()
        sent = request("POST", CREATE, BODY, connection="Upgrade", upgrade="h2c", expect="100-continue")
        wire.send(sent[: -len(BODY)])
        assert wire.answer().status == 100
        wire.send(BODY)
        assert wire.answer().json()["code"] == 1000

    def test_connect_leads_nowhere_where_there_is_no_proxy(self, start: Start) -> None:
        running = start(proxy=Proxy(on=False))
        wire = running.connect()
        wire.send(request("CONNECT", "openapi.akool.com:443"))
        assert wire.answer().status == 404

    def test_of_repeated_headers_the_first_counts(self, running: Running) -> None:
        wire = running.connect()
        wire.send(get(QUOTA).replace(b"x-api-key: key", b"X-API-Key: one\r\nx-api-key: two"))
        wire.answer()
        assert running.mock.calls[-1].response.account == "one"


class TestPipelining:
    def test_answers_come_in_the_order_of_the_requests(self, running: Running) -> None:
        job_id = running.create()
        wire = running.connect()
        wire.send(get(QUOTA) + get(INFO + job_id) + get("/nowhere") + get(HEALTH))
        assert wire.answer().json()["data"] == {"credit": 998}
        assert wire.answer().json()["data"]["_id"] == job_id
        assert wire.answer().status == 404
        assert wire.answer().json()["status"] == "ok"

    def test_a_delayed_answer_keeps_its_place(self, start: Start) -> None:
        running = start(latency="30ms")
        wire = running.connect()
        wire.send(get("/first") + get(HEALTH) + get("/second") + get(HEALTH))
        # The admin route has no latency and yet waits for its turn.
        answers = [wire.answer().status for _ in range(4)]
        assert answers == [404, 200, 404, 200]

    def test_an_image_that_must_be_drawn_keeps_its_place(self, running: Running) -> None:
        paths = [running.image_path(number) for number in range(3)]
        wire = running.connect()
        wire.send(b"".join(get(path) + get(QUOTA) for path in paths))
        for _ in paths:
            answer = wire.answer()
            assert answer.headers["content-type"] == "image/jpeg"
            with Image.open(io.BytesIO(answer.body)) as picture:
                picture.load()
            assert wire.answer().json()["code"] == 1000

    def test_many_waiting_requests_are_all_answered(self, start: Start) -> None:
        running = start(latency="1ms")
        wire = running.connect()
        wire.send(b"".join(get(f"/{number}") for number in range(200)))
        assert [wire.answer().status for _ in range(200)] == [404] * 200
        assert [call.request.path for call in running.mock.calls] == [f"/{number}" for number in range(200)]

    def test_requests_after_a_close_are_not_answered(self, start: Start) -> None:
        running = start(latency="10ms")
        wire = running.connect()
        wire.send(get("/last", connection="close") + get("/never"))
        assert wire.answer().headers["connection"] == "close"
        assert wire.is_closed()
        assert [call.request.path for call in running.mock.calls] == ["/last"]


class Noted:
    """Keeps what a log is told."""

    def __init__(self) -> None:
        self.responses: list[Response] = []

    def note(self, time_ns: int, request: Request, response: Response, took_ns: int, peer: str) -> None:
        assert 0 <= took_ns < 60 * 10**9
        assert abs(time_ns - time.time_ns()) < 60 * 10**9
        assert peer.startswith("127.0.0.1:")
        self.responses.append(response)

    def note_refusal(self, refusal: Refusal) -> None:
        raise AssertionError(refusal)


class TestRepeatedRequests:
    """A client that waits sends the same bytes over and over; what the server remembers of them must not show."""

    @pytest.fixture
    def clock(self) -> VirtualClock:
        return VirtualClock()

    @pytest.fixture
    def still(self, clock: VirtualClock) -> Iterator[Running]:
        """A fake whose clock stands still."""
        with ExitStack() as opened:
            mock = MockAkool(clock=clock)
            yield Running(mock, opened.enter_context(mock.server()), opened)

    def test_a_repeated_poll_sees_what_time_brings(self, still: Running, clock: VirtualClock) -> None:
        wire = still.connect()
        poll = get(INFO + still.create())
        seen = []
        for step in (0, 0, 1.999, 0.001, 0, 2.999, 0.001, 0):
            clock.advance(step)
            wire.send(poll)
            seen.append(wire.answer().json()["data"]["image_status"])
        assert seen == [1, 1, 1, 2, 2, 2, 3, 3]

    def test_a_repeated_poll_counts_where_polls_count(self, still: Running) -> None:
        still.mock.next_job(queueing="3 polls", processing="2 polls")
        wire = still.connect()
        poll = get(INFO + still.create())
        wire.send(*[poll] * 7)
        assert [wire.answer().json()["data"]["image_status"] for _ in range(7)] == [1, 1, 1, 2, 2, 3, 3]

    def test_a_repeated_poll_sees_a_button_that_was_pressed(self, still: Running) -> None:
        still.mock.next_job(queueing=0, processing=0)
        job_id = still.create()
        wire = still.connect()
        press = request("POST", PRESS, json.dumps({"_id": job_id, "button": "U2"}).encode())
        wire.send(get(INFO + job_id))
        assert wire.answer().json()["data"]["used_buttons"] == []
        for code in (1000, 1011):
            wire.send(press, get(INFO + job_id))
            assert wire.answer().json()["code"] == code
            assert wire.answer().json()["data"]["used_buttons"] == ["U2"]

    def test_a_repeated_create_is_another_job(self, still: Running) -> None:
        wire = still.connect()
        wire.send(*[request("POST", CREATE, BODY)] * 5)
        assert len({wire.answer().json()["data"]["_id"] for _ in range(5)}) == 5

    def test_a_repeated_request_of_another_client_is_its_own(self, still: Running) -> None:
        job_id = still.create()
        wire = still.connect()
        for _ in range(3):
            wire.send(get(INFO + job_id), get(INFO + job_id, x_api_key="other"), get(INFO + job_id, x_api_key=""))
            assert [wire.answer().json()["code"] for _ in range(3)] == [1000, 1009, 1102]

    def test_images_of_a_repeated_poll_are_seen_at_the_host_of_each(self, still: Running) -> None:
        still.mock.next_job(queueing=0, processing=0)
        job_id = still.create()
        wire = still.connect()
        for _ in range(2):
            for host in ("one.test", "other.test"):
                wire.send(get(INFO + job_id, host=host))
                assert wire.answer().json()["data"]["image"].startswith(f"http://{host}/")

    def test_a_repeated_poll_ends_with_a_reset(self, still: Running) -> None:
        wire = still.connect()
        poll = get(INFO + still.create())
        wire.send(poll)
        assert wire.answer().json()["code"] == 1000
        still.mock.reset()
        wire.send(poll)
        assert wire.answer().json()["code"] == 1008

    def test_every_repeated_request_is_in_the_call_log(self, still: Running) -> None:
        wire = still.connect()
        poll = get(INFO + still.create())
        for _ in range(10):
            wire.send(poll)
            wire.answer()
        assert [call.number for call in still.mock.calls] == list(range(1, 12))

    def test_a_repeated_poll_is_logged_and_as_fresh_as_any(self) -> None:
        with ExitStack() as opened:
            clock, noted = VirtualClock(), Noted()
            mock = MockAkool(clock=clock)
            server = Server(mock.application, log=noted)
            running = Running(mock, opened.enter_context(server), opened)
            poll = get(INFO + running.create())
            wires = [running.connect() for _ in range(3)]
            statuses = []
            for _ in range(8):
                for wire in wires:
                    wire.send(poll)
                    answer = wire.answer()
                    statuses.append(answer.json()["data"]["image_status"])
                    assert parsedate_to_datetime(answer.headers["date"]).timestamp() == pytest.approx(
                        time.time(), abs=9
                    )
                clock.advance(1)
            assert statuses == [1] * 6 + [2] * 9 + [3] * 9
            kept = [call.response for call in mock.calls]
            assert [response.job_status for response in kept[1:]] == statuses
            assert noted.responses == kept

    @pytest.mark.parametrize("cut", [1, 20, -1])
    def test_a_known_request_may_come_in_pieces_later(self, cut: int, still: Running) -> None:
        wire = still.connect()
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        known = get(QUOTA)
        for _ in range(3):
            wire.send(known)
            assert wire.answer().status == 200
        wire.send(known[:cut])
        other = still.connect()
        other.send(known)
        assert other.answer().status == 200  # and so the server has read the piece
        wire.send(known[cut:] + known)
        assert wire.answer().status == wire.answer().status == 200
        assert len(still.mock.calls) == 6

    def test_a_known_request_within_a_body_is_a_body(self, still: Running) -> None:
        wire = still.connect()
        known = get(QUOTA)
        wire.send(known)
        assert wire.answer().status == 200
        wire.send(request("POST", CREATE, content_type="application/json", content_length=str(len(known))))
        other = still.connect()
        other.send(known)
        assert other.answer().status == 200
        wire.send(known)
        assert wire.answer().json()["code"] == 1003
        assert [call.request.path for call in still.mock.calls] == [QUOTA, QUOTA, CREATE]
        assert still.mock.calls[-1].request.body == known

    def test_a_known_request_waits_for_its_turn(self) -> None:
        with ExitStack() as opened:
            mock = MockAkool(clock=SystemClock(), latency="30ms")
            running = Running(mock, opened.enter_context(mock.server()), opened)
            wire = running.connect()
            for _ in range(2):
                wire.send(get(HEALTH))
                assert wire.answer().status == 200
            wire.send(get("/first"))
            until(lambda: running.server.tasks)
            wire.send(get(HEALTH))
            assert wire.answer().status == 404
            assert wire.answer().json()["status"] == "ok"

    @pytest.mark.parametrize(
        ("sent", "status", "closed"),
        [
            (get(HEALTH, connection="close"), 200, True),
            (get(HEALTH).replace(b"HTTP/1.1", b"HTTP/1.0"), 200, True),
            (request("HEAD", HEALTH), 200, False),
            (get("/nowhere"), 404, False),
        ],
        ids=["close", "1.0", "head", "unknown"],
    )
    def test_a_repeated_request_is_answered_alike(self, sent: bytes, status: int, closed: bool, still: Running) -> None:
        wire = still.connect()
        for _ in range(3):
            wire.send(sent)
            answer = wire.answer(of_head=sent.startswith(b"HEAD"))
            assert answer.status == status
            assert ("connection" in answer.headers) == closed
            if closed:
                assert wire.is_closed()
                wire = still.connect()

    def test_a_response_is_not_taken_for_one_that_was_forgotten(self) -> None:
        """What is sent is remembered by the identity of the response, which another may have once it is forgotten."""
        server = MockAkool().server()
        for number in range(100):
            body = b"%d" % number
            assert server.framed(Response(200, (), body)).endswith(b"\r\n\r\n" + body)

    def test_responses_that_are_remembered_are_bounded_by_bytes(self) -> None:
        server = MockAkool().server()
        for _ in range(1_000):
            server.framed(Response(200, (), bytes(15_000)))
        kept = sum(len(before) + len(after) + len(each.body) for before, after, each in server._framed.values())
        kept += sum(map(len, server._dated.values()))
        assert kept <= (4 << 20) + 50_000

    def test_what_is_remembered_is_bounded(self, still: Running) -> None:
        wire = still.connect()
        for number in range(2000):
            wire.send(get(f"/{number}", x="y" * 100))
            assert wire.answer().status == 404
        assert len(still.server.known_requests) < 1000


NOT_HTTP: Final = {
    "words": b"hello\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "another version": b"GET / HTTP/9.9\r\nhost: x\r\n\r\n",
    "unknown method": b"FETCH / HTTP/1.1\r\nhost: x\r\n\r\n",
    "bad length": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    "length and chunks": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    "bad chunk": b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\nhost: x\r\n\r\n",
    "control character": b"GET / HTTP/1.1\r\nhost: x\r\nx-api-key: a\x00b\r\n\r\n",
}


class TestBounds:
    @pytest.mark.parametrize("sent", NOT_HTTP.values(), ids=NOT_HTTP)
    def test_what_is_no_http_is_refused_and_closed(self, sent: bytes, running: Running) -> None:
        wire = running.connect()
        wire.send(sent)
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert answer.body.startswith(b"this is not HTTP/1.1: ")
        assert wire.is_closed()
        assert running.mock.calls == ()

    def test_a_refusal_comes_after_the_answers_before_it(self, start: Start) -> None:
        running = start(latency="30ms")
        wire = running.connect()
        wire.send(get(QUOTA) + get("/nowhere") + b"hello\r\n\r\n")
        assert wire.answer().json()["code"] == 1000
        assert wire.answer().status == 404
        assert wire.answer().status == 400
        assert wire.is_closed()

    @pytest.mark.parametrize(
        "sent",
        [
            get(QUOTA, x="y" * 70_000),
            get(QUOTA, **{f"x{number}": "y" * 1000 for number in range(70)}),
            get(QUOTA + "?" + "y" * 70_000),
        ],
        ids=["one header", "many headers", "target"],
    )
    def test_a_head_over_64_kib_is_refused_and_closed(self, sent: bytes, running: Running) -> None:
        wire = running.connect()
        wire.send(sent)
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (431, "close")
        assert answer.body == b"the request's headers are over 65,536 bytes\n"
        assert wire.is_closed()
        assert running.mock.calls == ()

    def test_a_head_without_end_is_refused(self, running: Running) -> None:
        wire = running.connect()
        wire.send(b"GET / HTTP/1.1\r\nhost: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                wire.send(b"y" * 1000)
        assert wire.is_closed() or wire.answer().status == 431

    def test_a_head_of_60_kib_is_well(self, running: Running) -> None:
        wire = running.connect()
        wire.send(get(QUOTA, x="y" * 60_000), get(QUOTA))
        assert wire.answer().status == 200
        assert wire.answer().status == 200

    @pytest.mark.parametrize("chunked", [False, True])
    def test_a_body_over_the_bound_is_a_parameter_error_and_the_connection_goes_on(
        self, chunked: bool, running: Running
    ) -> None:
        wire = running.connect()
        body = json.dumps({"prompt": "y" * (2 << 20)}).encode()
        if chunked:
            head = request("POST", CREATE, transfer_encoding="chunked", content_type="application/json")
            wire.send(head, b"%x\r\n" % len(body), body, b"\r\n0\r\n\r\n")
        else:
            wire.send(request("POST", CREATE, body))
        assert wire.answer().json() == {"code": 1003, "msg": "parameter validate error"}
        wire.send(get(QUOTA))
        assert wire.answer().json()["data"] == {"credit": 1000}
        assert len(running.mock.calls[0].request.body) == (1 << 20) + 1

    def test_a_body_of_the_bound_is_read(self, start: Start) -> None:
        running = start(max_body_bytes=5000)
        wire = running.connect()
        spaces = 5000 - len(BODY)
        wire.send(request("POST", CREATE, BODY + b" " * spaces), request("POST", CREATE, BODY + b" " * (spaces + 1)))
        assert wire.answer().json()["code"] == 1000
        assert wire.answer().json()["code"] == 1003


class TestSlowClients:
    def test_a_slow_reader_gets_every_byte(self, running: Running) -> None:
        path = running.image_path()
        one = running.connect()
        one.send(get(path))
        expected = one.answer().body
        wire = running.connect(receive_buffer=4096)
        sending = threading.Thread(target=wire.send, args=(get(path) * 300,))
        sending.start()
        # It reads nothing while the server answers another client, so that what is sent to it piles up.
        for _ in range(100):
            one.send(get(QUOTA))
            assert one.answer().status == 200
        # The server stops to answer what nobody takes: 300 images would fill its memory.
        assert len([call for call in running.mock.calls if call.request.path == path]) < 300
        for _ in range(300):
            assert wire.answer().body == expected
        sending.join(PATIENCE_S)
        assert not sending.is_alive()

    def test_a_client_that_sends_faster_than_it_is_answered_is_held_up(self, start: Start) -> None:
        running = start(latency="60s")
        wire = running.connect()
        large = request("POST", CREATE, BODY + b" " * (1 << 20))
        sent: list[int] = []

        def send() -> None:
            with contextlib.suppress(OSError):
                # Far more than the buffers of both sockets hold.
                for number in range(100):
                    wire.send(large)
                    sent.append(number)

        sending = threading.Thread(target=send)
        sending.start()
        until(lambda: sent)
        (connection,) = running.server.connections
        until(lambda: not connection._transport.is_reading())
        wire.socket.shutdown(socket.SHUT_RDWR)
        sending.join(PATIENCE_S)
        assert len(sent) < 100

    def test_a_client_that_goes_away_while_it_waits_hurts_nobody(
        self, start: Start, caplog: pytest.LogCaptureFixture
    ) -> None:
        running = start(latency="50ms")
        server = running.server
        for _ in range(10):
            wire = running.connect()
            wire.send(get(QUOTA) + get("/waiting"))
            until(lambda: server.tasks)
            wire.socket.close()
        other = running.connect()
        other.send(get(QUOTA))
        assert other.answer().status == 200
        until(lambda: not server.tasks and len(server.connections) == 1)
        assert caplog.records == []

    def test_a_client_that_goes_away_while_its_image_is_drawn(self, start: Start) -> None:
        running = start()
        drawing, drawn = threading.Event(), threading.Event()

        def draw(_: object) -> bytes:
            drawing.set()
            drawn.wait(PATIENCE_S)
            return b"\xff\xd8 a picture"

        running.mock.application.media_cache = MediaCache(draw=draw)
        wire = running.connect()
        wire.send(get(running.image_path()))
        assert drawing.wait(PATIENCE_S)
        wire.socket.close()
        # A drawing does not hold up the others.
        other = running.connect()
        other.send(get(QUOTA))
        assert other.answer().status == 200
        drawn.set()
        until(lambda: not running.server.tasks)

    def test_a_connection_that_nobody_uses_is_closed(self, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_module, "_SWEEP_S", 0.01)
        running = start(latency="200ms")
        idle, half = running.connect(), running.connect()
        half.send(b"GET / HTTP/1.1\r\nhost")
        busy = running.connect()
        busy.send(get(QUOTA))
        assert idle.is_closed()
        assert half.answer().status == 408
        assert half.is_closed()
        # The sweep is over, and the delayed answer comes nevertheless.
        assert busy.answer().status == 200

    def test_a_connection_that_is_used_is_not_closed(self, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_module, "_SWEEP_S", 0.02)
        running = start()
        wire, idle = running.connect(), running.connect()
        closed = threading.Thread(target=idle.is_closed)
        closed.start()
        while closed.is_alive():
            wire.send(get(QUOTA))
            assert wire.answer().status == 200


class TestLife:
    def test_it_listens_as_soon_as_it_is_started_and_no_longer_than_it_runs(self) -> None:
        server = MockAkool().server()
        server.start()
        socket.create_connection(("127.0.0.1", server.port), PATIENCE_S).close()
        server.stop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)

    def test_many_servers_run_beside_each_other(self) -> None:
        with ExitStack() as opened:
            servers = [opened.enter_context(MockAkool(seed=seed).server()) for seed in range(8)]
            assert len({server.port for server in servers}) == 8
            assert threading.active_count() >= 8

    def test_it_can_be_started_again_on_its_port(self) -> None:
        mock = MockAkool(clock=SystemClock())
        server = mock.server()
        for _ in range(3):
            with ExitStack() as opened:
                running = Running(mock, opened.enter_context(server), opened)
                wire = running.connect()
                wire.send(get(running.image_path()))
                assert wire.answer().status == 200
        assert len({call.request.file_base for call in mock.calls}) == 1

    def test_it_is_not_started_twice(self) -> None:
        with MockAkool().server() as server:
            with pytest.raises(ServerError, match=f"the server at {server.url} runs already"):
                server.start()
            socket.create_connection(("127.0.0.1", server.port), PATIENCE_S).close()

    def test_a_taken_port_is_reported_and_nothing_is_left(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            server = MockAkool().server(port=taken.getsockname()[1])
            with pytest.raises(ServerError, match="Address already in use"):
                server.start()
            server.stop()
        # Free by now.
        with server:
            socket.create_connection(("127.0.0.1", server.port), PATIENCE_S).close()

    def test_an_address_that_is_none_of_ours_is_reported(self) -> None:
        with pytest.raises(ServerError, match=r"cannot listen on nowhere\.invalid:0"):
            MockAkool().server("nowhere.invalid").start()

    def test_what_fails_in_its_thread_is_raised_by_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise OSError("no loop today")

        server = MockAkool().server()
        with monkeypatch.context() as patched:
            patched.setattr(server_module, "new_loop", fail)
            with pytest.raises(OSError, match="no loop today"):
                server.start()
        server.stop()
        with server:
            socket.create_connection(("127.0.0.1", server.port), PATIENCE_S).close()

    def test_stopping_what_does_not_run_is_nothing(self) -> None:
        server = MockAkool().server()
        server.stop()
        server.bind()
        server.stop()
        with server:
            pass
        server.stop()

    def test_stop_does_not_wait_for_open_connections(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_module, "_GRACE_S", 60)
        with ExitStack() as opened:
            mock = MockAkool(clock=SystemClock())
            server = mock.server().start()
            running = Running(mock, server, opened)
            wires = [running.connect() for _ in range(20)]
            for wire in wires[:10]:
                wire.send(get(QUOTA))
                wire.answer()
            began_s = time.monotonic()
            server.stop()
            assert time.monotonic() - began_s < PATIENCE_S
            assert all(wire.is_closed() for wire in wires)

    def test_stop_closes_a_connection_that_the_loop_takes_while_it_stops(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The system has taken it before."""
        monkeypatch.setattr(server_module, "_GRACE_S", 60)
        finish, late = HttpConnection.finish, list(socket.socketpair())

        def finish_and_take(connection: HttpConnection) -> None:
            finish(connection)
            if len(late) == 2:
                taken = server.loop.connect_accepted_socket(lambda: HttpConnection(server), late.pop())
                server.loop.create_task(taken)

        monkeypatch.setattr(HttpConnection, "finish", finish_and_take)
        with ExitStack() as opened:
            opened.enter_context(late[0])
            mock = MockAkool(clock=SystemClock())
            server = mock.server().start()
            Running(mock, server, opened).connect()
            began_s = time.monotonic()
            server.stop()
            assert time.monotonic() - began_s < PATIENCE_S
            assert late[0].recv(1) == b""

    def test_stop_lets_an_answer_that_is_soon_due_come(self) -> None:
        with ExitStack() as opened:
            mock = MockAkool(clock=SystemClock(), latency="200ms")
            server = mock.server().start()
            running = Running(mock, server, opened)
            wire = running.connect()
            wire.send(get(QUOTA))
            until(lambda: server.tasks)
            server.stop()
            assert wire.answer().status == 200
            assert wire.is_closed()

    def test_stop_does_not_wait_for_an_answer_that_is_long_due(self) -> None:
        with ExitStack() as opened:
            mock = MockAkool(clock=SystemClock(), latency="60s")
            server = mock.server().start()
            running = Running(mock, server, opened)
            wires = [running.connect() for _ in range(5)]
            for wire in wires:
                wire.send(get(QUOTA) + get(QUOTA))
            until(lambda: len(server.tasks) == 5)
            began_s = time.monotonic()
            server.stop()
            assert time.monotonic() - began_s < PATIENCE_S
            assert all(wire.is_closed() for wire in wires)

    def test_delayed_answers_hold_no_thread(self, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_module, "_GRACE_S", 0)
        running = start(latency="1h")
        wires = [running.connect() for _ in range(64)]
        threads = threading.active_count()
        for wire in wires:
            wire.send(get(QUOTA))
        until(lambda: len(running.server.tasks) == 64)
        assert threading.active_count() == threads

    def test_many_clients_at_once(self, running: Running) -> None:
        def client(number: int) -> set[int]:
            wire = running.connect()
            statuses = set()
            for _ in range(20):
                wire.send(get(QUOTA, x_api_key=str(number)))
                statuses.add(wire.answer().status)
            return statuses

        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(client, range(16))) == [{200}] * 16
        assert len(running.mock.calls) == 320


class TestHost:
    @pytest.mark.parametrize(
        ("host", "base"),
        [
            ("akool.test", "http://akool.test"),
            ("akool.test:8443", "http://akool.test:8443"),
            ("[::1]:80", "http://[::1]:80"),
            ("evil.test/path?", None),
            ("a b", None),
            ("x" * 256, None),
        ],
    )
    def test_images_are_seen_at_the_host_that_was_called(self, host: str, base: str | None, running: Running) -> None:
        running.mock.next_job(queueing=0, processing=0)
        job_id = running.create()
        wire = running.connect()
        wire.send(get(INFO + job_id, host=host))
        record = wire.answer().json()["data"]
        expected = running.server.url if base is None else base
        assert [link.rpartition("/")[0] for link in (record["image"], *record["upscaled_urls"])] == [expected] * 5

    def test_without_a_host_they_are_seen_at_the_server_s_address(self, running: Running) -> None:
        running.mock.next_job(queueing=0, processing=0)
        job_id = running.create()
        wire = running.connect()
        wire.send(f"GET {INFO}{job_id} HTTP/1.0\r\nx-api-key: key\r\n\r\n".encode())
        assert wire.answer().json()["data"]["image"].startswith(f"{running.server.url}/")

    def test_a_public_url_wins(self) -> None:
        with ExitStack() as opened:
            mock = MockAkool(clock=SystemClock())
            server = opened.enter_context(Server(mock.application, public_url="https://cdn.test"))
            running = Running(mock, server, opened)
            mock.next_job(queueing=0, processing=0)
            job_id = running.create()
            wire = running.connect()
            wire.send(get(INFO + job_id))
            assert wire.answer().json()["data"]["image"].startswith("https://cdn.test/")

    def test_it_listens_on_ipv6(self) -> None:
        server = MockAkool().server("::1")
        try:
            server.bind()
        except ServerError:
            pytest.skip("this machine has no IPv6 loopback")
        with server, socket.create_connection(("::1", server.port), PATIENCE_S) as connection:
            wire = Wire(connection)
            wire.send(get(HEALTH))
            assert wire.answer().status == 200
            assert server.url == f"http://[::1]:{server.port}"


class TestBugs:
    def test_a_bug_is_http_500_with_a_line_in_the_log_and_changes_nothing(
        self, running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*_: object) -> Any:
            raise ZeroDivisionError("of ours")

        wire = running.connect()
        with monkeypatch.context() as patched:
            patched.setitem(API_ROUTES, ("POST", CREATE), Route("createbyprompt", fail))
            wire.send(request("POST", CREATE, BODY))
            answer = wire.answer()
        assert answer.status == 500
        body = answer.json()
        assert (body["error"], body["detail"]) == ("mock-akool bug", "ZeroDivisionError: of ours")
        assert "code" not in body
        (line,) = caplog.records
        assert (line.name, line.levelno) == ("mock_akool", logging.ERROR)
        assert line.getMessage() == f"mock-akool bug while answering POST {CREATE}"
        assert line.exc_info is not None
        assert running.mock.jobs == ()
        wire.send(get(QUOTA), request("POST", CREATE, BODY))
        assert wire.answer().json()["data"] == {"credit": 1000}
        assert wire.answer().json()["code"] == 1000

    def test_an_image_that_cannot_be_drawn_is_http_500(
        self, running: Running, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(_: object) -> bytes:
            raise MemoryError("too large")

        path = running.image_path()
        usual, running.mock.application.media_cache = running.mock.application.media_cache, MediaCache(draw=fail)
        wire = running.connect()
        wire.send(get(path) + get(QUOTA))
        answer = wire.answer()
        assert (answer.status, answer.json()["error"]) == (500, "mock-akool bug")
        assert wire.answer().status == 200
        assert [line.getMessage()[:28] for line in caplog.records] == ["mock-akool bug while drawing"]
        running.mock.application.media_cache = usual
        wire.send(get(path))
        assert wire.answer().headers["content-type"] == "image/jpeg"

    def test_a_bug_of_the_door_is_http_500_and_closes(
        self, running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*_: object) -> Any:
            raise ZeroDivisionError("of ours")

        monkeypatch.setattr(running.server, "answer", fail)
        wire = running.connect()
        wire.send(get(QUOTA))
        answer = wire.answer()
        assert (answer.status, answer.body) == (500, b"mock-akool bug: see the server's log\n")
        assert wire.is_closed()
        (line,) = caplog.records
        assert line.getMessage() == "mock-akool bug in the HTTP server"
        assert line.exc_info is not None
        assert isinstance(line.exc_info[1], ZeroDivisionError)
