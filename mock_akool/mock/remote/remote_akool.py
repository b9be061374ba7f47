"""A fake on a server: `MockAkool.connect(url)`, over the admin API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mock_akool.admin.serializers import ACCOUNT, CALL, JOB, STATUS
from mock_akool.akool.accounts import Account, Credits
from mock_akool.akool.jobs import Job
from mock_akool.akool.scenarios.model import JobScript, Scenario
from mock_akool.akool.scenarios.schema import JOB_SCRIPT, RULE, SCENARIO
from mock_akool.akool.settings import ACCOUNT_SPEC, AccountSpec
from mock_akool.core.errors import Mistakes, MockAkoolError, ServerError
from mock_akool.core.rules import Rule
from mock_akool.core.timeline import Ending, Status
from mock_akool.diagnostics.report import Report
from mock_akool.diagnostics.unused_job_scripts import why_no_job
from mock_akool.mock.activation import Activation
from mock_akool.mock.backend import AddedRule, Backend, Unused
from mock_akool.mock.base import BaseMock
from mock_akool.mock.calls import Calls
from mock_akool.mock.documents import Document, Documents
from mock_akool.mock.jobs import Jobs
from mock_akool.mock.remote.admin_client import AdminClient, quoted
from mock_akool.mock.remote.clock import RemoteClock
from mock_akool.mock.remote.webhooks import RemoteWebhooks
from mock_akool.mock.settings import ActivationOptions
from mock_akool.server.addresses import server_url
from mock_akool.server.settings import token_of_environment

if TYPE_CHECKING:
    from mock_akool.mock.remote.target import RemoteTarget

_OF_A_PROCESS: Final = frozenset({"answer", "app", "server", "engine", "application"})


class _RemoteRule:
    """A rule that was added to a fake on a server."""

    def __init__(self, admin_client: AdminClient, rule: Rule, label: str, number: int) -> None:
        self.rule = rule
        self.label = label
        self.number = number
        self._admin_client = admin_client

    @property
    def fired(self) -> int:
        """How many calls it changed; 0 when it was taken away."""
        rules = self._admin_client.ask("GET", "scenario")["rules"]
        return next((int(each["fired"]) for each in rules if each["number"] == self.number), 0)


def _document(plain: Mapping[str, Any]) -> Document:
    return Document(plain["id"], plain["account"], plain["kind"], plain["document"])


class _RemoteBackend(Backend):
    """A fake on a server, asked over its admin API."""

    def __init__(self, admin_client: AdminClient, clock: RemoteClock) -> None:
        self._admin_client = admin_client
        self._ask = admin_client.ask
        self._clock = clock
        self.api_key = admin_client.api_key

    def of_account(self, api_key: str) -> _RemoteBackend:
        return _RemoteBackend(self._admin_client.of_account(api_key), self._clock)

    # Time

    @property
    def clock(self) -> RemoteClock:
        return self._clock

    def run_until_idle(self) -> None:
        self._clock.advance_until_idle(self.api_key)

    # Scripting

    def check_source(self) -> None:
        pass  # the server says whether it may be scripted

    def add_job_script(self, script: JobScript, api_key: str | None) -> None:
        self._ask("POST", "scenario/jobs", {"jobs": [JOB_SCRIPT.write(script)]}, account=api_key)

    def add_rule(self, rule: Rule, label: str) -> _RemoteRule:
        (added,) = self._ask("POST", "scenario/rules", {"rules": [{**RULE.write(rule), "name": label}]})["rules"]
        return _RemoteRule(self._admin_client, rule, label, added["number"])

    def remove_rule(self, added: AddedRule) -> None:
        self._ask("DELETE", "scenario/rules", rule=added.number)

    def put_scenarios(self, scenarios: Sequence[Scenario]) -> None:
        if not scenarios:
            self._ask("DELETE", "scenario")
            return
        plain = [{"name": each.name, "scenario": SCENARIO.write(each)} for each in scenarios]
        self._ask("PUT", "scenario", {"scenario": plain})

    def scenarios(self) -> tuple[Scenario, ...]:
        active = self._ask("GET", "scenario")["scenarios"]
        return tuple(replace(SCENARIO.read(each["scenario"], ()), name=each["name"]) for each in active)

    def unused(self) -> Unused:
        rules = self._admin_client.pages("scenario/unused", by="offset", name="rules")
        scripts = self._ask("GET", "scenario/unused", limit=1)["job_scripts"]
        return Unused(*(tuple(each["why"] for each in found) for found in (rules, scripts)))

    # What happened

    def jobs(self) -> Jobs:
        plain = self._admin_client.pages("jobs", by="offset")
        accounts = {each.api_key: each for each in self.accounts()} if plain else {}
        jobs = [JOB.read(each, account=accounts[each["account"]]) for each in plain]
        now_ns = self._clock.now_ns() if plain else 0
        return Jobs(jobs, self._which, why_none=lambda: why_no_job(tuple(self.calls()), self.api_key), now_ns=now_ns)

    def job(self, job_id: str) -> Job:
        plain = self._of_job(job_id)
        (account,) = self.of_account(plain["account"]).accounts()
        return JOB.read(plain, account=account)

    def status_of(self, job_id: str) -> Status:
        status: Status = STATUS.read(self._of_job(job_id)["status"])
        return status

    def complete(self, job_id: str) -> None:
        self._of_job(job_id, "complete")

    def fail(self, job_id: str, ending: Ending) -> None:
        refund = {} if ending.refund is None else {"refund": ending.refund}
        self._of_job(job_id, "fail", {"reasons": list(ending.reasons), **refund})

    def stall(self, job_id: str) -> None:
        self._of_job(job_id, "stall")

    def calls(self) -> Calls:
        return Calls(map(CALL.read, self._admin_client.pages("calls", by="after")), self._which)

    def wait_for_calls(self, count: int, endpoint: str, timeout_s: float) -> None:
        if count > 0:
            with suppress(TimeoutError):
                self._ask("GET", "calls", endpoint=endpoint, at_least=count, timeout=timeout_s, limit=1)

    def webhooks(self) -> RemoteWebhooks:
        return RemoteWebhooks(self._admin_client, self._clock, lambda: tuple(self.jobs()))

    def documents(self) -> Documents:
        return Documents(map(_document, self._admin_client.pages("documents", by="offset")), self._which)

    def document(self, document_id: str) -> Document:
        return _document(self._ask("GET", f"documents/{quoted(document_id)}"))

    def delete_document(self, document_id: str) -> None:
        self._ask("DELETE", f"documents/{quoted(document_id)}")

    def accounts(self) -> tuple[Account, ...]:
        return tuple(map(ACCOUNT.read, self._admin_client.pages("accounts", by="offset")))

    def add_account(self, spec: AccountSpec) -> Account:
        return ACCOUNT.read(self._ask("POST", "accounts", ACCOUNT_SPEC.write(spec), account=None))

    def credits(self) -> Credits:
        left: Credits = self._ask("GET", "state")["credits"]
        return left

    def credits_spent(self) -> Credits:
        spent: Credits = self._ask("GET", "state")["credits_spent"]
        return spent

    def started_ns(self) -> int:
        return int(self._ask("GET", "state")["started_ns"])

    def report(self) -> Report:
        try:
            plain = self._ask("GET", "report", holds_clock="true" if self._clock.held else None)
        except MockAkoolError as error:
            text = f"the fake cannot tell what it saw: {error}"
            return Report(0, lambda error: text)
        return Report(plain["calls"], lambda error: str(plain["report"]))

    def snapshot(self) -> dict[str, Any]:
        found: dict[str, Any] = self._ask("GET", "snapshot")
        return found

    def load_snapshot(self, snapshot: Mapping[str, Any]) -> None:
        self._ask("PUT", "snapshot", snapshot)

    def reset(self) -> None:
        self._ask("POST", "reset")
        self._clock.look()

    def _of_job(self, job_id: str, what: str | None = None, body: Mapping[str, Any] | None = None) -> Any:
        path = f"jobs/{quoted(job_id)}"
        return self._ask("GET", path) if what is None else self._ask("POST", f"{path}/{what}", body)

    @property
    def _which(self) -> str:
        return "" if self.api_key is None else " of this account"


class RemoteAkool(BaseMock, Activation):
    """A fake on a server. `MockAkool.connect` makes one; it has the methods of MockAkool.

    As a context manager, or as a decorator, it sends what `requests`, `httpx` and `aiohttp` of this process ask of
    Akool's hosts to the server. Without an `api_key` the server's clock then stands still, and sleep moves it; with
    one, the clock is left alone, since it is everybody's, and sleep is real.
    """

    def __init__(self, url: str, admin_token: str | None = None, *, api_key: str | None = None, **options: Any) -> None:
        mistakes = Mistakes()
        mistakes.found += ActivationOptions.unknown(options, ("api_key", "admin_token"))
        known = ActivationOptions.fields()
        with mistakes.noted():
            address = server_url(url)
        with mistakes.noted():
            token = admin_token or token_of_environment()
        with mistakes.noted():
            activation = ActivationOptions(**{name: value for name, value in options.items() if name in known})
        mistakes.raise_any()
        self._admin_client = AdminClient(address, token, api_key=api_key)
        self._clock = RemoteClock(self._admin_client.of_account(None))
        self._given_back = ExitStack()
        """What is done when this process is left."""
        super().__init__(_RemoteBackend(self._admin_client, self._clock), activation)
        self._clock.look()  # also tells whether a server is there, and takes the token

    if not TYPE_CHECKING:  # or else any name would pass for one

        def __getattr__(self, name: str) -> Any:
            if name in _OF_A_PROCESS:
                raise AttributeError(f"{name} belongs to a fake of this process, and this one runs at {self.url}")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def url(self) -> str:
        """The address of the server."""
        return self._admin_client.url

    @property
    def clock(self) -> RemoteClock:
        """The server's clock, which is the same for all accounts."""
        return self._clock

    def _enter(self, hosts: Sequence[str], *, refuse_others: bool) -> RemoteTarget:
        from mock_akool.mock.remote.target import RemoteTarget

        if self.api_key is None:
            # As in process: no webhook is sent unless the test says so.
            if self._admin_client.ask("GET", "state")["sending"] != "call":
                self._given_back.callback(self._admin_client.ask, "POST", "webhooks/sending", {"by": "start"})
                self.webhooks.collect()
            self._given_back.callback(self._clock.let_go)
            self._clock.hold()
        return RemoteTarget(self._admin_client, self._clock, hosts, refuse_others=refuse_others)

    def _leave(self) -> None:
        with suppress(ServerError):  # of a server that has gone away
            self._given_back.close()

    def __repr__(self) -> str:
        whose = "" if self.api_key is None else f" as {self.api_key[:4]}… sees it"
        return f"<the fake at {self.url}{whose}>"
