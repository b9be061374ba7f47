"""The settings of videos of images and of texts (contract section 15)."""

from __future__ import annotations

from typing import Final

from mock_akool.akool.codes import Code
from mock_akool.akool.families.family import options_of
from mock_akool.akool.families.inputs import PROMPT_NUMBERS, MediaOptions, PatternNumber
from mock_akool.akool.settings import ERROR_CODE, ServiceSettings
from mock_akool.core.options import option
from mock_akool.core.schema import FLAG, NAME, number

BAD_IDS_MESSAGE: Final = "Failed to get results"


class VideoOptions(MediaOptions):
    """The settings of videos of images and of texts."""

    i2v_require_negative: bool = option(
        False, FLAG, "createBySourcePrompt of a video must have a `negative_prompt`", section="15", mark="C"
    )
    i2v_require_audio_type: bool = option(
        False, FLAG, "createBySourcePrompt of a video must have an `audio_type`", section="15", mark="C"
    )
    i2v_any_model: bool = option(
        False,
        FLAG,
        "a `model_name` that no list has is taken, with any resolution and length",
        section="15",
        mark="C",
    )
    i2v_audio_surcharge: float = option(
        0.2,
        number(0, 100, "a part of the price"),
        "what part of the price `generate_audio` costs on top; Kling O3 has its own, 0.25",
        section="15",
        mark="C",
    )
    i2v_batch_errors: tuple[PatternNumber, ...] = option(
        (),
        PROMPT_NUMBERS,
        "how many rows of a batch are refused, and so stand in `errorList`, by its prompt",
        section="15",
        mark="C",
    )
    i2v_batch_error_code: int = option(
        int(Code.GENERATE_ERROR), ERROR_CODE, "the code of a row in `errorList`", section="15", mark="C"
    )
    i2v_bad_ids_code: int = option(
        int(Code.PARAMETER_ERROR),
        ERROR_CODE,
        f"the code of `{BAD_IDS_MESSAGE}`, for `_ids` that are no text",
        section="15",
        mark="C",
    )
    i2v_audio_unavailable_code: int = option(
        int(Code.CANNOT_OPERATE),
        ERROR_CODE,
        "the code of updateVideoAudio for a video that is not completed",
        section="15",
        mark="C",
    )
    no_credit_code_image2video: int = option(
        int(Code.CREDITS_INSUFFICIENT),
        ERROR_CODE,
        "the code when credits run out for a video of an image or a text",
        section="15",
        mark="C",
    )
    webhook_type_image2video: str = option(
        "image to video", NAME, "the `type` in webhooks about a video of an image", section="15", mark="C"
    )
    webhook_type_text2video: str = option(
        "text to video", NAME, "the `type` in webhooks about a video of a text", section="15", mark="C"
    )


def video_options(settings: ServiceSettings) -> VideoOptions:
    """Return the settings of videos of images and of texts."""
    return options_of(settings, VideoOptions)
