"""What a script says of a job's result, where that is not as usual."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, NamedTuple

from mock_akool.core.faults import Fault


class Missing(Enum):
    """Marks a key that a record does not have."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


class ResultOverride(NamedTuple):
    """What is unusual about the result of a completed job. None means: as usual.

    `image` and `upscaled_urls` are what the record says instead, MISSING when it has no such key; `null` as image is
    the empty text's place. `files` is what goes wrong with every download of its files.
    """

    image: str | Missing | None = None
    upscaled_urls: tuple[str, ...] | Missing | None = None
    buttons: tuple[str, ...] | Missing | None = None
    files: Fault | None = None

    def apply(self, record: dict[str, Any]) -> None:
        """Let a record say what the script wants."""
        for key in ("image", "upscaled_urls", "buttons"):
            said = getattr(self, key)
            if said is MISSING:
                record.pop(key, None)
            elif said is not None:
                record[key] = list(said) if isinstance(said, tuple) else said
