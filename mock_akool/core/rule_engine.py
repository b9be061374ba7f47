"""How active rules count calls, and which one fires."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from mock_akool.core.draining import Container
from mock_akool.core.errors import MisfitError
from mock_akool.core.keyed_random import KeyedRandom, KeyPart
from mock_akool.core.rules import NEVER, Conditions, Rule, Subject


class RuleState(NamedTuple):
    """An active rule and how often it fired, see ActiveRule."""

    rule: Rule
    label: str
    number: int = 0
    after: int = 0
    fired: int = 0


class CounterState(NamedTuple):
    """What rules counted together, see RuleCounter: each by its position and its number among all rules.

    `counts` are the account, the job or the empty text, how many calls there were, and the next that is due.
    """

    on: tuple[str, ...]
    conditions: Conditions
    first_due: int
    rules: Sequence[tuple[int, int]] = ()
    counts: Sequence[tuple[str, str | int, int, int]] = ()


class StreamState(NamedTuple):
    """How many calls there were to an endpoint, of an account, about one of its jobs (0: none)."""

    endpoint: str
    account: str
    job_number: int
    reached: int


class RuleSetState(NamedTuple):
    """Rules that are active together, and what they counted."""

    scope: str
    begun_ns: int
    rules: Sequence[RuleState] = ()
    counters: Sequence[CounterState] = ()
    streams: Sequence[StreamState] = ()


class Firing(NamedTuple):
    """A rule that fires at a call, and the key of the call, with which the fault makes its draws."""

    active: ActiveRule
    key: tuple[KeyPart, ...]
    account: str | None = None
    job_id: str | None = None


class ActiveRule:
    """A rule with what the call log calls it, since when it is active, and how often it fired."""

    __slots__ = ("after", "begun_ns", "fired", "label", "number", "rule")

    def __init__(self, rule: Rule, label: str, number: int = 0, after: int = 0) -> None:
        self.rule = rule
        self.label = label
        self.number = number
        """Numbers the rules that were added one by one, from 1; those of scenarios have 0."""
        self.after = after
        """The number of the last call before it became active: it counts those that follow."""
        self.begun_ns = 0
        """The instant from which its `during` is counted, in nanoseconds since the epoch."""
        self.fired = 0
        """At how many calls it fired."""


class Count:
    """How many calls were counted together (`reached`), and the number of the next that a rule may choose (`due`)."""

    __slots__ = ("due", "reached")

    def __init__(self, due: int = NEVER) -> None:
        self.reached = 0
        self.due = due


class RuleCounter:
    """The rules that count the same calls.

    While no rule is due at the next count, a call costs one comparison, however many rules there are.
    """

    __slots__ = ("conditions", "counts", "first_due", "free", "on", "per", "rules")

    def __init__(self, conditions: Conditions, on: tuple[str, ...]) -> None:
        self.conditions = conditions
        self.on = on
        self.per = conditions.per
        self.free = conditions == Conditions(per=conditions.per)
        """Whether all calls meet the conditions."""
        self.rules: list[tuple[int, ActiveRule]] = []
        self.first_due = NEVER
        """The number of the first counted call that a rule may choose, for each count that begins."""
        self.counts: dict[str, dict[str | int, Count]] = {}
        """By account, and of an account by job, or all together."""

    def state(self, numbers: Mapping[int, int]) -> CounterState:
        """Return what it counted; `numbers` are those of the rules among all, by identity."""
        return CounterState(
            self.on,
            self.conditions,
            self.first_due,
            [(position, numbers[id(active)]) for position, active in self.rules],
            [
                (owner, job, count.reached, count.due)
                for owner, counts in self.counts.items()
                for job, count in counts.items()
            ],
        )

    @classmethod
    def restored(cls, state: CounterState, rules: Sequence[ActiveRule]) -> RuleCounter:
        """Return a counter that goes on from a state, with rules of these; raises IndexError for others."""
        made = cls(state.conditions, state.on)
        made.first_due = state.first_due
        made.rules = [(position, rules[number]) for position, number in state.rules]
        for owner, job, reached, due in state.counts:
            count = made.counts.setdefault(owner, {})[job] = Count(due)
            count.reached = reached
        return made

    def add(self, position: int, active: ActiveRule) -> None:
        """Let a rule count with the others; nothing must have been counted yet."""
        self.rules.append((position, active))
        self.first_due = min(self.first_due, active.rule.quiet_until(0))

    def firing(self, subject: Subject, lucky: Callable[[int, Rule], bool]) -> tuple[int, ActiveRule] | None:
        """Count the call, and return the first rule that fires at it, with its position."""
        if not self.free and self.conditions.differences(subject):
            return None
        count = self.count_of(subject)
        count.reached = reached = count.reached + 1
        if reached < count.due:
            return None
        count.due = self._quiet_until(reached)
        for position, active in self.rules:
            if active.rule.chosen(reached) and lucky(position, active.rule):
                return position, active
        return None

    def count_of(self, subject: Subject) -> Count:
        """Return the count that the call belongs to."""
        owner: str
        job: str | int
        owner, job = "", ""
        if self.per == "account":
            owner = subject.account or ""
        elif self.per == "job" and subject.counted_as is not None:
            owner, job = subject.counted_as
        counts = self.counts.get(owner)
        if counts is None:
            counts = self.counts[owner] = {}
        count = counts.get(job)
        if count is None:
            count = counts[job] = Count(self.first_due)
        return count

    def forget(self, account: str) -> None:
        """Start the counts of an account and its jobs anew; what several accounts are counted in goes on."""
        if self.per != "all":
            self.counts.pop(account, None)

    def _quiet_until(self, count: int) -> int:
        return min((active.rule.quiet_until(count) for _, active in self.rules), default=NEVER)


class _Stream(NamedTuple):
    """The calls to an endpoint of one account about one of its jobs (0: none)."""

    endpoint: str
    account: str
    job_number: int


class RuleSet:
    """Rules that are active together: those for everybody, of an account, of a job, or made in Python."""

    def __init__(self, scope: str, begun_ns: int, keyed_random: KeyedRandom, rules: Iterable[ActiveRule] = ()) -> None:
        self.rules: list[ActiveRule] = []
        self._begun_ns = begun_ns
        self._scope = scope
        self._keyed_random = keyed_random
        self._all: list[RuleCounter] = []
        self._counters: dict[str, list[RuleCounter]] = {}
        """By endpoint."""
        self._streams: dict[str, dict[_Stream, Count]] = {}
        """How many calls there were of each stream."""
        known: dict[tuple[tuple[str, ...], Conditions], RuleCounter] = {}
        for active in rules:
            key = active.rule.on, active.rule.conditions
            known[key] = self._add(active, known.get(key))

    def state(self) -> RuleSetState:
        """Return the rules and all that they counted, to go on from."""
        numbers = {id(active): number for number, active in enumerate(self.rules)}
        return RuleSetState(
            self._scope,
            self._begun_ns,
            [RuleState(each.rule, each.label, each.number, each.after, each.fired) for each in self.rules],
            [counter.state(numbers) for counter in self._all],
            [
                StreamState(*stream, count.reached)
                for streams in self._streams.values()
                for stream, count in streams.items()
            ],
        )

    @classmethod
    def restored(cls, state: RuleSetState, keyed_random: KeyedRandom) -> RuleSet:
        """Return rules that go on from a state; raises MisfitError for what does not fit together."""
        made = cls(state.scope, state.begun_ns, keyed_random)
        for each in state.rules:
            active = ActiveRule(each.rule, each.label, each.number, each.after)
            active.begun_ns, active.fired = state.begun_ns, each.fired
            made.rules.append(active)
        for number, counter in enumerate(state.counters):
            try:
                made._keep(RuleCounter.restored(counter, made.rules))
            except IndexError:
                raise MisfitError(f"counters[{number}].rules", "there are fewer rules") from None
        for stream in state.streams:
            count = Count()
            count.reached = stream.reached
            streams = made._streams.setdefault(stream.account, {})
            streams[_Stream(stream.endpoint, stream.account, stream.job_number)] = count
        return made

    def containers(self) -> list[Container]:
        """Return what holds the most of it, to be drained when it is out of use."""
        counters = (counter for some in self._counters.values() for counter in some)
        counts = (of_account for counter in counters for of_account in counter.counts.values())
        return [*counts, *self._streams.values()]

    def begin_after(self, number: int) -> None:
        """Let the rules count from the calls after the one with this number on."""
        for active in self.rules:
            active.after = number

    def append(self, active: ActiveRule) -> None:
        """Add a rule; it counts from now on, and the others go on counting."""
        self._add(active, None)

    def remove(self, active: ActiveRule) -> None:
        """Take a rule away; the others go on counting."""
        self.rules.remove(active)
        for counters in self._counters.values():
            for counter in counters:
                counter.rules = [(position, each) for position, each in counter.rules if each is not active]

    def forget(self, account: str) -> None:
        """Start the counts of an account and its jobs anew; counts that several accounts share go on."""
        for counters in self._counters.values():
            for counter in counters:
                counter.forget(account)
        self._streams.pop(account, None)

    def _add(self, active: ActiveRule, counter: RuleCounter | None) -> RuleCounter:
        if counter is None:
            counter = self._keep(RuleCounter(active.rule.conditions, active.rule.on))
        active.begun_ns = self._begun_ns
        counter.add(len(self.rules), active)
        self.rules.append(active)
        return counter

    def _keep(self, counter: RuleCounter) -> RuleCounter:
        self._all.append(counter)
        for endpoint in counter.on:
            self._counters.setdefault(endpoint, []).append(counter)
        return counter

    def looks_into(self, endpoint: str) -> bool:
        """Return whether a rule for the endpoint needs more than the account and the job of a call."""
        return any(not counter.free for counter in self._counters.get(endpoint, ()))

    def counts_of(self, endpoint: str, subject: Subject) -> list[Count]:
        """Return all counts that a call adds to: those of the rules for its endpoint, and that of its stream."""
        counters = self._counters.get(endpoint)
        if counters is None:
            return []
        _, of_stream = self._stream_of(endpoint, subject)
        return [*(counter.count_of(subject) for counter in counters), of_stream]

    def _stream_of(self, endpoint: str, subject: Subject) -> tuple[_Stream, Count]:
        stream = _Stream(endpoint, subject.account or "", subject.job_number or 0)
        known = self._streams.setdefault(stream.account, {})
        count = known.get(stream)
        if count is None:
            count = known[stream] = Count()
        return stream, count

    def firing(self, endpoint: str, subject: Subject, now_ns: int) -> Firing | None:
        """Count the call by all rules, and return the first one that fires."""
        counters = self._counters.get(endpoint)
        if counters is None:
            return None
        if self.looks_into(endpoint):
            subject = subject._replace(since_ns=now_ns - self._begun_ns)
        stream, count = self._stream_of(endpoint, subject)
        count.reached += 1
        key = self._scope, *stream, count.reached

        def lucky(position: int, rule: Rule) -> bool:
            return rule.probability is None or self._keyed_random.fraction("luck", position, *key) < rule.probability

        fired = [found for counter in counters if (found := counter.firing(subject, lucky)) is not None]
        if not fired:
            return None
        position, active = min(fired, key=itemgetter(0))
        return Firing(active, ("fault", position, *key))
