"""The rule of virtual time, and who keeps it.

While a fake is active, from the first request to Akool until the fake ends, every wait of the code under test is
virtual: who waits is entered here with the instant at which its wait is over, and the clock jumps to the earliest of
these instants as soon as everybody who takes part has come to rest. Then the one that waits for this instant goes on,
alone, until all rest again. So instants and order are the same in every run.

**Who takes part** is a thread: the one that started the fake; those that were started since; those that asked Akool
for something; and workers of a pool that was there before, while they work. Threads of the test runner, of debuggers
and of the fake itself never do.

**At rest** is a thread that waits here, for an instant or for another thread, and one of which the operating system
says that it waits (see `operating_system`). One that waits for the world outside, for a socket or a child process, is
waited for: `_GLANCE_S` when it may be idle, `_STANDSTILL_S` when it surely is not.

**Real time** passes before the first request, in a block of `real_time()`, and when the clock has stood still for
`_STANDSTILL_S` because of something that only real time can bring. All waits are then real, and the clocks go along.
"""

from __future__ import annotations

import itertools
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from weakref import WeakSet

from mock_akool.core.clock import NS_PER_S, MovableClock, VirtualClock
from mock_akool.mock.interceptors.target import Target, VirtualTimeLimitError
from mock_akool.mock.virtual_time import genuine, operating_system, sockets
from mock_akool.mock.virtual_time.operating_system import CHILD, INSIDE, LIMITED, MAYBE, Look

_log = logging.getLogger("mock_akool")

_LOOK_S: Final = 0.001
"""How often who waits for the earliest instant looks, in real time, whether all have come to rest meanwhile."""
_LONG_S: Final = 0.05
"""How often the others look; they are woken when there is something for them."""
_GLANCE_S: Final = 0.03
"""For how long a thread is waited for, in real time, that may wait for the world outside or may be idle."""
_STANDSTILL_S: Final = 5.0
"""For how long the clock stands still, in real time, for what only real time can bring; then it runs as real time."""
_STANDSTILL_NS: Final = round(_STANDSTILL_S * NS_PER_S)
_SPIN_READS: Final = 200
_SPIN_NS: Final = NS_PER_S // 50
"""Who looks so often at the clock before the first request, in so much real time, waits by looking: time then passes.
All else that code does takes no time: or else limits that were set before the first request would not be round."""
EXACT_NS: Final = 1_953_125
"""2**-9 seconds: what is a multiple of it is exact as a float, and so is what code adds to it and takes off again.

So far the clock moves on, once, for who has waited for the end of a time limit, and then finds that nothing is left of
it, but that it is not over either: on a machine each wait lasts a little longer than it says."""
_OVERSHOOT_READS: Final = 1_000
"""Who looks so often at the clock at an instant that was waited for, and asks nothing, waits for the next one."""
_UNSEEN_NS: Final = NS_PER_S // 50
_UNSEEN_WAITS: Final = 2
"""Who polls so often after so much real time at one instant of virtual time pauses in a way that is not seen."""
_NEVER_ASKED: Final = (None, 0, 0)
_FOR_EVER_S: Final = 1e10
_TOLD_JOBS: Final = 3

NEVER_TAKES_PART: Final = frozenset(
    {
        "_pytest", "pytest", "pluggy", "xdist", "execnet", "pytest_timeout", "pytest_cov", "pytest_benchmark",
        "coverage", "debugpy", "pydevd", "_pydevd_bundle", "_pydev_bundle", "_pydev_runfiles", "IPython", "ipykernel",
        "faulthandler", "multiprocessing", "subprocess", "socketserver", "mock_akool",
    }
)  # fmt: skip
"""Packages whose threads keep real time, and whose own waits and clocks are real: they are about the real world."""


