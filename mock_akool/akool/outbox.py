"""The outbox: which webhooks are due, and when a failed one is attempted again (contract section 9).

It sends nothing and reads no clock. The dispatcher asks `take` for what is due at an instant, and calls `finish` with
how each attempt went. Every public method locks the engine itself; `next_ns` and `edition` may be read without a lock.

A heap holds one entry for each job whose next change of status is known, and one for each attempt to come, so a look
costs as much as is due, however many jobs there are.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Protocol

from mock_akool.akool.accounts import Account
from mock_akool.akool.codes import AES_KEY_BYTES
from mock_akool.akool.deliveries import Attempt, AttemptResult, CancelToken, Delivery, DeliveryState, Draft
from mock_akool.akool.delivery_log import DeliveryLog
from mock_akool.akool.envelope import encode
from mock_akool.akool.families import Context, Record, family_of
from mock_akool.akool.jobs import Job
from mock_akool.core.change_log import ChangeLog
from mock_akool.core.clock import NS_PER_MS, NS_PER_S
from mock_akool.core.draining import Container
from mock_akool.core.errors import MisfitError
from mock_akool.core.rules import Subject
from mock_akool.core.schema import shown
from mock_akool.core.timeline import Change, Status, changes
from mock_akool.core.urls import without_password
from mock_akool.core.webhook_faults import UNKNOWN_ID, ActiveWebhookRule, WebhookFault

Compose = Callable[[Draft], bytes]
"""Makes the body of a webhook: the envelope, as JSON."""

_log = logging.getLogger("mock_akool")

_OK: Final = 200
_MOST_STEPS: Final = 20
"""How many changes and attempts that are due are looked at while the lock is held."""
_MOST_STALE: Final = 1_000
"""How much of the heap may stand for what was forgotten, beside as much again as what is there."""
_NO_FAULT: Final = WebhookFault()


class Listener(Protocol):
    """Whoever sends webhooks. Its methods are called under the engine's lock, and must not wait for anything."""

    def changed(self) -> None:
        """Something became due earlier than was known, or an attempt is over."""
        ...

    def forgotten(self) -> None:
        """All was forgotten, and every attempt that was under way is cancelled."""
        ...

    def cancelled(self, tokens: Collection[CancelToken]) -> None:
        """The attempts with these tokens were cancelled."""
        ...

    def unsendable(self, delivery: Delivery) -> None:
        """A delivery was made that cannot be sent, as its account's clientSecret cannot encrypt."""
        ...

    def account_forgotten(self, api_key: str) -> None:
        """All of an account was forgotten, and how its webhooks were to be sent."""
        ...


class Due(NamedTuple):
    """An entry of the heap: a job's next change, or with a `number` the next attempt of a delivery."""

    at_ns: int
    order: int
    job_id: str
    number: int = 0


class SubscriptionState(NamedTuple):
    """What is known of a job that wants webhooks, see _Subscription.

    The job will show the `awaited` status from `awaited_ns` on, and its entry of the heap is due at `due_ns`; both are
    None when no change is awaited.
    """

    job_id: str
    sent: tuple[Status, ...] = ()
    awaited: Status | None = None
    awaited_ns: int | None = None
    due_ns: int | None = None
    order: int = 0
    issued: int = 0
    numbers: tuple[int, ...] = ()
    held: tuple[int, ...] = ()
    released_by: int | None = None


class OutboxState(NamedTuple):
    """All that an outbox knows, to go on from. What was under way is due again: nobody knows how it went."""

    start_ns: int = 0
    order: int = 0
    subscriptions: Iterable[SubscriptionState] = ()
    due: Sequence[Due] = ()
    """The attempts to come."""
    kept: Sequence[Delivery] = ()
    pending: Sequence[Delivery] = ()
    """Those still to be attempted that are no longer among the kept ones."""
    order_of_pending: Sequence[int] = ()
    made: int = 0
    missed: Sequence[str] = ()


