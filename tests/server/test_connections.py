"""What clients do to connections: end them by halves, pipeline, trickle, read slowly, speak something else."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from mock_akool import MockAkool, Server, ServerError, SteeredClock, SystemClock
from mock_akool.core.call_log import Refusal
from mock_akool.core.clock import NS_PER_S
from mock_akool.server import http_server as server_module
from mock_akool.server.proxy import Proxy
from tests.children import MOCK_AKOOL, Child
from tests.server.conftest import Start
from tests.server.wires import (
    BODY,
    CREATE,
    HEALTH,
    QUOTA,
    Running,
    Wire,
    get,
    request,
)
from tests.waiting import PATIENCE_S, until


def refusals(running: Running) -> list[Refusal]:
    return list(running.mock.engine.call_log.refusals)


class TestHalfClosed:
    """`nc`, old Java clients and some load balancers say that they send no more, and then read the response."""

    @pytest.mark.parametrize("latency", ["0", "300ms"])
    def test_the_response_comes(self, latency: str, start: Start) -> None:
        wire = start(latency=latency).connect()
        wire.send(get(QUOTA))
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.answer().json()["data"] == {"credit": 1000}
        assert wire.is_closed()

    def test_all_responses_come(self, start: Start) -> None:
        running = start(latency="5ms")
        wire = running.connect()
        wire.send(b"".join(get(f"/{number}") for number in range(100)) + request("POST", CREATE, BODY))
        wire.socket.shutdown(socket.SHUT_WR)
        assert [wire.answer().status for _ in range(100)] == [404] * 100
        assert wire.answer().json()["code"] == 1000
        assert wire.is_closed()

    def test_a_file_comes_whole(self, running: Running) -> None:
        path = running.image_path()
        whole = running.connect()
        whole.send(get(path))
        wire = running.connect(receive_buffer=4096)
        wire.send(get(path) * 20)
        wire.socket.shutdown(socket.SHUT_WR)
        expected = whole.answer().body
        for _ in range(20):
            assert wire.answer().body == expected
        assert wire.is_closed()

    def test_an_admin_response_comes(self, running: Running) -> None:
        wire = running.connect()
        wire.send(get("/_mock/state", host="localhost"))
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.answer().status == 200
        assert wire.is_closed()

    def test_it_is_closed_when_nothing_was_asked(self, running: Running) -> None:
        wire = running.connect()
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.is_closed()
        assert refusals(running) == []

    @pytest.mark.parametrize("sent", [b"GET / HT", request("POST", CREATE, BODY)[:-3]], ids=["head", "body"])
    def test_half_a_request_is_none(self, sent: bytes, running: Running) -> None:
        wire = running.connect()
        wire.send(sent)
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.is_closed()
        until(lambda: refusals(running))
        assert [each.why for each in refusals(running)] == ["the connection ended in the middle of a request"]
        assert running.mock.calls == ()

    def test_one_that_never_comes_back_is_given_up(self, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_module, "_SWEEP_S", 0.02)
        running = start(latency="1h")
        wire = running.connect()
        wire.send(get(QUOTA))
        until(lambda: running.server.tasks)
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.is_closed()
        until(lambda: not running.server.tasks)


class TestPipelining:
    def test_what_waits_for_a_response_is_bounded(self, start: Start) -> None:
        running = start(latency="60s")
        wire = running.connect()
        wire.socket.settimeout(0.5)
        block, sent = get(QUOTA) * 1000, 0
        with suppress(TimeoutError):
            while sent < 256 << 20:
                sent += wire.socket.send(block)
        assert sent < 32 << 20  # what the buffers of the system hold
        assert len(running.mock.calls) == 1

    @pytest.mark.parametrize("count", [2_000, pytest.param(20_000, marks=pytest.mark.slow)])
    def test_any_number_of_upgrades_is_answered(self, count: int, running: Running) -> None:
        wire = running.connect()
        upgrade = get(HEALTH, connection="Upgrade", upgrade="h2c")
        sending = threading.Thread(target=wire.send, args=(upgrade * count + get(QUOTA),))
        sending.start()
        assert {wire.answer().status for _ in range(count)} == {200}
        assert wire.answer().json()["code"] == 1000
        sending.join()

    def test_one_at_full_speed_leaves_the_others_their_turn(self, running: Running) -> None:
        """The longest of many responses to another client is a matter of milliseconds."""
        flood = running.connect()
        ending = threading.Event()

        def send() -> None:
            with suppress(OSError):
                while not ending.is_set():
                    flood.send(get(QUOTA) * 5000)

        def read() -> None:
            with suppress(OSError):
                while flood.socket.recv(1 << 20):
                    pass

        threads = [threading.Thread(target=each) for each in (send, read)]
        for thread in threads:
            thread.start()
        try:
            until(lambda: len(running.mock.calls) > 5000)
            other, loop = running.connect(), running.server.loop
            counts: list[int] = []

            def look() -> None:
                """In each turn of the loop, note how many requests were answered until then."""
                counts.append(running.mock.engine.call_log.count)
                if not ending.is_set():
                    loop.call_soon(look)

            loop.call_soon_threadsafe(look)
            for _ in range(50):
                other.send(get(HEALTH))
                assert other.answer().status == 200
            until(lambda: counts[-1] > counts[0] + 5000)
            of_a_turn = (16 << 10) // len(get(QUOTA)) + 1
            assert 0 < max(after - before for before, after in pairwise(counts)) <= 3 * of_a_turn
        finally:
            ending.set()
            flood.socket.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


class TestSlowClients:
    def test_a_sender_that_trickles_is_timed_out(self, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_module, "_SWEEP_S", 0.02)
        running = start()
        wire = running.connect()
        with suppress(OSError):
            for byte in get(QUOTA, x="y" * 5000):
                wire.send(bytes([byte]))
                time.sleep(0.002)
        answer = wire.answer()
        assert (answer.status, answer.body) == (408, b"the request did not arrive in time\n")
        assert [each.status for each in refusals(running)] == [408]

    def test_a_body_that_trickles_is_timed_out(self, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_module, "_SWEEP_S", 0.02)
        wire = start().connect()
        wire.send(request("POST", CREATE, content_length="100000"))
        with suppress(OSError):
            for _ in range(1000):
                wire.send(b"x")
                time.sleep(0.002)
        assert wire.answer().status == 408

    def test_a_body_that_comes_steadily_is_read(self, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_module, "_SWEEP_S", 0.02)
        wire = start().connect()
        body = json.dumps({"prompt": "y" * 900_000}).encode()
        wire.send(request("POST", CREATE, content_type="application/json", content_length=str(len(body))))
        for start_at in range(0, len(body), 20_000):
            wire.send(body[start_at : start_at + 20_000])
            time.sleep(0.015)
        assert wire.answer().json()["code"] == 1000

    def test_a_reader_that_reads_steadily_gets_every_byte(self, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_module, "_SWEEP_S", 0.02)
        running = start()
        path = running.image_path()
        wire = running.connect()
        wire.send(get(path))
        one = wire.answer().body
        slow = running.connect(receive_buffer=4096)
        count = (4 << 20) // len(one) + 1
        sending = threading.Thread(target=slow.send, args=(get(path) * count,))
        sending.start()
        # Slower than a sweep, for longer than any quiet connection is kept.
        for _ in range(50):
            slow._unread += slow.socket.recv(1000)
            time.sleep(0.03)
        for _ in range(count):
            assert slow.answer().body == one
        sending.join()

    def test_a_reader_that_stops_is_given_up(self, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_module, "_SWEEP_S", 0.02)
        running = start()
        path = running.image_path()
        wire = running.connect(receive_buffer=4096)
        wire.socket.setblocking(False)
        with suppress(BlockingIOError):
            for _ in range(200):
                wire.socket.send(get(path) * 100)
        until(lambda: running.server.connections)
        until(lambda: not running.server.connections)

    def test_a_stop_lets_clients_take_what_was_written(self) -> None:
        mock = MockAkool(clock=SystemClock())
        server = mock.server().start()
        with ExitStack() as opened:
            opened.callback(server.stop)
            running = Running(mock, server, opened)
            path = running.image_path()
            wire = running.connect(receive_buffer=4096)
            wire.send(get(path) * 50)
            first = wire.answer().body
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            read = 1
            with suppress(EOFError, ConnectionError):
                while True:
                    assert wire.answer().body == first
                    read += 1
            stopping.join(PATIENCE_S)
            assert read > 5


ODD_TARGETS: Final = [
    "http://a_b/",
    "http://_/",
    "http://host:99999/",
    "http://host:port/x",
    "http://[::1/x",
    "http://user:pass@host/x?a=http://b/",
    "http://",
    "http://?a=b",
    "http:///",
    "://",
    "http://h\xe9/",
    "http://host" + "." * 300,
    "ftp://host/_mock/health",
    "*",
    "//",
    "//host/",
    "/%",
    "/%zz?%zz",
    "/?" + "&" * 1000,
]


class TestTargets:
    @pytest.mark.parametrize("target", ODD_TARGETS)
    @pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
    def test_an_odd_one_is_no_bug(self, method: str, target: str, running: Running) -> None:
        wire = running.connect()
        wire.send(f"{method} {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode("latin-1"))
        assert wire.answer().status in (200, 204, 400, 403, 404, 405)

    @pytest.mark.parametrize("host", ["a_b", "_", "host:99999", "x" * 300, "user:pass@host", "[::1]"])
    def test_of_no_proxy_the_path_counts_whatever_the_host_is(self, host: str, start: Start) -> None:
        running = start(proxy=Proxy(on=False))
        wire = running.connect()
        wire.send(get(f"http://{host}{QUOTA}?a=b/c"), get(f"http://{host}{HEALTH}"))
        assert wire.answer().json()["data"] == {"credit": 1000}
        assert wire.answer().json()["status"] == "ok"
        assert (running.mock.calls[0].path, running.mock.calls[0].query) == (QUOTA, "a=b/c")

    def test_a_query_without_a_path(self, running: Running) -> None:
        wire = running.connect()
        wire.send(get("http://openapi.akool.com?a=b"))
        assert wire.answer().status == 404
        assert (running.mock.calls[0].path, running.mock.calls[0].query) == ("/", "a=b")


def test_trailer_fields_are_no_headers(running: Running) -> None:
    wire = running.connect()
    head = request("POST", CREATE, transfer_encoding="chunked", content_type="application/json", x_api_key="")
    wire.send(head, b"%x\r\n%b\r\n" % (len(BODY), BODY), b"0\r\nx-api-key: key\r\nx-trailer: yes\r\n\r\n")
    assert wire.answer().json()["code"] == 1102
    assert "x-trailer" not in running.mock.calls[0].headers


NO_REQUESTS: Final[dict[str, tuple[bytes, int, str]]] = {
    "TLS": (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        400,
        "this is not HTTP/1.1: the client speaks TLS; write http:// and not https:// in its base URL, "
        "or start the server without --no-tls",
    ),
    "HTTP/2": (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        400,
        "this is not HTTP/1.1: the client speaks HTTP/2; let it begin with HTTP/1.1",
    ),
    "words": (b"EHLO there\r\n", 400, "this is not HTTP/1.1: Invalid method encountered"),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", 400, "this is not HTTP/1.1: the client speaks SSH; it has the wrong port"),
    "SOCKS": (
        b"\x05\x01\x00",
        400,
        "this is not HTTP/1.1: the client takes this for a SOCKS proxy; "
        "write http:// and not socks5:// in the proxy's URL",
    ),
    "a load balancer": (
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + get(QUOTA),
        400,
        "this is not HTTP/1.1: a load balancer sends the PROXY protocol; turn that off (X-Forwarded-For is understood)",
    ),
    "LF": (
        b"GET / HTTP/1.1\nhost: a\n\n",
        400,
        "this is not HTTP/1.1: Expected CRLF after version; the lines end with LF, they must end with CRLF",
    ),
    "a space": (
        b"GET /a b HTTP/1.1\r\n\r\n",
        400,
        "this is not HTTP/1.1: Expected HTTP/, RTSP/ or ICE/; the client must escape spaces in the URL, as %20",
    ),
    "a long head": (get(QUOTA, x="y" * 70_000), 431, "the request's headers are over 65,536 bytes"),
}


class TestRefusals:
    @pytest.mark.parametrize(("sent", "status", "why"), NO_REQUESTS.values(), ids=NO_REQUESTS)
    def test_what_never_became_a_request_is_a_record(
        self, sent: bytes, status: int, why: str, running: Running
    ) -> None:
        wire = running.connect()
        wire.send(sent)
        answer = wire.answer()
        assert (answer.status, answer.body.decode()) == (status, f"{why}\n")
        (refusal,) = refusals(running)
        assert (refusal.status, refusal.why) == (status, why)
        host, port = wire.socket.getsockname()
        assert refusal.peer == f"{host}:{port}"
        assert sent.startswith(refusal.start)
        assert len(refusal.start) <= 80
        assert running.mock.started_ns <= refusal.time_ns <= time.time_ns()

    def test_one_after_requests_is_a_record_too(self, running: Running) -> None:
        wire = running.connect()
        wire.send(get(QUOTA) + b"\x16\x03\x01")
        assert wire.answer().status == 200
        assert wire.answer().status == 400
        assert len(refusals(running)) == 1

    def test_a_reset_forgets_them(self, running: Running) -> None:
        wire = running.connect()
        wire.send(b"nonsense\r\n\r\n")
        assert wire.answer().status == 400
        running.mock.reset()
        assert refusals(running) == []

    def test_a_connection_without_a_byte_is_none(self, running: Running) -> None:
        for _ in range(3):
            running.connect().socket.close()
        self.assert_only_one_is_open(running)
        assert refusals(running) == []

    def test_a_reset_connection_is_none(self, running: Running) -> None:
        wire = running.connect()
        wire.send(b"GET ")
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.socket.close()
        self.assert_only_one_is_open(running)
        assert refusals(running) == []

    def assert_only_one_is_open(self, running: Running) -> None:
        """Ask the server on a connection of its own, and wait until it knows that all others are gone."""
        wire = running.connect()
        wire.send(get(HEALTH))
        assert wire.answer().status == 200
        until(lambda: len(running.server.connections) == 1)


def answers(place: tuple[str, int] | str) -> int:
    """Ask a server at an address or a path; return the status."""
    family = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(place)
        wire = Wire(connection)
        wire.send(get(HEALTH))
        return wire.answer().status


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


class TestListening:
    @needs_ipv6
    @pytest.mark.parametrize("host", ["localhost", "::", "[::]", "LocalHost"])
    def test_both_families(self, host: str) -> None:
        with MockAkool().server(host) as server:
            assert answers(("127.0.0.1", server.port)) == 200
            assert answers(("::1", server.port)) == 200

    @needs_ipv6
    @pytest.mark.skipif(sys.platform == "darwin", reason="macOS has one address of loopback only")
    def test_several_hosts_share_a_port(self) -> None:
        mock = MockAkool()
        with Server(mock.application, ["127.0.0.1", "[::1]", "127.0.0.2"]) as server:
            for host in ("127.0.0.1", "::1", "127.0.0.2"):
                assert answers((host, server.port)) == 200
            port = server.port
            assert server.addresses == (f"127.0.0.1:{port}", f"[::1]:{port}", f"127.0.0.2:{port}")
            assert server.url == f"http://127.0.0.1:{port}"

    @needs_ipv6
    @pytest.mark.parametrize(
        ("hosts", "addresses"),
        [
            (["127.0.0.1", "127.0.0.1"], ["127.0.0.1"]),
            (["localhost", "127.0.0.1", "::1"], ["127.0.0.1", "::1"]),
            (["::1", "[::1]"], ["::1"]),
            (["127.0.0.1", "0.0.0.0"], ["127.0.0.1"]),
            (["0.0.0.0", "localhost"], ["127.0.0.1", "::1"]),
            (["127.0.0.1", "::", "0.0.0.0", "localhost"], ["127.0.0.1", "::1"]),
        ],
    )
    def test_an_address_that_another_host_has_is_taken_once(self, hosts: list[str], addresses: list[str]) -> None:
        with Server(MockAkool().application, hosts) as server:
            for address in addresses:
                assert answers((address, server.port)) == 200
            others = {"127.0.0.1", "::1"} - set(addresses)
            for address in others:
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection((address, server.port), PATIENCE_S)

    @needs_ipv6
    @pytest.mark.parametrize("host", ["::1", "[::1]"])
    def test_an_address_may_have_its_brackets(self, host: str) -> None:
        with MockAkool().server(host) as server:
            assert answers(("::1", server.port)) == 200
            assert server.url == f"http://[::1]:{server.port}"

    def test_localhost_without_the_other_family(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = socket.create_server

        def only_ipv4(address: tuple[str, int], *, family: int, **options: object) -> socket.socket:
            if family == socket.AF_INET6:
                raise OSError(97, "Address family not supported by protocol")
            return real(address, family=family, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(socket, "create_server", only_ipv4)
        with MockAkool().server("localhost") as server:
            assert answers(("127.0.0.1", server.port)) == 200
        with pytest.raises(ServerError, match=r"cannot listen on \[::1\]:0: Address family not supported"):
            MockAkool().server("::1").start()

    @needs_ipv6
    def test_a_free_port_is_one_that_is_free_everywhere(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(ServerError, match=rf"cannot listen on 127\.0\.0\.1:{port}: Address already in use"):
                MockAkool().server("localhost", port).start()
        with socket.create_server(("::1", port), family=socket.AF_INET6):
            with pytest.raises(ServerError, match=rf"cannot listen on \[::1\]:{port}: Address already in use"):
                MockAkool().server("localhost", port).start()
            # Nothing is left of the other address.
            socket.create_server(("127.0.0.1", port)).close()

    def test_one_that_is_not_allowed_is_no_matter_of_families(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A host that a machine has no family for is left out; whatever else goes wrong is reported."""
        usual = socket.create_server
        made: list[socket.socket] = []

        def create(address: tuple[str, int], **options: Any) -> socket.socket:
            if made:
                raise PermissionError(errno.EACCES, "Permission denied")
            made.append(usual(address, **options))
            return made[0]

        monkeypatch.setattr(socket, "create_server", create)
        with pytest.raises(ServerError, match=r"cannot listen on 127\.0\.0\.1:\d+: Permission denied"):
            Server(MockAkool().application, ["127.0.0.2", "127.0.0.1"]).bind()
        assert made[0].fileno() == -1

    def test_one_that_cannot_be_leaves_nothing_of_the_others(self) -> None:
        with pytest.raises(ServerError, match=r"cannot listen on nowhere\.invalid:"):
            Server(MockAkool().application, ["127.0.0.1", "nowhere.invalid"]).start()

    def test_a_unix_socket(self, tmp_path: Path) -> None:
        path = str(tmp_path / "akool.sock")
        server = Server(MockAkool().application, uds=path)
        with server:
            assert answers(path) == 200
            assert answers(("127.0.0.1", server.port)) == 200
            assert server.addresses[-1] == path
        assert not Path(path).exists()
        with server:
            assert answers(path) == 200

    def test_one_that_a_dead_server_has_left_is_replaced(self, tmp_path: Path) -> None:
        path = str(tmp_path / "akool.sock")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
        with Server(MockAkool().application, uds=path):
            assert answers(path) == 200

    def test_one_of_another_server_is_left_alone(self, tmp_path: Path) -> None:
        path = str(tmp_path / "akool.sock")
        with Server(MockAkool().application, uds=path):
            with pytest.raises(ServerError, match="another server listens there"):
                Server(MockAkool().application, uds=path).start()
            assert answers(path) == 200

    def test_a_file_that_is_no_socket_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "akool.sock"
        path.write_text("mine")
        with pytest.raises(ServerError, match="there is a file that is no socket"):
            Server(MockAkool().application, uds=str(path)).start()
        assert path.read_text() == "mine"

    @pytest.mark.parametrize("path", ["/nowhere/akool.sock", "x" * 200])
    def test_a_path_that_cannot_be_is_reported(self, path: str) -> None:
        with pytest.raises(ServerError, match=f"cannot listen on {path}: "):
            Server(MockAkool().application, uds=path).start()

    def test_what_was_put_in_its_place_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "akool.sock"
        with Server(MockAkool().application, uds=str(path)):
            path.unlink()
            path.write_text("another's")
        assert path.read_text() == "another's"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the limit of open files is a matter of Unix")
