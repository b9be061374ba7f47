"""A service at a URL, over http.client, which no interceptor answers for, and the receiver of its webhooks."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlsplit

from mock_akool._version import __version__
from mock_akool.admin.access import is_loopback
from mock_akool.akool.codes import API_HOST
from mock_akool.akool.families import HOSTS
from mock_akool.calibration.service import CalibrationError, Received, Reply

_TIMEOUT_S: Final = 60.0
_MOST_BYTES: Final = 64 << 20
_MOST_WEBHOOK_BYTES: Final = 1 << 20


class HttpService:
    """The service at `url`, an http or https URL without a slash at its end. `receiver` takes its webhooks."""

    def __init__(
        self, url: str, webhook_url: str = "", receiver: Receiver | None = None, *, ca_file: str | None = None
    ) -> None:
        parts = urlsplit(url)
        self._scheme, self._host, self._mount = parts.scheme, parts.netloc, parts.path
        self._name = parts.hostname or ""
        self._receiver = receiver
        self._context: ssl.SSLContext | None = None
        self._ca_file = ca_file
        self.webhook_url = webhook_url if receiver is not None else ""
        self.is_local = is_loopback(self._name)
        self.private: tuple[str, ...] = () if self.is_local or self._name == API_HOST else (self._host, self._name)

    def _address_of(self, url: str) -> tuple[str, str, str]:
        """Return the scheme, the host and the target of a request. Raises CalibrationError for a host of others."""
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        if not parts.netloc:
            return self._scheme, self._host, self._mount + target
        if parts.netloc == self._host:
            return parts.scheme, parts.netloc, target
        name = parts.hostname or ""
        if name in HOSTS and self._name != API_HOST:
            return self._scheme, self._host, self._mount + target  # a fake stands in for all of Akool's hosts
        if name in HOSTS or (self._name == API_HOST and name.endswith((".akool.com", ".cloudfront.net"))):
            return parts.scheme, parts.netloc, target
        raise CalibrationError(f"{name!r} is neither the service nor a host of Akool's, so it is not asked")

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Return what the service answers; see `Service`."""
        scheme, host, target = self._address_of(url)
        connection = self._connection(scheme, host)
        sent = {"user-agent": f"mock-akool-calibrate/{__version__}", "accept": "*/*", "connection": "close", **headers}
        try:
            connection.request(method, target, body, sent)
            response = connection.getresponse()
            found: dict[str, str] = {}
            for name, value in response.getheaders():
                found.setdefault(name.lower(), value)
            return Reply(response.status, found, response.read(_MOST_BYTES))
        except (OSError, ValueError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            raise CalibrationError(f"{host} does not answer {method}: {why}") from None
        finally:
            connection.close()

    def _connection(self, scheme: str, host: str) -> http.client.HTTPConnection:
        if scheme != "https":
            return http.client.HTTPConnection(host, timeout=_TIMEOUT_S)
        if self._context is None:
            self._context = ssl.create_default_context(cafile=self._ca_file)
        return http.client.HTTPSConnection(host, timeout=_TIMEOUT_S, context=self._context)

    def now_s(self) -> float:
        """Return the time of the machine."""
        return time.time()

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def webhooks(self) -> list[Received]:
        """Return the webhooks that came."""
        return [] if self._receiver is None else list(self._receiver.received)

    def answer_webhooks_with(self, status: int) -> None:
        """Answer webhooks with this HTTP status from now on."""
        if self._receiver is not None:
            self._receiver.status = status


class Receiver:
    """Takes webhooks: what came, and the HTTP status with which each is answered."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.status = 200


@contextmanager
def listening(host: str, port: int) -> Iterator[tuple[Receiver, int]]:
    """Take webhooks on an address of this machine; port 0 takes a free one. Gives the receiver and the port.

    Raises CalibrationError when the address is taken.
    """
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            body = self.rfile.read(min(int(length), _MOST_WEBHOOK_BYTES)) if length.isdigit() else b""
            receiver.received.append(Received(time.time(), body))
            self.send_response(receiver.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        why = error.strerror or error
        raise CalibrationError(
            f"cannot listen for webhooks on {host}:{port}: {why}", "Choose another --listen"
        ) from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver, server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
