"""What all views of callbacks share, wherever the fake runs: the sequence of deliveries, its filters and its words."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Protocol, Self, overload

from mock_akool.akool.deliveries import Delivery, DeliveryState
from mock_akool.akool.families import CREATES
from mock_akool.akool.jobs import Job
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.errors import MockAkoolError, ScenarioError
from mock_akool.core.schema import unknown_key
from mock_akool.core.timeline import Status
from mock_akool.core.webhook_faults import WEBHOOK, WEBHOOK_FAULT, WebhookFault, WebhookRule
from mock_akool.webhooks.dispatcher import describe

_SHOWN: Final = 20
_WHICH: Final = ("status", "job", "account", "times")
"""What says which callbacks a fault befalls."""
_TOLD_OF: Final = (Status.PROCESSING, Status.COMPLETED, Status.FAILED)


class Deliveries:
    """Deliveries, in the order they were made. Filters return new Deliveries; otherwise it works as a tuple does."""

    def __init__(self, deliveries: Iterable[Delivery], said: str = "") -> None:
        self._deliveries = tuple(deliveries)
        self._said = said

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._deliveries)

    @property
    def last(self) -> Delivery:
        """The newest one; an AssertionError when there is none."""
        if not self._deliveries:
            raise AssertionError(f"there is no callback{self._said}")
        return self._deliveries[-1]

    def for_job(self, job: Any) -> Deliveries:
        """Return those of a job, given by its `_id`, its record or its handle."""
        job_id = id_of(job)
        return self._where(f" of job {job_id}", (each for each in self if each.job_id == job_id))

    def with_status(self, status: int) -> Deliveries:
        """Return those that were sent for a job's change to this status: 2, 3 or 4."""
        return self._where(f" of status {int(status)}", (each for each in self if each.status == status))

    def in_state(self, state: str) -> Deliveries:
        """Return those that are in a state, such as `delivered` or `given up`."""
        wanted = state_of(state)
        return self._where(f" in state {str(wanted)!r}", (each for each in self if each.state is wanted))

    def to(self, url: str) -> Deliveries:
        """Return those that go to a URL."""
        return self._where(f" to {url}", (each for each in self if each.url == url))

    def by_account(self, api_key: str) -> Deliveries:
        """Return those for the jobs of the account with this API key."""
        return self._where(" of that account", (each for each in self if each.account == api_key))

    def assert_count(self, count: int) -> None:
        """Raise an AssertionError that lists the callbacks unless there are `count` of them."""
        if len(self) != count:
            plural = "" if count == 1 else "s"
            raise AssertionError(f"expected {count} callback{plural}{self._said}, got {len(self)}{self.listed()}")

    def assert_none(self) -> None:
        """Raise an AssertionError that lists the callbacks if there are any."""
        self.assert_count(0)

    def _where(self, said: str, deliveries: Iterable[Delivery]) -> Deliveries:
        return Deliveries(deliveries, self._said + said)

    def listed(self) -> str:
        """Return the newest ones, a line each, as the end of a message: empty when there is none."""
        shown = self._deliveries[-_SHOWN:]
        left_out = f"\n  ({len(self) - len(shown)} earlier ones left out)" if len(shown) < len(self) else ""
        return "".join([":" if shown else "", left_out, *(f"\n  {describe(each)}" for each in shown)])

    def __len__(self) -> int:
        return len(self._deliveries)

    def __iter__(self) -> Iterator[Delivery]:
        return iter(self._deliveries)

    @overload
    def __getitem__(self, index: int) -> Delivery: ...
    @overload
    def __getitem__(self, index: slice) -> Deliveries: ...
    def __getitem__(self, index: int | slice) -> Delivery | Deliveries:
        if isinstance(index, slice):
            return Deliveries(self._deliveries[index], self._said)
        return self._deliveries[index]

    def __contains__(self, delivery: object) -> bool:
        return delivery in self._deliveries

    def __eq__(self, other: object) -> bool:
        return self._deliveries == (other._deliveries if isinstance(other, Deliveries) else other)

    def __hash__(self) -> int:
        return hash(self._deliveries)

    def __repr__(self) -> str:
        return f"<{len(self)} callback{'' if len(self) == 1 else 's'}{self._said}{self.listed()}>"


Sequence.register(Deliveries)


def id_of(job: Any) -> str:
    """Return the `_id` of what names a job: the id itself, a record, a handle, or the `data` of an answer."""
    if isinstance(job, str):
        return job
    found = job.get("_id") if isinstance(job, dict) else getattr(job, "id", None)
    if not isinstance(found, str):
        raise MockAkoolError(f"{job!r} is no job", "Give its `_id`, or what `mock.jobs` or `mock.job(...)` return")
    return found


