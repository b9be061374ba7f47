"""What can go wrong with webhooks, as data, and which webhooks each fault applies to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from mock_akool.core.durations import Duration
from mock_akool.core.errors import ScenarioError
from mock_akool.core.faults import DURATION
from mock_akool.core.rules import Conditions, Subject
from mock_akool.core.schema import FLAG, ONE_JOB, TEXT, Field, Plain, Record, one_of, whole
from mock_akool.core.timeline import Status

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


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookFault:
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

    @classmethod
    def of(cls, value: Any) -> WebhookFault:
        """Read a mapping such as `{"copies": 2}`; raises ScenarioError that names the key and the value."""
        if isinstance(value, WebhookFault):
            return value
        fault: WebhookFault = WEBHOOK_FAULT.read(value, ())
        return fault

    def __str__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in WEBHOOK_FAULT.write(self).items()) or "no fault"


WEBHOOK_FAULT: Final = Record(
    "webhook fault",
    WebhookFault,
    {
        "copies": Field(whole(0, 100), "how often it is sent: 2 is a duplicate, 0 loses it", 1),
        "delay": Field(DURATION, "how much later than it should be it is sent", _NONE),
        "after_end": Field(FLAG, "the webhook of status processing is sent after that of the end", False),
        "envelope": Field(one_of(ENVELOPES), "how the envelope is broken", "good"),
        "age": Field(DURATION, "how old the timestamp is, as in a replay; the signature is good", _NONE),
        "claim_status": Field(whole(0, 99), "the status that it claims, whatever a poll says"),
        "claim_id": Field(TEXT, "the job's id that it claims; `unknown` draws one that is no job's"),
        "extra_bytes": Field(whole(0, 64 << 20), "by how many bytes the body is larger, in a field `extra`", 0),
        "slow": Field(DURATION, "how long the sender takes to send the body, in pieces", _NONE),
    },
)


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookRule:
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


_REPORTED: Final = (Status.PROCESSING, Status.COMPLETED, Status.FAILED)


def _read_status(value: Any) -> Status:
    status = Status.of(value)
    if status not in _REPORTED:
        raise ValueError(value)
    return status


WEBHOOK_STATUS: Final = Plain(
    "processing, completed or failed",
    _read_status,
    {"enum": [*(each.word for each in _REPORTED), *(each.value for each in _REPORTED)]},
    lambda status: status.word,
)
"""A status that webhooks report: its word, or its number."""


def _rule(**given: Any) -> WebhookRule:
    if "fault" not in given:
        raise ScenarioError("an entry of webhooks needs 'fault'", "Such as {status: completed, fault: {copies: 2}}")
    return WebhookRule(**given)


WEBHOOK: Final = Record(
    "webhook",
    _rule,
    {
        "status": Field(WEBHOOK_STATUS, "which change of the job it reports"),
        "account": Field(TEXT, "a pattern with * and ? for the account's API key"),
        "prompt": Field(TEXT, "a pattern for the job's prompt"),
        "job": Field(
            ONE_JOB,
            "the account's n-th job, or the job with this id",
        ),
        "times": Field(whole(1, 1_000_000_000), "to how many webhooks it applies, for each account by itself"),
        "fault": Field(WEBHOOK_FAULT, "what goes wrong"),
    },
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
