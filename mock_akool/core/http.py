"""Requests and responses, as every transport carries them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol, Self

from mock_akool.akool.codes import CDN_URL
from mock_akool.core.media import MediaSpec
from mock_akool.core.timeline import Status

Headers = tuple[tuple[str, str], ...]


_SECRET = frozenset({"authorization", "x-api-key", "cookie"})
"""The request headers whose values a report does not show."""


class Request(NamedTuple):
    """A request as a door carries it in.

    `path` and `query` are as they were on the wire, undecoded; header names are lower case, and of repeated
    headers the first counts. `file_base` is the scheme and host that picture URLs of the reply shall have.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    file_base: str
    transport: str

    def __repr__(self) -> str:
        headers = {name: shortened(value) if name in _SECRET else value for name, value in self.headers.items()}
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
        file_base: str = CDN_URL,
        transport: str = "direct",
    ) -> Self:
        """Make a Request by hand; header names may be in any case."""
        lowered = {name.lower(): value for name, value in (headers or {}).items()}
        return cls(method, path, query, lowered, body, file_base, transport)


class Share(NamedTuple):
    """A part of a body, from its beginning: so many bytes, or so much of each 1."""

    bytes: int | None = None
    fraction: float = 1.0

    def of(self, size: int) -> int:
        """Return how many bytes of a body of `size` bytes it is."""
        return min(size, int(size * self.fraction) if self.bytes is None else self.bytes)


class Termination(StrEnum):
    """How an answer ends on its way, other than by having arrived."""

    DROP = "drop"
    """The connection is closed without a byte of an answer."""
    RESET = "reset"
    """The connection is reset (TCP RST) without a byte of an answer."""
    CUT = "cut"
    """The connection is closed in the middle of the body, of which the head has promised more."""


class Transfer(NamedTuple):
    """How an answer travels when it does not simply arrive: what each door does in its own medium.

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

    def drip_ns(self, size: int) -> int:
        """Return how long a body of `size` bytes takes to come, in nanoseconds."""
        return self.pieces(size) * self.pause_ns if self.piece_bytes else 0


class Waiting(Protocol):
    """Something that a caller waits for: a door asks for it now and then, and holds neither a lock nor a thread."""

    @property
    def seconds(self) -> float:
        """How long the caller waits for it at most, in real time."""
        ...

    def response(self) -> Response | None:
        """Return the reply when what is waited for has come, else None. Cheap enough to be asked often."""
        ...

    def in_vain(self) -> Response:
        """Return the reply when the time is over."""
        ...


class Response(NamedTuple):
    """The answer to a Request: what a door has to deliver, and what the journal wants to know of it.

    `body` is what to send, or, when `media` is set, empty: the transport then sends the file's bytes, which are
    drawn outside the engine's lock. `delay_ns` is how long the door waits before it sends anything. `transfer` says
    how the bytes travel when they do not simply arrive, `kept` how much of the body there is when a file is broken.
    The rest is for the journal: the business `code` (None when the body has none), the API key of the account,
    the job that it was about, the status that the caller was shown, which entry of a script the job follows, and
    which rule made the answer what it is. With `waiting` it is the answer of a door that does not wait.
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
    entry: str | None = None
    rule: str | None = None
    waiting: Waiting | None = None

    def __repr__(self) -> str:
        # A token in the body, or the API key, would be a secret in somebody's log.
        account = None if self.account is None else shortened(self.account)
        size = "a file" if self.media else f"{len(self.body)} bytes"
        return f"<Response {self.outcome} code={self.code} account={account} job_id={self.job_id} {size}>"

    @property
    def outcome(self) -> str:
        """What reached the client: the HTTP status, or how the connection ended."""
        match None if self.transfer is None else self.transfer.termination:
            case None:
                return str(self.status)
            case Termination.CUT:
                return f"{self.status} cut off"
            case Termination.DROP:
                return "no answer"
            case Termination.RESET:
                return "connection reset"


def shortened(secret: str) -> str:
    """Return a secret so that it can be recognised but not used."""
    return f"{secret[:4]}…" if len(secret) > 8 else "…"
