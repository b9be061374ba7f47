"""Chance: the only source of anything that looks random.

Each draw names its place, for instance `("job", account_id, 3)`, and is a keyed hash of the seed and
that place. There is no hidden state to advance, so a draw depends on nothing but its place: another
client's calls, another thread or another door cannot change it.
"""

from __future__ import annotations

import base64
import string
from hashlib import blake2b
from typing import Final

Place = str | int

_ALPHANUMERICS: Final = string.ascii_letters + string.digits


class KeyedRandom:
    """Draws for one seed. Two objects with the same seed draw the same everywhere."""

    __slots__ = ("_key", "seed")

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._key = blake2b(str(seed).encode(), digest_size=32).digest()

    def raw(self, size: int, *place: Place) -> bytes:
        """Return `size` bytes (1 to 64)."""
        return blake2b(repr(place).encode("utf-8", "backslashreplace"), digest_size=size, key=self._key).digest()

    def hex(self, length: int, *place: Place) -> str:
        """Return `length` lower-case hex digits; `length` is even and at most 128."""
        return self.raw(length // 2, *place).hex()

    def fraction(self, *place: Place) -> float:
        """Return a number in [0, 1)."""
        return (int.from_bytes(self.raw(7, *place)) >> 3) / (1 << 53)

    def integer(self, low: int, high: int, *place: Place) -> int:
        """Return an integer from `low` to `high`, both included."""
        return low + int.from_bytes(self.raw(16, *place)) % (high - low + 1)

    def alphanumerics(self, length: int, *place: Place) -> str:
        """Return `length` (at most 64) ASCII letters and digits."""
        return "".join(_ALPHANUMERICS[byte % len(_ALPHANUMERICS)] for byte in self.raw(length, *place))

    def uuid4(self, *place: Place) -> str:
        """Return a version 4 UUID in its usual spelling."""
        raw = bytearray(self.raw(16, *place))
        raw[6] = raw[6] & 0x0F | 0x40
        raw[8] = raw[8] & 0x3F | 0x80
        digits = raw.hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def client_id(self, *place: Place) -> str:
        """Return a clientId: 24 characters, base64 of 16 bytes (contract section 2)."""
        return base64.b64encode(self.raw(16, *place)).decode()

    def object_id(self, second: int, serial: int, *place: Place) -> str:
        """Return 24 hex digits in the manner of MongoDB (contract section 1).

        Eight say the creation `second`, ten the place, and six count: `serial` from a start of the place's own,
        modulo 2**24.
        """
        raw = self.raw(8, *place)
        count = (int.from_bytes(raw[5:]) + serial) & 0xFFFFFF
        return f"{second:08x}{raw[:5].hex()}{count:06x}"
