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

    `image` is what the record says as the address of the result, whatever its family calls that; `upscaled_urls` and
    `buttons` are for families that have them. MISSING leaves a key out; `null` as image is the empty text's place.
    `files` is what goes wrong with every download of its files.
    """

    image: str | Missing | None = None
    upscaled_urls: tuple[str, ...] | Missing | None = None
    buttons: tuple[str, ...] | Missing | None = None
    files: Fault | None = None

    def apply(self, record: dict[str, Any], result_word: str) -> None:
        """Let a record say what the script wants; `result_word` is its key for the address of the result."""
        for key, said in (
            (result_word, self.image),
            ("upscaled_urls", self.upscaled_urls),
            ("buttons", self.buttons),
        ):
            if key not in record:
                continue
            if said is MISSING:
                record.pop(key, None)
            elif said is not None:
                record[key] = list(said) if isinstance(said, tuple) else said
