"""Event loops: the time of asyncio's own loops and of trio is virtual, as the selector's wait is.

A loop waits in one place only: for its selector, until the next of its timers. There it is entered as one who waits,
and when the clock has come to that instant the selector returns as if the time had passed. So whatever a loop does by
time follows: sleep, `wait_for`, `timeout`, `call_later`, schedulers. Which sockets are ready is looked up first, so
nothing that has come already is overtaken by the clock.

uvloop waits in C, and cannot be patched so. There, `asyncio.sleep` is virtual by itself, and limits are real.
"""

from __future__ import annotations

import asyncio
import math
import select
import selectors
import sys
from asyncio import events
from collections.abc import Callable, Iterable
from typing import Any, Final

from mock_akool.mock.interceptors.patching import Patches
from mock_akool.mock.virtual_time import genuine, sockets
from mock_akool.mock.virtual_time.scheduler import Waiter, keeper
from mock_akool.webhooks.receivers import is_delivering

_A_DAY_S: Final = 24 * 60 * 60
"""What trio waits when it has no timer."""
_RESOLUTION_S: Final = 0.000001
_QUIET_TURNS: Final = 12
"""After how many turns of a loop that hides its timers its other tasks count as asleep or done."""

_patches: Final = Patches()


class LoopWaiter(Waiter):
    """An event loop that waits for its next timer, or for a socket."""

    __slots__ = ("_handles", "_selector_fd", "_wake")

    def __init__(
        self,
        waiter: Waiter,
        selector_fd: int,
        wake: Callable[[], Any],
        handles: Callable[[], Iterable[int]],
    ) -> None:
        super().__init__(waiter.what, waiter.deadline_ns, waiter.order, waiter.span_ns)
        self._selector_fd = selector_fd
        self._wake = wake
        self._handles = handles

    def awaits(self) -> str:
        """Return what it awaits at its sockets."""
        handles = list(self._handles())
        return sockets.awaited_at(handles) if handles else sockets.NOTHING

    def wake(self) -> None:
        """Let the loop look anew."""
        try:
            self._wake()
        except (OSError, RuntimeError, AttributeError):
            return  # the loop has been closed meanwhile

    def rests(self) -> bool:
        """Whether no timer and no socket lets it go on: also of what is ready and was not looked at yet."""
        return super().rests() and not _is_ready(self._selector_fd)


def _is_ready(selector_fd: int) -> bool:
    if selector_fd < 0:
        return False
    try:
        return bool(select.select([selector_fd], [], [], 0)[0])
    except (OSError, ValueError):
        return False


def install() -> None:
    """Patch the selectors of the standard library, for loops that wait for them."""
    _patches.tidy()
    for name in ("EpollSelector", "KqueueSelector", "DevpollSelector", "PollSelector", "SelectSelector"):
        selector = getattr(selectors, name, None)
        if selector is not None and "select" in vars(selector):
            _patches.put(selector, "select", _selecting(selector.select))
        elif selector is not None and name == "PollSelector":  # it inherits
            base = next(each for each in selector.__mro__ if "select" in vars(each))
            _patches.put(selector, "select", _selecting(base.select))


def uninstall() -> None:
    """Take the patches back."""
    _patches.take_back()


def _selecting(original: Any) -> Any:
    def select_(self: Any, timeout: float | None = None) -> Any:
        loop: Any = events._get_running_loop()
        if loop is None or not _waits_by(loop, self) or not keeper.takes_part():
            return original(self, timeout)
        if timeout is not None and timeout < _RESOLUTION_S and _is_stuck(loop):
            loop._clock_resolution = _resolution_s(loop)
        return _wait_in_loop(
            self, lambda seconds: original(self, seconds), timeout, loop._write_to_self, lambda: _handles_of(loop)
        )

    select_.__name__ = select_.__qualname__ = "select"
    return select_


def _waits_by(loop: Any, selector: Any) -> bool:
    """Return whether a loop waits by this selector, which may be inside one of another kind."""
    own = getattr(loop, "_selector", None)
    return own is selector or (own is not None and not hasattr(type(own).select, "__wrapped__"))


def _handles_of(loop: Any) -> list[int]:
    """Return the file handles that a loop waits for, but for the one by which it is woken."""
    own = getattr(loop, "_ssock", None)
    woken = -1 if own is None else own.fileno()
    return [handle for handle in loop._selector.get_map() if isinstance(handle, int) and handle != woken]


