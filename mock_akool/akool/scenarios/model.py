"""Scenarios as frozen data: what becomes of which jobs and requests.

Nothing here has state: `runtime` decides which rule fires at which call. How a person writes a scenario is in `schema`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from mock_akool.akool.accounts import AccountScript
from mock_akool.akool.codes import Profile
from mock_akool.akool.jobs import NewJob
from mock_akool.akool.overrides import ResultOverride
from mock_akool.akool.scenarios.expectations import Expectation
from mock_akool.akool.settings import AccountSpec, Limits
from mock_akool.core.durations import Span
from mock_akool.core.errors import ScenarioError
from mock_akool.core.rules import Rule
from mock_akool.core.timeline import Ending, Timeline, TimelineOverride
from mock_akool.core.webhook_faults import WebhookRule


class When(NamedTuple):
    """Which jobs are meant. Texts are patterns with `*` and `?`; None fits every job."""

    endpoint: tuple[str, ...] | None = None
    prompt: str | None = None
    scale: str | None = None
    model_name: str | None = None
    account: str | None = None

    def fits(self, new: NewJob, account: str) -> bool:
        """Return whether a new job of this account is meant."""
        if self.endpoint is not None and new.endpoint not in self.endpoint:
            return False
        topic = new.topic
        patterns = (self.prompt, self.scale, self.model_name, self.account)
        values = (topic.prompt, topic.scale, topic.model_name, account)
        return all(
            pattern is None or fnmatchcase(value, pattern) for pattern, value in zip(patterns, values, strict=True)
        )


class JobScript(NamedTuple):
    """An entry of `jobs`: which jobs are meant, and what becomes of them.

    `timeline` is their whole life. Without it they live as the settings say, but for the lengths and the ending that
    are given. `times` is how many jobs it is for; without it, one, or all when it is the last script or has a `when`.
    `refused` is the code with which they are refused: there is no such job then, and nothing is charged.
    """

    when: When | None = None
    times: int | None = None
    timeline: Timeline | None = None
    result: ResultOverride | None = None
    queueing: Span | None = None
    processing: Span | None = None
    ending: Ending | None = None
    refused: int | None = None

    @property
    def override(self) -> TimelineOverride:
        """What of the usual life is different."""
        return TimelineOverride(self.queueing, self.processing, self.ending)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A whole scenario. `name` is what the call log calls it; it is not part of the file."""

    description: str = ""
    advice: str = ""
    expect: Expectation = Expectation()
    seed: int | None = None
    profile: Profile | None = None
    account: AccountScript = AccountScript()
    accounts: tuple[AccountSpec, ...] = ()
    jobs: tuple[JobScript, ...] = ()
    rules: tuple[Rule, ...] = ()
    limits: Limits = Limits()
    webhooks: tuple[WebhookRule, ...] = ()
    name: str = field(default="", compare=False)
    path: str = field(default="", compare=False)
    """The file that it was read from; empty for one that was not."""

    @property
    def options(self) -> dict[str, Any]:
        """The settings of a whole fake that it says, by name."""
        said = {
            "seed": self.seed,
            "profile": self.profile,
            "credits": self.account.credits,
            "account_status": None if self.account.banned is None else ("banned" if self.account.banned else "active"),
            "token_lifetime": self.account.token_lifetime,
            "requests_per_second": self.limits.requests_per_second,
            "concurrent_jobs": self.limits.concurrent_jobs,
            "accounts": self.accounts or None,
            "strict": True if self.accounts else None,
        }
        return {name: value for name, value in said.items() if value is not None}


def check_changeable(scenarios: Iterable[Scenario]) -> None:
    """Raise ScenarioError when a scenario sets what a fake has from its start, and so cannot be activated later."""
    for each in scenarios:
        said = {"seed": each.seed, "profile": each.profile, "accounts": each.accounts or None}
        fixed = [name for name, value in said.items() if value is not None]
        if fixed:
            raise ScenarioError(
                f"{', '.join(fixed)} of a scenario cannot be changed while the fake runs",
                "leave it out, or start the fake with the scenario",
            )


def options_of(scenarios: Iterable[Scenario]) -> dict[str, Any]:
    """Return the settings that the scenarios give together; of two that give the same, the later one wins."""
    return {name: value for each in scenarios for name, value in each.options.items()}


MOST_SCENARIOS: Final = 50
"""How many scenarios are combined at most: clients may name them, and each costs time and memory."""
Library = Callable[[str], Scenario]
"""Returns the scenario of a name, or raises ScenarioError."""


class LabelledScript(NamedTuple):
    """A job script, and what the call log calls it."""

    script: JobScript
    label: str


class ScenarioSetup(NamedTuple):
    """How a fake is set up for scenarios: those active from its start, the library, and what else may activate one.

    `by_key`: an API key that ends in `+NAME`; `by_prompt`: `[mock:NAME]` in a prompt; `by_admin`: the admin API.
    """

    scenarios: tuple[Scenario, ...] = ()
    library: Library | None = None
    by_key: bool = False
    by_prompt: bool = False
    by_admin: bool = False
