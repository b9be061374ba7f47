"""What a failing test is told: the lives of its jobs, the last exchanges, and the mistakes that the journal shows.

`explain` writes it. A mistake that real clients make (contract section 11) is a row of HINTS.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import filterfalse, groupby, pairwise
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import parse_qs

from mock_akool.akool.api import ENDPOINTS
from mock_akool.akool.codes import Code
from mock_akool.akool.deliveries import Delivery, DeliveryState
from mock_akool.akool.endpoints import Endpoint
from mock_akool.akool.engine import Engine
from mock_akool.akool.families.dispatch import stamp_of
from mock_akool.akool.families.image_button import PressButton
from mock_akool.akool.jobs import Job
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.call_log import Call, Line
from mock_akool.core.clock import NS_PER_MS, NS_PER_S, SteeredClock
from mock_akool.core.http import Termination, shortened
from mock_akool.core.timeline import Change, Status, changes
from mock_akool.diagnostics.describe import describe, nth

_Key = TypeVar("_Key")

_JOBS_SHOWN: Final = 5
_EXCHANGES_SHOWN: Final = 10
_OTHERS_SHOWN: Final = 3
_PROMPT_SHOWN: Final = 50
_FETCHED: Final = 200
_HASTY_POLLS: Final = 3
_HASTY_NS: Final = 5 * NS_PER_MS
"""Polls that follow each other so quickly have no pause between them."""

_NOTHING: Final = frozenset({"", "none", "null", "undefined"})
"""What programs write when they have no value."""
_BEARER: Final = re.compile(r"bearer\s+(\S+)", re.IGNORECASE | re.ASCII)
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9+/]{22}==")
_CREATES: Final = (Endpoint.CREATE_BY_PROMPT, Endpoint.CREATE_BY_SOURCE_PROMPT)


@dataclass(frozen=True, kw_only=True)
class Observations:
    """What a fake saw during a test, of everybody or of one account, and when it began and ended."""

    calls: tuple[Call, ...]
    jobs: tuple[Job, ...]
    settings: ServiceSettings
    start_ns: int
    now_ns: int
    deliveries: tuple[Delivery, ...]
    call_count: int
    """How many calls there were, those that are no longer kept included."""
    others: tuple[Call, ...] = ()
    """The newest calls that came with other keys than the account's."""
    dropped: int = 0
    """How many calls, of whomever, the journal does not keep any more."""
    stands_still: bool = False
    """Whether the clock of a server was frozen."""

    @classmethod
    def of(cls, engine: Engine, start_ns: int, api_key: str | None = None, *, is_held: bool = False) -> Observations:
        """Return what the engine saw since `start_ns`: all, or what is an account's.

        `is_held`: who asks lets the clock stand still, so that this is no news to him.
        """
        with engine.lock:
            call_log, clock = engine.call_log, engine.clock
            lines = engine.lines(api_key)
            others: Iterable[Line] = ()
            if api_key is not None:
                others = tuple(filterfalse(engine.asked_by(api_key), call_log.lines()))[-_OTHERS_SHOWN:]
            return cls(
                calls=tuple(map(call_log.call, lines)),
                jobs=engine.jobs(api_key),
                settings=engine.settings,
                start_ns=start_ns,
                now_ns=clock.now_ns(),
                deliveries=engine.outbox.entries(api_key),
                call_count=call_log.count if api_key is None else len(lines),
                others=tuple(map(call_log.call, others)),
                dropped=call_log.dropped,
                stands_still=isinstance(clock, SteeredClock) and clock.frozen and not is_held,
            )

    def to(self, *endpoints: Endpoint) -> list[Call]:
        """Return the calls to these endpoints, in their order."""
        if len(endpoints) == 1:
            return self._to[endpoints[0]]
        return [call for call in self.calls if call.endpoint in endpoints]

    def polls(self, job_id: str) -> list[Call]:
        """Return the polls that saw the job."""
        return [call for call in self.tries(job_id) if call.job_status]

    def tries(self, job_id: str) -> list[Call]:
        """Return all polls of the job, also those that met a fault."""
        return self._tries[job_id]

    def fetches(self, job_id: str) -> list[Call]:
        """Return the downloads of the job's pictures."""
        return self._fetches[job_id]

    def job(self, job_id: str | None) -> Job | None:
        """Return the job with this `_id`."""
        return self._jobs.get(job_id)

    def job_of_file(self, call: Call) -> Job | None:
        """Return the job whose file a call asks for."""
        return self._job_of_stamp.get(stamp_of(call.path))

    # What is looked up often, by what it is looked up: a server may have seen thousands of jobs

    @cached_property
    def _to(self) -> defaultdict[Endpoint, list[Call]]:
        return _grouped(self.calls, lambda call: call.endpoint)

    @cached_property
    def _tries(self) -> defaultdict[str | None, list[Call]]:
        return _grouped(self.to(Endpoint.INFO_BY_MODEL_ID), lambda call: call.job_id)

    @cached_property
    def _fetches(self) -> defaultdict[str | None, list[Call]]:
        fetched = (call for call in self.to(Endpoint.FILE) if call.response.status == _FETCHED)
        return _grouped(fetched, lambda call: call.job_id)

    @cached_property
    def _jobs(self) -> dict[str | None, Job]:
        return {job.id: job for job in self.jobs}

    @cached_property
    def _job_of_stamp(self) -> dict[int | None, Job]:
        return {job.stamp_ms: job for job in self.jobs}

    @cached_property
    def tried_stamps(self) -> frozenset[int | None]:
        """The stamps in the names of the files that were asked for."""
        return frozenset(stamp_of(call.path) for call in self.to(Endpoint.FILE))

    def at(self, instant_ns: int) -> str:
        """Say when an instant was, in seconds since the beginning."""
        seconds = f"{(instant_ns - self.start_ns) / NS_PER_S:.3f}".rstrip("0")
        return f"+{seconds}{'0' if seconds.endswith('.') else ''} s"


