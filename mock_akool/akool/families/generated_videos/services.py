"""Deletes and lists videos of images and of texts; and all services around them (contract section 15)."""

from __future__ import annotations

from typing import Final

from mock_akool.akool.codes import Code
from mock_akool.akool.errors import ParameterError
from mock_akool.akool.families.family import Answer, Asked, Record, Service, several_in_body, success_of
from mock_akool.akool.families.generated_videos import effects, image2video, models
from mock_akool.akool.families.generated_videos.family import OLD_READING
from mock_akool.akool.families.generated_videos.records import OLD_TYPE, sub_type
from mock_akool.akool.families.generated_videos.requests import Video
from mock_akool.akool.families.generated_videos.schemas import ID_SCHEMA, answer_schema, list_of
from mock_akool.akool.families.lists import Page, Query, note_shown, own_rows
from mock_akool.core.timeline import Status

_STILL_PROCESSING: Final = "video resource is processing, please try again later"
_NOT_FOUND: Final = "video resource not found"


def _delete(asked: Asked) -> Answer:
    done: list[str] = []
    kept: list[Record] = []
    for each in asked.input:
        why = _why_kept(asked, each)
        if why:
            kept.append({"_id": each, "msg": why})
        else:
            asked.world.delete_for_client(each, asked.now_ns)
            done.append(each)
    return success_of({"successIds": done, "noPermissionItems": kept}, "Delete successfully")


def _why_kept(asked: Asked, job_id: str) -> str:
    """Return why a video is not deleted, as the service says it; empty text when it is."""
    job = asked.world.job(job_id)
    if job is None or job.deleted_ns is not None or not isinstance(job.input, Video):
        return _NOT_FOUND
    if job.account.api_key != asked.own.api_key:
        return asked.world.context.settings.refusal(Code.NO_PERMISSION).msg
    return _STILL_PROCESSING if asked.world.change_of(job, asked.now_ns).status is Status.PROCESSING else ""


def _old_list(asked: Asked) -> Answer:
    query = Query.of(asked.request)
    if query.text("sub_type"):
        raise ParameterError("sub_type is given, which this list refuses; leave it out")
    has_rows = query.text("type") in ("", str(OLD_TYPE))
    own = [
        row for row in own_rows(asked, OLD_READING, [image2video.FAMILY]) if sub_type(row.input) == models.FROM_IMAGE
    ]
    page = Page.of(own if has_rows else [], query)
    rows = [row.record for row in page.items]
    return success_of({"count": page.whole, "result": rows}, shown=note_shown(asked, page.items))


SERVICES: Final = (
    effects.SERVICE,
    Service(
        endpoint="image2Video/delbyids",
        path="/api/open/v4/image2Video/delbyids",
        answer=_delete,
        input=several_in_body("_ids"),
        example={"_ids": "…"},
        schema=answer_schema(
            {
                "type": "object",
                "required": ["successIds", "noPermissionItems"],
                "properties": {
                    "successIds": {"type": "array", "items": ID_SCHEMA},
                    "noPermissionItems": {
                        "type": "array",
                        "items": {"type": "object", "required": ["_id", "msg"]},
                    },
                },
            }
        ),
    ),
    models.SERVICE,
    Service(
        endpoint="content/video/list",
        path="/api/open/v3/content/video/list",
        answer=_old_list,
        lists=True,
        method="GET",
        query={"page": "which page, from 1", "size": "how many rows it has", "type": "15; others have no rows"},
        schema=answer_schema(list_of("result", {"type": "object", "required": ["_id", "type", "video"]}, "count")),
    ),
)
"""Lists of effects, models and videos, and the delete."""
