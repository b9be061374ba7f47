"""The jobs of an engine, and what is known of each beside its record. Not locked: the engine's lock covers it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import filterfalse, islice
from types import MappingProxyType
from typing import Final, NamedTuple

from mock_akool.akool.accounts import Account
from mock_akool.akool.families import CREATES, Context, family_of
from mock_akool.akool.jobs import Job
from mock_akool.core.change_log import MOST, ChangeLog
from mock_akool.core.clock import LATEST_NS
from mock_akool.core.draining import Container
from mock_akool.core.errors import MisfitError
from mock_akool.core.schema import shown
from mock_akool.core.timeline import Status

_MOST_PARTS: Final = 32
"""So many parts of a file's name, up to a `-` each, may belong to what names its job."""
_FIRST_STAMP_MS: Final = 10**12
_LAST_STAMP_MS: Final = 10**13 - 10**9
"""A million seconds before the end, so that there is room after it for jobs that want the same."""


class Stamps:
    """Numbers in milliseconds that are given away once each: the wanted one, or the first free one after it.

    They have 13 digits, as names of files are made of them: those of instants between 2001 and 2286.
    """

    def __init__(self) -> None:
        self._next: dict[int, int] = {}
        """For a number that is taken, one from which to search on. Paths are shortened when they are walked."""

    def taken(self) -> list[int]:
        """Return the numbers that were given away."""
        return list(self._next)

    def go_on_from(self, taken: Iterable[int]) -> None:
        """Count these numbers as given away."""
        following, last, free = self._next, -1, -1
        for each in sorted(taken, reverse=True):
            if each + 1 != last:
                free = each + 1
            following[each] = free
            last = each

    def take(self, wanted_ms: int) -> int:
        """Return a number that was not given away before: `wanted_ms`, in 13 digits, or the nearest after it."""
        wanted_ms = min(max(wanted_ms, _FIRST_STAMP_MS), _LAST_STAMP_MS)
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


class JobsState(NamedTuple):
    """All that a store knows, to go on from. Lists by account have the API key; those of jobs have their ids."""

    jobs: Sequence[Job] = ()
    made: Mapping[str, int] = MappingProxyType({})
    stamps: Sequence[int] = ()
    """All that were given away, also to jobs that are no longer there."""
    open: Sequence[str] = ()
    end_shown: Sequence[str] = ()
    polled_on: Sequence[str] = ()
    unfinished: Mapping[str, Sequence[str]] = MappingProxyType({})
    refunds: Mapping[str, Sequence[str]] = MappingProxyType({})


