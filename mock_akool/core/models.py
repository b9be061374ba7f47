"""The frozen records that everything else passes around.

Instants are integer nanoseconds since the epoch (`*_ns`), because sums of floats drift. The wire's
milliseconds are made in `wire.py` only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, Self

from mock_akool.core.codes import CDN_URL, Endpoint, Status
from mock_akool.core.timeline import Timeline

if TYPE_CHECKING:
    from mock_akool.core.scenario import Result

Headers = tuple[tuple[str, str], ...]

_SECRET = frozenset({"authorization", "x-api-key", "cookie"})
"""The request headers whose values a report does not show."""


class Missing(Enum):
    """Marks a key that a record does not have."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


class MediaSpec(NamedTuple):
    """What a picture shows: everything that drawing it needs, so that equal values give equal bytes.

    `tiles` are the tile numbers that it shows: `(3,)` is the single tile 3, `(1, 2, 3, 4)` a 2x2 grid in
    reading order, `()` a picture that is no tile of anything (a v4 result).
    `button` is the pressed button (`U2`, `V3`) or `""`.
    """

    job_id: str
    seed: int
    width: int
    height: int
    prompt: str
    scale: str
    tiles: tuple[int, ...]
    button: str
    format: str
    """`JPEG` or `PNG`."""
    coloured_as: str = ""
    """The job whose tiles' colours it has, where that is another one: an upscaled picture looks like its original."""


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
        return f"<Call {self.method} {self.path} query={self.query!r} headers={headers} {len(self.body)} bytes>"

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


class Ends(StrEnum):
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

    ends: Ends | None = None
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

    `body` is what to send, or, when `picture` is set, empty: the door then sends the picture's bytes, which are
    drawn outside the engine's lock. `delay_ns` is how long the door waits before it sends anything. `transfer` says
    how the bytes travel when they do not simply arrive, `kept` how much of the body there is when a file is broken.
    The rest is for the journal: the business `code` (None when the body has none), the API key of the account,
    the job that it was about, the status that the caller was shown, which entry of a script the job follows, and
    which rule made the answer what it is. With `waiting` it is the answer of a door that does not wait.
    """

    status: int
    headers: Headers
    body: bytes
    picture: MediaSpec | None = None
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
        size = "a picture" if self.picture else f"{len(self.body)} bytes"
        return f"<Reply {self.outcome} code={self.code} account={account} job_id={self.job_id} {size}>"

    @property
    def outcome(self) -> str:
        """What reached the client: the HTTP status, or how the connection ended."""
        ends = None if self.transfer is None else self.transfer.ends
        match ends:
            case None:
                return str(self.status)
            case Ends.CUT:
                return f"{self.status} cut off"
            case Ends.DROP:
                return "no answer"
            case Ends.RESET:
                return "connection reset"


class Call(NamedTuple):
    """One line of the journal: what was asked, when, and what was answered. `number` counts from 1.

    `start_ns` is when the journal was begun.
    """

    number: int
    time_ns: int
    endpoint: Endpoint
    request: Request
    response: Response
    start_ns: int = 0

    @property
    def at(self) -> float:
        """When it was asked, in seconds since the fake was made or last reset."""
        return (self.time_ns - self.start_ns) / 1_000_000_000

    @property
    def transport(self) -> str:
        """The door that carried the call in: `requests`, `httpx`, `aiohttp`, `flask`, `server` or `direct`."""
        return self.request.transport

    @property
    def method(self) -> str:
        """The method of the request."""
        return self.request.method

    @property
    def path(self) -> str:
        """The path of the request, without the query."""
        return self.request.path

    @property
    def query(self) -> str:
        """The query of the request, undecoded."""
        return self.request.query

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the request; names are lower case."""
        return self.request.headers

    @property
    def body(self) -> bytes:
        """The body of the request."""
        return self.request.body

    @property
    def json(self) -> Any:
        """What the body of the request says as JSON, or None when it is none."""
        try:
            return json.loads(self.request.body)
        except (ValueError, RecursionError):
            return None

    @property
    def code(self) -> int | None:
        """The business code of the answer, or None when its body has none."""
        return self.response.code

    @property
    def account(self) -> str | None:
        """The API key of the account that asked, where it is known."""
        return self.response.account

    @property
    def job_id(self) -> str | None:
        """The `_id` of the job that it was about."""
        return self.response.job_id

    @property
    def job_status(self) -> Status | None:
        """The status that the caller was shown."""
        return self.response.job_status

    @property
    def entry(self) -> str | None:
        """Which entry of a script the job follows, such as `flaky-gateway: jobs[0]`; None for an unscripted job."""
        return self.response.entry

    @property
    def rule(self) -> str | None:
        """Which rule made the answer what it is, such as `flaky-gateway: polls`; None when no rule did."""
        return self.response.rule

    def __repr__(self) -> str:
        account = None if self.account is None else shortened(self.account)
        return (
            f"<Exchange {self.number} {self.method} {self.path} -> {self.response.status} code={self.code} "
            f"account={account} job_id={self.job_id} job_status={self.job_status}>"
        )