def _grouped(calls: Iterable[Call], key: Callable[[Call], _Key]) -> defaultdict[_Key, list[Call]]:
    found: defaultdict[_Key, list[Call]] = defaultdict(list)
    for call in calls:
        found[key(call)].append(call)
    return found


class Report(NamedTuple):
    """What a fake has to say of a test: how many calls it saw, and the text, which is made when it is needed."""

    calls: int
    text: Callable[[], str]


def explain(seen: Observations) -> str:
    """Return the explanation: jobs, exchanges, hints."""
    if not seen.calls:
        return "\n".join(_nothing(seen))
    still = ["the clock of the server stands still; POST /_mock/clock/resume lets it run"] if seen.stands_still else []
    return "\n".join([*still, *_jobs(seen), *_exchanges(seen), *(f"hint: {text}" for text in hints(seen))])


def hints(seen: Observations) -> list[str]:
    """Return what is told of the mistakes that the evidence shows."""
    return [text for hint in HINTS if (text := hint.detect(seen)) is not None]


def _nothing(seen: Observations) -> Iterator[str]:
    """Say why nothing is seen: nothing came, it came with another key, or it is not kept any more."""
    if not seen.others and not seen.dropped:
        yield "no request reached the fake"
        return
    yield "no request with this account's key reached the fake"
    if seen.dropped:
        yield f"the journal is full: {seen.dropped:,} older calls, of whomever, are not kept any more (--journal-size)"
    if seen.others:
        yield "with other keys came:"
        yield from (f"    {seen.at(call.time_ns)}  {describe(call)}, with {_key_of(call)}" for call in seen.others)


def _key_of(call: Call) -> str:
    key = call.account or call.headers.get("x-api-key")
    return f"the key {shortened(key)}" if key else "none"


# The lives of jobs


def _jobs(seen: Observations) -> Iterator[str]:
    shown = seen.jobs[-_JOBS_SHOWN:]
    if len(shown) < len(seen.jobs):
        earlier = len(seen.jobs) - len(shown)
        yield f"({earlier} earlier job{'' if earlier == 1 else 's'} left out)"
    for job in shown:
        yield f"job {job.id}, {_about(job)}: {_life(job, seen)}"
        yield from (f"    {line}" for line in _watched(job, seen))


