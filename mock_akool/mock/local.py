"""A fake of this process, to script and to look into: as everybody sees it, or as one account does."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Never

from mock_akool.akool.accounts import Account, Credits
from mock_akool.akool.endpoints import ENDPOINTS
from mock_akool.akool.jobs import Job
from mock_akool.akool.overrides import ResultOverride
from mock_akool.akool.scenarios.model import Entry, Scenario, check_changeable
from mock_akool.akool.scenarios.schema import ACCOUNT_SPEC
from mock_akool.akool.settings import AccountSpec
from mock_akool.core.clock import Clock, SteeredClock, VirtualClock
from mock_akool.core.errors import MockAkoolError, ScenarioError
from mock_akool.core.http import Request, Response
from mock_akool.core.rule_engine import ActiveRule
from mock_akool.core.rules import Rule
from mock_akool.core.timeline import COMPLETED, Ending, Timeline
from mock_akool.diagnostics.observations import Observations
from mock_akool.diagnostics.report import Report, explain
from mock_akool.diagnostics.unused_rules import unused_rules
from mock_akool.mock.activation import Activation
from mock_akool.mock.calls import Calls
from mock_akool.mock.jobs import JobHandle
from mock_akool.mock.local_webhooks import Webhooks
from mock_akool.mock.remote import RemoteAkool
from mock_akool.mock.rule_builder import RuleBuilder, complain, planned, planned_for
from mock_akool.mock.settings import MockOptions
from mock_akool.server.application import Application

if TYPE_CHECKING:
    from flask import Flask

    from mock_akool.mock.interceptors.target import LocalTarget
    from mock_akool.server.http_server import Server

_LOOK_S: Final = 0.005


class LocalAkool:
    """A fake of this process. With an `account` it is all about what is that account's, and leaves all else alone."""

    options: MockOptions

    def __init__(self, application: Application, account: str | None = None) -> None:
        self.application = application
        self.engine = application.engine
        self.account = account
        """The API key of the account that this is all about; None: of all."""
        self._drafts: dict[int, RuleBuilder] = {}
        """Rules that were begun and not ended, with those of views."""

    def of_account(self, api_key: str) -> LocalAkool:
        """Return the same fake as one account sees it, by API key."""
        view = LocalAkool(self.application, api_key)
        view.options, view._drafts = self.options, self._drafts
        return view

    # Time

    @property
    def clock(self) -> VirtualClock | SteeredClock:
        """The clock, which is everybody's and can be moved; ClockError when this fake was given one that cannot."""
        return self.application.movable_clock

    def run_until_idle(self) -> None:
        """Move the clock to where no job's status will change any more by time alone, and no callback is to be sent.

        Jobs that are stuck, or wait for polls, stay as they are. With an account only its jobs count.
        """
        self.application.run_until_idle(self.account)

    # Scripting

    def next_job(
        self,
        *,
        queueing: object = 0,
        processing: object = 0,
        ending: Ending | str = COMPLETED,
        stages: Sequence[Any] | Timeline | None = None,
        result: Mapping[str, Any] | ResultOverride | None = None,
        account: Account | str | None = None,
        **unknown: Never,
    ) -> None:
        """Script one of the next jobs: how long it shows status 1, then 2, and how it ends.

        Lengths are seconds, or text such as `'3 polls'` or `'forever'`; what is not named takes no time. The ending is
        `'completed'`, `'failed'`, `'failed: reason'`, or made by `failed()`. Instead of these, `stages` tells the whole
        life as a scenario file does, such as `[{"queueing": "1s"}, {"processing": "3s"}, {"queueing": "2s"},
        "completed"]`. `result` says what is unusual about the result, such as `{"upscaled_urls": []}`.

        Several calls line up, one for each job that is created. With an `account`, or its API key, only that account's
        next job is meant. Raises ScenarioError or SettingsError for a value that cannot be.
        """
        __tracebackhide__ = True
        self._check_source()
        script = planned(queueing, processing, ending, stages, result, unknown)
        api_key = planned_for(self.account, account)
        with self.engine.lock:
            self.engine.runtime.queue_of(api_key).append(Entry(script, "next_job"))

    def on(self, endpoint: str | Sequence[str]) -> RuleBuilder:
        """Begin a rule for requests to an endpoint, such as `on("infobymodelid").nth(2).respond(http=502)`.

        The endpoints are named as in the journal; `create` are the three that create jobs, `api` all but files, `any`
        all. A rule counts for each account by itself, and goes before those of scenarios. Raises ScenarioError.
        """
        __tracebackhide__ = True
        self._check_source()
        ENDPOINTS.read(endpoint, ("on",))
        return RuleBuilder(endpoint, self._add_rule, self._remove_rule, self._drafts)

    def put_scenario(self, *scenarios: str | Path | Mapping[str, Any] | Scenario) -> None:
        """Put scenarios in force from now on, instead of those that were: names, files, or what a file says.

        Rules that were added and plans for next jobs are taken away, too. Raises ScenarioError for a scenario that
        cannot be, or one with `seed`, `profile` or `accounts`, which are a fake's from its start.
        """
        __tracebackhide__ = True
        from mock_akool.scenario_library.library import load_all

        self._check_source()
        loaded = load_all(scenarios)
        check_changeable(loaded)
        self._put(loaded)

    def clear_scenario(self) -> None:
        """Take scenarios, rules and faults of callbacks that were added, and plans for next jobs away."""
        self._put(())

    def _put(self, scenarios: Sequence[Scenario]) -> None:
        with self.engine.lock:
            self.engine.put_scenarios(scenarios, self.account)

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios that are in force: for everybody, or for the account in particular."""
        with self.engine.lock:
            return self.engine.runtime.scenarios_of(self.account)

    def verify(self) -> None:
        """Raise UnusedRuleError, or warn, when a rule never fired; the option `unused_rules` says which.

        A `with` block does so at its end, unless an exception ends it. Rules that are `optional` or fire by lot may
        stay silent.
        """
        reasons = [each.why for each in unused_rules(self.engine, self.account)]
        complain(reasons, self._drafts.values(), self.options.unused_rules)

    def _add_rule(self, rule: Rule, label: str) -> ActiveRule:
        with self.engine.lock:
            return self.engine.runtime.add(rule, label, self.account)

    def _remove_rule(self, live: ActiveRule) -> None:
        with self.engine.lock:
            self.engine.runtime.remove(live)

    def _check_source(self) -> None:
        if "python" not in self.options.scenario_sources:
            raise ScenarioError(
                "scenario_sources does not name `python`, so Python calls cannot script this fake",
                "Add `python` to scenario_sources",
            )

    # What happened

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, in the order of their creation."""
        with self.engine.lock:
            return self.engine.jobs(self.account)

    def job(self, job_id: str) -> JobHandle:
        """Return a handle on the job with this `_id`; an unknown one raises MockAkoolError."""
        with self.engine.lock:
            job = self.engine.job(job_id)
        if job is None or self.account not in (None, job.account.api_key):
            known = ", ".join(job.id for job in self.jobs[-5:]) or "none"
            whose = "" if self.account is None else " of this account"
            raise MockAkoolError(f"there is no job {job_id!r}{whose}", f"The newest ones are: {known}")
        return JobHandle(self, job_id)

    @property
    def calls(self) -> Calls:
        """What was asked and answered, oldest first; as many as `journal_size` says."""
        engine = self.engine
        with engine.lock:
            return Calls(engine.calls(self.account), "" if self.account is None else " by this test's account")

    def wait_for_calls(self, count: int, endpoint: str = "any", *, timeout: float = 5.0) -> Calls:
        """Wait until there are `count` calls to an endpoint and return them; TimeoutError after `timeout` real seconds.

        The endpoints are named as in `on`. For clients in other threads or processes: it moves no clock.
        """
        deadline_s = time.perf_counter() + timeout
        while True:
            found = self.calls.to(endpoint)
            if len(found) >= count:
                return found
            if time.perf_counter() >= deadline_s:
                raise TimeoutError(f"{len(found)} of {count} calls to {endpoint} came within {timeout:g} s")
            time.sleep(_LOOK_S)

    @property
    def webhooks(self) -> Webhooks:
        """The callbacks: what was sent, where they go, and what shall go wrong."""
        all_of_them = Webhooks(self.engine, self.application.dispatcher, check_source=self._check_source)
        return all_of_them if self.account is None else all_of_them.of_account(self.account)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All accounts, in the order in which they appeared."""
        with self.engine.lock:
            return tuple(each for each in self.engine.accounts if self.account in (None, each.api_key))

    def add_account(self, api_key: str, **said: Any) -> Account:
        """Make an account; `client_id`, `credits`, `status` and `token_lifetime` are as in a scenario's `accounts`.

        Raises ScenarioError for a value that cannot be, MockAkoolError when there is such an account.
        """
        __tracebackhide__ = True
        spec: AccountSpec = ACCOUNT_SPEC.read({"api_key": api_key, **said}, ())
        with self.engine.lock:
            return self.engine.accounts.add_new(spec)

    @property
    def credits(self) -> Credits:
        """What all accounts together have left."""
        engine = self.engine
        with engine.lock:
            now_ns = engine.clock.now_ns()
            return sum(engine.credits_of(each, now_ns) for each in self.accounts)

    @property
    def credits_spent(self) -> Credits:
        """What all accounts together paid, refunds taken off."""
        engine = self.engine
        with engine.lock:
            now_ns = engine.clock.now_ns()
            return sum(engine.spent_by(each, now_ns) for each in self.accounts)

    @property
    def started_ns(self) -> int:
        """The instant, in epoch nanoseconds, when this fake was made or last reset."""
        return self.engine.call_log.start_ns

    def report(self) -> str:
        """Return what a failing test is told: the jobs, the last calls, and hints at mistakes of the client."""
        return explain(Observations.of(self.engine, self.account))

    def capture_report(self) -> Report:
        """Return the report about what was seen until now; its text is made when it is asked for."""
        return Report.of(Observations.of(self.engine, self.account))

    def reset(self) -> None:
        """Forget jobs, calls, plans, rules and spent credits; scenarios begin anew.

        A virtual clock stays where it is. With all accounts, a SteeredClock shows the machine's time again.
        """
        with self.engine.lock:
            self._drafts.clear()
            if self.account is None:
                self.application.reset()
            else:
                self.engine.reset_account(self.account)

    def __repr__(self) -> str:
        return f"<{self._told_count()}>"

    def _told_count(self) -> str:
        jobs = len(self.jobs)
        calls = self.engine.call_log.count if self.account is None else len(self.calls)
        return f"{type(self).__name__} {jobs} job{'' if jobs == 1 else 's'}, {calls} call{'' if calls == 1 else 's'}"


class MockAkool(LocalAkool, Activation):
    """A fake of Akool's image API.

    `options` are those of `MockOptions`, such as `seed=7`, `profile="documented"`, `credits=10`; a bad one raises
    SettingsError. `clock` is a VirtualClock that stands still unless you give another.

    As a context manager, or as a decorator of functions, coroutines and test classes, it answers what `requests`,
    `httpx` and `aiohttp` send to Akool's hosts from this process.
    """

    options: MockOptions

    def __init__(self, *, clock: Clock | None = None, **options: Any) -> None:
        self.options = MockOptions.of(**options)
        super().__init__(Application(self.options, VirtualClock() if clock is None else clock))

    @staticmethod
    def connect(url: str, admin_token: str | None = None, *, account: str | None = None, **options: Any) -> RemoteAkool:
        """Return the fake of a server that runs at `url`, with the same methods, over its admin API.

        `admin_token` is what the server was started with, if with any; by default it is MOCK_AKOOL_ADMIN_TOKEN. With
        an `account`, an API key, it is the fake as that account sees it: its jobs, calls and rules, and a reset that
        leaves all others alone. `options` are those of `ActivationOptions`, for when it is started in this process.
        Raises ServerError when no server answers, MockAkoolError when it wants another token.
        """
        from mock_akool.mock.remote import RemoteAkool

        return RemoteAkool(url, admin_token, account=account, **options)

    def _enter(self, hosts: Sequence[str], *, refuse_others: bool) -> LocalTarget:
        from mock_akool.mock.interceptors.target import LocalTarget

        self.application.dispatcher.go_on()
        return LocalTarget(self.application, hosts, refuse_others=refuse_others)

    def _leave(self) -> None:
        self.application.dispatcher.rest()

    # Doors that are asked for

    def answer(self, request: Request) -> Response:
        """Turn a Request into a Response, as every door does."""
        return self.application.answer(request)

    def app(self) -> Flask:
        """Return a Flask app that answers for this fake."""
        from mock_akool.server.wsgi import create_app

        return create_app(self)

    def server(self, host: str = "127.0.0.1", port: int = 0) -> Server:
        """Return a live server that answers for this fake; use it in a `with` block, its `url` says where."""
        from mock_akool.server.http_server import Server

        return Server(self.application, host, port)

    def __repr__(self) -> str:
        return f"<{self._told_count()}{', active' if self.active else ''}>"
