"""Videos of texts: `text2Video/createByPrompt/batch` (contract section 15)."""

from __future__ import annotations

from typing import Final

from mock_akool.akool.families import image2video, video_models
from mock_akool.akool.families.family import WebhookInfo
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import Field


def _webhook_type(settings: ServiceSettings) -> str:
    return image2video.video_options(settings).webhook_type_text2video


FAMILY: Final = image2video.family(
    "text2video",
    image2video.batch(
        "text2Video/createByPrompt/batch",
        "/api/open/v4/text2Video/createByPrompt/batch",
        video_models.FROM_TEXT,
        image2video.TextBatch,
        {"prompt": Field(image2video.LONG_PROMPT, required=True)},
        {"prompt": "a fox in the snow", "resolution": "720p", "video_length": 5, "count": 2},
        needs_resolution=False,
    ),
    webhook=WebhookInfo("text to video", chosen=_webhook_type),
)
