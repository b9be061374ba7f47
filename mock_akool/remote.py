"""A fake in another process, as Python tests see it: `MockAkool.connect(url)`, over the control API.

It speaks by the standard library's http.client, which no door of this process answers for.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from mock_akool.calls import Calls
from mock_akool.core.codes import Status
from mock_akool.core.director import RuleInForce
from mock_akool.core.errors import MockAkoolError, ScenarioError, ServerError, UnfiredRuleError
from mock_akool.core.models import Account, Job
from mock_akool.core.scenario import Result, Rule, Scenario
from mock_akool.core.scenario_shapes import ENDPOINTS, JOB, RULE, SCENARIO
from mock_akool.core.timeline import COMPLETED, Ending, Timeline
from mock_akool.plans import planned
from mock_akool.remote_webhooks import RemoteWebhooks
from mock_akool.rules import RuleDraft
from mock_akool.settings import server_url
from mock_akool.told import STATUS, account_of, exchange_of, job_of

_PATIENCE_S: Final = 30.0
_PAGE: Final = 1000


class Link:
    """Asks the control routes of one server, from any thread."""

    def __init__(self, url: str, admin_token: str | None = None) -> None:
        self.url = server_url(url)
        parts = urlsplit(self.url)
        self._place = (parts.hostname or "", parts.port or 80)
        self._headers = {"content-type": "application/json", "connection": "close"}
        if admin_token:
            self._headers["authorization"] = f"Bearer {admin_token}"

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        """Return what a control route answers; `path` is that below `/_mock/`, and a query of None is left out.

        Raises MockAkoolError with the route's own words when it refuses, ServerError when no server answers.
        """
        given = {name: value for name, value in query.items() if value is not None}
        target = f"/_mock/{path}{'?' if given else ''}{urlencode(given)}"
        sent = None if body is None else json.dumps({name: each for name, each in body.items() if each is not None})
        patience_s = _PATIENCE_S + float(given.get("timeout", 0))
        status, raw = self._answer(method, target, sent, patience_s)
        try:
            said = json.loads(raw)
        except ValueError:
            raise ServerError(f"what answers at {self.url} is not mock-akool", "Is this its address?") from None
        if status >= 300:
            kind = {400: ScenarioError, 504: TimeoutError}.get(status, MockAkoolError)
            error, hint = str(said.get("error")), str(said.get("hint", ""))
            raise kind(f"{error}. {hint}") if kind is TimeoutError else kind(error, hint)
        return said

    def _answer(self, method: str, target: str, sent: str | None, patience_s: float) -> tuple[int, bytes]:
        # A connection for each call: none is left open, and none that was kept can turn out to be closed.
        connection = http.client.HTTPConnection(*self._place, timeout=patience_s)
        try:
            connection.request(method, target, sent, self._headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ServerError(
                f"no server answers at {self.url}: {error}", "Start one with `mock-akool serve`"
            ) from None
        finally:
            connection.close()


class RemoteAkool:
    """A fake that runs elsewhere; it has the methods of MockAkool. `MockAkool.connect` makes one.

    With an `account` it sees and changes what is that account's, and leaves all else alone.
    """

    def __init__(self, url: str, admin_token: str | None = None, *, account: str | None = None) -> None:
        self._link = Link(url, admin_token)
        self.account = account
        """The API key of the account that this is all about; None: of all."""
        self._drafts: dict[int, RuleDraft] = {}
        """Rules that were begun and not ended."""
        self._link.ask("GET", "ready")

    @property
    def url(self) -> str:
        """The address of the server."""
        return self._link.url

    def of_account(self, api_key: str) -> RemoteAkool:
        """Return the same fake as one account sees it."""
        view = object.__new__(RemoteAkool)
        view._link, view.account, view._drafts = self._link, api_key, {}
        return view

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        return self._link.ask(method, path, body, **{"account": self.account, **query})

    # Time

    @property
    def clock(self) -> RemoteClock:
        """The server's clock, which is the same for all accounts."""
        return RemoteClock(self._link)

    def run_until_idle(self) -> None:
        """Move the clock to where no job's status will change any more by time alone; with an account, its jobs'.

        Jobs that are stuck, or wait for polls, stay as they are.
        """
        self._ask("POST", "clock/advance", {"until": "idle"})

    # Scripting

    def next_job(
        self,
        *,
        queueing: object = 0,
        processing: object = 0,
        ending: Ending | str = COMPLETED,
        stages: Sequence[Any] | Timeline | None = None,
        result: Mapping[str, Any] | Result | None = None,
        account: Account | str | None = None,
    ) -> None:
        """Script one of the next jobs, as `MockAkool.next_job` does."""
        script = planned(queueing, processing, ending, stages, result)
        key = account.api_key if isinstance(account, Account) else account
        self._ask("POST", "scenario/jobs", {"jobs": [JOB.write(script)]}, account=key or self.account)

    def on(self, endpoint: str | Sequence[str]) -> RuleDraft:
        """Begin a rule for requests to an endpoint, as `MockAkool.on` does."""
        ENDPOINTS.read(endpoint, ("on",))
        return RuleDraft(endpoint, self._add_rule, self._remove_rule, self._drafts)

    def put_scenario(self, *scenarios: str | Mapping[str, Any] | Scenario) -> None:
        """Put scenarios in force from now on, by their names or as a file says them, instead of those that were."""
        plain = [SCENARIO.write(each) if isinstance(each, Scenario) else each for each in scenarios]
        self._ask("PUT", "scenario", {"scenario": plain})

    def clear_scenario(self) -> None:
        """Take scenarios, rules and faults of callbacks that were added, and plans for next jobs away."""
        self._ask("DELETE", "scenario")

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios that are in force."""
        said = self._ask("GET", "scenario")["scenarios"]
        return tuple(SCENARIO.read(each["scenario"], ()) for each in said)

    def verify(self) -> None:
        """Raise UnfiredRuleError when a rule never fired that should have, or was begun and not ended."""
        rules = self._ask("GET", "scenario")["rules"]
        told = [f"the rule {each['label']} never fired" for each in rules if each["must_fire"] and not each["fired"]]
        told += [f"the rule {each.begun} says no fault: end it with .respond(…)" for each in self._drafts.values()]
        if told:
            raise UnfiredRuleError("\n".join([*told, "Take the rule away, or mark it `optional`"]))

    def _add_rule(self, rule: Rule, label: str) -> RemoteRule:
        plain = {**RULE.write(rule), "name": label}
        (added,) = self._ask("POST", "scenario/rules", {"rules": [plain]})["rules"]
        return RemoteRule(self, rule, label, added["number"])

    def _remove_rule(self, live: RuleInForce) -> None:
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
        return tuple(job_of(each, accounts) for each in found)

    def job(self, job_id: str) -> RemoteJob:
        """Return a handle on the job with this `_id`; an unknown one raises MockAkoolError."""
        self._ask("GET", f"jobs/{quote(job_id, safe='')}")
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
        said = "" if self.account is None else " by this test's account"
        return Calls(map(exchange_of, found), said)

    def wait_for_calls(self, count: int, endpoint: str = "any", *, timeout: float = 5.0) -> Calls:
        """Wait until there are `count` calls to an endpoint and return them; TimeoutError after `timeout` real seconds.

        The endpoints are named as in `on`.
        """
        page = self._ask("GET", "calls", endpoint=endpoint, at_least=count, timeout=timeout, limit=10 * _PAGE)
        return Calls(map(exchange_of, page["calls"]), f" to {endpoint}")

    @property
    def webhooks(self) -> RemoteWebhooks:
        """The callbacks: what was sent, where they go, and what shall go wrong."""
        return RemoteWebhooks(self)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All accounts, in the order in which they appeared."""
        return tuple(map(account_of, self._ask("GET", "accounts")["accounts"]))

    def add_account(self, api_key: str, **said: Any) -> Account:
        """Make an account; `client_id`, `credits`, `status` and `token_ttl` are as in a scenario's `accounts`."""
        return account_of(self._link.ask("POST", "accounts", {"client_secret": api_key, **said}))

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

    def reset(self) -> None:
        """Forget jobs, calls, plans, rules and spent credits. The clock stays where it is."""
        self._drafts.clear()
        self._ask("POST", "reset")

    def __repr__(self) -> str:
        whose = "" if self.account is None else f" as {self.account[:4]}… sees it"
        return f"<the fake at {self.url}{whose}>"


