"""A fake of this process: `MockAkool`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mock_akool.akool.accounts import Account, Credits
from mock_akool.akool.jobs import Job
from mock_akool.akool.kept import discard, kept, kept_with_id
from mock_akool.akool.scenarios.model import JobScript, LabelledScript, Scenario
from mock_akool.akool.settings import AccountSpec
from mock_akool.core.clock import Clock, SteeredClock, VirtualClock
from mock_akool.core.errors import MockAkoolError, ScenarioError
from mock_akool.core.http import Request, Response
from mock_akool.core.rule_engine import ActiveRule
from mock_akool.core.rules import Rule
from mock_akool.core.timeline import Ending, Status
from mock_akool.diagnostics.describe import counted
from mock_akool.diagnostics.observations import Observations
from mock_akool.diagnostics.report import Report
from mock_akool.diagnostics.unused_job_scripts import unused_job_scripts, why_no_job
from mock_akool.diagnostics.unused_rules import unused_rules
from mock_akool.mock.activation import Activation
from mock_akool.mock.backend import AddedRule, Backend, Unused
from mock_akool.mock.base import BaseMock
from mock_akool.mock.calls import Calls
from mock_akool.mock.documents import Document, Documents, no_document
from mock_akool.mock.jobs import Jobs
from mock_akool.mock.local_webhooks import LocalWebhooks, ReceiverFailures
from mock_akool.mock.settings import MockOptions
from mock_akool.server.application import Application

if TYPE_CHECKING:
    from flask import Flask

    from mock_akool.mock.interceptors.target import LocalTarget
    from mock_akool.mock.remote.remote_akool import RemoteAkool
    from mock_akool.server.http_server import Server

_LOOK_S: Final = 0.005


class _LocalBackend(Backend):
    """A fake of this process, asked directly."""

    def __init__(
        self,
        application: Application,
        *,
        scriptable: bool,
        api_key: str | None = None,
        failures: ReceiverFailures | None = None,
    ) -> None:
        self.application = application
        self.api_key = api_key
        self._engine = application.engine
        self._scenarios = application.scenarios
        self._scriptable = scriptable
        self._failures = ReceiverFailures() if failures is None else failures

    def of_account(self, api_key: str) -> _LocalBackend:
        return _LocalBackend(self.application, scriptable=self._scriptable, api_key=api_key, failures=self._failures)

    # Time

    @property
    def clock(self) -> VirtualClock | SteeredClock:
        return self.application.movable_clock

    def run_until_idle(self) -> None:
        self.application.run_until_idle(self.api_key)

    # Scripting

    def check_source(self) -> None:
        if not self._scriptable:
            raise ScenarioError(
                "scenario_sources does not name `python`, so Python calls cannot script this fake",
                "Add `python` to scenario_sources",
            )

    def add_job_script(self, script: JobScript, api_key: str | None) -> None:
        self._scenarios.add_job_scripts([LabelledScript(script, "next_job")], api_key)

    def add_rule(self, rule: Rule, label: str) -> ActiveRule:
        return self._scenarios.add(rule, label, self.api_key)

    def remove_rule(self, added: AddedRule) -> None:
        if isinstance(added, ActiveRule):
            self._scenarios.remove(added)

    def put_scenarios(self, scenarios: Sequence[Scenario]) -> None:
        self._scenarios.activate(scenarios, self.api_key)

    def scenarios(self) -> tuple[Scenario, ...]:
        return self._scenarios.scenarios_of(self.api_key)

    def unused(self) -> Unused:
        rules = (each.why for each in unused_rules(self._scenarios, self.api_key))
        return Unused(tuple(rules), tuple(unused_job_scripts(self._scenarios, self.api_key)))

    def receiver_failures(self) -> Sequence[BaseException]:
        return self._failures.of(self.api_key)

    # What happened

    def jobs(self) -> Jobs:
        jobs, now_ns = self._engine.jobs(self.api_key), self._engine.clock.now_ns()
        return Jobs(jobs, self._which, why_none=lambda: why_no_job(tuple(self.calls()), self.api_key), now_ns=now_ns)

    def job(self, job_id: str) -> Job:
        job = self._engine.job(job_id)
        if job is None or self.api_key not in (None, job.account.api_key):
            raise _unknown_job(job_id, self._engine.jobs(self.api_key), self.api_key)
        return job

    def status_of(self, job_id: str) -> Status:
        return self._engine.change_of(self.job(job_id), self._engine.clock.now_ns()).status

    def complete(self, job_id: str) -> None:
        self._engine.complete(self.job(job_id).id)

    def fail(self, job_id: str, ending: Ending) -> None:
        self._engine.fail(self.job(job_id).id, ending)

    def stall(self, job_id: str) -> None:
        self._engine.stall(self.job(job_id).id)

    def calls(self) -> Calls:
        return Calls(self._engine.calls(self.api_key), self._which)

    def wait_for_calls(self, count: int, endpoint: str, timeout_s: float) -> None:
        from mock_akool.mock.virtual_time.scheduler import keeper

        ends_s = time.perf_counter() + timeout_s
        with keeper.at_rest("wait_for_calls"):
            while self.calls().to(endpoint).count < count and time.perf_counter() < ends_s:
                time.sleep(_LOOK_S)

    def webhooks(self) -> LocalWebhooks:
        return LocalWebhooks(
            self._engine,
            self._scenarios,
            self.application.dispatcher,
            self.api_key,
            self.check_source,
            self._failures,
        )

    def documents(self) -> Documents:
        return Documents(kept(self._engine, self.api_key), self._which)

    def document(self, document_id: str) -> Document:
        return self._there(document_id, kept_with_id(self._engine, document_id, self.api_key))

    def delete_document(self, document_id: str) -> None:
        self._there(document_id, discard(self._engine, document_id, self.api_key))

    def _there(self, document_id: str, found: Document | None) -> Document:
        if found is None:
            raise no_document(document_id, self.api_key)
        return found

    def accounts(self) -> tuple[Account, ...]:
        return tuple(each for each in self._engine.accounts if self.api_key in (None, each.api_key))

    def add_account(self, spec: AccountSpec) -> Account:
        return self._engine.accounts.add_new(spec)

    def credits(self) -> Credits:
        return self._engine.totals(self._engine.clock.now_ns(), self.api_key).credits

    def credits_spent(self) -> Credits:
        return self._engine.totals(self._engine.clock.now_ns(), self.api_key).spent

    def started_ns(self) -> int:
        return self._engine.call_log.start_ns

    def report(self) -> Report:
        return Report.of(Observations.of(self._engine, self.api_key))

    def snapshot(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(b"".join(self.application.freeze().json()))
        return found

    def load_snapshot(self, snapshot: Mapping[str, Any]) -> None:
        self.application.go_on_from(snapshot, "Take what `snapshot` of the same version returned")

    def reset(self) -> None:
        self._failures.forget(self.api_key)
        if self.api_key is None:
            self.application.reset()
        else:
            self._engine.reset_account(self.api_key)

    @property
    def _which(self) -> str:
        return "" if self.api_key is None else " of this account"


def _unknown_job(job_id: str, jobs: Sequence[Job], api_key: str | None) -> MockAkoolError:
    """Return the error for a job that is not there, or is another account's."""
    newest = ", ".join(job.id for job in jobs[-5:]) or "none"
    whose = "" if api_key is None else " of this account"
    return MockAkoolError(f"there is no job {job_id!r}{whose}", f"The newest ones are: {newest}")


