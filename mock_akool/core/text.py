"""Text of clients in what people read."""

from __future__ import annotations

import re
from typing import Final

_SHOWN: Final = 200
_NAMES: Final = "(?:api[-_]?key|authorization|cookie|secret|password|token)"
_SECRETS: Final = rf"({_NAMES}[\"']?[ \t]*[:=][ \t]*[\"']?)[^\r\n\"'&]+".encode()


def printable(text: str, most: int = _SHOWN) -> str:
    """Return text of a client, shortened, so that it cannot forge a second line or steer a terminal."""
    return text[:most] if text.isprintable() else repr(text[:most])


def cleaned(line: str) -> str:
    """Return a line of ours, in which text of a client may stand; what could steer a terminal is escaped."""
    return line if line.isprintable() else "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


def without_secrets(raw: bytes) -> bytes:
    """Return what a client sent, whatever that is, without what stands behind the names of secrets."""
    return re.sub(_SECRETS, rb"\1***", raw, flags=re.IGNORECASE)


def names_secret(name: str) -> bool:
    """Return whether a header or a field of this name has a secret, as far as its name tells, such as `cookie`."""
    return re.search(_NAMES, name, re.IGNORECASE) is not None
