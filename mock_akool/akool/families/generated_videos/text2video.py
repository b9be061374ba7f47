"""Videos of texts: `text2Video/createByPrompt/batch` (contract section 15)."""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from mock_akool.akool.families.family import WebhookInfo
from mock_akool.akool.families.generated_videos import models
from mock_akool.akool.families.generated_videos.batches import batch
from mock_akool.akool.families.generated_videos.family import family
from mock_akool.akool.families.generated_videos.requests import LONG_PROMPT, TextBatch
from mock_akool.akool.validation import Field

FAMILY: Final = family(
    "text2video",
    batch(
        "text2Video/createByPrompt/batch",
        "/api/open/v4/text2Video/createByPrompt/batch",
        models.FROM_TEXT,
        TextBatch,
        {"prompt": Field(LONG_PROMPT, required=True)},
        {"prompt": "a fox in the snow", "resolution": "720p", "video_length": 5, "count": 2},
        needs_resolution=False,
    ),
    webhook=WebhookInfo("text to video", chosen=attrgetter("webhook_type_text2video")),
)
