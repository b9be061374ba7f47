"""The story of a run as data: the lives of its jobs, its calls, its webhooks and its long pauses, in seconds."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

from mock_akool.akool.codes import Code
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.text import cleaned
from mock_akool.diagnostics.describe import describe
from mock_akool.diagnostics.observations import known_changes
from mock_akool.gauntlet.facts import Run

_MOST_CALLS: Final = 200
"""How many calls a story has at most: the first and the last ones of a client that never ends."""
_FIRST_ERROR: Final = 400
_LONG: Final = 0.05
"""Pauses are shown that are at least this part of the whole."""


class JobStage(NamedTuple):
    """A status of a job, from when to when; None: for as long as the story goes."""

    status: str
    begins: float
    ends: float | None


class StoryJob(NamedTuple):
    """A job and its stages, in order."""

    job_id: str
    stages: tuple[JobStage, ...]


class StoryCall(NamedTuple):
    """A call: its number, when it came, its endpoint, what it brought, and the rule that changed its response.

    `refused`: its response says, by its code or its HTTP status, that nothing was done.
    """

    number: int
    at: float
    endpoint: str
    outcome: str
    rule: str | None
    text: str
    refused: bool


class StoryWebhook(NamedTuple):
    """A webhook: when it was due, the status it reports, and what became of it."""

    at: float
    status: str
    state: str


class Story(NamedTuple):
    """What happened in a run. Instants are seconds since the fake was made; `pauses` are from when to when."""

    ends: float
    jobs: tuple[StoryJob, ...]
    calls: tuple[StoryCall, ...]
    left_out: int
    webhooks: tuple[StoryWebhook, ...]
    pauses: tuple[tuple[float, float], ...]


def story_of(run: Run) -> Story:
    """Return the story of a run."""
    seen = run.seen

    def at(instant_ns: int) -> float:
        return round((instant_ns - seen.start_ns) / NS_PER_S, 3)

    ends = max(at(run.ended_ns), *(call.at for call in seen.calls[-1:]), 0.001)
    calls = seen.calls
    if len(calls) > _MOST_CALLS:
        calls = (*calls[: _MOST_CALLS // 2], *calls[-_MOST_CALLS // 2 :])
    jobs = []
    for job in seen.jobs:
        steps = known_changes(job)
        following = [*(at(each.at_ns) for each in steps[1:]), None]
        stages = (JobStage(step.status.word, at(step.at_ns), end) for step, end in zip(steps, following, strict=True))
        jobs.append(StoryJob(job.id, tuple(stages)))
    pauses = ((one.at, two.at) for one, two in pairwise(calls) if two.at - one.at >= _LONG * ends)
    return Story(
        ends,
        tuple(jobs),
        tuple(
            StoryCall(
                call.number,
                round(call.at, 3),
                call.endpoint,
                call.response.outcome,
                call.rule if call.rule is None else cleaned(call.rule),
                describe(call),
                call.code not in (None, Code.OK) or call.response.status >= _FIRST_ERROR,
            )
            for call in calls
        ),
        len(seen.calls) - len(calls),
        tuple(StoryWebhook(round(each.at, 3), each.status.word, each.state.value) for each in seen.deliveries),
        tuple((round(begin, 3), round(end, 3)) for begin, end in pauses),
    )
