"""What a script says of a job's result, where that is not as usual."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, NamedTuple

from mock_akool.core.faults import Fault
from mock_akool.core.schema import Plain, Schema


class Missing(Enum):
    """Marks a key that a record does not have."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


class ResultOverride(NamedTuple):
    """What is unusual about the result of a completed job. None means: as usual.

    `image` is what the record says as the address of the result, whatever its family calls that; `others` are what it
    says as other keys, which their families declare. MISSING leaves a key out; `null` as image is the empty text's
    place. `files` is what goes wrong with every download of its files.
    """

    image: str | Missing | None = None
    others: tuple[tuple[str, tuple[str, ...] | Missing], ...] = ()
    files: Fault | None = None

    def apply(self, record: dict[str, Any], result_word: str) -> None:
        """Let a record say what the script wants; `result_word` is its key for the address of the result."""
        for key, said in ((result_word, self.image), *self.others):
            if key not in record:
                continue
            if said is MISSING:
                record.pop(key, None)
            elif said is not None:
                record[key] = list(said) if isinstance(said, tuple) else said


def _read_text(value: Any) -> str | Missing:
    if value is MISSING or value == MISSING.value:
        return MISSING
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _read_texts(value: Any) -> tuple[str, ...] | Missing:
    if value is MISSING or value == MISSING.value:
        return MISSING
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        raise TypeError(value)
    return tuple(value)


def _write_texts(value: tuple[str, ...] | Missing) -> Any:
    return value.value if isinstance(value, Missing) else list(value)


ADDRESS: Final = Plain(
    "a URL or other text, or 'missing'",
    _read_text,
    {"type": "string"},
    lambda value: value.value if isinstance(value, Missing) else value,
)
"""What a script says in the place of the address of the result."""


def texts(what: str) -> Plain:
    """Return the shape of what a script says as a key that is a list of texts, such as `URLs`."""
    schema: Schema = {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"const": "missing"}]}
    return Plain(f"a list of {what}, or 'missing'", _read_texts, schema, _write_texts)
