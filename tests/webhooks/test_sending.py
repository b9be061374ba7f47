"""How webhooks are sent: connections that are reused, how many there are, URLs with passwords, certificates, advice."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import gc
import logging
import re
import socket
import ssl
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi import FastAPI
from fastapi import Request as FastAPIRequest
from flask import Flask
from flask import request as flask_request

from mock_akool import MockAkool, Request, SettingsError, SteeredClock, SystemClock
from mock_akool.core.urls import basic_authorization
from mock_akool.webhooks import open_envelope
from mock_akool.webhooks import worker as worker_module
from mock_akool.webhooks.address_policy import AddressPolicy
from mock_akool.webhooks.event_loop import new_loop
from mock_akool.webhooks.http_sender import Sender
from mock_akool.webhooks.receivers import Sent
from mock_akool.webhooks.slots import Slots, most_connections
from tests.waiting import PATIENCE_S, until
from tests.webhooks.receivers import SECRET, create, fake, http_receiver

CLIENT_ID: Final = "AAECAwQFBgcICQoLDA0ODw=="
QUICK: Final = {"queueing": 0, "processing": 0, "webhook_retry_delay": "20ms", "webhook_processing": False}

OK: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@contextmanager
def live(**options: Any) -> Iterator[MockAkool]:
    mock = fake(**{"clock": SystemClock(), **QUICK, **options})
    mock.webhooks.send_over_http()
    with mock.server():
        yield mock


def verifying(kind: str) -> Any:
    """Return a receiver with a clientId of its own that lets SignatureError through."""

    def opened(body: bytes) -> str:
        return str(open_envelope(body, CLIENT_ID, "k" * 32))

    if kind == "function":
        return lambda request: opened(request.body) and None
    if kind == "flask":
        flask = Flask("receiver")
        flask.post("/hook")(lambda: opened(flask_request.get_data()))
        return flask
    app = FastAPI()

    @app.post("/hook")
    async def hook(request: FastAPIRequest) -> None:
        opened(await request.body())

    return app


class Counting:
    """A receiver that answers each request on a connection, and counts connections; `answer` may say how."""

    def __init__(self, answer: Callable[[int], bytes] | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0
        self._answer = answer or (lambda number: b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self._tls = tls
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/hook"

    def __enter__(self) -> Counting:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            self._sockets.append(connection)
            with self._lock:
                self.connections += 1
                self.open += 1
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        unread = b""
        with suppress(OSError):
            while True:
                while b"\r\n\r\n" not in unread:
                    piece = connection.recv(65536)
                    if not piece:
                        break
                    unread += piece
                head, _, rest = unread.partition(b"\r\n\r\n")
                if not rest and not head:
                    break
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                while len(rest) < length:
                    rest += connection.recv(65536)
                unread = rest[length:]
                with self._lock:
                    self.requests.append(head)
                    number = len(self.requests)
                connection.sendall(self._answer(number))
        with self._lock:
            self.open -= 1


class TestReuse:
    def test_a_crowd_shares_few_connections(self) -> None:
        """No answer comes before all wait for theirs, so how fast anybody is makes no difference."""
        all_wait = threading.Event()

        def answer(_: int) -> bytes:
            assert all_wait.wait(PATIENCE_S)
            return OK

        clock = SteeredClock()
        with Counting(answer) as receiver, live(credits=10**6, clock=clock, queueing="1s") as mock:
            clock.freeze()
            for _ in range(200):
                create(mock, receiver.url)
            clock.advance(1)  # they are due at once: what is sent before others are due is a lone one
            until(lambda: len(receiver.requests) == 8)
            assert receiver.connections == 8
            all_wait.set()
            until(lambda: mock.webhooks.in_state("delivered").count == 200)
            assert receiver.connections == 8

    def test_a_lone_one_says_that_it_is_the_last(self) -> None:
        with Counting() as receiver, live() as mock:
            for _ in range(3):
                mock.webhooks.wait_for_delivery(create(mock, receiver.url))
            assert receiver.connections == 3
            assert all(b"connection: close" in each.lower() for each in receiver.requests)

    def test_receivers_that_close_are_called_anew(self) -> None:
        closing = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        with Counting(lambda number: closing) as receiver, live(credits=10**6) as mock:
            for _ in range(60):
                create(mock, receiver.url)
            until(lambda: mock.webhooks.in_state("delivered").count == 60)
            assert receiver.connections == 60
            assert [len(each.attempts) for each in mock.webhooks] == [1] * 60

    def test_statuses_are_not_mixed_up(self) -> None:
        def answer(number: int) -> bytes:
            status = 200 if number % 3 else 503
            return b"HTTP/1.1 %d X\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" % status

        with Counting(answer) as receiver, live(credits=10**6, webhook_retries=0) as mock:
            for _ in range(90):
                create(mock, receiver.url)
            until(lambda: not mock.webhooks.in_state("waiting").count and mock.webhooks.count == 90)
            found = Counter(each.answer for each in mock.webhooks)
            assert found == {200: 60, 503: 30}

    def test_what_nobody_asked_for_ends_a_connection(self) -> None:
        twice = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"
        with Counting(lambda number: twice) as receiver, live(credits=10**6) as mock:
            for _ in range(40):
                create(mock, receiver.url)
            until(lambda: mock.webhooks.in_state("delivered").count == 40)
            assert {each.answer for each in mock.webhooks} == {200}

    def test_what_is_kept_is_closed_when_it_is_idle(self) -> None:
        with Counting() as receiver, live(credits=10**6) as mock:
            for _ in range(50):
                create(mock, receiver.url)
            until(lambda: mock.webhooks.in_state("delivered").count == 50)
            until(lambda: receiver.open == 0)

    @pytest.mark.parametrize("unasked", [b"HTTP/1.1 408 Late\r\ncontent-length: 0\r\n\r\n", b"bye\n"])
    def test_one_on_which_the_receiver_spoke_meanwhile_is_not_used_again(self, unasked: bytes) -> None:
        assert asyncio.run(self.answers_of_two([OK, OK], after_first=unasked)) == ([200, 200], 2)

    def test_two_responses_to_one_request_end_it(self) -> None:
        late = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"
        assert asyncio.run(self.answers_of_two([OK + late, OK])) == ([200, 200], 2)

    def test_one_on_which_nothing_was_said_is_used_again(self) -> None:
        assert asyncio.run(self.answers_of_two([OK, OK])) == ([200, 200], 1)

    @staticmethod
    async def answers_of_two(answers: list[bytes], after_first: bytes = b"") -> tuple[list[int | None], int]:
        """Send two webhooks one after the other; returns their answers, and how many connections there were."""
        connections, left, spoke = 0, iter(answers), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            with suppress(asyncio.IncompleteReadError):
                while True:
                    await reader.readuntil(b"\r\n\r\n")
                    await reader.readexactly(2)
                    writer.write(next(left))
                    if after_first and connections == 1:
                        await asyncio.sleep(0.01)
                        writer.write(after_first)
                        spoke.set()
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
            sender = Sender(AddressPolicy(), PATIENCE_S)
            sender.expect(url)
            found = []
            for _ in answers:
                found.append((await sender.send(url, b"{}")).status)
                if after_first:
                    await spoke.wait()
                    await asyncio.sleep(0.01)  # in a turn of the loop before that, what was said is read
            sender.close()
            await asyncio.sleep(0.01)
            return found, connections


class TestSlots:
    def test_an_account_has_a_few(self) -> None:
        async def play() -> None:
            slots = Slots(2, 100)
            await slots.acquire("a")
            await slots.acquire("a")
            third = asyncio.create_task(slots.acquire("a"))
            await asyncio.sleep(0)
            assert not third.done()
            await slots.acquire("b")
            slots.release("a")
            await third

        asyncio.run(play())

    def test_all_accounts_have_so_many_together(self) -> None:
        async def play() -> None:
            slots, under_way, most = Slots(8, 16), 0, 0
            taken: Counter[str] = Counter()

            async def attempt(account: str) -> None:
                nonlocal under_way, most
                await slots.acquire(account)
                under_way += 1
                taken[account] += 1
                most = max(most, under_way)
                await asyncio.sleep(0.001)
                under_way -= 1
                slots.release(account)

            await asyncio.gather(*(attempt(f"{number % 50}") for number in range(1000)))
            assert most == 16
            assert set(taken.values()) == {20}

        asyncio.run(play())

    def test_accounts_that_hang_leave_room_for_another(self) -> None:
        async def play() -> None:
            slots = Slots(8, 64)
            hanging = [asyncio.create_task(slots.acquire(f"{number % 20}")) for number in range(200)]
            await asyncio.sleep(0)
            await asyncio.wait_for(slots.acquire("another"), 1)
            for each in hanging:
                each.cancel()

        asyncio.run(play())

    def test_who_leaves_while_it_waits_takes_nothing_along(self) -> None:
        async def play() -> None:
            slots = Slots(1, 4)
            await slots.acquire("a")
            waiting = [asyncio.create_task(slots.acquire("a")) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            slots.release("a")
            waiting[1].cancel()  # it has just been called
            await asyncio.sleep(0.01)
            assert waiting[2].done()
            slots.release("a")
            assert slots._total == 0
            assert not slots._waiting

        asyncio.run(play())

    def test_all_take_a_part_of_the_handles_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        resource = pytest.importorskip("resource")
        for soft, most in ((1024, 256), (64, 16), (10, 8), (10**6, 512), (-1, 512)):
            monkeypatch.setattr(resource, "getrlimit", lambda _, soft=soft: (soft, soft))
            assert most_connections() == most

    def test_hundreds_of_accounts_with_receivers_that_hang_use_no_more_handles(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worker_module, "Slots", lambda: Slots(8, 40))
        with socket.create_server(("127.0.0.1", 0), backlog=2000) as hanging, live(webhook_timeout="30s") as mock:
            url = f"http://127.0.0.1:{hanging.getsockname()[1]}/hook"
            with http_receiver(lambda got: 200) as receiver:
                mock.webhooks.wait_for_delivery(create(mock, receiver.url))  # so that the thread has all that it needs
            before = handles()
            for number in range(15):
                for _ in range(10):
                    create(mock, url, key=f"key-of-account-{number:02}-".ljust(32, "x"))
            until(lambda: handles() - before >= 30)
            assert handles() - before <= 40
            # Another account's turn comes all the same: half of them are for accounts that have none.
            with http_receiver(lambda got: 200) as receiver:
                mock.webhooks.wait_for_delivery(create(mock, receiver.url), timeout=PATIENCE_S)


def handles() -> int:
    return len(list(Path("/dev/fd").iterdir()))


class TestPasswords:
    def test_a_receiver_over_http_gets_them_and_nobody_sees_them(self, caplog: pytest.LogCaptureFixture) -> None:
        with http_receiver(lambda got: 500) as receiver, live(webhook_retries=0) as mock:
            url = receiver.url.replace("http://", "http://user:s3cret@")
            create(mock, url)
            until(lambda: "user:***@" in caplog.text)
            (got,) = receiver.got
            assert got.headers["authorization"] == "Basic " + base64.b64encode(b"user:s3cret").decode()
            assert got.headers["host"] == receiver.url.split("/")[2]
            delivery = mock.webhooks.last
            assert delivery.url == url.replace("s3cret", "***")
            shown = [caplog.text, repr(delivery), repr(mock.webhooks), mock.report(), str(delivery)]
            answer = mock.answer(Request.build("GET", "/_mock/webhooks"))
            shown.append(answer.body.decode())
            assert [each for each in shown if "s3cret" in each] == []

    def test_a_receiver_in_this_process_gets_them(self) -> None:
        mock = fake(webhook_processing=False)
        got: list[Any] = []
        mock.webhooks.deliver_to(got.append)
        create(mock, "http://user:s3cret@app.test/hook")
        mock.clock.advance(5)
        assert got[0].headers["authorization"] == basic_authorization("user:s3cret")
        assert "s3cret" not in got[0].url

    def test_a_flask_app_gets_them(self) -> None:
        from flask import Flask, request

        app, got = Flask("receiver"), list[Any]()

        @app.post("/hook")
        def hook() -> str:
            got.append(request.authorization)
            return ""

        mock = fake(webhook_processing=False)
        mock.webhooks.deliver_to(app)
        create(mock, "http://user:s3cret@app.test/hook")
        mock.clock.advance(5)
        assert (got[0].username, got[0].password) == ("user", "s3cret")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A file with a certificate that vouches for itself, and what a server on 127.0.0.1 uses it with."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a receiver")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("ca")
    file, key_file = folder / "ca.pem", folder / "key.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return file, context


class TestCertificates:
    def test_one_of_ones_own_is_accepted_when_its_file_is_given(self, authority: tuple[Path, ssl.SSLContext]) -> None:
        file, context = authority
        with Counting(tls=context) as receiver, live(webhook_ca=str(file), webhook_retries=0) as mock:
            mock.webhooks.wait_for_delivery(create(mock, receiver.url))

    def test_it_is_refused_otherwise(self, authority: tuple[Path, ssl.SSLContext]) -> None:
        _, context = authority
        with Counting(tls=context) as receiver, live(webhook_retries=0) as mock:
            create(mock, receiver.url)
            until(lambda: mock.webhooks.in_state("given up").count)
            assert "certificate" in mock.webhooks.last.error.lower()

    def test_a_file_that_is_none_is_a_mistake_of_the_start(self, tmp_path: Path) -> None:
        nonsense = tmp_path / "ca.pem"
        nonsense.write_text("nonsense")
        for path, why in ((nonsense, "it has no certificates"), (tmp_path / "none", "No such file or directory")):
            with pytest.raises(SettingsError, match=rf"webhook_ca: cannot read certificates from .*: {why}"):
                MockAkool(webhook_ca=str(path))


class TestReportedAtOnce:
    """What cannot get better by itself is said when it happens first, not when everything was tried."""

    def said(self, caplog: pytest.LogCaptureFixture) -> list[str]:
        return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]

    @pytest.mark.parametrize(
        ("host", "advice"),
        [
            ("host.docker.internal", "--add-host=host.docker.internal:host-gateway"),
            ("receiver", "a container is known by its name only to containers of the same network"),
            ("no-such-host.invalid", "the name of the host no-such-host.invalid is not known"),
        ],
    )
    def test_a_host_that_nobody_knows(
        self, host: str, advice: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = socket.getaddrinfo

        def unknown(name: str, *arguments: Any, **options: Any) -> Any:
            if name == host:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return real(name, *arguments, **options)

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with live(webhook_retry_delay="1h") as mock:
            for _ in range(3):
                create(mock, f"http://{host}:8000/hook")
            until(lambda: all(each.attempts for each in mock.webhooks) and mock.webhooks.count == 3)
        line, stopped = self.said(caplog)
        assert f"the name of the host {host} is not known" in line
        assert advice in line
        assert stopped.startswith("mock-akool stopped before 3 deliveries ended")
        assert advice in mock.report()

    def test_an_address_that_is_refused(self, caplog: pytest.LogCaptureFixture) -> None:
        with live() as mock:
            create(mock, "http://169.254.169.254/latest/meta-data")
            until(lambda: self.said(caplog))
            why = "webhooks are never sent to 169.254.169.254: a cloud tells its secrets there"
            assert why in self.said(caplog)[0]
            assert why in mock.report()

    def test_metadata_is_not_allowed_by_name_nor_by_address(self, monkeypatch: pytest.MonkeyPatch) -> None:
        policy = AddressPolicy(["169.254.169.254", "metadata.test", "metadata.test:80", "fd00:ec2::254"])
        assert not policy.allows("metadata.test", 80, "169.254.169.254")
        assert not policy.allows("169.254.169.254", 80, "169.254.169.254")
        assert not policy.allows("fd00:ec2::254", 80, "fd00:ec2::254")
        assert not policy.allows("metadata.test", 80, "64:ff9b::a9fe:a9fe")
        assert policy.allows("metadata.test", 80, "8.8.8.8")

    def test_a_key_that_cannot_encrypt(self, caplog: pytest.LogCaptureFixture) -> None:
        mock = MockAkool(webhook_processing=False, queueing=0, processing=0)
        mock.webhooks.deliver_to(lambda request: 200)
        create(mock, key="short")
        mock.clock.advance(0)
        (line,) = self.said(caplog)
        assert "not encrypted: the account's clientSecret has 5 bytes and cannot encrypt" in line
        assert "cannot encrypt" in mock.report()

    def test_a_key_that_cannot_encrypt_is_said_of_each_account_and_url_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        mock = MockAkool(queueing=0, processing=0)
        mock.webhooks.deliver_to(lambda request: 200)
        for key in ("short", "short", "small"):
            for path in ("one", "two"):
                create(mock, f"http://127.0.0.1:9/{path}", key=key)
                mock.clock.advance(0)
        assert mock.webhooks.in_state("not encrypted").count == 12
        said = [re.search(r"to (\S+): not encrypted", line) for line in self.said(caplog)]
        assert [match and match[1] for match in said] == 2 * ["http://127.0.0.1:9/one", "http://127.0.0.1:9/two"]

    def test_what_cannot_be_sent_is_said_anew_after_a_reset(self, caplog: pytest.LogCaptureFixture) -> None:
        mock = MockAkool(webhook_processing=False, queueing=0, processing=0)
        for _ in range(2):
            create(mock, key="short")
            mock.clock.advance(0)
            mock.reset()
        assert len(self.said(caplog)) == 2

    def test_a_client_id_that_the_fake_made_up(self, caplog: pytest.LogCaptureFixture) -> None:
        key = "k" * 32
        with http_receiver(lambda got: 401) as receiver, live(webhook_retry_delay="1h") as mock:
            for _ in range(3):
                create(mock, receiver.url, key=key)
            until(lambda: all(each.attempts for each in mock.webhooks) and mock.webhooks.count == 3)
        (account,) = (each for each in mock.accounts if each.api_key == key)
        line, stopped = self.said(caplog)
        why = f"it was sealed with the clientId {account.client_id}, which the fake made up, as the account has"
        assert why in line
        assert stopped.startswith("mock-akool stopped before 3 deliveries ended")
        assert why in mock.report()

    @pytest.mark.parametrize("answer", [400, 403, 422])
    def test_it_may_be_why_it_was_refused(self, answer: int) -> None:
        assert "it was sealed with the clientId" in self.error_after(answer)

    @pytest.mark.parametrize("answer", [404, 405, 410, 413, 415, 429, 500])
    def test_it_is_not_blamed_for_what_has_nothing_to_do_with_it(self, answer: int) -> None:
        question = {404: " (does your app have this route?)", 405: " (does this route take POST?)"}.get(answer, "")
        assert self.error_after(answer) == f"POST /hook answered {answer}{question}"

    def test_a_url_that_is_none_is_told_and_breaks_nothing(self) -> None:
        mock = MockAkool(webhook_processing=False, webhook_retries=0, check_urls=False)
        mock.webhooks.deliver_to(lambda request: 200)
        create(mock, "http://[/hook", key="k" * 32)
        mock.run_until_idle()
        assert mock.webhooks.last.error == "'http://[/hook' is no http(s) URL: Invalid IPv6 URL"
        assert mock.webhooks.last.answer is None

    def test_a_key_that_is_listed_with_its_client_id_need_not_be_listed(self) -> None:
        mock = MockAkool(webhook_processing=False, accounts=[{"api_key": "my-key", "client_id": CLIENT_ID}])
        create(mock, key="my-key")
        mock.run_until_idle()
        assert mock.webhooks.last.error.endswith("Use an API key of 32 letters and digits, as Akool's are")

    @pytest.mark.parametrize("kind", ["function", "flask", "fastapi"])
    def test_a_receiver_that_cannot_verify_it(self, kind: str) -> None:
        mock = MockAkool(webhook_processing=False, webhook_retries=0)
        mock.webhooks.deliver_to(verifying(kind))
        create(mock, "http://127.0.0.1:9/hook", key="k" * 32)
        mock.run_until_idle()
        (account,) = mock.accounts
        assert mock.webhooks.last.answer == 500
        error = mock.webhooks.last.error
        assert error.startswith("the receiver raised SignatureError: ")
        assert f"; it was sealed with the clientId {account.client_id}, which the fake made up, as the" in error
        assert "`akool_mock.accounts[0].client_id`" in error
        assert error in mock.report()

    def test_a_receiver_that_raises_something_else(self) -> None:
        def raising(request: object) -> None:
            raise KeyError("nothing")

        mock = MockAkool(webhook_processing=False, webhook_retries=0)
        mock.webhooks.deliver_to(raising)
        create(mock, "http://127.0.0.1:9/hook", key="k" * 32)
        mock.run_until_idle()
        assert mock.webhooks.last.error == "the receiver raised KeyError: 'nothing'"

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("http://user:hidden@127.0.0.1:9/hook?token=hidden#hidden", "/hook"),
            ("http://127.0.0.1:9", "/"),
            (f"http://127.0.0.1:9/{'x' * 200}", f"/{'x' * 99}"),
        ],
    )
    def test_the_path_is_named_without_secrets(self, url: str, shown: str) -> None:
        mock = MockAkool(webhook_processing=False, webhook_retries=0)
        mock.webhooks.deliver_to(lambda request: 500)
        create(mock, url, key="k" * 32)
        mock.run_until_idle()
        assert mock.webhooks.last.error == f"POST {shown} answered 500"

    @staticmethod
    def error_after(answer: int) -> str:
        mock = MockAkool(webhook_processing=False, webhook_retries=0, queueing=0, processing=0)
        mock.webhooks.deliver_to(lambda request: answer)
        create(mock, "http://127.0.0.1:9/hook", key="k" * 32)
        mock.run_until_idle()
        return mock.webhooks.last.error

    @pytest.mark.parametrize("said", ["listed", "getToken"])
    def test_one_that_somebody_said_is_not_blamed(self, said: str, caplog: pytest.LogCaptureFixture) -> None:
        key = SECRET if said == "listed" else "k" * 32
        with http_receiver(lambda got: 401) as receiver, live(webhook_retry_delay="1h") as mock:
            if said == "getToken":
                body = b'{"clientId":"AAECAwQFBgcICQoLDA0ODw==","clientSecret":"%b"}' % key.encode()
                headers = {"content-type": "application/json"}
                mock.answer(Request.build("POST", "/api/open/v3/getToken", headers=headers, body=body))
            create(mock, receiver.url, key=key)
            until(lambda: mock.webhooks.count and mock.webhooks.last.attempts)
            assert mock.webhooks.last.error == "POST /hook answered 401"
        assert [each.partition(" before ")[0] for each in self.said(caplog)] == ["mock-akool stopped"]

    def test_an_invented_one_is_no_matter_as_long_as_the_receiver_is_content(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        with http_receiver(lambda got: 200) as receiver, live() as mock:
            mock.webhooks.wait_for_delivery(create(mock, receiver.url, key="k" * 32), status=3)
        assert self.said(caplog) == []

    def test_what_a_url_holds_cannot_steer_a_terminal(self, caplog: pytest.LogCaptureFixture) -> None:
        with live(check_urls=False) as mock:
            create(mock, "ftp://host/\x1b[2J\n12:00:00 forged")
            until(lambda: "forged" in caplog.text)
            assert "\x1b" not in caplog.text
            assert "\n12:00:00 forged" not in caplog.text
            assert "\x1b" not in repr(mock.webhooks.last)


def test_the_report_names_each_reason_and_does_so_after_the_stop() -> None:
    with http_receiver(lambda got: 404) as lost, http_receiver(lambda got: 503) as busy:
        with live(webhook_retry_delay="1h") as mock:
            for receiver in (lost, busy, lost):
                create(mock, receiver.url)
            until(lambda: sum(len(each.attempts) for each in mock.webhooks) == 3)
            during = [line for line in mock.report().splitlines() if line.startswith("hint: the webhook")]
        after = [line for line in mock.report().splitlines() if line.startswith("hint: the webhook")]
    assert {each.state for each in mock.webhooks} == {"dropped"}
    assert during == after
    (line,) = after
    assert line.count("answered 404") == line.count("answered 503") == 1


class TestAWorkerThatCannotStart:
    @pytest.mark.parametrize("error", [OSError(24, "Too many open files"), RuntimeError("can't start new thread")])
    def test_it_is_started_later_and_nobody_is_answered_500(
        self, error: Exception, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> Any:
            raise error

        with http_receiver(lambda got: 200) as receiver, live() as mock:
            with monkeypatch.context() as patched:
                patched.setattr(worker_module, "new_loop", fail)
                jobs = [create(mock, receiver.url) for _ in range(3)]
                assert mock.webhooks.in_state("delivered").count == 0
            lines = [record.getMessage() for record in caplog.records]
            assert lines == [f"mock-akool: webhooks wait, their thread cannot start: {error}"]
            # No further request is needed: the server tries again.
            until(lambda: mock.webhooks.in_state("delivered").count == 3)
            assert {each.job_id for each in mock.webhooks} == set(jobs)

    @pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the limit of open files is a matter of Unix")
    def test_an_event_loop_without_handles_says_nothing_past_the_log(self, capfd: pytest.CaptureFixture[str]) -> None:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        taken = [int(each.name) for each in Path("/proc/self/fd").iterdir()]
        errors = []
        for free in range(1, 8):
            limit = next(each for each in range(1000) if each - sum(handle < each for handle in taken) == free)
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
                with contextlib.closing(new_loop()):
                    pass
            except OSError as error:
                errors.append(str(error))
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        gc.collect()
        assert set(errors) == {"[Errno 24] Too many open files"}
        assert capfd.readouterr() == ("", "")

    def test_a_thread_that_cannot_start_leaves_nothing_open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with live() as mock:
            before = handles()
            with monkeypatch.context() as patched:
                patched.setattr(threading.Thread, "start", fail)
                with pytest.raises(RuntimeError):
                    worker_module.Worker(mock.application.dispatcher)
            assert handles() == before


def test_a_sender_reports_and_never_raises() -> None:
    async def play() -> list[str]:
        sender = Sender(AddressPolicy(), 0.2)
        found = [
            (await sender.send(url, b"{}")).error
            for url in ("", "http://", "ftp://a/", "http://[::1", "http://127.0.0.1:1/", "http://127.0.0.1:99999/")
        ]
        sender.close()
        return found

    assert all(asyncio.run(play()))


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class TestHugeAnswers:
    """What a receiver answers without end is not read without end."""

    @staticmethod
    async def sent_to(head: bytes, piece: bytes) -> Sent:
        ended = asyncio.Event()

        async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head)
            with suppress(ConnectionError):
                while not writer.transport.is_closing():
                    writer.write(piece)
                    await writer.drain()
            ended.set()

        async with await asyncio.start_server(receive, "127.0.0.1", 0) as server:
            sender = Sender(AddressPolicy(), 3.0)
            sent = await sender.send(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", b"{}")
            await ended.wait()
            sender.close()
            await asyncio.sleep(0.01)
            return sent

    @pytest.mark.parametrize("framing", [b"content-length: 9999999999", b"transfer-encoding: chunked", b"x: y"])
    def test_of_an_endless_body_the_status_counts(self, framing: bytes) -> None:
        piece = b"1000\r\n" + b"x" * 4096 + b"\r\n" if b"chunked" in framing else b"x" * 4096
        assert asyncio.run(self.sent_to(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n", piece)) == Sent(200)

    @pytest.mark.parametrize("piece", [b"x: " + b"y" * 1000 + b"\r\n", b"y" * 1000])
    def test_endless_headers_are_no_answer(self, piece: bytes) -> None:
        sent = asyncio.run(self.sent_to(b"HTTP/1.1 200 OK\r\nx: ", piece))
        assert sent == Sent(error="the receiver's response has over 1,048,576 bytes of headers")

    def test_endless_interim_answers_are_none(self) -> None:
        interim = b"HTTP/1.1 100 Continue\r\n\r\n"
        assert asyncio.run(self.sent_to(interim, interim)).status is None


class TestHugeBodies:
    """Bodies that a fault makes huge are sent piece by piece."""

    @staticmethod
    async def sent_to(serve: Serve, timeout_s: float, slow_s: float = 0.0) -> Sent:
        """Send a webhook of 64 MiB to what `serve` does with its one connection, which stays open meanwhile."""
        over, closed = asyncio.Event(), asyncio.Event()

        async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await serve(reader, writer)
            await over.wait()
            writer.transport.abort()
            closed.set()

        async with await asyncio.start_server(receive, "127.0.0.1", 0) as server:
            sender = Sender(AddressPolicy(), timeout_s)
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
            sender.expect(url)
            sent = await sender.send(url, b"{}", filler_bytes=64 << 20, slow_s=slow_s)
            sender.close()
            over.set()
            await closed.wait()
            await asyncio.sleep(0.01)
            return sent

    @staticmethod
    async def read_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    def test_they_are_not_made_as_a_whole(self) -> None:
        tracemalloc.start()
        try:
            sent = asyncio.run(self.sent_to(self.read_head, 0.3))
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert sent.error == "no answer within 0.3 s"
        assert peak_bytes < 8 << 20

    def test_all_of_one_arrives(self) -> None:
        got = 0

        async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal got
            head = await reader.readuntil(b"\r\n\r\n")
            said = re.search(rb"content-length: (\d+)", head)
            assert said is not None
            while got < int(said[1]):
                got += len(await reader.read(1 << 20))
            writer.write(OK)

        assert asyncio.run(self.sent_to(read, PATIENCE_S)).status == 200
        assert got == (64 << 20) + len(b'{,"extra":""}')

    @pytest.mark.parametrize("slow_s", [0.0, 0.2])
    def test_a_receiver_may_answer_before_it_has_read_all(self, slow_s: float) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self.read_head(reader, writer)
            writer.write(OK)

        assert asyncio.run(self.sent_to(answer, PATIENCE_S, slow_s)).status == 200