def _about(job: Job) -> str:
    if isinstance(job.input, PressButton):
        return f"{job.input.button} of {job.input.parent_id}"
    prompt = job.input.prompt
    return repr(prompt if len(prompt) <= _PROMPT_SHOWN else f"{prompt[:_PROMPT_SHOWN]}…")


def _steps(job: Job) -> list[Change]:
    """What becomes of the job as far as it is known, without stages that take no time."""
    steps = list(changes(job.timeline, job.created_ns, job.polls))
    return [one for one, following in pairwise(steps) if one.at_ns < following.at_ns] + steps[-1:]


def _end_ns(job: Job) -> int | None:
    """When the job ends, or None when it is stuck or waits for polls."""
    last = _steps(job)[-1]
    return last.at_ns if last.status >= Status.COMPLETED else None


def _life(job: Job, seen: Observations) -> str:
    told = []
    for at_ns, status in _steps(job):
        would = "" if at_ns <= seen.now_ns else "would be "
        word = "at" if status >= Status.COMPLETED else "from"
        told.append(f"{would}{status.name.lower()} {word} {seen.at(at_ns)}")
    if _end_ns(job) is None:
        stage = job.timeline.stages[len(list(changes(job.timeline, job.created_ns, job.polls))) - 1]
        told.append(
            "for ever"
            if stage.span.polls is None
            else f"until {stage.span} {'has' if stage.span.polls == 1 else 'have'} seen it"
        )
    elif job.timeline.ending.reasons:
        told.append(f"because of {'; '.join(job.timeline.ending.reasons)!r}")
    return ", ".join(told)


def _watched(job: Job, seen: Observations) -> Iterator[str]:
    polls = seen.polls(job.id)
    if not polls:
        asked = len(seen.tries(job.id))
        yield f"polled {asked} time{'' if asked == 1 else 's'}, but told no status" if asked else "never polled"
    number = 0
    for status, group in groupby(polls, lambda poll: poll.job_status):
        same = list(group)
        said = f"status {int(status)} {status.name.lower()}" if status else ""
        stopped = same[-1] is polls[-1] and status is not None and status < Status.COMPLETED
        # The poll after which the client gave up is told by itself.
        for run in [same[:-1], same[-1:]] if stopped else [same]:
            if run:
                first, number = number + 1, number + len(run)
                when = f"at {seen.at(run[0].time_ns)}"
                if len(run) > 1:
                    when = f"from {seen.at(run[0].time_ns)} to {seen.at(run[-1].time_ns)}"
                which = nth(first) if len(run) == 1 else f"{nth(first)} to {nth(number)}"
                end = "; the client stopped here" if stopped and run[-1] is polls[-1] else ""
                yield f"{which} poll {when}: {said}{end}"
    for each in seen.deliveries:
        if each.job_id == job.id:
            tries = f" after {len(each.tries)} tries" if len(each.tries) > 1 else ""
            error = f": {each.error}" if each.error else ""
            yield f"callback of status {int(each.status)} at {seen.at(each.due_ns)}: {each.state}{tries}{error}"
    fetched = seen.fetches(job.id)
    if fetched:
        yield f"{len(fetched)} download{'' if len(fetched) == 1 else 's'}, the last at {seen.at(fetched[-1].time_ns)}"


def _exchanges(seen: Observations) -> Iterator[str]:
    shown = seen.calls[-_EXCHANGES_SHOWN:]
    yield f"the last {len(shown)} of {seen.call_count} exchanges:" if len(shown) > 1 else "the only exchange:"
    for call in shown:
        yield f"    {seen.at(call.time_ns)}  {describe(call)}"


# Hints


class Hint(NamedTuple):
    """A mistake of clients: `detect` returns what to tell about it when the evidence shows it, else None."""

    name: str
    detect: Callable[[Observations], str | None]


