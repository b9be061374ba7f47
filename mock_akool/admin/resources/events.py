"""Events: what happens to the fake, as it happens or since a position, as server-sent events or as JSON.

Nothing is queued for a reader. An event's id is a position in the logs that the fake keeps anyway, so a stream costs
no memory, any number of readers can be slow, and one that comes back goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from mock_akool.admin.parameters import LIMIT, account_of_query, query
from mock_akool.admin.resources.clock import show_clock
from mock_akool.admin.responses import Encoded
from mock_akool.admin.routing import AdminRequest, Route, Routes
from mock_akool.admin.schemas import FLAG, TEXT, WHOLE, listed, record
from mock_akool.admin.serializers import CALL, DELIVERY, JOB
from mock_akool.akool.changes import Position
from mock_akool.akool.envelope import encode
from mock_akool.core.clock import SteeredClock, VirtualClock
from mock_akool.core.http import Headers, Response
from mock_akool.core.schema import FLAG as YES_OR_NO
from mock_akool.core.schema import TEXT as A_TEXT
from mock_akool.core.schema import Field, Plain

_MOST_BYTES: Final = 1 << 20
"""About how many bytes of events are sent at once; the rest follows."""
_EVENT_STREAM: Final[Headers] = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-store"),
    ("x-accel-buffering", "no"),  # a proxy in between must hand on each event at once
)
_LEFT_OUT: Final = frozenset({"headers", "query", "body", "response_headers", "response_body", "file_base"})
_OF_CALL: Final = {name: column for name, column in CALL.columns.items() if name not in _LEFT_OUT}
"""What an event says of a call: all but what may be long, which GET /_mock/calls has."""

_CALL: Final = record({name: (column.help, column.value.schema) for name, column in _OF_CALL.items()})
_DATA: Final = {
    "reset": record({"account": ("the API key of the account that was reset; null for everybody", A_TEXT.schema)}),
    "dropped": record(
        {
            "calls": ("how many calls are left out here, of all accounts", WHOLE),
            "jobs": ("whether jobs changed of which is not known any more which they are", FLAG),
            "webhooks": ("the same of deliveries", FLAG),
        }
    ),
    "job": JOB.schema,
    "call": _CALL,
    "webhook": DELIVERY.schema,
    "deleted": record(
        {
            "job": ("the `_id` of the job that is gone, or null", {"anyOf": [TEXT, {"type": "null"}]}),
            "webhook": ("the number of the delivery that is gone, or null", {"anyOf": [WHOLE, {"type": "null"}]}),
        }
    ),
}
_DATA["reset"]["properties"]["account"]["type"] = ["string", "null"]
_EVENT: Final = {
    "oneOf": [
        record({"id": ("the position after it", TEXT), "event": ("its kind", {"const": kind}), "data": ("it", data)})
        for kind, data in _DATA.items()
    ]
}


class Event(NamedTuple):
    """An event: the position after it, its kind, and its data as JSON."""

    id: str
    kind: str
    data: bytes

    @property
    def sent(self) -> bytes:
        """The event as a stream has it."""
        return f"id: {self.id}\nevent: {self.kind}\ndata: ".encode() + self.data + b"\n\n"

    @property
    def listed(self) -> bytes:
        """The event as a list has it."""
        return b'{"id":"%b","event":"%b","data":%b}' % (self.id.encode(), self.kind.encode(), self.data)


def _position_of(id: str) -> Position:
    parts = id.split(".")
    if len(parts) != len(Position._fields) or not all(
        each.isascii() and each.isdigit() and len(each) < 20 for each in parts
    ):
        raise ValueError(id)
    return Position(*map(int, parts))


_POSITION: Final = Plain(
    "an id of an event", _position_of, {"type": "string"}, use="the `id` of one, or the `next` of GET /_mock/events"
)


class EventReader:
    """Reads what happens after a position, again and again: the stream of one client."""

    def __init__(self, request: AdminRequest) -> None:
        self._request = request
        self._engine = request.engine
        last, after = request.http.headers.get("last-event-id"), request.given["after"]
        begins: Position | None = _POSITION.read(last, ("last-event-id",)) if last else after
        self.position = self._engine.position if begins is None else begins
        self._steering = self._steered()

    def _steered(self) -> object:
        """Return what changes whenever the clock is moved, stopped or runs at another speed."""
        clock = self._engine.clock
        return clock.steering if isinstance(clock, SteeredClock) else isinstance(clock, VirtualClock) and clock.now_ns()

    @property
    def filler(self) -> bytes:
        """What is sent when nothing happens, so that both sides see that the other is there."""
        return f"id: {_id_of(self.position)}\n: \n\n".encode()

    def has_news(self) -> bool:
        """Return whether anything happened since the last time. Cheap, and takes no lock."""
        self._request.fake.carry_in_passing()
        return self._engine.position != self.position or self._steered() != self._steering

    def more(self) -> bytes:
        """Return the events since the last time, as a stream has them; those of the clock only streams have."""
        sent = b"".join(each.sent for each in self.events())
        steering = self._steered()
        if steering == self._steering:
            return sent
        self._steering = steering
        return sent + self._event("clock", show_clock(self._request)).sent

    def events(self) -> list[Event]:
        """Return the events since the last time; fewer when they are too long for once."""
        found: list[Event] = []
        size = 0
        for event in self._all():
            if found and size + len(event.data) > _MOST_BYTES:
                # `_all` has moved on to after this one, which is still to come.
                self.position = _position_of(found[-1].id)
                break
            size += len(event.data)
            found.append(event)
        return found

    def _all(self) -> Iterator[Event]:
        """Yield the events, and move on with each; what another account does moves it on as well."""
        engine, account, limit = self._engine, self._request.account, self._request.given["limit"]
        changes = engine.changes_after(self.position, newest_calls=limit if self._request.given["newest"] else None)
        now_ns = engine.clock.now_ns()
        is_own: Callable[[Any], bool] = (lambda call: True) if account is None else engine.asked_by(account)
        resets = [each for each in changes.resets if account is None or each in (None, account)]
        at = changes.begins
        at = at._replace(resets=at.resets + len(changes.resets)) if None not in changes.resets else at
        self.position = at
        for key in resets:
            yield self._event("reset", {"account": key})
        if None not in changes.resets and (changes.missed_calls or changes.missed_jobs or changes.missed_deliveries):
            yield self._event(
                "dropped",
                {
                    "calls": changes.missed_calls,
                    "jobs": changes.missed_jobs,
                    "webhooks": changes.missed_deliveries,
                },
            )
        for job_change, job in changes.jobs[:limit]:
            self.position = self.position._replace(jobs=job_change.edition)
            if account in (None, job_change.owner):
                if job is None:
                    yield self._event("deleted", {"job": job_change.key, "webhook": None})
                else:
                    yield self._event("job", JOB.write(job, now_ns))
        for call in changes.calls[:limit]:
            self.position = self.position._replace(calls=call.number)
            if is_own(call):
                yield self._event(
                    "call", {name: each.value.write(each.of(call, now_ns)) for name, each in _OF_CALL.items()}
                )
        for delivery_change, delivery in changes.deliveries[:limit]:
            self.position = self.position._replace(webhooks=delivery_change.edition)
            if account in (None, delivery_change.owner):
                if delivery is None:
                    yield self._event("deleted", {"job": None, "webhook": delivery_change.key})
                else:
                    yield self._event("webhook", DELIVERY.write(delivery, now_ns))

    def _event(self, kind: str, data: Any) -> Event:
        return Event(_id_of(self.position), kind, encode(data))


def _id_of(position: Position) -> str:
    return ".".join(map(str, position))


def list_events(request: AdminRequest) -> Any:
    """List what happened after a position."""
    reader = EventReader(request)
    found = [each.listed for each in reader.events()]
    return {"events": Encoded(found), "next": _id_of(reader.position)}


def stream(request: AdminRequest) -> Response:
    """Answer with a stream; a transport that cannot go on sends what happened until now."""
    reader = EventReader(request)
    begins = f"retry: 1000\nid: {_id_of(reader.position)}\n\n".encode()
    return Response(200, _EVENT_STREAM, begins + reader.more(), stream=reader)


ROUTES: Final[Routes] = {
    ("GET", "/_mock/events"): Route(
        "Follow what happens: calls, jobs that are made or changed, webhooks, resets. As server-sent events to who "
        "accepts text/event-stream, resumable by Last-Event-ID; as JSON, what happened after a position",
        list_events,
        record(
            {
                "events": ("the events; of each kind, oldest first", listed(_EVENT)),
                "next": ("what to give as `after` to go on", TEXT),
            }
        ),
        query(
            account=account_of_query(),
            after=Field(
                _POSITION, "the id of an event, or `next`: what came after it; without it, what comes from now on"
            ),
            limit=LIMIT._replace(help="how many of a kind to list at once; of a stream the rest follows"),
            newest=Field(
                YES_OR_NO,
                "leave out the older calls when more than `limit` came at once, and say so by an event `dropped`: for "
                "who looks on, and wants to see the newest",
                False,
            ),
        ),
        carries=True,
        stream=stream,
    ),
}
