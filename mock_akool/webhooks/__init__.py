"""Webhooks: encrypted, signed, sent and received. For authors of receivers: `seal` and `open_envelope`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_akool._lazy import lazy_names

if TYPE_CHECKING:
    from mock_akool.akool.errors import (
        Base64Error,
        EnvelopeError,
        KeyLengthError,
        PaddingError,
        PayloadError,
        SignatureError,
    )
    from mock_akool.webhooks.envelope import open_envelope, seal

_HOMES = {
    "Base64Error": "akool.errors",
    "EnvelopeError": "akool.errors",
    "KeyLengthError": "akool.errors",
    "PaddingError": "akool.errors",
    "PayloadError": "akool.errors",
    "SignatureError": "akool.errors",
    "open_envelope": "webhooks.envelope",
    "seal": "webhooks.envelope",
}

__all__ = [
    "Base64Error",
    "EnvelopeError",
    "KeyLengthError",
    "PaddingError",
    "PayloadError",
    "SignatureError",
    "open_envelope",
    "seal",
]


if not TYPE_CHECKING:  # which would take it to mean that there are all names
    __getattr__, __dir__ = lazy_names(globals(), _HOMES)