def _is_stuck(loop: Any) -> bool:
    """Return whether the next timer is due, but the loop's clock too coarse to tell, so that it would spin.

    It is so under freezegun, and at late instants, of which a float has no fractions as small as the loop's resolution.
    """
    if loop._ready or not loop._scheduled:
        return False
    now_s = loop.time()
    return bool(now_s + loop._clock_resolution <= loop._scheduled[0]._when < now_s + _resolution_s(loop))


def _resolution_s(loop: Any) -> float:
    return max(_RESOLUTION_S, 2 * math.ulp(loop.time()))


def _wait_in_loop(
    selector: Any,
    poll: Callable[[float], Any],
    timeout: float | None,
    wake: Callable[[], Any],
    handles: Callable[[], Iterable[int]],
) -> Any:
    found = poll(0)
    if found or (timeout is not None and timeout <= 0):
        return found
    fileno = getattr(selector, "fileno", None)
    plain = keeper.waiter("an event loop", timeout)
    waiter = LoopWaiter(plain, -1 if fileno is None else fileno(), wake, handles)
    keeper.enter(waiter)
    try:
        while True:
            seconds = keeper.drive(waiter, in_loop=True)
            if waiter.failure is not None:
                raise waiter.failure
            if waiter.granted:
                return poll(0)
            found = poll(seconds)
            if found:
                return found
    finally:
        keeper.leave(waiter)


# trio


def install_trio() -> None:
    """Patch trio's wait for sockets. Its clock reads `perf_counter`, which is virtual where it is imported by name."""
    _trio_patches.tidy()
    core = sys.modules.get("trio._core._run")
    for module, name in (("_io_epoll", "EpollIOManager"), ("_io_kqueue", "KqueueIOManager")):
        manager = getattr(sys.modules.get(f"trio._core.{module}"), name, None)
        if core is not None and manager is not None:
            _trio_patches.put(manager, "get_events", _getting(manager.get_events, core))


def uninstall_trio() -> None:
    """Take that patch back."""
    _trio_patches.take_back()


_trio_patches: Final = Patches()


def _getting(original: Any, core: Any) -> Any:
    def get_events(self: Any, timeout: float) -> Any:
        runner = getattr(core.GLOBAL_RUN_CONTEXT, "runner", None)
        if runner is None or not keeper.takes_part():
            return original(self, timeout)
        limit = None if timeout >= _A_DAY_S else timeout
        wake = runner.entry_queue.wakeup.wakeup_thread_and_signal_safe
        return _wait_in_loop(
            getattr(self, "_epoll", None),
            lambda seconds: original(self, seconds),
            limit,
            wake,
            lambda: [
                handle
                for handle, waiters in getattr(self, "_registered", {}).items()
                if waiters.read_task is not None or waiters.write_task is not None
            ],
        )

    return get_events


# Loops that hide their timers


def hides_timers() -> bool:
    """Return whether the running loop of asyncio is one whose waits are not patched, such as uvloop."""
    loop = events._get_running_loop()
    return loop is not None and not hasattr(loop, "_selector")


async def nap_in_task(seconds: float) -> None:
    """Sleep in a task of asyncio or trio, as an answer that is late makes a client wait."""
    if events._get_running_loop() is None:
        import trio

        await trio.sleep(seconds)
    elif hides_timers():
        await nap_by_turns(seconds)
    else:
        await genuine.originals.get(("asyncio", "sleep"), asyncio.sleep)(seconds)


async def nap_by_turns(seconds: float) -> None:
    """Sleep in a loop that hides its timers: its other tasks are given some turns before the clock moves."""
    turn: Any = genuine.originals.get(("asyncio", "sleep"), asyncio.sleep)
    waiter = keeper.waiter("asyncio.sleep", seconds)
    keeper.enter(waiter)
    try:
        while True:
            for _ in range(_QUIET_TURNS):
                await turn(0)
            wait_s = keeper.drive(waiter, in_loop=True)
            if waiter.failure is not None:
                raise waiter.failure
            if waiter.granted:
                return
            await turn(min(wait_s, 0.001))
    finally:
        keeper.leave(waiter)


async def _virtual_async_sleep(delay: float, result: Any = None) -> Any:
    """Sleep; on asyncio's own loops as ever, since their time is virtual."""
    original = genuine.originals["asyncio", "sleep"]
    if delay > 0 and keeper.active:
        if is_delivering():
            keeper.pass_time(delay)
            delay = 0
        elif hides_timers() and keeper.takes_part():
            await nap_by_turns(delay)
            return result
    return await original(delay, result)


virtual_async_sleep: Final = _virtual_async_sleep
