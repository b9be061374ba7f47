"""What can go wrong with webhooks, as data, and which webhooks each fault applies to."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from mock_akool.core.durations import DURATION, Duration
from mock_akool.core.errors import ScenarioError, SettingsError
from mock_akool.core.rules import Conditions, Subject
from mock_akool.core.schema import FLAG, ONE_JOB, TEXT, Field, Plain, Record, number_from_text, one_of, whole
from mock_akool.core.timeline import STATUS, Status

ENVELOPES: Final = (
    "good",
    "wrong signature",
    "wrong key",
    "flipped bit",
    "bad padding",
    "truncated base64",
    "plain JSON",
)
"""How an envelope can be: good, or broken in one way.

`wrong signature`: all else is good. `flipped bit`: a bit of the ciphertext was changed after it was signed. The others
have a good signature, so that they pass a receiver's check of it: `wrong key` is encrypted with another key,
`bad padding` ends in bytes that are not a PKCS#7 padding, `truncated base64` lacks its end. `plain JSON` is the payload
without an envelope.
"""

UNKNOWN_ID: Final = "unknown"
"""The word for an id that is no job's."""

_NONE: Final = Duration(0)


class WebhookFault(NamedTuple):
    """What goes wrong with a webhook; WEBHOOK_FAULT says what each field means. Several may come together."""

    copies: int = 1
    delay: Duration = _NONE
    after_end: bool = False
    envelope: str = "good"
    age: Duration = _NONE
    claim_status: int | None = None
    claim_id: str | None = None
    extra_bytes: int = 0
    slow: Duration = _NONE

    def __str__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in WEBHOOK_FAULT.write(self).items()) or "no fault"


_NUMBERS: Final = frozenset(map(int, Status))
_MOST_CLAIMED: Final = 99


def _read_claim(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value not in _NUMBERS:
        if not 0 <= value <= _MOST_CLAIMED:
            raise ValueError(value)
        return value
    return int(Status.of(value))


WEBHOOK_FAULT: Final = Record(
    "webhook fault",
    WebhookFault,
    {
        "copies": Field(whole(0, 100), "how often it is sent: 2 is a duplicate, 0 loses it", 1),
        "delay": Field(DURATION, "how much later than it should be it is sent", _NONE),
        "after_end": Field(FLAG, "the webhook of status processing is sent after that of the end", False),
        "envelope": Field(one_of(ENVELOPES), "how the envelope is broken", "good"),
        "age": Field(DURATION, "how old the timestamp is, as in a replay; the signature is good", _NONE),
        "claim_status": Field(
            Plain(
                "a status, or a number from 0 to 99 that is none",
                _read_claim,
                {"anyOf": [STATUS.schema, {"type": "integer", "minimum": 0, "maximum": _MOST_CLAIMED}]},
                lambda claim: Status(claim).word if claim in _NUMBERS else claim,
                texting=number_from_text,
            ),
            "the status that it claims, whatever a poll says",
        ),
        "claim_id": Field(TEXT, "the job's id that it claims; `unknown` draws one that is no job's"),
        "extra_bytes": Field(whole(0, 64 << 20), "by how many bytes the body is larger, in a field `extra`", 0),
        "slow": Field(DURATION, "how long the sender takes to send the body, in pieces", _NONE),
    },
    error=ScenarioError,
)


class WebhookRule(NamedTuple):
    """Which webhooks a fault applies to; what is left out fits every webhook.

    `job` is the account's n-th job, or its id. `times` is to how many webhooks of an account it applies; None: to all.
    """

    fault: WebhookFault
    status: Status | None = None
    account: str | None = None
    prompt: str | None = None
    job: int | str | None = None
    times: int | None = None

    def __str__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in WEBHOOK.write(self).items() if name != "fault")
        return f"{self.fault}{f' for {said}' if said else ''}"

    @property
    def conditions(self) -> Conditions:
        """What a webhook must be like for the fault to apply."""
        return Conditions(self.account, self.prompt, self.job, self.status)


WEBHOOK_STATUSES: Final = (Status.PROCESSING, Status.COMPLETED, Status.FAILED)
"""The statuses that webhooks report."""


def _read_status(value: Any) -> Status:
    status = Status.of(value)
    if status not in WEBHOOK_STATUSES:
        raise SettingsError("webhooks do not report queueing", "use processing, completed or failed (or 2 to 4)")
    return status


WEBHOOK_STATUS: Final = Plain(
    "a status that webhooks report",
    _read_status,
    {"enum": [*(status.word for status in WEBHOOK_STATUSES), *map(int, WEBHOOK_STATUSES)]},
    lambda status: status.word,
    use="processing, completed or failed (or 2 to 4)",
)


def check_webhook_rule(rule: WebhookRule) -> None:
    """Raise ScenarioError for a rule that does nothing."""
    if rule.fault == WebhookFault():
        raise ScenarioError("this fault does nothing", "use keys such as {copies: 2}", ("fault",))


WEBHOOK: Final = Record(
    "webhook",
    WebhookRule,
    {
        "status": Field(WEBHOOK_STATUS, "which change of the job it reports"),
        "account": Field(TEXT, "a pattern with * and ? for the account's API key"),
        "prompt": Field(TEXT, "a pattern for the job's prompt"),
        "job": Field(ONE_JOB, "the account's n-th job, or the job with this id"),
        "times": Field(whole(1, 1_000_000_000), "to how many webhooks it applies, for each account by itself"),
        "fault": Field(WEBHOOK_FAULT, "what goes wrong"),
    },
    needed=("fault",),
    check=check_webhook_rule,
    use="the keys of a webhook, such as {status: completed, fault: {copies: 2}}",
    error=ScenarioError,
)


class ActiveWebhookRule:
    """A rule with its label, the API key of the account that it is for (None: all), and its counts."""

    __slots__ = ("_conditions", "applied", "label", "owner", "rule")

    def __init__(self, rule: WebhookRule, label: str, owner: str | None = None) -> None:
        self.rule = rule
        self.label = label
        self.owner = owner
        self.applied: dict[str, int] = {}
        """To how many webhooks it applied, by account."""
        self._conditions = rule.conditions

    def applies(self, subject: Subject) -> bool:
        """Return whether it applies to a webhook, and count it if so."""
        key = subject.account or ""
        if self.owner not in (None, key) or self._conditions.differences(subject):
            return False
        applied = self.applied.get(key, 0)
        if self.rule.times is not None and applied >= self.rule.times:
            return False
        self.applied[key] = applied + 1
        return True
