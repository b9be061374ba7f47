"""Virtual sleep: while a job of an active fake is on its way, sleeping moves the fake's clock instead of waiting.

What is replaced: `time.sleep`, `asyncio.sleep`, and `trio.sleep` when trio is imported (anyio's sleep uses these); also
where a module has imported them by name. `time.monotonic` and `time.time` run ahead by what was slept, so that a
client that measures its own time limit sees it pass, and asyncio's timers fire in time. (The clocks of uvloop and trio
cannot be moved: there, `asyncio.timeout` and `trio.fail_after` count real time.)

Sleepers in several threads or tasks are woken in the order of their wake-up times, as by a real clock: the clock is
moved only by the sleeper that wakes first, and only when the others have nothing more to do.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, Final, NamedTuple
from weakref import WeakSet

from mock_akool.core.clock import NS_PER_S, VirtualClock
from mock_akool.mock.interceptors.target import Target, VirtualTimeLimitError, in_asyncio
from mock_akool.webhooks.receivers import is_delivering

_WAITS_FOR_REAL: Final = frozenset(
    {"subprocess", "multiprocessing", "threading", "queue", "socketserver", "_pytest", "xdist", "execnet", "mock_akool"}
)
"""Packages whose own sleeping is about the real world: children, sockets, the test runner."""
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

    def __init__(self, target: Target, clock: VirtualClock, limit_ns: int) -> None:
        self._target = target
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
        if self._target.application.is_awaited():
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
        jobs_made = self._target.application.job_count
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
        _time_passed(passed_ns / NS_PER_S)
        self._changed.notify_all()

    def _complaint(self, step_ns: int) -> str:
        states = ", ".join(
            f"job {job_id} is {status.name.lower()}"
            for job_id, status in self._target.application.newest_jobs(_TOLD_JOBS)
        )
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

    return trio.lowlevel.checkpoint, _real.get(("trio", "sleep"), trio.sleep)


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


_active: list[SleepScheduler] = []
_lock = threading.RLock()
_ahead_s: dict[tuple[str, str], float] = {}
"""By how much each clock function runs ahead of what it replaces."""


def activate(scheduler: SleepScheduler, target: Target) -> None:
    """Make sleep virtual for a fake."""
    with _lock:
        _patch()
        _active.append(scheduler)
        target.sleeper = scheduler


def deactivate(scheduler: SleepScheduler, target: Target) -> None:
    """Make sleep real again; with the last fake, all patches are taken back."""
    with _lock:
        target.sleeper = None
        _active.remove(scheduler)
        if not _active:
            _unpatch()
            _ahead_s.clear()


def _in_force() -> SleepScheduler | None:
    for scheduler in reversed(_active):
        if scheduler.in_force():
            return scheduler
    return None


def _virtual_sleep(seconds: float, /) -> None:
    scheduler = _in_force() if _active and seconds > 0 and not _caller_waits_for_real() else None
    if scheduler is None:
        _real_of("time", "sleep")(seconds)
    elif is_delivering():
        scheduler.pass_time(seconds)
    else:
        scheduler.nap(seconds)


async def _virtual_async_sleep(delay: float, result: Any = None) -> Any:
    scheduler = _in_force() if _active and delay > 0 and not _caller_waits_for_real() else None
    if scheduler is None:
        return await _real_of("asyncio", "sleep")(delay, result)
    if is_delivering():
        scheduler.pass_time(delay)
        return await _real_of("asyncio", "sleep")(0, result)
    await scheduler.nap_in_task(delay)
    return result


async def _virtual_trio_sleep(seconds: float) -> None:
    scheduler = _in_force() if _active and seconds > 0 else None
    if scheduler is None:
        await _real_of("trio", "sleep")(seconds)
    elif is_delivering():
        scheduler.pass_time(seconds)
        await _real_of("trio", "sleep")(0)
    else:
        await scheduler.nap_in_task(seconds)


def _caller_waits_for_real() -> bool:
    caller = sys._getframe(2)
    name = caller.f_globals.get("__name__") or ""
    return name.partition(".")[0] in _WAITS_FOR_REAL


def _running_ahead(module: str, name: str) -> Callable[[], float]:
    """Return a clock function that runs ahead of what it replaces by the seconds that were slept."""

    def tell() -> float:
        told: float = _real_of(module, name)()
        return told + _ahead_s.get((module, name), 0.0)

    return tell


def _time_passed(seconds: float) -> None:
    """Let the other clocks of the process see that time passed."""
    with _lock:
        before = {key: _real[key]() for key in _CLOCKS}
        _tick_frozen_time(seconds)
        for key, told in before.items():
            moved = _real[key]() - told  # which is next to nothing for a clock that nobody has stopped
            _ahead_s[key] = _ahead_s.get(key, 0.0) + seconds - moved


def _tick_frozen_time(seconds: float) -> None:
    """Move the time that freezegun or time-machine has stopped, if one of them has."""
    freezegun, time_machine = sys.modules.get("freezegun.api"), sys.modules.get("time_machine")
    for factory in getattr(freezegun, "freeze_factories", [])[-1:]:
        if hasattr(factory, "tick"):
            factory.tick(seconds)
    for stack in ("traveller_stack", "coordinates_stack"):  # the latter before release 3
        for traveller in getattr(time_machine, stack, [])[-1:]:
            traveller.shift(seconds)


# The patches

_REPLACEMENTS: Final[dict[tuple[str, str], Any]] = {
    ("time", "sleep"): _virtual_sleep,
    ("time", "monotonic"): _running_ahead("time", "monotonic"),
    ("time", "time"): _running_ahead("time", "time"),
    ("asyncio", "sleep"): _virtual_async_sleep,
    ("trio", "sleep"): _virtual_trio_sleep,
}
_CLOCKS: Final = (("time", "monotonic"), ("time", "time"))


class _Scan(NamedTuple):
    """Which names of a module are among those that may be replaced, and how many names it had when it was searched."""

    names: dict[str, Any]
    size: int
    found: list[tuple[str, tuple[str, str]]]


_real: dict[tuple[str, str], Any] = {}
"""What was replaced. It stays when the patches are taken back, for whoever holds on to a replacement."""
_patched: set[tuple[str, str]] = set()
_swapped: list[tuple[dict[str, Any], str, tuple[str, str]]] = []
"""The names in other modules that were replaced."""
_left: dict[tuple[int, str], tuple[dict[str, Any], str, tuple[str, str]]] = {}
"""The names that somebody else had replaced when ours were taken back."""
_scans: dict[str, _Scan] = {}


def _real_of(module: str, name: str) -> Any:
    return _real[module, name]


def _patch() -> None:
    tidy()
    for key, replacement in _REPLACEMENTS.items():
        module = sys.modules.get(key[0])
        if module is not None and key not in _patched:
            _patched.add(key)
            genuine = getattr(module, key[1])
            if genuine is not replacement:  # or else somebody put it back who had replaced it while a fake was active
                _real[key] = genuine
                setattr(module, key[1], replacement)
    _patch_names()


def _patch_names() -> None:
    """Replace what modules have imported by name.

    A module is searched once, and again when the number of its names has changed: to search all of them for every
    test would take longer than the test.
    """
    for module_name, module in list(sys.modules.items()):
        if type(module) is not ModuleType:
            continue
        names = module.__dict__
        scan = _scans.get(module_name)
        if scan is None or scan.size != len(names) or scan.names is not names:
            scan = _scans[module_name] = _Scan(names, len(names), _look(module_name, names))
        for name, key in scan.found:
            if key in _patched and names.get(name) is _real[key]:
                names[name] = _REPLACEMENTS[key]
                _swapped.append((names, name, key))
    if len(_scans) > 2 * len(sys.modules):
        for gone in _scans.keys() - sys.modules.keys():
            del _scans[gone]


def tidy() -> None:
    """Take back what others have put back since the last fake was left.

    Who replaces `time.sleep` while a fake is active, and takes that back after the fake was left, puts back ours. It
    then passes everything on, but does not belong there any more.
    """
    with _lock:
        if not _active:
            _swapped.extend(_left.values())
            _left.clear()
            _restore()


def _unpatch() -> None:
    for key in _patched:
        module = sys.modules.get(key[0])
        if module is not None:
            _swapped.append((module.__dict__, key[1], key))
    for module_name in sys.modules.keys() - _scans.keys():  # imported meanwhile, so what they have by name is ours
        module = sys.modules[module_name]
        if type(module) is ModuleType:
            found = _look(module_name, module.__dict__)
            _swapped.extend((module.__dict__, name, key) for name, key in found)
    _restore()
    _patched.clear()


def _restore() -> None:
    while _swapped:
        names, name, key = _swapped.pop()
        found = names.get(name)
        if found is _REPLACEMENTS[key]:
            names[name] = _real[key]
        elif found is not None and found is not _real[key]:
            _left[id(names), name] = (names, name, key)


def _look(module_name: str, names: dict[str, Any]) -> list[tuple[str, tuple[str, str]]]:
    root = module_name.partition(".")[0]
    if root in sys.stdlib_module_names or root in _WAITS_FOR_REAL:
        return []
    wanted = {id(each): key for objects in (_real, _REPLACEMENTS) for key, each in objects.items()}
    return [(name, wanted[id(value)]) for name, value in list(names.items()) if id(value) in wanted]
