"""What the fixture `akool_server` gives to a test: a live server, seen by an account of the test's own."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from mock_akool.calls import Calls
from mock_akool.core.behaviour import AccountSpec
from mock_akool.core.clock import SteeredClock
from mock_akool.core.errors import MockAkoolError, ServerError
from mock_akool.core.models import Account, Exchange, Job
from mock_akool.core.scenario import Result
from mock_akool.core.timeline import COMPLETED, Ending, Timeline
from mock_akool.doors.server import Server
from mock_akool.mock import JobHandle, MockAkool
from mock_akool.remote import RemoteAkool, RemoteJob
from mock_akool.remote_webhooks import RemoteWebhooks
from mock_akool.rules import RuleDraft
from mock_akool.settings import server_url, token_of_environment
from mock_akool.webhooks.view import Webhooks

QUICK: Final[Mapping[str, Any]] = {"queueing": "50ms", "processing": "50ms"}
"""How long jobs take on a test's server, unless the settings say otherwise: it runs in real time."""

_CHECK_S: Final = 5.0


class LiveServer:
    """A fake on a clock that runs as the machine's, and the server that answers for it."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.mock = MockAkool(clock=SteeredClock(), **options_of(settings))
        self.mock.webhooks.send_over_http()
        self.server: Server = self.mock.server()

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.stop()


def options_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a test's server: the settings, and quick jobs where they do not say how long jobs take."""
    return {**QUICK, **settings}


class ServerView:
    """A live server as one test sees it, by an account that no other test has.

    `url` is the server's address, `api_key` (which is the `client_secret`, too) and `client_id` are the account's.
    """

    def __init__(self, url: str, live: LiveServer | None = None) -> None:
        self.url = url
        self.api_key = secrets.token_hex(16)
        self.client_id = base64.b64encode(secrets.token_bytes(16)).decode()
        self._live = live
        self._remote: RemoteAkool | None = None
        if live is not None:
            with live.mock.engine.lock:
                live.mock.engine.accounts.add(AccountSpec(self.api_key, self.client_id))
        else:
            self._remote = RemoteAkool(url, token_of_environment(), account=self.api_key)
            self._remote.add_account(self.api_key, client_id=self.client_id)

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

    def next_job(
        self,
        *,
        queueing: object = 0,
        processing: object = 0,
        ending: Ending | str = COMPLETED,
        stages: Sequence[Any] | Timeline | None = None,
        result: Mapping[str, Any] | Result | None = None,
    ) -> None:
        """Script one of this account's next jobs, as `MockAkool.next_job` does."""
        (self._remote or self._mock("next_job")).next_job(
            queueing=queueing, processing=processing, ending=ending, stages=stages, result=result, account=self.api_key
        )

    def on(self, endpoint: str | Sequence[str]) -> RuleDraft:
        """Begin a rule for this account's requests to an endpoint, as `MockAkool.on` does."""
        if self._remote is not None:
            return self._remote.on(endpoint)
        return self._mock("on").on(endpoint).account(self.api_key)

    @property
    def calls(self) -> Calls:
        """What was asked with this account's credentials, and what was answered, oldest first."""
        if self._remote is not None:
            return self._remote.calls
        mock = self._mock("calls")
        return Calls((each for each in mock.calls if self._asked(each)), " by this test's account")

    @property
    def webhooks(self) -> Webhooks | RemoteWebhooks:
        """The callbacks of the account's jobs. They are sent over HTTP, unless `deliver_to` says otherwise."""
        if self._remote is not None:
            return self._remote.webhooks
        return self._mock("webhooks").webhooks.of_account(self.api_key)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The account's jobs, in the order of their creation."""
        if self._remote is not None:
            return self._remote.jobs
        return tuple(job for job in self._mock("jobs").jobs if job.account.api_key == self.api_key)

    def job(self, job_id: str) -> JobHandle | RemoteJob:
        """Return a handle on the account's job with this `_id`; another one raises MockAkoolError."""
        if self._remote is not None:
            return self._remote.job(job_id)
        if job_id not in [job.id for job in self.jobs]:
            known = ", ".join(job.id for job in self.jobs[-5:]) or "none"
            raise MockAkoolError(f"this test's account has no job {job_id!r}", f"The newest ones are: {known}")
        return self._mock("job").job(job_id)

    @property
    def credits(self) -> int:
        """What the account has left."""
        if self._remote is not None:
            return self._remote.credits
        engine = self._mock("credits").engine
        with engine.lock:
            return engine.credits_of(self._account(), engine.clock.now_ns())

    @property
    def credits_spent(self) -> int:
        """What the account paid, refunds taken off."""
        if self._remote is not None:
            return self._remote.credits_spent
        engine = self._mock("credits_spent").engine
        with engine.lock:
            engine.credits_of(self._account(), engine.clock.now_ns())
            return engine.accounts.spent_by(self._account())

    def _account(self) -> Account:
        account = self._mock("account").engine.accounts.by_key(self.api_key)
        if account is None:
            raise MockAkoolError("this test's account is gone", "The server was reset while the test ran")
        return account

    def _asked(self, call: Exchange) -> bool:
        # Also what was refused before the account was known, such as a clientId sent as x-api-key.
        return call.account == self.api_key or call.headers.get("x-api-key") in (self.api_key, self.client_id)

    def verify(self) -> None:
        """Raise UnfiredRuleError when a rule of this account never fired on a server in another process."""
        if self._remote is not None:
            self._remote.verify()

    def leave(self) -> None:
        """Forget what this account did on a server in another process."""
        if self._remote is not None:
            self._remote.reset()

    def _mock(self, name: str) -> MockAkool:
        if self._live is None:
            raise MockAkoolError(
                f"akool_server.{name} is not available: {self.url} runs in another process",
                "Run without --akool-url (and without akool_url in the ini file) to have a server in this process",
            )
        return self._live.mock

    def __repr__(self) -> str:
        return f"<akool_server {self.url}>"


def check_url(url: str) -> str:
    """Return the address of a server as a base URL; raises MockAkoolError when it is none."""
    base = server_url(url)
    parts = urlsplit(base)
    if parts.path or parts.query or parts.fragment:
        raise MockAkoolError(f"{url!r} is no address of a server: it has a path", f"Write it as http://{parts.netloc}")
    return base


def check_server(url: str) -> None:
    """Raise ServerError unless a mock-akool server answers at the URL."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_CHECK_S)
    try:
        connection.request("GET", "/_mock/health")
        found = json.loads(connection.getresponse().read())
        is_ours = isinstance(found, dict) and found.get("name") == "mock-akool"
    except (OSError, http.client.HTTPException) as error:
        raise ServerError(f"no server answers at {url}: {error}", "Start one with `mock-akool serve`") from None
    except ValueError:
        is_ours = False
    finally:
        connection.close()
    if not is_ours:
        raise ServerError(f"what answers at {url} is not mock-akool", "Start one with `mock-akool serve`")
