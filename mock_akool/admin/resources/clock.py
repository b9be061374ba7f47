"""The clock: show it, stop it, let it run faster, move it forward."""

from __future__ import annotations

from typing import Any, Final

from mock_akool.admin.parameters import (
    SECONDS,
    SHARED_ACCOUNT,
    SHARED_BODY,
    SHARED_QUERY,
    account,
    account_of_query,
    body,
    query,
)
from mock_akool.admin.responses import AdminError
from mock_akool.admin.routing import AdminRequest, Route, Routes
from mock_akool.admin.schemas import FLAG, NUMBER, TEXT, WHOLE, record
from mock_akool.core.clock import LATEST_NS, SteeredClock, VirtualClock
from mock_akool.core.dates import iso
from mock_akool.core.schema import Field, number, one_of, whole

CLOCK: Final = record(
    {
        "now_ns": ("the instant, in epoch nanoseconds", WHOLE),
        "now": ("the same as text, in UTC", TEXT),
        "frozen": ("whether it stands still", FLAG),
        "speed": ("how many of its seconds pass in one of the machine's", NUMBER),
        "virtual": ("whether it moves only when it is moved, and cannot run by itself", FLAG),
    }
)
_WHOSE: Final = "with until: the API key of the account whose jobs or webhooks count"


def show_clock(request: AdminRequest) -> dict[str, Any]:
    """Show what the clock says and how it runs."""
    clock = request.engine.clock
    now_ns = clock.now_ns()
    match clock:
        case SteeredClock():
            speed = clock.speed
        case VirtualClock():
            speed = 0.0
        case _:
            speed = 1.0
    return {
        "now_ns": now_ns,
        "now": iso(now_ns),
        "frozen": not speed,
        "speed": speed,
        "virtual": isinstance(clock, VirtualClock),
    }


def freeze(request: AdminRequest) -> Any:
    """Stop the clock."""
    clock = _movable(request)
    if isinstance(clock, SteeredClock):
        clock.freeze()
    return show_clock(request)


def resume(request: AdminRequest) -> Any:
    """Let the clock run at the machine's speed."""
    _running(request).resume()
    return show_clock(request)


def set_speed(request: AdminRequest) -> Any:
    """Let the clock run faster or slower than the machine's."""
    _running(request).run_at(request.given["factor"])
    return show_clock(request)


def advance(request: AdminRequest) -> Any:
    """Move the clock forward."""
    clock, given = _movable(request), request.given
    if given["seconds"] is not None:
        clock.advance(given["seconds"])
    elif given["to_ns"] is not None:
        clock.advance_to(given["to_ns"])
    elif given["until"] == "change":
        next_ns = request.engine.next_change_ns(clock.now_ns(), request.account)
        if next_ns is not None:
            clock.advance_to(next_ns)
    elif given["until"] == "webhook":
        _advance_to_webhook(request, clock)
    else:
        request.fake.run_until_idle(request.account)
    request.fake.carry_due()
    return show_clock(request)


def _advance_to_webhook(request: AdminRequest, clock: SteeredClock | VirtualClock) -> None:
    """Move the clock to where the next webhook is sent, or was lost; it stays when none is to come."""
    request.fake.carry_due()
    engine = request.engine
    is_found = False
    while not is_found:
        # In this order: what is made in between counts as new.
        known = engine.outbox.count
        due_ns = engine.outbox.next_ns_of(request.account)
        if due_ns is None:
            return
        clock.advance_to(due_ns)
        request.fake.carry_due()
        mine = [each for each in engine.outbox.entries(request.account) if each.number > known]
        # A change of status makes a webhook; a fault may let it fall due later.
        is_found = not mine or any(each.due_ns <= due_ns for each in mine)


def _movable(request: AdminRequest) -> SteeredClock | VirtualClock:
    clock = request.engine.clock
    if not isinstance(clock, (SteeredClock, VirtualClock)):
        raise AdminError(
            409, "this fake runs on the machine's clock", "Start it by `mock-akool serve`, or with a SteeredClock"
        )
    return clock


def _running(request: AdminRequest) -> SteeredClock:
    clock = _movable(request)
    if not isinstance(clock, SteeredClock):
        raise AdminError(409, "this fake's clock is virtual and moves only when it is moved", "Advance it")
    return clock


ROUTES: Final[Routes] = {
    ("GET", "/_mock/clock"): Route(
        "Show the clock, which all accounts share",
        show_clock,
        CLOCK,
        SHARED_QUERY,
    ),
    ("POST", "/_mock/clock/freeze"): Route(
        "Stop the clock",
        freeze,
        CLOCK,
        SHARED_QUERY,
        SHARED_BODY,
    ),
    ("POST", "/_mock/clock/resume"): Route(
        "Let the clock run at the machine's speed",
        resume,
        CLOCK,
        SHARED_QUERY,
        SHARED_BODY,
    ),
    ("POST", "/_mock/clock/speed"): Route(
        "Let the clock run faster or slower",
        set_speed,
        CLOCK,
        SHARED_QUERY,
        body(
            account=SHARED_ACCOUNT,
            factor=Field(
                number(0, 1_000_000, "a number from 0 to 1,000,000"), "how many of its seconds pass in one second"
            ),
            needed=("factor",),
        ),
    ),
    ("POST", "/_mock/clock/advance"): Route(
        "Move the clock forward; all accounts share it",
        advance,
        CLOCK,
        query(account=account_of_query(_WHOSE)),
        body(
            account=account(_WHOSE),
            seconds=Field(SECONDS, "by how much"),
            until=Field(
                one_of(("idle", "change", "webhook")),
                "idle: to where nothing changes any more by time alone; change: to where a job's status changes next; "
                "webhook: to where the next webhook, or the "
                "next attempt at one, falls due, if there is one to come",
            ),
            to_ns=Field(
                whole(0, LATEST_NS),
                "to this instant, in epoch nanoseconds; one that is past moves nothing. JavaScript's numbers do not "
                "hold it exactly",
            ),
            one_of=("seconds", "until", "to_ns"),
        ),
    ),
}