class RemoteClock:
    """The clock of a server. It has the methods of SteeredClock; a server of a virtual clock moves only when asked."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def now_ns(self) -> int:
        """Return the present instant in nanoseconds since the epoch."""
        now_ns: int = self._told["now_ns"]
        return now_ns

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return bool(self._told["frozen"])

    @property
    def speed(self) -> float:
        """How many of its seconds pass in a second of the machine; 0 when it is frozen."""
        return float(self._told["speed"])

    @property
    def virtual(self) -> bool:
        """Whether it is a virtual clock, which moves only when it is moved."""
        return bool(self._told["virtual"])

    def freeze(self) -> None:
        """Stand still from now on."""
        self._link.ask("POST", "clock/freeze")

    def resume(self) -> None:
        """Run as the machine's clock does."""
        self._link.ask("POST", "clock/resume")

    def run_at(self, speed: float) -> None:
        """Run `speed` times as fast as the machine's clock."""
        self._link.ask("POST", "clock/speed", {"factor": speed})

    def advance(self, seconds: float) -> None:
        """Move the clock on by `seconds`, 0 or more."""
        self._link.ask("POST", "clock/advance", {"seconds": seconds})

    def advance_to(self, instant_ns: int) -> None:
        """Move the clock on to an instant, in nanoseconds since the epoch; one that is past moves nothing."""
        self._link.ask("POST", "clock/advance", {"to_ns": instant_ns})

    @property
    def _told(self) -> Any:
        return self._link.ask("GET", "clock")

    def __repr__(self) -> str:
        return f"<the clock of {self._link.url}: {self._told['now']}>"


