"""What differs between a fake of this process and one on a server elsewhere, as a BaseMock needs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, Self

from mock_akool.akool.accounts import Account, Credits
from mock_akool.akool.jobs import Job
from mock_akool.akool.scenarios.model import JobScript, Scenario
from mock_akool.akool.settings import AccountSpec
from mock_akool.core.clock import MovableClock
from mock_akool.core.rules import Rule
from mock_akool.core.timeline import Ending, Status
from mock_akool.diagnostics.report import Report
from mock_akool.mock.calls import Calls
from mock_akool.mock.documents import Document, Documents
from mock_akool.mock.jobs import Jobs
from mock_akool.mock.webhooks import Webhooks


class SteerableClock(MovableClock, Protocol):
    """The clock of a fake as a test moves it. Raises ClockError for what it cannot do."""

    def advance(self, seconds: float) -> None:
        """Move the clock on by `seconds`, 0 or more."""
        ...


class Unused(NamedTuple):
    """What a test scripted and nothing used, each with why not, in a line or some."""

    rules: tuple[str, ...]
    job_scripts: tuple[str, ...]


class AddedRule(Protocol):
    """A rule that was added to a fake."""

    @property
    def rule(self) -> Rule:
        """The rule itself, a frozen record."""
        ...

    @property
    def number(self) -> int:
        """By which it can be taken away."""
        ...

    @property
    def label(self) -> str:
        """What the call log and error messages call it."""
        ...

    @property
    def fired(self) -> int:
        """How many calls it changed."""
        ...


class Backend(ABC):
    """A fake, wherever it runs; with an `api_key` all of it is about that account and leaves all others alone."""

    api_key: str | None
    """The API key of the account that this is all about; None: of all."""

    @abstractmethod
    def of_account(self, api_key: str) -> Self:
        """Return the same fake as one account sees it."""

    # Time

    @property
    @abstractmethod
    def clock(self) -> SteerableClock:
        """The clock; raises ClockError when it cannot be moved."""

    @abstractmethod
    def run_until_idle(self) -> None:
        """Move the clock to where no status changes any more by time alone, and no webhook is to be sent."""

    # Scripting

    @abstractmethod
    def check_source(self) -> None:
        """Raise ScenarioError when Python calls may not script the fake."""

    @abstractmethod
    def add_job_script(self, script: JobScript, api_key: str | None) -> None:
        """Add the script of a next job, of an account or of whoever comes."""

    @abstractmethod
    def add_rule(self, rule: Rule, label: str) -> AddedRule:
        """Add a rule."""

    @abstractmethod
    def remove_rule(self, added: AddedRule) -> None:
        """Take a rule away again."""

    @abstractmethod
    def put_scenarios(self, scenarios: Sequence[Scenario]) -> None:
        """Activate scenarios instead of those that were active, and of rules and job scripts that were added."""

    @abstractmethod
    def scenarios(self) -> tuple[Scenario, ...]:
        """Return the active scenarios."""

    @abstractmethod
    def unused(self) -> Unused:
        """Return the rules that never fired though they should have, and the job scripts that no create used."""

    def receiver_failures(self) -> Sequence[BaseException]:
        """Return the assertions that failed in receivers of webhooks."""
        return ()

    # What happened

    @abstractmethod
    def jobs(self) -> Jobs:
        """Return all jobs."""

    @abstractmethod
    def job(self, job_id: str) -> Job:
        """Return the record of a job; an unknown one raises MockAkoolError."""

    @abstractmethod
    def status_of(self, job_id: str) -> Status:
        """Return the status of a job now."""

    @abstractmethod
    def complete(self, job_id: str) -> None:
        """Let a job be completed from now on."""

    @abstractmethod
    def fail(self, job_id: str, ending: Ending) -> None:
        """Let a job have failed from now on."""

    @abstractmethod
    def stall(self, job_id: str) -> None:
        """Let a job stay at its status forever."""

    @abstractmethod
    def calls(self) -> Calls:
        """Return the call log."""

    @abstractmethod
    def wait_for_calls(self, count: int, endpoint: str, timeout_s: float) -> None:
        """Return when there are `count` calls to an endpoint, or after so many real seconds."""

    @abstractmethod
    def webhooks(self) -> Webhooks:
        """Return the webhooks."""

    @abstractmethod
    def documents(self) -> Documents:
        """Return what accounts keep."""

    @abstractmethod
    def document(self, document_id: str) -> Document:
        """Return a document; an unknown one raises MockAkoolError."""

    @abstractmethod
    def delete_document(self, document_id: str) -> None:
        """Let a document never have been there; an unknown one raises MockAkoolError."""

    @abstractmethod
    def accounts(self) -> tuple[Account, ...]:
        """Return all accounts."""

    @abstractmethod
    def add_account(self, spec: AccountSpec) -> Account:
        """Make an account; raises MockAkoolError when there is such an account."""

    @abstractmethod
    def credits(self) -> Credits:
        """Return what the accounts have left."""

    @abstractmethod
    def credits_spent(self) -> Credits:
        """Return what the accounts paid, less refunds."""

    @abstractmethod
    def started_ns(self) -> int:
        """Return when the fake was made or last reset, in epoch nanoseconds."""

    @abstractmethod
    def report(self) -> Report:
        """Return the report about what was seen until now."""

    @abstractmethod
    def snapshot(self) -> dict[str, Any]:
        """Return all that the fake knows, as JSON has it."""

    @abstractmethod
    def load_snapshot(self, snapshot: Mapping[str, Any]) -> None:
        """Forget all, and go on from a snapshot; raises MockAkoolError, and has changed nothing then."""

    @abstractmethod
    def reset(self) -> None:
        """Forget what happened and what was scripted."""