def shortened(secret: str) -> str:
    """Return a secret so that it can be recognised but not used."""
    return f"{secret[:4]}…" if len(secret) > 8 else "…"


@dataclass(frozen=True, slots=True)
class Account:
    """Who owns jobs. The API key is the clientSecret (contract section 2); credits are kept by the engine.

    `valid_from_s` is the epoch second before which this account's tokens are revoked.
    """

    api_key: str
    client_id: str
    id: str
    uid: int
    team_id: str
    credential_id: str
    banned: bool
    token_lifetime_ns: int
    valid_from_s: int = 0

    def __repr__(self) -> str:
        return f"<Account {shortened(self.api_key)} uid={self.uid}{' banned' if self.banned else ''}>"


class CreateV3(NamedTuple):
    """A checked request of `createbyprompt`."""

    prompt: str
    scale: str
    source_image: str | None
    webhook_url: str


class CreateV4(NamedTuple):
    """A checked request of `createBySourcePrompt`. `source_image` is `""` for a text job."""

    prompt: str
    model_name: str
    source_image: str
    scale: str
    resolution: str
    batch_quantity: int
    similar: float
    negative_prompt: str | None
    webhook_url: str

    @property
    def from_image(self) -> bool:
        """Whether this is an image-to-image job."""
        return bool(self.source_image)


class PressButton(NamedTuple):
    """A checked request of `createbybutton`."""

    parent_id: str
    button: str
    webhook_url: str

    @property
    def tile(self) -> int:
        """The number of the picture, 1 to 4, that the button is about."""
        return int(self.button[1])

    @property
    def is_variation(self) -> bool:
        """Whether the button asks for four variations (V), not for one upscaled picture (U)."""
        return self.button[0] == "V"


JobInput = CreateV3 | CreateV4 | PressButton


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A job as it was made, and what happened to it since. Its status is computed, see `timeline.status_at`.

    `look` is the request whose prompt and scale its pictures show: its own, or for a button job that of the
    first ancestor. `polls` holds the instants of the polls as long as the timeline needs them. `stamp_ms` is
    the 13-digit number that the names of its files begin with, unique in the engine. `file_base` is where the
    creating client sees files. `place` counts the jobs of a batch from 0: they live at the same time, but each
    `create_time` is a millisecond later than the one before (contract section 4).

    Two jobs are equal only when they are the same object: that makes them cheap keys of a cache.
    """

    id: str
    account: Account
    input: JobInput
    look: CreateV3 | CreateV4
    created_ns: int
    cost: int
    timeline: Timeline
    stamp_ms: int
    file_base: str
    place: int = 0
    polls: tuple[int, ...] = ()
    used_buttons: tuple[str, ...] = ()
    number: int = 1
    """It is the account's n-th job."""
    entry: str | None = None
    """Which entry of a script it follows; None when nobody scripted it."""
    result: Result | None = None
    """What its script says of its result, where that is not as usual."""
