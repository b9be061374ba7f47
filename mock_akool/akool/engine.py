"""The one state of a fake: accounts, credits, jobs, buttons, the journal, under one lock.

Methods say what happens in the words of the domain; what is asked and answered on the wire is `api.py`.
Callers hold `lock` around a method or a group of methods. A method that raises has changed nothing.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import filterfalse
from typing import Any, Final, NamedTuple

from mock_akool.akool.accounts import Account, Accounts, AccountSummary, Credits
from mock_akool.akool.auth import Tokens
from mock_akool.akool.codes import Code
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.families import FAMILY_OF, Context, Create, Family, family_of
from mock_akool.akool.jobs import Job, JobInput, NewJob, topic_of
from mock_akool.akool.outbox import Compose, Outbox
from mock_akool.akool.scenarios.model import Entry, JobScript, Scenario, Script
from mock_akool.akool.scenarios.runtime import ScenarioRuntime
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.snapshot import Snapshot, UnusedRules
from mock_akool.core.call_log import Call, CallLog
from mock_akool.core.clock import NS_PER_MS, NS_PER_S, Clock, SteeredClock
from mock_akool.core.durations import FOREVER, Span
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.http import Response
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.media import MediaSpec
from mock_akool.core.schema import shown
from mock_akool.core.timeline import (
    COMPLETED,
    Change,
    Ending,
    Stage,
    Status,
    Timeline,
    change_at,
    changes,
    is_over,
    status_interval_at,
)

Stages = tuple[Stage, ...]

_COMPLETED: Final = Status.COMPLETED
_NEVER_NS: Final = 1 << 63
_MOST_SHOWN: Final = 256
_MOST_OTHERS: Final = 3
_REALISTIC_S: Final = (30.0, 60.0)
_UNSCRIPTED: Final = Entry(JobScript(), None)
_MOST_PARTS: Final = 32
"""So many parts of a file's name, up to a `-` each, may belong to what names its job."""


