"""Decides by the scenarios in force what becomes of a new job, and which request goes wrong.

Scenarios are in force for everybody, for one account (an API key that ends in `+NAME`), or for one job (`[mock:NAME]`
in its prompt). The narrower one goes first. Rules and entries made in Python go before all of them.

A rule counts calls for each account by itself, and a draw depends only on the seed and on the call's place in the
stream of its account, job and endpoint. So nobody's extra call changes what another client meets.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import reduce
from itertools import count as counting
from typing import Any, Final, NamedTuple, Protocol

from mock_akool.akool.accounts import Account, Accounts, AccountScript
from mock_akool.akool.auth import Tokens, bearer_token
from mock_akool.akool.endpoints import FILE, GET_TOKEN
from mock_akool.akool.engine import JobPlan
from mock_akool.akool.errors import ParameterError
from mock_akool.akool.families import CREATES, RESULTS, Results
from mock_akool.akool.jobs import Job, NewJob
from mock_akool.akool.scenarios.model import Entry, JobScript, Scenario, Script
from mock_akool.akool.scenarios.scopes import Scope
from mock_akool.akool.settings import Limits, over
from mock_akool.akool.snapshot import Snapshot, UnusedRules
from mock_akool.akool.transactions import transaction
from mock_akool.core.call_log import CallLog
from mock_akool.core.clock import Clock
from mock_akool.core.errors import ScenarioError
from mock_akool.core.http import Request
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.rule_engine import ActiveRule, Firing, RuleSet
from mock_akool.core.rules import Rule, Subject
from mock_akool.core.timeline import Change
from mock_akool.core.webhook_faults import ActiveWebhookRule, WebhookRule

_AS_USUAL: Final = JobPlan()

_MAGIC_WORD: Final = re.compile(r"\[mock:([^\[\]]{1,200})\]")
_NAMING_KEY: Final = re.compile(r"[^+]*(?:\+[a-z0-9-]+)+")
"""A key that names scenarios; a clientId, which may have a + too, ends in ==."""
_MAGIC_BYTES: Final = b"[mock:"


_MOST_ATTEMPTS: Final = 4096
"""How many creates are remembered that name a scenario in their prompt."""
_MOST_LINES: Final = 512
_REPEATING: Final = frozenset({"server", "direct"})
"""The doors that hand in the same record of a call again."""


class UnusedJobScripts(NamedTuple):
    """The scripts for next jobs, of one account or of whoever comes, that no create used, and what the engine saw."""

    api_key: str | None
    scripts: tuple[JobScript, ...]
    seen: Snapshot


class World(Protocol):
    """What scenarios must know of a fake: the engine, as far as they look at it."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """The lock that covers the engine and its scenarios."""

    @property
    def clock(self) -> Clock:
        """The clock of the fake."""

    @property
    def keyed_random(self) -> KeyedRandom:
        """Chance that follows from the seed."""

    @property
    def call_log(self) -> CallLog:
        """The calls so far."""

    @property
    def tokens(self) -> Tokens:
        """What reads tokens."""

    @property
    def accounts(self) -> Accounts:
        """The accounts."""

    def job(self, job_id: str) -> Job | None:
        """Return the job with this `_id`."""

    def job_of_file(self, path: str) -> Job | None:
        """Return the job of the file at a path."""

    def change_of(self, job: Job, now_ns: int) -> Change:
        """Return the status of a job at an instant."""

    def jobs_made(self, api_key: str) -> int:
        """Return how many jobs an account made."""

    def observe(self, api_key: str | None = None) -> Snapshot:
        """Return what was seen of everybody or of an account."""

    def limits_changed(self, api_key: str | None, *, counts_jobs: bool) -> None:
        """Take note that scenarios say something else now of an account, or with None of all."""


class ScenarioRuntime:
    """What the scenarios of one fake say, under the lock of its engine."""

    def __init__(self, world: World, script: Script) -> None:
        self._world = world
        self.script = script
        self.lock = world.lock
        self.reset()

    def reset(self) -> None:
        """Forget all rules, job scripts and counts but those that the fake was made with."""
        engine, script = self._world, self.script
        self._library = script.library
        self._by_key = script.by_key and script.library is not None
        self._by_prompt = script.by_prompt and script.library is not None
        now_ns = engine.clock.now_ns()
        self._begun_ns = now_ns
        self._everybody = Scope("", now_ns, script.scenarios, engine.keyed_random)
        self._python = RuleSet("python", now_ns, engine.keyed_random)
        self._python_of: dict[str, RuleSet] = {}
        """The rules that were added for one account, by its API key."""
        self._put: dict[str, Scope] = {}
        """The scenarios that were put in force for one account, by its API key."""
        self._put_for_all = Scope("", now_ns, (), engine.keyed_random)
        """What was put in force for everybody while the fake ran; what was so before is among the settings."""
        self._numbers = counting(1)
        self._of_key: dict[str, Scope] = {}
        self._of_job: dict[str, Scope] = {}
        self._attempts: dict[tuple[str, str], _Attempt] = {}
        """By account and prompt: creates that name a scenario. A repeated one goes on counting where it failed."""
        self._lines: dict[int, _Line] = {}
        """By the call's identity: a door that remembers what it parsed hands in the same record again and again."""
        self._webhooks: list[ActiveWebhookRule] = []
        """What shall befall callbacks; said in Python or to the admin API."""
        self.planned: deque[Entry] = deque()
        """The scripts of the next jobs, whoever makes them; made in Python."""
        self.planned_for: dict[str, deque[Entry]] = {}
        """The scripts of the next jobs of an account, by API key; they go before those of `planned`."""
        self.watching = bool(self._everybody.book.rules)
        """Whether all calls must be looked at; otherwise only those that `notices` tells of."""
        self.limiting = False
        """Whether an account has a limit of requests of its own."""

    # What is in force

    @property
    def rules(self) -> tuple[ActiveRule, ...]:
        """The rules that are in force for everybody, in the order in which they are tried."""
        return (*self._python.rules, *self._everybody.book.rules)

    @transaction
    def rules_of(self, api_key: str | None) -> tuple[ActiveRule, ...]:
        """Return the rules of an account in particular, or with None those for everybody, as they are tried."""
        if api_key is None:
            return self.rules
        added, put = self._python_of.get(api_key), self._put.get(api_key)
        return (*(added.rules if added else ()), *(put.book.rules if put else ()))

    @transaction
    def scripted_accounts(self) -> tuple[str, ...]:
        """Return the API keys of the accounts that have rules, scenarios or faults of callbacks of their own."""
        of_webhooks = (live.owner for live in self._webhooks if live.owner is not None)
        return tuple(dict.fromkeys((*self._python_of, *self._put, *of_webhooks)))

    @transaction
    def scenarios_of(self, api_key: str | None) -> tuple[Scenario, ...]:
        """Return the scenarios that were put in force for an account, or with None those for everybody."""
        scope = self._everybody if api_key is None else self._put.get(api_key)
        return () if scope is None else scope.scenarios

    @transaction
    def plans_of(self, api_key: str | None) -> tuple[Entry, ...]:
        """Return what was planned for the next jobs of an account, or with None of whoever comes."""
        return tuple(self.planned if api_key is None else self.planned_for.get(api_key, ()))

    @transaction
    def plan(self, scripts: Iterable[Entry], api_key: str | None = None) -> None:
        """Let the next jobs of an account, or with None of whoever comes, follow these scripts, in this order.

        They come after what was planned before.
        """
        queue = self.planned if api_key is None else self.planned_for.setdefault(api_key, deque())
        queue.extend(scripts)

    @transaction
    def unused_rules(self, api_key: str | None = None) -> list[UnusedRules]:
        """Return the rules that should have fired and did not: those of an account, or with None all."""
        keys = (api_key,) if api_key is not None else (None, *self.scripted_accounts())
        found = []
        for key in keys:
            rules = tuple(live for live in self.rules_of(key) if live.rule.must_fire and not live.fired)
            webhook_rules = tuple(live for live in self.added_webhook_rules(key) if not live.applied)
            if rules or webhook_rules:
                found.append(UnusedRules(rules, webhook_rules, self._world.observe(key)))
        return found

    @transaction
    def unused_job_scripts(self, api_key: str | None = None) -> list[UnusedJobScripts]:
        """Return the scripts for next jobs that no create used: those for an account, or with None all."""
        keys = (api_key,) if api_key is not None else (None, *self.planned_for)
        found = ((key, tuple(entry.script for entry in self.plans_of(key))) for key in keys)
        return [UnusedJobScripts(key, scripts, self._world.observe(key)) for key, scripts in found if scripts]

    @transaction
    def put(self, scenarios: Sequence[Scenario], api_key: str | None = None) -> None:
        """Put scenarios in force from now on, for an account or for everybody, instead of those that were.

        Rules and faults of callbacks that were added, and plans for next jobs, are of the past as well: those of the
        account, or those that were for everybody. What scenarios for everybody say of accounts holds for those that
        come. Of their `accounts`, `seed` and `profile` nothing is taken: these are a fake's from its beginning.
        """
        now_ns, keyed_random, after = (
            self._world.clock.now_ns(),
            self._world.keyed_random,
            self._world.call_log.count,
        )
        if api_key is None:
            self._everybody = self._put_for_all = Scope("", now_ns, scenarios, keyed_random, after)
            self._python = RuleSet("python", self._begun_ns, keyed_random)
            self.planned.clear()
        else:
            self._python_of.pop(api_key, None)
            self.planned_for.pop(api_key, None)
            self._put.pop(api_key, None)
            if scenarios:
                self._put[api_key] = Scope(f"put {api_key}", now_ns, scenarios, keyed_random, after)
        self._webhooks = [live for live in self._webhooks if live.owner != api_key]
        self._lines.clear()
        self.watching = self.watching or any(each.rules for each in scenarios)
        self.limiting = self.limiting or any(each.limits.requests_per_second is not None for each in scenarios)
        self._world.limits_changed(
            api_key if scenarios else None,
            counts_jobs=any(each.limits.concurrent_jobs is not None for each in scenarios),
        )

    @transaction
    def add(self, rule: Rule, label: str, api_key: str | None = None) -> ActiveRule:
        """Put a rule in force, after those that were added before and before those of scenarios.

        With an API key it is for that account only, and goes before those for everybody.
        """
        live = ActiveRule(rule, label, next(self._numbers), self._world.call_log.count)
        if api_key is None:
            book = self._python
        else:
            scope = f"python {api_key}"
            # Who has a test of an account of his own does not know since when the fake has been running.
            now_ns = self._world.clock.now_ns()
            book = self._python_of.setdefault(api_key, RuleSet(scope, now_ns, self._world.keyed_random))
        book.append(live)
        self._lines.clear()
        self.watching = True
        return live

    @transaction
    def remove(self, live: ActiveRule) -> None:
        """Take a rule away that was added."""
        for book in (self._python, *self._python_of.values()):
            if live in book.rules:
                book.remove(live)
        self._lines.clear()

    def forget(self, api_key: str, job_ids: Iterable[str]) -> None:
        """Forget an account's rules, scenarios, plans and counts, and those of its jobs."""
        jobs = set(job_ids)
        for known in (self._python_of, self._put, self.planned_for, self._of_key):
            known.pop(api_key, None)
        for job_id in jobs:
            self._of_job.pop(job_id, None)
        self._attempts = {key: attempt for key, attempt in self._attempts.items() if key[0] != api_key}
        self._webhooks = [live for live in self._webhooks if live.owner != api_key]
        for live in self._webhooks:
            live.applied.pop(api_key, None)
        whose = _Whose(api_key, jobs)
        self._python.forget(api_key, whose)
        self._everybody.forget(api_key, whose)
        self._lines.clear()

    def account_script(self, api_key: str) -> AccountScript:
        """Return what the account of this key is like when it is made; raises ScenarioError for a bad name in it.

        What a scenario for everybody says is among the settings already.
        """
        scopes = (self._put_for_all, self._scope_of_key(api_key), self._put.get(api_key))
        return reduce(over, (scope.account for scope in scopes if scope is not None), _NO_ACCOUNT)

    def secret_of(self, api_key: str) -> str:
        """Return the key without the scenarios that it names: what the account's receiver has as clientSecret."""
        names = self._by_key and _NAMING_KEY.fullmatch(api_key)
        return api_key.partition("+")[0] if names else api_key

    def limits(self, api_key: str) -> Limits:
        """Return the limits of this account in particular."""
        scopes = (self._put_for_all, self._of_key.get(api_key), self._put.get(api_key))
        return reduce(over, (scope.limits for scope in scopes if scope is not None), _NO_LIMITS)

    # Jobs

    def plan_of(self, account: Account, new: NewJob) -> JobPlan:
        """Return what becomes of a new job, and count the job script that says so as used."""
        entry = self.entry_for(account, new)
        if entry is None:
            return _AS_USUAL
        return JobPlan(entry.script.timeline, entry.script.result, entry.label)

    def entry_for(self, account: Account, new: NewJob) -> Entry | None:
        """Return which entry of which script a new job follows; None when nobody scripted it."""
        key = account.api_key
        planned = self.planned_for.get(key) or self.planned
        if planned:
            return planned.popleft()
        for scope in self._scopes_of(key, new):
            if scope is not None:
                entry = scope.take(key, new)
                if entry is not None:
                    return entry
        return None

    def _scopes_of(self, key: str, new: NewJob) -> tuple[Scope | None, ...]:
        return (
            self._scope_of_new(key, new.parent_id, new.prompt),
            self._put.get(key),
            self._scope_of_key(key),
            self._everybody,
        )

    def account_script_of_new(self, account: Account, new: NewJob) -> AccountScript:
        """Return what the scenario that a new job's prompt names says of its account, for this job alone."""
        scope = self._scope_of_new(account.api_key, new.parent_id, new.prompt)
        return _NO_ACCOUNT if scope is None else scope.account

    def made(self, job: Job) -> None:
        """Take note of a job, whose prompt or whose parent's may have named a scenario."""
        scope = self._scope_of_new(job.account.api_key, job.parent_id, job.input.topic.prompt)
        if scope is not None:
            self._of_job[job.id] = scope
            self.watching = True

    def _scope_of_new(self, api_key: str, parent_id: str | None, prompt: str) -> Scope | None:
        if parent_id is not None:
            return self._of_job.get(parent_id)
        attempt = self._attempts.get((api_key, prompt))
        return None if attempt is None else attempt.scope

    # Calls

    def notices(self, request: Request) -> bool:
        """Return whether the call may name a scenario, by its key or in its prompt."""
        if self._by_key and "+" in request.headers.get("x-api-key", ""):
            return True
        body = request.body
        return bool(body) and ((self._by_prompt and _MAGIC_BYTES in body) or (self._by_key and b"+" in body))

    def passes(self, request: Request) -> bool:
        """Count a call that was there before, and return True, unless a rule might fire at it or it is not known.

        Nothing is counted then, and `firing` must be asked.
        """
        line = self._lines.get(id(request))
        if line is None:
            return False
        for count in line.waiting:
            if count[0] + 1 >= count[1]:
                return False
        for count in line.counts:
            count[0] += 1
        return True

    def firing(self, endpoint: str, request: Request, now_ns: int) -> Firing | None:
        """Count the call, and return the rule that fires at it, if any; raises ScenarioError for a bad name in it."""
        body = _Body(request)
        account, job = self._whose(endpoint, request, body)
        attempt = self._attempt(endpoint, account, body)
        books = [self._python]
        added, put = self._python_of.get(account or ""), self._put.get(account or "")
        if added is not None:
            books.insert(0, added)
        if attempt is not None:
            books.append(attempt.scope.book)
        elif job is not None and job.id in self._of_job:
            books.append(self._of_job[job.id].book)
        if put is not None:
            books.append(put.book)
        of_key = None if account is None else self._scope_of_key(account)
        if of_key is not None:
            books.append(of_key.book)
        books.append(self._everybody.book)
        job_id, number = None if job is None else job.id, self._number(endpoint, account, job)
        counted_as = f"{account} {number}" if endpoint in CREATES else job_id
        subject = Subject(account, job_id, number, counted_as=counted_as)
        looks_into = any(book.looks_into(endpoint) for book in books)
        if looks_into:
            subject = subject._replace(
                prompt=body.text("prompt") if job is None else job.topic.prompt,
                status=None if job is None else self._world.change_of(job, now_ns).status,
            )
        fired = [found for book in books if (found := book.firing(endpoint, subject, now_ns)) is not None]
        if attempt is not None:
            attempt.passed = not fired
        # (The number of the job that a create will make changes from call to call.)
        if request.transport in _REPEATING and job is not None and endpoint not in CREATES and not looks_into:
            if len(self._lines) >= _MOST_LINES:
                self._lines.clear()
            self._lines[id(request)] = _Line(request, [book.counts_of(endpoint, subject) for book in books])
        if not fired:
            return None
        # Of the books in force the first one has the word; what others would do does not happen.
        fired[0].active.fired += 1
        return fired[0]._replace(account=account, job_id=subject.job_id)

    def _whose(self, endpoint: str, request: Request, body: _Body) -> tuple[str | None, Job | None]:
        """Return the API key of the account that calls, and the job that the call is about, where they are known."""
        engine = self._world
        if endpoint == FILE:
            job = engine.job_of_file(request.path)
            return (None, None) if job is None else (job.account.api_key, job)
        if endpoint == GET_TOKEN:
            return body.text("clientSecret"), None
        headers, account = request.headers, None
        if authorization := headers.get("authorization", "").strip():
            token = bearer_token(authorization)
            claims = None if token is None else engine.tokens.read(token)
            owner = engine.accounts.by_id(claims.account_id) if claims else None
            account = None if owner is None else owner.api_key
        else:
            account = headers.get("x-api-key", "").strip() or None
        results, create = RESULTS.get(endpoint), CREATES.get(endpoint)
        if results is not None:
            return account, _job_shown(engine, results, request)
        if create is not None and create.parent_field:
            return account, engine.job(body.text(create.parent_field) or "")
        return account, None

    def _number(self, endpoint: str, account: str | None, job: Job | None) -> int | None:
        if endpoint in CREATES:
            return self._world.jobs_made(account or "") + 1
        return None if job is None else job.number

    # Callbacks

    @transaction
    def add_webhook_rule(self, rule: WebhookRule, label: str, api_key: str | None = None) -> None:
        """Put a rule for callbacks in force, after those that were added before and before those of scenarios.

        With an API key it is for that account only.
        """
        self._webhooks.append(ActiveWebhookRule(rule, label, api_key))

    @transaction
    def added_webhook_rules(self, api_key: str | None) -> tuple[ActiveWebhookRule, ...]:
        """Return the rules for callbacks that were added for an account, or with None those for everybody."""
        return tuple(live for live in self._webhooks if live.owner == api_key)

    @transaction
    def webhook_rules_of(self, api_key: str | None) -> tuple[ActiveWebhookRule, ...]:
        """Return the rules for callbacks of an account in particular, or with None of everybody, as they are tried."""
        scope = self._everybody if api_key is None else self._put.get(api_key)
        return (*self.added_webhook_rules(api_key), *(scope.webhooks if scope is not None else ()))

    def webhook_rules(self, job: Job) -> Iterator[ActiveWebhookRule]:
        """Yield the rules for callbacks that are in force for a job, in the order in which they are tried."""
        yield from self._webhooks
        key = job.account.api_key
        for scope in (self._of_job.get(job.id), self._put.get(key), self._of_key.get(key), self._everybody):
            if scope is not None:
                yield from scope.webhooks

    # Scopes

    def _attempt(self, endpoint: str, account: str | None, body: _Body) -> _Attempt | None:
        """Return the attempt to create a job whose prompt names a scenario; None for any other call."""
        if not self._by_prompt or endpoint not in CREATES or not body.has_magic:
            return None
        prompt = body.text("prompt") or ""
        names = [name for word in _MAGIC_WORD.findall(prompt) for name in word.split(",")]
        if not names:
            return None
        key = account or "", prompt
        known = self._attempts.get(key)
        if known is None or known.passed:
            if len(self._attempts) >= _MOST_ATTEMPTS:
                self._attempts.clear()
            known = self._attempts[key] = _Attempt(self._new_scope(f"{prompt} {len(self._of_job)}", names))
        return known

    def _scope_of_key(self, api_key: str) -> Scope | None:
        if not self._by_key or not _NAMING_KEY.fullmatch(api_key):
            return None
        known = self._of_key.get(api_key)
        if known is None:
            known = self._new_scope(api_key, api_key.split("+")[1:])
            self._of_key[api_key] = known
            self.limiting = self.limiting or known.limits.requests_per_second is not None
            self._lines.clear()
            self.watching = True
        return known

    def _new_scope(self, scope: str, names: Sequence[str]) -> Scope:
        if self._library is None:
            raise ScenarioError("there are no named scenarios here")
        scenarios = [self._library(name.strip()) for name in names]
        return Scope(scope, self._world.clock.now_ns(), scenarios, self._world.keyed_random)


