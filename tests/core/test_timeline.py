"""Timelines: spans read from text, and statuses as a pure function of the record, the polls and the clock."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mock_akool import ClockError, Ending, MockAkoolError, SettingsError, Span, Stage, Status, Timeline, VirtualClock
from mock_akool.core.durations import FOREVER, Duration
from mock_akool.core.timeline import (
    COMPLETED,
    Change,
    change_at,
    changes,
    failed,
    status_at,
    status_interval_at,
)
from tests.core.timelines import (
    ALL_SPANS,
    BORN,
    DONE,
    FAILED,
    INSTANTS,
    POLLS,
    PROCESSING,
    QUEUEING,
    TIMED_SPANS,
    S,
    lived,
    timelines,
)
from tests.extent import choose

# Reading lengths of time

SPANS = {
    "2": Span(2 * S),
    "0": Span(0),
    "0.1": Span(S // 10),
    ".5s": Span(S // 2),
    "10s": Span(10 * S),
    "500ms": Span(S // 2),
    "2m": Span(120 * S),
    "1.5 h": Span(5400 * S),
    "7d": Span(604_800 * S),
    " 3 S ": Span(3 * S),
    "1 poll": Span(polls=1),
    "3 polls": Span(polls=3),
    "3POLLS": Span(polls=3),
    "0 polls": Span(polls=0),
    "10000 polls": Span(polls=10_000),
    "forever": FOREVER,
    "For Ever": FOREVER,
    "36500d": Span(36_500 * 86_400 * S),
}

NO_SPANS = [
    "",
    " ",
    "soon",
    "-1",
    "-1s",
    "1e3",
    "1,5s",
    "nan",
    "inf",
    "infinity",
    "2 weeks",
    "1.5 polls",
    "-1 polls",
    "10001 polls",
    "36501d",
    "9" * 40,
    "9" * 41,
    "²s",
    "3 polls 2s",
    True,
    False,
    None,
    float("nan"),
    float("inf"),
    -0.5,
    b"2s",
    [2],
]


@pytest.mark.parametrize(("text", "span"), SPANS.items())
def test_a_span_is_read_from_text(text: str, span: Span) -> None:
    assert Span.of(text) == span
    assert Span.of(span) is span


@pytest.mark.parametrize(
    ("number", "ns"), [(2, 2 * S), (0, 0), (0.1, S // 10), (1e-9, 1), (0.00005, 50_000), (0.5, S // 2)]
)
def test_a_span_is_read_from_a_number_of_seconds(number: float, ns: int) -> None:
    assert Span.of(number) == Span(ns)
    assert Duration.of(number) == Duration(ns)


@pytest.mark.parametrize("value", NO_SPANS, ids=lambda value: ascii(value).replace("\\", ""))
def test_what_is_no_span_is_refused_with_a_hint(value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        Span.of(value)
    assert caught.value.hint
    with pytest.raises(SettingsError):
        Duration.of(value)


@pytest.mark.parametrize("value", ["3 polls", "forever"])
def test_a_duration_is_time_only(value: str) -> None:
    with pytest.raises(SettingsError, match="is not a duration in seconds"):
        Duration.of(value)


@given(st.one_of(st.integers(0, 10**15), st.integers(0, 10**9).map(lambda s: s * S)).map(Span))
def test_a_span_reads_its_own_spelling(span: Span) -> None:
    assert Span.of(str(span)) == span


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (Span(2 * S), "2s"),
        (Span(90 * S), "90s"),
        (Span(120 * S), "2m"),
        (Span(7 * 86_400 * S), "7d"),
        (Span(S // 10), "100ms"),
        (Span(0), "0s"),
        (Span(1), "0.000000001s"),
        (Span(2 * S + 50_000), "2.00005s"),
        (Span(polls=1), "1 poll"),
        (Span(polls=3), "3 polls"),
        (FOREVER, "forever"),
    ],
)
def test_a_span_is_written_as_a_person_would(span: Span, text: str) -> None:
    assert str(span) == text
    assert Span.of(text) == span


def test_an_ending_is_written_with_its_reasons() -> None:
    assert failed() == Ending(FAILED, (), refund=None)
    assert str(failed()) == "failed"
    assert failed("too dark", "no face", refund=True) == Ending(FAILED, ("too dark", "no face"), refund=True)
    assert str(COMPLETED) == "completed"
    assert str(failed("too dark", "no face")) == "failed: too dark; no face"


# Statuses by time

USUAL = Timeline.of("2s", "3s")


@pytest.mark.parametrize(
    ("after_ns", "status"),
    [
        (0, QUEUEING),
        (2 * S - 1, QUEUEING),
        (2 * S, PROCESSING),
        (5 * S - 1, PROCESSING),
        (5 * S, DONE),
        (10**6 * S, DONE),
    ],
)
def test_stages_begin_at_their_instant(after_ns: int, status: Status) -> None:
    assert status_at(USUAL, BORN, (), BORN + after_ns) is status


@pytest.mark.parametrize(
    ("timeline", "status"),
    [
        (Timeline.of(), DONE),
        (Timeline.of(ending=failed("no")), FAILED),
        (Timeline((), COMPLETED), DONE),
        (Timeline.of("forever"), QUEUEING),
        (Timeline.of("1s", "forever"), PROCESSING),
        (Timeline.of("1s", "1s", failed()), FAILED),
    ],
)
def test_a_life_comes_to_its_end_or_is_stuck(timeline: Timeline, status: Status) -> None:
    assert status_at(timeline, BORN, (), BORN + 50 * 365 * 86_400 * S) is status


def test_fifty_sleeps_of_a_tenth_are_exactly_five_seconds() -> None:
    clock = VirtualClock(BORN)
    for _ in range(49):
        clock.advance(0.1)
    clock.advance(0.1 - 1e-9)
    assert status_at(USUAL, BORN, (), clock.now_ns()) is PROCESSING
    clock.advance(1e-9)
    assert clock.now_ns() == BORN + 5 * S
    assert status_at(USUAL, BORN, (), clock.now_ns()) is DONE


# Statuses by polls


def polled(timeline: Timeline, instants: list[int]) -> list[Status]:
    """What polls at these instants see, each noted as the engine notes it: after it was answered."""
    return [status_at(timeline, BORN, instants[:number], instant) for number, instant in enumerate(instants)]


def test_a_stage_of_polls_is_seen_by_exactly_so_many() -> None:
    seen = polled(Timeline.of("2 polls", "3 polls"), [BORN + n for n in range(7)])
    assert seen == [QUEUEING] * 2 + [PROCESSING] * 3 + [DONE] * 2


def test_polls_of_one_instant_count_too() -> None:
    assert polled(Timeline.of("2 polls", "1 poll"), [BORN] * 5) == [QUEUEING] * 2 + [PROCESSING] + [DONE] * 2


def test_a_stage_of_no_polls_is_never_seen() -> None:
    assert polled(Timeline.of("0 polls", "1 poll"), [BORN] * 2) == [PROCESSING, DONE]


def test_a_stage_of_polls_waits_forever_when_nobody_polls() -> None:
    assert status_at(Timeline.of("1 poll"), BORN, (), BORN + 10**9 * S) is QUEUEING


def test_time_before_polls_counts_only_the_polls_that_saw_the_stage() -> None:
    timeline = Timeline.of("2s", "2 polls")
    instants = [BORN, BORN + S, BORN + 2 * S, BORN + 3 * S, BORN + 4 * S]
    assert polled(timeline, instants) == [QUEUEING, QUEUEING, PROCESSING, PROCESSING, DONE]


def test_time_after_polls_runs_from_the_last_poll_that_saw_the_stage() -> None:
    timeline = Timeline.of("2 polls", "3s")
    polls = [BORN + S, BORN + 10 * S]
    assert status_at(timeline, BORN, polls, BORN + 10 * S) is PROCESSING
    assert status_at(timeline, BORN, polls, BORN + 13 * S - 1) is PROCESSING
    assert status_at(timeline, BORN, polls, BORN + 13 * S) is DONE


def test_polls_that_saw_a_timed_stage_do_not_count_for_the_next() -> None:
    stages = (Stage(QUEUEING, Span(polls=1)), Stage(PROCESSING, Span(2 * S)), Stage(QUEUEING, Span(polls=2)))
    instants = [BORN + number * S for number in range(7)]
    assert polled(Timeline(stages), instants) == [QUEUEING] + [PROCESSING] + [QUEUEING] * 2 + [DONE] * 3


def test_a_poll_counts_for_one_stage_only() -> None:
    stages = (Stage(QUEUEING, Span(polls=1)), Stage(PROCESSING, Span(0)), Stage(PROCESSING, Span(polls=1)))
    assert polled(Timeline(stages), [BORN] * 3) == [QUEUEING, PROCESSING, DONE]


# Properties


@settings(max_examples=choose(75, 1000))
@given(timelines(ALL_SPANS), st.one_of(INSTANTS, st.integers(BORN - 5, BORN + 5)))
@example(Timeline((), COMPLETED), BORN - 1)
@example(Timeline((Stage(QUEUEING, Span(3)),), COMPLETED), BORN + 1)
@example(Timeline((Stage(QUEUEING, Span(3)), Stage(PROCESSING, Span(3))), COMPLETED), BORN + 1)
def test_the_interval_lies_between_two_changes(timeline: Timeline, now: int) -> None:
    steps = list(changes(timeline, BORN, ()))
    number = max([0, *(number for number, each in enumerate(steps) if each.at_ns <= now)])
    following = steps[number + 1].at_ns if number + 1 < len(steps) else None
    assert status_interval_at(timeline, BORN, (), now) == (*steps[number], following)


@settings(max_examples=choose(75, 1000))
@given(timelines(ALL_SPANS), POLLS, st.integers(0, 10 * S))
@example(Timeline((Stage(QUEUEING, Span(0)), Stage(PROCESSING, Span(polls=1))), COMPLETED), [BORN], 0)
@example(Timeline.of("2s", "1 poll"), [BORN + 2 * S], 0)
def test_a_status_is_what_the_job_lived_to(timeline: Timeline, polls: list[int], later_ns: int) -> None:
    now = (polls[-1] if polls else BORN) + later_ns
    assert status_at(timeline, BORN, polls, now) is lived(timeline, polls, now)


@given(timelines(ALL_SPANS, forward=True), POLLS, POLLS)
def test_the_status_of_a_forward_life_never_goes_back(timeline: Timeline, polls: list[int], looks: list[int]) -> None:
    instants = sorted({*polls, *looks})
    seen = [status_at(timeline, BORN, [poll for poll in polls if poll < now], now) for now in instants]
    assert all(one <= other for one, other in pairwise(seen))


@given(timelines(TIMED_SPANS), POLLS, INSTANTS)
def test_polls_change_nothing_where_no_stage_counts_them(timeline: Timeline, polls: list[int], now: int) -> None:
    assert not timeline.counts_polls
    before = [poll for poll in polls if poll <= now]
    assert change_at(timeline, BORN, before, now) == change_at(timeline, BORN, (), now)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(0, S))
def test_each_stage_of_polls_is_seen_by_so_many_whenever_they_come(counts: list[int], pause_ns: int) -> None:
    statuses = [QUEUEING, PROCESSING, QUEUEING, PROCESSING]
    stages = tuple(Stage(status, Span(polls=count)) for status, count in zip(statuses, counts, strict=False))
    instants = [BORN + number * pause_ns for number in range(sum(counts) + 1)]
    expected = [stage.status for stage, count in zip(stages, counts, strict=True) for _ in range(count)]
    assert polled(Timeline(stages), instants) == [*expected, DONE]


@given(timelines(ALL_SPANS), POLLS, INSTANTS, INSTANTS)
def test_changes_between_two_instants_lead_from_one_status_to_the_other(
    timeline: Timeline, polls: list[int], one: int, other: int
) -> None:
    after, until = sorted((one, other))
    between = [change for change in changes(timeline, BORN, polls) if after < change.at_ns <= until]
    assert [change.at_ns for change in between] == sorted(change.at_ns for change in between)
    newest = between[-1] if between else change_at(timeline, BORN, polls, after)
    assert newest == change_at(timeline, BORN, polls, until)
    for change in between:
        # Of several changes at one instant the last is the one that is seen.
        last = [each for each in between if each.at_ns == change.at_ns][-1]
        assert change_at(timeline, BORN, polls, change.at_ns) == last


@given(timelines(ALL_SPANS), POLLS, st.integers(0, 10 * S))
def test_what_holds_is_seen_until_it_ends(timeline: Timeline, polls: list[int], later_ns: int) -> None:
    now = (polls[-1] if polls else BORN) + later_ns
    at, status, until = status_interval_at(timeline, BORN, polls, now)
    assert at <= now
    for instant in (at, now, now + 10**9 * S if until is None else until - 1):
        assert change_at(timeline, BORN, polls, instant) == (at, status)
    if until is not None:
        assert now < until == change_at(timeline, BORN, polls, until).at_ns


def test_changes_of_a_usual_life() -> None:
    assert list(changes(USUAL, BORN, ())) == [
        Change(BORN, QUEUEING),
        Change(BORN + 2 * S, PROCESSING),
        Change(BORN + 5 * S, DONE),
    ]


def test_errors_of_time_are_misuse_of_the_fake() -> None:
    assert issubclass(ClockError, MockAkoolError)
    assert issubclass(SettingsError, (MockAkoolError, ValueError))