class Waiter:
    """Somebody who waits, in one thread: until an instant, until it is `release`d, or until either."""

    __slots__ = (
        "_gate",
        "deadline_ns",
        "failure",
        "granted",
        "joined",
        "notified",
        "order",
        "real_ns",
        "span_ns",
        "thread",
        "what",
    )

    def __init__(self, what: str, deadline_ns: int | None, order: int, span_ns: int = 0) -> None:
        self.span_ns = span_ns
        """For how long it waits from `real_ns` on, the instant in real time when it was made."""
        self.real_ns = genuine.monotonic_ns()
        self.what = what
        """What was called, such as `time.sleep`, for people."""
        self.deadline_ns = deadline_ns
        self.order = order
        self.thread = threading.current_thread()
        self._gate = genuine.allocate_lock()
        self._gate.acquire()
        self.notified = False
        """Whether what was waited for has come. It is set by the thread that brings it, so no instant is missed."""
        self.granted = False
        """Whether the instant has come."""
        self.failure: BaseException | None = None
        self.joined: threading.Thread | None = None
        """The thread whose end is waited for."""

    @property
    def key(self) -> tuple[int, int]:
        """The smallest goes on first."""
        return (sys.maxsize if self.deadline_ns is None else self.deadline_ns, self.order)

    def release(self) -> None:
        """Say that what was waited for has come. For `threading.Condition` this is the lock of a waiter."""
        self.notified = True
        self.wake()

    def wake(self) -> None:
        """Let the waiter look anew."""
        try:
            self._gate.release()
        except RuntimeError:
            return  # it is about to look anyway

    def block(self, seconds: float) -> None:
        """Really wait, up to so many seconds, or until it is woken."""
        self._gate.acquire(True, min(seconds, threading.TIMEOUT_MAX))

    def awaits(self) -> str:
        """Return what of the world it awaits beside its instant, in the words of `sockets`."""
        return sockets.NOTHING

    def rests(self) -> bool:
        """Whether nothing has come yet for which it would go on."""
        if self.notified or self.granted or self.failure:
            return False
        return self.joined is None or self.joined.ident in threading._active  # type: ignore[attr-defined]


class _Fake:
    """A fake whose time is kept, and up to which instant of the process it was moved."""

    def __init__(self, target: Target, clock: MovableClock, limit_ns: int, seen_ns: int) -> None:
        self.target = target
        self.clock = clock
        self.limit_ns = limit_ns
        self.seen_ns = seen_ns
        self.clock_ns = clock.now_ns()
        """Where we left the clock; when it is elsewhere, a test has moved it."""
        self.slept_ns = 0
        self._asked: dict[int, tuple[int, int, int]] = {}
        """When each thread polled last, by virtual and by real time, and how often it really waited before."""
        self.jobs_made = -1
        self.calls_before = target.calls_answered

    def nap(self, seconds: float) -> None:
        keeper.nap(seconds, "waiting for an answer")

    async def nap_in_task(self, seconds: float) -> None:
        await keeper.nap_in_task(seconds)

    def overshoot(self) -> None:
        keeper.overshoot()

    def unseen_pause(self) -> str:
        """Return why a pause of this thread is not seen: what is replaced, or that it really waited before it asked."""
        return keeper.replaced() or self._really_waited()

    def _really_waited(self) -> str:
        real_ns = genuine.monotonic_ns()
        before_ns, really_before_ns, count = self._asked.get(threading.get_ident(), _NEVER_ASKED)
        same = before_ns == keeper._now_ns and real_ns - really_before_ns > _UNSEEN_NS
        count = count + 1 if same else 0
        self._asked[threading.get_ident()] = (keeper._now_ns, real_ns, count)
        if count < _UNSEEN_WAITS or not keeper._is_virtual():
            return ""
        return "it waited in real time, by something that virtual time does not reach"


