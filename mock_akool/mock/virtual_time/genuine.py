"""What the machine itself offers: the functions that virtual time is built on, and those that its patches replaced."""

from __future__ import annotations

import _thread
import functools
import sys
import time
from collections.abc import Callable
from types import BuiltinFunctionType
from typing import Any, Final

originals: Final[dict[tuple[str, str], Any]] = {}
"""What the patches replaced, by module and name such as `("time", "sleep")`: another tool's function, maybe.

An entry stays when the patches are taken back, for whoever holds on to a replacement.
"""

allocate_lock: Final = _thread.allocate_lock
"""Makes a lock of the machine, also where gevent has replaced those of `threading`."""


def _function(name: str) -> Any:
    """Return the function of the interpreter, also when it is replaced already when this module is imported."""
    function: Any = getattr(time, name)
    if not isinstance(function, BuiltinFunctionType):  # by freezegun, which knows what it has replaced
        function = getattr(sys.modules.get("freezegun.api"), f"real_{name}", function)
    return function


functions: Final[dict[tuple[str, str], Any]] = {
    ("time", name): _function(name)
    for name in (
        "sleep", "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "localtime",
        "gmtime", "strftime",
    )
}  # fmt: skip
"""The interpreter's own functions, by module and name."""


def _builtin(name: str) -> Callable[..., Any]:
    """Return the function, wrapped, because freezegun replaces by identity what modules hold by name."""
    return functools.partial(functions["time", name])


sleep: Final = _builtin("sleep")
monotonic_ns: Final[Callable[[], int]] = _builtin("monotonic_ns")
perf_counter_ns: Final[Callable[[], int]] = _builtin("perf_counter_ns")
time_ns: Final[Callable[[], int]] = _builtin("time_ns")
