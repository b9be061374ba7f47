"""The service that a recording is made of: sends it requests, each exactly once, and reads what comes back.

Nothing but the upstreams that the user named is ever called. A request is never repeated, redirects are not followed,
and proxies of the environment are not used. TLS is verified against the system's certificates and SSL_CERT_FILE.
"""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from functools import cached_property
from threading import Lock
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from mock_akool.akool.codes import API_URL
from mock_akool.core.errors import SettingsError
from mock_akool.core.http import Termination
from mock_akool.core.schema import Listed, Plain

MOST_BYTES: Final = 256 << 20
"""How long the body of a response is at most: it is in memory as a whole."""
TIMEOUT_S: Final = 120.0
"""How long an upstream may take to connect, and for each piece of its response."""
_IDLE_S: Final = 1.0
"""How long a connection is kept for the next request. Longer, and the upstream may close it while we send."""
_PORTS: Final = {"http": 80, "https": 443}
_PIECE: Final = 256 << 10

OF_A_CONNECTION: Final = frozenset(
    {"connection", "proxy-connection", "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding"}
    | {"upgrade", "content-length", "expect"}
)
"""Headers that are about one connection, and not about the request or the response."""


class Upstream(NamedTuple):
    """A server that may be called: scheme, host and port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Upstream:
        """Return the upstream of a URL; SettingsError when it is none of a server, or says more than where it is."""
        wanted = f"Write it as {API_URL}"
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError as error:
            raise SettingsError(f"{url!r} is no address of a server: {error}", wanted) from None
        scheme = parts.scheme.lower()
        if scheme not in _PORTS or not parts.hostname or port == 0:
            raise SettingsError(f"{url!r} is no address of a server", wanted)
        if parts.username is not None:
            raise SettingsError("it has a user or a password", "leave it out")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise SettingsError(f"{url!r} has a path or a query", wanted)
        return cls(scheme, parts.hostname.lower(), port or _PORTS[scheme])

    @property
    def authority(self) -> str:
        """Its host, with the port unless that is the usual one: what the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Its address as a URL without a slash at the end."""
        return f"{self.scheme}://{self.authority}"

    def has(self, url: str) -> bool:
        """Return whether a URL leads to it."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme.lower())
        except ValueError:
            return False
        return parts.scheme.lower() == self.scheme and parts.hostname == self.host and port == self.port


class Answered(NamedTuple):
    """What an upstream answered. With `ended` the connection broke, and `body` is what came before; status 0: nothing.

    `length` is the Content-Length that it promised, None if it did not say.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    length: int | None = None
    ended: Termination | None = None


class UnreachableError(Exception):
    """No response came, and it is not known whether the upstream got the request."""


class UpstreamClient:
    """Sends requests to upstreams, from any thread."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._lock = Lock()
        self._idle: dict[Upstream, list[tuple[float, http.client.HTTPConnection]]] = {}

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def send(
        self, upstream: Upstream, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes
    ) -> Answered:
        """Send one request and return what came back; raises UnreachableError. `target` is path and query."""
        connection = self._kept(upstream) or self._new(upstream)
        keeps = False
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            connection.putheader("host", upstream.authority)
            for name, value in headers:
                connection.putheader(name, value.encode("latin-1", "replace"))
            if body or method in ("POST", "PUT", "PATCH"):
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body or None)
            response = connection.getresponse()
            answered = _read(response, method)
            keeps = answered.ended is None and not response.will_close
        except http.client.RemoteDisconnected:
            return Answered(0, (), b"", ended=Termination.DROP)
        except ConnectionResetError:
            return Answered(0, (), b"", ended=Termination.RESET)
        except ssl.SSLCertVerificationError as error:
            raise UnreachableError(
                f"the certificate of {upstream.url} is not trusted: {error.verify_message}; name a file with its CA in "
                "SSL_CERT_FILE"
            ) from None
        except TimeoutError:
            raise UnreachableError(f"{upstream.url} does not answer within {self._timeout_s:g} s") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise UnreachableError(f"{upstream.url}: {error or type(error).__name__}") from None
        else:
            return answered
        finally:
            if keeps:
                self._keep(upstream, connection)
            else:
                connection.close()

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            for connections in self._idle.values():
                for _, each in connections:
                    each.close()
            self._idle.clear()

    def _new(self, upstream: Upstream) -> http.client.HTTPConnection:
        if upstream.scheme == "https":
            return http.client.HTTPSConnection(
                upstream.host, upstream.port, timeout=self._timeout_s, context=self._context
            )
        return http.client.HTTPConnection(upstream.host, upstream.port, timeout=self._timeout_s)

    def _kept(self, upstream: Upstream) -> http.client.HTTPConnection | None:
        """Return a connection that the upstream has not closed, as far as one can see; a request is sent only once."""
        while True:
            with self._lock:
                connections = self._idle.get(upstream)
                if not connections:
                    return None
                since_s, connection = connections.pop()
            if time.monotonic() - since_s < _IDLE_S and _is_quiet(connection.sock):
                return connection
            connection.close()

    def _keep(self, upstream: Upstream, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._idle.setdefault(upstream, []).append((time.monotonic(), connection))


def _is_quiet(sock: socket.socket | None) -> bool:
    """Return whether nothing came on a connection, not even its end."""
    if sock is None:
        return False
    try:
        return not select.select([sock], [], [], 0)[0]
    except (OSError, ValueError):  # closed, or a handle beyond what select takes
        return False


def _read(response: http.client.HTTPResponse, method: str) -> Answered:
    headers = tuple((name.lower(), value) for name, value in response.getheaders())
    said = response.getheader("content-length")
    length = int(said) if said is not None and said.isdecimal() else None
    if length is not None and length > MOST_BYTES and method != "HEAD":
        raise ValueError(f"its response has {length:,} bytes, and at most {MOST_BYTES:,} are recorded")
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := response.read(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > MOST_BYTES:
                raise ValueError(f"its response is over {MOST_BYTES:,} bytes, which are recorded at most")
    except http.client.IncompleteRead as cut:
        return Answered(response.status, headers, b"".join((*pieces, cut.partial)), length, Termination.CUT)
    except (ConnectionResetError, ssl.SSLEOFError):
        return Answered(response.status, headers, b"".join(pieces), length, Termination.CUT)
    if length is not None and size < length and method != "HEAD" and response.status not in (204, 304):
        # With a size, `read` does not complain about an end that comes too early.
        return Answered(response.status, headers, b"".join(pieces), length, Termination.CUT)
    return Answered(response.status, headers, b"".join(pieces), length)


_UPSTREAMS: Final = Listed(Plain("the address of a server", Upstream.of, {"type": "string"}), lone=True)


def upstreams_of(urls: Sequence[str], flag: str = "--upstream") -> tuple[Upstream, ...]:
    """Return the upstreams of URLs, without repetitions.

    Raises SettingsError when there is none, or for all that are not usable, each as what the `flag` says.
    """
    if not urls:
        hint = f"name the service that is to be recorded, such as {API_URL}"
        raise SettingsError("it is missing", hint, (flag,))
    return tuple(dict.fromkeys(_UPSTREAMS.read(list(urls), (flag,))))
