"""What scenarios say of everybody, of one account, or of one job."""

from __future__ import annotations

from collections.abc import Container, Sequence
from functools import reduce

from mock_akool.akool.accounts import AccountScript
from mock_akool.akool.jobs import NewJob
from mock_akool.akool.scenarios.model import Entry, Scenario
from mock_akool.akool.settings import Limits, over
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.rule_engine import ActiveRule, RuleSet
from mock_akool.core.webhook_faults import ActiveWebhookRule


class Scope:
    """What scenarios say of everybody, of one account, or of one job, and which of their entries are used up."""

    def __init__(
        self, name: str, begun_ns: int, scenarios: Sequence[Scenario], keyed_random: KeyedRandom, after: int = 0
    ) -> None:
        self.scenarios = tuple(scenarios)
        self.account: AccountScript = reduce(over, (each.account for each in scenarios), AccountScript())
        self.limits: Limits = reduce(over, (each.limits for each in scenarios), Limits())
        self.book = RuleSet(
            name,
            begun_ns,
            keyed_random,
            [
                ActiveRule(rule, f"{each.name or 'scenario'}: {rule.name or f'rules[{position}]'}", after=after)
                for each in scenarios
                for position, rule in enumerate(each.rules)
            ],
        )
        self.webhooks = [
            ActiveWebhookRule(rule, f"{each.name or 'scenario'}: webhooks[{position}]")
            for each in scenarios
            for position, rule in enumerate(each.webhooks)
        ]
        entries: list[list[Entry]] = [
            [Entry(script, f"{each.name or 'scenario'}: jobs[{at}]") for at, script in enumerate(each.jobs)]
            for each in scenarios
        ]
        self._conditional = [entry for some in entries for entry in some if entry.script.when is not None]
        plain = [[entry for entry in some if entry.script.when is None] for some in entries]
        self._plain = next((some for some in reversed(plain) if some), [])
        """Those of the last scenario that has any: they would otherwise get in each other's way."""
        self._used: dict[tuple[int, str], int] = {}

    def take(self, account: str, new: NewJob) -> Entry | None:
        """Return the entry for the account's new job, and count it as used; None when there is none for it."""
        for entry in self._conditional:
            when = entry.script.when
            if when is not None and not when.differences(new, account) and self._left(entry, account, None):
                return entry
        last = len(self._plain) - 1
        for position, entry in enumerate(self._plain):
            if self._left(entry, account, None if position == last else 1):
                return entry
        return None

    def forget(self, account: str, whose: Container[str]) -> None:
        """Begin anew for an account and its jobs."""
        self.book.forget(account, whose)
        self._used = {key: used for key, used in self._used.items() if key[1] != account}
        for live in self.webhooks:
            live.applied.pop(account, None)

    def _left(self, entry: Entry, account: str, usual: int | None) -> bool:
        key = id(entry), account
        used, times = self._used.get(key, 0), entry.script.times or usual
        if times is not None and used >= times:
            return False
        self._used[key] = used + 1
        return True
