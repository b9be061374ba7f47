"""HTTPS on the port of HTTP."""

from __future__ import annotations

import io
import json
import shutil
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mock_akool import Server
from mock_akool.server.access_log import STYLES, BatchedLog
from mock_akool.server.certificates import AUTHORITY_FILE, Authority
from mock_akool.server.http_connection import _QUIET_SWEEPS
from mock_akool.server.tls import Tls
from tests.server.conftest import Start
from tests.server.wires import BODY, CREATE, HEALTH, INFO, QUOTA, Running, Wire, get, request
from tests.waiting import PATIENCE_S, until

CA_PATH = "/_mock/ca.pem"
TLS_1_2 = ssl.TLSVersion.TLSv1_2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ca")
    Authority(folder).root_pem()
    return folder


@pytest.fixture
def secured(start: Start, folder: Path) -> Running:
    return start(tls=Tls(folder=folder))


def over_tls(running: Running, folder: Path, name: str = "openapi.akool.com", **options: Any) -> Wire:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    for option, value in options.items():
        setattr(context, option, value)
    plain = running.connect().socket
    wrapped = running._opened.enter_context(context.wrap_socket(plain, server_hostname=name))
    wrapped.settimeout(PATIENCE_S)
    return Wire(wrapped)


def refusals(running: Running) -> list[str]:
    return [each.why for each in running.mock.engine.call_log.refusals]


class TestTraffic:
    def test_the_port_speaks_both(self, secured: Running, folder: Path) -> None:
        plain, wire = secured.connect(), over_tls(secured, folder)
        for _ in range(3):
            for each in (plain, wire):
                each.send(get(QUOTA))
                assert each.answer().json()["data"] == {"credit": 1000}

    @pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "sg3.akool.com", "d2qf6ukcym4kn9.cloudfront.net"])
    def test_it_answers_by_all_names(self, name: str, secured: Running, folder: Path) -> None:
        wire = over_tls(secured, folder, name)
        wire.send(get(QUOTA))
        assert wire.answer().status == 200

    @pytest.mark.parametrize("version", [TLS_1_2, ssl.TLSVersion.TLSv1_3])
    def test_versions(self, version: ssl.TLSVersion, secured: Running, folder: Path) -> None:
        wire = over_tls(secured, folder, minimum_version=version, maximum_version=version)
        wire.send(get(QUOTA))
        assert wire.answer().status == 200
        assert wire.socket.version() == {TLS_1_2: "TLSv1.2"}.get(version, "TLSv1.3")  # type: ignore[attr-defined]

    def test_files_of_who_called_the_real_host_are_at_the_real_host(self, secured: Running, folder: Path) -> None:
        secured.mock.next_job(queueing=0, processing=0)
        job_id = secured.create()
        found = {}
        for name in ("openapi.akool.com", "openapi.akool.com:443", "OpenAPI.akool.com", "localhost:99"):
            wire = over_tls(secured, folder)
            wire.send(get(INFO + job_id, host=name))
            found[name] = wire.answer().json()["data"]["image"].rpartition("/")
        plain = secured.connect()
        plain.send(get(INFO + job_id, host="openapi.akool.com"))
        assert plain.answer().json()["data"]["image"].startswith("http://openapi.akool.com/")
        bases = {name: base for name, (base, _, _) in found.items()}
        real = "https://d2qf6ukcym4kn9.cloudfront.net"
        assert bases == dict.fromkeys(bases, real) | {"localhost:99": "https://localhost:99"}
        wire = over_tls(secured, folder, "d2qf6ukcym4kn9.cloudfront.net")
        wire.send(get(f"/{found['openapi.akool.com'][2]}", host="d2qf6ukcym4kn9.cloudfront.net"))
        answer = wire.answer()
        assert answer.headers["content-type"] == "image/jpeg"
        assert len(answer.body) > 50_000

    def test_requests_that_are_known_are_known_by_scheme(self, secured: Running, folder: Path) -> None:
        secured.mock.next_job(queueing=0, processing=0)
        poll = get(INFO + secured.create(), host="localhost")
        plain, wire = secured.connect(), over_tls(secured, folder)
        for _ in range(3):
            for each, scheme in ((plain, "http"), (wire, "https")):
                each.send(poll)
                assert each.answer().json()["data"]["image"].startswith(f"{scheme}://localhost/")

    def test_requests_in_pieces_and_several_at_once(self, secured: Running, folder: Path) -> None:
        wire = over_tls(secured, folder)
        sent = request("POST", CREATE, BODY)
        for place in range(0, len(sent), 40):
            wire.send(sent[place : place + 40])
        wire.send(get(QUOTA) + get("/nowhere") + get(HEALTH))
        assert [wire.answer().status for _ in range(4)] == [200, 200, 404, 200]

    def test_a_large_body_and_a_large_answer(self, secured: Running, folder: Path) -> None:
        wire = over_tls(secured, folder)
        prompt = "a" * 700_000
        wire.send(request("POST", CREATE, json.dumps({"prompt": prompt}).encode()))
        assert wire.answer().json()["data"]["origin_prompt"] == prompt

    def test_the_end_of_what_a_client_sends_is_no_end_of_the_answers(self, start: Start, folder: Path) -> None:
        running = start(tls=Tls(folder=folder), latency="50ms")
        wire = over_tls(running, folder)
        wire.send(get(QUOTA))
        # TCP's end, without TLS's before it: `SSLSocket.shutdown` would end the decryption too.
        socket.socket.shutdown(wire.socket, socket.SHUT_WR)
        assert wire.answer().json()["code"] == 1000
        assert wire.is_closed()

    def test_the_server_says_that_it_closes(self, secured: Running, folder: Path) -> None:
        wire = over_tls(secured, folder, suppress_ragged_eofs=False)
        wire.send(get(QUOTA, connection="close"))
        wire.answer()
        assert wire.is_closed()  # without TLS's end this were an SSLEOFError

    def test_a_client_that_says_that_it_closes_is_answered_alike(self, secured: Running, folder: Path) -> None:
        wire = over_tls(secured, folder)
        assert isinstance(wire.socket, ssl.SSLSocket)
        wire.send(get(QUOTA))
        wire.answer()
        wire.socket.unwrap()
        until(lambda: not secured.server.connections)

    @pytest.mark.parametrize("fault", ["drop", "reset", "cut"])
    def test_broken_connections(self, fault: str, secured: Running, folder: Path) -> None:
        rule = secured.mock.on("quota/info")
        rule.respond(truncate=10) if fault == "cut" else getattr(rule, fault)()
        wire = over_tls(secured, folder)
        wire.send(get(QUOTA))
        with pytest.raises((EOFError, ConnectionResetError, ssl.SSLEOFError)):
            wire.answer()
        wire = over_tls(secured, folder)
        wire.send(get("/nowhere"))
        assert wire.answer().status == 404


