"""A fake that fakes nothing: it passes requests on to the service, hands back what came, and records both.

The admin API stays: `/_mock/calls` lists what was asked. The URLs of result files in responses are replaced by ones
of this server, if their hosts are upstreams, so that downloads are recorded too; the upstream sees its own URLs again
when a client sends one back.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

from mock_akool import admin
from mock_akool.akool.api import route
from mock_akool.akool.codes import API_HOST
from mock_akool.akool.families import FILE_HOSTS, HOSTS
from mock_akool.core.clock import NS_PER_S, Clock
from mock_akool.core.http import Request, Response, Share, Termination, Transfer, request_target
from mock_akool.core.urls import without_password
from mock_akool.recording import bodies
from mock_akool.recording.calls import FILE_PATH, FILE_URL
from mock_akool.recording.folder import RawCall, RecordingWriter
from mock_akool.recording.redaction import Names
from mock_akool.server.application import Application
from mock_akool.server.settings import ScenarioSettings
from mock_akool.server.upstream import OF_A_CONNECTION, Answered, UnreachableError, Upstream, UpstreamClient

DEFAULT_FILE_BASE: Final = f"https://{FILE_HOSTS[0]}"
"""What the URLs of result files begin with for a client that calls the real API's hosts."""

_JSON: Final = (("content-type", "application/json; charset=utf-8"),)
_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")
_FORGED: Final = frozenset({"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-prefix", "host"})
_NOT_PASSED_BACK: Final = OF_A_CONNECTION | {"date", "server"}


class _Files:
    """The URLs of result files, and the paths at which this server has them."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._urls: dict[str, str] = {}
        self._lock = Lock()

    def name_of(self, url: str) -> str:
        """Return the name of a file, such as `file-1.jpeg`: nothing of its URL is in it but the extension."""
        with self._lock:
            name = self._names.get(url)
            if name is None:
                found = _EXTENSION.search(urlsplit(url).path)
                name = self._names[url] = f"file-{len(self._names) + 1}{found[0] if found else ''}"
                self._urls[name] = url
            return name

    def url_at(self, path: str) -> str | None:
        """Return the URL of the file at a path of this server."""
        return self._urls.get(path.removeprefix(FILE_PATH)) if path.startswith(FILE_PATH) else None

    def url_of(self, own: str) -> str | None:
        """Return the URL of the file that a client knows by a URL of this server."""
        return self.url_at(urlsplit(own).path)


class Recorder(Application):
    """Passes requests on to the first of the upstreams, those for the hosts of others to these, and records them."""

    slow_threads = 64
    asks_others = True

    def __init__(
        self,
        settings: ScenarioSettings,
        clock: Clock,
        access: admin.Access | None,
        folder: str | Path,
        upstreams: Sequence[Upstream],
        *,
        names: Names | None = None,
        client: UpstreamClient | None = None,
    ) -> None:
        super().__init__(settings, clock, access)
        self._upstreams = tuple(upstreams)
        self.writer = RecordingWriter(folder, (each.url for each in upstreams), names)
        self._client = client or UpstreamClient()
        self._files = _Files()
        self._began_ns = time.perf_counter_ns()
        self._number = 0
        self._lock = Lock()
        self.left_alone: Counter[str] = Counter()
        """How many URLs of each host were handed to clients as they are, because the host is no upstream."""
        self.failures: Counter[str] = Counter()
        """How often no response came, by the reason."""

    @property
    def is_slow(self) -> Callable[[Request], bool]:
        """What returns whether a request takes milliseconds: all that the upstream answers do."""
        return _is_slow

    def close(self) -> None:
        """Write what is left, and close the connections; raises RecordingError when something could not be written."""
        self._client.close()
        self.writer.close()

    def _answer_api(self, request: Request) -> Response:
        found, _ = route(request.method, request.path, any_case=True)
        with self._lock:
            self._number += 1
            number = self._number
        at_ns = time.perf_counter_ns()
        time_ns = self.engine.clock.now_ns()
        response = self._passed_on(request, found.endpoint, number, at_ns)
        self.engine.note_call(time_ns, found.endpoint, request, response)
        return response

    def _passed_on(self, request: Request, endpoint: str, number: int, at_ns: int) -> Response:
        if len(request.body) > self.max_body_bytes:
            return _own(413, f"the body is over {self.max_body_bytes:,} bytes", "Start with a larger max_body_bytes")
        file = self._files.url_at(request.path)
        upstream = self._upstream_of(request, file)
        if isinstance(upstream, Response):
            return upstream
        body, sent_files = self._as_upstream_knows(request.body)
        if file is None:
            target = request_target(request.path, request.query)
        else:
            parts = urlsplit(file)
            target = request_target(parts.path or "/", parts.query)
        headers = tuple(
            (name, value)
            for name, value in request.headers.items()
            if name not in OF_A_CONNECTION and name not in _FORGED and name != "accept-encoding"
        )
        try:
            answered = self._client.send(
                upstream, request.method, target, (*headers, ("accept-encoding", "identity")), body
            )
        except UnreachableError as error:
            self.failures[str(error)] += 1
            hint = "Nothing was recorded of this request, and it is not sent again; whether it arrived is not known"
            return _own(502, str(error), hint)
        took_ns = time.perf_counter_ns() - at_ns
        answered = _unpacked(answered)
        files = {url: f"{FILE_URL}/{self._files.name_of(url)}" for url in self._files_in(answered, request)}
        self.writer.put(
            RawCall(
                number,
                (at_ns - self._began_ns) / NS_PER_S,
                took_ns / NS_PER_S,
                endpoint if file is None else "file",
                request.method,
                request.path,
                request.query,
                tuple(request.headers.items()),
                body,
                answered.status,
                answered.headers,
                answered.body,
                answered.ended,
                {**files, **sent_files},
            )
        )
        base = (request.file_base or DEFAULT_FILE_BASE) + FILE_PATH
        own = {url: base + name.removeprefix(f"{FILE_URL}/") for url, name in files.items()}
        return _handed_back(answered, request.method, bodies.with_urls(answered.body, own) if own else answered.body)

    def _upstream_of(self, request: Request, file: str | None) -> Upstream | Response:
        """Return who answers a request, or the refusal of one that nobody may be asked."""
        if file is not None:
            return next(each for each in self._upstreams if each.has(file))
        host = request.headers.get("host", "").lower().partition(":")[0]
        named = next((each for each in self._upstreams if each.host == host), None)
        if named is not None and host in HOSTS:
            return named
        first = self._upstreams[0]
        if host in HOSTS and host != API_HOST and first.host == API_HOST:
            return _own(502, f"{host} is no upstream", f"Start with --upstream https://{host} besides")
        return first

    def _as_upstream_knows(self, body: bytes) -> tuple[bytes, dict[str, str]]:
        """Return the body of a request with the upstream's own URLs of files, and what stands for each of these."""
        if FILE_PATH.encode() not in body and FILE_PATH.replace("/", "\\/").encode() not in body:
            return body, {}
        try:
            urls = bodies.urls_in(bodies.read_json(body))
        except ValueError:
            return body, {}
        known = {own: url for own in urls if (url := self._files.url_of(own)) is not None}
        stands = {url: f"{FILE_URL}/{self._files.name_of(url)}" for url in known.values()}
        return bodies.with_urls(body, known), stands

    def _files_in(self, answered: Answered, request: Request) -> list[str]:
        """Return the URLs in a response that are on an upstream, in a fixed order; counts those that are not."""
        try:
            urls = bodies.urls_in(bodies.read_json(answered.body)) if answered.body[:1] in (b"{", b"[") else set()
        except ValueError:
            return []
        found = [url for url in sorted(urls) if any(each.has(url) for each in self._upstreams)]
        sent = request.body.decode("utf-8", "replace")
        for url in urls.difference(found):
            if url not in sent:
                self.left_alone[urlsplit(without_password(url)[0]).hostname or ""] += 1
        return found


