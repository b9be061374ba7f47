"""Waits in threads: `Condition.wait`, on which events, queues, futures, timers and barriers stand, and `Thread.join`;
and `sched`, whose schedulers have the clock and the sleep of before the fake unless they are given others.

Limits are virtual, and who waits without a limit is known to be at rest. Threads are entered before they start, so that
the clock does not move past their first step.
"""

from __future__ import annotations

import sched
import sys
import threading
import time
from typing import Any, Final

from mock_akool.mock.interceptors.patching import Patches
from mock_akool.mock.virtual_time.scheduler import NEVER_TAKES_PART, keeper

_PASSED_THROUGH: Final = frozenset({"threading", "queue", "concurrent"})
"""Modules of the standard library that wait on behalf of who called them."""

_OURS: Final = "mock_akool.mock.virtual_time"
_patches: Final = Patches()


def install() -> None:
    """Patch the waits of `threading` and `sched`."""
    _patches.tidy()
    _patches.put(threading.Condition, "wait", _waiting(threading.Condition.wait))
    _patches.put(threading.Thread, "start", _starting(threading.Thread.start))
    _patches.put(threading.Thread, "join", _joining(threading.Thread.join))
    _patches.put(sched.scheduler, "__init__", _scheduling(sched.scheduler.__init__))


def uninstall() -> None:
    """Take the patches back."""
    _patches.take_back()


def caller_is_real(depth: int = 2) -> bool:
    """Return whether who waits is about the real world, such as `subprocess`: the caller, by so many frames."""
    frame: Any = sys._getframe(depth)
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        root = module.partition(".")[0]
        if root not in _PASSED_THROUGH and not module.startswith(_OURS):
            return root in NEVER_TAKES_PART
        frame = frame.f_back
    return False


def _waiting(original: Any) -> Any:
    def wait(self: Any, timeout: float | None = None) -> bool:
        # With no time to wait, and with more than is possible, it does what it always does: it raises OverflowError.
        is_plain = timeout is not None and not 0 < timeout <= threading.TIMEOUT_MAX
        if not keeper.takes_part() or is_plain or not self._is_owned() or caller_is_real():
            came: bool = original(self, timeout)
            return came
        waiter = keeper.waiter("a wait of threading", timeout)
        self._waiters.append(waiter)
        saved = self._release_save()
        came = False
        try:
            came = keeper.rest(waiter)
        finally:
            self._acquire_restore(saved)
            if not came:
                try:
                    self._waiters.remove(waiter)
                except ValueError:
                    came = waiter.notified
        return came

    return wait


def _starting(original: Any) -> Any:
    def start(self: Any) -> None:
        if keeper.active and not self._started.is_set():
            keeper.starting(self)
            try:
                original(self)
            except BaseException:
                keeper.not_started(self)
                raise
        else:
            original(self)

    return start


def _joining(original: Any) -> Any:
    def join(self: Any, timeout: float | None = None) -> None:
        if (
            not keeper.takes_part()
            or not self.is_alive()
            or self is threading.current_thread()
            or (timeout is not None and not 0 < timeout <= threading.TIMEOUT_MAX)
            or caller_is_real()
        ):
            original(self, timeout)
            return
        waiter = keeper.waiter("Thread.join", timeout)
        waiter.joined = self

        def block(seconds: float) -> bool:
            original(self, seconds)
            return not self.is_alive()

        keeper.rest(waiter, block)

    return join


def _scheduling(original: Any) -> Any:
    def __init__(self: Any, timefunc: Any = None, delayfunc: Any = None) -> None:  # noqa: N807 - it becomes a method
        original(self, timefunc or time.monotonic, delayfunc or time.sleep)

    return __init__
