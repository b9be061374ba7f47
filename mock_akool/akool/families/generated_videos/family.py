"""What both families of videos have in common: who reads them, prices, files (contract section 15)."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Final

from mock_akool.akool.errors import AkoolError
from mock_akool.akool.families import content_video
from mock_akool.akool.families.family import (
    Create,
    Family,
    Reading,
    Results,
    Unknown,
    WebhookInfo,
    in_result,
    several_in_body,
)
from mock_akool.akool.families.generated_videos.files import FILES
from mock_akool.akool.families.generated_videos.prices import observed_s, price
from mock_akool.akool.families.generated_videos.records import fields, old_fields
from mock_akool.akool.families.generated_videos.schemas import ROW_SCHEMA, list_of
from mock_akool.akool.families.generated_videos.settings import BAD_IDS_MESSAGE, VideoOptions, video_options
from mock_akool.akool.families.inputs import refunds
from mock_akool.akool.settings import ServiceSettings


def _refuse_ids(reason: str, settings: ServiceSettings) -> AkoolError:
    return AkoolError(video_options(settings).i2v_bad_ids_code, BAD_IDS_MESSAGE, reason=reason)


RESULTS: Final = Results(
    endpoint="resultsByIds",
    path="/api/open/v4/image2Video/resultsByIds",
    ids=several_in_body("_ids"),
    status_word="status",
    result_word="video_url",
    unknown=Unknown.LEFT_OUT,
    method="POST",
    reply=in_result,
    data_schema=list_of("result", ROW_SCHEMA),
    refuse=_refuse_ids,
)
"""Shows the videos of images and of texts."""
OLD_READING: Final = Reading(content_video.RESULTS, old_fields)
"""How the reader of other videos shows one."""


def family(name: str, *creates: Create[Any], webhook: WebhookInfo) -> Family[Any]:
    """Return a family of videos; all but the name, the creates and the webhooks is the same for each."""
    return Family(
        name=name,
        creates=creates,
        readings=(Reading(RESULTS, fields), OLD_READING),
        price=price,
        files=FILES,
        webhook=webhook,
        no_credit_code=attrgetter("no_credit_code_image2video"),
        refunds=refunds,
        observed_s=observed_s,
        options=VideoOptions,
    )