def _fields(call: Call) -> dict[str, Any]:
    body = call.json
    return body if isinstance(body, dict) else {}


def _asked(call: Call) -> dict[str, list[str]]:
    return parse_qs(call.query, keep_blank_values=True)


def _bearer(call: Call) -> str | None:
    """Return the token of a request that was refused as having a bad one."""
    match = _BEARER.fullmatch(call.headers.get("authorization", "").strip())
    return match[1] if match and call.code == Code.INVALID_AUTHORIZATION else None


def _poll_by_wrong_name(seen: Observations) -> str | None:
    for call in seen.to(Endpoint.INFO_BY_MODEL_ID):
        asked = _asked(call)
        if "image_model_id" not in asked and call.job_id is None and call.code not in _REFUSED:
            said = f"with {', '.join(f'`{name}=`' for name in asked)} only" if asked else "without a query"
            return f"#{call.number} polls {said}; the parameter is called `image_model_id=`"
    return None


_REFUSED: Final = frozenset(
    {Code.INVALID_AUTHORIZATION, Code.AUTHORIZATION_EMPTY, Code.ACCOUNT_NOT_FOUND, Code.ACCOUNT_BANNED}
)
"""The codes of requests that were refused for their credentials, before anything else was looked at."""


def _poll_without_id(seen: Observations) -> str | None:
    for call in seen.to(Endpoint.INFO_BY_MODEL_ID):
        for value in _asked(call).get("image_model_id", [])[:1]:
            if value.lower() in _NOTHING:
                return (
                    f"#{call.number} polls with the id {value!r}; a create's reply has it in `data._id`, not at the top"
                )
    return None


def _poll_of_unknown_job(seen: Observations) -> str | None:
    for call in seen.to(Endpoint.INFO_BY_MODEL_ID):
        value = _asked(call).get("image_model_id", [""])[0]
        if call.code == seen.settings.unknown_job_code and value.lower() not in _NOTHING:
            made = ", ".join(job.id for job in seen.jobs[-3:]) or "none"
            return f"#{call.number} polls {value[:40]!r}, which no create has returned; the newest jobs are: {made}"
    return None


def _poll_of_foreign_job(seen: Observations) -> str | None:
    for call in seen.to(Endpoint.INFO_BY_MODEL_ID):
        if call.code == seen.settings.foreign_job_code and call.job_id:
            return f"#{call.number} polls a job with other credentials than those that created it"
    return None


def _poll_of_parent(seen: Observations) -> str | None:
    for pressed in seen.to(Endpoint.CREATE_BY_BUTTON):
        job = seen.job(pressed.job_id)
        if job is not None and isinstance(job.input, PressButton) and not seen.polls(job.id):
            later = [poll for poll in seen.polls(job.input.parent_id) if poll.number > pressed.number]
            if later:
                return (
                    f"#{later[0].number} polls the job whose button was pressed; "
                    f"the button's reply #{pressed.number} has an `_id` of its own"
                )
    return None


def _webhook_spelling(seen: Observations) -> str | None:
    for call in seen.to(*_CREATES, Endpoint.CREATE_BY_BUTTON):
        is_v4 = call.endpoint is Endpoint.CREATE_BY_SOURCE_PROMPT
        right, wrong = ("webhookurl", "webhookUrl") if is_v4 else ("webhookUrl", "webhookurl")
        fields = _fields(call)
        if fields.get(wrong) and not fields.get(right):
            return f"#{call.number} has `{wrong}`, which is ignored here; {call.endpoint} spells it `{right}`"
    return None


def _callback_not_sealed(seen: Observations) -> str | None:
    for each in seen.deliveries:
        if each.state is DeliveryState.NOT_SEALED:
            return f"no callback of job {each.job_id} was sent: {each.error}"
    return None


def _callback_refused(seen: Observations) -> str | None:
    for each in seen.deliveries:
        if each.state is DeliveryState.REFUSED:
            return f"no callback of job {each.job_id} was sent: {each.error}"
    return None


