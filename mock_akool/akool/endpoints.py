"""The endpoints of the emulated API, by the names that the call log, the log and scenarios use."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from mock_akool.core.errors import ScenarioError
from mock_akool.core.schema import Plain, Schema


class Endpoint(StrEnum):
    """The names that the journal, the log and scenarios use for what was called."""

    GET_TOKEN = "getToken"
    CREATE_BY_PROMPT = "createbyprompt"
    CREATE_BY_SOURCE_PROMPT = "createBySourcePrompt"
    CREATE_BY_BUTTON = "createbybutton"
    INFO_BY_MODEL_ID = "infobymodelid"
    QUOTA_INFO = "quota/info"
    FILE = "file"
    PREFLIGHT = "preflight"
    UNKNOWN = "unknown"


CREATES: Final = (Endpoint.CREATE_BY_PROMPT, Endpoint.CREATE_BY_SOURCE_PROMPT, Endpoint.CREATE_BY_BUTTON)


API: Final = (Endpoint.GET_TOKEN, *CREATES, Endpoint.INFO_BY_MODEL_ID, Endpoint.QUOTA_INFO)


GROUPS: Final[Mapping[str, tuple[Endpoint, ...]]] = {
    "create": CREATES,
    "api": API,
    "any": (*API, Endpoint.FILE, Endpoint.UNKNOWN),
}
"""Words for several endpoints."""


ENDPOINT_NAMES: Final = (*API, Endpoint.FILE, Endpoint.UNKNOWN)


def _read_endpoints(value: Any) -> tuple[Endpoint, ...]:
    words = value if isinstance(value, (list, tuple)) else [value]
    if not words:
        raise ValueError(value)
    found: list[Endpoint] = []
    for word in words:
        known: dict[str, tuple[Endpoint, ...]] = {each.value.lower(): (each,) for each in ENDPOINT_NAMES}
        known |= GROUPS
        if not isinstance(word, str):
            raise TypeError(word)
        if word.lower() not in known:
            names = [each.value for each in ENDPOINT_NAMES] + list(GROUPS)
            raise unknown_endpoint(word, names)
        found += [each for each in known[word.lower()] if each not in found]
    return tuple(found)


def unknown_endpoint(word: str, names: list[str]) -> ScenarioError:
    """Return the error for a word that is no endpoint, with the nearest one that is."""
    near = difflib.get_close_matches(word.lower(), [name.lower() for name in names], n=1)
    nearest = next((name for name in names if near and name.lower() == near[0]), None)
    return ScenarioError(f"did you mean {nearest}?" if nearest else "there is no such endpoint")


def _write_endpoints(endpoints: tuple[Endpoint, ...]) -> Any:
    for word, group in GROUPS.items():
        if endpoints == group:
            return word
    return endpoints[0].value if len(endpoints) == 1 else [each.value for each in endpoints]


def _endpoints(names: tuple[Endpoint, ...], groups: Mapping[str, tuple[Endpoint, ...]]) -> Plain:
    words: list[str] = [*(each.value for each in names), *groups]
    item: Schema = {"enum": words}
    return Plain(
        f"an endpoint or a list of them: {', '.join(words)}",
        _read_endpoints,
        {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]},
        _write_endpoints,
    )


ENDPOINTS: Final = _endpoints(ENDPOINT_NAMES, GROUPS)
