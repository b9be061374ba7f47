"""Workers, which do for others what is given to them: they take part while they work, also if they were there before.

Those of `concurrent.futures` (and so of `asyncio.to_thread`), of trio and of anyio. Libraries keep their workers for
later work, from one run of an event loop to the next, and so from one fake to the next.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import thread as pools
from typing import Any, Final

from mock_akool.mock.interceptors.patching import Patches
from mock_akool.mock.virtual_time.scheduler import keeper

_patches: Final = Patches()


def install() -> None:
    """Patch how work is given to workers, those of trio and anyio where these are imported.

    Workers of a library that is imported later begin while the fake is active, and take part like all such threads.
    """
    _patches.tidy()
    _patches.put(pools._WorkItem, "__init__", _giving(pools._WorkItem.__init__))
    _patches.put(pools._WorkItem, "run", _working(pools._WorkItem.run))
    for module, owner, name, wrap in (
        ("trio._core._thread_cache", "ThreadCache", "start_thread_soon", _giving_to_trio),
        ("anyio._backends._asyncio", "AsyncIOBackend", "run_sync_in_worker_thread", _giving_to_anyio),
    ):
        place = getattr(sys.modules.get(module), owner, None)
        original = vars(place).get(name) if isinstance(place, type) else None
        if isinstance(place, type) and original is not None:
            _patches.put(place, name, wrap(original))


def uninstall() -> None:
    """Take the patches back."""
    _patches.take_back()


def _giving(original: Any) -> Any:
    def __init__(self: Any, *args: Any, **options: Any) -> None:  # noqa: N807 - it becomes the method of a class
        original(self, *args, **options)
        if keeper.takes_part():
            keeper.items.add(self)

    return __init__


def _working(original: Any) -> Any:
    def run(self: Any, *args: Any, **options: Any) -> Any:
        if not keeper.active:
            return original(self, *args, **options)
        ident = _begin(self)
        try:
            return original(self, *args, **options)
        finally:
            keeper.working.discard(ident)

    return run


class _Given:
    """What was given to a worker that tells its giver of the result only after it has done it.

    The worker takes part until its giver knows: or else all would seem to rest before.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._worker = 0
        self._is_done = self._is_left = False
        keeper.items.add(self)

    def __call__(self, *args: Any) -> Any:
        self._worker = _begin(self)
        try:
            return self._function(*args)
        finally:
            self._is_done = True
            self._end()

    def leave(self) -> None:
        """Take note that the giver has the result, or waits for it no longer."""
        self._is_left = True
        self._end()

    def _end(self) -> None:
        if self._is_left and (self._is_done or not self._worker):
            keeper.items.discard(self)
            keeper.working.discard(self._worker)


def _giving_to_trio(original: Any) -> Any:
    def start_thread_soon(self: Any, fn: Any, deliver: Any, *args: Any, **options: Any) -> None:
        if not keeper.takes_part():
            original(self, fn, deliver, *args, **options)
            return
        given = _Given(fn)

        def deliver_and_leave(result: Any) -> None:
            try:
                deliver(result)
            finally:
                given.leave()

        original(self, given, deliver_and_leave, *args, **options)

    return start_thread_soon


def _giving_to_anyio(original: Any) -> Any:
    async def run_sync_in_worker_thread(cls: Any, func: Any, *args: Any, **options: Any) -> Any:
        run = original.__get__(None, cls)
        if not keeper.takes_part():
            return await run(func, *args, **options)
        given = _Given(func)
        try:
            return await run(given, *args, **options)
        finally:
            given.leave()

    return classmethod(run_sync_in_worker_thread)


def _begin(item: Any) -> int:
    """Let this thread take part while it does what was given to it, and return its ident; 0 if it does already."""
    ident = threading.get_ident()
    is_first = ident not in keeper.working and item in keeper.items
    if is_first:
        keeper.working.add(ident)
    keeper.items.discard(item)
    return ident if is_first else 0
