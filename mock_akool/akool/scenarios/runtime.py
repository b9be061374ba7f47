"""Decides by the active scenarios what becomes of a new job, and which request goes wrong.

Scenarios are active for everybody, for one account (an API key that ends in `+NAME`), or for one job (`[mock:NAME]` in
its prompt). The narrower one goes first. Rules and job scripts made in Python go before all of them.

A rule counts calls for each account by itself, and a draw depends only on the seed and on the number of the call among
those of its account, job and endpoint. So another client's calls never change what a client meets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import reduce
from hashlib import blake2b
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, Self, TypeVar

from mock_akool.akool.accounts import Account, Accounts, AccountScript
from mock_akool.akool.auth import Tokens, bearer_token
from mock_akool.akool.endpoints import FILE, GET_TOKEN
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.families import CREATES, RESULTS, Results
from mock_akool.akool.jobs import Job, NewJob
from mock_akool.akool.scenarios.model import (
    MOST_SCENARIOS,
    JobScript,
    LabelledScript,
    Library,
    Scenario,
    ScenarioSetup,
)
from mock_akool.akool.scenarios.next_jobs import NextJobs, NextJobsState
from mock_akool.akool.scenarios.scopes import Scope, ScopeState
from mock_akool.akool.scripts import JobPlan
from mock_akool.akool.settings import Limits, ServiceSettings, over
from mock_akool.akool.standing_polls import REPEATING
from mock_akool.akool.transactions import transaction
from mock_akool.core.call_log import CallLog
from mock_akool.core.clock import Clock
from mock_akool.core.draining import Container
from mock_akool.core.errors import MisfitError, ScenarioError
from mock_akool.core.http import Request
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.rule_engine import ActiveRule, Count, Firing, RuleSet, RuleSetState
from mock_akool.core.rules import Rule, Subject
from mock_akool.core.timeline import Change, Timeline
from mock_akool.core.webhook_faults import ActiveWebhookRule, WebhookRule

if TYPE_CHECKING:
    from mock_akool.akool.snapshot import Snapshot, UnusedRules

T = TypeVar("T")
_AS_USUAL: Final = JobPlan()

_MAGIC_WORD: Final = re.compile(r"\[mock:([^\[\]]{1,200})\]")
_NAMING_KEY: Final = re.compile(r"[^+]*(?:\+[a-z0-9-]+)+")
"""A key that names scenarios; a clientId, which may have a + too, ends in ==."""
_MAGIC_BYTES: Final = b"[mock:"


_LONG_PROMPT: Final = 1000
_MOST_ATTEMPTS: Final = 1000
"""How many creates are remembered that name a scenario in their prompt."""
_MOST_REPEATED: Final = 512


class UnusedJobScripts(NamedTuple):
    """The scripts for next jobs, of one account or of anybody, that no create used, and what the engine saw."""

    api_key: str | None
    scripts: tuple[JobScript, ...]
    seen: Snapshot


class AttemptState(NamedTuple):
    """A create whose prompt names scenarios: by what it is known, whether it came through, and which scope it has."""

    account: str
    prompt: str
    passed: bool
    scope: int


class WebhookRuleState(NamedTuple):
    """A fault of webhooks that was added, see ActiveWebhookRule."""

    rule: WebhookRule
    label: str
    owner: str | None = None
    applied: Mapping[str, int] = MappingProxyType({})


class RuntimeState(NamedTuple):
    """All that is active and what was counted, to go on from; `start` are the scenarios of the start.

    Scopes are named by their number in `scopes`, since several may have the same.
    """

    begun_ns: int
    everybody: int
    activated: int
    added: RuleSetState
    start: tuple[Scenario, ...] = ()
    scopes: Sequence[ScopeState] = ()
    added_of: Mapping[str, RuleSetState] = MappingProxyType({})
    activated_of: Mapping[str, int] = MappingProxyType({})
    of_key: Mapping[str, int] = MappingProxyType({})
    of_job: Mapping[str, int] = MappingProxyType({})
    attempts: Sequence[AttemptState] = ()
    webhook_rules: Sequence[WebhookRuleState] = ()
    next: NextJobsState = NextJobsState()
    next_of: Mapping[str, NextJobsState] = MappingProxyType({})
    number: int = 0
    watching: bool = False
    limiting: bool = False


class World(Protocol):
    """What scenarios need to know of a fake: the engine, as far as they look at it."""

    @property
    def settings(self) -> ServiceSettings:
        """The settings of the fake."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """The lock that covers the engine and its scenarios."""

    @property
    def clock(self) -> Clock:
        """The clock of the fake."""

    @property
    def usual_timeline(self) -> Timeline:
        """The life that the settings give a job."""

    @property
    def keyed_random(self) -> KeyedRandom:
        """What draws from the seed."""

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

    def account_changed(self, api_key: str) -> None:
        """Take note that scenarios now say something else about an account."""


class ScenarioRuntime:
    """The active scenarios, rules and job scripts of one fake, under the lock of its engine."""

    def __init__(self, world: World, setup: ScenarioSetup) -> None:
        self._world = world
        self.setup = setup
        self.lock = world.lock
        self._begin()

    def reset(self) -> Iterable[Container]:
        """Forget all rules, job scripts and counts but those of the start; returns what is to be drained."""
        scopes = (self._everybody, self._activated, *self._activated_of.values(), *self._of_key.values())
        rule_sets = (self._added, *self._added_of.values(), *(scope.rules for scope in scopes))
        own = (self._added_of, self._activated_of, self._of_key, self._of_job, self._attempts, self._next_of)
        self._begin()
        return chain(chain.from_iterable(rules.containers() for rules in rule_sets), own)

    def _begin(self) -> None:
        setup, keyed_random = self.setup, self._world.keyed_random
        self._by_key = setup.library if setup.by_key else None
        """The library of the scenarios that keys may name; None when they may name none."""
        self._by_prompt = setup.library if setup.by_prompt else None
        self._begun_ns = now_ns = self._world.clock.now_ns()
        self._everybody = Scope("", now_ns, setup.scenarios, keyed_random)
        self._added = RuleSet("python", now_ns, keyed_random)
        """The rules that were added for everybody."""
        self._added_of: dict[str, RuleSet] = {}
        """The rules that were added for one account, by its API key."""
        self._activated = Scope("", now_ns, (), keyed_random)
        """What was activated for everybody while the fake ran; what was active before is among the settings."""
        self._activated_of: dict[str, Scope] = {}
        """The scenarios that were activated for one account, by its API key."""
        self._number = 0
        """That of the rule that was added last."""
        self._of_key: dict[str, Scope] = {}
        """The scenarios that an API key names."""
        self._of_job: dict[str, Scope] = {}
        """The scenarios that the prompt of a job names, by its `_id`."""
        self._attempts: dict[_Named, _Attempt] = {}
        """Creates whose prompt names a scenario. A repeated one goes on counting where it failed."""
        self._repeated: dict[int, _RepeatedRequest] = {}
        """By identity: a transport that remembers what it parsed hands in the same record again and again."""
        self._webhook_rules: list[ActiveWebhookRule] = []
        """The webhook faults that were added."""
        self._next = NextJobs()
        """The scripts of the next jobs, whoever makes them."""
        self._next_of: dict[str, NextJobs] = {}
        """The scripts of the next jobs of an account, by API key; they go before the others."""
        self.watching = bool(self._everybody.rules.rules)
        """Whether all requests must be looked at; otherwise only those that `notices` returns True for."""
        self.limiting = False
        """Whether an account has a limit of requests of its own."""

    # What is kept over a restart

    @transaction
    def state(self) -> RuntimeState:
        """Return all that is active and what was counted, to go on from."""
        scopes: list[Scope] = []
        numbers: dict[int, int] = {}

        def number_of(scope: Scope) -> int:
            known = numbers.get(id(scope))
            if known is None:
                known = numbers[id(scope)] = len(scopes)
                scopes.append(scope)
            return known

        def numbered(by: Mapping[str, Scope]) -> dict[str, int]:
            return {key: number_of(scope) for key, scope in by.items()}

        state = RuntimeState(
            begun_ns=self._begun_ns,
            everybody=number_of(self._everybody),
            activated=number_of(self._activated),
            added=self._added.state(),
            start=self.setup.scenarios,
            added_of={key: rules.state() for key, rules in self._added_of.items()},
            activated_of=numbered(self._activated_of),
            of_key=numbered(self._of_key),
            of_job=numbered(self._of_job),
            attempts=[
                AttemptState(*named, attempt.passed, number_of(attempt.scope))
                for named, attempt in self._attempts.items()
            ],
            webhook_rules=[
                WebhookRuleState(each.rule, each.label, each.owner, dict(each.applied)) for each in self._webhook_rules
            ],
            next=self._next.state(),
            next_of={key: queue.state() for key, queue in self._next_of.items()},
            number=self._number,
            watching=self.watching,
            limiting=self.limiting,
        )
        return state._replace(scopes=[scope.state() for scope in scopes])

    def restoring(self, state: RuntimeState) -> Callable[[], None]:
        """Return what lets this go on from a state; it is to be called under the lock, and cannot fail.

        When the scenarios of the start are others than when the state was written, those for everybody begin anew.
        Raises MisfitError for what does not fit together; nothing has changed then.
        """
        keyed_random = self._world.keyed_random
        scopes = [
            _restored(f"scopes[{number}]", Scope.restored, each, keyed_random)
            for number, each in enumerate(state.scopes)
        ]

        def scope(where: str, number: int) -> Scope:
            if not 0 <= number < len(scopes):
                raise MisfitError(where, f"there is no scope {number}")
            return scopes[number]

        def named(where: str, by: Mapping[str, int]) -> dict[str, Scope]:
            return {key: scope(f"{where}.{key}", number) for key, number in by.items()}

        def rule_sets(where: str, by: Mapping[str, RuleSetState]) -> dict[str, RuleSet]:
            return {key: _restored(f"{where}.{key}", RuleSet.restored, each, keyed_random) for key, each in by.items()}

        everybody, activated = scope("everybody", state.everybody), scope("activated", state.activated)
        start = self.setup.scenarios
        begins_anew = start != state.start
        if begins_anew and activated is everybody:
            activated = Scope("", state.begun_ns, (), keyed_random)
        added = _restored("added", RuleSet.restored, state.added, keyed_random)
        added_of = rule_sets("added_of", state.added_of)
        activated_of, of_key = named("activated_of", state.activated_of), named("of_key", state.of_key)
        of_job = named("of_job", state.of_job)
        attempts: dict[_Named, _Attempt] = {}
        for number, each in enumerate(state.attempts):
            attempt = attempts[_Named(each.account, each.prompt)] = _Attempt(
                scope(f"attempts[{number}].scope", each.scope)
            )
            attempt.passed = each.passed
        webhook_rules = [ActiveWebhookRule(each.rule, each.label, each.owner) for each in state.webhook_rules]
        for active, written in zip(webhook_rules, state.webhook_rules, strict=True):
            active.applied.update(written.applied)
        queue = _restored("next", NextJobs.restored, state.next)
        queues = {key: _restored(f"next_of.{key}", NextJobs.restored, each) for key, each in state.next_of.items()}

        def go_on() -> None:
            self._begun_ns = state.begun_ns
            # The clock has gone on from the state by now, and what begins anew begins at its instant.
            anew = Scope("", self._world.clock.now_ns(), start, keyed_random) if begins_anew else None
            self._everybody, self._activated = anew or everybody, activated
            self._added, self._added_of, self._activated_of = added, added_of, activated_of
            self._of_key, self._of_job, self._attempts = of_key, of_job, attempts
            self._webhook_rules, self._next, self._next_of = webhook_rules, queue, queues
            self._number, self.limiting = state.number, state.limiting
            self.watching = state.watching or bool(anew and anew.rules.rules)
            self._repeated.clear()

        return go_on

    # What is active

    @property
    def rules(self) -> tuple[ActiveRule, ...]:
        """The rules that are active for everybody, in the order in which they are tried."""
        return (*self._added.rules, *self._everybody.rules.rules)

    @transaction
    def rules_of(self, api_key: str | None) -> tuple[ActiveRule, ...]:
        """Return the rules of an account in particular, or with None those for everybody, as they are tried."""
        if api_key is None:
            return self.rules
        added, activated = self._added_of.get(api_key), self._activated_of.get(api_key)
        return (*(added.rules if added else ()), *(activated.rules.rules if activated else ()))

    @transaction
    def scripted_accounts(self) -> tuple[str, ...]:
        """Return the API keys of the accounts that have rules, scenarios or webhook faults of their own."""
        of_webhooks = (active.owner for active in self._webhook_rules if active.owner is not None)
        return tuple(dict.fromkeys((*self._added_of, *self._activated_of, *of_webhooks)))

    @transaction
    def scenarios_of(self, api_key: str | None) -> tuple[Scenario, ...]:
        """Return the scenarios that are active for an account in particular, or with None for everybody."""
        scope = self._everybody if api_key is None else self._activated_of.get(api_key)
        return () if scope is None else scope.scenarios

    @transaction
    def job_scripts_of(self, api_key: str | None) -> tuple[LabelledScript, ...]:
        """Return the scripts for the next jobs of an account, or with None of whoever comes.

        `times` of each is for how many jobs it still is, or None for one.
        """
        return tuple(self._next if api_key is None else self._next_of.get(api_key, ()))

    @transaction
    def scripted_jobs(self, api_key: str | None) -> int:
        """Return for how many of the next jobs of an account, or with None of whoever comes, there is a script."""
        queue = self._next if api_key is None else self._next_of.get(api_key)
        return 0 if queue is None else queue.jobs

    @transaction
    def add_job_scripts(self, scripts: Iterable[LabelledScript], api_key: str | None = None) -> None:
        """Let the next jobs of an account, or with None of whoever comes, follow these scripts, in this order.

        They come after those that were added before. Each is for as many jobs as its `times` says, or for one.
        Raises ScenarioError for one that says what never comes because of the settings, and then adds none.
        """
        scripts = list(scripts)
        for each in scripts:
            self._check_against_settings(each.script)
        queue = self._next if api_key is None else self._next_of.setdefault(api_key, NextJobs())
        queue.extend(scripts)

    def _check_against_settings(self, script: JobScript) -> None:
        life = script.timeline or script.override.over(self._world.usual_timeline)
        if life.endless is not None and script.ending is not None:
            word = life.endless.status.word
            hint = f"give {word} a length, such as {word}=3, or leave out ending"
            raise ScenarioError(f"{word} lasts forever by the settings, so the job never ends", hint, ("ending",))
        if script.result is not None and not life.is_ever_completed:
            hint = "say how it is completed, such as ending='completed', or leave out result"
            raise ScenarioError("by the settings, this job is never completed", hint, ("result",))

    def unused_rules(self, api_key: str | None = None) -> Iterator[UnusedRules]:
        """Yield the rules that should have fired and did not: those of an account, or with None all.

        Each account is looked at by itself, so that nobody waits for all of them.
        """
        keys = (api_key,) if api_key is not None else (None, *self.scripted_accounts())
        for key in keys:
            rules = tuple(active for active in self.rules_of(key) if active.rule.must_fire and not active.fired)
            webhook_rules = tuple(active for active in self.added_webhook_rules(key) if not active.applied)
            if rules or webhook_rules:
                from mock_akool.akool.snapshot import UnusedRules  # few have some

                yield UnusedRules(rules, webhook_rules, self._world.observe(key))

    def unused_job_scripts(self, api_key: str | None = None) -> Iterator[UnusedJobScripts]:
        """Yield the scripts for next jobs that no create used: those for an account, or with None all."""
        with self.lock:
            keys = (api_key,) if api_key is not None else (None, *self._next_of)
        for key in keys:
            scripts = tuple(each.script for each in self.job_scripts_of(key))
            if scripts:
                yield UnusedJobScripts(key, scripts, self._world.observe(key))

    def replace_start(self, scenarios: tuple[Scenario, ...]) -> None:
        """Let these be active from now on and after each reset, in place of those that the fake was made with."""
        self.setup = self.setup._replace(scenarios=scenarios)
        self.activate(scenarios)

    def activate(self, scenarios: Sequence[Scenario], api_key: str | None = None) -> None:
        """Make scenarios active from now on, for an account or for everybody, instead of those that were.

        Rules and webhook faults that were added, and scripts for next jobs, go as well: those of the account, or those
        for everybody. What scenarios for everybody say about accounts holds for accounts that appear from now on.
        Their `accounts`, `seed` and `profile` are ignored: a fake has these from its start.
        """
        world, name = self._world, "" if api_key is None else f"put {api_key}"
        # Thousands of rules take a while to be made, and nobody need wait for that.
        scope = Scope(name, world.clock.now_ns(), scenarios, world.keyed_random)
        with self.lock:
            self._activate(scope, api_key)

    def _activate(self, scope: Scope, api_key: str | None) -> None:
        scope.rules.begin_after(self._world.call_log.count)
        if api_key is None:
            self._everybody = self._activated = scope
            self._added = RuleSet("python", self._begun_ns, self._world.keyed_random)
            self._next.clear()
        else:
            self._added_of.pop(api_key, None)
            self._next_of.pop(api_key, None)
            self._activated_of.pop(api_key, None)
            if scope.scenarios:
                self._activated_of[api_key] = scope
        self._webhook_rules = [active for active in self._webhook_rules if active.owner != api_key]
        self._repeated.clear()
        self.watching = self.watching or bool(scope.rules.rules)
        self.limiting = self.limiting or scope.limits.requests_per_second is not None
        if api_key is not None and scope.scenarios:
            self._world.account_changed(api_key)

    @transaction
    def add(self, rule: Rule, label: str, api_key: str | None = None) -> ActiveRule:
        """Add a rule, after those that were added before and before those of scenarios.

        With an API key it is for that account only, and goes before those for everybody.
        """
        self._number += 1
        active = ActiveRule(rule, label, self._number, self._world.call_log.count)
        if api_key is None:
            rules = self._added
        else:
            scope = f"python {api_key}"
            # A test with an account of its own does not know since when the fake has been running.
            now_ns = self._world.clock.now_ns()
            rules = self._added_of.setdefault(api_key, RuleSet(scope, now_ns, self._world.keyed_random))
        rules.append(active)
        self._repeated.clear()
        self.watching = True
        return active

    @transaction
    def remove(self, active: ActiveRule) -> None:
        """Remove a rule that was added."""
        for rules in (self._added, *self._added_of.values()):
            if active in rules.rules:
                rules.remove(active)
        self._repeated.clear()

    def forget_jobs(self, job_ids: Iterable[str]) -> None:
        """Forget the scenarios that the prompts of these jobs named."""
        for job_id in job_ids:
            self._of_job.pop(job_id, None)

    def forget(self, api_key: str) -> None:
        """Forget an account's rules, scenarios, job scripts and counts, and the counts of its jobs."""
        for known in (self._added_of, self._activated_of, self._next_of, self._of_key):
            known.pop(api_key, None)
        self._attempts = {named: attempt for named, attempt in self._attempts.items() if named.account != api_key}
        self._webhook_rules = [active for active in self._webhook_rules if active.owner != api_key]
        for active in self._webhook_rules:
            active.applied.pop(api_key, None)
        self._added.forget(api_key)
        self._everybody.forget(api_key)
        self._repeated.clear()

    def account_script(self, api_key: str) -> AccountScript:
        """Return what the account of this key is like when it is made; raises ScenarioError for a bad name in the key.

        What scenarios say that are active from the start is among the settings already.
        """
        scopes = (self._activated, self._scope_of_key(api_key), self._activated_of.get(api_key))
        return reduce(over, (scope.account for scope in scopes if scope is not None), _NO_ACCOUNT)

    def secret_of(self, api_key: str) -> str:
        """Return the key without the scenarios that it names: the clientSecret that the webhook's receiver knows."""
        names = self._by_key and _NAMING_KEY.fullmatch(api_key)
        return api_key.partition("+")[0] if names else api_key

    def limits(self, api_key: str) -> Limits:
        """Return the limits of this account in particular."""
        scopes = (self._activated, self._of_key.get(api_key), self._activated_of.get(api_key))
        return reduce(over, (scope.limits for scope in scopes if scope is not None), _NO_LIMITS)

    # Jobs

    def plan_of(self, account: Account, new: NewJob) -> JobPlan:
        """Return what becomes of a new job, and count the job script that says so as used."""
        labelled = self.script_of(account, new)
        if labelled is None:
            return _AS_USUAL
        script = labelled.script
        return JobPlan(script.timeline, script.result, labelled.label, script.override, script.refused)

    def script_of(self, account: Account, new: NewJob) -> LabelledScript | None:
        """Return which script a new job follows, and count it as used; None when there is none for it."""
        key = account.api_key
        queue = self._next_of.get(key) or self._next
        if queue:
            return queue.take()
        for scope in self._scopes_of(key, new):
            if scope is not None:
                labelled = scope.take(key, new)
                if labelled is not None:
                    return labelled
        return None

    def _scopes_of(self, key: str, new: NewJob) -> tuple[Scope | None, ...]:
        return (
            self._scope_of_new(key, new.parent_id, new.prompt),
            self._activated_of.get(key),
            self._scope_of_key(key),
            self._everybody,
        )

    def account_script_of_new(self, account: Account, new: NewJob) -> AccountScript:
        """Return what the scenario that a new job's prompt names says about its account, for this job alone."""
        scope = self._scope_of_new(account.api_key, new.parent_id, new.prompt)
        return _NO_ACCOUNT if scope is None else scope.account

    def made(self, job: Job) -> None:
        """Take note of a job: its prompt, or that of its parent, may name a scenario."""
        scope = self._scope_of_new(job.account.api_key, job.parent_id, job.input.topic.prompt)
        if scope is not None:
            self._of_job[job.id] = scope
            self.watching = True

    def _scope_of_new(self, api_key: str, parent_id: str | None, prompt: str) -> Scope | None:
        if parent_id is not None:
            return self._of_job.get(parent_id)
        attempt = self._attempts.get(_Named.of(api_key, prompt))
        return None if attempt is None else attempt.scope

    # Requests

    def notices(self, request: Request) -> bool:
        """Return whether the request may name a scenario, by its key or in its prompt."""
        if self._by_key and "+" in request.headers.get("x-api-key", ""):
            return True
        body = request.body
        if self._by_prompt is not None and _MAGIC_BYTES in body:
            return True
        return self._by_key is not None and b"+" in body

    def passes(self, request: Request) -> bool:
        """Count a request that came before, and return True, unless a rule might fire at it or it is not known.

        In that case nothing is counted, and `firing` must be asked.
        """
        repeated = self._repeated.get(id(request))
        if repeated is None:
            return False
        for count in repeated.counts:
            if count.reached + 1 >= count.due:
                return False
        for count in repeated.counts:
            count.reached += 1
        return True

    def firing(self, endpoint: str, request: Request, now_ns: int) -> Firing | None:
        """Count the request, and return the rule that fires, if any; raises ScenarioError for a bad name in it."""
        body = _Body(request)
        account, job = self._whose(endpoint, request, body)
        attempt = self._attempt(endpoint, account, body)
        of_job = attempt.scope if attempt is not None else None if job is None else self._of_job.get(job.id)
        of_key = None if account is None else self._scope_of_key(account)
        added_of, activated_of = self._added_of.get(account or ""), self._activated_of.get(account or "")
        scopes = (of_job, activated_of, of_key, self._everybody)
        rule_sets = [self._added] if added_of is None else [added_of, self._added]
        rule_sets += (scope.rules for scope in scopes if scope is not None)
        subject = self._subject(endpoint, account, job)
        looks_into = any(rules.looks_into(endpoint) for rules in rule_sets)
        if looks_into:
            subject = subject._replace(
                prompt=body.text("prompt") if job is None else job.topic.prompt,
                status=None if job is None else self._world.change_of(job, now_ns).status,
            )
        fired = [found for rules in rule_sets if (found := rules.firing(endpoint, subject, now_ns)) is not None]
        if attempt is not None:
            attempt.passed = not fired
        # The number of the job that a create will make changes from request to request.
        if request.transport in REPEATING and job is not None and endpoint not in CREATES and not looks_into:
            if len(self._repeated) >= _MOST_REPEATED:
                self._repeated.clear()
            counts = (count for rules in rule_sets for count in rules.counts_of(endpoint, subject))
            self._repeated[id(request)] = _RepeatedRequest(request, tuple(counts))
        if not fired:
            return None
        first = fired[0]  # of the narrowest rules; what others would do does not happen
        first.active.fired += 1
        return first._replace(account=account, job_id=subject.job_id)

    def _whose(self, endpoint: str, request: Request, body: _Body) -> tuple[str | None, Job | None]:
        """Return the API key of the account and the job that the request is about, where they are known."""
        world = self._world
        if endpoint == FILE:
            job = world.job_of_file(request.path)
            return (None, None) if job is None else (job.account.api_key, job)
        if endpoint == GET_TOKEN:
            return body.text("clientSecret"), None
        headers, account = request.headers, None
        if authorization := headers.get("authorization", "").strip():
            token = bearer_token(authorization)
            claims = None if token is None else world.tokens.read(token)
            owner = world.accounts.by_id(claims.account_id) if claims else None
            account = None if owner is None else owner.api_key
        else:
            account = headers.get("x-api-key", "").strip() or None
        results, create = RESULTS.get(endpoint), CREATES.get(endpoint)
        if results is not None:
            return account, _job_shown(world, results, request)
        if create is not None and create.parent_field:
            return account, world.job(body.text(create.parent_field) or "")
        return account, None

    def _subject(self, endpoint: str, account: str | None, job: Job | None) -> Subject:
        """Return what conditions look at of a request, less what few of them look at."""
        job_id = None if job is None else job.id
        if endpoint in CREATES:
            number = self._world.jobs_made(account or "") + 1
            return Subject(account, job_id, number, counted_as=(account or "", number))
        if job is None:
            return Subject(account)
        return Subject(account, job_id, job.number, counted_as=(job.account.api_key, job.id))

    # Webhooks

    @transaction
    def add_webhook_rule(self, rule: WebhookRule, label: str, api_key: str | None = None) -> None:
        """Add a webhook fault, after those that were added before and before those of scenarios.

        With an API key it is for that account only.
        """
        self._webhook_rules.append(ActiveWebhookRule(rule, label, api_key))

    @transaction
    def added_webhook_rules(self, api_key: str | None) -> tuple[ActiveWebhookRule, ...]:
        """Return the webhook faults that were added for an account, or with None those for everybody."""
        return tuple(active for active in self._webhook_rules if active.owner == api_key)

    @transaction
    def webhook_rules_of(self, api_key: str | None) -> tuple[ActiveWebhookRule, ...]:
        """Return the webhook faults for an account in particular, or with None for everybody, as they are tried."""
        scope = self._everybody if api_key is None else self._activated_of.get(api_key)
        return (*self.added_webhook_rules(api_key), *(scope.webhook_rules if scope is not None else ()))

    def webhook_rules(self, job: Job) -> Iterator[ActiveWebhookRule]:
        """Yield the webhook faults that may apply to a job, in the order in which they are tried."""
        yield from self._webhook_rules
        key = job.account.api_key
        for scope in (self._of_job.get(job.id), self._activated_of.get(key), self._of_key.get(key), self._everybody):
            if scope is not None:
                yield from scope.webhook_rules

    # Scopes

    def _attempt(self, endpoint: str, account: str | None, body: _Body) -> _Attempt | None:
        """Return the attempt to create a job whose prompt names a scenario; None for any other request."""
        library = self._by_prompt
        if library is None or endpoint not in CREATES or not body.has_magic:
            return None
        prompt = body.text("prompt") or ""
        names = [name for word in _MAGIC_WORD.findall(prompt) for name in word.split(",")]
        if not names:
            return None
        named = _Named.of(account or "", prompt)
        known = self._attempts.get(named)
        if known is None or known.passed:
            if len(self._attempts) >= _MOST_ATTEMPTS:
                self._attempts.clear()
            scope = self._new_scope(f"{named.prompt} {len(self._of_job)}", library, names)
            known = self._attempts[named] = _Attempt(scope)
        return known

    def _scope_of_key(self, api_key: str) -> Scope | None:
        library = self._by_key
        if library is None or not _NAMING_KEY.fullmatch(api_key):
            return None
        known = self._of_key.get(api_key)
        if known is None:
            known = self._new_scope(api_key, library, api_key.split("+")[1:])
            self._of_key[api_key] = known
            self.limiting = self.limiting or known.limits.requests_per_second is not None
            self._repeated.clear()
            self.watching = True
        return known

    def _new_scope(self, scope: str, library: Library, names: Sequence[str]) -> Scope:
        if len(names) > MOST_SCENARIOS:
            raise ScenarioError(f"{len(names):,} scenarios are named at once", f"name {MOST_SCENARIOS} at most")
        scenarios = [library(name.strip()) for name in names]
        return Scope(scope, self._world.clock.now_ns(), scenarios, self._world.keyed_random)


