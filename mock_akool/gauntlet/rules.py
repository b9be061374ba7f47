"""The rules of judgement: each is a small function over what is known of a run. Rules and hints share their names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from mock_akool.akool.codes import Code
from mock_akool.akool.endpoints import CREATES, FILE
from mock_akool.akool.scenarios.expectations import Outcome
from mock_akool.core.call_log import Call
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.text import cleaned
from mock_akool.core.timeline import Status
from mock_akool.core.webhook_faults import WebhookFault
from mock_akool.diagnostics.describe import counted
from mock_akool.diagnostics.hints import HINTS
from mock_akool.gauntlet.crashes import advice_on
from mock_akool.gauntlet.facts import How, Run, is_whole

_HASTY_PAUSES: Final = 3
"""So many pauses in a row that are too short are no accident: some libraries repeat a request once by themselves."""
_MOST_NAMED: Final = 5
_LASTING: Final = frozenset(
    {
        *(Code.QUOTA_NOT_ENOUGH, Code.UNPAID, Code.CREDITS_INSUFFICIENT),
        *(Code.INVALID_AUTHORIZATION, Code.AUTHORIZATION_EMPTY, Code.ACCOUNT_NOT_FOUND, Code.ACCOUNT_BANNED),
    }
)
"""The codes of refusals that stay, whatever the client does."""
_GONE: Final = frozenset({401, 403, 404, 410})
_GOOD_ENVELOPE: Final = WebhookFault().envelope


class Finding(NamedTuple):
    """What a client did wrong in a scenario.

    `calls` are the numbers of the calls that show it, `cost` what it costs in production, `advice` what to do.
    """

    name: str
    what: str
    calls: tuple[int, ...]
    cost: str
    advice: str


_Text = str | Callable[[Run], str]


class Rule(NamedTuple):
    """A rule of judgement. `check` returns what the client did against it, with the calls as `#7`, or None.

    `cost` and `advice` are texts, or return those for a run.
    """

    name: str
    check: Callable[[Run], str | None]
    cost: _Text
    advice: _Text

    def finding(self, run: Run) -> Finding | None:
        """Return what the client did against the rule, or None."""
        what = self.check(run)
        if what is None:
            return None
        calls = tuple(dict.fromkeys(int(number) for number in re.findall(r"#(\d+)", what)))
        return Finding(self.name, cleaned(what), calls, _text(self.cost, run), _text(self.advice, run))


def _text(text: _Text, run: Run) -> str:
    return text if isinstance(text, str) else text(run)


def _paid_or_not(paid: str, free: str) -> Callable[[Run], str]:
    """Return the cost of a finding by whether the client spent credits."""
    return lambda run: paid if any(job.cost for job in run.seen.jobs) else free


def find_all(run: Run) -> tuple[Finding, ...]:
    """Return what the client did against each rule."""
    return tuple(found for rule in RULES if (found := rule.finding(run)) is not None)


def _named(calls: list[Call]) -> str:
    """Write calls as `#3, #5 and 2 more`."""
    shown = ", ".join(f"#{call.number}" for call in calls[:_MOST_NAMED])
    return shown if len(calls) <= _MOST_NAMED else f"{shown} and {len(calls) - _MOST_NAMED} more"


def _hint(run: Run, *names: str) -> str:
    """Return what the first hint with one of these names says, or nothing."""
    for hint in HINTS:
        if hint.name in names and (text := hint.detect(run.seen)) is not None:
            return f"; {text}"
    return ""


# How it ended


def _hung(run: Run) -> str | None:
    if run.end.how is not How.HUNG:
        return None
    last = run.seen.calls[-1:]
    return f"the client did not end{f'; its last call was {_named([*last])}' if last else ''}: {run.end.words}"


def _crashed(run: Run) -> str | None:
    if run.end.how is not How.CRASHED:
        return None
    last = run.seen.calls[-1:]
    return f"the client crashed{f' after {_named([*last])}' if last else ''}: {run.end.words}"


def _gave_up(run: Run) -> str | None:
    if run.end.how is not How.GAVE_UP or run.expect.outcome is not Outcome.FILE:
        return None
    why = _hint(run, "no second try", "token expired", "fetched early", "gave up")
    return f"there was a file to have, and the client gave up: {run.end.words or 'it did not say why'}{why}"


def _silent(run: Run) -> str | None:
    if run.end.how is not How.GAVE_UP or run.end.words:
        return None
    return "the client ended with an error, and did not say which"


def _no_file(run: Run) -> str | None:
    if not run.ended_well or run.expect.outcome is Outcome.END:
        return None
    if run.saved == ():
        whole = _downloaded(run)
        return None if whole else "the client ended as if all was well, but it saved no file"
    if run.saved or run.downloads() or run.knows_a_completed_job:
        return None
    return f"the client ended as if all was well, but no job was done{_hint(run, 'gave up', 'never polled')}"


def _nothing_saved(run: Run) -> str | None:
    whole = _downloaded(run)
    if not run.ended_well or run.expect.outcome is Outcome.END or run.saved != () or run.folder is None or not whole:
        return None
    return (
        f"nothing was saved in {run.folder}, though the client downloaded {_named(whole)} completely; does it save "
        f"elsewhere? ({run.folder.setting})"
    )


def _downloaded(run: Run) -> list[Call]:
    """Return the last download of each file that came completely."""
    return [whole[-1] for calls in run.downloads().values() if (whole := [each for each in calls if is_whole(each)])]


def _false_success(run: Run) -> str | None:
    if not run.ended_well or run.expect.outcome is not Outcome.END:
        return None
    return "the client ended as if all was well, but there was no file to have"


# Money


def _paid_twice(run: Run) -> str | None:
    paid: dict[tuple[str, str | None, str], list[Call]] = {}
    for call in run.seen.to(*CREATES):
        # Where the response was lost there is a job as well: it was made, and paid.
        if call.job_id is not None:
            key = call.endpoint, call.account, json.dumps(call.json, sort_keys=True)
            paid.setdefault(key, []).append(call)
    for calls in paid.values():
        if len(calls) > run.expect.creates:
            return f"the same {calls[0].endpoint} was sent and paid {len(calls)} times: {_named(calls)}"
    return None


def _paid_in_vain(run: Run) -> str | None:
    paid = sum(job.cost for job in run.seen.jobs)
    if run.expect.credits is None or paid <= run.expect.credits:
        return None
    calls = [call for call in run.seen.to(*CREATES) if call.job_id is not None]
    return (
        f"{counted(len(run.seen.jobs), 'job')} for {paid} credits, where {run.expect.credits} is most: {_named(calls)}"
    )


# Polling


def _no_pause(run: Run) -> str | None:
    for job in run.seen.jobs:
        hasty: list[Call] = []
        for one, following in pairwise(run.seen.attempted_polls(job.id)):
            is_hasty = run.clients_ns(following.time_ns - one.time_ns) < run.expect.pause.ns
            hasty = [*hasty, following] if is_hasty else []
            if len(hasty) == _HASTY_PAUSES:
                return (
                    f"the polls {_named(hasty)} of job {job.id} each come within {run.expect.pause} of the one before"
                )
    return None


def _polled_on(run: Run) -> str | None:
    ends = {job.id: end for job in run.seen.jobs if (end := _ended_for_client(run, job.id)) is not None}
    # A poll that asks for several jobs can bring something new as long as one of them goes on.
    is_open = {
        poll.number
        for job in run.seen.jobs
        for poll in run.seen.attempted_polls(job.id)
        if job.id not in ends or poll.number <= ends[job.id]
    }
    for job_id, end in ends.items():
        later = [poll for poll in run.seen.attempted_polls(job_id) if poll.number > end and poll.number not in is_open]
        if len(later) > run.expect.polls_after_end:
            return f"job {job_id} had ended for the client at #{end}, and it polled on: {_named(later)}"
    return None


def _ended_for_client(run: Run, job_id: str) -> int | None:
    """Return the number of the call by which the client knew that a job failed, or had all its files that it wants."""
    ends = [poll.number for poll in run.seen.polls(job_id) if poll.job_status is Status.FAILED][:1]
    got = [next((call.number for call in some if is_whole(call)), None) for some in run.downloads(job_id).values()]
    whole = [number for number in got if number is not None]
    if whole and len(whole) == len(got):
        ends.append(max(whole))
    return min(ends, default=None)


def _refused_again(run: Run) -> str | None:
    most = run.expect.after_refusal
    if most is None:
        return None
    calls = run.seen.calls
    first = next((at for at, call in enumerate(calls) if _is_refused(call)), None)
    if first is None or len(calls) - first - 1 <= most:
        return None
    return f"#{calls[first].number} was refused for good, and the client went on: {_named([*calls[first + 1 :]])}"


def _is_refused(call: Call) -> bool:
    return call.response.status in _GONE if call.endpoint == FILE else call.code in _LASTING


def _too_late(run: Run) -> str | None:
    if not run.seen.calls or run.end.how is How.HUNG:
        return None
    took_ns = run.clients_ns(run.ended_ns - run.seen.calls[0].time_ns)
    if took_ns <= run.expect.within.ns:
        return None
    return f"it took {took_ns / NS_PER_S:.1f} s from the first request to the end, where {run.expect.within} is most"


# Files


def _broken_file(run: Run) -> str | None:
    if not run.ended_well or not run.expect.whole_files:
        return None
    if run.saved:
        wrong = next((f"{each.name} {each.wrong}" for each in run.saved if each.wrong is not None), None)
        return wrong and f"the client ended as if all was well, but the file that it saved is not whole: {wrong}"
    broken = [calls[-1] for calls in run.downloads().values() if not is_whole(calls[-1])]
    if not broken:
        return None
    return f"the client ended as if all was well, but the last download of a file was broken: {_named(broken)}"


# Webhooks


def _forged(run: Run) -> str | None:
    if not run.expect.refuses_forged:
        return None
    for each in run.seen.deliveries:
        if each.fault is not None and each.fault.envelope != _GOOD_ENVELOPE and each.answer == _ACCEPTED:
            return (
                f"the webhook of job {each.job_id} at {run.seen.at(each.due_ns)} has the fault {each.fault}, and was "
                f"answered with HTTP {each.answer}"
            )
    return None


_ACCEPTED: Final = 200


def _handled_twice(run: Run) -> str | None:
    if not run.expect.handles_once:
        return None
    reported = {each.job_id for each in run.seen.deliveries if each.answer == _ACCEPTED}
    for job_id in sorted(reported):
        for calls in _whole_downloads(run, job_id):
            if len(calls) > 1:
                return (
                    f"the end of job {job_id} was handled {len(calls)} times: its file was fetched by {_named(calls)}"
                )
    return None


def _whole_downloads(run: Run, job_id: str) -> Iterator[list[Call]]:
    for calls in run.downloads(job_id).values():
        yield [call for call in calls if is_whole(call)]


RULES: Final = (
    Rule(
        "hung",
        _hung,
        "a worker is lost for each job that never ends, until none is left",
        "set a limit on the whole time that you wait, and know all statuses: 3 is completed and 4 is failed",
    ),
    Rule(
        "crashed",
        _crashed,
        _paid_or_not("people see a stack trace, and a paid job is lost", "people see a stack trace"),
        advice_on,
    ),
    Rule(
        "broken file kept",
        _broken_file,
        "people get half an image, or a page of HTML as an image",
        "look at the HTTP status, decode a file completely, and download it again when it is broken",
    ),
    Rule(
        "ended without a file",
        _no_file,
        "people get nothing, and nobody notices",
        "poll until the status is 3 or 4, and end with an error when there is no file",
    ),
    Rule(
        "nothing saved",
        _nothing_saved,
        "people get nothing, if it is saved nowhere",
        "save what was downloaded, or name the folder into which it is saved",
    ),
    Rule(
        "success without a file",
        _false_success,
        "people get nothing, and nobody notices",
        "end with an error that says why there is no file",
    ),
    Rule(
        "gave up",
        _gave_up,
        _paid_or_not("a paid job is thrown away although it would have come", "people get nothing, though they could"),
        "repeat what only reads after a pause, and a create when it is sure that it did nothing",
    ),
    Rule("no reason", _silent, "nobody can find out what went wrong", "print or raise what the service said"),
    Rule(
        "paid twice",
        _paid_twice,
        "each such accident is paid twice",
        "never repeat a create whose response was lost or a job that failed; look at the balance, or ask a person",
    ),
    Rule(
        "paid in vain",
        _paid_in_vain,
        "jobs are paid that cannot work",
        "look at what came before, and do not create the job",
    ),
    Rule(
        "no pause",
        _no_pause,
        "the service limits or bans the account",
        "wait some seconds between two polls, and longer after an error",
    ),
    Rule(
        "polled on",
        _polled_on,
        "requests that can bring nothing new, for as long as the process lives",
        "stop polling at status 3 and 4",
    ),
    Rule(
        "asked after a refusal",
        _refused_again,
        "the service limits or bans the account, and people wait in vain",
        "stop at once, and say which code came: repeating does not help",
    ),
    Rule(
        "too late",
        _too_late,
        "people wait although the result is there, or will never be",
        "set a limit on the whole time, and poll also while you wait for a webhook",
    ),
    Rule(
        "webhook not verified",
        _forged,
        "whoever knows the URL decides what your users see",
        "check signature and padding before you read anything, and answer HTTP 400 to what is wrong",
    ),
    Rule(
        "webhook handled twice",
        _handled_twice,
        "the same result is delivered, billed or announced twice",
        "remember each `_id` and status that was handled, and answer HTTP 200 to the second one too",
    ),
)
"""All rules, the gravest first."""