class _Line:
    """A call that comes again and again, and what it counts: in the groups of rules that wait, and in its stream."""

    __slots__ = ("call", "counts", "waiting")

    def __init__(self, request: Request, counts: Iterable[tuple[list[list[int]], list[int]] | None]) -> None:
        known = [each for each in counts if each is not None]
        self.call = request
        """Kept, so that its identity stays its own."""
        self.waiting = tuple(count for groups, _ in known for count in groups)
        self.counts = (*self.waiting, *(number for _, number in known))


class _Whose:
    """The keys by which rules count for an account and its jobs."""

    def __init__(self, api_key: str, job_ids: set[str]) -> None:
        self._api_key = api_key
        self._job_ids = job_ids

    def __contains__(self, key: object) -> bool:
        if key == self._api_key or key in self._job_ids:
            return True
        account, _, number = str(key).rpartition(" ")  # of a create, see `firing`
        return account == self._api_key and number.isdigit()


class _Attempt:
    """A create whose prompt names a scenario, and whether it came through without a fault."""

    __slots__ = ("passed", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.passed = False


class _Body:
    """The body of a call, decoded when somebody asks."""

    def __init__(self, request: Request) -> None:
        self._body = request.body
        self._fields: dict[str, object] | None = None

    @property
    def has_magic(self) -> bool:
        """Whether it may name a scenario."""
        return _MAGIC_BYTES in self._body

    def text(self, name: str) -> str | None:
        """Return the text of a field, or None."""
        if self._fields is None:
            try:
                decoded = json.loads(self._body) if self._body else {}
            except (ValueError, RecursionError):
                decoded = {}
            self._fields = decoded if isinstance(decoded, dict) else {}
        value = self._fields.get(name)
        return value if isinstance(value, str) else None


def _job_shown(engine: World, results: Results, request: Request) -> Job | None:
    """Return the first job that a request to a reader asks for."""
    try:
        ids = results.ids(request, results.names_in(request.path))
    except ParameterError:
        return None
    return next((job for each in ids if (job := engine.job(each)) is not None), None)


_NO_LIMITS: Final = Limits()
_NO_ACCOUNT: Final = AccountScript()
