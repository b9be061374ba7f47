"""A video whose lips follow another sound, by `content/video/lipsync` (contract section 16)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mock_akool.akool.accounts import Account
from mock_akool.akool.codes import Code
from mock_akool.akool.families import content_video
from mock_akool.akool.families.family import Context, Record, WebhookInfo, World, options_of
from mock_akool.akool.families.inputs import WEB_URL, seconds_of, subject
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ERROR_CODE, ServiceSettings
from mock_akool.akool.validation import URL, Body, Field, Values
from mock_akool.core.options import option
from mock_akool.core.schema import FLAG
from mock_akool.core.timeline import Status


class LipsyncOptions(content_video.ContentVideoOptions):
    """The settings of lipsync."""

    no_credit_code_lipsync: int = option(
        int(Code.CREDITS_INSUFFICIENT),
        ERROR_CODE,
        "the code when credits run out for a lipsync",
        section="16",
        mark="C",
    )
    lipsync_once: bool = option(
        False, FLAG, "a video that the account has lip-synced before is refused with 1202", section="16", mark="C"
    )


class Lipsync(NamedTuple):
    """A checked request of `lipsync`: the URLs of a video and of the sound that it gets."""

    video: str
    audio: str
    webhook_url: str

    @property
    def topic(self) -> Topic:
        """What the job is about: the video."""
        return Topic(subject(self.video))

    @property
    def operation(self) -> str:
        """What is done, as the file says it."""
        return "lipsync"

    @property
    def size(self) -> tuple[int, int]:
        """The video is not fetched, so nobody knows its shape."""
        return content_video.WIDE

    def seconds(self, settings: ServiceSettings) -> float:
        """Return how long the video is: as long as the video that was sent."""
        return seconds_of(self.video, settings)


def _input(values: Values) -> Lipsync:
    return Lipsync(values["video_url"], values["audio_url"], values["webhookUrl"])


def _find(input: Lipsync, world: World, account: Account, now_ns: int) -> Lipsync:
    settings = world.context.settings
    if options_of(settings, LipsyncOptions).lipsync_once:
        earlier: list[Any] = [job.input for job in world.jobs(account.api_key) if isinstance(job.input, Lipsync)]
        if any(each.video == input.video for each in earlier):
            raise settings.refusal(
                Code.SAME_VIDEO_AGAIN, reason="lipsync_once is on, and the account has lip-synced this video before"
            )
    return input


def _other_ids(job: Job, context: Context) -> Mapping[str, str]:
    return {
        "video_id": context.keyed_random.uuid4("video", job.id),
        "task_id": context.keyed_random.hex(24, "task", job.id),
    }


def _created(job: Job, input: Lipsync, context: Context) -> Record:
    return {
        "_id": job.id,
        "create_time": content_video.created_ms(job),
        "uid": job.account.uid,
        "type": 9,
        "from": 2,
        "target_video": input.video,
        "input_audio": input.audio,
        "faceswap_quality": 2,
        **_other_ids(job, context),
        "video_status": int(Status.QUEUEING),
        "video": "",
        "external_video": "",
        "video_lock_duration": input.seconds(context.settings),
        "deduction_lock_duration": job.cost,
        "storage_loc": 1,
        "webhookUrl": input.webhook_url,
        "lipsync": True,
        "__v": 0,
    }


def _shown(job: Job, input: Lipsync, status: Status, base: str, context: Context) -> Record:
    more = {"video_id": _other_ids(job, context)["video_id"]}
    return content_video.fields(_created(job, input, context), job, status, context, more)


def _price(input: Lipsync, settings: ServiceSettings) -> int:
    return content_video.credits_by_10_seconds(input.seconds(settings))


FAMILY: Final = content_video.family(
    "lipsync",
    content_video.create(
        "lipsync",
        "/api/open/v3/content/video/lipsync",
        Body(
            {
                "video_url": Field(WEB_URL, required=True),
                "audio_url": Field(WEB_URL, required=True),
                "webhookUrl": Field(URL, ""),
            },
            _input,
        ),
        Lipsync,
        _created,
        {"video_url": "https://example.com/talk.mp4", "audio_url": "https://example.com/speech.mp3"},
        find=_find,
    ),
    _shown,
    _price,
    WebhookInfo("lipsync"),
    LipsyncOptions,
    other_ids=_other_ids,
)
