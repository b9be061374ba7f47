"""Scenarios: what shall become of jobs and of requests, as frozen data, and which of them are meant.

Nothing here has state: which rule fires at which call is decided in `director`. How a person writes a scenario is in
`scenario_shapes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from mock_akool.core.behaviour import AccountSpec
from mock_akool.core.codes import Endpoint, Profile, Status
from mock_akool.core.errors import ScenarioError
from mock_akool.core.faults import Fault
from mock_akool.core.models import CreateV3, CreateV4, JobInput, Missing, PressButton
from mock_akool.core.shapes import shown
from mock_akool.core.timeline import Duration, Span, Timeline
from mock_akool.core.webhook_faults import WebhookRule

CREATES: Final = (Endpoint.CREATE_BY_PROMPT, Endpoint.CREATE_BY_SOURCE_PROMPT, Endpoint.CREATE_BY_BUTTON)
API: Final = (Endpoint.GET_TOKEN, *CREATES, Endpoint.INFO_BY_MODEL_ID, Endpoint.QUOTA_INFO)
GROUPS: Final[Mapping[str, tuple[Endpoint, ...]]] = {
    "create": CREATES,
    "api": API,
    "any": (*API, Endpoint.FILE, Endpoint.UNKNOWN),
}
"""Words for several endpoints."""
ENDPOINT_NAMES: Final = (*API, Endpoint.FILE, Endpoint.UNKNOWN)


# Jobs


class Result(NamedTuple):
    """What is unusual about the result of a completed job. None means: as usual.

    `image` and `upscaled_urls` are what the record says instead, MISSING when it has no such key; `null` as image is
    the empty text's place. `files` is what goes wrong with every download of its files.
    """

    image: str | Missing | None = None
    upscaled_urls: tuple[str, ...] | Missing | None = None
    buttons: tuple[str, ...] | Missing | None = None
    files: Fault | None = None


class When(NamedTuple):
    """Which jobs are meant. Texts are patterns with `*` and `?`; None fits every job."""

    endpoint: tuple[Endpoint, ...] | None = None
    prompt: str | None = None
    scale: str | None = None
    model_name: str | None = None
    account: str | None = None

    def differences(self, input: JobInput, look: CreateV3 | CreateV4, account: str) -> list[str]:
        """Return what keeps a job of this request and account from being meant, in words; empty when it is."""
        found: list[str] = []
        endpoint = endpoint_of(input)
        if self.endpoint is not None and endpoint not in self.endpoint:
            found.append(f"it was created by {endpoint}")
        model = input.model_name if isinstance(input, CreateV4) else ""
        for name, pattern, value in (
            ("prompt", self.prompt, look.prompt),
            ("scale", self.scale, look.scale),
            ("model_name", self.model_name, model),
            ("account", self.account, account),
        ):
            if pattern is not None and not fnmatchcase(value, pattern):
                found.append(f"{name} is {shown(value)}" if name != "account" else "it is another account's")
        return found


def endpoint_of(input: JobInput) -> Endpoint:
    """Return the endpoint that makes jobs of this kind of request."""
    return _ENDPOINT_OF[type(input)]


_ENDPOINT_OF: Final[dict[type, Endpoint]] = {
    CreateV3: Endpoint.CREATE_BY_PROMPT,
    CreateV4: Endpoint.CREATE_BY_SOURCE_PROMPT,
    PressButton: Endpoint.CREATE_BY_BUTTON,
}


class JobScript(NamedTuple):
    """An entry of `jobs`: which jobs are meant, and what becomes of them.

    Without a `timeline` they live as long as the settings say. `times` is how many jobs it is for; without it, one,
    or all when it is the last entry or has a `when`.
    """

    when: When | None = None
    times: int | None = None
    timeline: Timeline | None = None
    result: Result | None = None


# Requests


class Rule(NamedTuple):
    """Which requests go wrong, and how.

    Each rule counts the calls that meet all its conditions, for each account by itself (`per`). `after` leaves out so
    many calls; of the others `nth`, `first` and `every` choose by their number, `probability` by lot. What is not
    said fits every call.
    """

    on: tuple[Endpoint, ...]
    fault: Fault
    name: str = ""
    account: str | None = None
    prompt: str | None = None
    job: int | str | None = None
    status: Status | None = None
    during: tuple[Span, Span] | None = None
    nth: tuple[int, ...] = ()
    first: int | None = None
    every: int | None = None
    after: int = 0
    probability: float | None = None
    per: str = "account"
    optional: bool = False

    @property
    def conditions(self) -> Conditions:
        """What a call must be like to be counted."""
        return Conditions(self.account, self.prompt, self.job, self.status, self.during, self.per)

    @property
    def must_fire(self) -> bool:
        """Whether it counts as a mistake when it never fired."""
        return not self.optional and self.probability in (None, 1)

    def chosen(self, count: int) -> bool:
        """Return whether the `count`-th counted call (from 1) is chosen, chance aside."""
        number = count - self.after
        if number < 1 or (self.first is not None and number > self.first):
            return False
        if self.every is not None and number % self.every:
            return False
        return not self.nth or number in self.nth

    def quiet_until(self, count: int) -> int:
        """Return the number of the next counted call after `count` that might be chosen; a huge one for none."""
        number = max(count - self.after, 0)
        if self.first is not None and number >= self.first:
            return NEVER
        following = number + 1
        if self.nth:
            following = min((each for each in self.nth if each >= following), default=NEVER)
        if self.every is not None and following != NEVER:
            following = -(-following // self.every) * self.every
        return following + self.after if following < NEVER else NEVER

    def choosing(self) -> str:
        """Say which of the counted calls are chosen; empty for all."""
        said = [f"nth: {', '.join(map(str, self.nth))}"] if self.nth else []
        said += [f"{name}: {getattr(self, name)}" for name in ("first", "every", "probability") if getattr(self, name)]
        if self.after:
            said.append(f"after: {self.after}")
        return ", ".join(said)


NEVER: Final = 1 << 62


class Conditions(NamedTuple):
    """What a call must be like for a rule to count it, and by whom it is counted."""

    account: str | None
    prompt: str | None
    job: int | str | None
    status: Status | None
    during: tuple[Span, Span] | None
    per: str

    def differences(self, call: Counted) -> list[str]:
        """Return why the call is not counted, in words; empty when it is."""
        found = []
        if self.during is not None:
            begin, end = self.during
            since_ns = call.since_ns
            if not (begin.ns or 0) <= since_ns or (end.ns is not None and since_ns >= end.ns):
                found.append(f"it came at {since_ns / 1e9:g} s, not during {begin} to {end}")
        if self.account is not None and not fnmatchcase(call.account or "", self.account):
            found.append("it was another account's" if call.account else "its account is not known")
        if self.job is not None and not self._is_the_job(call):
            found.append(f"it was about job {call.job_number}" if call.job_number else "it was about no known job")
        if self.prompt is not None and not fnmatchcase(call.prompt or "", self.prompt):
            found.append(
                f"its prompt is {shown(call.prompt)}, and {self.prompt!r} does not fit the whole of it"
                if call.prompt
                else "it has no prompt"
            )
        if self.status is not None and call.status is not self.status:
            status = call.status
            found.append(f"the job was {status.name.lower()}" if status else "it was about no known job")
        return found

    def _is_the_job(self, call: Counted) -> bool:
        if isinstance(self.job, int):
            return call.job_number == self.job
        return call.job_id == self.job


class Counted(NamedTuple):
    """What is known of a call before it is answered. `since_ns`: nanoseconds since the scenario came into force.

    `job_number` counts the account's jobs from 1; for a create it is the number that its job will have. `counted_as`
    is the job for rules that count `per: job`. Of a create that is the job that it will make, so all tries at one job
    are counted together.
    """

    account: str | None = None
    job_id: str | None = None
    job_number: int | None = None
    prompt: str | None = None
    status: Status | None = None
    since_ns: int = 0
    counted_as: str | None = None


# The whole


class AccountScript(NamedTuple):
    """What the accounts are like that no list describes. None means: as the settings say."""

    credits: int | None = None
    banned: bool | None = None
    token_lifetime: Duration | None = None


class Limits(NamedTuple):
    """When an account gets 1005: contract section 7. None means: as the settings say."""

    requests_per_second: float | None = None
    concurrent_jobs: int | None = None


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A whole scenario. `name` is what it is called in the journal; it is not part of the file."""

    description: str = ""
    advice: str = ""
    seed: int | None = None
    profile: Profile | None = None
    account: AccountScript = AccountScript()
    accounts: tuple[AccountSpec, ...] = ()
    jobs: tuple[JobScript, ...] = ()
    rules: tuple[Rule, ...] = ()
    limits: Limits = Limits()
    webhooks: tuple[WebhookRule, ...] = ()
    name: str = field(default="", compare=False)

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
    """Raise ScenarioError when a scenario says what is a fake's from its start, and so cannot be put in force later."""
    for each in scenarios:
        said = {"seed": each.seed, "profile": each.profile, "accounts": each.accounts or None}
        fixed = [name for name, value in said.items() if value is not None]
        if fixed:
            raise ScenarioError(
                f"{', '.join(fixed)} of a scenario cannot be changed while the fake runs",
                "Leave it out, or start the fake with the scenario",
            )


def over(below: Any, above: Any) -> Any:
    """Return a record of `AccountScript` or `Limits` with what `above` says, and where it says nothing, `below`."""
    return type(below)(*(low if high is None else high for low, high in zip(below, above, strict=True)))


def options_of(scenarios: Iterable[Scenario]) -> dict[str, Any]:
    """Return the settings that the scenarios say together; of two that say the same, the later one wins."""
    return {name: value for each in scenarios for name, value in each.options.items()}
