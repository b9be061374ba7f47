"""What is replaced while a fake is active whose time is virtual, and how it is taken back.

Functions of `time` and `asyncio.sleep` are replaced in their modules, and in every module that has imported them by
name; methods of `threading`, of selectors and of trio where they are defined; `datetime.now` in its class. Other tools
may replace the same names before, meanwhile or after, in any order: what is ours goes when the last fake goes, and what
somebody puts back later goes with `tidy`.
"""

from __future__ import annotations

import operator
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from mock_akool.core.clock import MovableClock
from mock_akool.mock.interceptors.importing import ImportWatch, Loading
from mock_akool.mock.interceptors.patching import Patches
from mock_akool.mock.interceptors.target import Target
from mock_akool.mock.virtual_time import clocks, genuine, loops, threads, workers
from mock_akool.mock.virtual_time.genuine import originals
from mock_akool.mock.virtual_time.scheduler import NEVER_TAKES_PART, keeper
from mock_akool.server.greenlets import patched_by
from mock_akool.webhooks.receivers import is_delivering

_WAITS_BY_NAME: Final = frozenset({"threading", "queue"})
"""Modules of the standard library that have imported a clock by name, and wait by it."""

_lock = threading.RLock()
keeper.time_passed = clocks.time_passed
keeper.nap_in_task = loops.nap_in_task


def activate(target: Target, clock: MovableClock, limit_ns: int) -> Any:
    """Make the waits of the code under test virtual; what is returned is for `deactivate`.

    `limit_ns` is for how much virtual time, in nanoseconds, it may sleep.
    """
    with _lock:
        library = patched_by()
        if not keeper.active and library is None:
            clocks.begin()
            _patch()
        fake = keeper.add(target, clock, limit_ns)
        if library is not None:
            keeper.run_in_real_time(library)
        return fake


def deactivate(fake: Any) -> None:
    """Make waits real again; with the last fake, all patches are taken back."""
    with _lock:
        keeper.remove(fake)
        if not keeper.active and _patched:
            _unpatch()


def _sleep(seconds: Any, /) -> None:
    original = originals["time", "sleep"]
    if not isinstance(seconds, (int, float)) and hasattr(seconds, "__index__"):  # an integer of numpy
        seconds = operator.index(seconds)
    if (
        not keeper.active
        or not isinstance(seconds, (int, float))
        or not 0 < seconds <= threading.TIMEOUT_MAX  # with more, it raises OverflowError
        or threads.caller_is_real()
    ):
        original(seconds)
    elif is_delivering():
        keeper.pass_time(seconds)
    elif keeper.takes_part():
        keeper.nap(seconds)
    else:
        original(seconds)


class _Key(NamedTuple):
    """What is replaced, such as `("time", "sleep")`."""

    module: str
    name: str


_REPLACEMENTS: Final[dict[_Key, Any]] = {
    _Key("time", "sleep"): _sleep,
    _Key("asyncio", "sleep"): loops.virtual_async_sleep,
    **{_Key(*key): clock for key, clock in clocks.CLOCKS.items()},
}


class _Scan(NamedTuple):
    """Which names of a module are among those that may be replaced, and how many names it had when it was searched."""

    names: dict[str, Any]
    size: int
    found: list[tuple[str, _Key]]


class _Finding(NamedTuple):
    """A name of a module that may be replaced."""

    module_name: str
    names: dict[str, Any]
    name: str
    key: _Key


class _Seen(NamedTuple):
    """All modules as they were gone through last: those that were searched, by their names and how many they had."""

    modules: list[ModuleType]
    searched: list[dict[str, Any]]
    sizes: list[int]
    found: list[_Finding]


class _Swap(NamedTuple):
    """A name of a module that was replaced: by what, and what was there before."""

    names: dict[str, Any]
    name: str
    key: _Key
    original: Any
    ours: Any


_patched: dict[_Key, Any] = {}
"""What is replaced now, and by which function: a new one each time, so that it tells when it was put in its place."""
_swapped: list[_Swap] = []
_left: dict[tuple[int, str], list[_Swap]] = {}
"""The names that somebody else had replaced when ours were taken back, each with all that we found there, in order."""
_scans: dict[str, _Scan] = {}
_seen = _Seen([], [], [], [])
_ignored: set[str] = set()
"""Names of modules of which nothing is ever replaced: of the standard library, of pytest, and what is no module."""


