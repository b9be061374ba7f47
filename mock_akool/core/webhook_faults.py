"""What may be wrong with a callback, as data, and which callbacks it befalls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from mock_akool.core.codes import Status
from mock_akool.core.errors import SettingsError
from mock_akool.core.options import TEXT, YES_OR_NO, Kind, one_of, option, optional, read_options, whole
from mock_akool.core.timeline import Duration

_DURATION: Final = Kind("a duration: '100ms', '10s', '7d', or seconds", Duration.of)
_MOST_COPIES: Final = 100
_MOST_EXTRA_BYTES: Final = 64 << 20

ENVELOPES: Final = (
    "good",
    "wrong signature",
    "wrong key",
    "flipped bit",
    "bad padding",
    "truncated base64",
    "plain JSON",
)
"""The ways in which an envelope can be broken, and the one in which it is not.

`wrong signature`: all else is good. `flipped bit`: a bit of the ciphertext was changed after it was signed. The others
are signed well, so that they pass a receiver's check of the signature: `wrong key` is encrypted with another key,
`bad padding` ends in bytes that are no PKCS#7 padding, `truncated base64` lacks its end. `plain JSON` is the payload
without an envelope.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookFault:
    """What is wrong with a callback. Faults of several kinds may come together.

    Raises SettingsError that names the field, the value and what it takes.
    """

    copies: int = option(1, whole(0, _MOST_COPIES), "how often it is sent: 2 is a duplicate, 0 loses it")
    delay: Duration = option(Duration(0), _DURATION, "how much later than it should be it is sent")
    after_end: bool = option(False, YES_OR_NO, "a callback of status 2 is sent after that of status 3 or 4")
    envelope: str = option("good", one_of(ENVELOPES), "how the envelope is broken")
    age: Duration = option(Duration(0), _DURATION, "how old the timestamp is, as in a replay; it is signed well")
    claim_status: int | None = option(None, optional(whole(0, 99)), "the status that it claims, whatever a poll says")
    claim_id: str | None = option(
        None, optional(TEXT), "the `_id` that it claims; the word `unknown` draws one that is no job's"
    )
    extra_bytes: int = option(0, whole(0, _MOST_EXTRA_BYTES), "by how many bytes the body is made larger")
    slow: Duration = option(Duration(0), _DURATION, "how long the sender takes to send the body, piece by piece")

    def __post_init__(self) -> None:
        read_options(self)

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """Return the fault with these fields; an unknown name raises SettingsError."""
        for name in fields:
            if name not in cls.__dataclass_fields__:
                import difflib  # only a mistake pays for it

                near = difflib.get_close_matches(name, cls.__dataclass_fields__, n=1)
                raise SettingsError(
                    f"a callback has no fault {name!r}",
                    f"Did you mean {near[0]!r}?" if near else f"The faults are {', '.join(cls.__dataclass_fields__)}",
                )
        return cls(**fields)

    def __str__(self) -> str:
        told = (
            f"{name}={getattr(self, name)}"
            for name, field in type(self).__dataclass_fields__.items()
            if getattr(self, name) != field.default
        )
        return ", ".join(told) or "no fault"


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookRule:
    """Which callbacks a fault befalls: those of a status, an account (by API key), a job; None means any.

    `times` says how many callbacks it befalls in all; None means without end.
    """

    fault: WebhookFault
    status: Status | None = None
    account: str | None = None
    job_id: str | None = None
    times: int | None = None

    def matches(self, job_id: str, account: str, status: Status) -> bool:
        """Return whether a callback is meant."""
        return self.status in (None, status) and self.account in (None, account) and self.job_id in (None, job_id)
