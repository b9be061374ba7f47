"""What an engine saw, copied in one transaction, so that it can be read without the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from mock_akool.akool.deliveries import Delivery
from mock_akool.akool.jobs import Job
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.call_log import Call, Refusal
from mock_akool.core.rule_engine import ActiveRule
from mock_akool.core.webhook_faults import ActiveWebhookRule


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What an engine saw of everybody or of one account. Instants are in nanoseconds since the epoch."""

    calls: tuple[Call, ...]
    jobs: tuple[Job, ...]
    deliveries: tuple[Delivery, ...]
    settings: ServiceSettings
    start_ns: int
    """When the fake was made or last reset."""
    now_ns: int
    call_count: int
    """How many calls there were, including those that are no longer kept."""
    others: tuple[Call, ...] = ()
    """The newest calls that came with other keys than the account's."""
    other_count: int = 0
    """How many calls that are kept came with other keys than the account's."""
    dropped: int = 0
    """How many calls, by whichever account, are no longer kept."""
    refusals: tuple[Refusal, ...] = ()
    """What clients, whoever they are, sent to a server that never became a request; the newest only."""
    refusal_count: int = 0
    """How often something never became a request, those no longer kept included."""
    stands_still: bool = False
    """Whether the clock of a server is frozen."""


class UnusedRules(NamedTuple):
    """The rules of one account, or those for everybody, that never fired, and what the engine saw meanwhile."""

    rules: tuple[ActiveRule, ...]
    webhook_rules: tuple[ActiveWebhookRule, ...]
    seen: Snapshot
