"""The outbox: which callbacks are due, what became of them, and when they are tried again (contract section 9).

It sends nothing and knows no clock. Whoever carries callbacks asks `take` what is due by an instant, and tells `finish`
how each try went. All of it is under the engine's lock, but for `next_ns`, which may be read without.

A heap holds one entry for each job whose next change of status is known, and one for each try to come, so what is due
costs as much as is due, however many jobs there are.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Collection, Container, Iterable
from dataclasses import replace
from typing import Final, NamedTuple, Protocol

from mock_akool.akool.codes import AES_KEY_BYTES
from mock_akool.akool.deliveries import Delivery, DeliveryState, Draft, Try
from mock_akool.akool.envelope import Wire
from mock_akool.akool.jobs import Job
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.clock import NS_PER_MS, NS_PER_S
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.rules import Subject
from mock_akool.core.timeline import Change, Status, changes
from mock_akool.core.webhook_faults import UNKNOWN_ID, ActiveWebhookRule, WebhookFault

Compose = Callable[[Draft], bytes]
"""Makes the body of a callback: the envelope, as JSON."""

_log = logging.getLogger("mock_akool")

_MAX_BODY_BYTES: Final = 64 << 20
"""What the kept bodies may add up to."""
_OK: Final = 200
_NO_FAULT: Final = WebhookFault()


class Listener(Protocol):
    """Whoever carries callbacks. Its methods are called under the engine's lock, and must not wait for anything."""

    def changed(self) -> None:
        """Something became due earlier than was known, or a try is over."""
        ...

    def forgotten(self) -> None:
        """All was forgotten: nothing of what was taken may still be sent."""
        ...

    def called_off(self, numbers: Collection[int]) -> None:
        """These deliveries were forgotten: what was taken of them may not be sent any more."""
        ...

    def account_forgotten(self, api_key: str) -> None:
        """All of an account was forgotten, and how its callbacks were to be carried."""
        ...


class Outcome(NamedTuple):
    """How a try went. `is_final`: it would go no better again."""

    started_ns: int
    ended_ns: int
    status: int | None = None
    error: str = ""
    is_final: bool = False


class _Due(NamedTuple):
    """An entry of the heap: a job's next change, or with a `number` the next try of a delivery."""

    at_ns: int
    order: int
    job_id: str
    version: int
    number: int


class _Post:
    """What the outbox knows of a job that wants callbacks."""

    __slots__ = ("awaited", "blocked", "busy", "held", "issued", "job", "released_by", "told", "version")

    def __init__(self, job: Job) -> None:
        self.job = job
        self.told: list[Status] = []
        """The changes that callbacks were made for."""
        self.awaited: Change | None = None
        """The next change, which an entry of the heap stands for."""
        self.version = 0
        self.issued = 0
        self.busy = False
        """Whether a try is under way: a job's tries are made one after the other."""
        self.blocked: list[_Due] = []
        self.held: list[int] = []
        """Deliveries that wait for the one of the end."""
        self.released_by: int | None = None


