"""Who sleeps in virtual time, and who wakes first.

Sleepers in several threads or tasks are woken in the order of their wake-up times, as by a real clock: the clock is
moved only by the sleeper that wakes first, and only when the others have nothing more to do.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Final
from weakref import WeakSet

from mock_akool.core.clock import NS_PER_S, MovableClock
from mock_akool.mock.interceptors.target import Target, VirtualTimeLimitError, in_asyncio
from mock_akool.mock.virtual_time.originals import originals

_QUIET_TURNS: Final = 12
"""After how many turns of an event loop without a request its other tasks count as asleep or done."""
_WAKING_TURNS: Final = 6
"""How many turns a task that wakes lets pass, so that the loop's own timers of that instant fire before it goes on."""
_GRACE_S: Final = 0.01
"""How long, in real time, a sleeper waits for other threads that used the fake and are busy elsewhere."""
_WAKING_GRACES: Final = 10
"""How many times as long it waits for a thread that has just woken: a busy machine may keep it from its next step."""
_TIMER_GRIDS_NS: Final = (NS_PER_S, NS_PER_S // 2, NS_PER_S // 10)
"""What the instants of a loop's timers are rounded up to, since they also count the little real time that passes."""

_TOLD_JOBS: Final = 3

_async_sleep: Final = asyncio.sleep

_Wake = tuple[int, int]
"""When a sleeper wakes, and its number; the smallest wakes first."""


class SleepScheduler:
    """The sleepers of one fake, in all threads and tasks.

    The clock is moved only by the sleeper that wakes first, to the instant when it wakes, and only when nobody else
    has anything to do before. What the others do can only be guessed: tasks of the same loop are given some turns,
    and threads some real time, in which no request may come.
    """

    def __init__(
        self, target: Target, clock: MovableClock, limit_ns: int, time_passed: Callable[[float], None]
    ) -> None:
        self._target = target
        self._time_passed = time_passed
        """Tells the other clocks of the process that so many seconds passed."""
        self._clock = clock
        self._limit_ns = limit_ns
        self._changed = threading.Condition()
        """Guards what follows, and tells threads that somebody woke or went to sleep."""
        self._wakes: list[_Wake] = []
        self._threads_asleep: set[threading.Thread] = set()
        self._threads_woken: set[threading.Thread] = set()
        """Threads that woke up and did not sleep again, until they were waited for in vain."""
        self._count = 0
        self._slept_ns = 0
        self._told_ns = 0
        """How much time the other clocks of the process were told has passed."""
        self._jobs_made = -1
        self._made_ns = time.perf_counter_ns()
        self._bystanders = WeakSet(threading.enumerate())
        """Threads that were there before the fake; they count only once they have used it."""
        self._home = threading.current_thread()

    def in_force(self) -> bool:
        """Return whether sleep is virtual now in this thread: a job is on its way.

        It still is for a client that was told so, and sleeps for it only after another thread has moved the clock past
        the job's end; for one sleep, since then it can see the end.
        """
        if self._is_foreign(threading.current_thread()):
            return False
        if self._target.is_awaited():
            return True
        try:
            self._target.shown_unfinished.pop()
        except KeyError:
            return False
        return True

    def _is_foreign(self, thread: threading.Thread) -> bool:
        """Return whether the thread has nothing to do with the fake, as a heartbeat in the background.

        If its sleep were virtual, it would drive the clock. Threads of a pool that was there before are no daemons.
        """
        return (
            thread.daemon
            and thread is not self._home
            and thread in self._bystanders
            and thread not in self._target.threads
        )

    def nap(self, seconds: float) -> None:
        """Sleep in a thread."""
        thread = threading.current_thread()
        with self._changed:
            me = self._enqueue(seconds)
            self._threads_asleep.add(thread)
            self._threads_woken.discard(thread)
            try:
                while self._clock.now_ns() < me[0]:
                    if me != min(self._wakes):
                        self._changed.wait(_GRACE_S)
                    elif not self._others_awake(thread) or not self._heard_within_grace():
                        self._advance_to(me[0])
            finally:
                self._threads_asleep.discard(thread)
                self._threads_woken.add(thread)
                self._dequeue(me)

    async def nap_in_task(self, seconds: float) -> None:
        """Sleep in a task of asyncio or trio."""
        turn, rest = _turns_of_this_loop()
        thread = threading.current_thread()
        with self._changed:
            me = self._enqueue(seconds)
        try:
            while self._clock.now_ns() < me[0]:
                if me != min(self._wakes):
                    await turn()
                    continue
                before = self._heard()
                for _ in range(_QUIET_TURNS):
                    await turn()
                if before == self._heard() and self._others_awake(thread):
                    await rest(_GRACE_S)
                if before == self._heard() and not self._target.in_flight:
                    with self._changed:
                        if me == min(self._wakes):
                            self._advance_to(self._wake_or_timer_ns(me[0]))
            for _ in range(_WAKING_TURNS):
                await turn()
        finally:
            with self._changed:
                self._dequeue(me)

    def pass_time(self, seconds: float) -> None:
        """Let a receiver of a callback sleep: whoever called it waits for it, so nobody else's turn is waited for."""
        with self._changed:
            self._advance_to(self._clock.now_ns() + round(seconds * NS_PER_S))

    def _wake_or_timer_ns(self, wake_ns: int) -> int:
        """Return `wake_ns`, or the earlier instant of the running loop's next timer.

        So that a time limit of 31 s ends the wait at 31 s, and not at the end of the pause. A timer counts real time,
        too, and so comes earlier in virtual time by what has really passed since it was set: at most since the fake
        was made. Of the instants that it may stand for, it is taken to be the roundest.
        """
        ahead_ns = _ns_to_next_timer()
        if ahead_ns is None:
            return wake_ns
        earliest_ns = self._clock.now_ns() + ahead_ns
        latest_ns = earliest_ns + min(time.perf_counter_ns() - self._made_ns, NS_PER_S)
        if wake_ns <= latest_ns:
            return wake_ns
        rounded = [-(-earliest_ns // grid_ns) * grid_ns for grid_ns in _TIMER_GRIDS_NS]
        return next((instant_ns for instant_ns in rounded if instant_ns <= latest_ns), earliest_ns)

    def _enqueue(self, seconds: float) -> _Wake:
        self._count += 1
        me = (self._clock.now_ns() + round(seconds * NS_PER_S), self._count)
        self._wakes.append(me)
        self._changed.notify_all()
        return me

    def _dequeue(self, me: _Wake) -> None:
        self._wakes.remove(me)
        self._changed.notify_all()

    def _others_awake(self, me: threading.Thread) -> bool:
        """Return whether threads that used the fake, or may be about to, are not asleep.

        A thread with an event loop counts as awake, since it may have tasks that do not sleep.
        """
        return any(
            thread is not me
            and thread not in self._threads_asleep
            and (thread not in self._bystanders or thread in self._target.threads)
            and not thread.name.startswith("mock-akool")
            for thread in threading.enumerate()
        )

    def _heard(self) -> tuple[int, int]:
        """Return what changes whenever somebody else does anything: makes a request, or goes to sleep."""
        return self._target.activity, self._count

    def _heard_within_grace(self) -> bool:
        """Wait for a moment, and return whether anything happened."""
        before = self._heard()
        for _ in range(_WAKING_GRACES):
            if self._changed.wait_for(lambda: before != self._heard(), _GRACE_S):
                return True
            if not any(thread.is_alive() for thread in self._threads_woken):
                break
        self._threads_woken.clear()
        return False

    def _advance_to(self, instant_ns: int) -> None:
        jobs_made = self._target.job_count
        if jobs_made != self._jobs_made:
            self._jobs_made, self._slept_ns = jobs_made, 0
        step_ns = max(0, instant_ns - self._clock.now_ns())
        if self._slept_ns + step_ns > self._limit_ns:
            raise VirtualTimeLimitError(self._complaint(step_ns))
        self._slept_ns += step_ns
        told_before_ns = self._told_ns
        # Callbacks that fall due on the way are delivered, and whoever receives them may wait for other threads.
        self._changed.release()
        try:
            self._clock.advance_to(instant_ns)
        finally:
            self._changed.acquire()
        # Less what a receiver slept meanwhile, which was told already.
        passed_ns = max(0, step_ns - (self._told_ns - told_before_ns))
        self._told_ns += passed_ns
        self._time_passed(passed_ns / NS_PER_S)
        self._changed.notify_all()

    def _complaint(self, step_ns: int) -> str:
        states = ", ".join(f"job {job_id} is {status.word}" for job_id, status in self._target.newest_jobs(_TOLD_JOBS))
        return (
            f"the code under test has slept for {_seconds(self._slept_ns)} of virtual time and wants to sleep for "
            f"{_seconds(step_ns)} more ({states or 'there is no job'}), beyond the limit of "
            f"{_seconds(self._limit_ns)}. A real client would hang here: does it see the end of a job, and does it "
            f"have a time limit? (One that it measures with datetime.now() does not see virtual time.) If it means to "
            f"wait this long, raise the setting sleep_limit"
        )


def _seconds(span_ns: int) -> str:
    return f"{round(span_ns / NS_PER_S, 3):,}".removesuffix(".0") + " s"


def _turns_of_this_loop() -> tuple[Callable[[], Awaitable[None]], Callable[[float], Awaitable[None]]]:
    """Return what lets the running event loop run once, and what really sleeps in it."""
    if in_asyncio():
        return _asyncio_turn, _async_sleep
    import trio

    return trio.lowlevel.checkpoint, originals.get(("trio", "sleep"), trio.sleep)


async def real_sleep(seconds: float) -> None:
    """Really sleep, in a task of asyncio or trio."""
    _, rest = _turns_of_this_loop()
    await rest(seconds)


async def _asyncio_turn() -> None:
    await _async_sleep(0)


def _ns_to_next_timer() -> int | None:
    """Return in how many ns the next timer of the running loop fires.

    None when it has none or does not show them, as uvloop.
    """
    if not in_asyncio():
        return None
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = getattr(loop, "_scheduled", [])
    when_s = min((timer.when() for timer in timers if not timer.cancelled()), default=None)
    return None if when_s is None else max(1, round((when_s - loop.time()) * NS_PER_S))
