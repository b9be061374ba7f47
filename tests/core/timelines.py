"""Timelines of every kind, and an independent model of what becomes of a job."""

from __future__ import annotations

from hypothesis import strategies as st

from mock_akool import Span, Stage, Status, Timeline
from mock_akool.core.durations import FOREVER
from mock_akool.core.timeline import COMPLETED, failed

S = 1_000_000_000
BORN = 1_767_225_600 * S
"""When every job of these tests is created, in ns since the epoch."""

QUEUEING, PROCESSING, DONE, FAILED = Status

NS = st.one_of(st.integers(0, 10), st.sampled_from([S // 10, S, 2 * S, 3 * S]), st.integers(0, 10 * S))
TIMED_SPANS = st.one_of(NS.map(Span), st.just(FOREVER))
ALL_SPANS = st.one_of(TIMED_SPANS, st.integers(0, 4).map(lambda n: Span(polls=n)))
ENDINGS = st.sampled_from([COMPLETED, failed("no")])
INSTANTS = NS.map(lambda ns: BORN + ns)
POLLS = st.lists(INSTANTS, max_size=12).map(sorted)


def timelines(spans: st.SearchStrategy[Span], *, forward: bool = False) -> st.SearchStrategy[Timeline]:
    stages = st.lists(st.builds(Stage, st.sampled_from([QUEUEING, PROCESSING]), spans), max_size=5)
    ordered = stages.map(lambda some: sorted(some, key=lambda stage: stage.status)) if forward else stages
    return st.builds(Timeline, ordered.map(tuple), ENDINGS)


def lived(timeline: Timeline, polls: list[int], now: int) -> Status:
    """What `status_at` should return, written as a life: an independent model that moves from poll to poll."""
    stages = [*timeline.stages, Stage(timeline.ending.status, FOREVER)]
    number, since, counted = 0, BORN, 0

    def live_until(instant: int) -> None:
        nonlocal number, since, counted
        while True:
            span = stages[number].span
            if span.ns is not None and since + span.ns <= instant:
                since += span.ns
            elif span.polls is None or counted < span.polls:
                return
            number, counted = number + 1, 0

    for poll in polls:
        live_until(poll)
        if stages[number].span.polls is not None:
            counted += 1
            if counted == stages[number].span.polls:
                since = poll
    live_until(now)
    return stages[number].status
