"""Virtual sleep: while a job of an active fake is on its way, sleeping moves the fake's clock instead of waiting.

What is replaced: `time.sleep`, `asyncio.sleep`, and `trio.sleep` when trio is imported (anyio's sleep uses these); also
where a module has imported them by name. `time.monotonic` and `time.time` run ahead by what was slept, so that a
client that measures its own time limit sees it pass, and asyncio's timers fire in time. (The clocks of uvloop and trio
cannot be moved: there, `asyncio.timeout` and `trio.fail_after` count real time.)
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final, NamedTuple

from mock_akool.core.clock import MovableClock
from mock_akool.mock.interceptors.target import Target
from mock_akool.mock.virtual_time.originals import originals
from mock_akool.mock.virtual_time.scheduler import SleepScheduler
from mock_akool.webhooks.receivers import is_delivering

_WAITS_FOR_REAL: Final = frozenset(
    {"subprocess", "multiprocessing", "threading", "queue", "socketserver", "_pytest", "xdist", "execnet", "mock_akool"}
)
"""Packages whose own sleeping is about the real world: children, sockets, the test runner."""

_active: list[SleepScheduler] = []
_lock = threading.RLock()
_ahead_s: dict[tuple[str, str], float] = {}
"""By how much each clock function runs ahead of what it replaces."""


def activate(target: Target, clock: MovableClock, limit_ns: int) -> SleepScheduler:
    """Make sleep virtual for a fake, up to a limit in nanoseconds; the scheduler is for `deactivate`."""
    scheduler = SleepScheduler(target, clock, limit_ns, _time_passed)
    with _lock:
        _patch()
        _active.append(scheduler)
        target.sleeper = scheduler
    return scheduler


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
        before = {key: originals[key]() for key in _CLOCKS}
        _tick_frozen_time(seconds)
        for key, told in before.items():
            moved = originals[key]() - told  # which is next to nothing for a clock that nobody has stopped
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


_patched: set[tuple[str, str]] = set()
_swapped: list[tuple[dict[str, Any], str, tuple[str, str]]] = []
"""The names in other modules that were replaced."""
_left: dict[tuple[int, str], tuple[dict[str, Any], str, tuple[str, str]]] = {}
"""The names that somebody else had replaced when ours were taken back."""
_scans: dict[str, _Scan] = {}


def _real_of(module: str, name: str) -> Any:
    return originals[module, name]


def _patch() -> None:
    tidy()
    for key, replacement in _REPLACEMENTS.items():
        module = sys.modules.get(key[0])
        if module is not None and key not in _patched:
            _patched.add(key)
            genuine = getattr(module, key[1])
            if genuine is not replacement:  # or else somebody put it back who had replaced it while a fake was active
                originals[key] = genuine
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
            if key in _patched and names.get(name) is originals[key]:
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
            names[name] = originals[key]
        elif found is not None and found is not originals[key]:
            _left[id(names), name] = (names, name, key)


def _look(module_name: str, names: dict[str, Any]) -> list[tuple[str, tuple[str, str]]]:
    root = module_name.partition(".")[0]
    if root in sys.stdlib_module_names or root in _WAITS_FOR_REAL:
        return []
    wanted = {id(each): key for objects in (originals, _REPLACEMENTS) for key, each in objects.items()}
    return [(name, wanted[id(value)]) for name, value in list(names.items()) if id(value) in wanted]
