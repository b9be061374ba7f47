"""Clocks: integers of nanoseconds, and virtual time that moves only when it is moved."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_akool import ClockError, SteeredClock, SystemClock, VirtualClock
from mock_akool.core.clock import DEFAULT_START_NS, LATEST_NS

S = 1_000_000_000


def test_virtual_time_stands_still_until_it_is_advanced() -> None:
    clock = VirtualClock()
    assert clock.now_ns() == clock.now_ns() == DEFAULT_START_NS
    clock.advance(1.5)
    assert clock.now_ns() == DEFAULT_START_NS + 3 * S // 2
    clock.advance(0)
    assert clock.now_ns() == DEFAULT_START_NS + 3 * S // 2


def test_virtual_time_starts_where_it_is_set_to() -> None:
    assert VirtualClock(7).now_ns() == 7


@pytest.mark.parametrize("seconds", [-1, -1e-9, float("nan"), float("inf"), float("-inf")])
def test_a_clock_cannot_run_backwards_or_forever(seconds: float) -> None:
    clock = VirtualClock(S)
    with pytest.raises(ClockError, match="cannot run backwards or forever") as caught:
        clock.advance(seconds)
    assert caught.value.hint == "Give a finite number of seconds, 0 or more"
    assert clock.now_ns() == S


@pytest.mark.parametrize("seconds", ["2m", None, True])
def test_a_clock_wants_a_number_of_seconds(seconds: Any) -> None:
    clock = VirtualClock(S)
    with pytest.raises(ClockError) as caught:
        clock.advance(seconds)
    assert caught.value.message == f"clock.advance({seconds!r}): this is not a number of seconds"
    assert clock.now_ns() == S


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


def test_the_system_clock_shows_the_machines_time() -> None:
    before = time.time_ns()
    now = SystemClock().now_ns()
    assert before <= now <= time.time_ns()


class Steady:
    """A machine's steady count, by hand."""

    def __init__(self) -> None:
        self.ns = 1_000

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def steady() -> Steady:
    return Steady()


@pytest.fixture
def steered(steady: Steady) -> SteeredClock:
    return SteeredClock(50 * S, steady)


def test_a_steered_clock_runs_as_the_machine_does(steered: SteeredClock, steady: Steady) -> None:
    assert steered.now_ns() == 50 * S
    steady.ns += 3 * S + 7
    assert steered.now_ns() == 53 * S + 7
    assert (steered.frozen, steered.speed) == (False, 1)


def test_a_steered_clock_that_is_frozen_while_it_is_read_does_not_run_backwards(steady: Steady) -> None:
    reading = [False]

    def count() -> int:
        if reading[0]:
            reading[0] = False
            clock.freeze()
            steady.ns += S
        return steady()

    clock = SteeredClock(50 * S, count)
    for _ in range(2):
        reading[0] = True
        assert clock.now_ns() == 50 * S == clock.now_ns()
        clock.resume()
        clock.set_to_machine()


def test_a_steered_clock_begins_at_the_machines_instant() -> None:
    before_ns = time.time_ns()
    assert before_ns - S < SteeredClock().now_ns() < before_ns + 60 * S


def test_a_frozen_clock_moves_only_when_it_is_advanced(steered: SteeredClock, steady: Steady) -> None:
    steered.freeze()
    steady.ns += 9 * S
    assert steered.now_ns() == 50 * S
    steered.advance(1.5)
    assert steered.now_ns() == 51 * S + S // 2
    assert steered.frozen
    steered.advance_to(60 * S)
    steered.advance_to(3)
    assert steered.now_ns() == 60 * S
    steered.resume()
    steady.ns += S
    assert steered.now_ns() == 61 * S


def test_a_clock_that_runs_goes_on_after_it_was_advanced(steered: SteeredClock, steady: Steady) -> None:
    steady.ns += S
    steered.advance(10)
    steady.ns += S
    assert steered.now_ns() == 62 * S


def test_speed_counts_from_the_moment_it_is_set(steered: SteeredClock, steady: Steady) -> None:
    steady.ns += S
    steered.run_at(60)
    steady.ns += S
    assert steered.now_ns() == 111 * S
    steered.run_at(0.5)
    steady.ns += S
    assert steered.now_ns() == 111 * S + S // 2


@pytest.mark.parametrize("speed", [-1, float("nan"), float("inf"), 1_000_001])
def test_a_speed_that_cannot_be_changes_nothing(speed: float, steered: SteeredClock, steady: Steady) -> None:
    with pytest.raises(ClockError, match="cannot run"):
        steered.run_at(speed)
    with pytest.raises(ClockError, match="cannot run backwards"):
        steered.advance(-1)
    steady.ns += S
    assert steered.now_ns() == 51 * S