def _callback_not_taken(seen: Observations) -> str | None:
    for each in seen.deliveries:
        if each.tries and each.state in (DeliveryState.WAITING, DeliveryState.GIVEN_UP) and not each.fault:
            return (
                f"the callback of job {each.job_id}, status {int(each.status)}, was not taken: {each.error}; "
                f"only HTTP 200 counts, and after anything else the same body is sent again"
            )
    return None


def _size_for_scale(seen: Observations) -> str | None:
    for call in seen.to(*_CREATES):
        fields = _fields(call)
        for wrong in ("size", "aspect_ratio", "ratio"):
            if wrong in fields and "scale" not in fields:
                return f'#{call.number} has `{wrong}`, which is ignored; the shape is set by `scale`, such as "16:9"'
    return None


def _paid_twice(seen: Observations) -> str | None:
    paid: dict[tuple[str, str | None, str], Call] = {}
    for call in seen.to(*_CREATES):
        if call.job_id is not None:  # also where the answer was lost: the job was made, and paid
            key = call.endpoint, call.account, json.dumps(_fields(call), sort_keys=True)
            if key in paid:
                return (
                    f"#{paid[key].number} and #{call.number} create the same picture, and both were paid; "
                    f"to send a create again, say after a timeout, makes another job"
                )
            paid[key] = call
    return None


def _no_second_try(seen: Observations) -> str | None:
    last = seen.calls[-1] if seen.calls else None
    if last is None or last.rule is None or last.response.job_status is not None:
        return None
    again = last.method == "GET" and last.code not in _FINAL_CODES and last.response.status not in _FINAL_STATUSES
    if not again:
        return None
    met = last.response.outcome if last.code is None else f"{last.response.outcome} {int(last.code)}"
    return (
        f"#{last.number} met {met} by {last.rule}, and the client asked nothing more; "
        f"what only reads may be asked again after a pause"
    )


_FINAL_CODES: Final = frozenset(Code) - {Code.TOO_FREQUENT, Code.GENERATE_ERROR, Code.SERVER_ERROR, Code.NOT_FOUND}
"""The codes after which it does not help to ask again."""
_FINAL_STATUSES: Final = frozenset({400, 401, 403, 404, 410})


def _no_pause(seen: Observations) -> str | None:
    for job in seen.jobs if not seen.stands_still else ():
        run = 1
        for one, following in pairwise(seen.polls(job.id)):
            unfinished = one.job_status is not None and one.job_status < Status.COMPLETED
            run = run + 1 if unfinished and following.time_ns - one.time_ns < _HASTY_NS else 1
            if run >= _HASTY_POLLS:
                return f"job {job.id} is polled without a pause (#{following.number} and those before it)"
    return None


def _gave_up(seen: Observations) -> str | None:
    for job in seen.jobs if not seen.stands_still else ():
        polls, end_ns = seen.polls(job.id), _end_ns(job)
        status = polls[-1].job_status if polls else None
        if status is not None and status < Status.COMPLETED and end_ns is not None:
            word = job.timeline.ending.status.name.lower()
            when = f"was {word}" if end_ns <= seen.now_ns else f"would have been {word}"
            return (
                f"the client stopped at status {int(status)} {status.name.lower()} of job {job.id}, "
                f"which {when} at {seen.at(end_ns)}; only 3 and 4 are an end, and until then there are no URLs"
            )
        if status is not None and status < Status.COMPLETED and _ends_by_polls(job):
            return (
                f"the client stopped at status {int(status)} {status.name.lower()} of job {job.id}, which more polls "
                f"would have ended; only 3 and 4 are an end, and until then there are no URLs"
            )
    return None


def _ends_by_polls(job: Job) -> bool:
    """Return whether the job waits for polls, and has an end."""
    spans = [stage.span for stage in job.timeline.stages]
    return job.timeline.counts_polls and all(span.ns is not None or span.polls is not None for span in spans)


