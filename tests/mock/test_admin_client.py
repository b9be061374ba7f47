"""The client of the admin API: what it says when a server is not there, is another one, or refuses."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mock_akool import MockAkool, MockAkoolError, ScenarioError, ServerError, __version__
from mock_akool.mock.remote.admin_client import AdminClient


@contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server of something else; yields its URL, and what it was asked for."""
    asked: list[str] = []

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_it_tells_whether_a_server_is_healthy() -> None:
    with MockAkool().server() as server:
        assert AdminClient(server.url).health() == ("mock-akool", __version__)


@pytest.mark.parametrize(
    "body", [b"hello", b"[]", b"\xff", b'{"name": "other", "version": "1", "status": "ok"}', b"{}"]
)
def test_another_server_is_known_from_ours(body: bytes) -> None:
    with answering(404, body) as (url, _):
        expected = f"what answers at {url} with HTTP 404 is not mock-akool. Check the address, or start one"
        with pytest.raises(ServerError, match=expected):
            AdminClient(url).health()


def test_one_that_is_not_well_says_what_it_says() -> None:
    body = b'{"name": "mock-akool", "version": "1", "status": "starting"}'
    expected = "is not healthy: it says 'starting' with HTTP 503"
    with answering(503, body) as (url, _), pytest.raises(ServerError, match=expected):
        AdminClient(url).health()


def test_a_path_is_where_the_server_is_mounted() -> None:
    with answering(200, b'{"jobs": {}}') as (url, asked):
        client = AdminClient(f"{url}/tools/akool/", api_key="a key")
        assert client.ask("GET", "state", limit=None) == {"jobs": {}}
        assert client.of_account(None).ask("GET", "state", limit=3) == {"jobs": {}}
    assert asked == ["/tools/akool/_mock/state?account=a+key", "/tools/akool/_mock/state?limit=3"]


@pytest.mark.parametrize("body", [b"hello", b"[]"])
def test_what_is_no_answer_of_ours(body: bytes) -> None:
    with answering(200, body) as (url, _), pytest.raises(ServerError, match="with HTTP 200 is not mock-akool"):
        AdminClient(url).ask("GET", "state")


@pytest.mark.parametrize(("folder", "why"), [("x" * 300, "File name too long"), (".", "NO_CERTIFICATE")])
def test_a_ca_that_cannot_be_read(folder: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ca.pem").write_text("nonsense", encoding="utf-8")
    monkeypatch.setenv("MOCK_AKOOL_CA_DIR", folder)
    with pytest.raises(
        ServerError, match=f"^the CA .*ca.pem cannot be read: .*{why}.* Name its folder in MOCK_AKOOL_CA"
    ):
        AdminClient("https://127.0.0.1:1").health()


def test_none_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    for ask in (AdminClient(url).health, lambda: AdminClient(url).ask("GET", "state")):
        with pytest.raises(ServerError, match=rf"no server answers at {url}: .*refused.*Start one with"):
            ask()


def test_one_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        client = AdminClient(f"http://127.0.0.1:{hanging.getsockname()[1]}", patience_s=0.1)
        for ask in (client.health, lambda: client.ask("GET", "state")):
            with pytest.raises(ServerError, match=r"does not answer within 0\.1 s\. Is it stopped, or very busy\?"):
                ask()


def test_refusals_are_the_errors_of_this_process() -> None:
    with MockAkool().server() as server:
        client = AdminClient(server.url)
        with pytest.raises(ScenarioError, match="did you mean"):
            client.ask("PUT", "scenario", {"scenario": "flaky-gatewy"})
        with pytest.raises(MockAkoolError, match="there is no job 'nowhere'") as caught:
            client.ask("GET", "jobs/nowhere")
        assert type(caught.value) is MockAkoolError
        with pytest.raises(TimeoutError, match=r"0 of 1 such calls came within 0\.01 s"):
            client.ask("GET", "calls", at_least=1, timeout=0.01)