def test_too_many_open_files_are_said(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    monkeypatch.setattr(server_module, "_COMPLAINT_S", 0.02)
    running = start()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    clients: list[socket.socket] = []
    try:
        # Each connection takes two, as both ends are in this process.
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 21, hard))
        with suppress(OSError):
            clients.extend(socket.create_connection(("127.0.0.1", running.server.port), 1) for _ in range(40))
        until(lambda: caplog.records)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in clients:
            each.close()
    assert "oo many open files" in caplog.records[0].getMessage()
    wire = running.connect()
    wire.send(get(HEALTH))
    assert wire.answer().status == 200


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the limit of open files is a matter of Unix")
def test_any_number_of_connections_leaves_files_for_all_else(tmp_path: Path) -> None:
    state, came = tmp_path / "akool.json", threading.Event()

    def receive() -> None:
        connection, _ = receiver.accept()
        with connection:
            connection.settimeout(PATIENCE_S)
            connection.recv(65536)
            came.set()
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    # 100 files, 25 of them for webhooks and 32 for all else.
    shell = ("sh", "-c", 'ulimit -n 100; exec "$@"', "sh", *MOCK_AKOOL)
    flags = ("serve", "--port", "0", "--state", state, "--queueing", "0", "--processing", "0", "--log", "json")
    with ExitStack() as opened:
        receiver = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        receiver.settimeout(PATIENCE_S)
        receiving = threading.Thread(target=receive, daemon=True)
        receiving.start()
        serving = opened.enter_context(Child(*flags, command=shell))
        port = int(serving.said(r'"url": "http://127.0.0.1:(\d+)"')[1])
        wire = Wire(opened.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_S)))
        wire.send(get(HEALTH))
        assert wire.answer().status == 200
        with ExitStack() as crowd:
            for _ in range(150):
                with suppress(OSError):
                    crowd.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
            serving.complained("43 connections are open: new ones are closed, so that files are left for webhooks")
            hook = f"http://127.0.0.1:{receiver.getsockname()[1]}/hook"
            body = json.dumps({"prompt": "x", "webhookUrl": hook}).encode()
            wire.send(request("POST", CREATE, body, x_api_key="0123456789abcdef"))
            assert wire.answer().json()["code"] == 1000
            assert came.wait(PATIENCE_S)
            for path in ("/_mock/", "/_mock/report", "/_mock/webhooks", "/_mock/openapi.json"):
                wire.send(get(path, host="127.0.0.1"))
                assert wire.answer().status == 200
            wire.send(request("POST", "/_mock/snapshot/save", b"{}", host="127.0.0.1"))
            assert wire.answer().status == 200
        receiving.join(PATIENCE_S)
        after = Wire(opened.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_S)))
        after.send(get(HEALTH))
        assert after.answer().status == 200
        assert serving.end()[0] == 0
        told = [json.loads(line).get("message", "") for line in serving.err.splitlines()]
    assert not [each for each in told if "oo many open files" in each or "bug" in each]


