"""The envelope of a webhook: sealed (encrypted and signed) and opened (contract section 9).

Pure functions, for the fake and for the authors of receivers. AES and its padding are `cryptography`'s, imported when
they are first needed, since most tests never see a webhook.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

from mock_akool.akool.codes import AES_KEY_BYTES
from mock_akool.akool.envelope import encode
from mock_akool.akool.errors import (
    Base64Error,
    EnvelopeError,
    KeyLengthError,
    PaddingError,
    PayloadError,
    SignatureError,
)
from mock_akool.core.clock import NS_PER_MS, SystemClock

BLOCK_BYTES: Final = 16


def seal(
    payload: Mapping[str, Any] | str | bytes,
    client_id: str,
    client_secret: str,
    *,
    timestamp: int | None = None,
    nonce: str | None = None,
) -> dict[str, Any]:
    """Return the envelope of `payload`, as Akool's webhooks have it (contract section 9).

    `payload` is a JSON object, or the exact text or bytes to encrypt. `timestamp` is in milliseconds since the epoch,
    by default now; `nonce` is by default four digits, drawn. Raises KeyLengthError when the clientSecret has not 16, 24
    or 32 bytes.
    """
    if isinstance(payload, Mapping):
        plaintext = encode(payload)
    else:
        plaintext = payload.encode() if isinstance(payload, str) else bytes(payload)
    encrypted = encrypt(pad(plaintext), client_id, client_secret)
    return signed(
        encrypted,
        client_id,
        SystemClock.now_ns() // NS_PER_MS if timestamp is None else timestamp,
        f"{secrets.randbelow(10_000):04}" if nonce is None else nonce,
    )


def open_envelope(envelope: Mapping[str, Any] | str | bytes, client_id: str, client_secret: str) -> dict[str, Any]:
    """Return the payload of an envelope, after its signature was found to be good (contract section 9).

    `envelope` is the object, or its JSON. Raises EnvelopeError, of a kind and with a text that say what is wrong:
    SignatureError, KeyLengthError, Base64Error, PaddingError, PayloadError.
    """
    data_encrypt, timestamp, nonce, signature = _parts(envelope)
    expected = sign(client_id, timestamp, nonce, data_encrypt)
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode()):
        raise SignatureError(
            f"the signature is {signature[:80]!r}, but the envelope's parts with this clientId give {expected!r}",
            "Either the clientId is another account's, or a part was changed on the way",
        )
    try:
        encrypted = base64.b64decode(data_encrypt, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Base64Error(f"dataEncrypt is no base64: {error}", "It was cut or changed before it was signed") from None
    plaintext = unpad(decrypt(encrypted, client_id, client_secret))
    try:
        payload = json.loads(plaintext)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise PayloadError(
            f"what was encrypted is no JSON object: {plaintext[:60]!r}",
            "When only its first 16 bytes look wrong, the IV is, which is the first 16 bytes of the clientId; when all "
            "of it does, the clientSecret is another account's",
        )
    return payload


def sign(client_id: str, timestamp: int, nonce: str, data_encrypt: str) -> str:
    """Return the signature: lower hex SHA-1 over the four strings, sorted by code point and joined."""
    joined = "".join(sorted((client_id, str(timestamp), nonce, data_encrypt)))
    # A lone surrogate has no UTF-8; no signature of ours can be that of such a text.
    return hashlib.sha1(joined.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def signed(encrypted: bytes, client_id: str, timestamp: int, nonce: str) -> dict[str, Any]:
    """Return the envelope around encrypted bytes."""
    data_encrypt = base64.b64encode(encrypted).decode()
    return {
        "signature": sign(client_id, timestamp, nonce, data_encrypt),
        "dataEncrypt": data_encrypt,
        "timestamp": timestamp,
        "nonce": nonce,
    }


def encrypt(padded: bytes, client_id: str, client_secret: str) -> bytes:
    """Encrypt whole blocks by AES-CBC. Raises KeyLengthError."""
    encryptor = _cipher(client_id, client_secret).encryptor()
    encrypted: bytes = encryptor.update(padded) + encryptor.finalize()
    return encrypted


def decrypt(encrypted: bytes, client_id: str, client_secret: str) -> bytes:
    """Decrypt by AES-CBC; returns whole blocks, the padding included. Raises KeyLengthError or PaddingError."""
    cipher = _cipher(client_id, client_secret)
    if not encrypted or len(encrypted) % BLOCK_BYTES:
        raise PaddingError(
            f"dataEncrypt holds {len(encrypted)} bytes, and ciphertext comes in blocks of {BLOCK_BYTES}",
            "It was cut before it was signed",
        )
    decryptor = cipher.decryptor()
    decrypted: bytes = decryptor.update(encrypted) + decryptor.finalize()
    return decrypted


def pad(plaintext: bytes) -> bytes:
    """Return the plaintext with its PKCS#7 padding, a whole number of blocks."""
    from cryptography.hazmat.primitives.padding import PKCS7

    padder = PKCS7(8 * BLOCK_BYTES).padder()
    return padder.update(plaintext) + padder.finalize()


