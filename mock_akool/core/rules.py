"""Rules as data: which requests go wrong, and how."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from mock_akool.core.durations import Span
from mock_akool.core.faults import Fault
from mock_akool.core.schema import shown
from mock_akool.core.timeline import Status

NEVER: Final = 1 << 62
"""The number of a call that never comes."""


class Rule(NamedTuple):
    """Which requests go wrong, and how.

    `on` are the names of endpoints. Each rule counts the calls that meet all its conditions, for each account by
    itself (`per`). `after` skips so many of them; of the others `nth`, `first` and `every` choose by their number,
    `probability` by lot. What is left out fits every call.
    """

    on: tuple[str, ...]
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
        """Whether it is a mistake when the rule never fires."""
        return not self.optional and self.probability in (None, 1)

    def chosen(self, count: int) -> bool:
        """Return whether the `count`-th counted call (from 1) is chosen, leaving the lot aside."""
        number = count - self.after
        if number < 1 or (self.first is not None and number > self.first):
            return False
        if self.every is not None and number % self.every:
            return False
        return not self.nth or number in self.nth

    def quiet_until(self, count: int) -> int:
        """Return the number of the next counted call after `count` that may be chosen; NEVER when there is none."""
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
        """Return in words which of the counted calls are chosen; empty for all."""
        said = [f"nth: {', '.join(map(str, self.nth))}"] if self.nth else []
        said += [f"{name}: {getattr(self, name)}" for name in ("first", "every", "probability") if getattr(self, name)]
        if self.after:
            said.append(f"after: {self.after}")
        return ", ".join(said)


class Conditions(NamedTuple):
    """What a call must be like for a rule to count it, and which calls are counted together (`per`).

    Texts are patterns with `*` and `?`; None fits every call. `job` is the number of the account's job, or its id.
    """

    account: str | None = None
    prompt: str | None = None
    job: int | str | None = None
    status: Status | None = None
    during: tuple[Span, Span] | None = None
    per: str = "account"

    def differences(self, subject: Subject) -> list[str]:
        """Return in words what keeps the subject from being meant; empty when it is."""
        found = []
        if self.during is not None:
            begin, end = self.during
            since_ns = subject.since_ns
            if not (begin.ns or 0) <= since_ns or (end.ns is not None and since_ns >= end.ns):
                found.append(f"it came at {since_ns / 1e9:g} s, not during {begin} to {end}")
        if self.account is not None and not fnmatchcase(subject.account or "", self.account):
            found.append("it was another account's" if subject.account else "its account is not known")
        if self.job is not None and self.job not in (subject.job_number, subject.job_id):
            number = subject.job_number
            found.append(f"it was about job {number}" if number else "it was about no known job")
        if self.prompt is not None and not fnmatchcase(subject.prompt or "", self.prompt):
            found.append(
                f"its prompt is {shown(subject.prompt)}, and {self.prompt!r} does not fit the whole of it"
                if subject.prompt
                else "it has no prompt"
            )
        if self.status is not None and subject.status is not self.status:
            status = subject.status
            found.append(f"the job was {status.word}" if status else "it was about no known job")
        return found


class Subject(NamedTuple):
    """What the conditions of rules look at: whose call or webhook it is, and which job it is about.

    `job_number` counts the account's jobs from 1; for a create it is the number that its job will have. `since_ns` is
    how long the scenario has been active, in nanoseconds. `counted_as` is the job for rules that count `per: job`, by
    whose it is and which: of a create, the job that it will make, so that all attempts at one job are counted together.
    """

    account: str | None = None
    job_id: str | None = None
    job_number: int | None = None
    prompt: str | None = None
    status: Status | None = None
    since_ns: int = 0
    counted_as: tuple[str, str | int] | None = None