def test_listeners_hear_of_each_change(steered: SteeredClock) -> None:
    heard: list[int] = []
    steered.listen(lambda: heard.append(steered.now_ns() // S))
    steered.freeze()
    steered.advance(1)
    steered.advance_to(60 * S)
    steered.resume()
    assert heard == [50, 51, 60, 60]


def test_a_clock_that_was_given_its_start_keeps_its_instant(steered: SteeredClock, steady: Steady) -> None:
    steered.advance(10)
    steered.set_to_machine()
    steady.ns += S
    assert steered.now_ns() == 61 * S


def test_one_that_shows_the_machines_time_shows_it_again() -> None:
    clock = SteeredClock()
    clock.advance(10**6)
    clock.set_to_machine()
    assert abs(clock.now_ns() - time.time_ns()) < 100 * S


class TestASuspendedMachine:
    """Its steady count stands still meanwhile, and its wall clock does not."""

    @pytest.fixture
    def wall(self) -> Steady:
        return Steady()

    @pytest.fixture
    def clock(self, steady: Steady, wall: Steady) -> SteeredClock:
        return SteeredClock(50 * S, steady, wall)

    def test_the_clock_follows(self, clock: SteeredClock, steady: Steady, wall: Steady) -> None:
        told: list[int] = []
        clock.listen(lambda: told.append(clock.now_ns()))
        steady.ns += S
        wall.ns += 3601 * S
        clock.follow()
        assert clock.now_ns() == 50 * S + 3601 * S
        assert told == [clock.now_ns()]
        clock.follow()
        assert clock.now_ns() == told[0]
        assert len(told) == 1

    @pytest.mark.parametrize(
        ("steer", "moved_s"),
        [
            (SteeredClock.resume, 0),
            (SteeredClock.freeze, 0),
            (lambda clock: clock.run_at(7), 0),
            (lambda clock: clock.advance(5), 5),
            (lambda clock: clock.advance_to(10 * S), 0),
            (lambda clock: clock.go_on_from(clock.state()), 0),
        ],
    )
    def test_who_steers_it_before_it_followed_loses_no_time(
        self, steer: Callable[[SteeredClock], None], moved_s: int, clock: SteeredClock, steady: Steady, wall: Steady
    ) -> None:
        """The first request after a suspend may come before the server looks."""
        wall.ns += 3600 * S
        steer(clock)
        assert clock.now_ns() == (50 + 3600 + moved_s) * S
        clock.follow()
        assert clock.now_ns() == (50 + 3600 + moved_s) * S

    def test_a_wall_clock_that_steps_back_moves_nothing(
        self, clock: SteeredClock, steady: Steady, wall: Steady
    ) -> None:
        wall.ns += 3600 * S
        clock.follow()
        wall.ns -= 3600 * S
        steady.ns += S
        clock.follow()
        assert clock.now_ns() == 50 * S + 3601 * S

    def test_the_two_may_differ_a_little(self, clock: SteeredClock, steady: Steady, wall: Steady) -> None:
        for _ in range(10):
            wall.ns += S + S // 1000
            steady.ns += S
            clock.follow()
        assert clock.now_ns() == 60 * S + S // 100

    @pytest.mark.parametrize(("speed", "seconds"), [(0, 0), (0.5, 1800), (60, 216_000), (10**6, 3_600_000_000)])
    def test_the_speed_counts(
        self, speed: float, seconds: int, clock: SteeredClock, steady: Steady, wall: Steady
    ) -> None:
        clock.run_at(speed)
        wall.ns += 3600 * S
        clock.follow()
        assert clock.now_ns() == 50 * S + seconds * S

    def test_what_passed_while_it_was_frozen_does_not_count(self, clock: SteeredClock, wall: Steady) -> None:
        clock.freeze()
        told: list[int] = []
        clock.listen(lambda: told.append(clock.now_ns()))
        wall.ns += 3600 * S
        clock.follow()
        assert told == []
        clock.resume()
        clock.follow()
        assert clock.now_ns() == 50 * S

    def test_it_stops_at_the_end(self, steady: Steady, wall: Steady) -> None:
        clock = SteeredClock(LATEST_NS - S, steady, wall)
        wall.ns += 3600 * S
        clock.follow()
        assert clock.now_ns() == LATEST_NS

    def test_a_reset_shows_the_wall_clock(self, steady: Steady, wall: Steady) -> None:
        clock = SteeredClock(None, steady, wall)
        wall.ns += 3600 * S
        clock.set_to_machine()
        assert clock.now_ns() == wall.ns
        clock.follow()
        assert clock.now_ns() == wall.ns


@given(
    st.lists(
        st.tuples(st.sampled_from(["run", "advance", "to", "pass", "wall", "back", "follow"]), st.floats(0, 1000)),
        max_size=30,
    )
)
def test_a_steered_clock_never_runs_backwards(steps: list[tuple[str, float]]) -> None:
    steady, wall = Steady(), Steady()
    clock = SteeredClock(0, steady, wall)
    last_ns = clock.now_ns()
    for step, by in steps:
        match step:
            case "run":
                clock.run_at(by)
            case "advance":
                clock.advance(by)
            case "to":
                clock.advance_to(round(by * S))
            case "wall":
                wall.ns += round(by * S)
            case "back":
                wall.ns -= round(by * S)
            case "follow":
                clock.follow()
            case _:
                steady.ns += round(by * 1000)
        assert clock.now_ns() >= last_ns
        last_ns = clock.now_ns()


class Alarms:
    """A watcher that is to be woken at some instants, and notes when it was."""

    def __init__(self, clock: VirtualClock, name: str, woken: list[tuple[str, int]], *at_ns: int) -> None:
        self.clock, self.name, self.woken, self.left = clock, name, woken, list(at_ns)

    def next_ns(self) -> int | None:
        return min(self.left, default=None)

    def wake(self) -> None:
        now_ns = self.clock.now_ns()
        self.woken.append((self.name, now_ns))
        self.left = [each for each in self.left if each > now_ns]


def test_watchers_are_woken_at_their_instants_in_order() -> None:
    clock, woken = VirtualClock(0), list[tuple[str, int]]()
    for alarms in (
        Alarms(clock, "late", woken, 70, 40),
        Alarms(clock, "early", woken, 50, 20, 80),
        Alarms(clock, "past", woken),
    ):
        clock.watch(alarms)
    clock.advance_to(70)
    assert woken == [("early", 20), ("late", 40), ("early", 50), ("late", 70)]
    assert clock.now_ns() == 70
    clock.advance_to(10)
    assert (clock.now_ns(), len(woken)) == (70, 4), "the past moves nothing"
    clock.advance_to(80)
    assert woken[4:] == [("early", 80)]


class TestTheEndOfTime:
    """Ids have eight hex digits for the seconds, and a date has four for the year: both end, so the clocks do first."""

    AFTER = r"the clock would show a time after 2106-02-07T06:28:15Z"

    @pytest.mark.parametrize("make", [VirtualClock, SteeredClock])
    @pytest.mark.parametrize(("start_ns", "when"), [(-1, "before 1970"), (LATEST_NS + 1, "after 2106-02-07T06:28:15Z")])
    def test_no_clock_begins_outside(self, start_ns: int, when: str, make: type[VirtualClock | SteeredClock]) -> None:
        with pytest.raises(ClockError, match=f"the clock would show a time {when}"):
            make(start_ns)
        assert make(0).now_ns() >= 0

    @pytest.mark.parametrize("make", [VirtualClock, SteeredClock])
    def test_no_clock_is_moved_there(self, make: type[VirtualClock | SteeredClock]) -> None:
        clock = make(LATEST_NS - 10 * S)
        if isinstance(clock, SteeredClock):
            clock.freeze()
        before_ns = clock.now_ns()
        for seconds in (60, 1e300):
            with pytest.raises(ClockError, match=self.AFTER):
                clock.advance(seconds)
        with pytest.raises(ClockError, match=self.AFTER):
            clock.advance_to(LATEST_NS + 1)
        assert clock.now_ns() == before_ns
        clock.advance_to(-5)
        assert clock.now_ns() == before_ns
        clock.advance_to(LATEST_NS)
        assert clock.now_ns() == LATEST_NS
        clock.advance(0)

    def test_a_clock_that_runs_stops_there(self) -> None:
        passed_ns = 0
        clock = SteeredClock(LATEST_NS - 10 * S, lambda: passed_ns)
        passed_ns = 9 * S
        assert clock.now_ns() == LATEST_NS - S
        passed_ns = 11 * S
        assert clock.now_ns() == LATEST_NS
        clock.run_at(1_000_000)
        passed_ns *= 10**6
        assert clock.now_ns() == LATEST_NS


@pytest.mark.parametrize("speed", [True, False, "2", None])
def test_a_speed_is_a_number(speed: Any) -> None:
    with pytest.raises(ClockError):
        SteeredClock().run_at(speed)