class TestHandshakes:
    def test_a_client_that_does_not_trust_the_ca_is_a_record(self, secured: Running) -> None:
        with pytest.raises(ssl.SSLCertVerificationError):
            ssl.create_default_context().wrap_socket(secured.connect().socket, server_hostname="openapi.akool.com")
        until(lambda: refusals(secured))
        (why,) = refusals(secured)
        assert why.startswith("the client does not trust the CA (")
        assert why.endswith("); `mock-akool ca show` says which it must trust")

    def test_what_only_begins_like_tls_is_a_record(self, secured: Running) -> None:
        wire = secured.connect()
        wire.send(b"\x16 nonsense" * 10)
        wire.socket.recv(100)  # an alert
        until(lambda: refusals(secured))
        assert refusals(secured)[0].startswith("the TLS handshake failed: ")
        until(lambda: not secured.server.connections)

    def test_one_that_stops_half_way_is_closed(self, secured: Running) -> None:
        wire = secured.connect()
        wire.send(b"\x16\x03\x01\x02\x00\x01")
        until(lambda: secured.server.connections)
        secured.server.tls.prepare()
        (connection,) = secured.server.connections
        until(lambda: connection._scheme == "https")
        for _ in range(_QUIET_SWEEPS + 1):
            secured.server.loop.call_soon_threadsafe(connection.sweep)
        assert wire.is_closed()

    def test_one_that_ends_half_way_is_closed(self, secured: Running) -> None:
        secured.server.tls.prepare()
        wire = secured.connect()
        wire.send(b"\x16\x03\x01\x02\x00\x01")
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.is_closed()
        until(lambda: not secured.server.connections)

    def test_clients_that_send_no_request_are_counted(self, secured: Running, folder: Path) -> None:
        used, unused, plain = over_tls(secured, folder), over_tls(secured, folder), secured.connect()
        used.send(get(QUOTA))
        used.answer()
        for each in (used, unused, plain):
            each.socket.close()
        until(lambda: not secured.server.connections)
        assert secured.server.tls.unused_connections == 1
        assert refusals(secured) == []

    def test_tls_in_tls_is_no_request(self, secured: Running, folder: Path) -> None:
        wire = over_tls(secured, folder)
        wire.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert wire.answer().status == 400

    def test_many_at_once(self, secured: Running, folder: Path) -> None:
        wires = [over_tls(secured, folder) for _ in range(40)]
        for wire in wires:
            wire.send(get(QUOTA))
        assert {wire.answer().status for wire in wires} == {200}

    def test_a_ca_that_cannot_be_used_is_said_once_it_is_wanted(
        self, start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / AUTHORITY_FILE).write_text("nonsense")
        running = start(tls=Tls(folder=tmp_path))
        plain = running.connect()
        plain.send(get(QUOTA))
        assert plain.answer().status == 200
        with pytest.raises((ssl.SSLError, OSError)):
            ssl.create_default_context().wrap_socket(running.connect().socket, server_hostname="localhost")
        until(lambda: refusals(running))
        assert refusals(running)[0].startswith(f"no TLS: the CA {tmp_path / AUTHORITY_FILE} is broken: ")
        assert "is broken" in caplog.text
        plain.send(get(CA_PATH, host="localhost"))
        answer = plain.answer()
        assert (answer.status, answer.json()["hint"]) == (
            500,
            f"Make a new one with `mock-akool ca new --ca-dir {tmp_path}`, and let your clients trust that",
        )


