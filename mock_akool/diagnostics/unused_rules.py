"""Explains why a rule never fired: what each call lacked."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import accumulate
from typing import Final

from mock_akool.akool.deliveries import Delivery
from mock_akool.akool.jobs import Job
from mock_akool.akool.scenarios.runtime import ScenarioRuntime
from mock_akool.akool.snapshot import Snapshot
from mock_akool.core.call_log import Call
from mock_akool.core.rule_engine import ActiveRule
from mock_akool.core.rules import Subject
from mock_akool.core.timeline import status_at
from mock_akool.core.webhook_faults import WebhookRule
from mock_akool.diagnostics.describe import describe, describe_status, nth

_MOST_SHOWN: Final = 12
_MOST_KEPT: Final = 32
"""Of how many kinds of rules it is kept at a time how the calls meet them: that may be some megabytes each."""


class UnusedRule:
    """A rule that never fired although it should have.

    `label` is what the call log calls it, and `number` is the number by which it can be removed, if it was added one
    by one.
    """

    def __init__(self, label: str, number: int | None, explain: Callable[[], str]) -> None:
        self.label = label
        self.number = number
        self._explain = explain

    @property
    def why(self) -> str:
        """Why it never fired, in some lines; found out when it is asked for."""
        return self._explain()


def unused_rules(scenarios: ScenarioRuntime, api_key: str | None = None) -> Iterator[UnusedRule]:
    """Yield the rules that should have fired and did not: those of an account, or with None all.

    Webhook faults that were added and applied to no webhook are among them. Those of a scenario are not: a scenario
    is for whoever asks for webhooks.
    """
    for rules, webhook_rules, seen in scenarios.unused_rules(api_key):
        counted = _CountedCalls(seen)
        for active in rules:
            yield UnusedRule(active.label, active.number or None, partial(_why_unused, active, counted))
        for fault in webhook_rules:
            yield UnusedRule(f"webhook fault {fault.rule}", None, partial(_why_no_webhook, fault.rule, seen.deliveries))


def _why_no_webhook(rule: WebhookRule, deliveries: Sequence[Delivery]) -> str:
    return f"the webhook fault {rule} applied to no webhook{_listed(deliveries)}"


def _listed(deliveries: Sequence[Delivery]) -> str:
    lines = [
        f"    delivery #{each.number} of job {each.job_id}, status {describe_status(each.status)}"
        for each in deliveries[-_MOST_SHOWN:]
    ]
    return ":\n" + "\n".join(lines) if lines else ": there was none"


class _Matches:
    """How the calls meet what several rules want of them: a rule that explains itself looks at the newest only."""

    def __init__(self, active: ActiveRule, seen: Snapshot, jobs: Mapping[str, Job]) -> None:
        self.calls = [call for call in seen.calls if call.number > active.after]
        self._active = active
        self._jobs = jobs
        self._known: dict[int, str] = {}

    def why_not(self, position: int) -> str:
        """Return why the call at a position is not one that the rules count; empty text for one that is."""
        known = self._known.get(position)
        if known is None:
            call, rule = self.calls[position], self._active.rule
            if call.endpoint not in rule.on:
                known = f"the rule is for {', '.join(rule.on)}"
            else:
                known = ", ".join(rule.conditions.differences(_as_counted(call, self._active, self._jobs)))
            self._known[position] = known
        return known

    @cached_property
    def numbers(self) -> list[int]:
        """How many calls were counted, up to each of them."""
        return list(accumulate(int(not self.why_not(position)) for position in range(len(self.calls))))


class _CountedCalls:
    """The calls that an account made, as its rules count them. Rules that want the same of calls count the same."""

    def __init__(self, seen: Snapshot) -> None:
        self.seen = seen
        self._jobs = {job.id: job for job in seen.jobs}
        self._matches: dict[Hashable, _Matches] = {}

    def by(self, active: ActiveRule) -> _Matches:
        """Return how the calls meet what a rule wants of them."""
        key = active.rule.on, active.rule.conditions, active.after, active.begun_ns
        found = self._matches.get(key)
        if found is None:
            if len(self._matches) >= _MOST_KEPT:
                self._matches.clear()
            found = self._matches[key] = _Matches(active, self.seen, self._jobs)
        return found


def _why_unused(active: ActiveRule, counted: _CountedCalls) -> str:
    never = f"the rule {active.label} never fired"
    seen, matches = counted.seen, counted.by(active)
    calls = matches.calls
    if not calls:
        if seen.calls:
            return f"{never}: no request reached the fake after the rule was made"
        return f"{never}: no request {'with the key of its account ' if seen.other_count else ''}reached the fake"

    def why(position: int) -> str:
        return matches.why_not(position) or _why_not_chosen(active, calls[position], matches.numbers[position])

    lines: list[str] = []
    start = len(calls)
    while start and len(lines) < _MOST_SHOWN:
        end, reason = start, why(start - 1)
        while start and why(start - 1) == reason:
            start -= 1
        more = f" and {end - start - 1} more" if end - start > 1 else ""
        lines.append(f"    {describe(calls[start])}{more}: {reason}")
    if start:
        lines.append(f"    ({start} earlier calls left out)")
    return "\n".join([never, *reversed(lines)])


def _why_not_chosen(active: ActiveRule, call: Call, number: int) -> str:
    """Return why a rule did not fire at a call that it counted as the `number`-th."""
    if call.rule is not None and active.rule.chosen(number):
        return f"the rule {call.rule} came first"
    return f"it was the {nth(number)} of these calls, and the rule says {active.rule.choosing()}"


def _as_counted(call: Call, live: ActiveRule, jobs: Mapping[str, Job]) -> Subject:
    """Return what was known of a call when rules were counted, as far as the call log still has it."""
    job = jobs.get(call.job_id or "")
    account = call.account or call.headers.get("x-api-key")
    fields = call.json
    prompt = fields.get("prompt") if isinstance(fields, dict) else None
    return Subject(
        account=account,
        job_id=call.job_id,
        job_number=None if job is None else job.number,
        prompt=job.topic.prompt if job is not None else prompt if isinstance(prompt, str) else None,
        status=None if job is None else status_at(job.timeline, job.created_ns, job.polls, call.time_ns),
        since_ns=call.time_ns - live.begun_ns,
    )
