"""Requests and responses, as every transport carries them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, Self

from mock_akool.core.media import MediaSpec
from mock_akool.core.text import names_secret
from mock_akool.core.timeline import Status

Headers = tuple[tuple[str, str], ...]


def request_target(path: str, query: str) -> str:
    """Return path and query as they stand together in the first line of a request."""
    return f"{path}?{query}" if query else path


class Request(NamedTuple):
    """A request as a transport hands it in.

    `path` and `query` are as they were on the wire, undecoded. Header names are lower case; of repeated headers the
    first counts. `file_base` is the scheme and host that the URLs of files in the response begin with; when it is
    empty, they begin with the real API's.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    file_base: str
    transport: str

    def __repr__(self) -> str:
        headers = {name: shortened(value) if names_secret(name) else value for name, value in self.headers.items()}
        return f"<Request {self.method} {self.path} query={self.query!r} headers={headers} {len(self.body)} bytes>"

    @classmethod
    def build(
        cls,
        method: str,
        path: str,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        file_base: str = "",
        transport: str = "direct",
    ) -> Self:
        """Make a Request by hand; header names may be in any case."""
        lowered = {name.lower(): value for name, value in (headers or {}).items()}
        return cls(method, path, query, lowered, body, file_base, transport)


class Share(NamedTuple):
    """The beginning of a body: its first `bytes` bytes, or with None the `fraction` (0 to 1) of it."""

    bytes: int | None = None
    fraction: float = 1.0

    def of(self, size: int) -> int:
        """Return how many bytes of a body of `size` bytes it is."""
        return min(size, int(size * self.fraction) if self.bytes is None else self.bytes)


class Termination(StrEnum):
    """How a response ends before it has arrived."""

    DROP = "drop"
    """The connection is closed before the first byte of the response."""
    RESET = "reset"
    """The connection is reset (TCP RST) before the first byte of the response."""
    CUT = "cut"
    """The connection is closed in the middle of the body; its head promised more."""


class Transfer(NamedTuple):
    """How a response travels when it does not simply arrive; each transport does it in its own medium.

    `sent` is how much of the body gets through before a CUT. With `piece_bytes` the body comes in pieces of so many
    bytes, with a pause of `pause_ns` nanoseconds before each.
    """

    termination: Termination | None = None
    sent: Share = Share()
    piece_bytes: int = 0
    pause_ns: int = 0

    def pieces(self, size: int) -> int:
        """Return in how many pieces a body of `size` bytes comes."""
        return -(-size // self.piece_bytes) if self.piece_bytes else 1


class Waiting(Protocol):
    """A response that is not ready yet. The transport polls it; meanwhile it holds neither a lock nor a thread."""

    @property
    def seconds(self) -> float:
        """How long to wait at most, in seconds of real time."""
        ...

    def has_news(self) -> bool:
        """Return whether `response` may have become ready since it was asked for. Cheap enough to be called often."""
        ...

    def response(self) -> Response | None:
        """Return the response when it is ready, else None. May take milliseconds when there is news."""
        ...

    def in_vain(self) -> Response:
        """Return the response for when the time is over."""
        ...


STREAM_LOOK_S: Final = 0.1
"""How often a transport asks a stream whether there is more of it, in seconds of real time."""
STREAM_FILLER_S: Final = 15
"""After how many seconds without news a transport sends the filler."""


class Stream(Protocol):
    """How the body of a response goes on. The transport asks now and then; meanwhile it holds no lock and no thread."""

    @property
    def filler(self) -> bytes:
        """What to send when there was nothing to send for a while."""
        ...

    def has_news(self) -> bool:
        """Return whether there is more. Cheap enough to be called often."""
        ...

    def more(self) -> bytes:
        """Return what is to be sent next, which may be nothing. May take milliseconds when there is news."""
        ...


_CONDITIONS: Final = ("if-match", "if-unmodified-since", "if-none-match", "if-modified-since", "range", "if-range")


class Download(NamedTuple):
    """A request for a file: when it was made, in epoch seconds, and the headers that decide what of it is sent."""

    modified_s: int
    conditions: Mapping[str, str]

    @classmethod
    def of(cls, method: str, headers: Mapping[str, str], modified_s: int) -> Self:
        """Return what a request with these headers asks for; `Range` counts for GET only."""
        found = {name: headers[name] for name in _CONDITIONS if name in headers}
        if method != "GET":
            found.pop("range", None)
        return cls(modified_s, found)


class Response(NamedTuple):
    """The response to a Request: what the transport delivers, and what the call log records about it.

    For the transport: `body` is what to send. When `media` is set, `body` is empty and the transport sends that file
    instead, which is drawn outside of any lock; `kept` is how much of a broken file there is. `delay_ns` is how long
    to wait before the first byte, `transfer` how the bytes travel when they do not simply arrive. With `waiting` the
    response is not ready yet: a transport that cannot wait sends this one. With `stream` the body goes on until the
    client has enough: a transport that cannot go on sends `body` only.

    For the call log: the business `code` (None when the body has none), the API key of the `account`, the job that
    the request was about and the status that the client was shown, which `job_script` the job follows, and
    which `rule` changed the response.
    """

    status: int
    headers: Headers
    body: bytes
    media: MediaSpec | None = None
    delay_ns: int = 0
    code: int | None = None
    account: str | None = None
    job_id: str | None = None
    job_status: Status | None = None
    transfer: Transfer | None = None
    kept: Share | None = None
    job_script: str | None = None
    rule: str | None = None
    waiting: Waiting | None = None
    reason: str | None = None
    """Why the request was refused, for people: what was wrong with it and what would do."""
    download: Download | None = None
    """How the file of `media` is asked for; None when it is sent as it is."""
    also_shown: tuple[tuple[str, Status], ...] = ()
    """The other jobs that it shows besides `job_id`, and the status of each."""
    stream: Stream | None = None

    def __repr__(self) -> str:
        # The body may hold a token, and the account is an API key: neither belongs in a log.
        account = None if self.account is None else shortened(self.account)
        size = "a file" if self.media else f"{len(self.body)} bytes"
        return f"<Response {self.outcome} code={self.code} account={account} job_id={self.job_id} {size}>"

    @property
    def outcome(self) -> str:
        """What reached the client: the HTTP status, or how the connection ended."""
        ended = None if self.transfer is None else self.transfer.termination
        if ended is Termination.DROP:
            return "no answer"
        if ended is Termination.RESET:
            return "connection reset"
        return f"{self.status} cut off" if ended is Termination.CUT else str(self.status)


def shortened(secret: str) -> str:
    """Return a secret so that it can be recognised but not used."""
    return f"{secret[:4]}…" if len(secret) > 8 else "…"
