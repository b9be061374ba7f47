"""The one client of the admin API, over http.client, which no interceptor answers for."""

from __future__ import annotations

import http.client
import json
import os
import ssl
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from mock_akool.core.errors import MockAkoolError, ScenarioError, ServerError
from mock_akool.server.addresses import PREFIX

PATIENCE_S: Final = 10.0
"""How long, in seconds, a server may take to answer, beside what it is asked to wait for."""

_PAGE: Final = 1000


@cache
def _context(own: Path, made_ns: int | None, *of_system: str | None) -> ssl.SSLContext:
    """Return what connections over TLS trust; kept, as reading the system's certificates takes milliseconds.

    `own` is the CA of this user's servers and `made_ns` when it was made, None when there is none; `of_system` are the
    variables by which OpenSSL finds the others.
    """
    context = ssl.create_default_context()
    if made_ns is not None:
        context.load_verify_locations(own)
    return context


class Health(NamedTuple):
    """What a healthy server says of itself."""

    name: str
    version: str


def quoted(part: str) -> str:
    """Return a text as a part of a path."""
    return quote(part, safe="")


class AdminClient:
    """Asks the admin routes of one server, from any thread; with an `api_key`, as far as they are about that account.

    `url` is an http or https URL; a path is where the server is mounted. Over https the system's certificates are
    trusted, those of SSL_CERT_FILE, and the CA of this user's servers. `patience_s` is how many seconds it may take to
    answer.
    """

    def __init__(
        self,
        url: str,
        admin_token: str | None = None,
        *,
        api_key: str | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.url = url
        self.api_key = api_key
        self._token = admin_token
        self._patience_s = patience_s
        parts = urlsplit(url)
        self._is_secure = parts.scheme == "https"
        self.address = (parts.hostname or "", parts.port or (443 if self._is_secure else 80))
        """Host and port."""
        self.mount = parts.path.rstrip("/")
        """What the server's paths begin with."""
        self.host_behind: str | None = parts.netloc.rpartition("@")[2] if self._is_secure or self.mount else None
        """The Host that a proxy before the server knows it by; None when the server is called directly."""
        self._prefix = f"{self.mount}/_mock/"

    def of_account(self, api_key: str | None) -> AdminClient:
        """Return a client of the same server that asks about an account (by API key), or with None about all."""
        return AdminClient(self.url, self._token, api_key=api_key, patience_s=self._patience_s)

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        """Return what an admin route answers, read from JSON.

        `path` is what follows `/_mock/`; what is None in the query or the body is left out. Raises MockAkoolError with
        the route's own words when it refuses (ScenarioError for HTTP 400), TimeoutError when it waited in vain, and
        ServerError when no server of ours answers in time.
        """
        given = {name: value for name, value in {"account": self.api_key, **query}.items() if value is not None}
        target = f"{self._prefix}{path}{'?' if given else ''}{urlencode(given)}"
        sent = None if body is None else json.dumps({name: each for name, each in body.items() if each is not None})
        status, raw = self._exchange(method, target, sent, self._patience_s + float(given.get("timeout", 0)))
        try:
            answered = json.loads(raw)
        except ValueError:
            answered = None
        if not isinstance(answered, dict):
            raise self._stranger(status)
        if status >= 300:
            kind = {400: ScenarioError, 504: TimeoutError}.get(status, MockAkoolError)
            error, hint = str(answered.get("error")), str(answered.get("hint", ""))
            if status == 401:
                hint = "Give it as admin_token=…, or to the fixtures as the variable MOCK_AKOOL_ADMIN_TOKEN"
            raise kind(f"{error}. {hint}") if kind is TimeoutError else kind(error, hint)
        return answered

    def pages(self, path: str, *, by: str, name: str = "", **query: Any) -> list[Any]:
        """Return all that a route lists in pages, of which `by` in the query chooses one; asks until there is no more.

        `name` is the key of the list, where it is not that of the route.
        """
        found: list[Any] = []
        start: int | None = 0
        while start is not None:
            page = self.ask("GET", path, limit=_PAGE, **{**query, by: start})
            found += page[name or path]
            start = page["next"]
        return found

    def health(self) -> Health:
        """Return what the server says of itself; ServerError when no healthy server of ours answers in time."""
        status, raw = self._exchange("GET", f"{self._prefix}health", None, self._patience_s)
        try:
            answered = json.loads(raw)
            name, version, state = answered["name"], answered["version"], answered["status"]
        except (ValueError, KeyError, TypeError):
            raise self._stranger(status) from None
        if name != "mock-akool":
            raise self._stranger(status)
        if status != 200 or state != "ok":
            raise ServerError(f"the server at {self.url} is not healthy: it says {state!r} with HTTP {status}")
        return Health(name, version)

    def ca(self) -> bytes:
        """Return the certificate that clients of the server have to trust, as PEM; MockAkoolError when it has none."""
        status, raw = self._exchange("GET", f"{self._prefix}ca.pem", None, self._patience_s)
        if status != 200 or not raw.startswith(b"-----BEGIN CERTIFICATE-----"):
            raise MockAkoolError(f"the server at {self.url} speaks no HTTPS", "Start it without --no-tls")
        return raw

    def _stranger(self, status: int) -> ServerError:
        return ServerError(
            f"what answers at {self.url} with HTTP {status} is not mock-akool",
            "Check the address, or start one with `mock-akool serve`",
        )

    def connection(self, timeout_s: float | None) -> http.client.HTTPConnection:
        """Return a connection to the server, which is made when something is sent; each read may take so long.

        Raises ServerError when the CA of this user's servers cannot be read.
        """
        if not self._is_secure:
            return http.client.HTTPConnection(*self.address, timeout=timeout_s)
        from mock_akool.server.certificates import Authority  # which brings the families; a health check is quick

        own = Authority(os.environ.get(f"{PREFIX}CA_DIR") or None).root_file
        try:
            made_ns = own.stat().st_mtime_ns if own.is_file() else None
            context = _context(own, made_ns, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        except OSError as error:  # also of ssl, for what is no certificate
            why = error.strerror or str(error)
            raise ServerError(f"the CA {own} cannot be read: {why}", f"Name its folder in {PREFIX}CA_DIR") from None
        return http.client.HTTPSConnection(*self.address, timeout=timeout_s, context=context)

    def _exchange(self, method: str, target: str, sent: str | None, patience_s: float) -> tuple[int, bytes]:
        headers = {"content-type": "application/json", "connection": "close"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        # A connection for each call: none is left open, and none that was kept can turn out to be closed.
        connection = self.connection(patience_s)
        try:
            connection.request(method, target, sent, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except TimeoutError:
            raise ServerError(
                f"the server at {self.url} does not answer within {patience_s:g} s", "Is it stopped, or very busy?"
            ) from None
        except ssl.SSLCertVerificationError as error:
            raise ServerError(
                f"the certificate of {self.url} is not trusted: {error.verify_message}",
                "Name a file with its CA in SSL_CERT_FILE",
            ) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            raise ServerError(f"no server answers at {self.url}: {why}", "Start one with `mock-akool serve`") from None
        finally:
            connection.close()
