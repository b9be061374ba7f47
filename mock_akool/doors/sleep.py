"""Virtual sleep: while a job of an active fake is on its way, sleeping moves the fake's clock instead of waiting.

What is replaced: `time.sleep`, `asyncio.sleep`, and `trio.sleep` when trio is imported (anyio's sleep uses these); also
where a module has imported them by name. `time.monotonic` and `time.time` run ahead by what was slept, so that a
client that measures its own time limit sees it pass, and asyncio's timers fire in time.

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
from mock_akool.doors.in_process import Target

_WAITS_FOR_REAL: Final = frozenset(
    {"subprocess", "multiprocessing", "threading", "queue", "socketserver", "_pytest", "xdist", "execnet", "mock_akool"}
)
"""Packages whose own sleeping is about the real world: children, sockets, the test runner."""
_QUIET_TURNS: Final = 12
"""After how many turns of an event loop without a request the other tasks count as asleep or done."""
_GRACE_S: Final = 0.01
"""How long, in real time, a sleeping thread waits for another thread that used the fake and is busy elsewhere."""

_sleep: Final = time.sleep
_async_sleep: Final = asyncio.sleep


class VirtualTimeLimitError(BaseException):
    """The code under test slept longer than the limit while a job was on its way: it would wait for ever.

    Not an Exception, because a client that goes on after any Exception would swallow it and go on for ever.
    """


class Naps:
    """The sleepers of one fake."""

    def __init__(self, target: Target, clock: VirtualClock, limit_ns: int) -> None:
        self._target = target
        self._clock = clock
        self._limit_ns = limit_ns
        self._asleep = threading.Condition()
        self._bystanders = WeakSet(threading.enumerate())
        """Threads that were there before the fake; they count only once they have used it."""
        self._threads: dict[threading.Thread, int] = {}
        self._tasks: dict[int, list[tuple[int, int]]] = {}
        self._count = 0
        self._slept_ns = 0
        self._slept_for = -1

    def in_force(self) -> bool:
        """Return whether sleep is virtual now: a job is on its way."""
        engine = self._target.service.engine
        with engine.lock:
            return engine.is_awaited(self._clock.now_ns())

    def nap(self, seconds: float) -> None:
        """Sleep in a thread."""
        me = threading.current_thread()
        with self._asleep:
            wake_ns = self._clock.now_ns() + round(seconds * NS_PER_S)
            self._threads[me] = wake_ns
            self._asleep.notify_all()
            try:
                while self._clock.now_ns() < wake_ns:
                    first = wake_ns <= min(self._threads.values())
                    if first and (not self._others(me) or not self._heard_within_grace()):
                        self._advance_to(wake_ns)
                        self._asleep.notify_all()
                    elif not first:
                        self._asleep.wait(_GRACE_S)
            finally:
                del self._threads[me]

    async def nap_in_task(self, seconds: float, turn: Callable[[], Awaitable[None]]) -> None:
        """Sleep in a task; `turn` lets the event loop run once."""
        wake_ns = self._clock.now_ns() + round(seconds * NS_PER_S)
        self._count += 1
        me = (wake_ns, self._count)
        asleep = self._tasks.setdefault(threading.get_ident(), [])
        asleep.append(me)
        try:
            while self._clock.now_ns() < wake_ns:
                before = self._target.activity
                for _ in range(_QUIET_TURNS):
                    await turn()
                quiet = self._target.activity == before and not self._target.in_flight
                if quiet and me == min(asleep) and self._clock.now_ns() < wake_ns:
                    self._advance_to(wake_ns)
        finally:
            asleep.remove(me)

    def _others(self, me: threading.Thread) -> bool:
        """Return whether other threads, that used the fake or may be about to, are not asleep."""
        return any(
            thread is not me
            and thread not in self._threads
            and (thread not in self._bystanders or thread in self._target.threads)
            and not thread.name.startswith("mock-akool")
            for thread in threading.enumerate()
        )

    def _heard_within_grace(self) -> bool:
        """Wait for a moment, and return whether anything happened."""
        before = self._target.activity, len(self._threads)
        self._asleep.wait(_GRACE_S)
        return before != (self._target.activity, len(self._threads))

    def _advance_to(self, wake_ns: int) -> None:
        engine = self._target.service.engine
        made = engine.job_count
        if made != self._slept_for:
            self._slept_for, self._slept_ns = made, 0
        step_ns = max(0, wake_ns - self._clock.now_ns())
        self._slept_ns += step_ns
        if self._slept_ns > self._limit_ns:
            raise VirtualTimeLimitError(self._complaint(self._slept_ns - step_ns))
        self._clock.advance_to(wake_ns)
        _time_passed(step_ns / NS_PER_S)

    def _complaint(self, slept_ns: int) -> str:
        engine = self._target.service.engine
        now_ns = self._clock.now_ns()
        states = ", ".join(
            f"job {job.id} is {engine.change_of(job, now_ns).status.name.lower()}" for job in engine.jobs()[-3:]
        )
        return (
            f"the code under test has slept for {slept_ns / NS_PER_S:g} s of virtual time and goes on waiting "
            f"({states}). A real client would hang here: does it have a time limit, and does it see the end of a job? "
            f"If it means to wait this long, raise the setting sleep_limit"
        )


_active: list[Naps] = []
_lock = threading.Lock()
_skipped_s = 0.0


def activate(naps: Naps) -> None:
    """Make sleep virtual for a fake."""
    with _lock:
        if not _active:
            _patch()
        else:
            _patch_modules()
        _active.append(naps)


def deactivate(naps: Naps) -> None:
    """Make sleep real again; with the last fake, all patches are taken back."""
    global _skipped_s
    with _lock:
        _active.remove(naps)
        if not _active:
            _unpatch()
            _skipped_s = 0.0


def _in_force() -> Naps | None:
    for naps in reversed(_active):
        if naps.in_force():
            return naps
    return None


def _virtual_sleep(seconds: float, /) -> None:
    naps = _in_force() if _active and seconds > 0 else None
    if naps is None or _caller_waits_for_real():
        _sleep(seconds)
    else:
        naps.nap(seconds)


def _caller_waits_for_real() -> bool:
    name = sys._getframe(2).f_globals.get("__name__") or ""
    return name.partition(".")[0] in _WAITS_FOR_REAL


async def _virtual_async_sleep(delay: float, result: Any = None) -> Any:
    naps = _in_force() if _active and delay > 0 else None
    if naps is None:
        return await _async_sleep(delay, result)
    await naps.nap_in_task(delay, _asyncio_turn)
    return result


async def _asyncio_turn() -> None:
    await _async_sleep(0)


async def _virtual_trio_sleep(seconds: float) -> None:
    naps = _in_force() if _active and seconds > 0 else None
    if naps is None:
        await _real["trio", "sleep"](seconds)
    else:
        import trio

        await naps.nap_in_task(seconds, trio.lowlevel.checkpoint)


def _running_ahead(module: str, name: str) -> Callable[[], float]:
    """Return a clock function that runs ahead of what it replaces by the seconds that were slept."""

    def tell() -> float:
        told: float = _real[module, name]()
        return told + _skipped_s

    return tell


def _time_passed(seconds: float) -> None:
    """Let the other clocks of the process see that time passed."""
    global _skipped_s
    if not _tick_frozen_time(seconds):
        _skipped_s += seconds


def _tick_frozen_time(seconds: float) -> bool:
    """Move the time that freezegun or time-machine has stopped; returns whether one of them had."""
    ticked = False
    freezegun, time_machine = sys.modules.get("freezegun.api"), sys.modules.get("time_machine")
    for factory in getattr(freezegun, "freeze_factories", [])[-1:]:
        if hasattr(factory, "tick"):
            factory.tick(seconds)
            ticked = True
    for coordinates in getattr(time_machine, "coordinates_stack", [])[-1:]:
        coordinates.shift(seconds)
        ticked = True
    return ticked


# The patches

_REPLACEMENTS: Final[dict[tuple[str, str], Any]] = {
    ("time", "sleep"): _virtual_sleep,
    ("time", "monotonic"): _running_ahead("time", "monotonic"),
    ("time", "time"): _running_ahead("time", "time"),
    ("asyncio", "sleep"): _virtual_async_sleep,
    ("trio", "sleep"): _virtual_trio_sleep,
}


class _Scan(NamedTuple):
    """What was found in a module, and how many names it had then."""

    module: ModuleType
    names: int
    found: list[tuple[str, tuple[str, str]]]


_real: dict[tuple[str, str], Any] = {}
_patched: list[tuple[ModuleType, str, Any]] = []
_scans: dict[str, _Scan] = {}


def _patch() -> None:
    for (module_name, name), replacement in _REPLACEMENTS.items():
        module = sys.modules.get(module_name)
        if module is not None:
            _real[module_name, name] = getattr(module, name)
            _replace(module, name, replacement)
    _patch_modules()


def _patch_modules() -> None:
    """Replace what modules have imported by name. A module is looked at once, and again when it has grown."""
    wanted = {id(real): key for key, real in _real.items()}
    for module_name, module in list(sys.modules.items()):
        scan = _scans.get(module_name)
        names = len(getattr(module, "__dict__", ()))
        if scan is None or scan.module is not module or scan.names != names:
            scan = _scans[module_name] = _Scan(module, names, _look(module_name, module, wanted))
        for name, key in scan.found:
            if getattr(module, name, None) is _real.get(key):
                _replace(module, name, _REPLACEMENTS[key])


def _look(
    module_name: str, module: ModuleType, wanted: dict[int, tuple[str, str]]
) -> list[tuple[str, tuple[str, str]]]:
    root = module_name.partition(".")[0]
    if root in sys.stdlib_module_names or root in _WAITS_FOR_REAL:
        return []
    return [
        (name, wanted[id(value)])
        for name, value in list(getattr(module, "__dict__", {}).items())
        if id(value) in wanted
    ]


def _replace(module: ModuleType, name: str, replacement: Any) -> None:
    _patched.append((module, name, getattr(module, name)))
    setattr(module, name, replacement)


def _unpatch() -> None:
    while _patched:
        module, name, real = _patched.pop()
        if getattr(module, name, None) in _REPLACEMENTS.values():
            setattr(module, name, real)
