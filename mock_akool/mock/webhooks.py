"""The webhooks of a fake as tests read and script them, wherever the fake runs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Self

from mock_akool.akool.deliveries import Delivery, DeliveryState
from mock_akool.akool.families import CREATES
from mock_akool.akool.jobs import Job
from mock_akool.core.clock import NS_PER_S, MovableClock
from mock_akool.core.errors import Mistakes, MockAkoolError, ScenarioError
from mock_akool.core.schema import unknown_key
from mock_akool.core.timeline import Status
from mock_akool.core.webhook_faults import WEBHOOK, WEBHOOK_FAULT, WEBHOOK_STATUS, WebhookRule, check_webhook_rule
from mock_akool.mock.job_scripts import read_api_key
from mock_akool.mock.records import Records
from mock_akool.webhooks.dispatcher import describe

_WHICH: Final = ("status", "job", "api_key", "times")
"""What says to which webhooks a fault applies."""


class Deliveries(Records[Delivery, "Deliveries"]):
    """Deliveries of webhooks, in the order they were made. Filters return new Deliveries."""

    noun, plural = "delivery", "deliveries"
    _line = staticmethod(describe)

    def for_job(self, job: Any) -> Deliveries:
        """Return those of a job, given by its `_id`, its record, its handle or the `data` of a response."""
        job_id = id_of(job)
        return self._where(f" of job {job_id}", lambda each: each.job_id == job_id)

    def with_status(self, status: Status | int | str) -> Deliveries:
        """Return those that were sent for a job's change to this status: `"processing"`, `"completed"` or `"failed"`.

        A number (2, 3 or 4) does as well. Raises MockAkoolError for what is none of them.
        """
        wanted = webhook_status(status)
        return self._where(f" of status {wanted.word}", lambda each: each.status is wanted)

    def in_state(self, state: str) -> Deliveries:
        """Return those that are in a state, such as `delivered` or `given up`."""
        wanted = state_of(state)
        return self._where(f" in state {str(wanted)!r}", lambda each: each.state is wanted)

    def to(self, url: str) -> Deliveries:
        """Return those that go to a URL."""
        return self._where(f" to {url}", lambda each: each.url == url)

    def by_account(self, api_key: str) -> Deliveries:
        """Return those for the jobs of the account with this API key."""
        return self._where(" of that account", lambda each: each.account == api_key)


class Webhooks(Deliveries, ABC):
    """The webhooks of a fake: what was sent, where they go, and which faults they get.

    It is the sequence of the deliveries until now, with the filters of Deliveries; `deliveries` is that sequence as it
    is now, which does not change any more.
    """

    def __init__(self, api_key: str | None) -> None:
        super().__init__(())
        self._api_key = api_key
        """The API key of the account that this is all about; None: of all."""

    @abstractmethod
    def of_account(self, api_key: str) -> Self:
        """Return the same for the jobs of one account (by API key): what was sent, where to, and what goes wrong."""

    # What was sent

    @property
    def deliveries(self) -> Deliveries:
        """The deliveries until now, in the order they were made; as many as `call_log_size` says."""
        which = "" if self._api_key is None else " of this account"
        return Deliveries(self._made(), which, why_none=self._why_no_delivery)

    def _snapshot(self) -> Deliveries:
        return self.deliveries

    __hash__ = object.__hash__

    def assert_delivered(self, job: Any, status: Status | int | str = Status.COMPLETED) -> Delivery:
        """Return the delivery of a job's status that was answered with HTTP 200.

        An AssertionError says what became of the job's webhooks when there is none.
        """
        __tracebackhide__ = True
        job_id, wanted = id_of(job), webhook_status(status)
        found = self.deliveries.for_job(job_id)
        for each in found.with_status(wanted):
            if each.delivered:
                return each
        raise AssertionError(self._why_not(job_id, wanted, found))

    def wait_for_delivery(
        self, job: Any = None, status: Status | int | str | None = None, timeout: float = 5.0
    ) -> Delivery:
        """Wait until a webhook was answered with HTTP 200, of that job and status if given, and return its delivery.

        `timeout` is in seconds: of a virtual clock, which is moved and not waited for, else real ones, also when the
        clock of a server is frozen. An AssertionError tells what there is when none came.
        """
        __tracebackhide__ = True
        _check_timeout(timeout)
        wanted = None if status is None else webhook_status(status)
        job_id = None if job is None else id_of(job)
        self._begin_to_wait()
        found = self._awaited(job_id, wanted, timeout)
        if found is not None:
            return found
        which = f" of job {job_id}" if job_id else ""
        of_status = f" of status {wanted.word}" if wanted is not None else ""
        still = (
            ", while the clock stands still, which `clock.advance(…)` moves and `clock.resume()` lets run"
            if self._stands_still
            else ""
        )
        made = self.deliveries if job_id is None else self.deliveries.for_job(job_id)
        there = made.listed() if len(made) else "; none was made"
        raise AssertionError(f"no webhook{which}{of_status} was delivered within {timeout:g} s{still}{there}")

    def _awaited(self, job_id: str | None, status: Status | None, timeout_s: float) -> Delivery | None:
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
        """Send nothing: each webhook counts as taken when it falls due. The default in process."""

    def deliver_to(self, target: Callable[..., Any]) -> None:
        """Give webhooks to a WSGI app, an ASGI app, or a function of one argument, in this process.

        A function is given the request, with `headers`, `body` and `json`, and returns an HTTP status, or nothing
        for 200. What the receiver raises is HTTP 500; an AssertionError is raised again by `verify`, so that the test
        fails. Raises MockAkoolError when `target` is none of these, and when the fake runs in another process.
        """
        __tracebackhide__ = True
        if isinstance(target, str):
            raise MockAkoolError(
                f"deliver_to({target!r}): this takes an app or a function of this process, not a URL",
                "Let your client give the URL when it creates a job, and call `webhooks.send_over_http()`",
            )
        self._deliver_to(target)

    @abstractmethod
    def send_over_http(self) -> None:
        """Send webhooks to their URLs over HTTP. The default of live servers."""

    # What is done with them

    def resend(self, delivery: Delivery | None = None) -> Delivery:
        """Send the body of a delivery again, by default of the newest one; returns the new delivery.

        Raises MockAkoolError for one that was never sealed, or is not in the log any more.
        """
        return self._resent(self.last if delivery is None else delivery)

    def fault(
        self,
        *,
        status: Status | int | str | None = None,
        job: Any = None,
        api_key: str | None = None,
        times: int | None = 1,
        **fault: Any,
    ) -> None:
        """Make the next webhook go wrong, or the next `times` (None: all), of this status, job and account.

        The faults are the fields of `WebhookFault`, such as `copies=2` or `envelope="wrong signature"`. Of several
        faults that fit, the first applies, and they go before those of scenarios. Raises ScenarioError for a wrong
        name or value.
        """
        __tracebackhide__ = True
        self._check_source()
        mistakes, known = Mistakes(), (*WEBHOOK_FAULT.fields, *_WHICH)
        mistakes.found += (unknown_key(name, known, (), "argument") for name in fault if name not in known)
        which = {"status": status, "job": None if job is None else id_of(job), "times": times}
        read = {
            name: mistakes.read(WEBHOOK.fields[name].shape, value, (name,))
            for name, value in which.items()
            if value is not None
        }
        what = mistakes.read(WEBHOOK_FAULT, {name: fault[name] for name in fault if name in known}, ())
        if api_key is not None:
            read_api_key(api_key, mistakes)
        mistakes.raise_any(ScenarioError)
        rule = WebhookRule(fault=what, **read)
        check_webhook_rule(rule)
        self._add_fault(rule, self._api_key or api_key)

    # What each does in its own way

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
    def _jobs(self) -> Sequence[Job]:
        """The jobs that this is about, in the order of their creation."""

    @abstractmethod
    def _made(self) -> Iterable[Delivery]:
        """Return the deliveries until now."""

    @abstractmethod
    def _deliver_to(self, target: Callable[..., Any]) -> None:
        """Give webhooks to an app or a function."""

    @abstractmethod
    def _begin_to_wait(self) -> None:
        """Wait for what is under way on a virtual clock, which would be moved past it otherwise."""

    @abstractmethod
    def _look(self, job_id: str | None, status: Status | None) -> tuple[Delivery | None, int | None]:
        """Return the first delivered webhook of that job and status, and the instant when the next one falls due."""

    @abstractmethod
    def _awaited_in_real_time(self, job_id: str | None, status: Status | None, timeout_s: float) -> Delivery | None:
        """Return the first delivered webhook of that job and status, waited for up to `timeout_s`, or None."""

    @abstractmethod
    def _resent(self, delivery: Delivery) -> Delivery:
        """Send the body of a delivery again; MockAkoolError when that cannot be."""

    @abstractmethod
    def _add_fault(self, rule: WebhookRule, account: str | None) -> None:
        """Add a fault, for an account or for all."""

    @abstractmethod
    def _check_source(self) -> None:
        """Raise when the fake may not be scripted this way."""

    def _why_no_delivery(self) -> str:
        jobs = self._jobs
        if not jobs:
            return "no job was created"
        if not any(job.webhook_url for job in jobs):
            return f"no job was created with a webhook URL{_webhook_field(jobs[-1])}"
        return "none is due yet; has the clock moved far enough?"

    def _why_not(self, job_id: str, status: Status, found: Deliveries) -> str:
        head = f"expected a webhook of job {job_id}, status {status.word}, to be delivered"
        jobs = self._jobs
        job = next((each for each in jobs if each.id == job_id), None)
        if job is None:
            known = ", ".join(each.id for each in jobs[-5:]) or "none"
            return f"{head}, but there is no such job; the newest are: {known}"
        if not job.webhook_url:
            return f"{head}, but the job was created without a webhook URL{_webhook_field(job)}"
        if len(found):
            return f"{head}{found.listed()}"
        return f"{head}, but none is due yet; has the clock moved far enough?"


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
            f"there is no state {state!r} of a delivery", f"The states are {', '.join(DeliveryState)}"
        ) from None


def webhook_status(status: object) -> Status:
    """Return a status that webhooks report, by its word or its number; raises SettingsError for another."""
    wanted: Status = WEBHOOK_STATUS.read(status, ("status",))
    return wanted


def _check_timeout(timeout: object) -> None:
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 <= timeout < math.inf:
        raise MockAkoolError(f"timeout={timeout!r} is no time to wait", "Give a finite number of seconds, 0 or more")


def _webhook_field(job: Job) -> str:
    field = CREATES[job.endpoint].webhook_field
    return f" (the field is `{field}` there)" if field else f" ({job.endpoint} sends none)"