def state_of(state: str) -> DeliveryState:
    """Return the state of this name; raises MockAkoolError."""
    try:
        return DeliveryState(state)
    except ValueError:
        raise MockAkoolError(
            f"there is no state {state!r} of a callback", f"The states are {', '.join(DeliveryState)}"
        ) from None


class MovableClock(Protocol):
    """A clock that moves only when it is moved, here or elsewhere."""

    def now_ns(self) -> int:
        """Return the present instant in nanoseconds since the epoch."""
        ...

    def advance_to(self, instant_ns: int) -> None:
        """Move the clock on to an instant; what falls due on the way is carried on the way."""
        ...


class AnyWebhooks(ABC):
    """The callbacks of a fake: what was sent, where they go, and what shall go wrong.

    It is a sequence of the deliveries until now, as Deliveries is, and has its filters.
    """

    _account: str | None
    """The API key of the account that this is all about; None: of all."""

    @abstractmethod
    def of_account(self, api_key: str) -> Self:
        """Return the same for the jobs of one account (by API key): what was sent, where to, and what goes wrong."""

    # What was sent

    @property
    @abstractmethod
    def deliveries(self) -> Deliveries:
        """The deliveries until now, in the order they were made; as many as `journal_size` says."""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.deliveries)

    @property
    def last(self) -> Delivery:
        """The newest one; an AssertionError when there is none."""
        return self.deliveries.last

    def for_job(self, job: Any) -> Deliveries:
        """Return those of a job, given by its `_id`, its record or its handle."""
        return self.deliveries.for_job(job)

    def with_status(self, status: int) -> Deliveries:
        """Return those that were sent for a job's change to this status: 2, 3 or 4."""
        return self.deliveries.with_status(status)

    def in_state(self, state: str) -> Deliveries:
        """Return those that are in a state, such as `delivered` or `given up`."""
        return self.deliveries.in_state(state)

    def to(self, url: str) -> Deliveries:
        """Return those that go to a URL."""
        return self.deliveries.to(url)

    def by_account(self, api_key: str) -> Deliveries:
        """Return those for the jobs of the account with this API key."""
        return self.deliveries.by_account(api_key)

    def assert_delivered(self, job: Any, status: int = Status.COMPLETED) -> Delivery:
        """Return the delivery of a job's status that was answered with HTTP 200.

        An AssertionError says what became of the job's callbacks when there is none.
        """
        job_id = id_of(job)
        found = self.deliveries.for_job(job_id)
        for each in found.with_status(status):
            if each.delivered:
                return each
        raise AssertionError(self._why_not(job_id, status, found))

    def wait_for_delivery(self, job: Any = None, status: int | None = None, timeout: float = 5.0) -> Delivery:
        """Wait until a callback was answered with HTTP 200, of that job and status if given, and return it.

        `timeout` is in seconds: of a virtual clock, which is moved and not waited for, else real ones, also when the
        clock of a server is frozen. An AssertionError tells what there is when none came.
        """
        _check_timeout(timeout)
        _check_status(status)
        job_id = None if job is None else id_of(job)
        self._begin_to_wait()
        found = self._awaited(job_id, status, timeout)
        if found is not None:
            return found
        which = f" of job {job_id}" if job_id else ""
        of_status = f" of status {int(status)}" if status is not None else ""
        still = (
            ", while the clock stands still, which `clock.advance(…)` moves and `clock.resume()` lets run"
            if self._stands_still
            else ""
        )
        told = self.deliveries if job_id is None else self.deliveries.for_job(job_id)
        there = told.listed() if len(told) else "; none was made"
        raise AssertionError(f"no callback{which}{of_status} was delivered within {timeout:g} s{still}{there}")

    def _awaited(self, job_id: str | None, status: int | None, timeout_s: float) -> Delivery | None:
        clock = self._virtual_clock
        if clock is None:
            return self._awaited_in_real_time(job_id, status, timeout_s)
        deadline_ns = clock.now_ns() + round(timeout_s * NS_PER_S)
        while True:
            found, due_ns = self._look(job_id, status)
            if found is not None or clock.now_ns() >= deadline_ns:
                return found
            clock.advance_to(deadline_ns if due_ns is None else min(deadline_ns, due_ns))

    # Where they go

    @abstractmethod
    def collect(self) -> None:
        """Request nobody: each callback counts as taken when it falls due. The default in process."""

    @abstractmethod
    def deliver_to(self, target: Callable[..., Any]) -> None:
        """Give callbacks to a WSGI app, an ASGI app, or a function of one argument, in this process.

        A function is given the request, with `headers`, `body` and `json`, and returns an HTTP status, or nothing
        for 200. What the receiver raises is HTTP 500. Raises MockAkoolError when it is none of these, and when the
        fake runs in another process.
        """

    @abstractmethod
    def send_over_http(self) -> None:
        """Send callbacks to their URLs over HTTP. The default of live servers."""

    # What is done with them

    def resend(self, delivery: Delivery | None = None) -> Delivery:
        """Send the body of a delivery again, by default of the newest one; returns the new delivery.

        Raises MockAkoolError for one that was never sealed, or is not in the journal any more.
        """
        return self._resent(self.last if delivery is None else delivery)

    def fault(
        self,
        *,
        status: int | None = None,
        job: Any = None,
        account: str | None = None,
        times: int | None = 1,
        **fault: Any,
    ) -> None:
        """Let a fault befall the next callback, or the next `times` (None: all) of this status, job, account.

        The faults are the fields of `WebhookFault`, such as `copies=2` or `envelope="wrong signature"`. Of several
        calls that fit, the first counts, and they go before scenarios. Raises ScenarioError for a wrong name or value.
        """
        self._check_source()
        _check_status(status)
        for name in fault:
            if name not in WEBHOOK_FAULT.fields:
                raise unknown_key(name, (*WEBHOOK_FAULT.fields, *_WHICH), ())
        rule = WebhookRule(
            fault=WebhookFault.of(fault),
            status=None if status is None else Status(status),
            job=None if job is None else id_of(job),
            times=None if times is None else WEBHOOK.fields["times"].shape.read(times, ("times",)),
        )
        self._add_fault(rule, self._account or account)

    # What each view does in its own way

    @property
    @abstractmethod
    def _virtual_clock(self) -> MovableClock | None:
        """The fake's clock when it is virtual, else None."""

    @property
    @abstractmethod
    def _stands_still(self) -> bool:
        """Whether the clock is one that runs, and was frozen."""

    @property
    @abstractmethod
    def _jobs(self) -> tuple[Job, ...]:
        """The jobs that this is about, in the order of their creation."""

    @abstractmethod
    def _begin_to_wait(self) -> None:
        """Wait for what is under way on a virtual clock, which would be moved past it otherwise."""

    @abstractmethod
    def _look(self, job_id: str | None, status: int | None) -> tuple[Delivery | None, int | None]:
        """Return the first delivered callback of that job and status, and the instant when the next one falls due."""

    @abstractmethod
    def _awaited_in_real_time(self, job_id: str | None, status: int | None, timeout_s: float) -> Delivery | None:
        """Return the first delivered callback of that job and status, waited for up to `timeout_s`, or None."""

    @abstractmethod
    def _resent(self, delivery: Delivery) -> Delivery:
        """Send the body of a delivery again; MockAkoolError when that cannot be."""

    @abstractmethod
    def _add_fault(self, rule: WebhookRule, account: str | None) -> None:
        """Put a fault in force, for an account or for all."""

    @abstractmethod
    def _check_source(self) -> None:
        """Raise when the fake may not be scripted this way."""

    def _why_not(self, job_id: str, status: int, found: Deliveries) -> str:
        head = f"expected a callback of job {job_id}, status {int(status)}, to be delivered"
        jobs = self._jobs
        job = next((each for each in jobs if each.id == job_id), None)
        if job is None:
            known = ", ".join(each.id for each in jobs[-5:]) or "none"
            return f"{head}, but there is no such job; the newest are: {known}"
        if not job.webhook_url:
            return f"{head}, but the job was created without a callback URL{_spelling(job)}"
        if len(found):
            return f"{head}{found.listed()}"
        return f"{head}, but none is due yet; has the clock moved far enough?"

    # As a sequence

    def __len__(self) -> int:
        return len(self.deliveries)

    def __iter__(self) -> Iterator[Delivery]:
        return iter(self.deliveries)

    @overload
    def __getitem__(self, index: int) -> Delivery: ...
    @overload
    def __getitem__(self, index: slice) -> Deliveries: ...
    def __getitem__(self, index: int | slice) -> Delivery | Deliveries:
        return self.deliveries[index]

    def __repr__(self) -> str:
        return repr(self.deliveries)


Sequence.register(AnyWebhooks)  # type: ignore[type-abstract]


def _check_timeout(timeout: object) -> None:
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 <= timeout < math.inf:
        raise MockAkoolError(f"timeout={timeout!r} is no time to wait", "Give a finite number of seconds, 0 or more")


def _check_status(status: int | None) -> None:
    if status is not None and status not in _TOLD_OF:
        raise ScenarioError(f"{status!r} is not usable", "It takes 2, 3 or 4: what callbacks tell of", ("status",))


def _spelling(job: Job) -> str:
    return f" (the field is `{CREATES[job.endpoint].webhook_field}` there)"
