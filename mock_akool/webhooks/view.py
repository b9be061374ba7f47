"""Callbacks as tests read them: a sequence of deliveries with filters and assertions that explain themselves."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, overload

from mock_akool.core.clock import NS_PER_S, VirtualClock
from mock_akool.core.codes import Status
from mock_akool.core.deliveries import Delivery, DeliveryState
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.models import Job
from mock_akool.core.webhook_faults import WebhookFault, WebhookRule
from mock_akool.webhooks.courier import COLLECT, HTTP, Courier, Way, describe
from mock_akool.webhooks.receivers import is_delivering, receiver_of

_SHOWN: Final = 20


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
            raise AssertionError(f"expected {count} callback{plural}{self._said}, got {len(self)}{self._listed()}")

    def assert_none(self) -> None:
        """Raise an AssertionError that lists the callbacks if there are any."""
        self.assert_count(0)

    def _where(self, said: str, deliveries: Iterable[Delivery]) -> Deliveries:
        return Deliveries(deliveries, self._said + said)

    def _listed(self) -> str:
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
        return f"<{len(self)} callback{'' if len(self) == 1 else 's'}{self._said}{self._listed()}>"


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


class Webhooks:
    """The callbacks of a fake: what was sent, where they go, and what shall go wrong.

    It is a sequence of the deliveries until now, as Deliveries is, and has its filters.
    """

    def __init__(
        self, courier: Courier, account: str | None = None, check_source: Callable[[], None] = lambda: None
    ) -> None:
        self._courier = courier
        self._account = account
        """The API key of the account that this is all about; None: of all."""
        self._check_source = check_source
        """Raises when Python calls may not script the fake."""

    def of_account(self, api_key: str) -> Webhooks:
        """Return the same for the jobs of one account (by API key): what was sent, where to, and what goes wrong."""
        return Webhooks(self._courier, api_key, self._check_source)

    # What was sent

    @property
    def deliveries(self) -> Deliveries:
        """The deliveries until now, in the order they were made; as many as `journal_size` says."""
        courier = self._courier
        courier.flush(wait=False)
        with courier.engine.lock:
            entries = courier.outbox.entries()
        found = Deliveries(entries)
        return (
            found if self._account is None else Deliveries(found.by_account(self._account), " of this test's account")
        )

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
        if is_delivering():
            raise MockAkoolError("a receiver cannot wait for callbacks: none is sent before it is done")
        job_id = None if job is None else id_of(job)
        courier, clock = self._courier, self._courier.clock
        told_ns = clock.now_ns if isinstance(clock, VirtualClock) else time.perf_counter_ns
        deadline_ns = told_ns() + round(timeout * NS_PER_S)
        while True:
            told = courier.news()
            found = [
                each
                for each in self.deliveries
                if each.delivered and job_id in (None, each.job_id) and status in (None, each.status)
            ]
            if found:
                return found[0]
            left_ns = deadline_ns - told_ns()
            if left_ns <= 0:
                break
            due_ns = courier.outbox.next_ns
            if not isinstance(clock, VirtualClock):
                # What is only collected falls due without any news.
                wait_ns = left_ns if due_ns is None else min(left_ns, max(due_ns - clock.now_ns(), NS_PER_S // 1000))
                courier.wait_for_news(told, wait_ns / NS_PER_S)
                continue
            clock.advance_to(deadline_ns if due_ns is None else min(deadline_ns, due_ns))
        which = f" of job {job_id}" if job_id else ""
        of_status = f" of status {int(status)}" if status is not None else ""
        raise AssertionError(f"no callback{which}{of_status} was delivered within {timeout:g} s{self._told(job_id)}")

    # Where they go

    def collect(self) -> None:
        """Call nobody: each callback counts as taken when it falls due. The default in process."""
        self._courier.carry_by(COLLECT, self._account)

    def deliver_to(self, target: Callable[..., Any]) -> None:
        """Give callbacks to a WSGI app, an ASGI app, or a function of one argument, in this process.

        A function is given the request, with `headers`, `body` and `json`, and returns an HTTP status, or nothing
        for 200. What the receiver raises is HTTP 500. Raises MockAkoolError when it is none of these.
        """
        self._courier.carry_by(Way("call", receiver_of(target)), self._account)

    def send_over_http(self) -> None:
        """Send callbacks to their URLs over HTTP. The default of live servers."""
        self._courier.carry_by(HTTP, self._account)

    # What is done with them

    def resend(self, delivery: Delivery | None = None) -> Delivery:
        """Send the body of a delivery again, by default of the newest one; returns the new delivery."""
        original = self.last if delivery is None else delivery
        courier = self._courier
        with courier.engine.lock:
            copy = courier.outbox.resend(original.number, courier.clock.now_ns())
        if copy is None:
            raise MockAkoolError(
                f"callback #{original.number} cannot be sent again: it is {original.state}",
                "It is not in the journal any more, or was never sealed",
            )
        courier.flush()
        with courier.engine.lock:
            return courier.outbox.entry(copy.number) or copy

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
        whose = self._account or account
        rule = WebhookRule(
            fault=WebhookFault.of(fault),
            status=None if status is None else Status(status),
            job=None if job is None else id_of(job),
            account=None if whose is None else _literal(whose),
            times=times,
        )
        with self._courier.engine.lock:
            self._courier.engine.director.add_webhook_rule(rule)

    def _told(self, job_id: str | None) -> str:
        found = self.deliveries if job_id is None else self.deliveries.for_job(job_id)
        if len(found):
            return found._listed()
        return "; none was made"

    def _why_not(self, job_id: str, status: int, found: Deliveries) -> str:
        head = f"expected a callback of job {job_id}, status {int(status)}, to be delivered"
        with self._courier.engine.lock:
            job = self._courier.engine.job(job_id)
            known = ", ".join(each.id for each in self._courier.engine.jobs()[-5:]) or "none"
        if job is None:
            return f"{head}, but there is no such job; the newest are: {known}"
        if not job.request.callback_url:
            return f"{head}, but the job was created without a callback URL{_spelling(job)}"
        if len(found):
            return f"{head}{found._listed()}"
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


def _literal(text: str) -> str:
    """Return the pattern that fits this text only."""
    return re.sub(r"([*?[])", r"[\1]", text)


def _spelling(job: Job) -> str:
    from mock_akool.core.models import CreateV4

    name = "webhookurl" if isinstance(job.request, CreateV4) else "webhookUrl"
    return f" (the field is `{name}` there)"


Sequence.register(Webhooks)
