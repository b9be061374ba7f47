"""Videos of images: one, a batch, and a new sound for one (contract section 15)."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Final

from mock_akool.akool.errors import ParameterError
from mock_akool.akool.families.family import Create, WebhookInfo
from mock_akool.akool.families.generated_videos import models, sounds
from mock_akool.akool.families.generated_videos.batches import SHOTS, batch
from mock_akool.akool.families.generated_videos.effects import EFFECT_OR_NONE
from mock_akool.akool.families.generated_videos.family import family
from mock_akool.akool.families.generated_videos.records import created
from mock_akool.akool.families.generated_videos.requests import (
    NO_AUDIO,
    SECONDS,
    ImageBatch,
    SingleVideo,
    check_audio,
    check_length,
    video_of,
)
from mock_akool.akool.families.generated_videos.schemas import CREATED_SCHEMA
from mock_akool.akool.families.generated_videos.settings import video_options
from mock_akool.akool.families.inputs import WEB_URL, YES_OR_NO, lenient
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import ANY_TEXT, TEXT, URL, Body, Field, Kind, Values, one_of

BASE: Final = "/api/open/v4/image2Video"
RESOLUTIONS: Final = ("720p", "1080p", "4k")
"""What a single create takes, and the steps of the price."""


def _read_five_or_ten(value: Any, settings: ServiceSettings) -> int:
    seconds: int = SECONDS.read(value, settings)
    if seconds not in _LENGTHS:
        raise ValueError
    return seconds


_LENGTHS: Final = (5, 10)
_FIVE_OR_TEN: Final = Kind("5 or 10", {"enum": list(_LENGTHS)}, _read_five_or_ten)


def _single(values: Values) -> SingleVideo:
    return video_of(SingleVideo, values)


def _allow_single(input: SingleVideo, settings: ServiceSettings) -> None:
    options = video_options(settings)
    if options.i2v_require_negative and input.negative_prompt is None:
        raise ParameterError("negative_prompt is missing, and i2v_require_negative is on")
    if options.i2v_require_audio_type and not input.audio_type:
        raise ParameterError("audio_type is missing, and i2v_require_audio_type is on; send 1, 2 or 3")
    check_length(input, settings)


_IMAGE: Final = {"image_url": Field(WEB_URL, required=True), "prompt": Field(TEXT, required=True)}
_EXAMPLE: Final = {
    "image_url": "https://example.com/fox.png",
    "prompt": "the fox turns its head",
    "resolution": "720p",
    "video_length": 5,
}
FAMILY: Final = family(
    "image2video",
    Create(
        endpoint="image2Video/createBySourcePrompt",
        path=f"{BASE}/createBySourcePrompt",
        input=Body(
            {
                **_IMAGE,
                "negative_prompt": Field(ANY_TEXT),
                "resolution": Field(one_of(RESOLUTIONS), required=True),
                "audio_type": Field(lenient(1, NO_AUDIO)),
                "audio_url": Field(URL, ""),
                "video_length": Field(_FIVE_OR_TEN, required=True),
                "extend_prompt": Field(YES_OR_NO, False),
                "is_premium_model": Field(YES_OR_NO, False),
                "effect_code": Field(EFFECT_OR_NONE, ""),
                "webhookurl": Field(URL, ""),
            },
            _single,
            check_audio,
        ),
        input_type=SingleVideo,
        record=created,
        example=_EXAMPLE,
        webhook_field="webhookurl",
        record_schema=CREATED_SCHEMA,
        allow=_allow_single,
    ),
    batch(
        "image2Video/createBySourcePrompt/batch",
        f"{BASE}/createBySourcePrompt/batch",
        models.FROM_IMAGE,
        ImageBatch,
        {**_IMAGE, "last_image_url": Field(URL, ""), "multi_prompt": Field(SHOTS, ())},
        {**_EXAMPLE, "model_name": "AkoolImage2VideoFastV1", "count": 2},
        needs_resolution=True,
    ),
    sounds.CREATE,
    webhook=WebhookInfo("image to video", chosen=attrgetter("webhook_type_image2video")),
)
