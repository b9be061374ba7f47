"""Clocks: where a fake's time comes from. No other pure module reads the machine's clock.

An instant is an integer of nanoseconds since the epoch, because a client that sleeps 50 times 0.1 s must be at
exactly 5 s.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol

from mock_akool.core.errors import ClockError

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000

DEFAULT_START_NS: Final = 1_767_225_600 * NS_PER_S
"""2026-01-01T00:00:00Z. A fixed instant, so that ids and file names are the same in every run."""

LATEST_NS: Final = 0xFFFF_FFFF * NS_PER_S
"""2106-02-07T06:28:15Z, the latest instant that a clock which can be moved shows. Seconds in 32 bits end there, so
that ids and names that are made of the time keep their length."""

_TOO_FAR_S: Final = LATEST_NS // NS_PER_S + 1
_MAX_SPEED: Final = 1_000_000
_UNNOTICED_NS: Final = 10 * NS_PER_MS
"""By how much the machine's two clocks may differ before a clock follows."""


def utc(instant_ns: int) -> time.struct_time:
    """Return an instant in nanoseconds since the epoch as a date, to the second. No clock is read."""
    return time.gmtime(instant_ns // NS_PER_S)


class Clock(Protocol):
    """What knows the time; nothing else does."""

    def now_ns(self) -> int:
        """Return the present instant in nanoseconds since the epoch."""
        ...


class MovableClock(Clock, Protocol):
    """A clock that stands still until it is moved, in this process or in another."""

    def advance_to(self, instant_ns: int) -> None:
        """Move the clock on to an instant, in nanoseconds since the epoch; one that is past moves nothing."""
        ...


class SystemClock:
    """The clock of the machine."""

    __slots__ = ()

    now_ns = staticmethod(time.time_ns)


class Watcher(Protocol):
    """Something that has work to do at certain instants of a virtual clock."""

    def next_ns(self) -> int | None:
        """Return the next instant at which the clock must stop for it, or None. It must not wait for any lock."""
        ...

    def wake(self) -> None:
        """Do what is due; `next_ns` is then later than the clock's instant, or None."""
        ...


class ClockState(NamedTuple):
    """What a clock showed when it was written down, and how fast it ran; 0: it stood still.

    `wall_ns` is what the machine's clock showed then, so that time that has passed since can be counted; None for a
    clock that has nothing to do with the machine's. All in nanoseconds since the epoch.
    """

    now_ns: int
    wall_ns: int | None = None
    speed: float = 0.0


class VirtualClock:
    """A clock that stands still until it is advanced. Safe to use from several threads.

    A watcher is woken at each instant that it named, before the clock goes on, in the thread that advances the clock;
    that returns when all is done. A watcher may advance the clock while it is awake.
    """

    __slots__ = ("_lock", "_now_ns", "_watchers")

    def __init__(self, start_ns: int = DEFAULT_START_NS) -> None:
        self._now_ns = _shown(start_ns)
        self._lock = threading.Lock()
        self._watchers: tuple[Watcher, ...] = ()

    def watch(self, watcher: Watcher) -> None:
        """Wake the watcher, from now on, at the instants that it names."""
        with self._lock:
            self._watchers = (*self._watchers, watcher)

    def now_ns(self) -> int:
        """Return the present instant in nanoseconds since the epoch."""
        return self._now_ns

    def state(self) -> ClockState:
        """Return what it takes to show the same instant again."""
        return ClockState(self._now_ns)

    def go_on_from(self, state: ClockState) -> None:
        """Show the instant at which the state was written down, earlier or later; nothing is woken.

        For when all that happened is replaced. Raises ClockError for an instant that a clock does not show.
        """
        _readable_speed(state.speed)  # what another clock could not have is no state
        with self._lock:
            self._now_ns = _shown(state.now_ns)

    def next_stop_ns(self) -> int | None:
        """Return the next instant that a watcher named, or None."""
        return min((at_ns for each in self._watchers if (at_ns := each.next_ns()) is not None), default=None)

    def advance(self, seconds: float) -> None:
        """Move the clock on by `seconds` (0 or more, rounded to the nanosecond).

        Raises ClockError for a negative or not finite number, or one that leads past LATEST_NS; the clock has then not
        moved.
        """
        step = step_ns(seconds)
        with self._lock:
            target_ns = _shown(self._now_ns + step)
            if not self._stops_by(target_ns):
                self._now_ns = target_ns
                return
        self.advance_to(target_ns)

    def advance_to(self, instant_ns: int) -> None:
        """Move the clock on to an instant, in nanoseconds since the epoch; one that is past moves nothing.

        Raises ClockError for one after LATEST_NS; the clock has then not moved.
        """
        _shown(max(instant_ns, 0))
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


class SteeredClock:
    """A server's clock: it runs like the machine's, and can be frozen, moved on and sped up.

    It does not run backwards when the machine's clock is set back: it counts by the machine's `steady` nanoseconds, and
    `follow` lets it jump ahead with the machine's `wall` clock, in epoch nanoseconds. Safe to use from several threads.
    """

    __slots__ = (
        "_is_machines",
        "_listeners",
        "_lock",
        "_read_ns",
        "_running_ns",
        "_speed",
        "_steady",
        "_then_ns",
        "_wall",
        "_wall_ns",
    )

    def __init__(
        self,
        start_ns: int | None = None,
        steady: Callable[[], int] = time.monotonic_ns,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._steady = steady
        self._wall = wall
        self._speed = 1.0
        self._running_ns: int | None = None
        """By what it is ahead of the machine's steady count, when it runs as that does; None while it is steered."""
        self._is_machines = start_ns is None
        start_ns = wall() if start_ns is None else _shown(start_ns)
        with self._steering():
            self._begin_anew(start_ns)

    def now_ns(self) -> int:
        """Return the present instant in nanoseconds since the epoch."""
        # Every request asks this. Without the lock it is right if nobody has begun to steer the clock meanwhile; what
        # steers it then reads the machine's count later than this did, so the clock does not run backwards.
        running_ns = self._running_ns
        if running_ns is not None:
            now_ns = self._steady() + running_ns
            if self._running_ns is running_ns and now_ns < LATEST_NS:
                return now_ns
        with self._lock:
            return self._now_ns()

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return not self._speed

    @property
    def speed(self) -> float:
        """How many of its seconds pass in a second of the machine; 0 when it is frozen."""
        return self._speed

    @property
    def steering(self) -> tuple[int, float]:
        """What changes whenever it is moved or runs at another speed, and at no other time."""
        with self._lock:
            return self._then_ns, self._speed

    def freeze(self) -> None:
        """Stand still from now on, until `resume` or `run_at`."""
        self.run_at(0)

    def resume(self) -> None:
        """Run as the machine's clock does, from the instant that it shows."""
        self.run_at(1)

    def run_at(self, speed: float) -> None:
        """Run `speed` times as fast as the machine's clock from now on; 0 stands still.

        At LATEST_NS it stands still. Raises ClockError for a number below 0 or above a million.
        """
        speed = _readable_speed(speed)
        with self._steering():
            self._begin_anew(self._steered_ns())
            self._speed = speed
        self._tell()

    def advance(self, seconds: float) -> None:
        """Move the clock on by `seconds` (0 or more, rounded to the nanosecond); it then goes on as before.

        Raises ClockError for a negative or not finite number, or one that leads past LATEST_NS; the clock has then not
        moved.
        """
        step = step_ns(seconds)
        with self._steering():
            self._begin_anew(_shown(self._steered_ns() + step))
        self._tell()

    def advance_to(self, instant_ns: int) -> None:
        """Move the clock on to an instant, in nanoseconds since the epoch; one that is past moves nothing.

        Raises ClockError for one after LATEST_NS; the clock has then not moved.
        """
        with self._steering():
            self._begin_anew(_shown(max(self._steered_ns(), instant_ns)))
        self._tell()

    def set_to_machine(self) -> None:
        """Show the machine's time again, also when that is earlier; it then goes on as before.

        For when all that happened is forgotten. A clock that was given a start keeps its instant.
        """
        with self._steering():
            if self._is_machines:
                self._begin_anew(self._wall())
        self._tell()

    def state(self) -> ClockState:
        """Return what it takes to go on from here, however long nobody does."""
        with self._lock:
            return ClockState(self._steered_ns(), self._wall(), self._speed)

    def go_on_from(self, state: ClockState) -> None:
        """Go on from where the state was written down, as if it had run on since; one that stood still stands there.

        For when all that happened is replaced: it may show an earlier time than before. Raises ClockError for an
        instant that a clock does not show, or a speed that it cannot have; then nothing has changed.
        """
        speed = _readable_speed(state.speed)
        _shown(state.now_ns)
        with self._steering():
            passed_ns = 0 if state.wall_ns is None else max(0, self._wall() - state.wall_ns)
            self._begin_anew(min(state.now_ns + int(passed_ns * speed), LATEST_NS))
            self._speed = speed
        self._tell()

    def follow(self) -> None:
        """Jump ahead by what the machine's wall clock jumped ahead since this was last called, or the clock was moved.

        A machine that was suspended does so, as its steady count stood still meanwhile, and one whose clock was set. A
        frozen clock stays where it is. For a server to call now and then.
        """
        with self._steering():
            jump_ns = self._jump_ns()
            if not jump_ns:
                return
            self._begin_anew(min(self._now_ns() + jump_ns, LATEST_NS))
        self._tell()

    def _jump_ns(self) -> int:
        """Return by how much it has yet to jump ahead with the machine's wall clock; 0 when it is frozen."""
        # The wall first: a thread that is held up between the two sees less of a jump, and no jump that is none.
        passed_ns = self._wall() - self._wall_ns
        ahead_ns = passed_ns - (self._steady() - self._read_ns)
        return int(ahead_ns * self._speed) if ahead_ns >= _UNNOTICED_NS else 0

    def _steered_ns(self) -> int:
        """Return the instant from which it is steered: a jump that nobody followed yet is not lost."""
        return min(self._now_ns() + self._jump_ns(), LATEST_NS)

    def _now_ns(self) -> int:
        passed_ns = self._steady() - self._read_ns
        # At the usual speed in integers, which are exact.
        now_ns = self._then_ns + (passed_ns if self._speed == 1 else int(passed_ns * self._speed))
        return now_ns if now_ns < LATEST_NS else LATEST_NS

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed`, from now on, whenever the clock was moved or runs at another speed."""
        with self._lock:
            self._listeners = (*self._listeners, changed)

    def _tell(self) -> None:
        for changed in self._listeners:
            changed()

    @contextmanager
    def _steering(self) -> Iterator[None]:
        """Hold the lock while the clock is changed; within, nobody reads it without the lock."""
        with self._lock:
            self._running_ns = None
            try:
                yield
            finally:
                if self._speed == 1:
                    self._running_ns = self._then_ns - self._read_ns

    def _begin_anew(self, instant_ns: int) -> None:
        self._then_ns = instant_ns
        # What the machine's counts are at that instant, since when the speed is what it is.
        self._read_ns, self._wall_ns = self._steady(), self._wall()


def _readable_speed(speed: float) -> float:
    """Return how many times as fast a clock is to run; raises ClockError for what it cannot."""
    if isinstance(speed, bool) or not isinstance(speed, (int, float)) or not 0 <= speed <= _MAX_SPEED:
        raise ClockError(
            f"a clock cannot run {speed!r} times as fast", f"Give a number from 0 (it stands still) to {_MAX_SPEED}"
        )
    return float(speed)


def _shown(instant_ns: int) -> int:
    """Return the instant; raises ClockError for one that a clock does not show: before 1970, or after LATEST_NS."""
    if not 0 <= instant_ns <= LATEST_NS:
        raise ClockError(
            f"the clock would show a time {'before 1970' if instant_ns < 0 else 'after 2106-02-07T06:28:15Z'}",
            "Move it less far, or reset the fake first",
        )
    return instant_ns


def step_ns(seconds: float) -> int:
    """Return the nanoseconds by which a clock is moved on; ClockError for a negative or not finite number."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise ClockError(f"clock.advance({seconds!r}): this is not a number of seconds", "Write seconds, such as 120")
    if not 0 <= seconds < float("inf"):
        raise ClockError(
            f"clock.advance({seconds!r}): a clock cannot run backwards or forever",
            "Give a finite number of seconds, 0 or more",
        )
    # One that is too far is too far by any number: times a billion it might be infinite.
    return round(min(seconds, _TOO_FAR_S) * NS_PER_S)
