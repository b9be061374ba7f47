"""What is replaced while a fake is active whose time is virtual, and how it is taken back.

Functions of `time` and `asyncio.sleep` are replaced in their modules, and in every module that has imported them by
name; methods of `threading`, of selectors and of trio where they are defined; `datetime.now` in its class. Other tools
may replace the same names before, meanwhile or after, in any order: what is ours goes when the last fake goes, and what
somebody puts back later goes with `tidy`.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final, NamedTuple

from mock_akool.core.clock import MovableClock
from mock_akool.mock.interceptors.patching import Patches
from mock_akool.mock.interceptors.target import Target
from mock_akool.mock.virtual_time import clocks, loops, threads
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


def _sleep(seconds: float, /) -> None:
    original = originals["time", "sleep"]
    if not keeper.active or not isinstance(seconds, (int, float)) or seconds <= 0 or threads.caller_is_real():
        original(seconds)
    elif is_delivering():
        keeper.pass_time(seconds)
    elif keeper.takes_part():
        keeper.nap(seconds)
    else:
        original(seconds)


_REPLACEMENTS: Final[dict[tuple[str, str], Any]] = {
    ("time", "sleep"): _sleep,
    ("asyncio", "sleep"): loops.virtual_async_sleep,
    **clocks.CLOCKS,
}


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


def _patch() -> None:
    tidy()
    for key, replacement in _REPLACEMENTS.items():
        module = sys.modules.get(key[0])
        if module is not None and key not in _patched:
            genuine = getattr(module, key[1], None)
            if genuine is None:
                continue
            _patched.add(key)
            if genuine is not replacement:  # or else somebody put it back who had replaced it while a fake was active
                originals[key] = genuine
                setattr(module, key[1], replacement)
    _patch_names()
    sys.meta_path.insert(0, _WATCH)
    _shield_time_machine()
    threads.install()
    loops.install()
    loops.install_trio()
    clocks.install_datetime()


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
        if not keeper.active:
            _swapped.extend(_left.values())
            _left.clear()
            _restore()


def _unpatch() -> None:
    with contextlib.suppress(ValueError):
        sys.meta_path.remove(_WATCH)
    _shields.take_back()
    clocks.uninstall_datetime()
    loops.uninstall_trio()
    loops.uninstall()
    threads.uninstall()
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
    if root in NEVER_TAKES_PART or (root in sys.stdlib_module_names and module_name not in _WAITS_BY_NAME):
        return []
    wanted = {id(each): key for objects in (originals, _REPLACEMENTS) for key, each in objects.items()}
    return [(name, wanted[id(value)]) for name, value in list(names.items()) if id(value) in wanted]


@contextmanager
def suspended() -> Iterator[None]:
    """Show the machine's functions for a while: a tool that is being imported takes what it finds for genuine."""
    with _lock:
        changed = [key for key in _patched if getattr(sys.modules[key[0]], key[1]) is _REPLACEMENTS[key]]
        for key in changed:
            setattr(sys.modules[key[0]], key[1], originals[key])
        clocks.uninstall_datetime()
        try:
            yield
        finally:
            if keeper.active:
                for key in changed:
                    setattr(sys.modules[key[0]], key[1], _REPLACEMENTS[key])
                clocks.install_datetime()


# Tools that stop the time, and take what they find at their import for genuine

_TAKE_FUNCTIONS: Final = frozenset({"_time_machine", "time_machine", "freezegun", "freezegun.api"})
_shields: Final = Patches()


class _Watch(MetaPathFinder):
    """Shows such a tool the machine's functions when it is imported, and patches what trio waits by."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find the module as Python would, but with a loader that shows it what is genuine."""
        if name not in _TAKE_FUNCTIONS and name != "trio":
            return None
        sys.meta_path.remove(self)
        try:
            spec = find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loading(spec.loader, name)
        return spec


class _Loading(Loader):
    def __init__(self, loader: Loader, name: str) -> None:
        self._loader = loader
        self._name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        with suspended():
            return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        with suspended():
            self._loader.exec_module(module)
        with _lock:
            if keeper.active:
                _shield_time_machine()
                _patch_names()
                if self._name == "trio":
                    loops.install_trio()


_WATCH: Final = _Watch()


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


def _unpatched(function: Callable[[], Any]) -> Callable[[], Any]:
    def call() -> Any:
        with suspended():
            return function()

    return call
