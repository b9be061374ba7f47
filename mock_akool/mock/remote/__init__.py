"""A fake in another process, as Python tests see it: `MockAkool.connect(url)`, over the admin API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Never

from mock_akool.admin.serializers import ACCOUNT, CALL, JOB, STATUS
from mock_akool.akool.accounts import Account
from mock_akool.akool.endpoints import ENDPOINTS
from mock_akool.akool.jobs import Job
from mock_akool.akool.overrides import ResultOverride
from mock_akool.akool.scenarios.model import Scenario
from mock_akool.akool.scenarios.schema import JOB_SCRIPT, RULE, SCENARIO
from mock_akool.core.errors import MockAkoolError, ServerError
from mock_akool.core.options import check_names
from mock_akool.core.rule_engine import ActiveRule
from mock_akool.core.rules import Rule
from mock_akool.core.timeline import COMPLETED, Ending, Status, Timeline
from mock_akool.diagnostics.report import Report
from mock_akool.mock.activation import Activation
from mock_akool.mock.calls import Calls
from mock_akool.mock.remote.admin_client import AdminClient, quoted
from mock_akool.mock.remote.clock import RemoteClock
from mock_akool.mock.remote.webhooks import RemoteWebhooks
from mock_akool.mock.rule_builder import RuleBuilder, complain, planned, planned_for
from mock_akool.mock.settings import ActivationOptions
from mock_akool.server.settings import token_of_environment

if TYPE_CHECKING:
    from mock_akool.mock.remote.target import RemoteTarget

_PAGE: Final = 1000
_OF_A_PROCESS: Final = frozenset({"answer", "app", "server", "engine", "application"})


class RemoteAkool(Activation):
    """A fake that runs elsewhere; it has the methods of MockAkool. `MockAkool.connect` makes one.

    With an `account` it sees and changes what is that account's, and leaves all else alone.

    As a context manager, or as a decorator, it answers what `requests`, `httpx` and `aiohttp` send to Akool's hosts
    from this process: the requests go to the server. Without an account the server's clock then stands still, and
    sleep moves it; with one, it is left alone, since it is everybody's, and sleep is real.
    """

    def __init__(self, url: str, admin_token: str | None = None, *, account: str | None = None, **options: Any) -> None:
        check_names(ActivationOptions, options, ("account", "admin_token"))
        self.options = ActivationOptions(**options)
        self._admin_client = AdminClient(url, admin_token or token_of_environment())
        self._clock = RemoteClock(self._admin_client)
        self._given_back = ExitStack()
        """What is done when this process is left."""
        self.account = account
        """The API key of the account that this is all about; None: of all."""
        self._drafts: dict[int, RuleBuilder] = {}
        """Rules that were begun and not ended, with those of views."""
        self._admin_client.ask("GET", "clock")  # which also wants the token

    if not TYPE_CHECKING:  # or else any name would pass for one

        def __getattr__(self, name: str) -> Any:
            if name in _OF_A_PROCESS:
                raise AttributeError(f"{name} belongs to a fake of this process, and this one runs at {self.url}")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def url(self) -> str:
        """The address of the server."""
        return self._admin_client.url

    def of_account(self, api_key: str) -> RemoteAkool:
        """Return the same fake as one account sees it, by API key."""
        view = object.__new__(RemoteAkool)
        view.options = self.options
        view._admin_client, view._clock, view._given_back = self._admin_client, self._clock, ExitStack()
        view.account, view._drafts = api_key, self._drafts
        return view

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        return self._admin_client.ask(method, path, body, **{"account": self.account, **query})

    # In process

    def _enter(self, hosts: Sequence[str], *, refuse_others: bool) -> RemoteTarget:
        from mock_akool.mock.remote.target import RemoteTarget

        if self.account is None:
            # As in process: nobody is called unless the test says so.
            if self._ask("GET", "state")["sending"] != "call":
                self._given_back.callback(self._ask, "POST", "webhooks/sending", {"by": "start"})
                self.webhooks.collect()
            self._given_back.callback(self._clock.let_go)
            self._clock.hold()
        return RemoteTarget(self._admin_client, self._clock, hosts, refuse_others=refuse_others)

    def _leave(self) -> None:
        with suppress(ServerError):  # of a server that has gone away
            self._given_back.close()

    # Time

    @property
    def clock(self) -> RemoteClock:
        """The server's clock, which is the same for all accounts."""
        return self._clock

    def run_until_idle(self) -> None:
        """Move the clock to where no job's status will change any more by time alone; with an account, its jobs'.

        Jobs that are stuck, or wait for polls, stay as they are.
        """
        self._clock.advance_until_idle(self.account)

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
        """Script one of the next jobs, as `MockAkool.next_job` does."""
        __tracebackhide__ = True
        script = planned(queueing, processing, ending, stages, result, unknown)
        key = planned_for(self.account, account)
        self._ask("POST", "scenario/jobs", {"jobs": [JOB_SCRIPT.write(script)]}, account=key)

    def on(self, endpoint: str | Sequence[str]) -> RuleBuilder:
        """Begin a rule for requests to an endpoint, as `MockAkool.on` does."""
        __tracebackhide__ = True
        ENDPOINTS.read(endpoint, ("on",))
        return RuleBuilder(endpoint, self._add_rule, self._remove_rule, self._drafts)

    def put_scenario(self, *scenarios: str | Path | Mapping[str, Any] | Scenario) -> None:
        """Put scenarios in force from now on, instead of those that were: names, files, or what a file says."""
        __tracebackhide__ = True
        from mock_akool.scenario_library.library import load_all

        plain = [{"name": each.name, "scenario": SCENARIO.write(each)} for each in load_all(scenarios)]
        self._ask("PUT", "scenario", {"scenario": plain})

    def clear_scenario(self) -> None:
        """Take scenarios, rules and faults of callbacks that were added, and plans for next jobs away."""
        self._ask("DELETE", "scenario")

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios that are in force: for everybody, or for the account in particular."""
        said = self._ask("GET", "scenario")["scenarios"]
        return tuple(replace(SCENARIO.read(each["scenario"], ()), name=each["name"]) for each in said)

    def verify(self) -> None:
        """Raise UnusedRuleError, or warn, when a rule never fired; the option `unused_rules` says which."""
        reasons = [each["why"] for each in self._ask("GET", "scenario/unused")["rules"]]
        complain(reasons, self._drafts.values(), self.options.unused_rules)

    def _add_rule(self, rule: Rule, label: str) -> RemoteRule:
        plain = {**RULE.write(rule), "name": label}
        (added,) = self._ask("POST", "scenario/rules", {"rules": [plain]})["rules"]
        return RemoteRule(self, rule, label, added["number"])

    def _remove_rule(self, live: ActiveRule) -> None:
        self._ask("DELETE", "scenario/rules", rule=live.number)

    # What happened

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, in the order of their creation."""
        found: list[Any] = []
        while True:
            page = self._ask("GET", "jobs", offset=len(found), limit=_PAGE)
            found += page["jobs"]
            if len(found) >= page["matched"] or not page["jobs"]:
                break
        accounts = {each.api_key: each for each in self.accounts} if found else {}
        return tuple(JOB.read(each, account=accounts[each["account"]]) for each in found)

    def job(self, job_id: str) -> RemoteJob:
        """Return a handle on the job with this `_id`; an unknown one raises MockAkoolError."""
        self._ask("GET", f"jobs/{quoted(job_id)}")
        return RemoteJob(self, job_id)

    @property
    def calls(self) -> Calls:
        """What was asked and answered, oldest first."""
        found: list[Any] = []
        after: int | None = 0
        while after is not None:
            page = self._ask("GET", "calls", after=after, limit=_PAGE)
            found += page["calls"]
            after = page["next"]
        return Calls(map(CALL.read, found), "" if self.account is None else " by this test's account")

    def wait_for_calls(self, count: int, endpoint: str = "any", *, timeout: float = 5.0) -> Calls:
        """Wait until there are `count` calls to an endpoint and return them; TimeoutError after `timeout` real seconds.

        The endpoints are named as in `on`.
        """
        Calls(()).to(endpoint)  # which refuses a wrong name as in process
        try:
            if count > 0:
                self._ask("GET", "calls", endpoint=endpoint, at_least=count, timeout=timeout, limit=1)
        except TimeoutError:
            came = self.calls.to(endpoint).count
            raise TimeoutError(f"{came} of {count} calls to {endpoint} came within {timeout:g} s") from None
        return self.calls.to(endpoint)

    @property
    def webhooks(self) -> RemoteWebhooks:
        """The callbacks: what was sent, where they go, and what shall go wrong."""
        return RemoteWebhooks(self)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All accounts, in the order in which they appeared."""
        return tuple(map(ACCOUNT.read, self._ask("GET", "accounts")["accounts"]))

    def add_account(self, api_key: str, **said: Any) -> Account:
        """Make an account; `client_id`, `credits`, `status` and `token_lifetime` are as in a scenario's `accounts`."""
        return ACCOUNT.read(self._admin_client.ask("POST", "accounts", {"api_key": api_key, **said}))

    @property
    def credits(self) -> int:
        """What all accounts together have left."""
        return sum(each["credits"] for each in self._ask("GET", "accounts")["accounts"])

    @property
    def credits_spent(self) -> int:
        """What all accounts together paid, refunds taken off."""
        spent: int = self._ask("GET", "state")["credits_spent"]
        return spent

    @property
    def started_ns(self) -> int:
        """The instant, in epoch nanoseconds, when the fake was made or last reset."""
        started_ns: int = self._ask("GET", "state")["started_ns"]
        return started_ns

    def report(self) -> str:
        """Return what a failing test is told: the jobs, the last calls, and hints at mistakes of the client."""
        return str(self._reported()["report"])

    def _reported(self) -> Any:
        return self._ask("GET", "report", holds_clock="true" if self._clock.held else None)

    def capture_report(self) -> Report:
        """Return the report about what was seen until now; when the server does not answer, why not."""
        try:
            told = self._reported()
        except MockAkoolError as error:
            text = f"the fake cannot tell what it saw: {error}"
            return Report(0, lambda error: text)
        return Report(told["calls"], lambda error: str(told["report"]))

    def reset(self) -> None:
        """Forget jobs, calls, plans, rules and spent credits; scenarios begin anew.

        With all accounts, the server's clock shows the machine's time again; it goes on, or stands still, as before.
        """
        self._drafts.clear()
        self._ask("POST", "reset")
        self._clock.look()

    def __repr__(self) -> str:
        whose = "" if self.account is None else f" as {self.account[:4]}… sees it"
        return f"<the fake at {self.url}{whose}>"


