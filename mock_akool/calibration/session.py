"""One calibration under way: who asks, how fast, how often and for how much, and what was learnt on the way."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar, cast
from urllib.parse import urlencode

from mock_akool.akool.errors import AkoolError
from mock_akool.akool.families import CREATES, FAMILY_OF, SERVICES, FakeSettings, Results
from mock_akool.calibration.errors import NotAskedError, NoValueError
from mock_akool.calibration.service import CalibrationError, Reply, Service
from mock_akool.calibration.spending import Spending
from mock_akool.core.http import Request, request_target

PACE_S: Final = 0.5
"""At least so many seconds lie between two requests to a service: two a second."""
MOST_REQUESTS: Final = 1000
"""How many requests a calibration sends at most, where nobody says otherwise."""
BUSY: Final = frozenset({1005, 2001})
"""Codes that say nothing about what was asked, but that the service has no time."""

T = TypeVar("T")


class Credentials(NamedTuple):
    """Who asks. Empty text where a probe's account is not given.

    `other_key` is the key of any second account, `empty_key` of one without credits, `banned_key` of a banned one.
    """

    api_key: str
    client_id: str = ""
    other_key: str = ""
    empty_key: str = ""
    banned_key: str = ""


class Limits(NamedTuple):
    """How much is asked: requests, credits, seconds between two requests, and seconds that a job may take."""

    requests: int = MOST_REQUESTS
    spend: float = 0
    pace_s: float = PACE_S
    patience_s: float = 900.0


MEDIA: Final = ("image", "video", "audio")
"""What kinds of media a request may name."""
_KINDS: Final = {"jpg": "image", "jpeg": "image", "png": "image", "mp4": "video", "mp3": "audio"}


def media_kind(value: object) -> str:
    """Return of which kind the media at a URL of an example is; empty text for what is no such URL."""
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        return ""
    return _KINDS.get(value.rpartition(".")[2].lower(), "")


def _walked(value: Any, change: Callable[[str, Any], Any], key: str = "") -> Any:
    """Return JSON data with each of its values changed; `change` is given the nearest key."""
    if isinstance(value, Mapping):
        return {name: _walked(each, change, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_walked(each, change, key) for each in value]
    return change(key, value)


def media_in(body: Mapping[str, Any]) -> frozenset[str]:
    """Return the kinds of media that a request names."""
    found: set[str] = set()

    def note(key: str, value: Any) -> Any:
        found.add(media_kind(value))
        return value

    _walked(body, note)
    return frozenset(found - {""})


def price_of(endpoint: str, body: Mapping[str, Any], settings: FakeSettings) -> float:
    """Return what a create is expected to cost: what it costs here; where it is refused here, as much as the example.

    So nobody pays more than was planned when a service takes what the fake refuses.
    """
    create = CREATES[endpoint]
    request = Request.build(
        create.method, create.path, headers={"content-type": "application/json"}, body=json.dumps(body).encode()
    )
    try:
        input = create.input.read(request, settings)
    except AkoolError:
        return 0.0 if body == create.example else price_of(endpoint, create.example, settings)
    return float(FAMILY_OF[endpoint].price(input, settings)) * create.jobs(input)


def kind_of(endpoint: str, changes: Mapping[str, Any]) -> str:
    """Return the same text for jobs that cost the same: those of equal requests, but for the job that they go on."""
    parent = CREATES[endpoint].parent_field
    return f"{endpoint} {json.dumps({key: each for key, each in changes.items() if key != parent}, sort_keys=True)}"


def stated_price(value: Any) -> float:
    """Return how many credits the records in JSON data say that they cost, each record once; 0 when none says it."""
    found: dict[str, float] = {}
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            price = each.get("deduction_credit")
            if isinstance(price, (int, float)) and not isinstance(price, bool) and 0 < price < math.inf:
                found[str(each.get("_id", len(found)))] = float(price)
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)
    return sum(found.values())


def record_with(value: Any, key: str) -> dict[str, Any] | None:
    """Return the first object in JSON data that has a key; None when there is none."""
    if isinstance(value, dict):
        if key in value:
            return value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            found = record_with(each, key)
            if found is not None:
                return found
    return None


@dataclass
class Session:
    """Asks one service for one calibration."""

    service: Service
    credentials: Credentials
    settings: FakeSettings
    limits: Limits = Limits()
    media: Mapping[str, str] = field(default_factory=dict)
    """The addresses of real media, by kind."""
    requests: int = 0
    secrets: set[str] = field(default_factory=set)
    """What must not get into a report."""
    _last_s: float | None = None
    _known: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.spending = Spending(self.limits.spend, self.start_balance, self.balance)
        """What keeps to the limit of credits."""

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` found out the first time; a failure is kept, too."""
        if name not in self._known:
            try:
                self._known[name] = make()
            except (NotAskedError, NoValueError) as error:
                self._known[name] = error
        found = self._known[name]
        if isinstance(found, (NotAskedError, NoValueError)):
            raise found
        return cast(T, found)

    # Requests

    def send(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Reply:
        """Send one request, when it is its time; raises NotAskedError when there were too many, or nothing answers."""
        if self.requests >= self.limits.requests:
            raise NotAskedError(f"the limit of {self.limits.requests} requests is reached")
        self._wait_for_turn()
        self.requests += 1
        try:
            return self.service.send(method, url, headers or {}, body)
        except CalibrationError as error:
            raise NotAskedError(str(error)) from None
        finally:
            self._last_s = self.service.now_s()

    def _wait_for_turn(self) -> None:
        if self._last_s is not None:
            early_s = self._last_s + self.limits.pace_s - self.service.now_s()
            if early_s > 0:
                self.service.pause(min(early_s, self.limits.pace_s))

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        takes: frozenset[int] = frozenset(),
    ) -> Reply:
        """Send a request of an account, by default the main one's, with an empty key without credentials.

        Raises NotAskedError when the answer says only that the service has no time, but for the codes that it `takes`.
        """
        found: dict[str, str] = {}
        chosen = self.credentials.api_key if key is None else key
        if chosen:
            found["x-api-key"] = chosen
        if body is not None:
            found["content-type"] = "application/json"
        found.update(headers or {})
        target = request_target(path, urlencode(query or {}))
        reply = self.send(method, target, found, None if body is None else json.dumps(body).encode())
        if reply.status >= 500 or reply.code in BUSY - takes:
            what = f"HTTP {reply.status}" if reply.status >= 500 else f"code {reply.code}"
            raise NotAskedError(f"the service had no time: {what}")
        return reply

    def pause(self, seconds: float) -> None:
        """Wait on the service's clock."""
        self.service.pause(seconds)

    def hide(self, *values: object) -> None:
        """Keep these texts, such as tokens and ids of persons, out of every report."""
        self.secrets.update(str(each) for each in values if each not in (None, ""))

    # Credits

    def balance(self, key: str | None = None) -> float:
        """Return the credits of an account; raises NotAskedError when it does not say."""
        reply = self.ask("GET", "/api/open/v3/faceswap/quota/info", key=key)
        credit = reply.data.get("credit") if isinstance(reply.data, dict) else None
        if not isinstance(credit, (int, float)) or isinstance(credit, bool) or not math.isfinite(credit):
            raise NotAskedError(f"quota/info did not say a balance: code {reply.code}")
        return credit

    def start_balance(self) -> float:
        """Return the credits of the main account before anything was made."""
        return self.once("start balance", self.balance)

    # Requests that create

    def body_of(self, endpoint: str, changes: Mapping[str, Any], *, webhook: bool = False) -> dict[str, Any]:
        """Return a good request of a create: its example with the media and ids of this service, then the changes.

        A change to None takes a field away.
        """
        create = CREATES[endpoint]
        merged = {**create.example, **changes}
        body: dict[str, Any] = _walked({key: each for key, each in merged.items() if each is not None}, self._real)
        if webhook and create.webhook_field and self.service.webhook_url:
            body[create.webhook_field] = self.service.webhook_url
        return body

    def body_of_service(self, example: Mapping[str, Any]) -> dict[str, Any]:
        """Return a good request of a service that creates nothing: its example with the media of this calibration."""
        body: dict[str, Any] = _walked(dict(example), self._real)
        return body

    def _real(self, key: str, value: Any) -> Any:
        kind = media_kind(value)
        if kind:
            return self.media.get(kind, value)
        if key == "voice_id" and isinstance(value, str):
            return self._listed_id(SERVICES["voice/list"].path, {"type": "2"}, "voice_id") or value
        if key == "avatar_id" and isinstance(value, str):
            live = value.endswith("_20250101")
            path = SERVICES["liveAvatar/avatar/list" if live else "avatar/list"].path
            return self._listed_id(path, {} if live else {"from": "2", "type": "1"}, "avatar_id") or value
        return value

    def _listed_id(self, path: str, query: Mapping[str, str], key: str) -> str:
        """Return an id that a list of the service has; empty text when that cannot be found out."""

        def find() -> str:
            row = record_with(self.ask("GET", path, query=query).json, key)
            return str(row[key]) if row and isinstance(row[key], str) else ""

        if self.service.is_local:
            return ""  # the fake knows the ids of its examples
        try:
            return self.once(f"id of {path}", find)
        except NotAskedError:
            return ""

    def check_media(self, body: Mapping[str, Any]) -> None:
        """Raise NotAskedError when a real service would be paid for media that is not there."""
        missing = sorted(media_in(body) - set(self.media))
        if missing and not self.service.is_local:
            wanted = " ".join(f"--media {kind}=URL" for kind in missing)
            raise NotAskedError(f"it needs real media; give {wanted}")

    def create(
        self,
        endpoint: str,
        changes: Mapping[str, Any] | None = None,
        *,
        webhook: bool = False,
        takes: frozenset[int] = frozenset(),
    ) -> Reply:
        """Create a job for the main account, if --spend allows it."""
        create = CREATES[endpoint]
        plain = {**create.example, **(changes or {})}
        self.check_media({key: value for key, value in plain.items() if value is not None})
        body = self.body_of(endpoint, changes or {}, webhook=webhook)
        self.spending.begin(kind_of(endpoint, changes or {}), price_of(endpoint, body, self.settings))
        reply = self.ask(create.method, create.path, body, takes=takes)
        is_refused = reply.code is not None and not reply.is_ok
        self.spending.end(is_refused=is_refused, stated=stated_price(reply.json))
        return reply

    def poll(self, results: Results, job_id: str) -> Reply:
        """Ask a reader about a job."""
        method, path, query, body = poll_of(results, job_id)
        return self.ask(method, path, body, query=query)

    def consistent(self, name: str, low: float, high: float) -> bool:
        """Return whether the setting's value now, in seconds, may be what was measured to lie from `low` to `high`."""
        now = seconds_in(getattr(self.settings, name))
        return now is not None and low <= now <= high


def seconds_in(value: Any) -> float | None:
    """Return how many seconds a setting's value is; None for what is no fixed length."""
    if isinstance(value, (int, float)):
        return float(value)
    ns = getattr(value, "ns", None)
    return ns / 1e9 if isinstance(ns, int) else None


def poll_of(results: Results, job_id: str) -> tuple[str, str, dict[str, str] | None, dict[str, str] | None]:
    """Return the request that asks a reader about a job: method, path, query and body."""
    if results.input is not None:
        name = next(iter(results.input.fields))
        return results.method, results.path, None, {name: job_id}
    if "{" in results.path:
        begin, _, rest = results.path.partition("{")
        return results.method, begin + job_id + rest.partition("}")[2], None, None
    return results.method, results.path, {next(iter(results.query)): job_id}, None
