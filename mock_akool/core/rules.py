"""Which calls a rule is about, and what it does to them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from mock_akool.akool.endpoints import Endpoint
from mock_akool.core.durations import Span
from mock_akool.core.faults import Fault
from mock_akool.core.schema import shown
from mock_akool.core.timeline import Status


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
