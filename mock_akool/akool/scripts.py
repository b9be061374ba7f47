"""Who decides what becomes of jobs, accounts and webhooks where that is not as usual, as the engine sees it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from mock_akool.akool.accounts import Account, AccountScript
from mock_akool.akool.jobs import Job, NewJob
from mock_akool.akool.overrides import ResultOverride
from mock_akool.akool.settings import Limits
from mock_akool.core.draining import Container
from mock_akool.core.timeline import Timeline, TimelineOverride
from mock_akool.core.webhook_faults import ActiveWebhookRule


class JobPlan(NamedTuple):
    """What a job script says of a new job; None means: as usual. `label` is what the call log calls the script.

    `override` is what of the usual life is different, where `timeline` does not say the whole of it. `refused` is the
    code with which the job is refused and not made.
    """

    timeline: Timeline | None = None
    result: ResultOverride | None = None
    label: str | None = None
    override: TimelineOverride = TimelineOverride()
    refused: int | None = None


class Scripts(Protocol):
    """Who decides what becomes of jobs, accounts and webhooks where that is not as usual: the scenarios."""

    limiting: bool
    """Whether an account may have a limit of requests of its own."""

    def reset(self) -> Iterable[Container]:
        """Begin anew: the engine has forgotten everything. Returns what is to be drained."""
        ...

    def forget_jobs(self, job_ids: Iterable[str]) -> None:
        """Forget what concerns these jobs."""

    def forget(self, api_key: str) -> None:
        """Forget what concerns an account; its jobs were forgotten before."""

    def account_script(self, api_key: str) -> AccountScript:
        """Return what the account of this key is like when it is made."""

    def secret_of(self, api_key: str) -> str:
        """Return what of an API key the account's receiver of webhooks knows as clientSecret."""

    def limits(self, api_key: str) -> Limits:
        """Return the limits of this account in particular."""

    def account_script_of_new(self, account: Account, new: NewJob) -> AccountScript:
        """Return what is said of the account of a new job, for this job alone."""

    def plan_of(self, account: Account, new: NewJob) -> JobPlan:
        """Return what becomes of a new job, and count that as used."""

    def made(self, job: Job) -> None:
        """Take note of a new job."""

    def webhook_rules(self, job: Job) -> Iterable[ActiveWebhookRule]:
        """Return the rules for the webhooks of a job, in the order in which they are tried."""


class NoScripts:
    """Nobody says anything: everything is as usual."""

    limiting = False

    def reset(self) -> Iterable[Container]:
        """There is nothing to begin anew."""
        return ()

    def forget_jobs(self, job_ids: Iterable[str]) -> None:
        """There is nothing to forget."""

    def forget(self, api_key: str) -> None:
        """There is nothing to forget."""

    def account_script(self, api_key: str) -> AccountScript:
        """Return a script that says nothing."""
        return AccountScript()

    def secret_of(self, api_key: str) -> str:
        """Return the whole key."""
        return api_key

    def limits(self, api_key: str) -> Limits:
        """Return no limits."""
        return Limits()

    def account_script_of_new(self, account: Account, new: NewJob) -> AccountScript:
        """Return a script that says nothing."""
        return AccountScript()

    def plan_of(self, account: Account, new: NewJob) -> JobPlan:
        """Return a plan that says nothing."""
        return JobPlan()

    def made(self, job: Job) -> None:
        """Nobody wants to know."""

    def webhook_rules(self, job: Job) -> Iterable[ActiveWebhookRule]:
        """Return no rules."""
        return ()
