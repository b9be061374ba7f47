"""`MockAkool.connect` to a server behind a proxy that speaks TLS, chooses by Host, and takes off a part of the path."""

from __future__ import annotations

import asyncio
import http.client
import http.server
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Final

import aiohttp
import httpx
import pytest
import requests

from mock_akool import MockAkool, ServerError, SteeredClock
from mock_akool.cli import main
from mock_akool.mock.remote.remote_akool import RemoteAkool
from mock_akool.server.certificates import Authority
from mock_akool.server.tls import Tls
from tests.children import run

API: Final = "https://openapi.akool.com/api/open/v3"
KEY: Final = {"x-api-key": "k"}
MOUNT: Final = "/akool"


class Ingress(http.server.BaseHTTPRequestHandler):
    """Answers for one name and below one path only, as an ingress does, by a server behind it."""

    protocol_version = "HTTP/1.1"
    behind: ClassVar[tuple[str, int]]

    def _forward(self) -> None:
        _, port = self.connection.getsockname()
        own = f"localhost:{port}"
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers["host"] != own or not self.path.startswith(f"{MOUNT}/"):
            self.send_error(404, "no route")
            return
        connection = http.client.HTTPConnection(*self.behind, timeout=20)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        headers |= {"x-forwarded-proto": "https", "x-forwarded-host": own, "x-forwarded-prefix": MOUNT}
        try:
            connection.request(self.command, self.path.removeprefix(MOUNT), body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        except http.client.HTTPException:
            self.close_connection = True
            return
        finally:
            connection.close()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._forward
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a fake behind a proxy; this user's CA signed its certificate."""
    monkeypatch.setenv("MOCK_AKOOL_CA_DIR", str(tmp_path))
    with ExitStack() as opened:
        server = opened.enter_context(MockAkool(clock=SteeredClock(), queueing=0, processing=0).server())
        handler = type("Handler", (Ingress,), {"behind": ("127.0.0.1", server.port)})
        ingress = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        opened.callback(ingress.server_close)
        ingress.socket = Authority(tmp_path).context().context.wrap_socket(ingress.socket, server_side=True)
        thread = threading.Thread(target=ingress.serve_forever, args=(0.01,))
        thread.start()
        opened.callback(thread.join)
        opened.callback(ingress.shutdown)
        yield f"https://localhost:{ingress.server_port}{MOUNT}"


@pytest.fixture
def fake(url: str) -> RemoteAkool:
    return MockAkool.connect(url)


class ByRequests:
    def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any, bytes]:
        response = requests.request(method, f"{API}/{path}", headers=KEY, timeout=20, **options)
        return response.status_code, response.headers, response.content


class ByHttpx:
    def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any, bytes]:
        response = httpx.request(method, f"{API}/{path}", headers=KEY, timeout=20, **options)
        return response.status_code, response.headers, response.content


class ByAiohttp:
    def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any, bytes]:
        async def ask() -> tuple[int, Any, bytes]:
            async with (
                aiohttp.ClientSession(headers=KEY) as session,
                session.request(method, f"{API}/{path}", **options) as response,
            ):
                return response.status, response.headers, await response.read()

        return asyncio.run(ask())


CLIENTS: Final = pytest.mark.parametrize(
    "client", [ByRequests(), ByHttpx(), ByAiohttp()], ids=["requests", "httpx", "aiohttp"]
)


@CLIENTS
def test_requests_go_through_the_proxy(client: Any, fake: RemoteAkool, url: str) -> None:
    with fake:
        status, headers, body = client.ask("GET", "faceswap/quota/info?x=1")
        assert (status, b'"credit":1000' in body) == (200, True)
        assert headers["content-type"].startswith("application/json")
        _, _, body = client.ask("POST", "content/image/createbyprompt", json={"prompt": "a red fox" * 9000})
        assert b'"code":1000' in body
        (job,) = fake.jobs
        _, _, body = client.ask("GET", f"content/image/infobymodelid?image_model_id={job.id}")
        assert f'"image":"{url}/'.encode() in body
        status, headers, body = client.ask("HEAD", "faceswap/quota/info")
        assert (status, body, int(headers["content-length"]) > 0) == (200, b"", True)
        assert [call.path.rpartition("/")[2] for call in fake.calls] == [
            *("info", "createbyprompt", "infobymodelid", "info")
        ]


@CLIENTS
def test_connections_that_break(client: Any, fake: RemoteAkool) -> None:
    with fake:
        fake.on("quota/info").drop()
        with pytest.raises((requests.ConnectionError, httpx.RemoteProtocolError, aiohttp.ClientError)):
            client.ask("GET", "faceswap/quota/info")


def test_fixtures_use_it(url: str, tmp_path: Path) -> None:
    (tmp_path / "test_client.py").write_text(
        "import requests\n\n\ndef test_it(akool_mock):\n"
        f"    assert requests.get('{API}/faceswap/quota/info', headers={KEY}, timeout=20).json()['code'] == 1000\n"
        "    assert len(akool_mock.calls) == 1\n",
        encoding="utf-8",
    )
    # Other plugins take seconds to import.
    variables = {"MOCK_AKOOL_CA_DIR": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    plugins = ("-p", "no:cacheprovider", "-p", "mock_akool.pytest_plugin")
    arguments = ("-m", "pytest", "-q", *plugins, "--akool-url", url, "test_client.py")
    ran = run(*arguments, command=[sys.executable], variables=variables, folder=tmp_path)
    assert (ran.returncode, "1 passed" in ran.stdout) == (0, True), ran.stdout


def test_health(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health", "--url", url]) == 0
    assert capsys.readouterr().out.endswith(f" at {url} is ok\n")


def test_a_certificate_that_is_not_trusted(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOCK_AKOOL_CA_DIR", str(tmp_path / "other"))
    with pytest.raises(ServerError, match=r"is not trusted: .*\. Name a file with its CA in SSL_CERT_FILE"):
        MockAkool.connect(url)
    # Any file of certificates with its CA will do.
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert MockAkool.connect(url).jobs == ()


def test_a_server_of_ours_that_speaks_tls_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_AKOOL_CA_DIR", str(tmp_path))
    mock = MockAkool(clock=SteeredClock())
    server = mock.server()
    server.tls = Tls(only=True, folder=tmp_path)
    with server, MockAkool.connect(server.url):
        assert requests.get(f"{API}/faceswap/quota/info", headers=KEY, timeout=20).json()["code"] == 1000
    assert len(mock.calls) == 1


def test_a_program_cannot_use_it_as_a_proxy(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exec", "--attach", url, "--", "true"]) == 1
    assert "begins with https or has a path, and no program can use it as a proxy" in capsys.readouterr().err
