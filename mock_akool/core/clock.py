"""Clocks: the only place that reads real time.

An instant is an integer of nanoseconds since the epoch. Integers, because a client that sleeps
50 times 0.1 s must find itself at exactly 5 s.
"""

from __future__ import annotations

import threading
import time
from typing import Final, Protocol

from mock_akool.core.errors import ClockError

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000

DEFAULT_START_NS: Final = 1_767_225_600 * NS_PER_S
"""2026-01-01T00:00:00Z. A fixed instant, so that ids and file names are the same in every run."""


class Clock(Protocol):
    """Tells the instant; nothing else in the core knows the time."""

    def now_ns(self) -> int:
        """Return the present instant in nanoseconds since the epoch."""
        ...


class SystemClock:
    """The clock of the machine."""

    __slots__ = ()

    now_ns = staticmethod(time.time_ns)


class Watcher(Protocol):
    """Somebody who has something to do at certain instants of a virtual clock."""

    def next_ns(self) -> int | None:
        """Return the next instant at which the clock shall stop for him, or None. It must not wait for any lock."""
        ...

    def wake(self) -> None:
        """Do what is due; `next_ns` is then later than the clock's instant, or None."""
        ...


class VirtualClock:
    """A clock that stands still until somebody advances it. Safe to use from several threads.

    Whoever `watch`es it is woken at each instant that he named, before the clock goes on: in the thread that advances
    it, which returns when all is done. While he is awake he may advance it himself.
    """

    __slots__ = ("_lock", "_now_ns", "_watchers")

    def __init__(self, start_ns: int = DEFAULT_START_NS) -> None:
        self._now_ns = start_ns
        self._lock = threading.Lock()
        self._watchers: tuple[Watcher, ...] = ()

    def watch(self, watcher: Watcher) -> None:
        """Wake the watcher, from now on, at the instants that he names."""
        with self._lock:
            self._watchers = (*self._watchers, watcher)

    def now_ns(self) -> int:
        """Return the present instant in nanoseconds since the epoch."""
        return self._now_ns

    def advance(self, seconds: float) -> None:
        """Move the clock on by `seconds` (0 or more, rounded to the nanosecond).

        Raises ClockError for a negative or not finite number; the clock has then not moved.
        """
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < float("inf"):
            raise ClockError(
                f"clock.advance({seconds!r}): a clock cannot run backwards or for ever",
                "Give a finite number of seconds, 0 or more",
            )
        step = round(seconds * NS_PER_S)
        with self._lock:
            target_ns = self._now_ns + step
            if not self._stops_by(target_ns):
                self._now_ns = target_ns
                return
        self.advance_to(target_ns)

    def advance_to(self, instant_ns: int) -> None:
        """Move the clock on to an instant, in nanoseconds since the epoch; one that is past moves nothing."""
        while True:
            with self._lock:
                stops = self._stops_by(max(instant_ns, self._now_ns))
                if not stops:
                    self._now_ns = max(self._now_ns, instant_ns)
                    return
                stop_ns, watcher = min(stops, key=lambda stop: stop[0])
                self._now_ns = max(self._now_ns, stop_ns)
            watcher.wake()

    def _stops_by(self, instant_ns: int) -> list[tuple[int, Watcher]]:
        stops = ((watcher.next_ns(), watcher) for watcher in self._watchers)
        return [(stop_ns, watcher) for stop_ns, watcher in stops if stop_ns is not None and stop_ns <= instant_ns]