class Stamps:
    """Numbers in milliseconds that are given away once each: the wanted one, or the first free one after it."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}
        """For a number that is taken, one from which to search on. Paths are shortened when they are walked."""

    def take(self, wanted_ms: int) -> int:
        """Return a number that was not given away before, `wanted_ms` or the nearest after it."""
        following, free = self._next, wanted_ms
        while free in following:
            free = following[free]
        following[free] = free + 1
        at = wanted_ms
        while at != free:
            next_at = following[at]
            following[at] = free + 1
            at = next_at
        return free


class PollResult(NamedTuple):
    """What a poll sees of a job: its status, and until when, in ns, further polls see the same and change nothing."""

    job: Job
    status: Status
    until_ns: int


class Engine:
    """A whole fake service. Two engines never meet: they share no state."""

    def __init__(
        self,
        settings: ServiceSettings,
        clock: Clock,
        tokens: Tokens,
        script: Script | None = None,
        compose: Compose = lambda draft: draft.payload,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.tokens = tokens
        self.script = script or Script()
        self.lock = threading.RLock()
        self.keyed_random = KeyedRandom(settings.seed)
        self.context = Context(settings, self.keyed_random)
        self.latency_ns = settings.latency.ns
        self.usual_timeline = Timeline.of(settings.queueing, settings.processing, settings.ending)
        self.outbox = Outbox(
            self.context,
            compose,
            lambda job: self.runtime.webhook_rules(job),
            lambda api_key: self.runtime.secret_of(api_key),
            lock=self.lock,
        )
        self.reset()

    def reset(self) -> None:
        """Forget all jobs, calls, plans and what the accounts spent: as just made."""
        self.runtime = ScenarioRuntime(self, self.script)
        self.accounts = Accounts(
            self.settings, self.keyed_random, self.clock, self.runtime.account_script, self.runtime.secret_of
        )
        self.call_log = CallLog(self.settings.journal_size, self.clock.now_ns())
        self._jobs: dict[str, Job] = {}
        self._job_of_stem: dict[str, str] = {}
        """The jobs by what the names of their files begin with."""
        self._stamps = Stamps()
        self._jobs_made: dict[str, int] = {}
        self._open: set[str] = set()
        """Jobs whose end no poll has seen."""
        self.troubled: set[str] = set()
        """Endpoints whose newest request was refused or went wrong: its client may sleep before it tries again."""
        self._end_shown: set[str] = set()
        self._polled_on: set[str] = set()
        """Jobs that the client polls although it was shown their end."""
        self._unfinished: dict[str, list[str]] = {}
        self._refunds: dict[str, list[str]] = {}
        self._recent: dict[str, deque[int]] = {}
        self._shown: dict[tuple[str, str], tuple[PollResult, str, Response]] = {}
        self.outbox.reset(self.clock.now_ns())

    # Reading

    def jobs(self, api_key: str | None = None) -> tuple[Job, ...]:
        """Return all jobs in the order of their creation; with an API key, those of that account."""
        jobs = self._jobs.values()
        return tuple(jobs if api_key is None else (job for job in jobs if job.account.api_key == api_key))

    def asked_by(self, api_key: str) -> Callable[[Call], bool]:
        """Return what decides whether an account made a call, by its API key or its clientId.

        Also what was refused before the account was known, such as a clientId sent as x-api-key.
        """
        keys = self.accounts.keys_of(api_key)
        return lambda call: call.response.account in keys or call.request.headers.get("x-api-key") in keys

    def calls(self, api_key: str | None = None) -> tuple[Call, ...]:
        """Return the kept calls, oldest first; with an API key, those that this account made."""
        calls = self.call_log.calls()
        return calls if api_key is None else tuple(filter(self.asked_by(api_key), calls))

    def observe(self, api_key: str | None = None) -> Snapshot:
        """Return what the engine saw: all of it, or what belongs to the account with this API key."""
        with self.lock:
            calls = self.call_log.calls()
            others: tuple[Call, ...] = ()
            if api_key is not None:
                is_own = self.asked_by(api_key)
                others = tuple(filterfalse(is_own, calls))
                calls = tuple(filter(is_own, calls))
            return Snapshot(
                calls=calls,
                jobs=self.jobs(api_key),
                deliveries=self.outbox.entries(api_key),
                settings=self.settings,
                start_ns=self.call_log.start_ns,
                now_ns=self.clock.now_ns(),
                call_count=self.call_log.count if api_key is None else len(calls),
                others=others[-_MOST_OTHERS:],
                other_count=len(others),
                dropped=self.call_log.dropped,
                stands_still=isinstance(self.clock, SteeredClock) and self.clock.frozen,
            )

    def unused_rules(self, api_key: str | None = None) -> list[UnusedRules]:
        """Return the rules that should have fired and did not: those of an account, or with None all."""
        with self.lock:
            keys = (api_key,) if api_key is not None else (None, *self.runtime.scripted_accounts())
            found = []
            for key in keys:
                rules = tuple(live for live in self.runtime.rules_of(key) if live.rule.must_fire and not live.fired)
                webhook_rules = tuple(live for live in self.runtime.added_webhook_rules(key) if not live.applied)
                if rules or webhook_rules:
                    found.append(UnusedRules(rules, webhook_rules, self.observe(key)))
            return found

    @property
    def job_count(self) -> int:
        """How many jobs there are."""
        return len(self._jobs)

    def job(self, job_id: str) -> Job | None:
        """Return the job with this `_id`."""
        return self._jobs.get(job_id)

    def unknown_job(self, job_id: str) -> AkoolError:
        """Return the error for an id that no job has (contract sections 5 and 6)."""
        return self.settings.refusal(
            self.settings.unknown_job_code, job_id, reason=f"no job has the _id {shown(job_id)}"
        )

    def job_of(self, account: Account, job_id: str) -> Job:
        """Return the account's job with this id; raises AkoolError 1008 or 1009 (contract sections 5 and 6)."""
        job = self._jobs.get(job_id)
        if job is None:
            raise self.unknown_job(job_id)
        if job.account.api_key != account.api_key:
            raise self.settings.refusal(
                self.settings.foreign_job_code, job_id, reason=f"job {job_id} is another account's"
            )
        return job

    def change_of(self, job: Job, now_ns: int) -> Change:
        """Return the job's status at `now_ns` and since when it has it."""
        return change_at(job.timeline, job.created_ns, job.polls, now_ns)

    def is_awaited(self, now_ns: int, api_key: str | None = None) -> bool:
        """Return whether a client has something to wait for; with an API key, that account's.

        That is when a job is unfinished, or is polled on after its end was shown, or when a callback is still to come
        or was not taken, and its client has not polled since. And it is when the newest request to an endpoint was
        refused or went wrong: a client that tries again sleeps before that, also when it has no job yet, and one that
        asks wrongly for a job that has ended waits for ever. Of an account this does not tell: it is not known whose
        request that was.
        """
        if api_key is not None:
            return self._is_awaited_by(api_key, now_ns)
        outbox = self.outbox
        if self._polled_on or self.troubled or outbox.next_ns is not None or outbox.is_sending:
            return True
        if not outbox.missed.isdisjoint(self._open):
            return True
        return any(self.change_of(self._jobs[job_id], now_ns).status < _COMPLETED for job_id in self._open)

    def _is_awaited_by(self, api_key: str, now_ns: int) -> bool:
        outbox = self.outbox
        if outbox.next_ns_of(api_key) is not None or outbox.is_sending_for(api_key):
            return True
        mine = [job_id for job_id in self._open | self._polled_on if self._jobs[job_id].account.api_key == api_key]
        return any(
            job_id in self._polled_on
            or job_id in outbox.missed
            or self.change_of(self._jobs[job_id], now_ns).status < _COMPLETED
            for job_id in mine
        )

    def count_by_status(self, now_ns: int, api_key: str | None = None) -> dict[Status, int]:
        """Return how many jobs there are by the status that they have; with an API key, of that account."""
        found = [0] * (max(Status) + 1)
        known: dict[int, tuple[list[int], list[Status]] | None] = {}
        for job in self._jobs.values():
            if api_key is not None and job.account.api_key != api_key:
                continue
            timeline = job.timeline
            # Most jobs share a timeline, and then nothing but their creation tells them apart.
            if id(timeline) not in known:
                told = [] if timeline.counts_polls else list(changes(timeline, 0, ()))
                known[id(timeline)] = ([each.at_ns for each in told], [each.status for each in told]) if told else None
            steps = known[id(timeline)]
            if steps is None:
                found[self.change_of(job, now_ns).status] += 1
                continue
            found[steps[1][max(0, bisect_right(steps[0], now_ns - job.created_ns) - 1)]] += 1
        return {status: found[status] for status in Status}

    def idle_ns(self, now_ns: int, api_key: str | None = None) -> int:
        """Return the instant after which no job's status will change by time alone; `now_ns` when none will.

        With an API key only that account's jobs count.
        """
        last_ns = now_ns
        known: dict[int, int] = {}
        for job in self._jobs.values():
            if api_key is not None and job.account.api_key != api_key:
                continue
            timeline = job.timeline
            # Most jobs share a timeline, and then nothing but their creation tells them apart.
            length_ns = known.get(id(timeline))
            if length_ns is None:
                if timeline.counts_polls:
                    *_, last = changes(timeline, job.created_ns, job.polls)
                    last_ns = max(last_ns, last.at_ns)
                    continue
                length_ns = known[id(timeline)] = _decided_ns(timeline)
            if job.created_ns + length_ns > last_ns:
                last_ns = job.created_ns + length_ns
        return last_ns

    def jobs_made(self, api_key: str) -> int:
        """Return how many jobs the account with this API key has made."""
        return self._jobs_made.get(api_key, 0)

    def job_of_file(self, path: str) -> Job | None:
        """Return the job that the file at `path` is or will be of; None when there is none."""
        name, at = path[1:], -1
        for _ in range(_MOST_PARTS):
            at = name.find("-", at + 1)
            job_id = self._job_of_stem.get(name if at < 0 else name[:at])
            if job_id is not None:
                return self._jobs.get(job_id)
            if at < 0:
                break
        return None

    def credits_of(self, account: Account, now_ns: int) -> Credits:
        """Return the account's balance, refunds that are due by `now_ns` included (contract section 7)."""
        waiting = self._refunds.get(account.api_key)
        if waiting:
            self._settle(account, waiting, now_ns)
        return self.accounts.credits(account)

    def spent_by(self, account: Account, now_ns: int) -> Credits:
        """Return what the account paid, less the refunds that are due by `now_ns`."""
        self.credits_of(account, now_ns)
        return self.accounts.spent_by(account)

    def account_summaries(self, now_ns: int, api_key: str | None = None) -> list[AccountSummary]:
        """Return the accounts with their totals, in the order in which they appeared; with an API key, that one's."""
        with self.lock:
            known = self.accounts.known(api_key) if api_key is not None else None
            found = self.accounts if api_key is None else [] if known is None else [known]
            return [
                AccountSummary(
                    account,
                    self.credits_of(account, now_ns),
                    self.spent_by(account, now_ns),
                    self.jobs_made(account.api_key),
                )
                for account in found
            ]

    def file_at(self, path: str, now_ns: int) -> tuple[Job | None, MediaSpec | None]:
        """Return whose file is at `path`, and what it shows; None where it is not there.

        A file is not there when it is unknown, and its job's when that is unfinished, failed or long completed.
        """
        job = self.job_of_file(path)
        if job is None:
            return None, None
        since_ns, status = self.change_of(job, now_ns)
        if status is not Status.COMPLETED or now_ns >= since_ns + self.settings.file_lifetime.ns:
            return job, None
        files, name = family_of(job).files, path[1:]
        there = name in files.names(job, job.input, self.context)
        return (job, files.shows(job, job.input, name, self.context)) if there else (None, None)

    # Changing

    def create(self, account: Account, create: Create[Any], input: JobInput, file_base: str, now_ns: int) -> list[Job]:
        """Make the jobs of a checked create request.

        `file_base` is the scheme and host where its client sees files, empty for the real ones. Raises AkoolError 1005,
        or the family's code when the credits do not suffice; for a job that continues another one also 1008, 1009 and
        what the create's own check raises. Nothing is changed then.
        """
        parent = None
        if create.parent is not None:
            parent = self.job_of(account, create.parent(input))
            if create.check is not None:
                create.check(parent, self.change_of(parent, now_ns).status, input, self.settings)
        origin = input if parent is None else parent.origin
        made = self._make(account, create, input, origin, parent, file_base, now_ns)
        if parent is not None and create.uses is not None:
            self._jobs[parent.id] = replace(parent, used=(*parent.used, create.uses(input)))
        return made

    def poll(self, account: Account, job_id: str, now_ns: int) -> PollResult:
        """Return the account's job as this poll sees it, and note the poll where it matters."""
        job = self.job_of(account, job_id)
        _, status, until_ns = status_interval_at(job.timeline, job.created_ns, job.polls, now_ns)
        if job.timeline.counts_polls and not is_over(job.timeline, job.created_ns, job.polls, now_ns):
            self._jobs[job_id] = polled = replace(job, polls=(*job.polls, now_ns))
            self.outbox.follow(polled)
            until_ns = now_ns
        if status < _COMPLETED:
            self._open.add(job_id)  # a script may let a job that was completed be processed again
        elif job_id not in self._polled_on:
            self._open.discard(job_id)
            # A result that is not as usual may not satisfy the client: it asks again.
            again = job_id in self._end_shown or job.result is not None
            (self._polled_on if again else self._end_shown).add(job_id)
            until_ns = now_ns
        return PollResult(job, status, _NEVER_NS if until_ns is None else until_ns)

    def recall(self, endpoint: str, query: str, account: Account, file_base: str, now_ns: int) -> Response | None:
        """Return the reply that this poll gets, if the same one got it a moment ago and nothing has changed since.

        A client that waits asks the same over and over; its polls change nothing until the next stage begins.
        """
        shown = self._shown.get((endpoint, query))
        if shown is None:
            return None
        (job, _, until_ns), shown_base, response = shown
        if now_ns < until_ns and shown_base == file_base and self._jobs.get(job.id) is job:
            return response if job.account.api_key == account.api_key else None
        return None

    def remember(self, endpoint: str, query: str, poll_result: PollResult, file_base: str, response: Response) -> None:
        """Keep the reply to a poll for `recall`. A few hundred are kept: those of jobs that are waited for now."""
        if len(self._shown) >= _MOST_SHOWN:
            self._shown.clear()
        self._shown[endpoint, query] = (poll_result, file_base, response)

    def complete(self, job_id: str, now_ns: int) -> Job:
        """Let the job be completed from now on."""
        return self.divert(job_id, lambda stages: Timeline(stages, COMPLETED), now_ns)

    def fail(self, job_id: str, ending: Ending, now_ns: int) -> Job:
        """Let the job have failed from now on, as the ending says."""
        return self.divert(job_id, lambda stages: Timeline(stages, ending), now_ns)

    def stall(self, job_id: str, now_ns: int) -> Job:
        """Let the job stay for ever at the status that it has; raises MockAkoolError for a finished one."""
        return self.divert(job_id, _stalled, now_ns)

    def divert(self, job_id: str, timeline_from: Callable[[Stages], Timeline], now_ns: int) -> Job:
        """Change the job's future: its timeline becomes what `timeline_from` makes of the stages until now."""
        job = self._jobs[job_id]
        passed = tuple(each for each in changes(job.timeline, job.created_ns, job.polls) if each.at_ns <= now_ns)
        ends = [*(each.at_ns for each in passed[1:]), max(now_ns, job.created_ns)]
        stages = tuple(Stage(each.status, Span(end - each.at_ns)) for each, end in zip(passed, ends, strict=True))
        diverted = replace(job, timeline=timeline_from(stages), polls=())
        self._jobs[job_id] = diverted
        self.outbox.follow(diverted)
        self._open.add(job_id)
        self._end_shown.discard(job_id)
        self._polled_on.discard(job_id)
        waiting = self._refunds.setdefault(job.account.api_key, [])
        if diverted.timeline.ending.refund and job_id not in waiting:
            waiting.append(job_id)
        return diverted

    def count_polls(self, job_id: str, polls: int, now_ns: int) -> Job:
        """Let the job have been polled so many times, the last time now; returns its record."""
        job = self._jobs[job_id]
        if polls and job.timeline.counts_polls:
            job = self._jobs[job_id] = replace(job, polls=(now_ns,) * polls)
            self.outbox.follow(job)
        return job

    def delete(self, job_id: str) -> None:
        """Forget the job: it was never there. What it cost stays paid."""
        self._forget_job(job_id)
        self.outbox.forget({job_id})

    def _forget_job(self, job_id: str) -> None:
        job = self._jobs.pop(job_id)
        self._job_of_stem.pop(family_of(job).files.stem(job, self.context), None)
        for known in (self._open, self._end_shown, self._polled_on):
            known.discard(job_id)
        for waiting in (self._unfinished, self._refunds):
            ids = waiting.get(job.account.api_key, [])
            if job_id in ids:
                ids.remove(job_id)
        self._shown.clear()

    def reset_account(self, api_key: str) -> None:
        """Forget an account's jobs, calls, plans, rules and spent credits: the account is as when it was made.

        The clock and all other accounts stay as they are.
        """
        own = {job.id for job in self._jobs.values() if job.account.api_key == api_key}
        for job_id in own:
            self._forget_job(job_id)
        self.outbox.forget(own)
        self.outbox.forget_account(api_key)
        self.runtime.forget(api_key, own)
        for counted in (self._jobs_made, self._unfinished, self._refunds, self._recent):
            counted.pop(api_key, None)
        self.accounts.restore(api_key)
        self.call_log.drop(self.asked_by(api_key))

    def put_scenarios(self, scenarios: Sequence[Scenario], api_key: str | None = None) -> None:
        """Put scenarios in force from now on, for an account or for everybody; see `ScenarioRuntime.put`.

        What they say of the account is so from now on.
        """
        self.runtime.put(scenarios, api_key)
        if any(each.limits.concurrent_jobs is not None for each in scenarios):
            # Until now nobody had counted them.
            self._unfinished = {}
            for job in self._jobs.values():
                self._unfinished.setdefault(job.account.api_key, []).append(job.id)
        if api_key is not None and scenarios:
            self.accounts.apply(api_key)

    def ban(self, account: Account, *, banned: bool) -> Account:
        """Ban the account, or let it be active again; returns its record."""
        changed = replace(account, banned=banned)
        self.accounts.put(changed)
        return changed

    def revoke_tokens_before(self, account: Account, second: int) -> None:
        """Make the account's tokens that were issued before the epoch `second` invalid."""
        self.accounts.put(replace(account, valid_from_s=second))

    def admit(self, account: Account, now_ns: int) -> None:
        """Count a request of the account; raises AkoolError 1005 when it is one too many within a second."""
        limit = self.runtime.limits(account.api_key).requests_per_second or self.settings.requests_per_second
        if limit is None:
            return
        recent = self._recent.setdefault(account.api_key, deque())
        # Fewer than one a second: one in the longer window.
        allowed, window_ns = (int(limit), NS_PER_S) if limit >= 1 else (1, round(NS_PER_S / limit))
        while recent and recent[0] <= now_ns - window_ns:
            recent.popleft()
        if len(recent) >= allowed:
            raise AkoolError(
                Code.TOO_FREQUENT, reason=f"requests_per_second allows {limit:g}, and {len(recent)} came before"
            )
        recent.append(now_ns)

    def _make(
        self,
        account: Account,
        create: Create[Any],
        input: JobInput,
        origin: JobInput,
        parent: Job | None,
        file_base: str,
        now_ns: int,
    ) -> list[Job]:
        family = FAMILY_OF[create.endpoint]
        count, cost = create.jobs(input), family.price(input, self.settings)
        parent_id = None if parent is None else parent.id
        new = NewJob(create.endpoint, input.topic.prompt, topic_of(input, origin), parent_id)
        said = self.runtime.account_script_of_new(account, new)
        if said.banned:
            raise self.settings.refusal(Code.ACCOUNT_BANNED)
        self._check_limits(account, family, cost * count, count, said.credits, now_ns)
        self.accounts.add_credits(account, -cost * count)
        return [self._add(account, new, input, origin, cost, file_base, now_ns, place) for place in range(count)]

    def _check_limits(
        self, account: Account, family: Family[Any], cost: Credits, count: int, said: int | None, now_ns: int
    ) -> None:
        own = self.runtime.limits(account.api_key).concurrent_jobs
        limit = self.settings.concurrent_jobs if own is None else own
        if limit is not None:
            ids = self._unfinished.get(account.api_key, [])
            ids[:] = [each for each in ids if self.change_of(self._jobs[each], now_ns).status < Status.COMPLETED]
            if len(ids) + count > limit:
                raise AkoolError(
                    Code.TOO_FREQUENT,
                    reason=f"{len(ids)} jobs of the account are unfinished, and concurrent_jobs allows {limit}",
                )
        credits = self.credits_of(account, now_ns)
        if (credits if said is None else min(credits, said)) < cost:
            raise self.settings.refusal(
                family.no_credit_code(self.settings), reason=f"it costs {cost} credits, and {credits} are left"
            )

    def _add(
        self,
        account: Account,
        new: NewJob,
        input: JobInput,
        origin: JobInput,
        cost: Credits,
        file_base: str,
        created_ns: int,
        place: int,
    ) -> Job:
        key = account.api_key
        family = FAMILY_OF[new.endpoint]
        serial = self._jobs_made.get(key, 0)
        job_id = self.keyed_random.object_id(created_ns // NS_PER_S, serial, "job", key)
        script, label = self.runtime.entry_for(account, new) or _UNSCRIPTED
        timeline = script.timeline or self._usual(family, input, job_id)
        job = Job(
            id=job_id,
            account=account,
            endpoint=new.endpoint,
            input=input,
            origin=origin,
            created_ns=created_ns,
            cost=cost,
            timeline=timeline,
            stamp_ms=self._stamps.take((created_ns + timeline.known_ns) // NS_PER_MS),
            file_base=file_base,
            place=place,
            parent_id=new.parent_id,
            number=serial + 1,
            entry=label,
            result=script.result,
        )
        self._jobs[job_id] = job
        self._job_of_stem[family.files.stem(job, self.context)] = job_id
        self.runtime.made(job)
        self._open.add(job_id)
        self._jobs_made[key] = serial + 1
        if self.settings.concurrent_jobs is not None or self.runtime.limits(key).concurrent_jobs is not None:
            self._unfinished.setdefault(key, []).append(job_id)
        if timeline.ending.refund:
            self._refunds.setdefault(key, []).append(job_id)
        self.outbox.follow(job)
        return job

    def _usual(self, family: Family[Any], input: JobInput, job_id: str) -> Timeline:
        if not self.settings.realistic:
            return self.usual_timeline
        shortest, longest = _REALISTIC_S
        whole_s = family.observed_s(input) * (0.85 + 0.3 * self.keyed_random.fraction("duration", job_id))
        whole_ms = round(1000 * min(max(whole_s, shortest), longest))
        queueing_ms = round(whole_ms * (0.1 + 0.15 * self.keyed_random.fraction("queueing", job_id)))
        return Timeline.of(
            Span(queueing_ms * NS_PER_MS), Span((whole_ms - queueing_ms) * NS_PER_MS), self.settings.ending
        )

    def _settle(self, account: Account, waiting: list[str], now_ns: int) -> None:
        failed = [each for each in waiting if self.change_of(self._jobs[each], now_ns).status is Status.FAILED]
        for job_id in failed:
            self.accounts.add_credits(account, self._jobs[job_id].cost)
            waiting.remove(job_id)


def _stalled(stages: Stages) -> Timeline:
    *earlier, last = stages
    if last.status >= _COMPLETED:
        raise MockAkoolError("a finished job cannot be stalled", "Call stall() before its end")
    return Timeline((*earlier, Stage(last.status, FOREVER)))


def _decided_ns(timeline: Timeline) -> int:
    """Return after how many nanoseconds the last change comes of a timeline that counts no polls."""
    total_ns = 0
    for stage in timeline.stages:
        if stage.span.ns is None:
            break
        total_ns += stage.span.ns
    return total_ns
