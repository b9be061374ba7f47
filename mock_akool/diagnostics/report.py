"""The report of a failing test: the life of each job, the last calls, and hints at mistakes of the client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Final, NamedTuple

from mock_akool.akool.families import CREATES
from mock_akool.akool.jobs import Job
from mock_akool.core.call_log import Call
from mock_akool.core.http import shortened
from mock_akool.core.text import cleaned
from mock_akool.core.timeline import Status, changes
from mock_akool.diagnostics.describe import counted, describe, describe_bug, describe_status, nth
from mock_akool.diagnostics.hints import find_hints
from mock_akool.diagnostics.observations import Observations, end_ns, known_changes

_JOBS_SHOWN: Final = 5
_CALLS_SHOWN: Final = 10
_PROMPT_SHOWN: Final = 50


class Report(NamedTuple):
    """What a fake can say about a test: how many calls it saw, and a function that writes the text when it is needed.

    The function takes the exception that ended the test, or None.
    """

    calls: int
    text: Callable[[BaseException | None], str]

    @classmethod
    def of(cls, seen: Observations) -> Report:
        """Return the report about what a fake saw."""
        return cls(len(seen.calls), lambda error: explain(replace(seen, error=error)))


def explain(seen: Observations) -> str:
    """Return the report: jobs, calls, hints.

    It never raises: a part that breaks is a bug of the fake, and becomes one line that says so.
    """
    if not seen.calls:
        # Perhaps something came that is no request.
        hints = [f"hint: {text}" for text in find_hints(seen)] if seen.refusals else []
        parts = [*_part("the report", _no_calls, seen), *_part("the report about other hosts", _elsewhere, seen)]
        return "\n".join([*parts, *hints])
    return "\n".join(
        [
            *_part("the report about the clock", _clock, seen),
            *_part("the report about jobs", _jobs, seen),
            *_part("the report about calls", _calls, seen),
            *_part("the report about other hosts", _elsewhere, seen),
            *(f"hint: {text}" for text in find_hints(seen)),
        ]
    )


def _part(name: str, write: Callable[[Observations], Iterable[str]], seen: Observations) -> list[str]:
    lines: list[str] = []
    try:
        lines.extend(write(seen))
    except Exception as bug:
        lines.append(describe_bug(name, bug))
    # Ids, keys and reasons are what clients and scenarios made them.
    return list(map(cleaned, lines))


def _clock(seen: Observations) -> Iterator[str]:
    if seen.stands_still:
        yield "the clock of the server stands still; POST /_mock/clock/resume lets it run"


def _elsewhere(seen: Observations) -> Iterator[str]:
    """Name the requests to other hosts that failed: perhaps the client was to ask the fake."""
    count = seen.failed_elsewhere_count
    if not count:
        return
    said = f"{counted(count, 'request')} went elsewhere"
    if len(seen.failed_elsewhere) == 1:
        yield f"{said}: {seen.failed_elsewhere[0]}"
        return
    yield f"{said}, such as:"
    yield from (f"    {each}" for each in seen.failed_elsewhere)


def _no_calls(seen: Observations) -> Iterator[str]:
    """Say why there is no call: none came, they came with another key, or they are no longer kept."""
    if not seen.others and not seen.dropped:
        yield "no request reached the fake"
        return
    yield "no request with this account's key reached the fake"
    if seen.dropped:
        kept = counted(seen.settings.call_log_size, "call")
        yield f"the call log keeps {kept}, of all accounts; {seen.dropped:,} older are gone (--call-log-size)"
    if seen.others:
        yield "requests came with other keys:"
        yield from (f"    {seen.at(call.time_ns)}  {describe(call)}, with {_key_of(call)}" for call in seen.others)


def _key_of(call: Call) -> str:
    key = call.account or call.headers.get("x-api-key")
    return f"the key {shortened(key)}" if key else "no key"


# The lives of jobs


def _jobs(seen: Observations) -> Iterator[str]:
    shown = seen.jobs[-_JOBS_SHOWN:]
    if len(shown) < len(seen.jobs):
        yield f"({counted(len(seen.jobs) - len(shown), 'earlier job')} left out)"
    for job in shown:
        yield f"job {job.id}, {_subject(job)}: {_life(job, seen)}"
        yield from (f"    {line}" for line in _what_the_client_saw(job, seen))


def _subject(job: Job) -> str:
    if job.parent_id is not None:
        return f"{CREATES[job.endpoint].uses_of(job.input)} of {job.parent_id}"
    prompt = job.topic.prompt
    return repr(prompt if len(prompt) <= _PROMPT_SHOWN else f"{prompt[:_PROMPT_SHOWN]}…")


def _life(job: Job, seen: Observations) -> str:
    steps = []
    for at_ns, status in known_changes(job):
        would = "" if at_ns <= seen.now_ns else "would be "
        word = "at" if status >= Status.COMPLETED else "from"
        steps.append(f"{would}{status.word} {word} {seen.at(at_ns)}")
    if end_ns(job) is None:
        stage = job.timeline.stages[len(list(changes(job.timeline, job.created_ns, job.polls))) - 1]
        steps.append(
            "forever"
            if stage.span.polls is None
            else f"until {stage.span} {'has' if stage.span.polls == 1 else 'have'} seen it"
        )
    elif job.timeline.ending.reasons:
        steps.append(f"because of {'; '.join(job.timeline.ending.reasons)!r}")
    return ", ".join(steps)


def _what_the_client_saw(job: Job, seen: Observations) -> Iterator[str]:
    yield from _polls(job, seen)
    for each in seen.deliveries:
        if each.job_id == job.id:
            attempts = f" after {len(each.attempts)} attempts" if len(each.attempts) > 1 else ""
            error = f": {each.error}" if each.error else ""
            yield (
                f"webhook of status {describe_status(each.status)} at {seen.at(each.due_ns)}: "
                f"{each.outcome}{attempts}{error}"
            )
    fetched = seen.fetches(job.id)
    if fetched:
        yield f"{counted(len(fetched), 'download')}, the last at {seen.at(fetched[-1].time_ns)}"


def _polls(job: Job, seen: Observations) -> Iterator[str]:
    """Yield a line for each run of polls that saw the same status."""
    polls = seen.polls(job.id)
    if not polls:
        attempts = len(seen.attempted_polls(job.id))
        yield f"polled {counted(attempts, 'time')}, but shown no status" if attempts else "never polled"
    number = 0
    for status, group in groupby(polls, lambda poll: poll.job_status):
        same = list(group)
        stopped = same[-1] is polls[-1] and status is not None and status < Status.COMPLETED
        # The poll after which the client gave up has a line of its own.
        for run in [same[:-1], same[-1:]] if stopped else [same]:
            if not run:
                continue
            first, number = number + 1, number + len(run)
            when = f"at {seen.at(run[0].time_ns)}"
            if len(run) > 1:
                when = f"from {seen.at(run[0].time_ns)} to {seen.at(run[-1].time_ns)}"
            which = nth(first) if len(run) == 1 else f"{nth(first)} to {nth(number)}"
            shown = f"status {describe_status(status)}" if status else ""
            end = "; the client stopped here" if stopped and run[-1] is polls[-1] else ""
            yield f"{which} poll {when}: {shown}{end}"


def _calls(seen: Observations) -> Iterator[str]:
    shown = seen.calls[-_CALLS_SHOWN:]
    yield f"the last {len(shown)} of {seen.call_count} calls:" if len(shown) > 1 else "the only call:"
    for call in shown:
        yield f"    {seen.at(call.time_ns)}  {describe(call)}"
