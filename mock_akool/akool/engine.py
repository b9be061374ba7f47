"""The one state of a fake: accounts, credits, jobs, calls and webhooks.

Methods say what happens in the words of the domain; what is asked and answered on the wire is `api.py`. A public method
is one transaction: it takes the lock itself, and one that raises has changed nothing. `transactions.py` says which few
are not. What is to be changed is named by its API key or its `_id` and looked up under the lock: a record that a caller
read before may be old. Where a method takes an account's record, that says whose request it is.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import filterfalse
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mock_akool.akool import job_queries
from mock_akool.akool.accounts import (
    Account,
    Accounts,
    AccountsState,
    AccountSummary,
    AccountTotals,
    Credits,
)
from mock_akool.akool.auth import Tokens, valid_until_ns
from mock_akool.akool.changes import EVERYBODY, Changes, Position
from mock_akool.akool.codes import Code
from mock_akool.akool.documents import Documents, DocumentsState
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.families import FAMILY_OF, Context, Create, Family, family_of
from mock_akool.akool.job_store import JobsState, JobStore
from mock_akool.akool.jobs import Job, JobInput, NewJob, topic_of
from mock_akool.akool.outbox import Compose, FrozenOutbox, Outbox, OutboxState
from mock_akool.akool.poll_cache import NEVER_NS, PollCache, PollResult, Question
from mock_akool.akool.scripts import JobPlan, NoScripts, Scripts
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.standing_polls import StandingPoll, StandingPolls, may_stand
from mock_akool.akool.transactions import transaction
from mock_akool.core.call_log import Call, CallLog, CallLogState, Refusal
from mock_akool.core.change_log import Changed, ChangeLog
from mock_akool.core.clock import NS_PER_MS, NS_PER_S, Clock, SteeredClock
from mock_akool.core.draining import Container, drain
from mock_akool.core.durations import FOREVER, Span
from mock_akool.core.errors import MockAkoolError, within
from mock_akool.core.giving_way import give_way
from mock_akool.core.http import Request, Response
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.media import MediaSpec
from mock_akool.core.schema import shown
from mock_akool.core.timeline import (
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

if TYPE_CHECKING:
    from mock_akool.akool.snapshot import Snapshot

Stages = tuple[Stage, ...]

_COMPLETED: Final = Status.COMPLETED
_MOST_OTHERS: Final = 3
_PIECE: Final = 500
"""How many jobs are looked at while the lock is held, where all are and nothing hurries."""
_REALISTIC_S: Final = (30.0, 60.0)
_MOST_LOOSE_FILES: Final = 10_000


class LooseFile(NamedTuple):
    """A file that is no job's: what it shows, the API key of who made it, where known, and since when it is there."""

    media: MediaSpec
    api_key: str | None
    since_ns: int


class JobFile(NamedTuple):
    """A result file of a job: its address, as the job's client sees it, and what it shows."""

    url: str
    shows: MediaSpec


class EngineState(NamedTuple):
    """All that an engine knows, to go on from."""

    accounts: AccountsState
    jobs: JobsState
    webhooks: OutboxState
    calls: CallLogState
    documents: DocumentsState = DocumentsState()
    recent: Mapping[str, Sequence[int]] = MappingProxyType({})
    """When the newest requests of accounts came, by API key, where there is a limit."""
    troubled: Sequence[str] = ()
    files: Mapping[str, LooseFile] = MappingProxyType({})
    editions: tuple[int, int, int] = (0, 0, 0)
    """How often jobs and deliveries changed, and how many resets there were."""


class FrozenEngine(NamedTuple):
    """What an engine knew at an instant. It may be read without the lock, and takes a while to be made a state."""

    known: EngineState
    webhooks: FrozenOutbox

    def state(self) -> EngineState:
        """Return all of it, to go on from."""
        return self.known._replace(webhooks=self.webhooks.state())