class Keeper:
    """Keeps the virtual time of the process. There is one, `keeper`."""

    def __init__(self) -> None:
        self._lock: Any
        """Held by who looks whether all rest. What others change meanwhile they change without it, in one step of the
        interpreter: a thread that waited for this lock would look like one at rest."""
        self._clock_lock: Any
        """Held for a few instructions by who moves `_now_ns`."""
        self._order = itertools.count(1)
        self.forget()
        self.time_passed: Callable[[float], None] = lambda _: None
        """Tells other tools that stop the clock, such as freezegun, that so many seconds passed."""
        self.replaced: Callable[[], str] = lambda: ""
        """Tells which wait somebody else has replaced since, in a sentence; nothing when none is."""
        self.nap_in_task: Callable[[float], Any]
        """Sleeps in a task of asyncio or trio."""

    def forget(self) -> None:
        """Begin anew: before the first fake, and in a child process, whose time is real."""
        self._lock, self._clock_lock = threading.RLock(), threading.RLock()
        self._fakes: list[_Fake] = []
        self._now_ns = 0
        """How much time has passed since the first fake was started, as the code under test sees it."""
        self._real_ns = 0
        """When, in real time, `_now_ns` was moved last."""
        self._reads = 0
        """How often somebody looked at the clock since it was moved last."""
        self._reached_ns: int | None = None
        """The instant that somebody had waited for, and reached, last."""
        self._looks = 0
        """How often somebody looked at the clock since then, and since the last request."""
        self._begun = False
        self._lifted = 0
        self._stalled = False
        """Whether the clock runs as real time because it stood still for too long."""
        self._threads: dict[threading.Thread, None] = {}
        """Who takes part, until it has ended."""
        self._idents: set[int] = set()
        self._waiters: list[Waiter] = []
        self._changes = 0
        """Another number whenever somebody has begun or ended to wait."""
        self._stepping = False
        self._at_rest: dict[int, object] = {}
        """The progress of threads that were seen to be at rest, by their idents."""
        self._since_ns: dict[int, tuple[object, int]] = {}
        """Since when, in real time, a thread waits for the world outside."""
        self.working: set[int] = set()
        """The idents of workers that have something to do."""
        self.items: WeakSet[Any] = WeakSet()
        """What was given to workers, and none has begun."""
        self.told = ""
        """Why the clock stood still, if it did for long."""

    # Fakes

    def add(self, target: Target, clock: MovableClock, limit_ns: int) -> _Fake:
        """Keep the time of a fake from now on; its limit of virtual sleep is in nanoseconds."""
        if not self._fakes:
            self.forget()
            self._real_ns = genuine.monotonic_ns()
        fake = _Fake(target, clock, limit_ns, self._now_ns)
        self._fakes.append(fake)
        self._join(threading.current_thread())
        target.sleeper = fake
        target.when_asked = self.asked
        return fake

    def remove(self, fake: _Fake) -> None:
        """Keep its time no longer. With the last one all waits are real again."""
        fake.target.sleeper = None
        fake.target.when_asked = None
        self._fakes.remove(fake)
        if not self._fakes:
            self._mode_changed()

    @property
    def active(self) -> bool:
        """Whether there is a fake."""
        return bool(self._fakes)

    def asked(self) -> None:
        """Take note that this thread makes a request to Akool: from the first one on, waits are virtual."""
        thread = threading.current_thread()
        if not self._begun or thread not in self._threads:
            self._join(thread)
            if not self._begun:
                for fake in self._fakes:
                    fake.seen_ns = self._now_ns
                self._begun = True
                self._mode_changed()
        self._looks = 0
        if self._lifted or self._stalled:
            self._catch_up(0)
        else:
            self._real_ns = genuine.monotonic_ns()  # who asks does not wait for what only real time can bring
        self._pull()
        for fake in self._fakes:
            if fake.seen_ns != self._now_ns:
                self._move(fake)

    def run_in_real_time(self, library: str) -> None:
        """Let time pass as it really does until the last fake ends: a library has replaced the waits by its own."""
        self._lifted += 1
        self._real_ns = genuine.monotonic_ns()
        self.told = (
            f"{library} has replaced the threads and the waits of this process, so time is real here: "
            "a job of a minute takes a minute. Give jobs short stages, or stages that last polls"
        )
        _log.warning("mock-akool: %s", self.told)

    @contextmanager
    def real_time(self) -> Iterator[None]:
        """Let time pass as it really does, for all waits that begin in the block, of whatever thread."""
        self._catch_up(0)
        self._lifted += 1
        self._mode_changed()
        try:
            yield
        finally:
            self._catch_up(0)
            self._lifted -= 1
            self._mode_changed()
            self.asked_nothing()

    def asked_nothing(self) -> None:
        """Bring the clocks of all fakes to the instant of the process."""
        for fake in self._fakes:
            if fake.seen_ns != self._now_ns:
                self._move(fake)

    def _mode_changed(self) -> None:
        self._real_ns = genuine.monotonic_ns()
        for waiter in list(self._waiters):
            waiter.wake()

    # Who takes part

    def _join(self, thread: threading.Thread) -> None:
        self._threads[thread] = None
        if thread.ident is not None:
            self._idents.add(thread.ident)

    def starting(self, thread: threading.Thread) -> None:
        """Take note that a thread is about to be started: it takes part from now on."""
        if self._fakes and not is_foreign(thread):
            self._threads[thread] = None

    def not_started(self, thread: threading.Thread) -> None:
        """Take note that a thread could not be started after all."""
        self._threads.pop(thread, None)

    def takes_part(self) -> bool:
        """Return whether waits of this thread are kept here."""
        if not self._fakes:
            return False
        ident = threading.get_ident()
        if ident in self._idents or ident in self.working:
            return True
        thread = threading._active.get(ident)  # type: ignore[attr-defined]
        if thread is not None and thread in self._threads:
            self._idents.add(ident)
            return True
        return False

    def _is_virtual(self) -> bool:
        return self._begun and not self._lifted and not self._stalled

    # Clocks

    def elapsed_ns(self) -> int:
        """Return how much time has passed since the first fake was started, as the code under test sees it."""
        self._pull()
        self._reads += 1
        if self._lifted or self._stalled:
            self._catch_up(0)
        elif not self._begun:
            self._catch_up(_SPIN_NS if self._reads > _SPIN_READS else _STANDSTILL_NS)
        elif self._reads > 1 and genuine.monotonic_ns() - self._real_ns > _STANDSTILL_NS:
            self._stall(f"thread {threading.current_thread().name} looks at the clock, and does not wait")
        elif self._reached_ns is not None:
            self._looks += 1
            if self._looks > _OVERSHOOT_READS:
                self.overshoot()
        return self._now_ns

    def overshoot(self) -> None:
        """Move the clock a little past an instant that was waited for, once."""
        with self._clock_lock:
            stands_there = self._is_virtual() and self._reached_ns == self._now_ns
            self._reached_ns = None
            if stands_there:
                self._now_ns += EXACT_NS
                self._real_ns = genuine.monotonic_ns()
        if stands_there:
            self.time_passed(EXACT_NS / NS_PER_S)

    def _pull(self) -> None:
        """Let the time of the process follow the clock of a fake that a test has moved."""
        for fake in self._fakes:
            moved_ns = fake.clock.now_ns() - fake.clock_ns
            if moved_ns > 0 and not self._stepping:
                with self._clock_lock:
                    moved_ns = fake.clock.now_ns() - fake.clock_ns
                    fake.clock_ns += moved_ns
                    owed_ns = self._now_ns - fake.seen_ns
                    self._now_ns += moved_ns
                    fake.seen_ns = self._now_ns - owed_ns
                    self._real_ns = genuine.monotonic_ns()
                self.time_passed(moved_ns / NS_PER_S)

    def _catch_up(self, lag_ns: int) -> None:
        """Let the time of the process follow real time, if it is behind by more than a lag."""
        with self._clock_lock:
            real_ns = genuine.monotonic_ns()
            behind_ns = real_ns - self._real_ns
            if not self._is_virtual() and behind_ns > lag_ns:
                self._now_ns += behind_ns
                self._real_ns = real_ns
                self._reads = 0

    def _move(self, fake: _Fake) -> None:
        step_ns = self._now_ns - fake.seen_ns
        fake.seen_ns = self._now_ns
        if step_ns > 0:
            fake.clock_ns += step_ns
            fake.clock.advance_to(fake.clock_ns)
            fake.clock_ns = max(fake.clock_ns, fake.clock.now_ns())

    # Waiting

    def waiter(self, what: str, seconds: float | None) -> Waiter:
        """Return a new waiter of this thread, for so many seconds from now, or with None forever."""
        if not self._begun and any(fake.target.calls_answered > fake.calls_before for fake in self._fakes):
            self.asked()  # by a way of its own, such as a live server of the fake
        if not self._begun and not self._waiters:
            self._real_ns = genuine.monotonic_ns()  # what was computed so far took no time
        elif not self._is_virtual():
            self._catch_up(0)
        self._pull()
        if seconds is None or seconds >= _FOR_EVER_S:
            return Waiter(what, None, next(self._order))
        # At least a nanosecond, or who waits for the rest of a time that is no round number would wait forever.
        span_ns = max(1, round(seconds * NS_PER_S))
        return Waiter(what, self._now_ns + span_ns, next(self._order), span_ns)

    def nap(self, seconds: float, what: str = "time.sleep") -> None:
        """Sleep in a thread."""
        self.rest(self.waiter(what, seconds))

    def rest(self, waiter: Waiter, block: Callable[[float], Any] | None = None) -> bool:
        """Wait, and return whether it was released before its instant came. `block` is how it really waits."""
        blocking = waiter.block if block is None else block
        self.enter(waiter)
        try:
            while True:
                seconds = self.drive(waiter)
                if waiter.notified:
                    return True
                if waiter.failure is not None:
                    raise waiter.failure
                if waiter.granted:
                    return False
                if blocking(seconds) is True:
                    return True
        finally:
            self.leave(waiter)

    def enter(self, waiter: Waiter) -> None:
        """Enter a waiter that drives itself; `leave` ends it."""
        self._waiters.append(waiter)
        self._changes = next(self._order)

    def leave(self, waiter: Waiter) -> None:
        """Take a waiter out. One that waits since an earlier fake is not there any more."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        self._changes = next(self._order)

    @contextmanager
    def at_rest(self, what: str) -> Iterator[None]:
        """Count this thread as one that waits, while it looks in real time for what others do."""
        waiter = Waiter(what, None, next(self._order))
        self.enter(waiter)
        try:
            yield
        finally:
            self.leave(waiter)

    def pass_time(self, seconds: float) -> None:
        """Let a receiver of a webhook sleep: whoever called it waits for it, so nobody else's turn is waited for."""
        step_ns = round(seconds * NS_PER_S)
        error = self._beyond_limit(self._now_ns + step_ns, None)
        if error is not None:
            raise error
        with self._clock_lock:
            self._now_ns += step_ns
            self._real_ns = genuine.monotonic_ns()
        for fake in self._fakes:
            fake.slept_ns += step_ns
        self.asked_nothing()
        self.time_passed(seconds)

    def drive(self, waiter: Waiter, *, in_loop: bool = False) -> float:
        """Move the clock if everybody is at rest, and let the first go on. Returns for how long to wait really.

        When this is over, `waiter` may have been granted, or may have failed. In an event loop the clock is not moved
        past a webhook by this thread, since a receiver may need the loop.
        """
        while waiter.rests():
            with self._lock:
                # A fake may have been left while somebody waits, who then waits for the rest in real time.
                if self._fakes and self._stalled and self._all_rest(waiter):
                    self._catch_up(0)
                    self._stalled = False
                if not self._is_kept(waiter):
                    return self._real_seconds(waiter)
                if self._stepping or not waiter.rests():
                    return _LOOK_S
                if any(fake.target.in_flight for fake in self._fakes):
                    return self._seconds_in_flight(waiter)
                first, stop_ns = self._next()
                if first is None and stop_ns is None:
                    return _LONG_S
                if not self._all_rest(waiter):
                    self._check_standstill()
                    return _LOOK_S if first is waiter or first is None else _LONG_S / 5
                # Again, and now all rest: who has come to rest since then may wait for an earlier instant.
                first, stop_ns = self._next()
                goals_ns = (each for each in (stop_ns, _deadline_of(first)) if each is not None)
                goal_ns = min(goals_ns, default=self._now_ns)
                if goal_ns <= self._now_ns and stop_ns != goal_ns and first is not None:
                    self._grant(first, waiter)
                    return _LONG_S / 5
                error = self._beyond_limit(goal_ns, first)
                if error is not None:
                    failing = first or waiter
                    failing.failure = error
                    failing.wake()
                    return _LOOK_S
                self._stepping = True
                passed_ns = max(0, goal_ns - self._now_ns)
            if in_loop and stop_ns == goal_ns:
                step = threading.Thread(
                    target=self._step, args=(goal_ns, passed_ns), name="mock-akool-clock", daemon=True
                )
                step.start()
                return _LOOK_S
            self._step(goal_ns, passed_ns)
        return 0.0

    def _grant(self, first: Waiter, driving: Waiter) -> None:
        """Let a waiter go on, and the next one look from now on whether it has come to rest."""
        self._reached_ns, self._looks = self._now_ns, 0
        first.granted = True
        if first is not driving:
            first.wake()
        after = self._first()
        if after is not None and after is not driving:
            after.wake()

    def _seconds_in_flight(self, waiter: Waiter) -> float:
        """Return for how long to wait while a server elsewhere answers, which takes real time: limits are real, too."""
        if waiter.deadline_ns is None:
            return _LONG_S
        left_ns = waiter.span_ns - (genuine.monotonic_ns() - waiter.real_ns)
        if left_ns > 0:
            return float(min(left_ns / NS_PER_S, _LONG_S))
        with self._clock_lock:
            self._now_ns = max(self._now_ns, waiter.deadline_ns)
            self._real_ns = genuine.monotonic_ns()
        waiter.granted = True
        return 0.0

    def _real_seconds(self, waiter: Waiter) -> float:
        """Return for how long a wait still is, in real time; one that is over is granted."""
        if waiter.deadline_ns is None:
            return _LONG_S
        real_ns = genuine.monotonic_ns()
        if waiter not in self._waiters:  # its instant is one of an earlier fake's time
            left_ns = waiter.span_ns - (real_ns - waiter.real_ns)
            waiter.granted = left_ns <= 0
            return max(0.0, left_ns / NS_PER_S)
        left_ns = waiter.deadline_ns - self._now_ns - (real_ns - self._real_ns)
        if left_ns <= 0:
            if waiter.deadline_ns > self._now_ns:
                self._now_ns, self._real_ns, self._reads = waiter.deadline_ns, real_ns, 0
            waiter.granted = True
            return 0.0
        return float(left_ns / NS_PER_S)

    def _is_kept(self, waiter: Waiter) -> bool:
        """Return whether it waits in virtual time, and not since an earlier fake that has ended."""
        return bool(self._fakes) and self._is_virtual() and waiter in self._waiters

    def _first(self) -> Waiter | None:
        waiting = [each for each in list(self._waiters) if each.deadline_ns is not None and each.rests()]
        return min(waiting, key=lambda each: each.key) if waiting else None

    def _next(self) -> tuple[Waiter | None, int | None]:
        """Return who goes on first, and when a webhook is due: the clock is moved to the earlier of both."""
        return self._first(), self._stop_ns()

    def _stop_ns(self) -> int | None:
        """Return when, in the time of the process, a webhook is due: the clock must stop there."""
        stops = []
        for fake in self._fakes:
            if isinstance(fake.clock, VirtualClock):
                stop_ns = fake.clock.next_stop_ns()
                if stop_ns is not None:
                    stops.append(max(self._now_ns, fake.seen_ns + stop_ns - fake.clock_ns))
        return min(stops, default=None)

    def _step(self, goal_ns: int, passed_ns: int) -> None:
        """Move all clocks to an instant; webhooks that are due on the way are sent."""
        try:
            with self._clock_lock:
                self._now_ns = max(self._now_ns, goal_ns)
                self._real_ns = genuine.monotonic_ns()
                self._reads = 0
            if passed_ns > 0:
                self.time_passed(passed_ns / NS_PER_S)
            for fake in list(self._fakes):
                fake.slept_ns += max(0, passed_ns)
                step_ns = self._now_ns - fake.seen_ns
                fake.seen_ns = self._now_ns
                fake.clock_ns += step_ns
                fake.clock.advance_to(fake.clock_ns)
                fake.clock_ns = max(fake.clock_ns, fake.clock.now_ns())
        finally:
            self._stepping = False
            if threading.current_thread().name == "mock-akool-clock":
                for waiter in list(self._waiters):
                    waiter.wake()

    # At rest

    def _all_rest(self, asking: Waiter) -> bool:  # noqa: C901, PLR0912 - a case for each way in which a thread waits
        """Return whether nobody who takes part has anything to do now."""
        unknown: list[threading.Thread] = []
        changes = self._changes
        resting: dict[threading.Thread, Waiter] = {each.thread: each for each in list(self._waiters)}
        for thread in list(self._threads):
            if thread.ident is None:
                return False  # it is being started
            waiter = resting.get(thread)
            if waiter is not None:
                if waiter is not asking and not waiter.rests():
                    return False
                if waiter.joined is not None and waiter.joined not in self._threads:
                    unknown.append(waiter.joined)  # a thread that does not take part, and may be about to end
            elif thread.ident in threading._active:  # type: ignore[attr-defined]
                unknown.append(thread)
            elif thread.is_alive() or not thread._started.is_set():  # type: ignore[attr-defined]
                return False  # it is about to begin, or to end
            else:
                self._threads.pop(thread, None)
                self._idents.discard(thread.ident)
        for ident in list(self.working):
            worker = threading._active.get(ident)  # type: ignore[attr-defined]
            if worker is not None and worker not in self._threads:
                waiter = resting.get(worker)
                if waiter is None:
                    unknown.append(worker)
                elif not waiter.rests():
                    return False
        if self.items:
            unknown.extend(each for each in _worker_threads() if each not in resting and each not in unknown)
        if unknown and not self._wait_outside(unknown):
            return False
        if not all(self._is_answered(each) for each in list(self._waiters)):
            return False
        # What was seen must hold at one instant: a thread that has come here meanwhile may wait for the lock we hold,
        # and one that is joined may have ended.
        return changes == self._changes and all(each.rests() for each in list(self._waiters))

    def _wait_outside(self, threads: list[threading.Thread]) -> bool:
        """Return whether threads that do not wait here are at rest, by what the operating system says of them."""
        looks = {each: operating_system.look(each.native_id, each.ident or 0) for each in threads}
        if any(look.waits_for is None for look in looks.values()):
            return False
        anew = {each: look for each, look in looks.items() if self._at_rest.get(each.ident or 0) != look.progress}
        return all(self._is_idle(thread, look) for thread, look in anew.items())

    def _is_answered(self, waiter: Waiter) -> bool:
        """Return whether nothing is awaited at the sockets of an event loop, or was awaited for long enough."""
        what = waiter.awaits()
        if what == sockets.NOTHING:
            return True
        return self._has_waited(id(waiter), waiter.order, what, waiter.thread)

    def _has_waited(self, key: int, progress: object, what: str, thread: threading.Thread) -> bool:
        """Return whether somebody has waited for the world for long enough, in real time, without having run."""
        if what in (sockets.INSIDE, sockets.BEGUN):
            others = [
                each
                for each in threading.enumerate()
                if each is not thread and each not in self._threads and _may_answer(each)
            ]
            if what == sockets.BEGUN:
                return not any(
                    operating_system.look(each.native_id, each.ident or 0).waits_for is None for each in others
                )
            if not self._wait_outside(others):
                return False
            what = sockets.MAYBE
        real_ns = genuine.monotonic_ns()
        before, since_ns = self._since_ns.get(key, (None, 0))
        if before != progress:
            self._since_ns[key] = (progress, real_ns)
            return False
        patience_s = _STANDSTILL_S if what == sockets.OUTSIDE else _GLANCE_S
        return bool(real_ns - since_ns >= patience_s * NS_PER_S)

    def _is_idle(self, thread: threading.Thread, look: Look) -> bool:
        """Return whether a thread that waits is not to be waited for, and remember it until it has run again."""
        ident, real_ns = thread.ident or 0, genuine.monotonic_ns()
        waits_for = CHILD if _has_pending_work(thread) else look.waits_for
        if waits_for == LIMITED:
            before, since_ns = self._since_ns.get(ident, (None, 0))
            if before != look.progress:
                self._since_ns[ident] = (look.progress, real_ns)
                return False
            if real_ns - since_ns < 2 * sys.getswitchinterval() * NS_PER_S:
                return False
        elif waits_for != INSIDE:
            what = sockets.awaited_by(thread) if waits_for == MAYBE and thread in self._threads else sockets.MAYBE
            what = sockets.OUTSIDE if waits_for == CHILD else what
            if what != sockets.NOTHING and not self._has_waited(ident, look.progress, what, thread):
                return False
        self._at_rest[ident] = look.progress
        return True

    def _check_standstill(self) -> None:
        """Let the clock run as real time when it has stood still for too long."""
        if genuine.monotonic_ns() - self._real_ns <= _STANDSTILL_NS:
            return
        resting = {each.thread for each in self._waiters}
        busy = [each for each in self._threads if each not in resting and each.is_alive()]
        where = "; ".join(f"thread {each.name} is at {_place_of(each)}" for each in busy) or "a request is under way"
        self._stall(where)

    def _stall(self, why: str) -> None:
        if self._stalled:
            return
        self._stalled = True
        self.told = (
            f"virtual time stood still for {_STANDSTILL_S:g} s, because something was waited for that only real "
            f"time can bring: {why}. Until all have come to rest it passes as real time does"
        )
        self._mode_changed()
        _log.warning("mock-akool: %s", self.told)

    # Limits

    def _beyond_limit(self, goal_ns: int, first: Waiter | None) -> VirtualTimeLimitError | None:
        jobs_made = [fake.target.job_count for fake in self._fakes]
        # A client that is given a job by any of the fakes does not wait for the others' jobs.
        if jobs_made != [fake.jobs_made for fake in self._fakes]:
            for fake, made in zip(self._fakes, jobs_made, strict=True):
                fake.jobs_made, fake.slept_ns = made, 0
        for fake in self._fakes:
            step_ns = goal_ns - self._now_ns
            if fake.slept_ns + step_ns > fake.limit_ns:
                return VirtualTimeLimitError(self._complaint(fake, step_ns, first))
        return None

    def _complaint(self, fake: _Fake, step_ns: int, first: Waiter | None) -> str:
        states = ", ".join(
            f"job {job_id} is {status.name.lower()}" for job_id, status in fake.target.newest_jobs(_TOLD_JOBS)
        )
        where = "" if first is None else f" It waits in {first.what} at {_place_of(first.thread)}."
        return (
            f"the code under test has slept for {_seconds(fake.slept_ns)} of virtual time and wants to sleep for "
            f"{_seconds(step_ns)} more ({states or 'there is no job'}), beyond the limit of "
            f"{_seconds(fake.limit_ns)}.{where} A real client would hang here: does it see the end of a job, and does "
            f"it have a time limit? If it means to wait this long, raise the setting sleep_limit"
        )


