"""The only source of whatever looks random in what a fake answers.

Each draw names a key, for instance `("job", account_id, 3)`, and is a hash of the seed and that key. There is no hidden
state to advance, so a draw depends on nothing else: another client's requests, another thread or another transport
cannot change it.
"""

from __future__ import annotations

import string
from hashlib import blake2b
from typing import Final

KeyPart = str | int

_ALPHANUMERICS: Final = string.ascii_letters + string.digits


class KeyedRandom:
    """Draws for one seed. Two objects with the same seed draw the same for the same key."""

    __slots__ = ("_hash_key", "seed")

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._hash_key = blake2b(str(seed).encode(), digest_size=32).digest()

    def raw(self, size: int, *key: KeyPart) -> bytes:
        """Return `size` bytes (1 to 64)."""
        return blake2b(repr(key).encode("utf-8", "backslashreplace"), digest_size=size, key=self._hash_key).digest()

    def hex(self, length: int, *key: KeyPart) -> str:
        """Return `length` lower-case hex digits; `length` is even and at most 128."""
        return self.raw(length // 2, *key).hex()

    def fraction(self, *key: KeyPart) -> float:
        """Return a number in [0, 1)."""
        return (int.from_bytes(self.raw(7, *key)) >> 3) / (1 << 53)

    def integer(self, low: int, high: int, *key: KeyPart) -> int:
        """Return an integer from `low` to `high`, both included."""
        return low + int.from_bytes(self.raw(16, *key)) % (high - low + 1)

    def alphanumerics(self, length: int, *key: KeyPart) -> str:
        """Return `length` (at most 64) ASCII letters and digits."""
        return "".join(_ALPHANUMERICS[byte % len(_ALPHANUMERICS)] for byte in self.raw(length, *key))

    def uuid4(self, *key: KeyPart) -> str:
        """Return a version 4 UUID as text."""
        raw = bytearray(self.raw(16, *key))
        raw[6] = raw[6] & 0x0F | 0x40
        raw[8] = raw[8] & 0x3F | 0x80
        digits = raw.hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def object_id(self, second: int, serial: int, *key: KeyPart) -> str:
        """Return 24 hex digits, made like an ObjectId of MongoDB.

        Eight are the epoch `second`, ten follow from the key, and six count: `serial`, from a start that follows from
        the key too, modulo 2**24.
        """
        raw = self.raw(8, *key)
        count = (int.from_bytes(raw[5:]) + serial) & 0xFFFFFF
        return f"{second:08x}{raw[:5].hex()}{count:06x}"
