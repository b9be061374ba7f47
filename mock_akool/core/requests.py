"""From the body or the query of a call to a checked request, or to the error that Akool answers.

The only reader of the wire's keys. What is not a known field is ignored (contract section 1).
"""

from __future__ import annotations

import json
import re
from collections.abc import Container
from typing import Any, Final, NoReturn
from urllib.parse import parse_qs

from mock_akool.core.behaviour import ServiceSettings
from mock_akool.core.codes import (
    BUTTONS,
    IMAGE_MODEL,
    MEITU_MODEL,
    ORIGINAL_SCALE,
    RESOLUTIONS,
    SCALES,
    TEXT_MODEL,
    Code,
)
from mock_akool.core.errors import AkoolError, ParameterError
from mock_akool.core.models import CreateV3, CreateV4, PressButton, Request

_IMAGE_MODELS: Final = frozenset({IMAGE_MODEL, MEITU_MODEL})
_MODELS: Final = frozenset({TEXT_MODEL}) | _IMAGE_MODELS
_SCALES_FROM_IMAGE: Final = frozenset({*SCALES, ORIGINAL_SCALE})
_JSON_TYPE: Final = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE | re.ASCII)
_URL: Final = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)
"""One character of a host, then anything but white space: two repetitions that overlap would be quadratic."""
_MAX_DIGITS: Final = 300
_SOURCE_IMAGES_REQUIRED: Final = "source_images is required for image-to-image model"


def _bad(*_: object) -> NoReturn:
    raise ParameterError


def _whole(digits: str) -> int | float:
    # Python refuses to read very long integers; to JSON they are numbers like any other, and too large for any field.
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


_decode = json.JSONDecoder(parse_int=_whole, parse_constant=_bad).decode


def read_object(request: Request, settings: ServiceSettings) -> dict[str, Any]:
    """Return the JSON object in the body; anything else is 1003 (contract section 4, last row)."""
    if settings.json_content_type_required and not _JSON_TYPE.fullmatch(request.headers.get("content-type", "")):
        _bad()
    if len(request.body) > settings.max_body_bytes:
        _bad()
    try:
        value = _decode(request.body.decode())
    except (ValueError, RecursionError):
        _bad()
    return value if isinstance(value, dict) else _bad()


class _Fields:
    """Reads the fields of one body. A wrong value is 1003; an optional field may be absent."""

    def __init__(self, body: dict[str, Any], settings: ServiceSettings) -> None:
        if settings.null_is_absent:
            body = {name: value for name, value in body.items() if value is not None}
        self._body = body
        self._check_urls = settings.check_urls

    def text(self, name: str) -> str:
        """A text that must be there and say something."""
        value = self._body.get(name)
        return value if isinstance(value, str) and value.strip() else _bad()

    def optional_text(self, name: str) -> str | None:
        value = self._body.get(name, "")
        return (value or None) if isinstance(value, str) else _bad()

    def one_of(self, name: str, values: Container[str], default: str | None) -> str:
        value = self._body.get(name, default)
        return value if isinstance(value, str) and value in values else _bad()

    def url(self, name: str) -> str:
        """A URL, or `""` when absent or empty."""
        return self._as_url(self._body.get(name, ""))

    def first_url(self, name: str) -> str:
        """The first of a list of URLs, or `""` when the list is absent or empty; all of them are checked."""
        value = self._body.get(name, [])
        urls = [self._as_url(each) for each in value] if isinstance(value, list) else _bad()
        return urls[0] if urls else ""

    def _as_url(self, value: object) -> str:
        if not isinstance(value, str) or (value and self._check_urls and not _URL.fullmatch(value)):
            _bad()
        return value

    def whole(self, name: str, low: int, high: int, default: int) -> int:
        value = self.number(name, low, high, default)
        return int(value) if value == int(value) else _bad()

    def number(self, name: str, low: float, high: float, default: float) -> float:
        value = self._body.get(name, default)
        # JSON's true is Python's 1.
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            _bad()
        return value

    def has_object(self, name: str) -> bool:
        """Whether the field is there; it must then be an object."""
        return name in self._body and (isinstance(self._body[name], dict) or _bad())


def create_v3(request: Request, settings: ServiceSettings) -> CreateV3:
    """Read a request of `createbyprompt` (contract section 3)."""
    fields = _Fields(read_object(request, settings), settings)
    return CreateV3(
        prompt=fields.text("prompt"),
        scale=fields.one_of("scale", SCALES, SCALES[0]),
        source_image=fields.url("source_image") or None,
        webhook_url=fields.url("webhookUrl"),
    )


def create_v4(request: Request, settings: ServiceSettings) -> CreateV4:
    """Read a request of `createBySourcePrompt` (contract section 4)."""
    fields = _Fields(read_object(request, settings), settings)
    source_image = fields.first_url("source_images")
    model = fields.one_of("model_name", _MODELS, IMAGE_MODEL if source_image else TEXT_MODEL)
    from_image = model in _IMAGE_MODELS
    if from_image and not source_image:
        raise AkoolError(Code.PARAMETER_ERROR, _SOURCE_IMAGES_REQUIRED)
    if not fields.has_object("parameter") and model == MEITU_MODEL:
        _bad()
    prompt = (fields.optional_text("prompt") or "") if model == MEITU_MODEL else fields.text("prompt")
    return CreateV4(
        prompt=prompt,
        model_name=model,
        source_image=source_image if from_image else "",
        scale=fields.one_of("scale", _SCALES_FROM_IMAGE if from_image else SCALES, SCALES[0]),
        resolution=fields.one_of("resolution", RESOLUTIONS, RESOLUTIONS[-1]),
        batch_quantity=fields.whole("batch_quantity", 1, 4, 1),
        similar=fields.number("similar", 0, 1, 0.5),
        negative_prompt=fields.optional_text("negative_prompt"),
        webhook_url=fields.url("webhookurl"),
    )


def press_button(request: Request, settings: ServiceSettings) -> PressButton:
    """Read a request of `createbybutton` (contract section 5)."""
    fields = _Fields(read_object(request, settings), settings)
    return PressButton(
        parent_id=fields.text("_id"),
        button=fields.one_of("button", BUTTONS, None),
        webhook_url=fields.url("webhookUrl"),
    )


def token_pair(request: Request, settings: ServiceSettings) -> tuple[str, str]:
    """Read the clientId and the clientSecret of `getToken` (contract section 2)."""
    fields = _Fields(read_object(request, settings), settings)
    return fields.text("clientId"), fields.text("clientSecret")


def image_model_id(request: Request) -> str:
    """Read the query of `infobymodelid` (contract section 6): the parameter once, not empty."""
    query = request.query
    # The usual query is read without the general parser, which takes longer than the rest of a poll.
    if query.startswith("image_model_id=") and query[15:].isalnum():
        return query[15:]
    try:
        values = parse_qs(query, max_num_fields=100).get("image_model_id", [])
    except ValueError:
        _bad()
    return values[0] if len(values) == 1 else _bad()