class _Subscription:
    """What the outbox knows of a job that wants webhooks."""

    __slots__ = (
        "awaited",
        "blocked",
        "busy",
        "entry",
        "era",
        "held",
        "issued",
        "job",
        "numbers",
        "released_by",
        "sent",
    )

    def __init__(self, job: Job, era: int) -> None:
        self.job = job
        self.era = era
        """How often all was frozen before this was made; see `Outbox.freeze`."""
        self.sent: list[Status] = []
        """The changes for which a delivery was made."""
        self.awaited: Change | None = None
        """The next change, which an entry of the heap stands for."""
        self.entry: Due | None = None
        """That entry. One of the heap that is equal and not the same is of a job that was forgotten."""
        self.issued = 0
        self.numbers: list[int] = []
        """Its deliveries, those no longer kept included."""
        self.busy = False
        """Whether an attempt is under way: a job's attempts are made one after the other."""
        self.blocked: list[Due] = []
        self.held: list[int] = []
        """Deliveries that wait for the one of the end."""
        self.released_by: int | None = None

    def copied(self, era: int) -> _Subscription:
        """Return the same, to be changed while somebody reads this one."""
        copy = _Subscription(self.job, era)
        copy.sent, copy.awaited, copy.entry, copy.issued = self.sent.copy(), self.awaited, self.entry, self.issued
        copy.numbers, copy.busy, copy.blocked = self.numbers.copy(), self.busy, self.blocked.copy()
        copy.held, copy.released_by = self.held.copy(), self.released_by
        return copy

    def state(self) -> SubscriptionState:
        """Return what is kept of it."""
        at_ns, status = self.awaited or (None, None)
        entry = self.entry
        return SubscriptionState(
            self.job.id,
            tuple(self.sent),
            status,
            at_ns,
            None if entry is None else entry.at_ns,
            0 if entry is None else entry.order,
            self.issued,
            tuple(self.numbers),
            tuple(self.held),
            self.released_by,
        )

    @classmethod
    def restored(cls, state: SubscriptionState, job: Job, era: int) -> _Subscription:
        """Return one that goes on from a state; raises MisfitError for what does not fit together."""
        made = cls(job, era)
        _, sent, status, at_ns, due_ns, order, issued, numbers, held, released_by = state
        made.issued, made.released_by = issued, released_by
        if status is not None:
            if at_ns is None or due_ns is None:
                raise MisfitError("awaited_ns" if at_ns is None else "due_ns", "a status is awaited without it")
            made.awaited, made.entry = Change(at_ns, status), Due(due_ns, order, job.id)
        made.sent, made.numbers, made.held = list(sent), list(numbers), list(held)
        return made


class _States(Iterable[SubscriptionState]):
    """The states of subscriptions, made one after the other: all at once they would have the collector hold us up."""

    def __init__(self, subscriptions: list[_Subscription]) -> None:
        self._subscriptions = subscriptions

    def __iter__(self) -> Iterator[SubscriptionState]:
        return map(_Subscription.state, self._subscriptions)


class FrozenOutbox(NamedTuple):
    """What an outbox knew at an instant. It may be read without a lock, and takes a while to be made a state."""

    subscriptions: list[_Subscription]
    due: list[Due]
    under_way: list[Delivery]
    kept: list[Delivery]
    pending: list[Delivery]
    start_ns: int
    order: int
    made: int
    missed: list[str]

    def state(self) -> OutboxState:
        """Return all of it, to go on from."""
        # The next changes are those of the subscriptions.
        due = [each for each in self.due if each.number]
        due += (entry for each in self.subscriptions for entry in each.blocked)
        # They come first again, in the order in which they were taken. No change of a job has an order below 0.
        again = [
            Due(each.next_ns or each.due_ns, place, each.job_id, each.number)
            for place, each in enumerate(self.under_way, -len(self.under_way))
        ]
        kept = {each.number for each in self.kept}
        return OutboxState(
            self.start_ns,
            self.order,
            _States(self.subscriptions),
            [*again, *due],
            self.kept,
            [each for each in self.pending if each.number not in kept],
            [each.number for each in self.pending],
            self.made,
            self.missed,
        )


