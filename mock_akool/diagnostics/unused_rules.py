"""Explains why a rule never fired: what each call lacked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final, NamedTuple

from mock_akool.akool.deliveries import Delivery
from mock_akool.akool.jobs import Job
from mock_akool.akool.scenarios.runtime import ScenarioRuntime
from mock_akool.akool.snapshot import Snapshot
from mock_akool.core.call_log import Call
from mock_akool.core.rule_engine import ActiveRule
from mock_akool.core.rules import Subject
from mock_akool.core.timeline import status_at
from mock_akool.diagnostics.describe import describe, describe_status, nth

_MOST_SHOWN: Final = 12


class UnusedRule(NamedTuple):
    """A rule that never fired although it should have.

    `label` is what the call log calls it, `why` explains it in some lines, and `number` is the number by which it can
    be removed, if it was added one by one.
    """

    label: str
    why: str
    number: int | None = None


def unused_rules(scenarios: ScenarioRuntime, api_key: str | None = None) -> list[UnusedRule]:
    """Return the rules that should have fired and did not: those of an account, or with None all.

    Webhook faults that were added and applied to no webhook are among them. Those of a scenario are not: a scenario
    is for whoever asks for webhooks.
    """
    found: list[UnusedRule] = []
    for rules, webhook_rules, seen in scenarios.unused_rules(api_key):
        jobs = {job.id: job for job in seen.jobs}
        found += [UnusedRule(live.label, _why_unused(live, seen, jobs), live.number or None) for live in rules]
        found += [
            UnusedRule(
                f"webhook fault {live.rule}",
                f"the webhook fault {live.rule} applied to no webhook{_listed(seen.deliveries)}",
            )
            for live in webhook_rules
        ]
    return found


def _listed(deliveries: Sequence[Delivery]) -> str:
    lines = [
        f"    delivery #{each.number} of job {each.job_id}, status {describe_status(each.status)}"
        for each in deliveries[-_MOST_SHOWN:]
    ]
    return ":\n" + "\n".join(lines) if lines else ": there was none"


def _why_unused(live: ActiveRule, seen: Snapshot, jobs: dict[str, Job]) -> str:
    rule = live.rule
    lines = [f"the rule {live.label} never fired"]
    calls = [call for call in seen.calls if call.number > live.after]
    if not calls:
        if seen.calls:
            return f"{lines[0]}: no request reached the fake after the rule was made"
        return f"{lines[0]}: no request {'with the key of its account ' if seen.other_count else ''}reached the fake"
    matched = 0
    reasons: list[tuple[str, Call]] = []
    for call in calls:
        if call.endpoint not in rule.on:
            why = f"the rule is for {', '.join(rule.on)}"
        elif differences := rule.conditions.differences(_as_counted(call, live, jobs)):
            why = ", ".join(differences)
        else:
            matched += 1
            if call.rule is not None and rule.chosen(matched):
                why = f"the rule {call.rule} came first"
            else:
                why = f"it was the {nth(matched)} of these calls, and the rule says {rule.choosing()}"
        reasons.append((why, call))
    runs = [(why, [call for _, call in run]) for why, run in groupby(reasons, lambda each: each[0])]
    if len(runs) > _MOST_SHOWN:
        lines.append(f"    ({sum(len(run) for _, run in runs[:-_MOST_SHOWN])} earlier calls left out)")
    for why, run in runs[-_MOST_SHOWN:]:
        more = f" and {len(run) - 1} more" if len(run) > 1 else ""
        lines.append(f"    {describe(run[0])}{more}: {why}")
    return "\n".join(lines)


def _as_counted(call: Call, live: ActiveRule, jobs: dict[str, Job]) -> Subject:
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
