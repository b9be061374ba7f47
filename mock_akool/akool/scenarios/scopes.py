"""What scenarios say about everybody, about one account, or about one job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

from mock_akool.akool.accounts import AccountScript
from mock_akool.akool.jobs import NewJob
from mock_akool.akool.scenarios.model import LabelledScript, Scenario
from mock_akool.akool.settings import Limits, over
from mock_akool.core.errors import MisfitError
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.rule_engine import ActiveRule, RuleSet, RuleSetState
from mock_akool.core.webhook_faults import ActiveWebhookRule


class ScopeState(NamedTuple):
    """Scenarios that are active together, and what they counted.

    `applied` are the counts of the webhook rules, in their order: to how many webhooks each applied, by account.
    `used` is how often each script was used, by account and by its number among those of all scenarios.
    """

    rules: RuleSetState
    scenarios: tuple[Scenario, ...] = ()
    applied: Sequence[Mapping[str, int]] = ()
    used: Mapping[str, Sequence[tuple[int, int]]] = MappingProxyType({})


class Scope:
    """Scenarios that are active for the same accounts or job, with what they counted and which scripts are used up."""

    def __init__(self, name: str, begun_ns: int, scenarios: Sequence[Scenario], keyed_random: KeyedRandom) -> None:
        self.scenarios = tuple(scenarios)
        self.account: AccountScript = reduce(over, (each.account for each in scenarios), AccountScript())
        self.limits: Limits = reduce(over, (each.limits for each in scenarios), Limits())
        self.rules = RuleSet(
            name,
            begun_ns,
            keyed_random,
            [
                ActiveRule(rule, f"{each.name or 'scenario'}: {rule.name or f'rules[{position}]'}")
                for each in scenarios
                for position, rule in enumerate(each.rules)
            ],
        )
        self.webhook_rules = [
            ActiveWebhookRule(rule, f"{each.name or 'scenario'}: webhooks[{position}]")
            for each in scenarios
            for position, rule in enumerate(each.webhooks)
        ]
        scripts = [list(_labelled(each)) for each in scenarios]
        self._numbers = {id(each): number for number, each in enumerate(chain.from_iterable(scripts))}
        self._conditional = [each for some in scripts for each in some if each.script.when is not None]
        plain = [[each for each in some if each.script.when is None] for some in scripts]
        self._plain = next((some for some in reversed(plain) if some), [])
        """Those of the last scenario that has any: those of several would get in each other's way."""
        self._used: dict[str, dict[int, int]] = {}
        """How often each script was used, by account and the script's identity; two may have the same label."""

    def state(self) -> ScopeState:
        """Return the scenarios and what they counted, to go on from."""
        return ScopeState(
            self.rules.state(),
            self.scenarios,
            [dict(active.applied) for active in self.webhook_rules],
            {key: [(self._numbers[each], count) for each, count in used.items()] for key, used in self._used.items()},
        )

    @classmethod
    def restored(cls, state: ScopeState, keyed_random: KeyedRandom) -> Scope:
        """Return scenarios that go on from a state; raises MisfitError for what does not fit together."""
        made = cls(state.rules.scope, state.rules.begun_ns, state.scenarios, keyed_random)
        own = [active.rule for active in made.rules.rules]
        if own != [each.rule for each in state.rules.rules]:
            raise MisfitError("rules.rules", "these are not the rules of the scenarios")
        try:
            made.rules = RuleSet.restored(state.rules, keyed_random)
        except MisfitError as error:
            raise error.within("rules") from None
        if len(state.applied) != len(made.webhook_rules):
            raise MisfitError("applied", f"the scenarios have {len(made.webhook_rules)} faults of webhooks")
        for active, applied in zip(made.webhook_rules, state.applied, strict=True):
            active.applied.update(applied)
        ids = {number: each for each, number in made._numbers.items()}
        for key, used in state.used.items():
            if any(number not in ids for number, _ in used):
                raise MisfitError(f"used.{key}", f"the scenarios have {len(ids)} job scripts")
            made._used[key] = {ids[number]: count for number, count in used}
        return made

    def take(self, account: str, new: NewJob) -> LabelledScript | None:
        """Return the script for the account's new job, and count it as used; None when there is none for it."""
        for each in self._conditional:
            when = each.script.when
            if when is not None and when.fits(new, account) and self._use(each, account, None):
                return each
        last = len(self._plain) - 1
        for position, each in enumerate(self._plain):
            if self._use(each, account, None if position == last else 1):
                return each
        return None

    def forget(self, account: str) -> None:
        """Start the counts of an account and its jobs anew."""
        self.rules.forget(account)
        self._used.pop(account, None)
        for active in self.webhook_rules:
            active.applied.pop(account, None)

    def _use(self, labelled: LabelledScript, account: str, usual_times: int | None) -> bool:
        """Count the script as used, and return True, unless it is used up."""
        times = labelled.script.times or usual_times
        used = self._used.setdefault(account, {})
        count = used.get(id(labelled), 0)
        if times is not None and count >= times:
            return False
        used[id(labelled)] = count + 1
        return True


def _labelled(scenario: Scenario) -> Iterator[LabelledScript]:
    for position, script in enumerate(scenario.jobs):
        yield LabelledScript(script, f"{scenario.name or 'scenario'}: jobs[{position}]")