class RemoteJob:
    """A job of a fake elsewhere, to look at and to decide the future of; as JobHandle."""

    def __init__(self, fake: RemoteAkool, job_id: str) -> None:
        self._fake = fake
        self.id = job_id

    @property
    def record(self) -> Job:
        """The job as it is now; a frozen record."""
        told = self._ask("GET")
        (account,) = self._fake.of_account(told["account"]).accounts
        return JOB.read(told, account=account)

    @property
    def status(self) -> Status:
        """The status that a poll would see now."""
        status: Status = STATUS.read(self._ask("GET")["status"])
        return status

    def complete(self) -> None:
        """Let the job be completed from now on."""
        self._ask("POST", "/complete")

    def fail(self, *reasons: str, refund: bool = False) -> None:
        """Let the job have failed from now on, with these `error_reasons`."""
        self._ask("POST", "/fail", {"reasons": list(reasons), "refund": refund})

    def stall(self) -> None:
        """Let the job stay for ever at the status that it has now."""
        self._ask("POST", "/stall")

    def _ask(self, method: str, what: str = "", body: Mapping[str, Any] | None = None) -> Any:
        return self._fake._ask(method, f"jobs/{quoted(self.id)}{what}", body)

    def __repr__(self) -> str:
        return f"<job {self.id} {self.status.name.lower()}>"


class RemoteRule(ActiveRule):
    """A rule that was put in force elsewhere."""

    def __init__(self, fake: RemoteAkool, rule: Rule, label: str, number: int) -> None:
        self.rule, self.label, self.number = rule, label, number
        self._fake = fake

    @property
    def fired(self) -> int:  # type: ignore[override]
        """How many calls it made go wrong; 0 when it is not in force any more."""
        rules = self._fake._ask("GET", "scenario")["rules"]
        return next((int(each["fired"]) for each in rules if each["number"] == self.number), 0)
