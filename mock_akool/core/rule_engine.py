"""How active rules are counted, and which one applies to a call."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import NamedTuple

from mock_akool.akool.endpoints import Endpoint
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.rules import NEVER, Conditions, Counted, Rule


class Firing(NamedTuple):
    """A rule that fires at a call, and the place of the call in its stream, where the fault makes its draws."""

    live: ActiveRule
    place: tuple[str | int, ...]
    account: str | None = None
    job_id: str | None = None


class ActiveRule:
    """A rule with what the journal calls it, since when it is in force, and how often it fired."""

    __slots__ = ("after", "begun_ns", "fired", "label", "number", "rule")

    def __init__(self, rule: Rule, label: str, number: int = 0, after: int = 0) -> None:
        self.rule = rule
        self.label = label
        self.number = number
        """Counts the rules that were added one by one, from 1; those of scenarios have 0."""
        self.after = after
        """The number of the last call before it was put in force: it counts those that follow."""
        self.begun_ns = 0
        """The instant from which its `during` is counted."""
        self.fired = 0
        """How many calls it made go wrong."""


class RuleCounter:
    """The rules that count the same calls.

    A count that no rule of the group is waiting for costs a look at one number, however many rules there are.
    """

    __slots__ = ("conditions", "counts", "free", "per", "rules")

    def __init__(self, conditions: Conditions) -> None:
        self.conditions = conditions
        self.per = conditions.per
        self.free = conditions[:5] == (None,) * 5
        self.rules: list[tuple[int, ActiveRule]] = []
        self.counts: dict[str, list[int]] = {}
        """By account, job, or nothing: how many calls were counted, and which is the next that may be chosen."""

    def firing(self, request: Counted, lucky: Callable[[int, Rule], bool]) -> tuple[int, ActiveRule] | None:
        """Count the call, and return the first rule that it makes fire, with its position."""
        if not self.free and self.conditions.differences(request):
            return None
        counted = self.count_of(request)
        counted[0] += 1
        reached = counted[0]
        if reached < counted[1]:
            return None
        counted[1] = self._quiet_until(reached)
        for position, live in self.rules:
            if live.rule.chosen(reached) and lucky(position, live.rule):
                return position, live
        return None

    def count_of(self, request: Counted) -> list[int]:
        """Return how many calls were counted of those that this one is counted with, and the next to be chosen."""
        key = (request.account if self.per == "account" else request.counted_as if self.per == "job" else "") or ""
        counted = self.counts.get(key)
        if counted is None:
            counted = self.counts[key] = [0, self._quiet_until(0)]
        return counted

    def forget(self, whose: Container[str]) -> None:
        """Count anew for an account, or for jobs."""
        self.counts = {key: count for key, count in self.counts.items() if key not in whose}

    def _quiet_until(self, count: int) -> int:
        return min((live.rule.quiet_until(count) for _, live in self.rules), default=NEVER)


class RuleSet:
    """Rules that are in force together: those of everybody, of an account, of a job, or made in Python."""

    def __init__(self, scope: str, begun_ns: int, keyed_random: KeyedRandom, rules: Iterable[ActiveRule] = ()) -> None:
        self.rules: list[ActiveRule] = []
        self._begun_ns = begun_ns
        self._scope = scope
        self._keyed_random = keyed_random
        self._groups: dict[Endpoint, list[RuleCounter]] = {}
        self._streams: dict[tuple[Endpoint, str, int], list[int]] = {}
        """How many calls there were of each account, about each of its jobs, to each endpoint."""
        known: dict[tuple[tuple[Endpoint, ...], Conditions], RuleCounter] = {}
        for live in rules:
            key = live.rule.on, live.rule.conditions
            known[key] = self._add(live, known.get(key))

    def append(self, live: ActiveRule) -> None:
        """Add a rule; it counts from now on, and the others go on counting."""
        self._add(live, None)

    def remove(self, live: ActiveRule) -> None:
        """Take a rule away; the others go on counting."""
        self.rules.remove(live)
        for groups in self._groups.values():
            for group in groups:
                group.rules = [each for each in group.rules if each[1] is not live]

    def forget(self, account: str, whose: Container[str]) -> None:
        """Count anew for an account and its jobs; counts that several accounts share go on."""
        for groups in self._groups.values():
            for group in groups:
                if group.per != "all":
                    group.forget(whose)
        self._streams = {stream: number for stream, number in self._streams.items() if stream[1] != account}

    def _add(self, live: ActiveRule, group: RuleCounter | None) -> RuleCounter:
        if group is None:
            group = RuleCounter(live.rule.conditions)
            for endpoint in live.rule.on:
                self._groups.setdefault(endpoint, []).append(group)
        live.begun_ns = self._begun_ns
        group.rules.append((len(self.rules), live))
        self.rules.append(live)
        return group

    def looks_into(self, endpoint: Endpoint) -> bool:
        """Return whether a rule for the endpoint wants to know more of a call than whose it is and of which job."""
        return any(not group.free for group in self._groups.get(endpoint, ()))

    def counts_of(self, endpoint: Endpoint, request: Counted) -> tuple[list[list[int]], list[int]] | None:
        """Return what a call counts in the groups for its endpoint, and in its stream; None when no rule is for it."""
        groups = self._groups.get(endpoint)
        if groups is None:
            return None
        stream = endpoint, request.account or "", request.job_number or 0
        return [group.count_of(request) for group in groups], self._streams.setdefault(stream, [0])

    def firing(self, endpoint: Endpoint, request: Counted, now_ns: int) -> Firing | None:
        """Count the call by all rules, and return the first one that fires."""
        groups = self._groups.get(endpoint)
        if groups is None:
            return None
        if self.looks_into(endpoint):
            request = request._replace(since_ns=now_ns - self._begun_ns)
        stream = endpoint, request.account or "", request.job_number or 0
        number = self._streams.setdefault(stream, [0])
        number[0] += 1
        place = self._scope, *stream, number[0]

        def lucky(position: int, rule: Rule) -> bool:
            return rule.probability is None or self._keyed_random.fraction("luck", position, *place) < rule.probability

        fired = [found for group in groups if (found := group.firing(request, lucky)) is not None]
        if not fired:
            return None
        position, live = min(fired, key=_position)
        return Firing(live, ("fault", position, *place))


def _position(found: tuple[int, ActiveRule]) -> int:
    return found[0]