def _restored(where: str, restore: Callable[..., T], *arguments: Any) -> T:
    """Return what is restored; what does not fit together is named by where it stands."""
    try:
        return restore(*arguments)
    except MisfitError as error:
        raise error.within(where) from None


class _RepeatedRequest(NamedTuple):
    """A request that comes again and again, kept so that its identity stays its own, and all counts that it adds to."""

    request: Request
    counts: tuple[Count, ...]


class _Named(NamedTuple):
    """What a create that names a scenario is known by when it is tried again."""

    account: str
    prompt: str

    @classmethod
    def of(cls, account: str, prompt: str) -> Self:
        """Return what a create of an account is known by; of a long prompt a digest is kept, as there may be many."""
        if len(prompt) > _LONG_PROMPT:
            prompt = blake2b(prompt.encode("utf-8", "surrogatepass")).hexdigest()
        return cls(account, prompt)


class _Attempt:
    """A create whose prompt names a scenario, and whether it came through without a fault."""

    __slots__ = ("passed", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.passed = False


class _Body:
    """The body of a request, decoded when it is asked for."""

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


def _job_shown(world: World, results: Results, request: Request) -> Job | None:
    """Return the first job that a request to a reader asks for."""
    try:
        ids = results.asked_ids(request, results.names_in(request.path), world.settings)
    except AkoolError:
        return None
    return next((job for each in ids if (job := world.job(each)) is not None), None)


_NO_LIMITS: Final = Limits()
_NO_ACCOUNT: Final = AccountScript()