def unpad(padded: bytes) -> bytes:
    """Return the plaintext without its PKCS#7 padding. Raises PaddingError."""
    from cryptography.hazmat.primitives.padding import PKCS7

    unpadder = PKCS7(8 * BLOCK_BYTES).unpadder()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise PaddingError(
            f"the decrypted data ends in {padded[-BLOCK_BYTES:].hex(' ')}, which is not PKCS#7 padding",
            "Either the clientSecret is another account's, or the data was changed before it was signed",
        ) from None


def check_key(client_secret: str) -> bytes:
    """Return the AES key, the bytes of the clientSecret as they are. Raises KeyLengthError."""
    key = client_secret.encode("utf-8", "surrogatepass")
    if len(key) not in AES_KEY_BYTES:
        raise KeyLengthError(
            f"the clientSecret has {len(key)} bytes, and cannot encrypt",
            "AES takes a key of 16, 24 or 32 bytes; Akool's own clientSecrets have 32",
        )
    return key


def _cipher(client_id: str, client_secret: str) -> Any:
    key = check_key(client_secret)
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    iv = client_id.encode("utf-8", "surrogatepass")[:BLOCK_BYTES].ljust(BLOCK_BYTES, b"\0")
    return Cipher(algorithms.AES(key), modes.CBC(iv))


def _parts(envelope: Mapping[str, Any] | str | bytes) -> tuple[str, int, str, str]:
    """Return dataEncrypt, timestamp, nonce and signature; raises EnvelopeError when one is missing or no such thing."""
    if not isinstance(envelope, Mapping):
        try:
            envelope = json.loads(envelope)
        except (ValueError, RecursionError) as error:
            raise EnvelopeError(f"the envelope is no JSON: {error}", _SHAPE) from None
    if not isinstance(envelope, Mapping):
        raise EnvelopeError(f"the envelope is no JSON object, but {type(envelope).__name__}", _SHAPE)
    texts = []
    for name in ("dataEncrypt", "nonce", "signature"):
        value = envelope.get(name)
        if not isinstance(value, str):
            raise EnvelopeError(f"the envelope's {name} is {_told(envelope, name)}, and not a text", _SHAPE)
        texts.append(value)
    data_encrypt, nonce, signature = texts
    timestamp = envelope.get("timestamp")
    if isinstance(timestamp, bool) or not isinstance(timestamp, int):
        raise EnvelopeError(
            f"the envelope's timestamp is {_told(envelope, 'timestamp')}, and not a whole number", _SHAPE
        )
    return data_encrypt, timestamp, nonce, signature


def _told(envelope: Mapping[str, Any], name: str) -> str:
    return repr(envelope[name])[:80] if name in envelope else "missing"


_SHAPE: Final = (
    "An envelope is {signature, dataEncrypt, timestamp, nonce}: texts, but for the timestamp, a number of milliseconds"
)
