"""The endpoints of the emulated API, by the names that the call log, the access log and scenarios use.

Which endpoints create and show jobs follows from the families.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mock_akool.akool import families
from mock_akool.core.errors import ScenarioError
from mock_akool.core.schema import Plain, Schema, nearest

GET_TOKEN: Final = "getToken"
QUOTA_INFO: Final = "quota/info"
FILE: Final = "file"
PREFLIGHT: Final = "preflight"
UNKNOWN: Final = "unknown"

CREATES: Final[tuple[str, ...]] = tuple(families.CREATES)
READS: Final[tuple[str, ...]] = tuple(families.RESULTS)
API: Final = (GET_TOKEN, *CREATES, *READS, QUOTA_INFO)

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "create": CREATES,
    "api": API,
    "any": (*API, FILE, UNKNOWN),
}
"""Words for several endpoints."""

ENDPOINT_NAMES: Final = (*API, FILE, UNKNOWN)


def _read_endpoints(value: Any) -> tuple[str, ...]:
    words = value if isinstance(value, (list, tuple)) else [value]
    if not words:
        raise ValueError(value)
    known: dict[str, tuple[str, ...]] = {each.lower(): (each,) for each in ENDPOINT_NAMES} | dict(GROUPS)
    found: list[str] = []
    for word in words:
        if not isinstance(word, str):
            raise TypeError(word)
        if word.lower() not in known:
            raise unknown_endpoint(word, [*ENDPOINT_NAMES, *GROUPS])
        found += [each for each in known[word.lower()] if each not in found]
    return tuple(found)


def unknown_endpoint(word: str, names: list[str]) -> ScenarioError:
    """Return the error for a word that is no endpoint, with the nearest one that is."""
    near = nearest(word, names)
    return ScenarioError(f"did you mean {near}?" if near else "there is no such endpoint")


def _write_endpoints(endpoints: tuple[str, ...]) -> Any:
    for word, group in GROUPS.items():
        if endpoints == group:
            return word
    return endpoints[0] if len(endpoints) == 1 else list(endpoints)


def _endpoints(names: tuple[str, ...], groups: Mapping[str, tuple[str, ...]]) -> Plain:
    words: list[str] = [*names, *groups]
    item: Schema = {"enum": words}
    return Plain(
        f"an endpoint or a list of them: {', '.join(words)}",
        _read_endpoints,
        {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]},
        _write_endpoints,
    )


ENDPOINTS: Final = _endpoints(ENDPOINT_NAMES, GROUPS)