keeper: Final = Keeper()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=keeper.forget)


def is_foreign(thread: threading.Thread) -> bool:
    """Return whether a thread never takes part: one of the test runner, of a debugger, or of the fake itself."""
    return thread.name.startswith("mock-akool") or not NEVER_TAKES_PART.isdisjoint(_packages_of(thread))


def _may_answer(thread: threading.Thread) -> bool:
    """Return whether what is awaited from this process may be the answer of a thread: servers are foreign, and do."""
    return not is_foreign(thread) or "socketserver" in _packages_of(thread)


def _packages_of(thread: threading.Thread) -> set[str]:
    """Return the packages of what a thread runs, and of its type."""
    function = getattr(thread, "_target", None) or getattr(thread, "function", None) or type(thread)
    timed = getattr(thread, "function", None)
    modules = (getattr(each, "__module__", None) or "" for each in (function, timed, type(thread)) if each is not None)
    return {module.partition(".")[0] for module in modules}


def _deadline_of(waiter: Waiter | None) -> int | None:
    return None if waiter is None else waiter.deadline_ns


def _worker_threads() -> list[threading.Thread]:
    """Return the threads to which work is given."""
    return [
        each
        for each in threading.enumerate()
        if _WORKERS & {getattr(getattr(each, "_target", None), "__module__", None), type(each).__module__}
    ]


_WORKERS: Final = {"concurrent.futures.thread", "trio._core._thread_cache", "anyio._backends._asyncio"}
"""The modules of which their functions or their types are."""


def _has_pending_work(thread: threading.Thread) -> bool:
    """Return whether a thread waits for the children of a pool of processes that have something to do."""
    return bool(getattr(thread, "pending_work_items", None))


def _place_of(thread: threading.Thread) -> str:
    """Return where a thread is, in the innermost line of the code under test."""
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None:
        return "an unknown place"
    lines = traceback.extract_stack(frame)
    own = [each for each in lines if _is_of_code_under_test(each.filename)]
    line = (own or lines)[-1]
    return f"{line.filename}:{line.lineno} in {line.name}"


def _is_of_code_under_test(path: str) -> bool:
    return not any(part in path for part in ("site-packages", "dist-packages", "mock_akool/", "<frozen")) and not (
        path.startswith(_STANDARD_LIBRARY)
    )


_STANDARD_LIBRARY: Final = threading.__file__.removesuffix("threading.py")


def _seconds(span_ns: int) -> str:
    return f"{round(span_ns / NS_PER_S, 3):,}".removesuffix(".0") + " s"
