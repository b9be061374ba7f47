"""Clients as people write them, one per library, all with the same methods. What they call is the host of `url`."""

from __future__ import annotations

import asyncio
import http.server
import socketserver
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import aiohttp
import httpx
import requests

from mock_akool.akool.codes import API_URL
from mock_akool.akool.families import FILE_HOSTS

CDN_URL: Final = f"https://{FILE_HOSTS[0]}"
"""Where a family has its files."""
CREATE: Final = "/api/open/v3/content/image/createbyprompt"
INFO: Final = "/api/open/v3/content/image/infobymodelid"
QUOTA: Final = "/api/open/v3/faceswap/quota/info"
HEADERS: Final = {"x-api-key": "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"}
PATIENCE_S: Final = 20.0


@dataclass(frozen=True)
class Got:
    """An answer, with header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Library(ABC):
    """An HTTP library as a synchronous function; each call opens and closes a client of its own."""

    name: ClassVar[str]
    read_timeouts: ClassVar[type[Exception]]
    connection_errors: ClassVar[type[Exception]]

    @abstractmethod
    def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        timeout: float = PATIENCE_S,
        follow: bool = True,
    ) -> Got: ...

    def job(self) -> str:
        """Create a job and return its id."""
        import json

        got = self.fetch("POST", API_URL + CREATE, headers=HEADERS, json={"prompt": "a fox"})
        job_id: str = json.loads(got.body)["data"]["_id"]
        return job_id

    def poll(self, job_id: str) -> int:
        """Return a job's status."""
        import json

        got = self.fetch("GET", f"{API_URL}{INFO}?image_model_id={job_id}", headers=HEADERS)
        status: int = json.loads(got.body)["data"]["image_status"]
        return status


class Requests(Library):
    name = "requests"
    read_timeouts = requests.ReadTimeout
    connection_errors = requests.ConnectionError

    def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        timeout: float = PATIENCE_S,
        follow: bool = True,
    ) -> Got:
        with requests.Session() as session:
            session.trust_env = False
            got = session.request(method, url, headers=headers, json=json, timeout=timeout, allow_redirects=follow)
            return Got(got.status_code, {n.lower(): v for n, v in got.headers.items()}, got.content, got.url)


class Httpx(Library):
    name = "httpx"
    read_timeouts = httpx.ReadTimeout
    connection_errors = httpx.ConnectError

    def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        timeout: float = PATIENCE_S,
        follow: bool = True,
    ) -> Got:
        with httpx.Client(trust_env=False, verify=False, timeout=timeout, follow_redirects=follow) as client:
            return _of(client.request(method, url, headers=headers, json=json))


class HttpxAsync(Library):
    name = "httpx-async"
    read_timeouts = httpx.ReadTimeout
    connection_errors = httpx.ConnectError

    def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        timeout: float = PATIENCE_S,
        follow: bool = True,
    ) -> Got:
        async def fetch() -> Got:
            async with httpx.AsyncClient(
                trust_env=False, verify=False, timeout=timeout, follow_redirects=follow
            ) as client:
                return _of(await client.request(method, url, headers=headers, json=json))

        return asyncio.run(fetch())


class Aiohttp(Library):
    name = "aiohttp"
    read_timeouts = aiohttp.ServerTimeoutError
    connection_errors = aiohttp.ClientConnectionError

    def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        timeout: float = PATIENCE_S,
        follow: bool = True,
    ) -> Got:
        async def fetch() -> Got:
            limits = aiohttp.ClientTimeout(sock_read=timeout)
            async with (
                aiohttp.ClientSession(timeout=limits) as session,
                session.request(method, url, headers=headers, json=json, allow_redirects=follow) as got,
            ):
                return Got(got.status, {n.lower(): v for n, v in got.headers.items()}, await got.read(), str(got.url))

        return asyncio.run(fetch())


def _of(got: httpx.Response) -> Got:
    return Got(got.status_code, dict(got.headers), got.content, str(got.url))


LIBRARIES: Final[tuple[Library, ...]] = (Requests(), Httpx(), HttpxAsync(), Aiohttp())

Handler = Callable[[str], tuple[int, Mapping[str, str], bytes]]
"""From a path to status, headers and body."""


@contextmanager
def other_server(answering: Handler) -> Iterator[str]:
    """Run somebody else's server on this machine; yields its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answering(self.path)
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