def _patch() -> None:
    tidy()
    for key, replacement in _REPLACEMENTS.items():
        module = sys.modules.get(key.module)
        if module is not None and key not in _patched:
            found = getattr(module, key.name, None)
            if found is not None:
                _patched[key] = _copy(replacement)
                originals[key] = found
                _swap(module.__dict__, key.name, key)
    _patch_names()
    _WATCH.start()
    _shield_time_machine()
    _watch_freezegun()
    threads.install()
    workers.install()
    loops.install()
    loops.install_trio()
    clocks.install_datetime()


def _swap(names: dict[str, Any], name: str, key: _Key) -> None:
    _swapped.append(_Swap(names, name, key, names[name], _patched[key]))
    names[name] = _patched[key]


def _copy(function: Any) -> Any:
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__module__, copy.__qualname__, copy.__doc__ = function.__module__, function.__qualname__, function.__doc__
    return copy


def _is_ours(found: object, key: _Key) -> bool:
    """Return whether this is a replacement, of whatever time."""
    return getattr(found, "__code__", None) is _REPLACEMENTS[key].__code__


def _patch_names() -> None:
    """Replace what modules have imported by name."""
    for found in _findings():
        if found.key in _patched:
            there = found.names.get(found.name)
            if there is originals[found.key] or (
                _is_genuine(there, found.key) and not found.module_name.startswith("freezegun.")
            ):
                _swap(found.names, found.name, found.key)


def _findings() -> list[_Finding]:
    """Return the names of all modules that may be replaced.

    A module is searched once, and again when the number of its names has changed; where that is so of none, and no
    module has come or gone, even to go through all of them for every test would take longer than the test.
    """
    global _seen
    modules = list(sys.modules.values())
    if not (
        len(modules) == len(_seen.modules)
        and all(map(operator.is_, modules, _seen.modules))
        and list(map(len, _seen.searched)) == _seen.sizes
    ):
        scans = list(_scanned())
        _seen = _Seen(
            modules,
            [scan.names for _, scan in scans],
            [scan.size for _, scan in scans],
            [_Finding(name, scan.names, *found) for name, scan in scans for found in scan.found],
        )
    return _seen.found


def _scanned() -> Iterator[tuple[str, _Scan]]:
    """Search what modules are new or changed; yields all that are not ignored, with what was found in them."""
    for module_name, module in list(sys.modules.items()):
        if module_name in _ignored:
            continue
        scan = _scans.get(module_name)
        if scan is None and (type(module) is not ModuleType or _is_ignored(module_name)):
            _ignored.add(module_name)
            continue
        names: dict[str, Any] = getattr(module, "__dict__", {})
        if scan is None or scan.size != len(names) or scan.names is not names:
            scan = _scans[module_name] = _Scan(names, len(names), _look(names))
        yield module_name, scan
    if len(_scans) > 2 * len(sys.modules):
        for gone in _scans.keys() - sys.modules.keys():
            del _scans[gone]


def _is_genuine(found: object, key: _Key) -> bool:
    """Return whether this is the interpreter's own function.

    freezegun leaves it to some modules, such as `queue`. What it keeps for itself must not become ours while it has
    stopped the time: ours would call its own, and its own ours.
    """
    return found is not None and found is genuine.functions.get(key)


def _renew() -> None:
    """Replace again what freezegun has taken away, which puts back the machine's clocks when it ends."""
    with _lock:
        if not keeper.active:
            return
        for key in _patched:
            names = sys.modules[key.module].__dict__
            if _is_genuine(names.get(key.name), key):
                originals[key] = names[key.name]
                _swap(names, key.name, key)
        _patch_names()


def _replaced() -> str:
    for key in (_Key("time", "sleep"), _Key("asyncio", "sleep")):
        ours = _patched.get(key)
        if ours is not None and getattr(sys.modules[key.module], key.name) is not ours:
            return f"{'.'.join(key)} was replaced"
    return ""


keeper.replaced = _replaced


def tidy() -> None:
    """Take back what others have put back since the last fake was left.

    Who replaces `time.sleep` while a fake is active, and takes that back after the fake was left, puts back ours. It
    then passes everything on, but does not belong there any more.
    """
    with _lock:
        if keeper.active:
            return
        for place, swaps in list(_left.items()):
            while (later := _of(swaps[0].names.get(swaps[0].name), swaps)) is not None:
                _put_back(later)
            if swaps[0].names.get(swaps[0].name) is swaps[0].original:
                del _left[place]
        for key in _REPLACEMENTS:
            names = sys.modules[key.module].__dict__ if key.module in sys.modules else {}
            if _is_ours(names.get(key.name), key):
                names[key.name] = originals[key]


