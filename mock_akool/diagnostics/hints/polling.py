"""Hints about polling: which job is asked for, how often, and when the client stops (contract section 6)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from mock_akool.akool.codes import Code
from mock_akool.akool.endpoints import CREATES, READS
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.families import CREATES as CREATES_BY_NAME
from mock_akool.akool.families import RESULTS, Context, Pending, Unknown, family_of
from mock_akool.akool.jobs import Job
from mock_akool.core.call_log import Call
from mock_akool.core.clock import NS_PER_MS, NS_PER_S
from mock_akool.core.http import Termination
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.timeline import Status
from mock_akool.diagnostics.describe import counted, describe_status
from mock_akool.diagnostics.hints.finding import NO_VALUE, Hint, query_of
from mock_akool.diagnostics.observations import Observations, end_ns

_HASTY_POLLS: Final = 4
_HASTY_NS: Final = 5 * NS_PER_MS
"""Polls that follow each other so quickly have no pause between them."""
_HURRIED_POLLS: Final = 8
"""So many polls in a row that come within a second of each other are more than anybody needs."""
_HURRIED_NS: Final = NS_PER_S // 2
"""Shorter pauses are those of a test that makes its client hurry."""
_ID_SHOWN: Final = 40
_JOB_ID: Final = re.compile(r"[0-9a-f]{24}")
_OLDEST_JOB_S: Final = 1_577_836_800
"""2020-01-01. An id that says that its job is older was not made by a fake."""

_CREDENTIALS_REFUSED: Final = frozenset(
    {Code.INVALID_AUTHORIZATION, Code.AUTHORIZATION_EMPTY, Code.ACCOUNT_NOT_FOUND, Code.ACCOUNT_BANNED}
)
"""The codes of requests that were refused for their credentials, before anything else was looked at."""


def _parameter(call: Call) -> str:
    """Return the name of the query's parameter that has the id; empty text where the id is elsewhere."""
    return next(iter(RESULTS[call.endpoint].query), "")


def _asked_id(call: Call) -> str:
    """Return the id that a poll asks for, or what stands in its place; empty text where there is none."""
    results = RESULTS[call.endpoint]
    if results.query:
        return query_of(call).get(_parameter(call), [""])[0]
    return next(iter(results.names_in(call.path)), "")


def _wrong_name(seen: Observations) -> str | None:
    for call in seen.to(*READS):
        query, name = query_of(call), _parameter(call)
        if name and name not in query and call.job_id is None and call.code not in _CREDENTIALS_REFUSED:
            given = f"with {', '.join(f'`{other}=`' for other in query)} only" if query else "without a query"
            return f"#{call.number} polls {given}; the parameter is `{name}=`"
    return None


def _without_id(seen: Observations) -> str | None:
    for call in seen.to(*READS):
        is_named = _parameter(call) in query_of(call) if _parameter(call) else bool(_asked_id(call))
        value = _asked_id(call)
        if is_named and value.lower() in NO_VALUE:
            where = "a create returns the id in `data._id`, not at the top level"
            return f"#{call.number} polls with the id {value!r}; {where}"
    return None


def _unknown_job(seen: Observations) -> str | None:
    for call in seen.to(*READS):
        value = _asked_id(call)
        if call.code != seen.settings.unknown_job_code or value.lower() in NO_VALUE:
            continue
        job = seen.job(value)
        if job is not None and job.deleted_ns is not None:
            return f"#{call.number} polls job {job.id}, which its account has deleted"
        if job is None:
            return (
                f"#{call.number} polls {value[:_ID_SHOWN]!r}, which no create has returned; {_known_jobs(value, seen)}"
            )
    return None


