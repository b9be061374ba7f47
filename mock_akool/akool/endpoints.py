"""The endpoints of the emulated API, by the names that the call log, the access log and scenarios use.

Which endpoints create and show jobs, and what else there is, follows from the families.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mock_akool.akool import families
from mock_akool.core.errors import Mistakes, SettingsError
from mock_akool.core.schema import Plain, Schema, did_you_mean, shown

GET_TOKEN: Final = "getToken"
QUOTA_INFO: Final = "quota/info"
FILE: Final = "file"
PREFLIGHT: Final = "preflight"
UNKNOWN: Final = "unknown"

CREATES: Final[tuple[str, ...]] = tuple(families.CREATES)
READS: Final[tuple[str, ...]] = tuple(families.RESULTS)
SERVICES: Final[tuple[str, ...]] = tuple(families.SERVICES)
API: Final = (GET_TOKEN, *CREATES, *READS, *SERVICES, QUOTA_INFO)

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "create": CREATES,
    "poll": READS,
    **{family.name: tuple(create.endpoint for create in family.creates) for family in families.FAMILIES},
    "api": API,
    "any": (*API, FILE, UNKNOWN),
}
"""Words for several endpoints. The name of a family stands for those that create its jobs."""

ENDPOINT_NAMES: Final = (*API, FILE, UNKNOWN)


_WORDS: Final = (*ENDPOINT_NAMES, *GROUPS)
_BY_LOWER: Final[Mapping[str, tuple[str, ...]]] = {each.lower(): (each,) for each in ENDPOINT_NAMES} | dict(GROUPS)


def read_endpoints(value: Any) -> tuple[str, ...]:
    """Return the endpoints of a name, of a word for several, or of a list of these; raises SettingsError.

    Names may be in any case.
    """
    words = value if isinstance(value, (list, tuple)) else [value]
    if not words:
        raise SettingsError("the list is empty", f"use {', '.join(_WORDS)}")
    mistakes, found = Mistakes(), list[str]()
    for word in words:
        named = _BY_LOWER.get(word.lower()) if isinstance(word, str) else None
        if named is None:
            mistakes.add(f"{shown(word)} is not an endpoint", did_you_mean(word, _WORDS, f"use {', '.join(_WORDS)}"))
            if mistakes.enough:
                break
        else:
            found += [each for each in named if each not in found]
    mistakes.raise_any()
    return tuple(found)


def write_endpoints(endpoints: tuple[str, ...]) -> Any:
    """Return the name, the word or the list that is read as these endpoints."""
    for word, group in GROUPS.items():
        if endpoints == group:
            return word
    return endpoints[0] if len(endpoints) == 1 else list(endpoints)


_ITEM: Final[Schema] = {"enum": [*_WORDS]}
ENDPOINTS: Final = Plain(
    "an endpoint or a list of some",
    read_endpoints,
    {"anyOf": [_ITEM, {"type": "array", "items": _ITEM, "minItems": 1}]},
    write_endpoints,
    use=", ".join(_WORDS),
    texting=lambda text: [each.strip() for each in text.split(",")],
)