class TestModes:
    def test_tls_only(self, start: Start, folder: Path) -> None:
        running = start(tls=Tls(only=True, folder=folder))
        assert running.server.url == f"https://127.0.0.1:{running.server.port}"
        plain = running.connect()
        plain.send(get(QUOTA))
        answer = plain.answer()
        assert answer.status == 400
        assert answer.body == b"this port speaks TLS only: write https:// in the client's base URL\n"
        assert plain.is_closed()
        wire = over_tls(running, folder)
        wire.send(get(QUOTA))
        assert wire.answer().status == 200

    def test_without_tls_an_https_request_is_one_line_of_the_log(self, start: Start) -> None:
        running = start(tls=Tls(off=True))
        stream = io.StringIO()
        running.server._log = log = BatchedLog(stream, STYLES["text"]())
        with pytest.raises((ssl.SSLError, OSError)):
            ssl.create_default_context().wrap_socket(running.connect().socket, server_hostname="localhost")
        until(lambda: refusals(running))
        log.close()
        (line,) = stream.getvalue().splitlines()
        assert "write http:// and not https:// in its base URL, or start the server without --no-tls" in line
        plain = running.connect()
        plain.send(get(CA_PATH, host="localhost"))
        assert plain.answer().status == 404


class TestHandingOut:
    @pytest.fixture
    def wire(self, start: Start, folder: Path) -> Wire:
        running = start(tls=Tls(folder=folder))
        running.mock.application.access.admin_token = "s3cret"
        return running.connect()

    def test_the_ca_is_public(self, wire: Wire, folder: Path) -> None:
        wire.send(get(CA_PATH, host="localhost"))
        answer = wire.answer()
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/x-pem-file"
        assert answer.body == (folder / "ca.pem").read_bytes()

    def test_nothing_else_is(self, wire: Wire) -> None:
        wire.send(get("/_mock/state", host="localhost"))
        assert wire.answer().status == 401
        wire.send(request("DELETE", CA_PATH, host="localhost"))
        assert wire.answer().status in (401, 404, 405)

    @pytest.mark.parametrize("path", [CA_PATH, "/_mock/state", HEALTH])
    def test_under_akool_s_names_there_is_no_admin_api(self, path: str, secured: Running, folder: Path) -> None:
        for wire in (over_tls(secured, folder), secured.connect()):
            wire.send(get(path, host="openapi.akool.com"))
            assert wire.answer().status == 403


@pytest.mark.skipif(shutil.which("curl") is None, reason="wants curl")
def test_curl(secured: Running, folder: Path) -> None:
    at = f"openapi.akool.com:443:127.0.0.1:{secured.server.port}"
    url = f"https://openapi.akool.com{QUOTA}"
    ran = subprocess.run(
        ["curl", "-sS", "--connect-to", at, "--cacert", folder / "ca.pem", "-H", "x-api-key: k", url, url],
        capture_output=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert ran.stdout == b'{"code":1000,"msg":"OK","data":{"credit":1000}}' * 2


def test_a_server_of_python_speaks_it_too(start: Start, folder: Path) -> None:
    assert isinstance(start().mock.server().tls, Tls)
    assert not Server(start().mock.application).tls.off
