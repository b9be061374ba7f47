"""The body of a webhook: the envelope, good or broken as its fault says."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from mock_akool.akool.deliveries import Draft
from mock_akool.akool.envelope import encode
from mock_akool.webhooks.envelope import BLOCK_BYTES, encrypt, pad, sign, signed


def compose(draft: Draft) -> bytes:
    """Return the bytes to send, but for the filler. Raises KeyLengthError when the clientSecret cannot encrypt."""
    how = "good" if draft.fault is None else draft.fault.envelope
    return draft.payload if how == "plain JSON" else encode(_envelope(draft, how))


def _envelope(draft: Draft, how: str) -> dict[str, Any]:
    payload, client_id, secret, timestamp_ms, nonce, _ = draft
    if how == "wrong key":
        secret = _other_key(secret)
    padded = pad(payload)
    if how == "bad padding":
        # The last byte still says a length that a careless receiver believes; what it counts is something else.
        padded = padded[:-BLOCK_BYTES] + bytes(byte ^ 0x55 for byte in padded[-BLOCK_BYTES:-1]) + b"\x08"
    envelope = signed(encrypt(padded, client_id, secret), client_id, timestamp_ms, nonce)
    data: str = envelope["dataEncrypt"]
    if how == "wrong signature":
        envelope["signature"] = sign(client_id, timestamp_ms, nonce, f"{data}forged")
    elif how == "flipped bit":
        changed = bytearray(base64.b64decode(data))
        changed[len(changed) // 2] ^= 1
        envelope["dataEncrypt"] = base64.b64encode(changed).decode()
    elif how == "truncated base64":
        # A single character is left of the last four: no base64 has that, padding or not.
        data = data[:-3]
        envelope |= {"dataEncrypt": data, "signature": sign(client_id, timestamp_ms, nonce, data)}
    return envelope


def _other_key(secret: str) -> str:
    """Return a key of the same length that is another one."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[: len(secret.encode())]