class Outbox:
    """The callbacks of one engine."""

    def __init__(
        self,
        settings: ServiceSettings,
        keyed_random: KeyedRandom,
        wire: Wire,
        compose: Compose,
        rules_for: Callable[[Job], Iterable[ActiveWebhookRule]] = lambda job: (),
        secret_of: Callable[[str], str] = lambda api_key: api_key,
    ) -> None:
        self._settings = settings
        self._keyed_random = keyed_random
        self._wire = wire
        self._compose = compose
        self._rules_for = rules_for
        self._secret_of = secret_of
        """Returns what of an API key the account's receiver knows as clientSecret."""
        self.listener: Listener | None = None
        self.edition = 0
        """Changes whenever the kept deliveries do, and never becomes what it was before. May be read without a lock."""
        self.reset(0)

    def reset(self, start_ns: int) -> None:
        """Forget all callbacks and faults."""
        self._start_ns = start_ns
        self.edition += 1
        self._posts: dict[str, _Post] = {}
        self._heap: list[_Due] = []
        self._order = 0
        self._call_log: dict[int, Delivery] = {}
        self._body_bytes = 0
        self._pending: dict[int, Delivery] = {}
        self.count = 0
        """How many callbacks there ever were, those no longer kept included."""
        self.under_way: set[int] = set()
        """The numbers of the deliveries of which a try is under way."""
        self.next_ns: int | None = None
        """When there is next something to do, or None; tries under way do not count."""
        self.missed: set[str] = set()
        """Jobs whose end was to be told, and was not taken by the receiver."""
        if self.listener is not None:
            self.listener.forgotten()

    # What the engine tells

    def follow(self, job: Job) -> None:
        """Take note of a job that was made or changed; does nothing for one without a callback URL."""
        if not job.input.webhook_url:
            return
        post = self._posts.get(job.id)
        if post is None:
            post = self._posts[job.id] = _Post(job)
        post.job = job
        told = self._told(job)
        # What was told of a future that the job no longer has is told anew.
        same = 0
        while same < min(len(told), len(post.told)) and told[same].status is post.told[same]:
            same += 1
        del post.told[same:]
        self._await_change(post, told)
        self._settle()

    def forget(self, job_ids: Container[str]) -> None:
        """Forget the callbacks of these jobs, and call off the tries that are under way."""
        self._posts = {job_id: post for job_id, post in self._posts.items() if job_id not in job_ids}
        self._heap = [due for due in self._heap if due.job_id not in job_ids]
        heapq.heapify(self._heap)
        gone = {number for number, each in self._call_log.items() if each.job_id in job_ids}
        gone |= {number for number, each in self._pending.items() if each.job_id in job_ids}
        for number in gone:
            self._pending.pop(number, None)
            dropped = self._call_log.pop(number, None)
            self._body_bytes -= len(dropped.body) if dropped is not None else 0
        self.edition += 1
        called_off = self.under_way & gone
        self.under_way -= called_off
        self.missed = {job_id for job_id in self.missed if job_id not in job_ids}
        self._settle()
        if self.listener is not None and called_off:
            self.listener.called_off(called_off)

    def forget_account(self, api_key: str) -> None:
        """Let callbacks of an account be carried as those of a new one; its jobs must have been forgotten before."""
        if self.listener is not None:
            self.listener.account_forgotten(api_key)

    # What carriers ask and tell

    def take(self, now_ns: int, most: int | None = None) -> list[Delivery]:
        """Return the deliveries that are to be tried by `now_ns`, at most one of a job, in the order they are due.

        Each is under way until `finish` is told of it.
        """
        taken: list[Delivery] = []
        while self._heap and self._heap[0].at_ns <= now_ns and len(taken) != most:
            due = heapq.heappop(self._heap)
            post = self._posts[due.job_id]
            if not due.number:
                if due.version == post.version:
                    self._issue(post, due.at_ns)
            elif post.busy:
                post.blocked.append(due)
            elif (delivery := self._pending.get(due.number)) is not None:
                post.busy = True
                self.under_way.add(due.number)
                taken.append(delivery)
        self._settle()
        return taken

    def finish(self, number: int, outcome: Outcome) -> Delivery | None:
        """Take note of how a try went. Returns the delivery as it is now, or None when it was forgotten."""
        delivery = self._pending.get(number)
        if delivery is None:
            return None
        self.under_way.discard(number)
        post = self._posts[delivery.job_id]
        post.busy = False
        tries = (*delivery.tries, Try(*outcome[:4]))
        state, next_ns = DeliveryState.WAITING, None
        if outcome.status == _OK:
            state = DeliveryState.DELIVERED
        elif outcome.is_final:
            state = DeliveryState.REFUSED
        elif len(tries) > self._settings.webhook_retries:
            state = DeliveryState.GIVEN_UP
        else:
            next_ns = outcome.ended_ns + self._settings.webhook_retry_delay.ns * 2 ** (len(tries) - 1)
        delivery = replace(delivery, tries=tries, state=state, next_ns=next_ns)
        self._keep(delivery)
        if next_ns is not None:
            self._push(next_ns, post, number)
        for due in post.blocked:
            heapq.heappush(self._heap, due)
        post.blocked.clear()
        if post.released_by == number:
            self._release(post, outcome.ended_ns)
        self._settle()
        self._changed()
        return delivery

    def abandon(self) -> list[Delivery]:
        """Give up the deliveries that were made and not delivered yet; returns them in the order of their making.

        Changes to come stay what they are.
        """
        dropped = []
        for delivery in list(self._pending.values()):
            self.under_way.discard(delivery.number)
            post = self._posts[delivery.job_id]
            post.busy = False
            post.blocked.clear()
            post.held.clear()
            dropped.append(replace(delivery, state=DeliveryState.DROPPED, next_ns=None, why="the fake was stopped"))
            self._keep(dropped[-1])
        self._settle()
        return dropped

    # What people ask

    def entries(self, api_key: str | None = None) -> tuple[Delivery, ...]:
        """Return the kept deliveries, in the order they fell due; with an API key, those of that account."""
        kept = self._call_log.values()
        return tuple(kept if api_key is None else (each for each in kept if each.account == api_key))

    def entry(self, number: int) -> Delivery | None:
        """Return a delivery by its number, or None when it is not kept any more."""
        return self._call_log.get(number)

    def next_ns_of(self, api_key: str | None) -> int | None:
        """When there is next something to do for an account, or with None for any; None when there is nothing."""
        if api_key is None:
            return self.next_ns
        mine = (due for due in self._heap if self._posts[due.job_id].job.account.api_key == api_key)
        return min((due.at_ns for due in mine if not self._is_stale(due)), default=None)

    def owed(self, now_ns: int) -> set[str]:
        """Return the API keys of the accounts for which something is to be done by `now_ns`, or is under way."""
        due = (self._posts[each.job_id].job for each in self._heap if each.at_ns <= now_ns and not self._is_stale(each))
        sent = (self._pending[number].account for number in self.under_way if number in self._pending)
        return {*(job.account.api_key for job in due), *sent}

    def is_sending_for(self, api_key: str) -> bool:
        """Return whether a try of a callback of this account is under way."""
        return any(self._pending[number].account == api_key for number in self.under_way)

    def resend(self, number: int, now_ns: int) -> Delivery | None:
        """Send the body of a delivery again, as a delivery of its own; None when it is not kept any more."""
        original = self._call_log.get(number)
        if original is None or original.state is DeliveryState.NOT_SEALED:
            return None
        copy = self._add(
            replace(original, state=DeliveryState.WAITING, due_ns=now_ns, tries=(), why="", copy_of=number)
        )
        self._push(now_ns, self._posts[copy.job_id], copy.number)
        self._settle()
        return copy

    # Inside

    def _told(self, job: Job) -> list[Change]:
        """Return the changes of a job that callbacks tell of, as far as they are known."""
        least = Status.PROCESSING if self._settings.webhook_processing else Status.COMPLETED
        return [each for each in changes(job.timeline, job.created_ns, job.polls) if each.status >= least]

    def _await_change(self, post: _Post, told: list[Change]) -> None:
        change = told[len(post.told)] if len(post.told) < len(told) else None
        if change == post.awaited:
            return
        post.awaited = change
        post.version += 1
        if change is not None:
            settings = self._settings
            at_ns = max(post.job.created_ns, change.at_ns - settings.webhook_before_status.ns)
            self._push(at_ns + settings.webhook_after_status.ns, post, 0)

    def _push(self, at_ns: int, post: _Post, number: int) -> None:
        self._order += 1
        heapq.heappush(self._heap, _Due(at_ns, self._order, post.job.id, post.version, number))

    def _issue(self, post: _Post, due_ns: int) -> None:
        """Make the callback of the job's next change, and look out for the one after it."""
        told = self._told(post.job)
        status = told[len(post.told)].status
        post.told.append(status)
        post.awaited = None
        self._await_change(post, told)
        job, fault = post.job, self._fault_of(post.job, status)
        wrong = fault or _NO_FAULT
        serial, post.issued = post.issued, post.issued + 1
        delivery = Delivery(
            number=0,
            job_id=job.id,
            account=job.account.api_key,
            client_id=job.account.client_id,
            status=status,
            url=job.input.webhook_url,
            due_ns=due_ns + wrong.delay.ns,
            payload=self._payload(job, status, wrong, serial),
            body=b"",
            state=DeliveryState.WAITING,
            start_ns=self._start_ns,
            fault=fault,
        )
        secret = self._secret_of(job.account.api_key)
        why = _why_not_sealed(secret)
        if why and wrong.envelope != "plain JSON":
            self._add(replace(delivery, state=DeliveryState.NOT_SEALED, why=why))
            return
        nonce = f"{self._keyed_random.integer(0, 9999, 'nonce', job.id, serial):04}"
        timestamp_ms = (due_ns - wrong.age.ns) // NS_PER_MS
        draft = Draft(delivery.payload, delivery.client_id, secret, timestamp_ms, nonce, fault)
        try:
            delivery = replace(delivery, body=self._compose(draft))
        except Exception as bug:
            _log.exception("mock-akool bug while sealing a callback of job %s", job.id)
            why = f"mock-akool bug: {type(bug).__name__}: {bug}"
            self._add(replace(delivery, state=DeliveryState.NOT_SEALED, why=why))
            return
        if not wrong.copies:
            self._add(replace(delivery, state=DeliveryState.LOST, why="a fault lost it"))
            return
        first = self._add(delivery)
        copies = [self._add(replace(delivery, copy_of=first.number)) for _ in range(wrong.copies - 1)]
        for each in (first, *copies):
            if wrong.after_end and status < Status.COMPLETED:
                post.held.append(each.number)
            else:
                self._push(each.due_ns, post, each.number)
        if status >= Status.COMPLETED and post.held:
            post.released_by = first.number

    def _fault_of(self, job: Job, status: Status) -> WebhookFault | None:
        subject = Subject(job.account.api_key, job.id, job.number, job.look.prompt, status)
        for live in self._rules_for(job):
            if live.applies(subject):
                return live.rule.fault
        return None

    def _payload(self, job: Job, status: Status, wrong: WebhookFault, serial: int) -> bytes:
        claimed = wrong.claim_id or job.id
        if claimed == UNKNOWN_ID:
            claimed = self._keyed_random.object_id(job.created_ns // NS_PER_S, 0, "unknown job", job.id, serial)
        return self._wire.callback(job, status if wrong.claim_status is None else wrong.claim_status, claimed)

    def _add(self, delivery: Delivery) -> Delivery:
        self.count += 1
        delivery = replace(delivery, number=self.count)
        if delivery.state is DeliveryState.WAITING:
            delivery = replace(delivery, next_ns=delivery.due_ns)
        self._body_bytes += len(delivery.body)
        self._keep(delivery)
        call_log = self._call_log
        while len(call_log) > self._settings.journal_size or (self._body_bytes > _MAX_BODY_BYTES and len(call_log) > 1):
            self._body_bytes -= len(call_log.pop(next(iter(call_log))).body)
        return delivery

    def _keep(self, delivery: Delivery) -> None:
        number = delivery.number
        self.edition += 1
        if delivery.state is DeliveryState.WAITING:
            self._pending[number] = delivery
        else:
            self._pending.pop(number, None)
            if delivery.status >= Status.COMPLETED:
                (self.missed.discard if delivery.delivered else self.missed.add)(delivery.job_id)
                if delivery.state in (DeliveryState.LOST, DeliveryState.NOT_SEALED):
                    self._release(self._posts[delivery.job_id], delivery.due_ns)
        if number in self._call_log or delivery.number == self.count:
            self._call_log[number] = delivery

    def _release(self, post: _Post, now_ns: int) -> None:
        """Let go what was held until the end was told."""
        for number in post.held:
            self._push(now_ns, post, number)
        post.held.clear()
        post.released_by = None

    def _settle(self) -> None:
        """Find out anew when there is something to do."""
        heap = self._heap
        while heap and self._is_stale(heap[0]):
            heapq.heappop(heap)
        before, self.next_ns = self.next_ns, heap[0].at_ns if heap else None
        if self.next_ns is not None and (before is None or self.next_ns < before):
            self._changed()

    def _is_stale(self, due: _Due) -> bool:
        if due.number:
            return due.number not in self._pending
        return due.version != self._posts[due.job_id].version

    def _changed(self) -> None:
        if self.listener is not None:
            self.listener.changed()


def _why_not_sealed(client_secret: str) -> str:
    size = len(client_secret.encode("utf-8", "surrogatepass"))
    if size in AES_KEY_BYTES:
        return ""
    return (
        f"the account's clientSecret has {size} bytes and cannot encrypt: "
        f"AES takes 16, 24 or 32. Use an API key of 32 letters and digits, as Akool's are"
    )