class Outbox:
    """The webhooks of one engine. Safe to use from several threads."""

    def __init__(
        self,
        context: Context,
        compose: Compose,
        rules_for: Callable[[Job], Iterable[ActiveWebhookRule]] = lambda job: (),
        secret_of: Callable[[str], str] = lambda api_key: api_key,
        is_invented: Callable[[Account], bool] = lambda account: False,
        *,
        lock: AbstractContextManager[Any],
    ) -> None:
        self._context = context
        self._settings, self._keyed_random = context
        self._compose = compose
        self._rules_for = rules_for
        self._secret_of = secret_of
        """Returns what of an API key the account's receiver knows as clientSecret."""
        self._is_invented = is_invented
        """Returns whether the fake made an account's clientId up."""
        self._lock = lock
        self._log = DeliveryLog(context.settings.call_log_size, context.settings.call_log_bytes)
        self.listener: Listener | None = None
        self._under_way: dict[int, CancelToken] = {}
        """The tokens of the attempts that are under way, by the deliveries' numbers."""
        self._subscriptions: dict[str, _Subscription] = {}
        self._heap: list[Due] = []
        self._era = 0
        self.reset(0)

    def reset(self, start_ns: int) -> list[Container]:
        """Forget all webhooks, and cancel the attempts that are under way; returns what is to be drained."""
        with self._lock:
            forgotten: list[Container] = [self._subscriptions, self._heap]
            self._start_ns = start_ns
            self._log.clear()
            self._subscriptions = {}
            self._heap = []
            self._order = 0
            self.next_ns: int | None = None
            """When there is next something to do, or None; attempts under way do not count."""
            self._cancel(list(self._under_way))
            if self.listener is not None:
                self.listener.forgotten()
            return forgotten

    # What the engine says

    def follow(self, job: Job) -> None:
        """Take note of a job that was made or changed; does nothing for one without a webhook URL."""
        if not job.webhook_url:
            return
        with self._lock:
            subscription = self._own(job.id)
            if subscription is None:
                subscription = self._subscriptions[job.id] = _Subscription(job, self._era)
            subscription.job = job
            changes_to_send = self._changes_to_send(job)
            # What was sent about a future that the job no longer has is sent anew.
            same, sent = 0, subscription.sent
            while same < min(len(changes_to_send), len(sent)) and changes_to_send[same].status is sent[same]:
                same += 1
            del sent[same:]
            self._await_change(subscription, changes_to_send)
            self._settle()

    def forget(self, job_ids: Iterable[str]) -> None:
        """Forget the webhooks of these jobs, and cancel the attempts that are under way."""
        with self._lock:
            found = (self._subscriptions.pop(job_id, None) for job_id in job_ids)
            gone = [subscription for subscription in found if subscription is not None]
            for subscription in gone:
                self._log.forget(subscription.job.id, subscription.job.account.api_key, subscription.numbers)
            # What stands in the heap for them is stale, and goes when it is due, or when it is too much.
            if len(self._heap) > 2 * (len(self._subscriptions) + self._log.pending_count) + _MOST_STALE:
                self._heap = [due for due in self._heap if not self._is_stale(due)]
                heapq.heapify(self._heap)
            cancelled = self._cancel(number for subscription in gone for number in subscription.numbers)
            self._settle()
            if self.listener is not None and cancelled:
                self.listener.cancelled(cancelled)

    def forget_account(self, api_key: str) -> None:
        """Let webhooks of an account be sent as those of a new one; its jobs must have been forgotten before."""
        with self._lock:
            if self.listener is not None:
                self.listener.account_forgotten(api_key)

    # What the dispatcher asks and says

    def take(self, now_ns: int, most: int | None = None) -> list[Attempt]:
        """Return the attempts that are to be made by `now_ns`, at most one of a job, in the order they are due.

        Each is under way until `finish` is called with it, or it is cancelled.
        """
        taken: list[Attempt] = []
        while not self._take_some(now_ns, most, taken):
            pass  # others may have the lock in between
        return taken

    def _take_some(self, now_ns: int, most: int | None, taken: list[Attempt]) -> bool:
        """Look at some of what is due, and add to what was taken; returns whether that is all there is to take."""
        with self._lock:
            for _ in range(_MOST_STEPS):
                if not self._heap or self._heap[0].at_ns > now_ns or len(taken) == most:
                    self._settle()
                    return True
                self._take_one(heapq.heappop(self._heap), taken)
            self._settle()
        return False

    def _take_one(self, due: Due, taken: list[Attempt]) -> None:
        subscription = self._own(due.job_id)
        if subscription is None:
            return
        if due is subscription.entry:
            self._issue(subscription, due.at_ns)
        elif (delivery := self._log.pending(due.number)) is not None:
            if subscription.busy:
                subscription.blocked.append(due)
                return
            subscription.busy = True
            token = self._under_way[due.number] = CancelToken()
            taken.append(Attempt(delivery, token))

    def finish(self, attempt: Attempt, result: AttemptResult, *, is_final: bool = False) -> Delivery | None:
        """Take note of how an attempt went; `is_final` means that another would go no better.

        Returns the delivery as it is now, or None when the attempt was cancelled.
        """
        delivery, number = attempt.delivery, attempt.delivery.number
        with self._lock:
            # After a reset another delivery may have its number.
            if self._under_way.get(number) is not attempt.cancel_token:
                return None
            del self._under_way[number]
            subscription = self._there(delivery.job_id)
            subscription.busy = False
            attempts = (*delivery.attempts, result)
            state, next_ns = DeliveryState.WAITING, None
            if result.status == _OK:
                state = DeliveryState.DELIVERED
            elif is_final:
                state = DeliveryState.REFUSED
            elif len(attempts) > self._settings.webhook_retries:
                state = DeliveryState.GIVEN_UP
            else:
                next_ns = result.ended_ns + self._settings.webhook_retry_delay.ns * 2 ** (len(attempts) - 1)
            delivery = delivery._replace(attempts=attempts, state=state, next_ns=next_ns)
            self._update(delivery)
            if next_ns is not None:
                self._push(next_ns, subscription, number)
            for due in subscription.blocked:
                heapq.heappush(self._heap, due)
            subscription.blocked.clear()
            if subscription.released_by == number:
                self._release(subscription, result.ended_ns)
            self._settle()
            self._changed()
            return delivery

    def collect(self, now_ns: int, most: int | None = None) -> bool:
        """Count some of what is due by `now_ns` as delivered when it became due; returns whether there was anything."""
        taken: list[Attempt] = []
        with self._lock:
            is_all = self._take_some(now_ns, most, taken)
            for each in taken:
                self.finish(each, AttemptResult(each.delivery.due_ns, each.delivery.due_ns, _OK, collected=True))
        return bool(taken) or not is_all

    def abandon(self) -> list[Delivery]:
        """Drop the deliveries that were made and not delivered yet; returns them in the order of their making.

        Attempts under way are cancelled. Changes to come stay what they are.
        """
        dropped = []
        with self._lock:
            self._cancel(list(self._under_way))
            for delivery in self._log.all_pending():
                subscription = self._there(delivery.job_id)
                subscription.busy = False
                subscription.blocked.clear()
                subscription.held.clear()
                dropped.append(delivery._replace(state=DeliveryState.DROPPED, next_ns=None, why="the fake was stopped"))
                self._update(dropped[-1])
            self._settle()
        return dropped

    # What people ask

    @property
    def edition(self) -> int:
        """Changes whenever the kept deliveries do, and never becomes what it was before. Needs no lock."""
        return self._log.changes.edition

    @property
    def changes(self) -> ChangeLog[int]:
        """Which deliveries were made, changed or forgotten lately, by number. Read it under the engine's lock."""
        return self._log.changes

    @property
    def count(self) -> int:
        """How many deliveries there ever were, those no longer kept included."""
        return self._log.count

    @property
    def missed(self) -> Set[str]:
        """The ids of jobs whose end was to be sent, and was not taken by the receiver."""
        return self._log.missed

    @property
    def is_sending(self) -> bool:
        """Whether an attempt is under way."""
        return bool(self._under_way)

    def entries(self, api_key: str | None = None) -> tuple[Delivery, ...]:
        """Return the kept deliveries, in the order they became due; with an API key, those of that account."""
        with self._lock:
            kept = self._log.entries()
            return tuple(kept if api_key is None else (each for each in kept if each.account == api_key))

    def entry(self, number: int) -> Delivery | None:
        """Return a delivery by its number, or None when it is not kept any more."""
        with self._lock:
            return self._log.entry(number)

    def next_ns_of(self, api_key: str | None) -> int | None:
        """When there is next something to do for an account, or with None for any; None when there is nothing."""
        if api_key is None:
            return self.next_ns
        with self._lock:
            heap = self._heap.copy()
        # Nobody need wait while this looks through all of it.
        mine = (due.at_ns for due in heap if self._account_of(due) == api_key and not self._is_stale(due))
        return min(mine, default=None)

    def owed(self, now_ns: int) -> set[str]:
        """Return the API keys of the accounts for which something is to be done by `now_ns`, or is under way."""
        with self._lock:
            due = {self._account_of(each) for each in self._heap if each.at_ns <= now_ns and not self._is_stale(each)}
            return {each for each in due if each is not None} | self._sending()

    def is_sending_for(self, api_key: str) -> bool:
        """Return whether an attempt of a webhook of this account is under way."""
        with self._lock:
            return api_key in self._sending()

    def resend(self, number: int, now_ns: int) -> Delivery | None:
        """Send the body of a delivery again, as a delivery of its own; None when it is not kept any more."""
        with self._lock:
            original = self._log.entry(number)
            if original is None or original.state is DeliveryState.NOT_ENCRYPTED:
                return None
            copy = self._add(
                original._replace(state=DeliveryState.WAITING, due_ns=now_ns, attempts=(), why="", copy_of=number)
            )
            self._push(now_ns, self._there(copy.job_id), copy.number)
            self._settle()
            return copy

    # What is kept over a restart

    def freeze(self) -> FrozenOutbox:
        """Return what is known now. Quick, however much it is: what changes later is copied first."""
        with self._lock:
            self._era += 1
            log = self._log
            under_way = [each for number in self._under_way if (each := log.pending(number)) is not None]
            return FrozenOutbox(
                list(self._subscriptions.values()),
                self._heap.copy(),
                under_way,
                list(log.entries()),
                log.all_pending(),
                self._start_ns,
                self._order,
                log.count,
                list(log.missed),
            )

    def restoring(self, state: OutboxState, job_of: Callable[[str], Job | None]) -> Callable[[], None]:
        """Return what lets this go on from a state; it is to be called under the lock, and cannot fail.

        Raises MisfitError for what does not fit together; nothing has changed then.
        """
        subscriptions: dict[str, _Subscription] = {}
        for number, each in enumerate(state.subscriptions):
            job = job_of(each.job_id)
            if job is None:
                raise MisfitError(f"subscriptions[{number}].job_id", f"there is no job {shown(each.job_id)}")
            try:
                subscriptions[each.job_id] = _Subscription.restored(each, job, -1)
            except MisfitError as error:
                raise error.within(f"subscriptions[{number}]") from None
        log = DeliveryLog(self._settings.call_log_size, self._settings.call_log_bytes)
        for name, deliveries in (("kept", state.kept), ("pending", state.pending)):
            for number, delivery in enumerate(deliveries):
                if delivery.job_id not in subscriptions:
                    raise MisfitError(f"{name}[{number}].job_id", f"{shown(delivery.job_id)} wants no webhooks")
        log.go_on_from(state.kept, state.pending, state.order_of_pending, state.made, state.missed)
        for number, each in enumerate(state.subscriptions):
            if each.held and any(log.pending(held) is None for held in each.held):
                raise MisfitError(f"subscriptions[{number}].held", "it is no delivery that is still to come")
        heap = [*state.due, *(each.entry for each in subscriptions.values() if each.entry is not None)]
        heapq.heapify(heap)

        def go_on() -> None:
            self.reset(state.start_ns)
            log.changes.go_on_from(self._log.changes.edition)
            self._log, self._subscriptions, self._heap, self._order = log, subscriptions, heap, state.order
            log.note_all()
            self._settle()

        return go_on

    # Inside

    def _own(self, job_id: str) -> _Subscription | None:
        """Return what is known of a job so that it may be changed: nobody else reads it."""
        return self._there(job_id) if job_id in self._subscriptions else None

    def _there(self, job_id: str) -> _Subscription:
        found = self._subscriptions[job_id]
        if found.era != self._era:
            found = self._subscriptions[job_id] = found.copied(self._era)
        return found

    def _cancel(self, numbers: Iterable[int]) -> list[CancelToken]:
        """Cancel what is under way of these deliveries."""
        tokens = [self._under_way.pop(number) for number in numbers if number in self._under_way]
        for token in tokens:
            token.cancel()
        return tokens

    def _sending(self) -> set[str]:
        pending = (self._log.pending(number) for number in self._under_way)
        return {each.account for each in pending if each is not None}

    def _account_of(self, due: Due) -> str | None:
        """Return the API key of the account of a job; None when the job was forgotten."""
        subscription = self._subscriptions.get(due.job_id)
        return None if subscription is None else subscription.job.account.api_key

    def _changes_to_send(self, job: Job) -> list[Change]:
        """Return the changes of a job that are sent to its receiver, as far as they are known."""
        states = family_of(job).webhook.states
        least = Status.PROCESSING if self._settings.webhook_processing else Status.COMPLETED
        return [
            each
            for each in changes(job.timeline, job.created_ns, job.polls)
            if each.status >= least and each.status in states
        ]

    def _await_change(self, subscription: _Subscription, changes_to_send: list[Change]) -> None:
        done = len(subscription.sent)
        change = changes_to_send[done] if done < len(changes_to_send) else None
        if change == subscription.awaited:
            return
        subscription.awaited = change
        subscription.entry = None
        if change is not None:
            settings = self._settings
            at_ns = max(subscription.job.created_ns, change.at_ns - settings.webhook_before_status.ns)
            subscription.entry = self._push(at_ns + settings.webhook_after_status.ns, subscription, 0)

    def _push(self, at_ns: int, subscription: _Subscription, number: int) -> Due:
        """Put an entry into the heap; returns it."""
        self._order += 1
        entry = Due(at_ns, self._order, subscription.job.id, number)
        heapq.heappush(self._heap, entry)
        return entry

    def _issue(self, subscription: _Subscription, due_ns: int) -> None:
        """Make the delivery of the job's next change, and look out for the change after it."""
        changes_to_send = self._changes_to_send(subscription.job)
        status = changes_to_send[len(subscription.sent)].status
        subscription.sent.append(status)
        subscription.awaited = subscription.entry = None
        self._await_change(subscription, changes_to_send)
        job, fault = subscription.job, self._fault_of(subscription.job, status)
        wrong = fault or _NO_FAULT
        serial, subscription.issued = subscription.issued, subscription.issued + 1
        url, credentials = without_password(job.webhook_url)
        delivery = Delivery(
            number=0,
            job_id=job.id,
            account=job.account.api_key,
            client_id=job.account.client_id,
            status=status,
            url=url,
            credentials=credentials,
            client_id_is_invented=self._is_invented(job.account),
            due_ns=due_ns + wrong.delay.ns,
            payload=self._payload(job, status, wrong, serial),
            body_start=b"",
            filler_bytes=wrong.extra_bytes,
            state=DeliveryState.WAITING,
            start_ns=self._start_ns,
            fault=fault,
        )
        secret = self._secret_of(job.account.api_key)
        why = _why_not_encrypted(secret, id_is_listed=not delivery.client_id_is_invented)
        if why and wrong.envelope != "plain JSON":
            self._add(delivery._replace(state=DeliveryState.NOT_ENCRYPTED, why=why))
            return
        nonce = f"{self._keyed_random.integer(0, 9999, 'nonce', job.id, serial):04}"
        timestamp_ms = (due_ns - wrong.age.ns) // NS_PER_MS
        draft = Draft(delivery.payload, delivery.client_id, secret, timestamp_ms, nonce, fault)
        try:
            delivery = delivery._replace(body_start=self._compose(draft))
        except Exception as bug:
            _log.exception("mock-akool bug while encrypting a webhook of job %s", job.id)
            why = f"mock-akool bug: {type(bug).__name__}: {bug}"
            self._add(delivery._replace(state=DeliveryState.NOT_ENCRYPTED, why=why))
            return
        if not wrong.copies:
            self._add(delivery._replace(state=DeliveryState.LOST, why="a fault lost it"))
            return
        first = self._add(delivery)
        copies = [self._add(delivery._replace(copy_of=first.number)) for _ in range(wrong.copies - 1)]
        for each in (first, *copies):
            if wrong.after_end and status < Status.COMPLETED:
                subscription.held.append(each.number)
            else:
                self._push(each.due_ns, subscription, each.number)
        if status >= Status.COMPLETED and subscription.held:
            subscription.released_by = first.number

    def _fault_of(self, job: Job, status: Status) -> WebhookFault | None:
        subject = Subject(job.account.api_key, job.id, job.number, job.topic.prompt, status)
        for live in self._rules_for(job):
            if live.applies(subject):
                return live.rule.fault
        return None

    def _payload(self, job: Job, status: Status, wrong: WebhookFault, serial: int) -> bytes:
        claimed = wrong.claim_id or job.id
        if claimed == UNKNOWN_ID:
            claimed = self._keyed_random.object_id(job.created_ns // NS_PER_S, 0, "unknown job", job.id, serial)
        return _payload(job, status if wrong.claim_status is None else wrong.claim_status, claimed, self._context)

    def _add(self, delivery: Delivery) -> Delivery:
        delivery = self._log.add(delivery)
        self._there(delivery.job_id).numbers.append(delivery.number)
        self._release_by(delivery)
        if delivery.state is DeliveryState.NOT_ENCRYPTED and self.listener is not None:
            self.listener.unsendable(delivery)
        return delivery

    def _update(self, delivery: Delivery) -> None:
        self._log.update(delivery)
        self._release_by(delivery)

    def _release_by(self, delivery: Delivery) -> None:
        """Let go what waits for the end of a job when that end is not going to be sent."""
        never_sent = delivery.state in (DeliveryState.LOST, DeliveryState.NOT_ENCRYPTED)
        if never_sent and delivery.status >= Status.COMPLETED:
            self._release(self._there(delivery.job_id), delivery.due_ns)

    def _release(self, subscription: _Subscription, now_ns: int) -> None:
        """Let go what was held until the end was sent."""
        for number in subscription.held:
            self._push(now_ns, subscription, number)
        subscription.held.clear()
        subscription.released_by = None

    def _settle(self) -> None:
        """Find out anew when there is something to do."""
        heap = self._heap
        while heap and self._is_stale(heap[0]):
            heapq.heappop(heap)
        before, self.next_ns = self.next_ns, heap[0].at_ns if heap else None
        if self.next_ns is not None and (before is None or self.next_ns < before):
            self._changed()

    def _is_stale(self, due: Due) -> bool:
        subscription = self._subscriptions.get(due.job_id)
        if subscription is None:
            return True
        return self._log.pending(due.number) is None if due.number else due is not subscription.entry

    def _changed(self) -> None:
        if self.listener is not None:
            self.listener.changed()


def _why_not_encrypted(client_secret: str, *, id_is_listed: bool) -> str:
    size = len(client_secret.encode("utf-8", "surrogatepass"))
    if size in AES_KEY_BYTES:
        return ""
    return (
        f"the account's clientSecret has {size} bytes and cannot encrypt: "
        f"AES takes 16, 24 or 32. Use an API key of 32 letters and digits, as Akool's are"
        f"{'' if id_is_listed else ', and list it with a `client_id`'}"
    )


def _payload(job: Job, status: int, job_id: str, context: Context) -> bytes:
    """Return what a webhook tells that claims a status of `job_id` (contract section 9)."""
    family = family_of(job)
    payload: Record = {"_id": job_id, "status": int(status), "type": family.webhook.type_in(context.settings)}
    if status == Status.COMPLETED:
        payload["url"] = family.result_url(job, job.file_base, context)
    return encode(payload)
