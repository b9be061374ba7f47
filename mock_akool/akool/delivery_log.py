"""The deliveries that are kept: the newest ones for people to read, and all that are still to be attempted."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from mock_akool.akool.deliveries import Delivery, DeliveryState
from mock_akool.core.change_log import ChangeLog
from mock_akool.core.timeline import Status


class DeliveryLog:
    """Keeps the newest deliveries, bounded in number and in bytes. Not safe for several threads."""

    def __init__(self, size: int, max_bytes: int) -> None:
        self._size = size
        self._max_bytes = max_bytes
        self.changes: ChangeLog[int] = ChangeLog()
        """The deliveries that were made or changed, by number. Its edition changes whenever the kept ones do."""
        self.clear()

    def clear(self) -> None:
        """Forget all deliveries; numbers begin at 1 again."""
        self.changes.clear()
        self._kept: OrderedDict[int, Delivery] = OrderedDict()
        self._bytes = 0
        self._pending: dict[int, Delivery] = {}
        self.count = 0
        """How many deliveries there ever were, those no longer kept included."""
        self.missed: set[str] = set()
        """The ids of jobs whose end was to be sent, and was not taken by the receiver."""

    def go_on_from(
        self,
        kept: Iterable[Delivery],
        pending: Iterable[Delivery],
        order_of_pending: Iterable[int],
        count: int,
        missed: Iterable[str],
    ) -> None:
        """Know what another log knew, as far as the bounds of this one allow; this one must be new."""
        self._kept = OrderedDict((each.number, each) for each in kept)
        waiting = {each.number: each for each in self._kept.values() if each.state is DeliveryState.WAITING}
        waiting |= {each.number: each for each in pending}
        self._pending = {number: waiting.pop(number) for number in order_of_pending if number in waiting} | waiting
        self._bytes = sum(each.size for each in self._kept.values())
        self._shrink()
        self.count = count
        self.missed = set(missed)

    def note_all(self) -> None:
        """Take note of all deliveries that are kept, as if they had just been made."""
        for each in self._kept.values():
            self.changes.note(each.number, each.account)

    def add(self, delivery: Delivery) -> Delivery:
        """Number a new delivery and keep it, at the cost of the oldest ones; returns it with its number."""
        self.count += 1
        delivery = delivery._replace(number=self.count)
        if delivery.state is DeliveryState.WAITING:
            delivery = delivery._replace(next_ns=delivery.due_ns)
        kept = self._kept
        kept[delivery.number] = delivery
        self._bytes += delivery.size
        self.update(delivery)
        return delivery

    def _shrink(self) -> None:
        kept = self._kept
        while len(kept) > self._size or (self._bytes > self._max_bytes and len(kept) > 1):
            self._bytes -= kept.popitem(last=False)[1].size

    def update(self, delivery: Delivery) -> None:
        """Replace the record of a delivery by a newer one."""
        number = delivery.number
        self.changes.note(number, delivery.account)
        if delivery.state is DeliveryState.WAITING:
            self._pending[number] = delivery
        else:
            self._pending.pop(number, None)
            if delivery.status >= Status.COMPLETED:
                (self.missed.discard if delivery.delivered else self.missed.add)(delivery.job_id)
        known = self._kept.get(number)
        if known is not None:
            self._bytes += delivery.size - known.size
            self._kept[number] = delivery
            self._shrink()

    def forget(self, job_id: str, api_key: str, numbers: Iterable[int]) -> None:
        """Forget a job of an account and its deliveries; those no longer kept may be among them."""
        for number in numbers:
            self.changes.note(number, api_key)
            self._pending.pop(number, None)
            dropped = self._kept.pop(number, None)
            self._bytes -= dropped.size if dropped is not None else 0
        self.missed.discard(job_id)

    def pending(self, number: int) -> Delivery | None:
        """Return a delivery that is still to be attempted or is under way, else None."""
        return self._pending.get(number)

    @property
    def pending_count(self) -> int:
        """How many deliveries are still to be attempted or are under way."""
        return len(self._pending)

    def all_pending(self) -> list[Delivery]:
        """Return all deliveries that are still to be attempted or are under way, in the order of their making."""
        return list(self._pending.values())

    def entries(self) -> Iterable[Delivery]:
        """Return the kept deliveries, in the order in which they became due."""
        return self._kept.values()

    def entry(self, number: int) -> Delivery | None:
        """Return a delivery by its number, or None when it is not kept any more."""
        return self._kept.get(number)
