"""What a test says to a fake and reads of it, wherever the fake runs: documented here, and only here."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Never

from mock_akool.akool.accounts import Account, Credits
from mock_akool.akool.overrides import ResultOverride
from mock_akool.akool.scenarios.model import Scenario, check_changeable
from mock_akool.akool.settings import ACCOUNT_SPEC
from mock_akool.core.errors import MockAkoolError, ScenarioError, UnusedError, UnusedJobScriptError, UnusedRuleError
from mock_akool.core.timeline import Ending, Status, Timeline
from mock_akool.diagnostics.report import Report
from mock_akool.mock.backend import Backend, SteerableClock
from mock_akool.mock.calls import Calls
from mock_akool.mock.documents import Document, Documents
from mock_akool.mock.job_scripts import job_script, read_api_key
from mock_akool.mock.jobs import JobHandle, Jobs
from mock_akool.mock.rule_builder import RuleBuilder, check_words, why_unended
from mock_akool.mock.settings import ActivationOptions
from mock_akool.mock.webhooks import Webhooks


def _line_of(frame: FrameType) -> str:
    """Return the file and the line that a frame is at, as pytest writes them: from the working directory if below."""
    file = frame.f_code.co_filename
    with suppress(OSError):  # the working directory may be gone
        file = file.removeprefix(f"{Path.cwd()}{os.sep}")
    return f"{file}:{frame.f_lineno}"


class BaseMock:
    """A fake of Akool's API, to script and to look into; with an `api_key`, as that account sees it.

    A view of an account scripts and shows what is that account's, and leaves all others alone.
    """

    options: ActivationOptions

    def __init__(
        self, backend: Backend, options: ActivationOptions, drafts: dict[int, RuleBuilder] | None = None
    ) -> None:
        self._backend = backend
        """The fake itself, in this process or on a server."""
        self.options = options
        self._drafts = {} if drafts is None else drafts
        """Rules that were begun and not ended, with those of views."""

    @property
    def api_key(self) -> str | None:
        """The API key of the account that this is all about; None: of all."""
        return self._backend.api_key

    def of_account(self, api_key: str) -> BaseMock:
        """Return the same fake as the account with this API key sees it. Raises ScenarioError for what is no key."""
        __tracebackhide__ = True
        read_api_key(api_key)
        return BaseMock(self._backend.of_account(api_key), self.options, self._drafts)

    # Time

    @property
    def clock(self) -> SteerableClock:
        """The fake's clock, which is the same for all accounts; ClockError when it is one that cannot be moved."""
        return self._backend.clock

    def run_until_idle(self) -> None:
        """Move the clock to where no job's status changes any more by time alone, and no webhook is to be sent.

        Jobs that are stalled, or wait for polls, stay as they are. With an account only its jobs count. Raises
        ClockError when the clock cannot be moved.
        """
        self._backend.run_until_idle()

    # Scripting

    def next_job(
        self,
        *,
        queueing: object = None,
        processing: object = None,
        ending: Ending | Status | str | int | None = None,
        stages: Sequence[Any] | Timeline | None = None,
        result: Mapping[str, Any] | ResultOverride | None = None,
        refused: int | None = None,
        api_key: Account | str | None = None,
        **unknown: Never,
    ) -> None:
        """Add a job script: how long a next job is queued and processed, and how it ends.

        What you leave out is as the settings say. Lengths are seconds, or text such as `'3 polls'` or `'forever'`. The
        ending is `'completed'`, `'failed'`, `'failed: reason'`, or made by `failed()`. Instead of these, `stages` is
        the whole life as a scenario file has it, such as `[{"queueing": "1s"}, {"processing": "3s"}, {"queueing":
        "2s"}, "completed"]`; stages that it leaves out take no time. `result` is what is unusual about the result, such
        as `{"upscaled_urls": []}`. `refused` is a code, such as 1108: the create is refused with it, or of a batch of
        videos or languages this row.

        Several calls line up, one for each job that is created. With an `api_key`, or an Account, it is for that
        account's next job. Raises ScenarioError with all mistakes: values that cannot be, and those that contradict
        each other, such as an ending of a job that never ends.
        """
        __tracebackhide__ = True
        self._backend.check_source()
        script = job_script(
            queueing=queueing,
            processing=processing,
            ending=ending,
            stages=stages,
            result=result,
            refused=refused,
            **unknown,
        )
        self._backend.add_job_script(script, self._meant(api_key))

    def on(self, endpoint: str | Sequence[str]) -> RuleBuilder:
        """Begin a rule for requests to an endpoint, such as `on("infobymodelid").nth(2).respond(http=502)`.

        The endpoints are named as in the call log; `create` are those that create jobs, `api` all but files, `any`
        all. A rule counts for each account by itself, and goes before those of scenarios. Raises ScenarioError for an
        unknown endpoint.
        """
        __tracebackhide__ = True
        self._backend.check_source()
        check_words({"on": endpoint})
        return RuleBuilder(endpoint, self._backend, self._drafts, written_at=_line_of(sys._getframe(1)))

    def put_scenario(self, *scenarios: str | Path | Mapping[str, Any] | Scenario) -> None:
        """Activate scenarios from now on, instead of those that were active: names, files, or what a file says.

        Rules, faults of webhooks and job scripts that were added are taken away, too. Raises ScenarioError for a
        scenario that cannot be, or one with `seed`, `profile` or `accounts`, which are a fake's from its start.
        """
        __tracebackhide__ = True
        from mock_akool.scenario_library.library import load_all

        self._backend.check_source()
        loaded = load_all(scenarios)
        check_changeable(loaded)
        self._backend.put_scenarios(loaded)

    def clear_scenario(self) -> None:
        """Take away the active scenarios, and the rules, faults of webhooks and job scripts that were added."""
        self._backend.put_scenarios(())

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The active scenarios: those for everybody, or those for the account in particular."""
        return self._backend.scenarios()

    def verify(self) -> None:
        """Raise when the test did not test what it was written for; a `with` block does so at its end.

        - An AssertionError that was raised in a receiver of webhooks is raised again.
        - UnusedRuleError: a rule never fired; the option `unused_rules` turns it into a warning, or ignores it. Rules
          that are `optional` or fire by probability may stay silent.
        - UnusedJobScriptError: no create used a script of `next_job`; see the option `unused_job_scripts`.
        """
        __tracebackhide__ = True
        for failure in self._backend.receiver_failures():
            raise failure
        unused, options = self._backend.unused(), self.options
        rules = [why_unended(each) for each in self._drafts.values()]
        if unused.rules:
            rules += [*unused.rules, "Take the rule away, mark it `optional`, or set unused_rules to warn or ignore"]
        scripts = [*unused.job_scripts]
        if scripts:
            scripts.append("Take next_job(…) away, or set unused_job_scripts to warn or ignore")
        raised: list[type[UnusedError]] = []
        texts: list[str] = []
        for kind, reasons, wanted in (
            (UnusedRuleError, rules, options.unused_rules),
            (UnusedJobScriptError, scripts, options.unused_job_scripts),
        ):
            if reasons and wanted == "warn":
                warnings.warn("mock-akool: " + "\n".join(reasons), stacklevel=2)
            elif reasons and wanted == "error":
                raised.append(kind)
                texts += reasons
        if raised:
            raise raised[0]("\n".join(texts))

    # What happened

    @property
    def jobs(self) -> Jobs:
        """The jobs as they are now, in the order of their creation."""
        return self._backend.jobs()

    def job(self, job_id: str) -> JobHandle:
        """Return a handle on the job with this `_id`; an unknown one raises MockAkoolError."""
        return JobHandle(self._backend, self._backend.job(job_id).id)

    @property
    def calls(self) -> Calls:
        """The call log until now, oldest call first; as many calls as `call_log_size` says.

        With an account the calls that it made, also those that were refused before the account was known.
        """
        return self._backend.calls()

    def wait_for_calls(self, count: int, endpoint: str = "any", *, timeout: float = 5.0) -> Calls:
        """Wait until there are `count` calls to an endpoint and return them; TimeoutError after `timeout` real seconds.

        The endpoints are named as in `on`. For clients in other threads or processes: it moves no clock.
        """
        Calls(()).to(endpoint)  # refuses a wrong name before anything is waited for
        self._backend.wait_for_calls(count, endpoint, timeout)
        found = self.calls.to(endpoint)
        if len(found) < count:
            raise TimeoutError(f"{len(found)} of {count} calls to {endpoint} came within {timeout:g} s")
        return found

    @property
    def webhooks(self) -> Webhooks:
        """The webhooks: what was sent, where they go, and which faults they get."""
        return self._backend.webhooks()

    @property
    def documents(self) -> Documents:
        """What accounts keep with the service: knowledge, avatars and voices, as the API shows them now."""
        return self._backend.documents()

    def document(self, document_id: str) -> Document:
        """Return the document with this `_id`; an unknown one raises MockAkoolError."""
        __tracebackhide__ = True
        return self._backend.document(document_id)

    def delete_document(self, document_id: str) -> None:
        """Let a document never have been there; an unknown one raises MockAkoolError.

        A job that made it, such as that of an avatar, is forgotten; what it cost stays paid.
        """
        __tracebackhide__ = True
        self._backend.delete_document(document_id)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The accounts, in the order in which they appeared."""
        return self._backend.accounts()

    def add_account(self, api_key: str, **fields: Any) -> Account:
        """Make an account; `client_id`, `credits`, `status` and `token_lifetime` are as in a scenario's `accounts`.

        Raises ScenarioError for a value that cannot be, MockAkoolError when there is such an account.
        """
        __tracebackhide__ = True
        return self._backend.add_account(ACCOUNT_SPEC.read({"api_key": api_key, **fields}, ()))

    @property
    def credits(self) -> Credits:
        """What the accounts together have left, in credits. Raises MockAkoolError for one that is not there."""
        self._check_account()
        return self._backend.credits()

    @property
    def credits_spent(self) -> Credits:
        """What the accounts together paid in credits, less refunds. Raises MockAkoolError for one that is not there."""
        self._check_account()
        return self._backend.credits_spent()

    @property
    def started_ns(self) -> int:
        """The instant, in epoch nanoseconds, when the fake was made or last reset."""
        return self._backend.started_ns()

    def report(self) -> str:
        """Return the report of a failing test: the jobs, the last calls, and hints at mistakes of the client."""
        return self.capture_report().text(None)

    def capture_report(self) -> Report:
        """Return the report about what was seen until now; its text is made when it is asked for."""
        return self._backend.report()

    def snapshot(self) -> dict[str, Any]:
        """Return all that the fake knows, to be handed to `load_snapshot` of this or another one, also as JSON.

        It has the keys of the accounts. Raises MockAkoolError for the view of an account.
        """
        self._check_whole("snapshot")
        return self._backend.snapshot()

    def load_snapshot(self, snapshot: Mapping[str, Any]) -> None:
        """Forget all, and go on from a snapshot of a fake with the same seed.

        A clock that stood still shows the same instant again, one that ran has run on since. The settings, and how
        webhooks are received, stay this fake's own. Raises MockAkoolError that names what is wrong with it, and for
        the view of an account; nothing has changed then.
        """
        self._check_whole("load_snapshot")
        self._backend.load_snapshot(snapshot)
        self._drafts.clear()

    def reset(self) -> None:
        """Forget jobs, calls, job scripts, rules and spent credits; scenarios begin anew.

        A virtual clock stays where it is. With all accounts, a clock that runs shows the machine's time again.
        """
        self._drafts.clear()
        self._backend.reset()

    def _meant(self, account: Account | str | None) -> str | None:
        """Return the API key of the account whose next job is meant, or None for whoever comes."""
        api_key = account.api_key if isinstance(account, Account) else account
        if api_key is not None:
            read_api_key(api_key)
        if self.api_key is not None and api_key not in (None, self.api_key):
            raise ScenarioError(
                "next_job: this is a view of another account", "Call it on the whole fake, or on its own view"
            )
        return api_key or self.api_key

    def _check_whole(self, method: str) -> None:
        if self.api_key is not None:
            raise MockAkoolError(f"{method}: this is the view of an account", "Call it on the whole fake")

    def _check_account(self) -> None:
        if self.api_key is not None and not self.accounts:
            raise MockAkoolError(
                "there is no account with this API key", "It made no request yet, or the fake was reset since"
            )

    def __repr__(self) -> str:
        whose = "" if self.api_key is None else f" as {self.api_key[:4]}… sees it"
        return f"<{type(self).__name__}{whose}>"