class JobStore:
    """The jobs, in the order of their creation, and sets of those that somebody still has something to do with."""

    def __init__(self, context: Context, changes: ChangeLog[str]) -> None:
        self._context = context
        self._changes = changes
        self.by_id: dict[str, Job] = {}
        self._ids_of: dict[str, list[str]] = {}
        """The ids of the jobs of each account, by API key."""
        self._by_stem: dict[str, str] = {}
        """The ids of jobs by what the names of their files begin with."""
        self.stamps = Stamps()
        self.made: dict[str, int] = {}
        """How many jobs each account made, by API key."""
        self.open: set[str] = set()
        """Jobs whose end no poll has seen."""
        self.end_shown: set[str] = set()
        self.polled_on: set[str] = set()
        """Jobs that the client polls although it was shown their end."""
        self._unfinished: dict[str, dict[str, None]] = {}
        """By API key: the jobs that may be unfinished, of accounts of which somebody has asked."""
        self.refunds: dict[str, dict[str, None]] = {}
        """By API key: the jobs that give their credits back if they fail."""

    def state(self) -> JobsState:
        """Return all that it knows. Quick, however many jobs there are: others wait meanwhile."""
        return JobsState(
            jobs=list(self.by_id.values()),
            made=dict(self.made),
            stamps=self.stamps.taken(),
            open=list(self.open),
            end_shown=list(self.end_shown),
            polled_on=list(self.polled_on),
            unfinished={key: list(ids) for key, ids in self._unfinished.items()},
            refunds={key: list(ids) for key, ids in self.refunds.items()},
        )

    def go_on_from(self, state: JobsState, account_of: Callable[[str], Account | None]) -> None:
        """Know what another store knew; this one must be new. Raises MisfitError for what does not fit together.

        `account_of` returns the account of an API key, or None when there is none.
        """
        for number, job in enumerate(state.jobs):
            try:
                self._go_on_with(job, account_of)
            except MisfitError as error:
                raise error.within(f"jobs[{number}]") from None
        self.made.update(state.made)
        self.stamps.go_on_from(state.stamps)
        for name, ids, known in (
            ("open", state.open, self.open),
            ("end_shown", state.end_shown, self.end_shown),
            ("polled_on", state.polled_on, self.polled_on),
        ):
            self._check_known(name, ids)
            known.update(ids)
        for name, by_key, lists in (
            ("unfinished", state.unfinished, self._unfinished),
            ("refunds", state.refunds, self.refunds),
        ):
            for key, ids in by_key.items():
                self._check_known(f"{name}.{key}", ids)
                lists[key] = dict.fromkeys(ids)

    def _go_on_with(self, job: Job, account_of: Callable[[str], Account | None]) -> None:
        job_id, key, ids_of = job.id, job.account.api_key, self._ids_of
        if job_id in self.by_id:
            raise MisfitError("id", f"there are two jobs {shown(job_id)}")
        check_job(job)
        if key not in ids_of:
            if account_of(key) is None:
                raise MisfitError("account", "there is no such account")
            ids_of[key] = []
        self.by_id[job_id] = job
        ids_of[key].append(job_id)
        for stem in family_of(job).files.stems(job, self._context):
            self._by_stem[stem] = job_id

    def _check_known(self, where: str, ids: Sequence[str]) -> None:
        unknown = next(filterfalse(self.by_id.__contains__, ids), None)
        if unknown is not None:
            raise MisfitError(f"{where}[{ids.index(unknown)}]", f"there is no job {shown(unknown)}")

    def note_all(self) -> None:
        """Take note of all jobs, the newest of them last, as if they had just been made."""
        for job in self.newest(MOST):
            self._changes.note(job.id, job.account.api_key)

    def all(self, api_key: str | None = None) -> tuple[Job, ...]:
        """Return all jobs in the order of their creation; with an API key, those of that account."""
        if api_key is None:
            return tuple(self.by_id.values())
        return tuple(map(self.by_id.__getitem__, self.ids(api_key)))

    def ids(self, api_key: str) -> Sequence[str]:
        """Return the ids of the jobs of an account, in the order of their creation."""
        return self._ids_of.get(api_key, ())

    def newest(self, most: int, api_key: str | None = None) -> list[Job]:
        """Return the newest jobs, `most` at most, the newest last; with an API key, those of that account."""
        if api_key is not None:
            return [self.by_id[job_id] for job_id in self._ids_of.get(api_key, ())[-most:]]
        return list(islice(reversed(self.by_id.values()), most))[::-1]

    def at_path(self, path: str) -> Job | None:
        """Return the job that the file at `path` is or will be of; None when there is none."""
        name, at = path[1:], -1
        for _ in range(_MOST_PARTS):
            at = name.find("-", at + 1)
            job_id = self._by_stem.get(name if at < 0 else name[:at])
            if job_id is not None:
                return self.by_id.get(job_id)
            if at < 0:
                break
        return None

    def add(self, job: Job) -> None:
        """Keep a new job."""
        key = job.account.api_key
        self.keep(job)
        self._ids_of.setdefault(key, []).append(job.id)
        for stem in family_of(job).files.stems(job, self._context):
            self._by_stem[stem] = job.id
        self.open.add(job.id)
        self.made[key] = job.number
        if key in self._unfinished:
            self._unfinished[key][job.id] = None
        if job.timeline.ending.refund:
            self.refunds.setdefault(key, {})[job.id] = None

    def keep(self, job: Job) -> None:
        """Keep the record of a job, instead of an older one of it."""
        self.by_id[job.id] = job
        self._changes.note(job.id, job.account.api_key)

    def divert(self, job: Job) -> None:
        """Keep a job whose future has changed."""
        self.keep(job)
        self.open.add(job.id)
        self.end_shown.discard(job.id)
        self.polled_on.discard(job.id)
        if job.timeline.ending.refund:
            self.refunds.setdefault(job.account.api_key, {})[job.id] = None

    def hide(self, job: Job) -> None:
        """Keep a job that its account has deleted; nobody waits for it any more."""
        self.keep(job)
        for known in (self.open, self.end_shown, self.polled_on):
            known.discard(job.id)
        self._unfinished.get(job.account.api_key, {}).pop(job.id, None)

    def use(self, parent: Job, what: str) -> None:
        """Note that something of a job was used up by one that continues it."""
        self.keep(replace(parent, used=(*parent.used, what)))

    def saw(self, job: Job, status: Status) -> bool:
        """Note that a poll saw the job at a status; returns whether an equal poll would change nothing more."""
        if status < Status.COMPLETED:
            # A script may let a job that was completed be processed again. Most jobs are in neither of the small sets,
            # and among a million the large one is slow to reach.
            if job.id in self.end_shown or job.id in self.polled_on:
                self.open.add(job.id)
            return True
        if job.id in self.polled_on:
            return True
        self.open.discard(job.id)
        # A result that is not as usual may not satisfy the client: it asks again.
        again = job.id in self.end_shown or job.result is not None
        (self.polled_on if again else self.end_shown).add(job.id)
        return False

    def remove(self, job_id: str) -> None:
        """Forget a job."""
        self._ids_of[self.by_id[job_id].account.api_key].remove(job_id)
        self._forget(job_id)

    def unfinished(self, api_key: str) -> dict[str, None]:
        """Return the ids of an account's jobs that may be unfinished; who finds one that has ended takes it out."""
        waiting = self._unfinished.get(api_key)
        if waiting is None:
            waiting = self._unfinished[api_key] = dict.fromkeys(self._ids_of.get(api_key, ()))
        return waiting

    def forget_oldest(self, most: int, api_key: str) -> list[str]:
        """Forget the oldest jobs of an account, `most` at most; returns their ids."""
        ids = self._ids_of.get(api_key, [])
        oldest = ids[:most]
        del ids[:most]
        for job_id in oldest:
            self._forget(job_id)
        return oldest

    def forget_account(self, api_key: str) -> None:
        """Forget how many jobs an account made; those that there are must have been forgotten before."""
        for known in (self._ids_of, self.made, self._unfinished, self.refunds):
            known.pop(api_key, None)

    def _forget(self, job_id: str) -> None:
        job = self.by_id.pop(job_id)
        self._changes.note(job_id, job.account.api_key)
        for stem in family_of(job).files.stems(job, self._context):
            self._by_stem.pop(stem, None)
        for known in (self.open, self.end_shown, self.polled_on):
            known.discard(job_id)
        for waiting in (self._unfinished, self.refunds):
            waiting.get(job.account.api_key, {}).pop(job_id, None)

    def containers(self) -> list[Container]:
        """Return what holds the most of it, to be drained when it is out of use."""
        by_account = (self._ids_of, self._unfinished, self.refunds)
        ids = [ids for known in by_account for ids in known.values()]
        return [self.by_id, self._by_stem, *ids, *by_account, self.made, self.open, self.end_shown, self.polled_on]


def check_job(job: Job) -> None:
    """Raise MisfitError for a record that no create could have made."""
    create = CREATES.get(job.endpoint)
    if create is None:
        raise MisfitError("endpoint", f"no endpoint {shown(job.endpoint)} creates jobs")
    if not isinstance(job.input, create.input_type):
        raise MisfitError("input", f"{job.endpoint} makes no jobs of a {type(job.input).__name__}")
    if not 0 <= job.created_ns <= LATEST_NS:
        raise MisfitError("created_ns", f"{job.created_ns} is no instant from 1970 to 2106")