def _is_slow(request: Request) -> bool:
    return request.path not in admin.OPEN


def _unpacked(answered: Answered) -> Answered:
    """Return a response without its compression, though it was asked not to be compressed."""
    encoding = next((value for name, value in answered.headers if name == "content-encoding"), "")
    plain = bodies.unpacked(answered.body, encoding) if encoding and answered.body and not answered.ended else None
    if plain is None:
        return answered
    about_length = ("content-encoding", "content-length")
    kept = tuple((name, value) for name, value in answered.headers if name not in about_length)
    return answered._replace(headers=kept, body=plain, length=len(plain))


def _handed_back(answered: Answered, method: str, body: bytes) -> Response:
    headers = tuple((name, value) for name, value in answered.headers if name not in _NOT_PASSED_BACK)
    transfer = None
    if answered.ended is Termination.CUT:
        whole = max(len(body) + 1, answered.length or 0)
        transfer, body = Transfer(Termination.CUT, Share(len(body))), body.ljust(whole, b"\0")
    elif answered.ended is not None:
        transfer = Transfer(answered.ended)
    elif method == "HEAD" and answered.length:
        body = bytes(min(answered.length, 256 << 20))  # only their number is sent
    is_short = body[:1] == b"{" and len(body) <= bodies.MOST_INLINE
    code = bodies.code_of(body) if is_short else None
    return Response(answered.status or 200, headers, body, code=code, transfer=transfer)


def _own(status: int, error: str, hint: str) -> Response:
    """Return a response of ours, which no client can take for the service's."""
    return own_response(status, {"error": f"mock-akool record: {error}", "hint": hint}, error)


def own_response(status: int, body: Mapping[str, Any], reason: str) -> Response:
    """Return a response of ours with a JSON body; `reason` is for the logs."""
    return Response(status, _JSON, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), reason=reason)
