"""What the page about the Meitu model demands of `parameter` and of the source image (contract section 4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from mock_akool.akool.families.family import options_of
from mock_akool.akool.families.image import ImageOptions
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import OBJECT, Kind, harmless
from mock_akool.core.schema import shown

PEOPLE: Final = (
    {"age": [15, 49], "gender": 1, "key": "man", "name": ""},
    {"age": [15, 49], "gender": 0, "key": "woman", "name": ""},
    {"age": [0, 14], "gender": 0, "key": "child", "name": ""},
    {"age": [50, 100], "gender": 0, "key": "oldwoman", "name": ""},
    {"age": [50, 100], "gender": 1, "key": "oldman", "name": ""},
)
"""What `people_type` is in every request; lists of effects have an item for each."""

_MAKEUP: Final = (
    "blush",
    "eye",
    "eyebrow",
    "eyelash",
    "eyeliner",
    "eyeshadow",
    "eyesocket",
    "facialdecals",
    "feature",
    "makeup_highlight",
    "mouth",
)
"""Effects whose items are objects with `id`, `color` and `alpha`."""
_CURVES: Final = ("gray_point", "red_point", "green_point", "blue_point")
_COLOURS: Final = ("id_photo_bg_color", "id_photo_bg_dst_color")
_FORMATS: Final = ("jpg", "jpeg", "png")
_ADDRESS: Final = re.compile(r"[\d.]+|.*:.*", re.ASCII)


class Parameter(NamedTuple):
    """What a request has as `parameter`; `mistakes` are None unless the page's rules hold."""

    mistakes: tuple[str, ...] | None


def _read(value: Any, settings: ServiceSettings) -> Parameter:
    parameter = OBJECT.read(value, settings)
    rules = options_of(settings, ImageOptions).meitu_rules
    return Parameter(tuple(_mistakes_of(parameter)) if rules else None)


PARAMETER: Final = Kind(OBJECT.wants, OBJECT.schema, _read)


def _mistakes_of(parameter: dict[str, Any]) -> Iterator[str]:
    """Yield what the page does not allow in `parameter`."""
    if parameter.get("people_type") != list(PEOPLE):
        keys = ", ".join(str(each["key"]) for each in PEOPLE)
        yield f"parameter.people_type is not the five entries of the page, in their order: {keys}"
    effects = parameter.get("all_params")
    if not isinstance(effects, dict):
        yield f"parameter.all_params is {shown(harmless(effects))}; it takes an object"
        return
    for name, value in effects.items():
        wants = _wanted(name, value)
        if wants:
            yield f"parameter.all_params.{name} is {shown(harmless(value))}; it takes {wants}"


def _wanted(name: str, value: Any) -> str:
    """Return what an effect takes, when it does not take this value; empty text when it does."""
    if name == "filter":
        alpha = value.get("filters_lut_alpha") if isinstance(value, dict) else None
        return "" if _is_whole(alpha, 0, 100) else "an object whose filters_lut_alpha is a whole number from 0 to 100"
    if name in _CURVES or name in _COLOURS:
        right = isinstance(value, list) and all(_is_whole(each, 0, 255) for each in value)
        fits = right and (len(value) == 4 if name in _COLOURS else len(value) >= 4 and len(value) % 2 == 0)
        return "" if fits else f"{'four' if name in _COLOURS else 'pairs of'} whole numbers from 0 to 255"
    if name in _MAKEUP:
        fits = isinstance(value, list) and len(value) == len(PEOPLE) and all(map(_is_makeup, value))
        return "" if fits else "five objects with id, color and alpha"
    if isinstance(value, list) and len(value) != len(PEOPLE):
        return "five items, one for each entry of people_type"
    return ""


def _is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_makeup(item: Any) -> bool:
    if not isinstance(item, dict) or not _is_whole(item.get("alpha"), 0, 100):
        return False
    return all(isinstance(item.get(key), str) for key in ("id", "color"))


def source_mistake(url: str) -> str:
    """Return why the page does not allow a source image; empty text when it does. It is not fetched."""
    try:
        parts = urlsplit(url)
        host, name = parts.hostname or "", parts.path.rpartition("/")[2]
    except ValueError:
        return "it is no URL"
    if parts.scheme.lower() not in ("http", "https"):
        return "the Meitu model takes an http or https URL, and no base64"
    if _ADDRESS.fullmatch(host):
        return "the Meitu model takes a URL with a name, not an IP address"
    if name.rpartition(".")[2].lower() not in _FORMATS:
        return f"the Meitu model takes {', '.join(_FORMATS)}"
    return ""