def test_clients_that_leave_leave_nothing(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    ways: list[Callable[[socket.socket], None]] = [
        lambda client: client.close(),
        lambda client: client.shutdown(socket.SHUT_WR),
        lambda client: client.shutdown(socket.SHUT_RDWR),
    ]
    for way in ways:
        for sent in (b"", b"GET ", get(QUOTA), get(QUOTA) * 3, get("/_mock/state"), request("POST", CREATE, BODY)[:-2]):
            wire = running.connect()
            wire.send(sent)
            way(wire.socket)
    until(lambda: not running.server.connections)
    assert not running.server.tasks


def test_the_same_trouble_of_the_event_loop_is_a_line_a_second(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("mock_akool.server.http_server.time.monotonic", lambda: now_s)
    server, loop = MockAkool().server(), asyncio.new_event_loop()
    loop.close()

    def complain(message: str) -> None:
        server._complain(loop, {"message": message, "exception": OSError(24, "Too many open files")})

    for _ in range(100):
        complain("accept failed")
    complain("something else")
    now_s += 1
    complain("accept failed")
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "mock-akool: Too many open files (accept failed)",
        "mock-akool: Too many open files (something else)",
        "mock-akool: Too many open files (accept failed)",
    ]


def test_a_server_s_clock_follows_a_machine_that_was_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_COMPLAINT_S", 0.005)
    wall_ns = 1_800_000_000 * NS_PER_S
    clock = SteeredClock(None, lambda: 0, lambda: wall_ns)
    with MockAkool(clock=clock, queueing="1h").server():
        wall_ns += 3600 * NS_PER_S
        until(lambda: clock.now_ns() == wall_ns)
