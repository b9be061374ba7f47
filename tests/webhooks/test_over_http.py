"""Webhooks over HTTP in real time: real receivers on loopback, a receiver that hangs, stopping and resetting."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mock_akool import MockAkool, Request, SystemClock
from mock_akool.server import http_server
from mock_akool.webhooks import address_policy
from mock_akool.webhooks.worker import Worker
from tests.waiting import PATIENCE_S, until
from tests.webhooks.receivers import (
    ACCOUNT,
    SECRET,
    create,
    fake,
    http_receiver,
    poll,
)

QUICK = {"queueing": 0, "processing": 0, "webhook_retry_delay": "20ms"}
OTHER = "o" * 32


@contextmanager
def live(**options: Any) -> Iterator[MockAkool]:
    """A fake on the machine's clock that sends over HTTP, with a server that is stopped at the end."""
    mock = fake(clock=SystemClock(), **{**QUICK, **options})
    mock.webhooks.send_over_http()
    with mock.server():
        yield mock


@contextmanager
def raw_receiver(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A listener that does with each connection what `serve` says; yields its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            try:
                serve(connection)
            except OSError:
                continue

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in connections:
            connection.close()
        thread.join()


def hang(connection: socket.socket) -> None:
    connection.recv(1 << 16)


def worker_threads() -> set[threading.Thread]:
    """The threads that send webhooks; the one of the run's `akool_server` may be among them."""
    return {each for each in threading.enumerate() if each.name == "mock-akool-webhooks"}


class TestTheRequest:
    def test_what_a_receiver_gets(self) -> None:
        with http_receiver() as receiver, live() as mock:
            job_id = create(mock, f"{receiver.url}/ä%20b?c=d&e=%26")
            delivery = mock.webhooks.wait_for_delivery(job_id, status=3)
            got = receiver.got[-1]
            assert got.body == delivery.body
            assert got.path == "/hook/%C3%A4%20b?c=d&e=%26"
            assert got.headers["content-type"] == "application/json"
            assert got.headers["host"] == receiver.url.split("/")[2]
            assert got.headers["user-agent"].startswith("mock-akool/")
            assert receiver.payloads == [each.json for each in mock.webhooks.for_job(job_id)]
            assert delivery.attempts[0].seconds < 5

    def test_a_name_is_looked_up(self) -> None:
        with http_receiver() as receiver, live() as mock:
            job_id = create(mock, receiver.url.replace("127.0.0.1", "localhost"))
            mock.webhooks.wait_for_delivery(job_id, status=3)
            assert receiver.got[0].headers["host"].startswith("localhost:")

    def test_status_and_poll_agree(self) -> None:
        statuses: list[int] = []
        with live(queueing="30ms", processing="1s") as mock, http_receiver() as receiver:

            def answer(got: Any) -> int:
                statuses.append(poll(mock, got.verdict.payload["_id"])["image_status"])
                return 200

            receiver.answer = answer
            job_id = create(mock, receiver.url)
            mock.webhooks.wait_for_delivery(job_id, status=3)
            assert statuses == [2, 3]

    @pytest.mark.parametrize("answer", [204, 302, 500])
    def test_anything_but_200_is_tried_again(self, answer: int) -> None:
        def answered(got: Any) -> int:
            return 200 if len(receiver.got) >= 3 else answer

        with http_receiver(answered) as receiver, live(webhook_processing=False) as mock:
            delivery = mock.webhooks.wait_for_delivery(create(mock, receiver.url))
            assert [each.status for each in delivery.attempts] == [answer, answer, 200]
            assert len({each.body for each in receiver.got}) == 1

    def test_it_gives_up_in_the_end(self, caplog: pytest.LogCaptureFixture) -> None:
        with http_receiver(lambda got: 500) as receiver, live(webhook_retry_delay="1ms") as mock:
            create(mock, receiver.url)
            until(lambda: len(mock.webhooks.in_state("given up")) == 2)
            assert len(receiver.got) == 12
        assert "given up after 6 attempts: POST /hook answered 500" in caplog.text

    def test_a_redirect_is_not_followed(self) -> None:
        def serve(connection: socket.socket) -> None:
            connection.recv(1 << 16)
            connection.sendall(f"HTTP/1.1 302 Found\r\nlocation: {receiver.url}\r\ncontent-length: 0\r\n\r\n".encode())

        with http_receiver() as receiver, raw_receiver(serve) as url, live(webhook_retries=1) as mock:
            create(mock, url)
            until(lambda: len(mock.webhooks.in_state("given up")) == 2)
            assert receiver.got == []

    def test_proxies_of_the_environment_are_not_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        with http_receiver() as receiver, live() as mock:
            mock.webhooks.wait_for_delivery(create(mock, receiver.url), status=3)


class TestReceiversThatFail:
    def reported(self, url: str, **options: Any) -> str:
        """Send one webhook that is tried once; return what became of it."""
        with live(webhook_processing=False, webhook_retries=0, **options) as mock:
            create(mock, url)
            until(lambda: [each for each in mock.webhooks if each.state != "waiting"])
            return mock.webhooks.last.error

    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        assert self.reported(f"http://127.0.0.1:{port}/") == "the connection was refused"

    def test_it_hangs(self) -> None:
        with raw_receiver(hang) as url:
            assert self.reported(url, webhook_timeout="100ms") == "no answer within 0.1 s"

    def test_it_closes_without_an_answer(self) -> None:
        def serve(connection: socket.socket) -> None:
            connection.recv(1 << 16)
            connection.close()

        with raw_receiver(serve) as url:
            assert self.reported(url) == "the connection was closed without an answer"

    def test_it_resets(self) -> None:
        def serve(connection: socket.socket) -> None:
            connection.recv(1 << 16)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()

        with raw_receiver(serve) as url:
            assert self.reported(url) == "the connection was reset"

    @pytest.mark.parametrize("waits", [False, True], ids=["before the request", "after the request"])
    @pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH\r\n", b"220 mail ESMTP\r\n", b"\x15\x03\x01\0\2\2\n"])
    def test_it_speaks_no_http(self, said: bytes, waits: bool) -> None:
        def serve(connection: socket.socket) -> None:
            if waits:
                connection.recv(1 << 16)
            connection.sendall(said)

        with raw_receiver(serve) as url:
            assert self.reported(url) == "what the receiver answered is no HTTP"

    def test_an_interim_answer_is_not_the_answer(self) -> None:
        def serve(connection: socket.socket) -> None:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
            connection.sendall(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n")

        with raw_receiver(serve) as url:
            assert self.reported(url) == "POST /hook answered 503"

    def test_an_answer_that_ends_with_the_connection_counts(self) -> None:
        def serve(connection: socket.socket) -> None:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nthanks")
            connection.close()

        with raw_receiver(serve) as url:
            assert self.reported(url) == ""

    def test_a_name_that_nobody_knows(self) -> None:
        assert self.reported("http://no-such-host.invalid/hook").startswith("the name of the host no-such-host.invalid")

    def test_a_handshake_that_is_broken_off(self) -> None:
        def serve(connection: socket.socket) -> None:
            connection.recv(1 << 16)
            connection.close()

        with raw_receiver(serve) as url:
            assert self.reported(url.replace("http:", "https:")) == "the connection was reset"

    @pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "nonsense", "http://", "http://127.0.0.1:99999/"])
    def test_what_is_no_url_is_refused(self, url: str) -> None:
        assert "is no http(s) URL" in self.reported(url, check_urls=False)


