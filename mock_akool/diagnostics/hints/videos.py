"""Hints about requests for videos: fields that the service ignores or does not expect (contract section 16)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from mock_akool.diagnostics.hints.finding import Hint, fields_of
from mock_akool.diagnostics.observations import Observations


def _requests_to(
    endpoint: str, find: Callable[[Mapping[str, Any]], str | None]
) -> Callable[[Observations], str | None]:
    """Return what looks through the bodies sent to an endpoint; `find` says what is wrong with the fields of one."""

    def detect(seen: Observations) -> str | None:
        for call in seen.to(endpoint):
            found = find(fields_of(call))
            if found is not None:
                return f"#{call.number} {found}"
        return None

    return detect


def _photo_resolution(fields: Mapping[str, Any]) -> str | None:
    given = fields.get("resolution", "720")
    if given in ("720", "1080"):
        return None
    return f'has the `resolution` {given!r}, which is not documented; a talking photo takes the text "720" or "1080"'


HINTS: Final = (
    Hint(
        "resolution of talking photo",
        "sends `720p` or a number as `resolution` of a talking photo",
        _requests_to("createbytalkingphoto", _photo_resolution),
    ),
)