class RemoteJob:
    """A job of a fake elsewhere, to look at and to decide the future of; as JobHandle."""

    def __init__(self, fake: RemoteAkool, job_id: str) -> None:
        self._fake = fake
        self.id = job_id

    @property
    def record(self) -> Job:
        """The job as it is now; a frozen record."""
        told = self._ask("GET")
        return job_of(told, {each.api_key: each for each in self._fake.of_account(told["account"]).accounts})

    @property
    def status(self) -> Status:
        """The status that a poll would see now."""
        return STATUS[self._ask("GET")["status"]]

    def complete(self) -> None:
        """Let the job be completed from now on."""
        self._ask("POST", "/complete")

    def fail(self, *reasons: str, refund: bool = False) -> None:
        """Let the job have failed from now on, with these `error_reasons`."""
        self._ask("POST", "/fail", {"reasons": list(reasons), "refund": refund})

    def stick(self) -> None:
        """Let the job stay for ever at the status that it has now."""
        self._ask("POST", "/stick")

    def _ask(self, method: str, what: str = "", body: Mapping[str, Any] | None = None) -> Any:
        return self._fake._ask(method, f"jobs/{quote(self.id, safe='')}{what}", body)

    def __repr__(self) -> str:
        return f"<job {self.id} {self.status.name.lower()}>"


class RemoteRule(RuleInForce):
    """A rule that was put in force elsewhere."""

    def __init__(self, fake: RemoteAkool, rule: Rule, label: str, number: int) -> None:
        self.rule, self.label, self.number = rule, label, number
        self._fake = fake

    @property
    def fired(self) -> int:  # type: ignore[override]
        """How many calls it made go wrong; 0 when it is not in force any more."""
        rules = self._fake._ask("GET", "scenario")["rules"]
        return next((int(each["fired"]) for each in rules if each["number"] == self.number), 0)