def _known_jobs(job_id: str, seen: Observations) -> str:
    made_s = int(job_id[:8], 16) if _JOB_ID.fullmatch(job_id) else 0
    # An id of the second of the start is none of this fake's either: it knows those that it made.
    if _OLDEST_JOB_S <= made_s <= seen.start_ns // NS_PER_S:
        when = datetime.fromtimestamp(made_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return (
            f"the job is of {when}, and this fake was started or reset after that: jobs live in memory only, "
            f"and a restart forgets them; `mock-akool serve --state FILE` keeps them"
        )
    newest = ", ".join(job.id for job in seen.jobs[-3:])
    return f"the newest jobs are {newest}" if newest else "there are no jobs yet"


def _asked_ids(call: Call, seen: Observations) -> Sequence[str]:
    """Return the ids that a poll asks for; none when it cannot be read."""
    results = RESULTS[call.endpoint]
    try:
        return results.asked_ids(call.request, results.names_in(call.path), seen.settings)
    except AkoolError:
        return ()


def _other_ids(seen: Observations) -> Mapping[str, tuple[str, Job]]:
    """Return what else than its `_id` identifies a job: the key in its record, and the job."""
    context = Context(seen.settings, KeyedRandom(seen.settings.seed))
    return {other: (name, job) for job in seen.jobs for name, other in family_of(job).other_ids(job, context).items()}


def _by_other_id(seen: Observations) -> str | None:
    without_job = [call for call in seen.to(*READS) if call.job_status is None]
    known = _other_ids(seen) if without_job else {}
    for call in without_job:
        for value in _asked_ids(call, seen):
            if value in known:
                name, job = known[value]
                return f"#{call.number} polls {value!r}, which is the `{name}` of job {job.id}; ask for its `_id`"
    return None


def _left_out(seen: Observations) -> str | None:
    leaving_out = [endpoint for endpoint in READS if RESULTS[endpoint].unknown is Unknown.LEFT_OUT]
    empty = [call for call in seen.to(*leaving_out) if call.code == Code.OK and call.job_status is None]
    others = _other_ids(seen) if empty else {}
    for call in empty:
        for value in _asked_ids(call, seen):
            if value in others:
                continue
            job = seen.job(value)
            if job is None:
                why = f"which no create has returned; {_known_jobs(value, seen)}"
            elif job.deleted_ns is not None:
                why = "which its account has deleted"
            else:
                continue
            return (
                f"#{call.number} polls {value[:_ID_SHOWN]!r}, {why}. The answer is an empty list: nothing is on its way"
            )
    return None


def _wrong_reader(seen: Observations) -> str | None:
    for call in seen.to(*READS):
        if call.job_status is not None or call.code not in (Code.OK, seen.settings.unknown_job_code):
            continue
        for value in _asked_ids(call, seen):
            job = seen.job(value)
            if job is not None and family_of(job).reading(RESULTS[call.endpoint]) is None:
                return (
                    f"#{call.number} polls job {job.id} by {call.endpoint}, "
                    f"which does not show jobs of {job.endpoint}; {_reader(job)} does"
                )
    return None


def _reader(job: Job) -> str:
    """Return the request that shows a job."""
    results = family_of(job).readings[0].results
    return f"{results.method} {results.path}"


def _foreign_job(seen: Observations) -> str | None:
    for call in seen.to(*READS):
        if call.code == seen.settings.foreign_job_code and call.job_id:
            return f"#{call.number} polls a job with other credentials than those that created it"
    return None


def _parent_for_child(seen: Observations) -> str | None:
    for pressed in seen.to(*CREATES):
        job = seen.job(pressed.job_id)
        if job is not None and job.parent_id is not None and not seen.polls(job.id):
            later = [poll for poll in seen.polls(job.parent_id) if poll.number > pressed.number]
            if later:
                return (
                    f"#{later[0].number} polls the job whose button was pressed; "
                    f"the response to the button, #{pressed.number}, has an `_id` of its own"
                )
    return None


def _no_pause(seen: Observations) -> str | None:
    for job in seen.jobs if not seen.stands_still else ():
        run = 1
        for one, following in pairwise(seen.polls(job.id)):
            unfinished = one.job_status is not None and one.job_status < Status.COMPLETED
            run = run + 1 if unfinished and following.time_ns - one.time_ns < _HASTY_NS else 1
            if run >= _HASTY_POLLS and seen.unseen_pause:
                return (
                    f"job {job.id} is polled again and again at the same instant (#{following.number} and those before "
                    f"it); if the client pauses, that moved no clock: {seen.unseen_pause}"
                )
            if run >= _HASTY_POLLS:
                return f"job {job.id} is polled without a pause (#{following.number} and those before it)"
    return None


def _in_a_hurry(seen: Observations) -> str | None:
    for job in seen.jobs:
        run = 0
        for one, following in pairwise(seen.polls(job.id)):
            unfinished = one.job_status is not None and one.job_status < Status.COMPLETED
            pause_ns = following.time_ns - one.time_ns
            run = run + 1 if unfinished and _HURRIED_NS <= pause_ns < NS_PER_S else 0
            if run >= _HURRIED_POLLS:
                return (
                    f"job {job.id} is polled every {pause_ns // NS_PER_MS} ms (#{following.number} and those before "
                    f"it); real jobs take half a minute and more, so wait some seconds between polls"
                )
    return None


def _gave_up(seen: Observations) -> str | None:
    for job in seen.jobs if not seen.stands_still else ():
        polls, ends_ns = seen.polls(job.id), end_ns(job)
        status = polls[-1].job_status if polls else None
        if status is None or status >= Status.COMPLETED or not family_of(job).makes_files:
            continue
        if ends_ns is not None:
            word = job.timeline.ending.status.word
            when = f"was {word}" if ends_ns <= seen.now_ns else f"would have been {word}"
            outlook = f"which {when} at {seen.at(ends_ns)}"
        elif _ends_by_polls(job):
            outlook = "which would have ended after more polls"
        else:
            continue
        return (
            f"the client stopped at status {describe_status(status)} of job {job.id}, {outlook}; "
            f"only 3 and 4 are final, and until then there are no URLs"
        )
    return None


def _ends_by_polls(job: Job) -> bool:
    """Return whether the job waits for polls, and has an end."""
    spans = [stage.span for stage in job.timeline.stages]
    return job.timeline.counts_polls and all(span.ns is not None or span.polls is not None for span in spans)


def _polled_on(seen: Observations) -> str | None:
    for job in seen.jobs:
        final = [poll for poll in seen.polls(job.id) if poll.job_status in (Status.COMPLETED, Status.FAILED)]
        if len(final) > 2 and final[0].job_status is not None:
            return (
                f"#{final[0].number} already showed job {job.id} as {final[0].job_status.word}, "
                f"and the client polled it {counted(len(final) - 1, 'more time')}; 3 is completed and 4 is failed"
            )
    return None


def _never_polled(seen: Observations) -> str | None:
    # The client cannot know of a job when the response to its create was lost.
    lost = {call.job_id for call in seen.to(*CREATES) if _is_lost(call)}
    for job in seen.jobs:
        if seen.attempted_polls(job.id) or job.input.webhook_url or job.id in lost or not family_of(job).makes_files:
            continue
        batch = [each for each in seen.jobs if each.input is job.input]
        if len(batch) > 1:
            polled = sum(bool(seen.attempted_polls(each.id)) for each in batch)
            return (
                f"of the {len(batch)} jobs of a batch, {polled or 'none'} {'was' if polled < 2 else 'were'} polled; "
                f"{CREATES_BY_NAME[job.endpoint].batch_ids}"
            )
        return f"job {job.id} was created and paid, but never polled{_where_it_comes(job)}"
    return None


def _where_it_comes(job: Job) -> str:
    """Return who shows the result later, where the reply to the create has an empty place for it."""
    results = family_of(job).readings[0].results
    if results.pending is not Pending.NULL:
        return ""
    return f"; the reply to {job.endpoint} has no file yet, {_reader(job)} has it later in `{results.result_word}`"


def _is_lost(call: Call) -> bool:
    transfer = call.response.transfer
    return transfer is not None and transfer.termination in (Termination.DROP, Termination.RESET)


def _result_of_failed_job(seen: Observations) -> str | None:
    job = _failed_last(seen)
    if job is None or not family_of(job).makes_files:
        return None
    word = RESULTS.get(seen.calls[-1].endpoint, family_of(job).readings[0].results).result_word
    where = f"a failed job has no `{word}` and no URLs; `error_reasons` says why it failed"
    if not _tells_reasons(seen.calls[-1]):
        where = f"a failed job has nothing behind its `{word}`, and its record does not say why it failed"
    if seen.error is None:
        # Without the exception, as on a server, nobody knows what the client read.
        return f"job {job.id} failed, and the client asked nothing more; {where}"
    if any(isinstance(error, ERRORS_OF_READERS) for error in _chain(seen.error)):
        return f"job {job.id} failed, and the client may have read its result; {where}"
    return None


def _tells_reasons(call: Call) -> bool:
    return b'"error_reasons"' in call.response.body


def _failed_last(seen: Observations) -> Job | None:
    """Return the job that the newest call showed as failed."""
    last = seen.calls[-1] if seen.calls else None
    return seen.job(last.job_id) if last is not None and last.job_status is Status.FAILED else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, and those that led to it."""
    known: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in known:
        known.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


ERRORS_OF_READERS: Final = (LookupError, TypeError, AttributeError, ValueError)
"""What is raised when code reads or uses a field that is not there."""

HINTS: Final = (
    Hint("poll by wrong name", "polls with `_id=` or `id=`; the parameter is `image_model_id`", _wrong_name),
    Hint(
        "poll without id", "polls with `undefined` or nothing, because it looked for `_id` outside `data`", _without_id
    ),
    Hint(
        "poll of unknown job",
        "polls an `_id` that no response had, or that a restarted fake no longer knows",
        _unknown_job,
    ),
    Hint(
        "poll by wrong reader",
        "polls a job with the reader of another family, such as a v4 voice with `audio/infobymodelid`",
        _wrong_reader,
    ),
    Hint("poll by other id", "polls with the `job_id` of a face swap, which only `job/del` takes", _by_other_id),
    Hint(
        "poll that shows nothing",
        "waits for an id that listbyids leaves out, and takes the empty list for work under way",
        _left_out,
    ),
    Hint("poll of foreign job", "polls with other credentials than those that created the job", _foreign_job),
    Hint("poll of parent", "polls the job whose button it pressed, not the new one", _parent_for_child),
    Hint("no pause", "polls without a pause", _no_pause),
    Hint("in a hurry", "polls again and again within less than a second", _in_a_hurry),
    Hint("gave up", "stops at status 1 or 2, or takes one of them for the end", _gave_up),
    Hint("polled on", "goes on polling after status 3 or 4", _polled_on),
    Hint("never polled", "creates a job or a batch, and never looks at it, or only at a part of it", _never_polled),
    Hint("result of failed job", "reads `image` or URLs of a failed job, which has none", _result_of_failed_job),
)