def _of(found: object, swaps: Sequence[_Swap]) -> _Swap | None:
    """Return the replacement of which this is ours."""
    return next((swap for swap in swaps if found is swap.ours), None)


def _unpatch() -> None:
    _WATCH.stop()
    _shields.take_back()
    _freezegun.take_back()
    clocks.uninstall_datetime()
    loops.uninstall_trio()
    loops.uninstall()
    threads.uninstall()
    workers.uninstall()
    while _swapped:
        swap = _swapped.pop()
        found, place = swap.names.get(swap.name), (id(swap.names), swap.name)
        earlier = _of(found, _left.get(place, ()))
        if found is swap.ours:
            _put_back(swap)
        elif earlier is not None:  # who had replaced ours of an earlier time has put it back
            _put_back(earlier)
        elif found is not None and found is not swap.original:
            _left.setdefault(place, []).append(swap)
    _put_back_imported()
    _patched.clear()


def _put_back_imported() -> None:
    """Put the originals where modules have imported ours by name meanwhile."""
    for found in _findings():
        if _is_ours(found.names.get(found.name), found.key):
            found.names[found.name] = originals[found.key]


def _put_back(swap: _Swap) -> None:
    swap.names[swap.name] = swap.original
    if swap.names is sys.modules[swap.key.module].__dict__:
        originals[swap.key] = swap.original


def _is_ignored(module_name: str) -> bool:
    root = module_name.partition(".")[0]
    return root in NEVER_TAKES_PART or (root in sys.stdlib_module_names and module_name not in _WAITS_BY_NAME)


def _look(names: dict[str, Any]) -> list[tuple[str, _Key]]:
    known = (originals, _patched, genuine.functions)
    wanted = {id(each): key for objects in known for key, each in objects.items()}
    return [(name, _Key(*wanted[id(value)])) for name, value in list(names.items()) if id(value) in wanted]


@contextmanager
def suspended() -> Iterator[None]:
    """Show the machine's functions for a while: a tool that is being imported takes what it finds for genuine."""
    with _lock:
        changed = [key for key, ours in _patched.items() if getattr(sys.modules[key.module], key.name) is ours]
        for key in changed:
            setattr(sys.modules[key.module], key.name, originals[key])
        clocks.uninstall_datetime()
        try:
            yield
        finally:
            if keeper.active:
                for key in changed:
                    setattr(sys.modules[key.module], key.name, _patched[key])
                clocks.install_datetime()


# Tools that stop the time, and take what they find at their import for genuine

_TAKE_FUNCTIONS: Final = frozenset({"_time_machine", "time_machine", "freezegun", "freezegun.api"})
_shields: Final = Patches()
_freezegun: Final = Patches()


class _Loading(Loading):
    """Shows such a tool the machine's functions when it is imported, and patches what trio waits by."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        with suspended():
            return super().create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        with suspended():
            super().exec_module(module)
        with _lock:
            if keeper.active:
                _shield_time_machine()
                if self.name == "freezegun.api":
                    _watch_freezegun()
                _patch_names()
                if self.name == "trio":
                    loops.install_trio()


_WATCH: Final = ImportWatch(_TAKE_FUNCTIONS | {"trio"}, _Loading)


def _shield_time_machine() -> None:
    """Let time-machine find the machine's functions also when it looks for them at the beginning of a journey.

    It writes into what it finds as if it were a function of the interpreter's own.
    """
    module = sys.modules.get("_time_machine")
    _shields.take_back()
    for name in ("patch", "patch_if_needed", "unpatch"):
        function = getattr(module, name, None)
        if module is not None and function is not None:
            _shields.put(module, name, _unpatched(function))


def _watch_freezegun() -> None:
    """Replace the clocks again when freezegun ends, and has put the machine's in their places."""
    kind = getattr(sys.modules.get("freezegun.api"), "_freeze_time", None)
    if kind is not None:
        _freezegun.put(kind, "stop", _ending(kind.stop))


def _ending(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def stop(self: Any) -> None:
        original(self)
        _renew()

    return stop


def _unpatched(function: Callable[[], Any]) -> Callable[[], Any]:
    def call() -> Any:
        with suspended():
            return function()

    return call
