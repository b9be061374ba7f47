"""The clocks of the process, as the code under test sees them: all show the same time, which is virtual.

From the start of a fake they stand still while code runs, and move by what it waits: the clocks of `time`, and
`datetime.now`. While freezegun or time-machine has stopped the time, theirs is shown, and waits move it.
Threads that do not take part, and packages such as pytest, see the machine's clocks.
"""

from __future__ import annotations

import ctypes
import datetime
import gc
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, Final

from mock_akool.core.clock import NS_PER_S
from mock_akool.mock.virtual_time import genuine
from mock_akool.mock.virtual_time.scheduler import EXACT_NS, NEVER_TAKES_PART, keeper
from mock_akool.webhooks.receivers import is_delivering

_WALL: Final = frozenset({"time", "time_ns"})
_began_ns: Final[dict[str, int]] = {}
"""What each clock showed when the first fake was started."""


def begin() -> None:
    """Take note of what the clocks show now, a little rounded up: the first fake is being started."""
    for name, tell in (
        ("monotonic", genuine.monotonic_ns),
        ("perf_counter", genuine.perf_counter_ns),
        ("time", genuine.time_ns),
    ):
        _began_ns[name] = -(-tell() // EXACT_NS) * EXACT_NS


def _is_shown(depth: int = 2) -> bool:
    """Return whether the caller, by so many frames, sees virtual time."""
    if not keeper.takes_part() and not (keeper.active and is_delivering()):
        return False
    module = sys._getframe(depth).f_globals.get("__name__") or ""
    return module.partition(".")[0] not in NEVER_TAKES_PART


def _stopped_by_others(name: str) -> Callable[[], Any] | None:
    """Return the clock of the tool that has stopped the time, if one has.

    Counters are ours all the same: those of freezegun are rounded to less than an event loop's own resolution.
    """
    if name not in _WALL:
        return None
    freezegun = sys.modules.get("freezegun.api")
    if freezegun is not None and getattr(freezegun, "freeze_factories", None):
        found: Callable[[], Any] | None = getattr(freezegun, f"fake_{name}", None)
        return found
    if getattr(sys.modules.get("time_machine"), "traveller_stack", None):
        return genuine.time_ns if name == "time_ns" else _machine_time
    return None


def _machine_time() -> float:
    return float(genuine.time_ns() / NS_PER_S)


def _clock(name: str) -> Callable[[], Any]:
    base = name.removesuffix("_ns")
    in_ns, is_of_the_wall = name.endswith("_ns"), name in _WALL

    # Each request of a client reads clocks seven times, so what is done here is little.
    def tell() -> Any:
        if not _is_shown():
            return genuine.originals["time", name]()
        if is_of_the_wall and (stopped := _stopped_by_others(name)) is not None:
            return stopped()
        now_ns = _began_ns[base] + keeper.elapsed_ns()
        return now_ns if in_ns else now_ns / NS_PER_S

    tell.__name__ = tell.__qualname__ = name
    tell.__module__ = "time"
    return tell


def _wall_s() -> float:
    return float((_began_ns["time"] + keeper.elapsed_ns()) / NS_PER_S)


def _of_an_instant(name: str) -> Callable[..., Any]:
    """Return `localtime` or the like, which shows the present instant unless it is given another."""

    def tell(*args: Any) -> Any:
        original = genuine.originals["time", name]
        if (not args or args == (None,)) and _is_shown() and _stopped_by_others("time") is None:
            return original(_wall_s())
        return original(*args)

    tell.__name__ = tell.__qualname__ = name
    tell.__module__ = "time"
    return tell


def _strftime(format: str, *args: Any) -> str:
    original = genuine.originals["time", "strftime"]
    if not args and _is_shown() and _stopped_by_others("time") is None:
        args = (genuine.originals["time", "localtime"](_wall_s()),)
    text: str = original(format, *args)
    return text


def _asctime(*args: Any) -> str:
    original = genuine.originals["time", "asctime"]
    if not args and _is_shown() and _stopped_by_others("time") is None:
        args = (genuine.originals["time", "localtime"](_wall_s()),)
    text: str = original(*args)
    return text


_BY_NUMBER: Final = {
    getattr(time, name): base
    for name, base in (
        ("CLOCK_REALTIME", "time"),
        ("CLOCK_MONOTONIC", "monotonic"),
        ("CLOCK_MONOTONIC_RAW", "monotonic"),
        ("CLOCK_BOOTTIME", "monotonic"),
    )
    if hasattr(time, name)
}


def _clock_gettime(number: int) -> float:
    base = _BY_NUMBER.get(number)
    if base is None or not _is_shown() or _stopped_by_others(base) is not None:
        told: float = genuine.originals["time", "clock_gettime"](number)
        return told
    return float((_began_ns[base] + keeper.elapsed_ns()) / NS_PER_S)


def _clock_gettime_ns(number: int) -> int:
    base = _BY_NUMBER.get(number)
    if base is None or not _is_shown() or _stopped_by_others(base) is not None:
        told: int = genuine.originals["time", "clock_gettime_ns"](number)
        return told
    return _began_ns[base] + keeper.elapsed_ns()


CLOCKS: Final[dict[tuple[str, str], Any]] = {
    **{
        ("time", name): _clock(name)
        for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
    },
    **{("time", name): _of_an_instant(name) for name in ("localtime", "gmtime", "ctime")},
    ("time", "strftime"): _strftime,
    ("time", "asctime"): _asctime,
    ("time", "clock_gettime"): _clock_gettime,
    ("time", "clock_gettime_ns"): _clock_gettime_ns,
}
"""What takes the place of functions of `time`, by module and name."""


# datetime


def _now(cls: Any, tz: datetime.tzinfo | None = None) -> Any:
    if not _is_shown() or _stopped_by_others("time") is not None:
        return _genuine_of("now", cls)(tz)
    us = (_began_ns["time"] + keeper.elapsed_ns()) // 1_000
    return cls.fromtimestamp(us // 1_000_000, tz).replace(microsecond=us % 1_000_000)


def _utcnow(cls: Any) -> Any:
    if not _is_shown() or _stopped_by_others("time") is not None:
        return _genuine_of("utcnow", cls)()
    if sys.version_info >= (3, 12):
        warnings.warn(
            "datetime.datetime.utcnow() is deprecated and scheduled for removal in a future version. Use "
            "timezone-aware objects to represent datetimes in UTC: datetime.datetime.now(datetime.UTC).",
            DeprecationWarning,
            stacklevel=2,
        )
    us = (_began_ns["time"] + keeper.elapsed_ns()) // 1_000
    now = cls.fromtimestamp(us // 1_000_000, datetime.UTC)
    return now.replace(microsecond=us % 1_000_000, tzinfo=None)


_OF_DATETIME: Final = {"now": classmethod(_now), "utcnow": classmethod(_utcnow)}
_replaced: Final[dict[str, Any]] = {}
_DATETIME: Final[list[Any]] = [each for each in datetime.datetime.__mro__ if each.__module__ == "datetime"][:1]
"""The standard library's class, also when freezegun has put one of its own in its place.

In a list, because freezegun replaces the class where modules hold it by name.
"""


def _genuine_of(name: str, cls: Any) -> Any:
    return _replaced[name].__get__(None, cls)


def _names_of_datetime() -> dict[str, Any] | None:
    """Return the dictionary of the class's attributes, which Python itself does not let anybody change."""
    found = [each for each in gc.get_referents(vars(_DATETIME[0])) if type(each) is dict]
    return found[0] if len(found) == 1 and "now" in found[0] else None


def _forget_attributes() -> None:
    """Let the interpreter look the attributes of the class up anew."""
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(_DATETIME[0]))


def install_datetime() -> None:
    """Patch `datetime.now` and `utcnow`, which also `today` and subclasses have."""
    names = _names_of_datetime() if sys.implementation.name == "cpython" else None
    if names is None or any(names[name] is ours for name, ours in _OF_DATETIME.items()):
        return
    for name, ours in _OF_DATETIME.items():
        _replaced[name] = names[name]
        names[name] = ours
    _forget_attributes()


def uninstall_datetime() -> None:
    """Take these patches back."""
    names = _names_of_datetime() if _replaced else None
    if names is None:
        return
    for name, ours in _OF_DATETIME.items():
        if names[name] is ours:
            names[name] = _replaced[name]
    _forget_attributes()


def time_passed(seconds: float) -> None:
    """Move the time that freezegun or time-machine has stopped, if one of them has."""
    freezegun, time_machine = sys.modules.get("freezegun.api"), sys.modules.get("time_machine")
    for factory in getattr(freezegun, "freeze_factories", [])[-1:]:
        if hasattr(factory, "start"):  # it runs on as the machine's clock does, from there
            factory.time_to_freeze += datetime.timedelta(seconds=seconds)
        elif hasattr(factory, "tick"):
            factory.tick(seconds)
    for stack in ("traveller_stack", "coordinates_stack"):  # the latter before release 3
        for traveller in getattr(time_machine, stack, [])[-1:]:
            traveller.shift(seconds)