def _polled_on(seen: Observations) -> str | None:
    for job in seen.jobs:
        ended = [poll for poll in seen.polls(job.id) if poll.job_status is not None and poll.job_status > 2]
        if len(ended) > 2:
            status = ended[0].job_status
            assert status is not None
            return (
                f"job {job.id} was told to be {status.name.lower()} by #{ended[0].number}, and polled "
                f"{len(ended) - 1} times more; 3 is completed and 4 is failed"
            )
    return None


def _never_polled(seen: Observations) -> str | None:
    # Of a job whose answer was lost the client cannot know.
    lost = {call.job_id for call in seen.to(*_CREATES, Endpoint.CREATE_BY_BUTTON) if _is_lost(call)}
    for job in seen.jobs:
        if seen.tries(job.id) or job.input.webhook_url or job.id in lost:
            continue
        batch = [each for each in seen.jobs if each.input is job.input]
        if len(batch) > 1:
            watched = sum(bool(seen.tries(each.id)) for each in batch)
            return (
                f"of the {len(batch)} jobs of a batch {watched or 'none'} {'was' if watched < 2 else 'were'} polled; "
                f"the create's `data` is a list with an `_id` for each picture"
            )
        return f"job {job.id} was created and paid, but never polled"
    return None


def _is_lost(call: Call) -> bool:
    transfer = call.response.transfer
    return transfer is not None and transfer.termination in (Termination.DROP, Termination.RESET)


def _never_fetched(seen: Observations) -> str | None:
    parents = {job.input.parent_id for job in seen.jobs if isinstance(job.input, PressButton)}
    for job in seen.jobs:
        polls = seen.polls(job.id)
        completed = bool(polls) and polls[-1].job_status is Status.COMPLETED
        tried = bool(seen.fetches(job.id)) or job.stamp_ms in seen.tried_stamps
        if completed and job.id not in parents and not tried:
            return f"job {job.id} was seen completed, but none of its pictures was fetched"
    return None


def _grid_as_picture(seen: Observations) -> str | None:
    for job in seen.jobs:
        fetched = [call.response.media for call in seen.fetches(job.id)]
        if fetched and all(picture is not None and len(picture.tiles) == 4 for picture in fetched):
            return (
                f"of job {job.id} only `image` was fetched, which is a grid of its four pictures; "
                f"the single ones are in `upscaled_urls`"
            )
    return None


def _fetched_late(seen: Observations) -> str | None:
    for call in seen.to(Endpoint.FILE):
        job = seen.job_of_file(call)
        end_ns = None if job is None else _end_ns(job)
        lifetime = seen.settings.file_lifetime
        if call.response.status >= 400 and end_ns is not None and call.time_ns >= end_ns + lifetime.ns:
            return f"#{call.number} fetches a picture after it was deleted; pictures live {lifetime}"
    return None


def _fetched_early(seen: Observations) -> str | None:
    for call in seen.to(Endpoint.FILE):
        job = seen.job_of_file(call)
        if call.response.status >= 400 and job is not None:
            end_ns = _end_ns(job)
            if end_ns is None or call.time_ns < end_ns:
                return f"#{call.number} fetches a picture of job {job.id} before the job is completed"
    return None


def _both_headers(seen: Observations) -> str | None:
    for call in seen.calls:
        if call.code == Code.INVALID_AUTHORIZATION and call.headers.get("x-api-key", "").strip():
            return (
                f"#{call.number} has both headers; then Authorization alone counts, "
                f"and a good x-api-key does not rescue a bad token"
            )
    return None


def _client_id_as_key(seen: Observations) -> str | None:
    sent = (_fields(call).get("clientId") for call in seen.to(Endpoint.GET_TOKEN))
    known = {each for each in sent if isinstance(each, str)}
    known |= {job.account.client_id for job in seen.jobs}
    for call in seen.calls:
        key = call.headers.get("x-api-key", "").strip()
        if call.code == Code.ACCOUNT_NOT_FOUND and key and (_CLIENT_ID.fullmatch(key) or key in known):
            return f"#{call.number} sends a clientId as x-api-key; the API key is the clientSecret"
    return None