class TestTheAddressPolicy:
    @pytest.mark.parametrize(
        ("address", "local"),
        [
            ("127.0.0.1", True),
            ("127.255.0.3", True),
            ("::1", True),
            ("10.1.2.3", True),
            ("172.16.0.1", True),
            ("172.31.255.255", True),
            ("172.32.0.1", False),
            ("192.168.1.1", True),
            ("fd00::1", True),
            ("::ffff:10.0.0.1", True),
            ("::ffff:8.8.8.8", False),
            ("8.8.8.8", False),
            ("169.254.1.2", True),  # Podman's host
            ("169.254.169.254", False),
            ("169.254.169.253", False),
            ("169.254.170.2", False),
            ("::ffff:169.254.169.254", False),
            ("198.18.0.1", True),  # OrbStack
            ("198.19.255.255", True),
            ("198.20.0.0", False),
            ("100.64.0.1", True),  # Tailscale, EKS
            ("100.127.255.255", True),
            ("100.128.0.0", False),
            ("100.100.100.200", False),
            ("fd12:3456::1", True),
            ("fd00:ec2::254", False),
            ("fd20:ce::254", False),
            ("fe80::1", False),
            ("fe80::1%eth0", False),
            ("64:ff9b::a9fe:a9fe", False),
            ("2002:a9fe:a9fe::1", False),
            ("0.0.0.0", False),
            ("224.0.0.1", False),
            ("2001:4860:4860::8888", False),
            ("nonsense", False),
        ],
    )
    def test_which_addresses_are_local(self, address: str, local: bool) -> None:
        assert address_policy.is_local(address) is local
        assert address_policy.AddressPolicy().allows("host", 80, address) is local

    @pytest.mark.parametrize("allowed", ["app.test", "APP.test", "app.test:8080", "8.8.8.8"])
    def test_what_is_allowed_by_name_address_or_port(self, allowed: str) -> None:
        assert address_policy.AddressPolicy([allowed]).allows("app.test", 8080, "8.8.8.8")
        assert not address_policy.AddressPolicy([allowed]).allows("other.test", 80, "8.8.4.4")

    def test_a_port_is_allowed_by_itself(self) -> None:
        assert not address_policy.AddressPolicy(["app.test:8080"]).allows("app.test", 80, "8.8.8.8")

    def test_a_refused_webhook_is_in_the_call_log_and_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        with live(webhook_processing=False) as mock:
            create(mock, "http://203.0.113.7/hook")
            until(lambda: mock.webhooks.in_state("refused").count)
            said = (
                "webhooks are sent to this machine and to private addresses only, and 203.0.113.7 is neither; "
                "allow it with --allow-webhook 203.0.113.7 (in Python allow_webhook='203.0.113.7')"
            )
            assert mock.webhooks.last.error == said
            assert len(mock.webhooks.last.attempts) == 1
            until(lambda: said in caplog.text)  # which is written after it is refused, in another thread

    def test_the_address_that_was_checked_is_connected_to(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A name that changes its address after it was checked (rebinding) gains nothing: it is looked up once."""
        looked_up: list[str] = []
        real = socket.getaddrinfo

        def rebinding(host: str, *arguments: Any, **options: Any) -> Any:
            if host != "rebinding.test":
                return real(host, *arguments, **options)
            looked_up.append(host)
            return real("203.0.113.7" if len(looked_up) == 1 else "127.0.0.1", *arguments, **options)

        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        with http_receiver() as receiver, live(webhook_processing=False) as mock:
            create(mock, receiver.url.replace("127.0.0.1", "rebinding.test"))
            until(lambda: mock.webhooks.in_state("refused").count)
            assert looked_up == ["rebinding.test"]
            assert "rebinding.test (203.0.113.7) is neither" in mock.webhooks.last.error
            assert receiver.got == []

    def test_of_a_name_with_several_addresses_the_near_one_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = socket.getaddrinfo

        def two(host: str, *arguments: Any, **options: Any) -> Any:
            if host != "two.test":
                return real(host, *arguments, **options)
            return [*real("203.0.113.7", *arguments, **options), *real("127.0.0.1", *arguments, **options)]

        monkeypatch.setattr(socket, "getaddrinfo", two)
        with http_receiver() as receiver, live() as mock:
            mock.webhooks.wait_for_delivery(create(mock, receiver.url.replace("127.0.0.1", "two.test")), status=3)

    def test_an_allowed_host_is_connected_to(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(address_policy, "_LOCAL", ())
        with http_receiver() as receiver, live(allow_webhook="127.0.0.1", webhook_processing=False) as mock:
            mock.webhooks.wait_for_delivery(create(mock, receiver.url))


class TestManyAndSlow:
    def test_none_is_lost_or_doubled_and_each_job_has_its_order(self) -> None:
        count = 300
        with http_receiver() as receiver, live(credits=10**6) as mock:
            for _ in range(count):
                create(mock, receiver.url)
            until(lambda: len(receiver.got) >= 2 * count)
            until(lambda: len(mock.webhooks.in_state("delivered")) == 2 * count)
            assert len(receiver.got) == 2 * count
            for job in mock.jobs:
                told = [each["status"] for each in receiver.payloads if each["_id"] == job.id]
                assert told == [2, 3]

    def test_a_receiver_that_hangs_delays_no_other_account_and_no_poll(self) -> None:
        patient = live(webhook_timeout="60s")
        with raw_receiver(hang) as hanging, http_receiver(lambda got: 200) as receiver, patient as mock:
            for _ in range(40):
                create(mock, hanging)
            began_s = time.perf_counter()
            job_id = create(mock, receiver.url, key=OTHER)
            mock.webhooks.wait_for_delivery(job_id, status=3)
            assert poll(mock, job_id, OTHER)["image_status"] == 3
            assert time.perf_counter() - began_s < PATIENCE_S
            assert mock.webhooks.by_account(ACCOUNT["api_key"]).in_state("delivered").count == 0

    def test_a_receiver_that_refuses_delays_no_other_account(self) -> None:
        with http_receiver(lambda got: 200) as receiver, live() as mock:
            for _ in range(40):
                create(mock, "http://127.0.0.1:1/")
            mock.webhooks.wait_for_delivery(create(mock, receiver.url, key=OTHER), status=3)


class TestStopping:
    def test_with_deliveries_in_flight_it_ends_soon_and_tells_of_them(self, caplog: pytest.LogCaptureFixture) -> None:
        with raw_receiver(hang) as url:
            with live(webhook_timeout="60s") as mock:
                jobs = [create(mock, url) for _ in range(20)]
                until(lambda: mock.engine.outbox.is_sending)
                began_s = time.perf_counter()
            assert time.perf_counter() - began_s < PATIENCE_S
            assert [each.state for each in mock.webhooks] == ["dropped"] * mock.webhooks.count
        assert "mock-akool stopped before 40 deliveries ended:" in caplog.text
        assert f"delivery #1 of job {jobs[0]}, status 2, to {url}: dropped: the fake was stopped" in caplog.text
        assert "and 35 more" in caplog.text

    def test_what_is_nearly_done_is_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stopping, finish = threading.Event(), Worker._finish

        async def finishing(worker: Worker, grace_s: float) -> None:
            stopping.set()
            await finish(worker, grace_s)

        def answer(got: Any) -> int:
            return 200 if stopping.wait(PATIENCE_S) else 500

        monkeypatch.setattr(Worker, "_finish", finishing)
        monkeypatch.setattr(http_server, "_WEBHOOK_GRACE_S", PATIENCE_S)
        with http_receiver(answer) as receiver, live(webhook_processing=False) as mock:
            create(mock, receiver.url)
            until(lambda: receiver.got)
        assert [each.state for each in mock.webhooks] == ["delivered"]

    def test_it_leaves_no_thread(self) -> None:
        before = set(threading.enumerate())
        with http_receiver() as receiver, live() as mock:
            mock.webhooks.wait_for_delivery(create(mock, receiver.url), status=3)
        until(lambda: not {each for each in threading.enumerate() if each.name.startswith("mock-akool")} - before)

    def test_a_fake_in_a_with_block_leaves_no_thread_either(self) -> None:
        before = worker_threads()
        with http_receiver() as receiver:
            with fake(clock=SystemClock(), **QUICK) as mock:
                mock.webhooks.send_over_http()
                mock.webhooks.wait_for_delivery(create(mock, receiver.url), status=3)
                assert len(worker_threads() - before) == 1
            assert worker_threads() <= before

    def test_without_webhooks_there_is_no_thread(self) -> None:
        before = worker_threads()
        with live() as mock:
            create(mock, "")
            assert worker_threads() <= before


def reset_all(mock: MockAkool) -> None:
    mock.reset()


def reset_account(mock: MockAkool) -> None:
    control(mock, "POST", "/_mock/reset", SECRET)


def delete_jobs(mock: MockAkool) -> None:
    # The newest first: whose webhooks wait for a connection would else have that of one which is called off.
    for job in reversed(mock.jobs):
        if job.account.api_key == SECRET:
            control(mock, "DELETE", f"/_mock/jobs/{job.id}", SECRET)


def control(mock: MockAkool, method: str, path: str, account: str) -> None:
    response = mock.answer(Request.build(method, path, f"account={account}", {"host": "127.0.0.1"}))
    assert response.status == 200, response.body


@contextmanager
def looking_up(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Let the look-up of a name, which is this machine, wait; yields what tells that it began, and what ends it."""
    begun, known, real = threading.Event(), threading.Event(), socket.getaddrinfo

    def slowly(host: str, *arguments: Any, **options: Any) -> Any:
        if host != name:
            return real(host, *arguments, **options)
        begun.set()
        known.wait(PATIENCE_S)
        return real("127.0.0.1", *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", slowly)
        try:
            yield begun, known
        finally:
            known.set()


@pytest.mark.parametrize("forget", [reset_all, reset_account, delete_jobs])
class TestForgetting:
    """What is under way is called off when all is reset, or the account it is for, or when the job is deleted."""

    def test_what_was_about_to_be_sent_is_not(
        self, forget: Callable[[MockAkool], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with (
            http_receiver() as receiver,
            live(webhook_processing=False) as mock,
            looking_up("slow.test", monkeypatch) as (begun, known),
        ):
            create(mock, receiver.url.replace("127.0.0.1", "slow.test"))
            assert begun.wait(PATIENCE_S)
            forget(mock)
            known.set()
            for _ in range(5):  # by then the other one would have come
                mock.webhooks.wait_for_delivery(create(mock, receiver.url))
            assert [each.headers["host"] for each in receiver.got] == [receiver.url.split("/")[2]] * 5

    def test_what_was_about_to_be_sent_is_not_on_a_virtual_clock(
        self, forget: Callable[[MockAkool], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mock = fake(webhook_processing=False)
        mock.webhooks.send_over_http()
        with http_receiver() as receiver, looking_up("slow.test", monkeypatch) as (begun, known):
            create(mock, receiver.url.replace("127.0.0.1", "slow.test"))
            advancing = threading.Thread(target=mock.clock.advance, args=(60,))
            advancing.start()
            assert begun.wait(PATIENCE_S)
            forget(mock)
            known.set()
            advancing.join(PATIENCE_S)
            assert receiver.got == []
            mock.webhooks.deliveries.assert_none()

    def test_what_is_written_in_pieces_is_cut(self, forget: Callable[[MockAkool], None]) -> None:
        got: list[bytes] = []
        ended = threading.Event()

        def serve(connection: socket.socket) -> None:
            try:
                while piece := connection.recv(1 << 16):
                    got.append(piece)
            finally:
                ended.set()

        with raw_receiver(serve) as url, live(webhook_processing=False) as mock:
            mock.webhooks.fault(slow="20s")
            create(mock, url)
            until(lambda: len(got) > 1)
            forget(mock)
            assert ended.wait(5), "it was sent on"
            assert b"signature" in b"".join(got)
            assert not b"".join(got).endswith(b"}")

    def test_what_waits_for_a_connection_makes_room(self, forget: Callable[[MockAkool], None]) -> None:
        got: list[bytes] = []

        def serve(connection: socket.socket) -> None:
            got.append(connection.recv(1 << 16))

        options = {"webhook_processing": False, "webhook_timeout": "1s", "webhook_retries": 0}
        with raw_receiver(serve) as hanging, http_receiver() as receiver, live(**options) as mock:
            for _ in range(40):
                create(mock, hanging)
            until(lambda: len(got) == 8)
            forget(mock)
            mock.webhooks.wait_for_delivery(create(mock, receiver.url), timeout=5)
            assert len(got) == 8

    def test_it_is_not_tried_again(self, forget: Callable[[MockAkool], None]) -> None:
        answering = threading.Event()

        def answer(got: Any) -> int:
            if got.path.endswith("/old"):
                answering.wait(PATIENCE_S)
                return 500
            return 200

        with http_receiver(answer) as receiver, live(webhook_processing=False, webhook_retry_delay="1ms") as mock:
            create(mock, f"{receiver.url}/old")
            until(lambda: receiver.got)
            forget(mock)
            answering.set()
            for _ in range(5):
                mock.webhooks.wait_for_delivery(create(mock, f"{receiver.url}/new"))
            assert [each.path for each in receiver.got] == ["/hook/old", *["/hook/new"] * 5]
            mock.webhooks.deliveries.assert_count(5)


@pytest.mark.parametrize("forget", [reset_account, delete_jobs])
class TestForgettingSome:
    """What is under way for other accounts and jobs than those that are forgotten goes on."""

    def test_others_are_not_disturbed(self, forget: Callable[[MockAkool], None]) -> None:
        answering = threading.Event()

        def answer(got: Any) -> int:
            answering.wait(PATIENCE_S)
            return 200

        with http_receiver(answer) as receiver, live(webhook_processing=False) as mock:
            create(mock, f"{receiver.url}/mine")
            others = [create(mock, f"{receiver.url}/other", key=OTHER) for _ in range(20)]
            until(lambda: len(receiver.got) == 9)  # of which one is mine, and 8 are as many as an account gets at once
            forget(mock)
            answering.set()
            for job_id in others:
                assert len(mock.webhooks.wait_for_delivery(job_id).attempts) == 1
            mock.webhooks.deliveries.assert_count(20)
            assert len(receiver.got) == 21


class TestVirtualClock:
    def test_advancing_returns_when_all_was_delivered(self) -> None:
        mock = fake()
        with http_receiver() as receiver:
            mock.webhooks.send_over_http()
            job_id = create(mock, receiver.url)
            mock.clock.advance(60)
            assert [each["status"] for each in receiver.payloads] == [2, 3]
            mock.webhooks.assert_delivered(job_id)

    def test_retries_take_virtual_time(self) -> None:
        mock = fake()
        with http_receiver(lambda got: 500) as receiver:
            mock.webhooks.send_over_http()
            create(mock, receiver.url)
            began_s = time.perf_counter()
            mock.clock.advance(60)
            assert time.perf_counter() - began_s < PATIENCE_S
            assert len(receiver.got) == 12


def test_a_collecting_fake_on_the_machines_clock_knows_what_fell_due() -> None:
    before = worker_threads()
    mock = fake(clock=SystemClock(), queueing="10ms", processing="10ms")
    job_id = create(mock)
    delivery = mock.webhooks.wait_for_delivery(job_id, status=3)
    assert delivery.attempts[0].started_ns == delivery.due_ns == mock.jobs[0].created_ns + 20_000_000
    assert worker_threads() <= before


def test_a_receiver_in_process_on_the_machines_clock() -> None:
    got: list[Any] = []
    mock = fake(clock=SystemClock(), **QUICK)
    mock.webhooks.deliver_to(got.append)
    with mock.server():
        mock.webhooks.wait_for_delivery(create(mock), status=3)
    assert len(got) == 2


def test_waiting_in_vain_says_what_there_is() -> None:
    with http_receiver(lambda got: 500) as receiver, live(webhook_processing=False) as mock:
        job_id = create(mock, receiver.url)
        until(lambda: any(each.attempts for each in mock.webhooks))
        with pytest.raises(AssertionError, match=rf"no webhook of job {job_id} was delivered within 0\.1 s:") as error:
            mock.webhooks.wait_for_delivery(job_id, timeout=0.1)
        assert "POST /hook answered 500" in str(error.value)


def test_logging_is_quiet_when_all_is_well(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), http_receiver() as receiver, live() as mock:
        mock.webhooks.wait_for_delivery(create(mock, receiver.url), status=3)
    assert [each for each in caplog.records if each.name == "mock_akool"] == []


def test_resending() -> None:
    with http_receiver() as receiver, live(webhook_processing=False) as mock:
        first = mock.webhooks.wait_for_delivery(create(mock, receiver.url))
        again = mock.webhooks.resend(first)
        until(lambda: len(receiver.got) == 2)
        assert (again.copy_of, again.body) == (first.number, first.body)
        assert len({each.body for each in receiver.got}) == 1
