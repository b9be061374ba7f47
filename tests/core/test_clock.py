"""Clocks: integers of nanoseconds, and virtual time that moves only when it is told to."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_akool import ClockError, SystemClock, VirtualClock
from mock_akool.core.clock import DEFAULT_START_NS

S = 1_000_000_000


def test_virtual_time_stands_still_until_it_is_advanced() -> None:
    clock = VirtualClock()
    assert clock.now_ns() == clock.now_ns() == DEFAULT_START_NS
    clock.advance(1.5)
    assert clock.now_ns() == DEFAULT_START_NS + 3 * S // 2
    clock.advance(0)
    assert clock.now_ns() == DEFAULT_START_NS + 3 * S // 2


def test_virtual_time_starts_where_it_is_told_to() -> None:
    assert VirtualClock(7).now_ns() == 7


@pytest.mark.parametrize("seconds", [-1, -1e-9, float("nan"), float("inf"), float("-inf")])
def test_a_clock_cannot_run_backwards_or_for_ever(seconds: float) -> None:
    clock = VirtualClock(S)
    with pytest.raises(ClockError, match="cannot run backwards or for ever") as caught:
        clock.advance(seconds)
    assert caught.value.hint == "Give a finite number of seconds, 0 or more"
    assert clock.now_ns() == S


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6), max_size=20))
def test_virtual_time_is_the_sum_of_its_steps(steps: list[float]) -> None:
    clock = VirtualClock(0)
    for step in steps:
        clock.advance(step)
    assert clock.now_ns() == sum(round(step * S) for step in steps)


def test_threads_lose_no_step() -> None:
    clock = VirtualClock(0)

    def advance(_: int) -> None:
        for _ in range(500):
            clock.advance(0.001)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(advance, range(8)))
    assert clock.now_ns() == 8 * 500 * S // 1000


def test_the_system_clock_tells_the_machine_s_time() -> None:
    before = time.time_ns()
    now = SystemClock().now_ns()
    assert before <= now <= time.time_ns()