def _key_as_token(seen: Observations) -> str | None:
    for call in seen.calls:
        token = _bearer(call)
        if token is not None and token.count(".") != 2 and token.lower() not in _NOTHING:
            return (
                f"#{call.number} sends something that is no token as Bearer; an API key belongs into x-api-key, "
                f"a token comes from getToken"
            )
    return None


def _token_missed(seen: Observations) -> str | None:
    for call in seen.calls:
        token = _bearer(call)
        if token is not None and token.lower() in _NOTHING:
            return (
                f"#{call.number} sends {token!r} as token; getToken's reply has it in `token` at the top, not in `data`"
            )
    return None


def _bearer_misspelt(seen: Observations) -> str | None:
    for call in seen.calls:
        value = call.headers.get("authorization", "").strip()
        if call.code == Code.INVALID_AUTHORIZATION and not _BEARER.fullmatch(value):
            return f"#{call.number} has an Authorization that is not of the form `Bearer <token>`"
    return None


def _token_expired(seen: Observations) -> str | None:
    given = set()
    for call in seen.calls:
        if call.endpoint is Endpoint.GET_TOKEN and call.code == Code.OK:
            given.add(json.loads(call.response.body)["token"])
        elif _bearer(call) in given:
            later = any(each.number > call.number for each in seen.to(Endpoint.GET_TOKEN))
            if not later:
                return f"#{call.number} sends a token that is no longer valid, and no new one was asked for"
    return None


def _no_credentials(seen: Observations) -> str | None:
    for call in seen.calls:
        if call.code == Code.AUTHORIZATION_EMPTY:
            return f"#{call.number} has no credentials, neither x-api-key nor Authorization, or empty ones"
    return None


def _not_labelled_as_json(seen: Observations) -> str | None:
    for call in seen.calls:
        label = call.headers.get("content-type", "")
        if call.method == "POST" and call.code == Code.PARAMETER_ERROR and call.body and "json" not in label.lower():
            return (
                f"#{call.number} has a body with the content type {label or 'none'!r}; "
                f"Akool wants JSON (in Python `json=`, not `data=`)"
            )
    return None


def _wrong_route(seen: Observations) -> str | None:
    for call in seen.to(Endpoint.UNKNOWN):
        methods = [method for method, path in ENDPOINTS if path == call.path]
        if methods:
            return f"#{call.number} is a {call.method}; {call.path} takes {methods[0]}"
        near = difflib.get_close_matches(call.path, [path for _, path in ENDPOINTS], n=1, cutoff=0.75)
        if near:
            return f"#{call.number} asks for {call.path[:100]}, which is not there; {near[0]} is"
    return None


HINTS: Final = (
    Hint("poll by wrong name", _poll_by_wrong_name),
    Hint("poll without id", _poll_without_id),
    Hint("poll of unknown job", _poll_of_unknown_job),
    Hint("poll of foreign job", _poll_of_foreign_job),
    Hint("poll of parent", _poll_of_parent),
    Hint("webhook spelling", _webhook_spelling),
    Hint("callback not sealed", _callback_not_sealed),
    Hint("callback refused", _callback_refused),
    Hint("callback not taken", _callback_not_taken),
    Hint("size for scale", _size_for_scale),
    Hint("paid twice", _paid_twice),
    Hint("no second try", _no_second_try),
    Hint("no pause", _no_pause),
    Hint("gave up", _gave_up),
    Hint("polled on", _polled_on),
    Hint("never polled", _never_polled),
    Hint("never fetched", _never_fetched),
    Hint("grid as picture", _grid_as_picture),
    Hint("fetched late", _fetched_late),
    Hint("fetched early", _fetched_early),
    Hint("both headers", _both_headers),
    Hint("clientId as key", _client_id_as_key),
    Hint("key as token", _key_as_token),
    Hint("token missed", _token_missed),
    Hint("Bearer misspelt", _bearer_misspelt),
    Hint("token expired", _token_expired),
    Hint("no credentials", _no_credentials),
    Hint("not labelled as JSON", _not_labelled_as_json),
    Hint("wrong route", _wrong_route),
)
"""The mistakes that are looked for, in the order in which they are told."""
