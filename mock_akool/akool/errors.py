"""The errors of the emulated API, and those of the envelopes that its webhooks come in.

Exception
├── AkoolError              the API answers a business code and its message, with HTTP 200
│   └── ParameterError      the request's body or query is not usable
└── MockAkoolError          the fake was used wrongly, see core.errors
    └── EnvelopeError       a webhook's envelope cannot be sealed or opened
        ├── SignatureError  its signature is not that of its parts
        ├── KeyLengthError  the clientSecret cannot be an AES key
        ├── Base64Error     its dataEncrypt is not base64
        ├── PaddingError    what dataEncrypt decrypts to does not end in a padding
        └── PayloadError    what was encrypted is not a JSON object
"""

from __future__ import annotations

from mock_akool.akool.codes import MESSAGES, Code
from mock_akool.core.errors import MockAkoolError


class AkoolError(Exception):
    """Akool answers with a business error (contract sections 1 and 10).

    `job_id` is the job that the request was about, `account` the API key of the account that asked, and `reason` what
    is wrong with the request and what would do, where they are known. The wire tells none of them: they are for the
    call log, the access log and the report.
    """

    account: str | None = None

    def __init__(
        self, code: int, msg: str | None = None, *, job_id: str | None = None, reason: str | None = None
    ) -> None:
        self.code = code
        self.msg = MESSAGES[code] if msg is None else msg
        self.job_id = job_id
        self.reason = reason
        super().__init__(f"{int(code)} {self.msg}")


class ParameterError(AkoolError):
    """The request's body or query is not usable: 1003, or what the endpoint's setting says instead."""

    def __init__(self, reason: str) -> None:
        super().__init__(Code.PARAMETER_ERROR, reason=reason)


class EnvelopeError(MockAkoolError):
    """The envelope of a webhook cannot be sealed or opened (contract section 9)."""


class SignatureError(EnvelopeError):
    """The envelope's signature is not that of its parts."""


class KeyLengthError(EnvelopeError):
    """The clientSecret cannot be an AES key: it has not 16, 24 or 32 bytes."""


class Base64Error(EnvelopeError):
    """The envelope's `dataEncrypt` is not base64."""


class PaddingError(EnvelopeError):
    """What `dataEncrypt` decrypts to does not end in a PKCS#7 padding: another key, or it was changed."""


class PayloadError(EnvelopeError):
    """What was encrypted is not a JSON object: another clientId, which gives the IV, or it never was one."""
