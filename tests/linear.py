"""Whether something costs time in proportion to its length, on any machine.

The time of the thread's own work is compared for inputs of 2,000 and 32,000 parts, and at length for twice as many.
Sixteen times as much may take 64 times as long, which no machine is slow enough for; what is quadratic takes 256 times
as long.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Final

from mock_akool.core.clock import NS_PER_S
from tests.extent import choose

FEW: Final = choose(2_000, 4_000)
MANY: Final = 16 * FEW
MOST_TIMES: Final = 64
ALWAYS_S: Final = 0.05
"""What is not worth a comparison."""
ATTEMPTS: Final = 3


def own_s(work: Callable[[], object]) -> float:
    """Return the seconds of the thread's own work.

    Without the collections of garbage that fall into it: these walk through all that the other tests left.
    """
    gc.disable()
    try:
        began_ns = time.thread_time_ns()
        work()
        return (time.thread_time_ns() - began_ns) / NS_PER_S
    finally:
        gc.enable()


def assert_linear(cost_s: Callable[[int], float]) -> None:
    """Compare what so many parts cost."""
    few_s = min(cost_s(FEW) for _ in range(ATTEMPTS))
    taken_s = []
    for _ in range(ATTEMPTS):
        taken_s.append(cost_s(MANY))
        if taken_s[-1] <= MOST_TIMES * few_s + ALWAYS_S:
            return
    raise AssertionError(f"{FEW} parts took {few_s:.4f} s, and {MANY} took {taken_s} s")