class MockAkool(BaseMock, Activation):
    """A fake of Akool's API.

    `options` are those of `MockOptions`, such as `seed=7`, `profile="documented"`, `credits=10`; a bad one raises
    SettingsError. `clock` is a VirtualClock that stands still unless you give another.

    As a context manager, or as a decorator of functions, coroutines and test classes, it answers what `requests`,
    `httpx` and `aiohttp` send to Akool's hosts from this process.
    """

    options: MockOptions

    def __init__(self, *positional: object, clock: Clock | None = None, **options: Any) -> None:
        if positional:
            raise MockAkoolError(*_not_by_position(positional[0]))
        settings = MockOptions.of(**options)
        self.application = self._made(settings, VirtualClock() if clock is None else clock)
        self.engine = self.application.engine
        backend = _LocalBackend(self.application, scriptable="python" in settings.scenario_sources)
        self._entered: LocalTarget | None = None
        """As what it was active last."""
        super().__init__(backend, settings)

    def _made(self, options: MockOptions, clock: Clock) -> Application:
        """Return what answers."""
        return Application(options, clock)

    @staticmethod
    def connect(url: str, admin_token: str | None = None, *, api_key: str | None = None, **options: Any) -> RemoteAkool:
        """Return the fake of a server that runs at `url`, with the same methods, over its admin API.

        `admin_token` is what the server was started with, if with any; by default it is MOCK_AKOOL_ADMIN_TOKEN. With
        an `api_key` it is the fake as that account sees it: its jobs, calls and rules, and a reset that leaves all
        others alone. `options` are those of `ActivationOptions`, for when it is started in this process. Raises
        ServerError when no server answers, MockAkoolError when it wants another token.
        """
        from mock_akool.mock.remote.remote_akool import RemoteAkool

        return RemoteAkool(url, admin_token, api_key=api_key, **options)

    def _enter(self, hosts: Sequence[str], *, refuse_others: bool) -> LocalTarget:
        from mock_akool.mock.interceptors.target import LocalTarget

        self.application.dispatcher.go_on()
        self._entered = LocalTarget(self.application, hosts, refuse_others=refuse_others)
        return self._entered

    def _leave(self) -> None:
        self.application.dispatcher.rest()

    def reset(self) -> None:
        """Forget jobs, calls, job scripts, rules and spent credits; scenarios begin anew.

        A virtual clock stays where it is. A clock that runs shows the machine's time again.
        """
        super().reset()
        if self._entered is not None:
            self._entered.unseen_pause = ""
            self._entered.forget_failed_elsewhere()

    def capture_report(self) -> Report:
        """Return the report about what was seen until now; its text is made when it is asked for."""
        seen, target = Observations.of(self.engine), self._entered
        if target is None:
            return Report.of(seen)
        return Report.of(
            replace(
                seen,
                unseen_pause=target.unseen_pause,
                failed_elsewhere=tuple(target.failed_elsewhere),
                failed_elsewhere_count=target.failed_elsewhere_count,
            )
        )

    # Other ways in

    def answer(self, request: Request) -> Response:
        """Turn a Request into a Response, as every transport does."""
        return self.application.answer(request)

    def app(self) -> Flask:
        """Return a Flask app that answers for this fake."""
        from mock_akool.server.wsgi import create_app

        return create_app(self.application)

    def server(self, host: str = "127.0.0.1", port: int = 0) -> Server:
        """Return a live server that answers for this fake; use it in a `with` block. Its `url` says where it listens.

        Port 0 takes a free one. Raises ServerError, when it starts, for an address that is taken.
        """
        from mock_akool.server.http_server import Server

        return Server(self.application, host, port)

    def __repr__(self) -> str:
        if not hasattr(self, "engine"):  # shown by pytest beside the error of settings that are not usable
            return "<MockAkool that could not be made>"
        said = f"{counted(self.engine.job_count, 'job')}, {counted(self.engine.call_log.count, 'call')}"
        return f"<MockAkool {said}{', active' if self.active else ''}>"


def _not_by_position(given: object) -> tuple[str, str]:
    name = getattr(given, "__name__", None)
    if callable(given) and name is not None:
        return f"@MockAkool on {name}: the parentheses are missing", "Write @MockAkool()"
    return f"MockAkool({given!r}): its options are given by name", "Such as MockAkool(seed=7)"
