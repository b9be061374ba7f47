"""What the fixture `akool_server` gives to a test: a live server, seen by an account of the test's own."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mock_akool.akool.accounts import Credits
from mock_akool.akool.jobs import Job
from mock_akool.akool.overrides import ResultOverride
from mock_akool.akool.scenarios.model import Scenario
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.timeline import COMPLETED, Ending, Timeline
from mock_akool.diagnostics.report import Report
from mock_akool.mock.calls import Calls
from mock_akool.mock.jobs import JobHandle
from mock_akool.mock.local import LocalAkool
from mock_akool.mock.local_webhooks import Webhooks
from mock_akool.mock.remote import RemoteAkool, RemoteJob
from mock_akool.mock.remote.webhooks import RemoteWebhooks
from mock_akool.mock.rule_builder import RuleBuilder


class ServerView:
    """A live server as one test sees it, by an account that no other test has.

    `url` is the server's address, `api_key` (which is the `client_secret`, too) and `client_id` are the account's.
    """

    def __init__(self, url: str, fake: LocalAkool | RemoteAkool) -> None:
        self.url = url
        self.api_key = secrets.token_hex(16)
        self.client_id = base64.b64encode(secrets.token_bytes(16)).decode()
        self._fake = fake.of_account(self.api_key)
        fake.add_account(self.api_key, client_id=self.client_id)

    @property
    def client_secret(self) -> str:
        """The account's clientSecret, which is its API key."""
        return self.api_key

    @property
    def env(self) -> dict[str, str]:
        """Variables for a subprocess: AKOOL_BASE_URL, AKOOL_API_KEY, AKOOL_CLIENT_ID and AKOOL_CLIENT_SECRET."""
        return {
            "AKOOL_BASE_URL": self.url,
            "AKOOL_API_KEY": self.api_key,
            "AKOOL_CLIENT_ID": self.client_id,
            "AKOOL_CLIENT_SECRET": self.client_secret,
        }

    # Scripting

    def next_job(
        self,
        *,
        queueing: object = 0,
        processing: object = 0,
        ending: Ending | str = COMPLETED,
        stages: Sequence[Any] | Timeline | None = None,
        result: Mapping[str, Any] | ResultOverride | None = None,
    ) -> None:
        """Script one of this account's next jobs, as `MockAkool.next_job` does."""
        __tracebackhide__ = True
        self._fake.next_job(queueing=queueing, processing=processing, ending=ending, stages=stages, result=result)

    def on(self, endpoint: str | Sequence[str]) -> RuleBuilder:
        """Begin a rule for this account's requests to an endpoint, as `MockAkool.on` does."""
        __tracebackhide__ = True
        return self._fake.on(endpoint)

    def put_scenario(self, *scenarios: str | Path | Mapping[str, Any] | Scenario) -> None:
        """Put scenarios in force for this account, instead of those that were: names, files, or what a file says."""
        __tracebackhide__ = True
        self._fake.put_scenario(*scenarios)

    def clear_scenario(self) -> None:
        """Take the account's scenarios, rules and plans for next jobs away."""
        self._fake.clear_scenario()

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios that are in force for this account in particular."""
        return self._fake.scenarios

    def verify(self) -> None:
        """Raise UnusedRuleError, or warn, when a rule of this account never fired."""
        self._fake.verify()

    # What happened

    @property
    def calls(self) -> Calls:
        """What was asked with this account's credentials, and what was answered, oldest first."""
        return self._fake.calls

    def wait_for_calls(self, count: int, endpoint: str = "any", *, timeout: float = 5.0) -> Calls:
        """Wait until there are `count` calls to an endpoint and return them; TimeoutError after `timeout` real seconds.

        The endpoints are named as in `on`.
        """
        return self._fake.wait_for_calls(count, endpoint, timeout=timeout)

    @property
    def webhooks(self) -> Webhooks | RemoteWebhooks:
        """The callbacks of the account's jobs. They are sent over HTTP, unless `deliver_to` says otherwise."""
        return self._fake.webhooks

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The account's jobs, in the order of their creation."""
        return self._fake.jobs

    def job(self, job_id: str) -> JobHandle | RemoteJob:
        """Return a handle on the account's job with this `_id`; another one raises MockAkoolError."""
        return self._fake.job(job_id)

    @property
    def credits(self) -> Credits:
        """What the account has left."""
        self._check_account()
        return self._fake.credits

    @property
    def credits_spent(self) -> Credits:
        """What the account paid, refunds taken off."""
        self._check_account()
        return self._fake.credits_spent

    def report(self) -> str:
        """Return what a failing test shows: the account's jobs, its last calls, and hints at mistakes."""
        return self._fake.report()

    def capture_report(self) -> Report:
        """Return the report about what was seen until now; its text is made when it is asked for."""
        return self._fake.capture_report()

    def reset(self) -> None:
        """Forget this account's jobs, calls, job scripts, rules and spent credits."""
        self._fake.reset()

    def _check_account(self) -> None:
        if not self._fake.accounts:
            raise MockAkoolError("this test's account is gone", "The server was reset while the test ran")

    def __repr__(self) -> str:
        return f"<akool_server {self.url}>"
