"""How many credits may still be spent, and how much the next job might cost.

What a job really costs is known only when it was made. So a job is made only where the most that it is thought to cost
is left, and what was seen of prices counts for the jobs after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from mock_akool.calibration.errors import NotAskedError

DEARER: Final = 10
"""A job whose price nobody has seen is made only where so many times its price in the fake are left."""
_LEAST: Final = 1.0
"""What a job is expected to cost at least, in credits: one that is free in the fake may have a price there."""


@dataclass
class Prices:
    """What is known of prices: the most that a kind of job was seen to cost, and how much dearer any was at most."""

    seen: dict[str, float] = field(default_factory=dict)
    ratio: float = 1.0

    def most(self, kind: str, expected: float) -> float:
        """Return the most that a job is thought to cost, in credits."""
        known = self.seen.get(kind)
        return max(expected, _LEAST) * DEARER * self.ratio if known is None else max(known, expected)

    def note(self, kind: str, expected: float, price: float) -> None:
        """Learn what a job cost."""
        self.seen[kind] = max(price, self.seen.get(kind, 0.0))
        self.ratio = max(self.ratio, price / max(expected, _LEAST))

    def needed(self, jobs: Iterable[tuple[str, float]]) -> float:
        """Return how many credits must be left for these jobs, if each costs what is expected; as kinds and prices."""
        trial = Prices(dict(self.seen), self.ratio)
        gone = needed = 0.0
        for kind, expected in jobs:
            needed = max(needed, gone + trial.most(kind, expected))
            trial.note(kind, expected, expected)
            gone += expected
        return needed


@dataclass
class _Made:
    """A job that was the last one to be made. `most` is what it was thought to cost at most."""

    kind: str
    expected: float
    most: float
    stated: float = 0.0
    """What the service said that it costs."""
    is_refused: bool = False


class Spending:
    """Keeps to a limit, in credits.

    `begun` returns the balance of the account before anything was made, and `balance` asks the service for the one of
    now; they raise NotAskedError.
    """

    def __init__(self, limit: float, begun: Callable[[], float], balance: Callable[[], float]) -> None:
        self._limit = limit
        self._begun = begun
        self._balance = balance
        self._last = 0.0
        """The balance before the last job."""
        self._prices = Prices()
        self._known = 0.0
        """The sum of all prices that were seen."""
        self._held = 0.0
        """What the jobs may still cost that were made and whose price was not seen."""
        self._made: _Made | None = None
        self._over = ""

    @property
    def least(self) -> float:
        """How many credits are known to be gone, without a look at the balance; of the last job what it should cost."""
        made = self._made
        return self._known + (0.0 if made is None or made.is_refused else max(made.expected, made.stated))

    def stop(self, why: str) -> None:
        """Allow no further job."""
        self._over = self._over or why

    def check_open(self) -> None:
        """Raise NotAskedError when no further job is allowed."""
        if self._over:
            raise NotAskedError(self._over)

    def begin(self, kind: str, expected: float) -> None:
        """Allow one job, of which equal ones have the same `kind`; raises NotAskedError when it might be too dear."""
        self.check_open()
        if self._limit <= 0:
            raise NotAskedError("it may cost credits, and --spend allows none")
        begun, now = self._begun(), self._balance()
        self._settle(now)
        self.check_open()
        gone = max(begun - now, self._known) + self._held
        # No account is charged more than it has; a fraction may not be shown.
        most = min(self._prices.most(kind, expected), max(now, 0.0) + 1)
        if gone + most > self._limit:
            left = max(self._limit - gone, 0)
            raise NotAskedError(
                f"it costs about {expected:g} credits and is made where {most:g} are left, as prices may be others; "
                f"--spend leaves {left:g}"
            )
        self._last = now
        self._made = _Made(kind, expected, most)

    def end(self, *, is_refused: bool, stated: float = 0.0) -> None:
        """Say what became of the job that was begun; `stated` are the credits that the service says it costs."""
        if self._made is not None:
            self._made.is_refused, self._made.stated = is_refused, stated

    def _settle(self, now: float) -> None:
        """Learn from the balance what the last job cost."""
        made, self._made = self._made, None
        if made is None:
            return
        price = max(self._last - now, 0.0 if made.is_refused else made.stated)
        if price <= 0:
            # It may be charged later.
            self._held += 0.0 if made.is_refused else made.most
            return
        self._known += price
        self._prices.note(made.kind, made.expected, price)
        if price > made.most:
            self.stop(f"a job cost {price:g} credits, and {made.most:g} was the most that was thought possible")
