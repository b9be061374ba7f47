"""Webhooks: encrypted, signed, sent and received. For authors of receivers: `seal` and `open_envelope`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

    def __getattr__(name: str) -> Any:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"mock_akool.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
