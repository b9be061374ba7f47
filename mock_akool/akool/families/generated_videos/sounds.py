"""A new sound for a video: `image2Video/updateVideoAudio` (contract section 15)."""

from __future__ import annotations

from typing import Any, Final

from mock_akool.akool.accounts import Account
from mock_akool.akool.families.family import Create, World
from mock_akool.akool.families.generated_videos.records import with_sound
from mock_akool.akool.families.generated_videos.requests import OWN_AUDIO, Video, VideoSound, check_audio, video_of
from mock_akool.akool.families.generated_videos.schemas import CREATED_SCHEMA
from mock_akool.akool.families.generated_videos.settings import video_options
from mock_akool.akool.families.inputs import lenient
from mock_akool.akool.jobs import Job
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import TEXT, URL, Body, Field, Values
from mock_akool.core.timeline import Status


def _sound(values: Values) -> VideoSound:
    return video_of(VideoSound, values)


def _parent(input: VideoSound) -> str:
    return input.parent_id


def _check_parent(parent: Job, status: Status, input: VideoSound, settings: ServiceSettings) -> None:
    """Raise AkoolError unless the video can get a sound now."""
    if not isinstance(parent.input, Video):
        reason = f"job {parent.id} was made by {parent.endpoint}, and is no video of an image or a text"
        raise settings.refusal(settings.unknown_job_code, parent.id, reason=reason)
    if status is not Status.COMPLETED:
        reason = f"job {parent.id} is {status.word}; it can get a sound once it is completed"
        raise settings.refusal(video_options(settings).i2v_audio_unavailable_code, parent.id, reason=reason)


def _inherit(input: VideoSound, world: World, account: Account, now_ns: int) -> VideoSound:
    """Return the request for a sound with what it takes over from the video before."""
    parent = world.job(input.parent_id)
    video: Any = None if parent is None else parent.input
    own = {name: getattr(input, name) for name in ("audio_type", "audio_url", "webhook_url", "parent_id")}
    return VideoSound(**{**video._asdict(), **own, "rows": 1, "refused": ()})


CREATE: Final = Create(
    endpoint="updateVideoAudio",
    path="/api/open/v4/image2Video/updateVideoAudio",
    input=Body(
        {
            "pre_video_id": Field(TEXT, required=True),
            "audio_type": Field(lenient(1, OWN_AUDIO), required=True),
            "audio_url": Field(URL, ""),
            "webhookurl": Field(URL, ""),
        },
        _sound,
        check_audio,
    ),
    input_type=VideoSound,
    record=with_sound,
    example={"pre_video_id": "…", "audio_type": 1},
    webhook_field="webhookurl",
    record_schema=CREATED_SCHEMA,
    parent=_parent,
    parent_field="pre_video_id",
    check=_check_parent,
    find=_inherit,
)
