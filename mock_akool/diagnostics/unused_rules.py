"""Tells why a rule never fired: what each call lacked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final, NamedTuple

from mock_akool.akool.engine import Engine
from mock_akool.core.call_log import Call
from mock_akool.core.rule_engine import ActiveRule
from mock_akool.core.rules import Counted
from mock_akool.core.webhook_faults import ActiveWebhookRule
from mock_akool.diagnostics.describe import describe, nth

_MOST_CALLS: Final = 12


class Unused(NamedTuple):
    """A rule that never fired though it should have: what the journal calls it, and why, in some lines.

    `number` is that by which it can be taken away, if it was added by itself.
    """

    label: str
    why: str
    number: int | None = None


def unused(engine: Engine, api_key: str | None = None) -> list[Unused]:
    """Return the rules that never fired, though they should have: those of an account, or with None all.

    Faults of callbacks that were added, and applied none, are among them. The engine's lock is held.
    """
    whose = (api_key,) if api_key is not None else (None, *engine.runtime.scripted_accounts())
    found: list[Unused] = []
    for key in whose:
        silent = [live for live in engine.runtime.rules_of(key) if live.rule.must_fire and not live.fired]
        idle = [live for live in engine.runtime.added_webhook_rules(key) if not live.applied]
        found += [*_silent_rules(silent, engine, key), *_idle_faults(idle, engine, key)]
    return found


def _silent_rules(silent: Sequence[ActiveRule], engine: Engine, api_key: str | None) -> list[Unused]:
    if not silent:
        return []
    calls = [engine.call_log.call(line) for line in engine.lines(api_key)]
    others = len(engine.call_log.lines()) - len(calls)
    return [Unused(live.label, _why_not(live, calls, engine, others), live.number or None) for live in silent]


def _idle_faults(idle: Sequence[ActiveWebhookRule], engine: Engine, api_key: str | None) -> list[Unused]:
    """Tell of faults of callbacks that were added and applied none. (A scenario's are for whoever has callbacks.)"""
    if not idle:
        return []
    made = engine.outbox.entries(api_key)
    lines = [
        f"    callback #{each.number} of job {each.job_id}, status {int(each.status)}" for each in made[-_MOST_CALLS:]
    ]
    told = ":\n" + "\n".join(lines) if lines else ": no callback was made"
    return [
        Unused(f"fault of callbacks {live.rule}", f"the fault of callbacks {live.rule} applied none{told}")
        for live in idle
    ]


def _why_not(live: ActiveRule, calls: Sequence[Call], engine: Engine, others: int) -> str:
    rule = live.rule
    lines = [f"the rule {live.label} never fired"]
    if not any(call.number > live.after for call in calls):
        if calls:
            return f"{lines[0]}: no request reached the fake since it was made"
        return f"{lines[0]}: no request {'with the key of its account ' if others else ''}reached the fake"
    counted = 0
    told: list[tuple[str, Call]] = []
    for call in calls:
        if call.number <= live.after:
            continue
        if call.endpoint not in rule.on:
            why = f"it is for {', '.join(rule.on)}"
        elif differences := rule.conditions.differences(_counted(call, live, engine)):
            why = ", ".join(differences)
        elif call.rule is not None and rule.chosen(counted + 1):
            counted += 1
            why = f"the rule {call.rule} came first"
        else:
            counted += 1
            why = f"it was the {nth(counted)} of these calls, and the rule says {rule.choosing()}"
        told.append((why, call))
    runs = [(why, [call for _, call in run]) for why, run in groupby(told, lambda each: each[0])]
    if len(runs) > _MOST_CALLS:
        lines.append(f"    ({sum(len(run) for _, run in runs[:-_MOST_CALLS])} earlier calls left out)")
    for why, run in runs[-_MOST_CALLS:]:
        more = f" and {len(run) - 1} more" if len(run) > 1 else ""
        lines.append(f"    {describe(run[0])}{more}: {why}")
    return "\n".join(lines)


def _counted(call: Call, live: ActiveRule, engine: Engine) -> Counted:
    """Return what was known of a call, as far as the journal still tells."""
    job = None if call.job_id is None else engine.job(call.job_id)
    account = call.account or call.headers.get("x-api-key")
    fields = call.json
    prompt = fields.get("prompt") if isinstance(fields, dict) else None
    return Counted(
        account=account,
        job_id=call.job_id,
        job_number=None if job is None else job.number,
        prompt=job.look.prompt if job is not None else prompt if isinstance(prompt, str) else None,
        status=None if job is None else engine.change_of(job, call.time_ns).status,
        since_ns=call.time_ns - live.begun_ns,
    )