class Engine:
    """A whole fake service. Two engines never meet: they share no state."""

    def __init__(
        self,
        settings: ServiceSettings,
        clock: Clock,
        tokens: Tokens,
        compose: Compose = lambda draft: draft.payload,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.tokens = tokens
        self.lock = threading.RLock()
        self.scripts: Scripts = NoScripts()
        self.keyed_random = KeyedRandom(settings.seed)
        self.context = Context(settings, self.keyed_random)
        self.latency_ns = settings.latency.low.ns
        """How late every response is at least."""
        self.latency_is_drawn = settings.latency.is_drawn
        self._may_stand = not self.latency_is_drawn and settings.requests_per_second is None
        self.usual_timeline = Timeline.of(settings.queueing, settings.processing, settings.ending)
        self.outbox = Outbox(
            self.context,
            compose,
            lambda job: self.scripts.webhook_rules(job),
            lambda api_key: self.scripts.secret_of(api_key),
            lambda account: self.accounts.is_invented(account),
            lock=self.lock,
        )
        self._job_changes: ChangeLog[str] = ChangeLog()
        self._resets: ChangeLog[str] = ChangeLog()
        """By API key; the empty one stands for all."""
        self._forget_all()

    def follow_scripts(self, scripts: Scripts) -> None:
        """Let scripts decide from the beginning on; the engine must be new."""
        self.scripts = scripts
        self._forget_all()

    def reset(self) -> None:
        """Forget all jobs, calls, job scripts and what the accounts spent: as just made."""
        for forgotten in self._reset():
            drain(forgotten)

    @transaction
    def _reset(self) -> list[Iterable[Container]]:
        """Begin anew; returns what is to be drained."""
        jobs, accounts, call_log = self._jobs, self.accounts, self.call_log
        scripts, webhooks = self.scripts.reset(), self._forget_all()
        return [scripts, webhooks, jobs.containers(), accounts.containers(), call_log.containers()]

    def _forget_all(self) -> list[Container]:
        """Begin anew; returns what of the outbox is to be drained."""
        self.accounts = Accounts(
            self.settings,
            self.keyed_random,
            self.clock,
            self.scripts.account_script,
            self.scripts.secret_of,
            lock=self.lock,
        )
        self.call_log = CallLog(
            self.settings.call_log_size, self.clock.now_ns(), max_bytes=self.settings.call_log_bytes
        )
        self._job_changes.clear()
        self._resets.note(EVERYBODY, EVERYBODY)
        self._jobs = JobStore(self.context, self._job_changes)
        self._polls = PollCache()
        self.standing_polls = StandingPolls(self.accounts.known, self._jobs.by_id)
        self.troubled: set[str] = set()
        """Endpoints whose newest request was refused or went wrong: its client may sleep before it tries again."""
        self._recent: dict[str, deque[int]] = {}
        self._loose_files: dict[str, LooseFile] = {}
        self.documents = Documents(self.lock)
        return self.outbox.reset(self.clock.now_ns())

    # What is kept over a restart

    @transaction
    def freeze(self) -> FrozenEngine:
        """Return what is known now. Quick, however much it is: all others wait meanwhile."""
        known = EngineState(
            self.accounts.state(),
            self._jobs.state(),
            OutboxState(),
            self.call_log.state(),
            self.documents.state(),
            {key: list(recent) for key, recent in self._recent.items()},
            sorted(self.troubled),
            dict(self._loose_files),
            (self._job_changes.edition, self.outbox.edition, self._resets.edition),
        )
        return FrozenEngine(known, self.outbox.freeze())

    def restoring(self, state: EngineState) -> Callable[[], None]:
        """Return what lets this go on from a state; it is to be called under the lock, and cannot fail.

        Raises MisfitError for what does not fit together; nothing has changed then.
        """
        settings = self.settings
        accounts = Accounts(
            settings,
            self.keyed_random,
            self.clock,
            self.scripts.account_script,
            self.scripts.secret_of,
            lock=self.lock,
        )
        with within("accounts"):
            accounts.go_on_from(state.accounts)
        call_log = CallLog(settings.call_log_size, max_bytes=settings.call_log_bytes)
        call_log.go_on_from(state.calls)
        jobs = JobStore(self.context, self._job_changes)
        with within("jobs"):
            jobs.go_on_from(state.jobs, accounts.known)
        documents = Documents(self.lock)
        documents.go_on_from(state.documents)
        with within("webhooks"):
            send = self.outbox.restoring(state.webhooks, jobs.by_id.get)
        recent = {key: deque(some) for key, some in state.recent.items()}
        of_jobs, of_webhooks, resets = state.editions

        def go_on() -> None:
            self.accounts, self.call_log, self._jobs, self.documents = accounts, call_log, jobs, documents
            self._recent, self._loose_files = recent, dict(state.files)
            self._polls = PollCache()
            self.standing_polls = StandingPolls(accounts.known, jobs.by_id)
            self.troubled = set(state.troubled)
            self._job_changes.go_on_from(of_jobs)
            self._resets.go_on_from(resets)
            self._resets.note(EVERYBODY, EVERYBODY)
            jobs.note_all()
            self.outbox.changes.go_on_from(of_webhooks)
            send()

        return go_on

    # Reading

    @transaction
    def jobs(self, api_key: str | None = None) -> tuple[Job, ...]:
        """Return all jobs in the order of their creation; with an API key, those of that account."""
        return self._jobs.all(api_key)

    @transaction
    def asked_by(self, api_key: str) -> Callable[[Call], bool]:
        """Return what decides whether an account made a call, by its API key or its clientId.

        Also what was refused before the account was known, such as a clientId sent as x-api-key.
        """
        keys = self.accounts.keys_of(api_key)
        return lambda call: call.response.account in keys or call.request.headers.get("x-api-key") in keys

    @transaction
    def calls(self, api_key: str | None = None, *, after: int = 0) -> tuple[Call, ...]:
        """Return the kept calls, oldest first; with an API key, those that this account made.

        `after` leaves out those whose number is not above it.
        """
        calls = self.call_log.calls() if not after else tuple(self.call_log.calls_after(after))
        return calls if api_key is None else tuple(filter(self.asked_by(api_key), calls))

    @transaction
    def observe(self, api_key: str | None = None) -> Snapshot:
        """Return what the engine saw: all of it, or what belongs to the account with this API key."""
        calls = self.call_log.calls()
        others: tuple[Call, ...] = ()
        if api_key is not None:
            is_own = self.asked_by(api_key)
            others = tuple(filterfalse(is_own, calls))
            calls = tuple(filter(is_own, calls))
        from mock_akool.akool.snapshot import Snapshot  # only reports need one

        return Snapshot(
            calls=calls,
            jobs=self._jobs.all(api_key),
            deliveries=self.outbox.entries(api_key),
            settings=self.settings,
            start_ns=self.call_log.start_ns,
            now_ns=self.clock.now_ns(),
            call_count=self.call_log.count if api_key is None else len(calls),
            others=others[-_MOST_OTHERS:],
            other_count=len(others),
            dropped=self.call_log.dropped,
            refusals=tuple(self.call_log.refusals),
            refusal_count=self.call_log.refusal_count,
            stands_still=isinstance(self.clock, SteeredClock) and self.clock.frozen,
        )

    @property
    def position(self) -> Position:
        """How far the fake's story has come. Cheap, and needs no lock: it is compared with the one of a moment ago."""
        log = self.call_log
        return Position(
            log.start_ns, self._resets.edition, log.count, self._job_changes.edition, self.outbox.changes.edition
        )

    @transaction
    def changes_after(self, position: Position, *, newest_calls: int | None = None) -> Changes:
        """Return what happened after a position; with `newest_calls`, of the calls that many only."""
        now, missed = self.position, 0
        resets = self._resets.after(position.resets)
        is_other = position.start_ns != now.start_ns or any(old > new for old, new in zip(position, now, strict=True))
        if is_other or any(each.key == EVERYBODY for each in resets):
            if EVERYBODY not in {each.key for each in resets}:
                resets = [Changed(now.resets, EVERYBODY, EVERYBODY)]
            position = Position(now.start_ns, now.resets, 0, self._job_changes.forgotten, self.outbox.changes.forgotten)
        calls = self.call_log.calls_after(position.calls)
        missed = now.calls - position.calls - len(calls)
        if newest_calls is not None and len(calls) > newest_calls:
            missed += len(calls) - newest_calls
            calls = calls[-newest_calls:]
        jobs, deliveries = self._job_changes.after(position.jobs), self.outbox.changes.after(position.webhooks)
        return Changes(
            begins=position,
            resets=[each.key or None for each in resets],
            calls=calls,
            jobs=[(each, self._jobs.by_id.get(each.key)) for each in jobs],
            deliveries=[(each, self.outbox.entry(each.key)) for each in deliveries],
            missed_calls=missed,
            missed_jobs=self._job_changes.forgotten > position.jobs,
            missed_deliveries=self.outbox.changes.forgotten > position.webhooks,
        )

    @transaction
    def drawn_latency_ns(self) -> int:
        """Return how late the next response is, in nanoseconds."""
        return self.settings.latency.drawn_ns(self.keyed_random, "latency", self.call_log.count)

    @property
    def job_count(self) -> int:
        """How many jobs there are."""
        return len(self._jobs.by_id)

    def job(self, job_id: str) -> Job | None:
        """Return the job with this `_id`."""
        return self._jobs.by_id.get(job_id)

    def unknown_job(self, job_id: str) -> AkoolError:
        """Return the error for an id that no job has (contract sections 5 and 6)."""
        return self.settings.refusal(
            self.settings.unknown_job_code, job_id, reason=f"no job has the _id {shown(job_id)}"
        )

    @transaction
    def job_of(self, account: Account, job_id: str) -> Job:
        """Return the account's job with this id; raises AkoolError 1008 or 1009 (contract sections 5 and 6)."""
        job = self._jobs.by_id.get(job_id)
        if job is None or job.deleted_ns is not None:
            raise self.unknown_job(job_id)
        if job.account.api_key != account.api_key:
            raise self.settings.refusal(
                self.settings.foreign_job_code, job_id, reason=f"job {job_id} is another account's"
            )
        return job

    def change_of(self, job: Job, now_ns: int) -> Change:
        """Return the job's status at `now_ns` and since when it has it."""
        return change_at(job.timeline, job.created_ns, job.polls, now_ns)

    @transaction
    def newest_jobs(self, most: int, api_key: str | None = None) -> list[Job]:
        """Return the newest jobs, `most` at most, the newest last; with an API key, those of that account."""
        return self._jobs.newest(most, api_key)

    @transaction
    def statuses(self, newest: int | None = None, api_key: str | None = None) -> list[tuple[Job, Status]]:
        """Return the jobs with the status that each has now, the newest last; of `newest` only so many."""
        now_ns = self.clock.now_ns()
        jobs = self._jobs.all(api_key) if newest is None else self._jobs.newest(newest, api_key)
        return [(job, self.change_of(job, now_ns).status) for job in jobs]

    def is_awaited(self, now_ns: int | None = None, api_key: str | None = None) -> bool:
        """Return whether a client has something to wait for, now or at an instant; with an API key, that account's.

        That is when a job is unfinished, or is polled on after its end was shown, or when a webhook is still to come
        or was not taken, and its client has not polled since. And it is when the newest request to an endpoint was
        refused or went wrong: a client that tries again sleeps before that, also when it has no job yet, and one that
        asks wrongly for a job that has ended waits forever. Of one account the latter is not known: nobody can say
        whose request that was.

        It looks at one thing after the other, and others have the lock in between.
        """
        jobs, outbox = self._jobs, self.outbox
        # This looks at all that is to be sent, and lets others have the lock meanwhile.
        if api_key is not None and (outbox.next_ns_of(api_key) is not None or outbox.is_sending_for(api_key)):
            return True
        with self.lock:
            now_ns = self.clock.now_ns() if now_ns is None else now_ns
            if api_key is None:
                if self.troubled or jobs.polled_on or outbox.next_ns is not None or outbox.is_sending:
                    return True
                open_ids: Collection[str] = tuple(jobs.open)
            else:
                own = jobs.ids(api_key)
                if not jobs.polled_on.isdisjoint(own):
                    return True
                open_ids = jobs.open.intersection(own)
            if not outbox.missed.isdisjoint(open_ids):
                return True
        # There may be a million of them, and nobody must wait meanwhile.
        found = (jobs.by_id.get(job_id) for job_id in open_ids)
        return job_queries.any_unfinished((job for job in found if job is not None), now_ns)

    def count_by_status(self, now_ns: int, api_key: str | None = None) -> dict[Status, int]:
        """Return how many jobs there are by the status that they have; with an API key, of that account."""
        return job_queries.count_by_status(self.jobs(api_key), now_ns)

    def next_change_ns(self, now_ns: int, api_key: str | None = None) -> int | None:
        """Return the instant after `now_ns` at which a job's status changes next by time alone; None when none will.

        With an API key only that account's jobs count.
        """
        return job_queries.next_change_ns(self.jobs(api_key), now_ns)

    def idle_ns(self, now_ns: int, api_key: str | None = None) -> int:
        """Return the instant after which no job's status will change by time alone; `now_ns` when none will.

        With an API key only that account's jobs count.
        """
        return job_queries.idle_ns(self.jobs(api_key), now_ns)

    @transaction
    def jobs_made(self, api_key: str) -> int:
        """Return how many jobs the account with this API key has made."""
        return self._jobs.made.get(api_key, 0)

    @transaction
    def job_of_file(self, path: str) -> Job | None:
        """Return the job that the file at `path` is or will be of; None when there is none."""
        return self._jobs.at_path(path)

    @transaction
    def credits_of(self, account: Account, now_ns: int) -> Credits:
        """Return the account's balance, refunds that are due by `now_ns` included (contract section 7)."""
        waiting = self._jobs.refunds.get(account.api_key)
        if waiting:
            self._settle(account, waiting, now_ns)
        return self.accounts.credits(account)

    @transaction
    def spent_by(self, account: Account, now_ns: int) -> Credits:
        """Return what the account paid, less the refunds that are due by `now_ns`."""
        self.credits_of(account, now_ns)
        return self.accounts.spent_by(account)

    def account_summaries(self, now_ns: int, *, first: int = 0, most: int | None = None) -> list[AccountSummary]:
        """Return accounts with their totals, in the order in which they appeared: `most` at most from `first` on.

        Account by account, so that nobody waits for all of them.
        """
        found = (self.account_summary(account.api_key, now_ns) for account in self.accounts.listed(first, most))
        return [summary for summary in found if summary is not None]

    @transaction
    def account_summary(self, api_key: str, now_ns: int) -> AccountSummary | None:
        """Return the account with this API key and its totals; None when there is none, and none is made."""
        account = self.accounts.known(api_key)
        if account is None:
            return None
        left, spent = self.credits_of(account, now_ns), self.spent_by(account, now_ns)
        return AccountSummary(account, left, spent, self.jobs_made(api_key))

    def totals(self, now_ns: int, api_key: str | None = None) -> AccountTotals:
        """Return how many accounts there are, and what they have left and have spent; with an API key, of that one."""
        if api_key is not None:
            own = self.account_summary(api_key, now_ns)
            return AccountTotals(0, 0, 0) if own is None else AccountTotals(1, own.credits, own.spent)
        # Account by account, so that nobody waits for all of them: their refunds are paid when they are looked at.
        for each in tuple(self._jobs.refunds):
            self.account_summary(each, now_ns)
        return self.accounts.totals()

    @transaction
    def file_at(self, path: str, now_ns: int) -> tuple[Job | None, MediaSpec | None, int]:
        """Return whose file is at `path`, what it shows, and since when it is there; None where it is not there.

        A file is not there when it is unknown, and its job's when that is unfinished, failed, deleted or long
        completed.
        """
        job = self.job_of_file(path)
        if job is None:
            return None, None, 0
        since_ns, status = self.change_of(job, now_ns)
        if (
            status is not Status.COMPLETED
            or job.deleted_ns is not None
            or now_ns >= since_ns + self.settings.file_lifetime.ns
        ):
            return job, None, 0
        family, name = family_of(job), path[1:]
        if name not in family.files.all_names(job, self.context):
            return None, None, 0
        return job, family.files.shows(job, job.input, name, self.context)._replace(family=family.name), since_ns

    @transaction
    def files_of(self, job: Job, now_ns: int) -> list[JobFile]:
        """Return the files of a job that are there now, that of the record first; see `file_at`."""
        files, found = family_of(job).files, []
        for name in files.all_names(job, self.context):
            _, shows, _ = self.file_at(f"/{name}", now_ns)
            if shows is not None:
                own = name in files.names(job, job.input, self.context)
                url = files.url(job.file_base, name) if own else files.more_url(job.file_base, name)
                found.append(JobFile(url, shows))
        return found

    @transaction
    def loose_file_at(self, path: str, now_ns: int) -> LooseFile | None:
        """Return the file at `path` that is no job's; None when there is none, or when it is too old."""
        found = self._loose_files.get(path)
        return found if found is not None and now_ns < found.since_ns + self.settings.file_lifetime.ns else None

    # Changing

    @transaction
    def keep_file(self, path: str, media: MediaSpec, account: Account | None, now_ns: int) -> None:
        """Serve a file that is no job's at `path`; the newest of such files are kept, within a number."""
        files = self._loose_files
        files[path] = LooseFile(media, None if account is None else account.api_key, now_ns)
        if len(files) > _MOST_LOOSE_FILES:
            del files[next(iter(files))]

    @transaction
    def delete_for_client(self, job_id: str, now_ns: int) -> None:
        """Let the API know a job no longer, as its account asked; raises MockAkoolError when there is none.

        Unlike after `delete`, it is still in reports.
        """
        self._jobs.hide(replace(self._known(job_id), deleted_ns=now_ns))

    @transaction
    def note_call(self, time_ns: int, endpoint: str, request: Request, response: Response) -> None:
        """Keep a record of a request that something else answered, at an instant in nanoseconds since the epoch."""
        self.call_log.append(time_ns, endpoint, request, response)

    @transaction
    def note_refusal(self, peer: str, status: int, why: str, start: bytes = b"") -> Refusal:
        """Keep a record of what a client sent to a server that never became a request; returns it."""
        refusal = Refusal(self.clock.now_ns(), peer, status, why, start)
        self.call_log.refuse(refusal)
        return refusal

    @transaction
    def refusals(self) -> tuple[tuple[Refusal, ...], int]:
        """Return the newest records of what never became a request, oldest first, and how many there were."""
        return tuple(self.call_log.refusals), self.call_log.refusal_count

    @transaction
    def create(
        self,
        account: Account,
        create: Create[Any],
        input: JobInput,
        file_base: str,
        now_ns: int,
        plan: JobPlan | None = None,
    ) -> list[Job]:
        """Make the jobs of a checked create request.

        `file_base` is the scheme and host where its client sees files, empty for the real ones. With a `plan` the jobs
        follow it, and no script is used up. Raises AkoolError 1005,
        or the family's code when the credits do not suffice; what the create raises where it names what is not there;
        for a job that continues another one also 1008, 1009 and what its check raises; and the code of a script that
        refuses the job. Nothing is changed then, but that the scripts are used.
        """
        parent = None
        if create.parent is not None:
            parent = self.job_of(account, create.parent(input))
            if create.check is not None:
                create.check(parent, self.change_of(parent, now_ns).status, input, self.settings)
        if create.find is not None:
            input = create.find(input, self, account, now_ns)
        origin = input if parent is None else parent.origin
        made = self._make(account, create, input, origin, parent, file_base, now_ns, plan)
        if parent is not None and create.uses is not None:
            self._jobs.use(parent, create.uses(input))
        return made

    @transaction
    def create_with_history(
        self,
        api_key: str,
        create: Create[Any],
        input: JobInput,
        file_base: str,
        created_ns: int,
        now_ns: int,
        *,
        plan: JobPlan | None = None,
        polls: int = 0,
    ) -> list[Job]:
        """Make the jobs of a create as of `created_ns`, polled so many times since, the last time at `now_ns`.

        In lenient mode the account is made when it is new. Raises AkoolError as `create` does, and 1109 when there is
        no such account; then nothing has changed.
        """
        is_new = self.accounts.known(api_key) is None
        account = self._named(api_key)
        try:
            made = self.create(account, create, input, file_base, created_ns, plan)
        except Exception:
            if is_new:
                self.accounts.remove(api_key)
            raise
        return [self.count_polls(job.id, polls, now_ns) for job in made]

    @transaction
    def poll(self, account: Account, job_id: str, now_ns: int) -> PollResult:
        """Return the account's job as this poll sees it, and note the poll where it matters."""
        return self._see(self.job_of(account, job_id), now_ns)

    @transaction
    def see(self, job_id: str, now_ns: int) -> PollResult:
        """Return a job as this poll by its account sees it, and note the poll where it matters.

        Raises AkoolError when there is no such job.
        """
        job = self._jobs.by_id.get(job_id)
        if job is None:
            raise self.unknown_job(job_id)
        return self._see(job, now_ns)

    def _see(self, job: Job, now_ns: int) -> PollResult:
        _, status, until_ns = status_interval_at(job.timeline, job.created_ns, job.polls, now_ns)
        if job.timeline.counts_polls and not is_over(job.timeline, job.created_ns, job.polls, now_ns):
            polled = replace(job, polls=(*job.polls, now_ns))
            self._jobs.keep(polled)
            self.outbox.follow(polled)
            until_ns = now_ns
        if not self._jobs.saw(job, status):
            until_ns = now_ns
        return PollResult(job, status, NEVER_NS if until_ns is None else until_ns)

    def recall(
        self, endpoint: str, question: Question, account: Account, request: Request, now_ns: int
    ) -> Response | None:
        """Return the response of an equal poll of a moment ago, if nothing has changed since; else None.

        One that has come as the same record before is kept as a standing poll.
        """
        # Every poll asks this first, and reads a record or none: it needs no lock.
        kept = self._polls.recall(endpoint, question, account.api_key, request.file_base, now_ns, self._jobs.by_id)
        if kept is None:
            return None
        response = kept.response
        size = self.call_log.known_size(request, response)
        if size is not None and self._may_stand and may_stand(request, response):
            ends_ns = valid_until_ns(request.headers, self.tokens)
            until_ns = kept.first.until_ns if ends_ns is None else min(kept.first.until_ns, ends_ns)
            with self.lock:
                self.standing_polls.keep(StandingPoll(request, endpoint, account, kept.jobs, until_ns, response, size))
        return response

    def stands(self, poll: StandingPoll, now_ns: int) -> bool:
        """Return whether a poll would be answered now as it was before; no faults of scenarios are considered."""
        return (
            self.standing_polls.holds(poll, now_ns) and not self.scripts.limiting and poll.endpoint not in self.troubled
        )

    def recall_row(
        self, endpoint: str, job_id: str, account: Account, file_base: str, now_ns: int
    ) -> tuple[PollResult, dict[str, Any]] | None:
        """Return what a poll of a moment ago saw of a job, and its record, if nothing has changed since; else None."""
        return self._polls.recall_row(endpoint, job_id, account.api_key, file_base, now_ns, self._jobs.by_id)

    @transaction
    def remember_rows(
        self, endpoint: str, file_base: str, rows: Sequence[tuple[PollResult, dict[str, Any]]], size: int
    ) -> None:
        """Keep the records of jobs that a poll shows together, `size` bytes of its response, for `recall_row`."""
        self._polls.remember_rows(endpoint, file_base, rows, size)

    @transaction
    def remember(
        self, endpoint: str, question: Question, file_base: str, results: Sequence[PollResult], response: Response
    ) -> None:
        """Keep the response to a poll for `recall`."""
        self._polls.remember(endpoint, question, file_base, results, response)

    @transaction
    def complete(self, job_id: str, now_ns: int | None = None) -> Job:
        """Let the job be completed from now on; raises MockAkoolError when there is no such job."""
        return self.divert(job_id, Timeline, now_ns)

    @transaction
    def fail(self, job_id: str, ending: Ending, now_ns: int | None = None) -> Job:
        """Let the job have failed from now on, as the ending says; raises MockAkoolError when there is no such job."""
        return self.divert(job_id, lambda stages: Timeline(stages, ending), now_ns)

    @transaction
    def end(self, job_id: str, cost: Credits, now_ns: int) -> Job:
        """Let the job be completed from now on and have cost so much; what was paid above that goes back.

        Raises MockAkoolError when there is no such job.
        """
        job = self.complete(job_id, now_ns)
        self.accounts.add_credits(job.account, job.cost - cost)
        ended = replace(job, cost=cost)
        self._jobs.keep(ended)
        return ended

    @transaction
    def stall(self, job_id: str, now_ns: int | None = None) -> Job:
        """Let the job stay forever at the status that it has; raises MockAkoolError for a finished or unknown one."""
        return self.divert(job_id, _stalled, now_ns)

    @transaction
    def divert(self, job_id: str, timeline_from: Callable[[Stages], Timeline], now_ns: int | None = None) -> Job:
        """Change the job's future: its timeline becomes what `timeline_from` makes of the stages until now."""
        now_ns = self.clock.now_ns() if now_ns is None else now_ns
        job = self._known(job_id)
        passed = tuple(each for each in changes(job.timeline, job.created_ns, job.polls) if each.at_ns <= now_ns)
        ends = [*(each.at_ns for each in passed[1:]), max(now_ns, job.created_ns)]
        stages = tuple(Stage(each.status, Span(end - each.at_ns)) for each, end in zip(passed, ends, strict=True))
        diverted = replace(job, timeline=self._with_refund(family_of(job), timeline_from(stages)), polls=())
        self._jobs.divert(diverted)
        self.outbox.follow(diverted)
        return diverted

    def _known(self, job_id: str) -> Job:
        job = self._jobs.by_id.get(job_id)
        if job is None:
            raise MockAkoolError(f"there is no job {shown(job_id)}", "It was deleted, or the fake was reset")
        return job

    @transaction
    def count_polls(self, job_id: str, polls: int, now_ns: int) -> Job:
        """Let the job have been polled so many times, the last time now; returns its record."""
        job = self._known(job_id)
        if polls and job.timeline.counts_polls:
            job = replace(job, polls=(now_ns,) * polls)
            self._jobs.keep(job)
            self.outbox.follow(job)
        return job

    @transaction
    def delete(self, job_id: str) -> None:
        """Forget the job: it was never there. What it cost stays paid. Raises MockAkoolError for an unknown one."""
        self._known(job_id)
        self._jobs.remove(job_id)
        self._are_gone([job_id])

    def reset_account(self, api_key: str) -> None:
        """Forget an account's jobs, calls, job scripts, rules and spent credits: it is as when it was made.

        The clock and all other accounts stay as they are.
        """
        while not self._reset_some(api_key):
            give_way()

    @transaction
    def _reset_some(self, api_key: str) -> bool:
        """Forget the oldest jobs of an account, and with the last of them all the rest; returns whether that is done.

        So nobody waits for long, however many there are.
        """
        gone = self._jobs.forget_oldest(_PIECE, api_key)
        self._are_gone(gone)
        if len(gone) == _PIECE:
            return False
        self._jobs.forget_account(api_key)
        self.outbox.forget_account(api_key)
        self.scripts.forget(api_key)
        self._recent.pop(api_key, None)
        self.documents.forget(api_key)
        self._loose_files = {at: each for at, each in self._loose_files.items() if each.api_key != api_key}
        self.accounts.restore(api_key)
        self.call_log.drop(self.asked_by(api_key))
        self._resets.note(api_key, api_key)
        return True

    def _are_gone(self, job_ids: Collection[str]) -> None:
        """Let everybody forget jobs that were forgotten."""
        self._polls.clear()
        self.standing_polls.clear()
        self.outbox.forget(job_ids)
        self.scripts.forget_jobs(job_ids)

    @transaction
    def account_changed(self, api_key: str) -> None:
        """Take note that scripts say something else now of an account."""
        self.accounts.apply(api_key)

    def _named(self, api_key: str) -> Account:
        """Return the account with this API key, which a lenient fake makes when it is first named.

        Raises AkoolError 1109 when there is none.
        """
        account = self.accounts.by_key(api_key)
        if account is None:
            raise AkoolError(Code.ACCOUNT_NOT_FOUND, reason=f"no account has the API key {shown(api_key)}")
        return account

    @transaction
    def set_credits(self, api_key: str, amount: Credits) -> None:
        """Let the account have so many credits left. Raises AkoolError 1109 when there is no such account."""
        self.accounts.set_credits(self._named(api_key), amount)

    @transaction
    def add_credits(self, api_key: str, amount: Credits, now_ns: int) -> None:
        """Give the account so many credits more; with a negative amount fewer, but never below 0.

        Raises AkoolError 1109 when there is no such account.
        """
        account = self._named(api_key)
        self.accounts.set_credits(account, max(0, self.credits_of(account, now_ns) + amount))

    @transaction
    def ban(self, api_key: str, *, banned: bool) -> None:
        """Ban the account, or let it be active again. Raises AkoolError 1109 when there is no such account."""
        self.accounts.put(replace(self._named(api_key), banned=banned))

    @transaction
    def revoke_tokens_before(self, api_key: str, second: int) -> None:
        """Make the account's tokens that were issued before the epoch `second` invalid.

        Raises AkoolError 1109 when there is no such account.
        """
        account = self._named(api_key)
        self.accounts.put(replace(account, valid_from_s=max(account.valid_from_s, second)))

    def admit(self, account: Account, now_ns: int) -> None:
        """Count a request of the account; raises AkoolError 1005 when it is one too many within a second."""
        # Every poll asks this, and seldom may any account have a limit.
        if self.scripts.limiting or self.settings.requests_per_second is not None:
            self._count_request(account, now_ns)

    @transaction
    def _count_request(self, account: Account, now_ns: int) -> None:
        limit = self.scripts.limits(account.api_key).requests_per_second or self.settings.requests_per_second
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
        plan: JobPlan | None,
    ) -> list[Job]:
        family = FAMILY_OF[create.endpoint]
        count, cost = create.jobs(input), family.price(input, self.settings)
        parent_id = None if parent is None else parent.id
        new = NewJob(create.endpoint, input.topic.prompt, topic_of(input, origin), parent_id)
        said = self.scripts.account_script_of_new(account, new)
        if said.banned:
            raise self.settings.refusal(Code.ACCOUNT_BANNED)
        self._check_limits(account, family, cost * count, count, said.credits, now_ns)
        plans = [plan or self.scripts.plan_of(account, new) for _ in range(count)]
        refused = {place: each.refused for place, each in enumerate(plans) if each.refused is not None}
        if refused:
            input = self._without_refused(create, input, refused, plans)
            origin = input if parent is None else origin
            plans = [each for each in plans if each.refused is None]
        self.accounts.add_credits(account, -cost * len(plans))
        return [
            self._add(account, new, input, origin, cost, file_base, now_ns, place, each)
            for place, each in enumerate(plans)
        ]

    def _without_refused(
        self, create: Create[Any], input: JobInput, refused: Mapping[int, int], plans: Sequence[JobPlan]
    ) -> JobInput:
        """Return an input without the rows that scripts refuse, by place; raises AkoolError when none is left."""
        if create.refuse_rows is not None and len(refused) < len(plans):
            left: JobInput = create.refuse_rows(input, refused)
            return left
        place, code = next(iter(refused.items()))
        raise self.settings.refusal(code, reason=f"{plans[place].label} refuses {'it' if len(plans) == 1 else 'a row'}")

    def _check_limits(
        self, account: Account, family: Family[Any], cost: Credits, count: int, said: int | None, now_ns: int
    ) -> None:
        limit = self._most_unfinished(account.api_key)
        if limit is not None:
            waiting = self._jobs.unfinished(account.api_key)
            if len(waiting) + count > limit:
                # Only now does it matter which of them have ended.
                ended = [
                    each for each in waiting if self.change_of(self._jobs.by_id[each], now_ns).status >= _COMPLETED
                ]
                for job_id in ended:
                    del waiting[job_id]
            if len(waiting) + count > limit:
                raise AkoolError(
                    Code.TOO_FREQUENT,
                    reason=f"concurrent_jobs allows {limit}, and the account has {len(waiting)} unfinished",
                )
        credits = self.credits_of(account, now_ns)
        if (credits if said is None else min(credits, said)) < cost:
            raise self.settings.refusal(
                family.no_credit_code(self.settings), reason=f"it costs {cost} credits, and the account has {credits}"
            )

    def _most_unfinished(self, api_key: str) -> int | None:
        own = self.scripts.limits(api_key).concurrent_jobs
        return self.settings.concurrent_jobs if own is None else own

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
        plan: JobPlan,
    ) -> Job:
        key = account.api_key
        family = FAMILY_OF[new.endpoint]
        serial = self._jobs.made.get(key, 0)
        job_id = self.keyed_random.object_id(created_ns // NS_PER_S, serial, "job", key)
        timeline = plan.timeline or plan.override.over(self._usual(family, input, job_id))
        timeline = self._with_refund(family, timeline)
        job = Job(
            id=job_id,
            account=account,
            endpoint=new.endpoint,
            input=input,
            origin=origin,
            created_ns=created_ns,
            cost=cost,
            timeline=timeline,
            stamp_ms=self._jobs.stamps.take((created_ns + timeline.known_ns) // NS_PER_MS),
            file_base=file_base,
            place=place,
            parent_id=new.parent_id,
            number=serial + 1,
            job_script=plan.label,
            result=plan.result,
        )
        self._jobs.add(job)
        self.scripts.made(job)
        self.outbox.follow(job)
        return job

    def _with_refund(self, family: Family[Any], timeline: Timeline) -> Timeline:
        """Return a timeline that says whether its failure gives the credits back, where its family does so."""
        ending = timeline.ending
        if ending.status is _COMPLETED or ending.refund is not None or not family.refunds(self.settings):
            return timeline
        return timeline._replace(ending=ending._replace(refund=True))

    def _usual(self, family: Family[Any], input: JobInput, job_id: str) -> Timeline:
        own = family.life(input, self.settings)
        if own is not None:
            return own
        if not self.settings.realistic:
            return self.usual_timeline
        shortest, longest = _REALISTIC_S
        whole_s = family.observed_s(input) * (0.85 + 0.3 * self.keyed_random.fraction("duration", job_id))
        whole_ms = round(1000 * min(max(whole_s, shortest), longest))
        queueing_ms = round(whole_ms * (0.1 + 0.15 * self.keyed_random.fraction("queueing", job_id)))
        return Timeline.of(
            Span(queueing_ms * NS_PER_MS), Span((whole_ms - queueing_ms) * NS_PER_MS), self.settings.ending
        )

    def _settle(self, account: Account, waiting: dict[str, None], now_ns: int) -> None:
        failed = [each for each in waiting if self.change_of(self._jobs.by_id[each], now_ns).status is Status.FAILED]
        for job_id in failed:
            self.accounts.add_credits(account, self._jobs.by_id[job_id].cost)
            del waiting[job_id]


def _stalled(stages: Stages) -> Timeline:
    *earlier, last = stages
    if last.status >= _COMPLETED:
        raise MockAkoolError("a finished job cannot be stalled", "Stall it before its end")
    return Timeline((*earlier, Stage(last.status, FOREVER)))
