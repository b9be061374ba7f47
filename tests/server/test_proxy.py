"""The server as a proxy: it answers for Akool's hosts, and lets others through only where it was asked to."""

from __future__ import annotations

import asyncio
import http.server
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from mock_akool import MockAkool, Server
from mock_akool.server import proxy as proxy_module
from mock_akool.server.certificates import Authority
from mock_akool.server.proxy import Others, Place, Proxy, Way, place_of, where
from mock_akool.server.tls import Tls
from tests.server.conftest import Start
from tests.server.wires import BODY, CREATE, QUOTA, Running, Wire, get, request
from tests.waiting import PATIENCE_S, until

PASS = Proxy(others=Others.PASS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ca")
    Authority(folder).root_pem()
    return folder


class Echo:
    """A server that sends back what it gets, and says END when its client sends no more."""

    def __init__(self, opened: ExitStack) -> None:
        self.listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while piece := connection.recv(65536):
                if piece == b"close\n":
                    return
                connection.sendall(piece)
            connection.sendall(b"END")


@pytest.fixture
def echo() -> Iterator[Echo]:
    with ExitStack() as opened:
        yield Echo(opened)


class Site(http.server.BaseHTTPRequestHandler):
    """Says what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length)
        said = json.dumps(
            {"method": self.command, "target": self.path, "headers": dict(self.headers), "body": body.decode()}
        ).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_GET  # noqa: N815 - as http.server wants it

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def connect(wire: Wire, to: str) -> int:
    wire.send(f"CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n".encode())
    return wire.answer(of_head=True).status


def wrap(running: Running, wire: Wire, folder: Path, name: str) -> Wire:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    return Wire(running._opened.enter_context(context.wrap_socket(wire.socket, server_hostname=name)))


class TestOwnHosts:
    @pytest.mark.parametrize("others", Others)
    def test_a_tunnel_ends_here(self, others: Others, start: Start, folder: Path) -> None:
        running = start(tls=Tls(folder=folder), proxy=Proxy(others=others))
        wire = running.connect()
        assert connect(wire, "openapi.akool.com:443") == 200
        inside = wrap(running, wire, folder, "openapi.akool.com")
        for _ in range(3):
            inside.send(get(QUOTA, host="openapi.akool.com"))
            assert inside.answer().json()["code"] == 1000
        assert [call.path for call in running.mock.calls] == [QUOTA] * 3

    def test_what_comes_with_the_connect_counts(self, running: Running) -> None:
        wire = running.connect()
        wire.send(b"CONNECT openapi.akool.com:80 HTTP/1.1\r\n\r\n" + get(QUOTA))
        assert wire.answer(of_head=True).status == 200
        assert wire.answer().json()["code"] == 1000

    def test_over_a_proxy_that_speaks_tls_itself(self, start: Start, folder: Path) -> None:
        running = start(tls=Tls(folder=folder))
        outer = wrap(running, running.connect(), folder, "localhost")
        assert connect(outer, "openapi.akool.com:443") == 200
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inner = context.wrap_bio(incoming, outgoing, server_hostname="openapi.akool.com")

        def do(step: Callable[[], Any]) -> Any:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    if outgoing.pending:
                        outer.send(outgoing.read())
                    incoming.write(outer.socket.recv(65536))
                finally:
                    if outgoing.pending:
                        outer.send(outgoing.read())

        do(inner.do_handshake)
        do(lambda: inner.write(get(QUOTA)))
        assert b'"code":1000' in do(lambda: inner.read(65536))

    @pytest.mark.parametrize("scheme", ["http", "https", "HTTPS"])
    def test_a_target_with_the_host_is_answered(self, scheme: str, running: Running) -> None:
        running.mock.next_job(queueing=0, processing=0)
        wire = running.connect()
        wire.send(request("POST", f"{scheme}://openapi.akool.com{CREATE}", BODY, host="elsewhere.test"))
        image = wire.answer().json()["data"]
        assert running.mock.calls[0].path == CREATE
        assert running.mock.calls[0].headers["host"] == "openapi.akool.com"
        assert image["_id"]

    def test_files_are_where_the_target_s_scheme_says(self, running: Running) -> None:
        running.mock.next_job(queueing=0, processing=0)
        job_id = running.create()
        path = f"openapi.akool.com/api/open/v3/content/image/infobymodelid?image_model_id={job_id}"
        wire = running.connect()
        wire.send(get(f"https://{path}"))
        assert wire.answer().json()["data"]["image"].startswith("https://d2qf6ukcym4kn9.cloudfront.net/")
        wire.send(get(f"http://{path}"))
        assert wire.answer().json()["data"]["image"].startswith("http://openapi.akool.com/")

    def test_the_server_s_own_address_is_no_proxying(self, running: Running) -> None:
        wire = running.connect()
        for host in (f"127.0.0.1:{running.server.port}", f"localhost:{running.server.port}", "localhost:8080"):
            wire.send(get(f"http://{host}{QUOTA}"))
            assert wire.answer().json()["code"] == 1000


class TestAdminApi:
    @pytest.mark.parametrize("path", ["/_mock/state", "/_mock/health", "/_mock/ca.pem"])
    def test_it_is_not_reached_under_akool_s_names(self, path: str, running: Running) -> None:
        wire = running.connect()
        wire.send(get(f"https://openapi.akool.com{path}", host="127.0.0.1"))
        assert wire.answer().status == 403
        assert connect(wire, "openapi.akool.com:80") == 200
        wire.send(get(path, host="openapi.akool.com"))
        assert wire.answer().status == 403

    @pytest.mark.parametrize("others", Others)
    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "localhost", "127.0.0.2", "[::ffff:127.0.0.1]", "0.0.0.0", "LOCALHOST."]
    )
    def test_no_tunnel_leads_to_the_server_itself(self, host: str, others: Others, start: Start) -> None:
        running = start(proxy=Proxy(others=others))
        wire = running.connect()
        assert connect(wire, f"{host}:{running.server.port}") in (403, 502)
        assert running.mock.calls == ()

    @pytest.mark.parametrize(
        ("peer", "own", "is_own"),
        [
            (("127.0.0.1", 80), ("127.0.0.1", 5000), True),
            (("127.0.0.2", 80), ("127.0.0.1", 5000), True),
            (("::1", 80, 0, 0), ("::1", 5000, 0, 0), True),
            (("10.0.0.5", 80), ("10.0.0.5", 5000), True),
            (("10.0.0.6", 80), ("10.0.0.5", 5000), False),
            (("127.0.0.1", 81), ("127.0.0.1", 5000), False),
            (None, None, False),
        ],
    )
    def test_a_connection_to_the_server_itself_is_known_by_its_addresses(
        self, peer: Any, own: Any, is_own: bool
    ) -> None:
        class Transport(asyncio.Transport):
            def get_extra_info(self, name: str, default: Any = None) -> Any:
                return {"peername": peer, "sockname": own}[name]

        assert proxy_module._is_own(Transport(), 80) is is_own


class TestOthers:
    @pytest.mark.parametrize("to", ["example.com:443", "10.0.0.5:22", "openapi.akool.com:22", "xopenapi.akool.com:443"])
    def test_they_are_refused(self, to: str, running: Running) -> None:
        wire = running.connect()
        wire.send(request("CONNECT", to))
        answer = wire.answer()
        assert answer.status == 403
        assert answer.body.decode() == (
            f"this proxy answers for Akool's hosts only, and {to} is another; start the server with "
            "--proxy-others pass, or name the host in NO_PROXY\n"
        )
        assert wire.is_closed()

    def test_they_are_refused_by_target_too(self, running: Running) -> None:
        wire = running.connect()
        wire.send(get("http://example.com/"))
        assert wire.answer().status == 403
        assert wire.is_closed()

    def test_loopback_lets_through_to_this_machine_only(self, start: Start, echo: Echo) -> None:
        running = start(proxy=Proxy(others=Others.LOOPBACK))
        assert connect(running.connect(), f"127.0.0.1:{echo.port}") == 200
        assert connect(running.connect(), f"localhost:{echo.port}") == 200
        assert connect(running.connect(), f"example.com:{echo.port}") == 403

    def test_a_tunnel_carries_bytes_both_ways(self, start: Start, echo: Echo) -> None:
        running = start(proxy=PASS)
        wire = running.connect()
        wire.send(f"CONNECT 127.0.0.1:{echo.port} HTTP/1.1\r\n\r\nfirst".encode())
        assert wire.answer(of_head=True).status == 200
        got = b""
        while got != b"first":
            got += wire._unread or wire.socket.recv(65536)
            wire._unread = b""
        sent = bytes(range(256)) * 8192
        sender = threading.Thread(target=wire.socket.sendall, args=(sent,))
        sender.start()
        got = b""
        while len(got) < len(sent):
            got += wire.socket.recv(65536)
        sender.join()
        assert got == sent
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.socket.recv(10) == b"END"
        assert wire.is_closed()
        until(lambda: not running.server.connections)

    def test_a_client_that_does_not_read_holds_up_the_server(self, start: Start, echo: Echo) -> None:
        running = start(proxy=PASS)
        wire = running.connect(receive_buffer=4096)
        assert connect(wire, f"127.0.0.1:{echo.port}") == 200
        wire.socket.settimeout(0.3)
        sent = 0
        with suppress(TimeoutError):
            while sent < 64 << 20:
                sent += wire.socket.send(bytes(65536))
        assert sent < 64 << 20, "nothing was held up"

    def test_the_other_server_s_end_ends_the_tunnel(self, start: Start, echo: Echo) -> None:
        running = start(proxy=PASS)
        wire = running.connect()
        assert connect(wire, f"127.0.0.1:{echo.port}") == 200
        wire.send(b"close\n")
        assert wire.is_closed()

    def test_idle_tunnels_are_kept_and_then_closed(
        self, start: Start, echo: Echo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(proxy_module, "_IDLE_SWEEPS", 30)
        running = start(proxy=PASS)
        wire = running.connect()
        assert connect(wire, f"127.0.0.1:{echo.port}") == 200
        (connection,) = running.server.connections

        def sweep(times: int) -> None:
            for _ in range(times):
                running.server.loop.call_soon_threadsafe(connection.sweep)

        sweep(25)
        wire.send(b"still here")
        assert wire.socket.recv(100) == b"still here"
        sweep(25)
        wire.send(b"still here")
        assert wire.socket.recv(100) == b"still here"
        sweep(31)
        assert wire.is_closed()

    def test_a_server_that_is_not_there(self, start: Start) -> None:
        running = start(proxy=PASS)
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        wire = running.connect()
        wire.send(request("CONNECT", f"127.0.0.1:{port}"))
        answer = wire.answer()
        assert answer.status == 502
        assert answer.body.decode().startswith(f"cannot connect to 127.0.0.1:{port}: ")
        wire = running.connect()
        wire.send(get(f"http://127.0.0.1:{port}/"))
        assert wire.answer().status == 502

    def test_stopping_ends_tunnels(self, echo: Echo, folder: Path) -> None:
        mock = MockAkool()
        with socket.socket() as client:
            with Server(mock.application, proxy=PASS) as server:
                client.connect(("127.0.0.1", server.port))
                client.settimeout(PATIENCE_S)
                assert connect(Wire(client), f"127.0.0.1:{echo.port}") == 200
            assert client.recv(1) == b""

    def test_single_requests_are_forwarded(self, start: Start, site: int) -> None:
        running = start(proxy=PASS)
        wire = running.connect()
        wire.send(
            request("POST", f"http://127.0.0.1:{site}/path?a=b", b"hello", proxy_connection="keep-alive", x_api_key="k")
        )
        answer = wire.answer()
        said = answer.json()
        assert (said["method"], said["target"], said["body"]) == ("POST", "/path?a=b", "hello")
        headers = {name.lower(): value for name, value in said["headers"].items()}
        assert headers["host"] == f"127.0.0.1:{site}"
        assert headers["connection"] == "close"
        assert "proxy-connection" not in headers
        assert wire.is_closed()
        assert running.mock.calls == ()

    def test_a_body_that_is_too_long_is_not_forwarded_in_part(self, start: Start, site: int) -> None:
        running = start(proxy=PASS, max_body_bytes=2000)
        wire = running.connect()
        wire.send(request("POST", f"http://127.0.0.1:{site}/", b"x" * 3000))
        answer = wire.answer()
        assert (answer.status, answer.body) == (502, b"the body is over 2,000 bytes; use CONNECT for longer ones\n")


class TestWhere:
    @pytest.mark.parametrize("target", ["openapi.akool.com", ":443", "host:", "host:0", "host:99999", "a/b:1"])
    def test_connect_wants_host_and_port(self, target: str, running: Running) -> None:
        assert place_of(target, "") is None

    def test_malformed_connects_are_refused(self, running: Running) -> None:
        for target in ("openapi.akool.com", "host:99999", "[::1:443"):
            wire = running.connect()
            wire.send(request("CONNECT", target))
            assert wire.answer().status == 400

    def test_names_are_compared_whole(self) -> None:
        own = Place("https", "openapi.akool.com", 443)
        assert place_of("OPENAPI.akool.com.:443", "") == own._replace(scheme="")
        assert where(Proxy(), own, 1) is Way.SELF
        assert isinstance(where(Proxy(), own._replace(host="a.openapi.akool.com"), 1), str)
        assert where(PASS, own._replace(port=22), 1) is Way.OTHER

    def test_a_connect_among_other_requests(self, start: Start) -> None:
        running = start(latency="30ms")
        wire = running.connect()
        wire.send(get(QUOTA) + request("CONNECT", "openapi.akool.com:443"))
        assert wire.answer().json()["code"] == 1000
        assert wire.answer().status == 400

    @pytest.mark.parametrize(
        ("hosts", "on"), [("127.0.0.1", True), ("localhost", True), ("0.0.0.0", False), (["::1", "10.0.0.1"], False)]
    )
    def test_it_is_a_proxy_on_this_machine_only(self, hosts: Any, on: bool) -> None:
        assert Server(MockAkool().application, hosts).proxy.on is on


@pytest.mark.skipif(shutil.which("curl") is None, reason="wants curl")
def test_curl(start: Start, folder: Path) -> None:
    running = start(tls=Tls(folder=folder))
    urls = [f"https://openapi.akool.com{QUOTA}", f"http://openapi.akool.com{QUOTA}"]
    ran = subprocess.run(
        ["curl", "-sS", "-x", running.server.url, "--cacert", folder / "ca.pem", "-H", "x-api-key: k", *urls],
        capture_output=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert ran.stdout == b'{"code":1000,"msg":"OK","data":{"credit":1000}}' * 2
