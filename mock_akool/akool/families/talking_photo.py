"""A photo that speaks, by `createbytalkingphoto` (contract section 16)."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from mock_akool.akool.codes import Code
from mock_akool.akool.families import content_video
from mock_akool.akool.families.family import Context, Record, WebhookInfo, options_of
from mock_akool.akool.families.inputs import WEB_URL, seconds_of, subject
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ERROR_CODE, ServiceSettings
from mock_akool.akool.validation import ANY_TEXT, URL, Body, Field, Kind, Values
from mock_akool.core.options import option
from mock_akool.core.schema import FLAG
from mock_akool.core.timeline import Status

RESOLUTIONS: Final = ("720", "1080")


class TalkingPhotoOptions(content_video.ContentVideoOptions):
    """The settings of talking photos."""

    no_credit_code_talking_photo: int = option(
        int(Code.CREDITS_INSUFFICIENT),
        ERROR_CODE,
        "the code when credits run out for a talking photo",
        section="16",
        mark="C",
    )
    talking_photo_strict: bool = option(
        False,
        FLAG,
        f"a talking photo takes a `resolution` of {' or '.join(RESOLUTIONS)} only, as text",
        section="16",
        mark="C",
    )


class TalkingPhoto(NamedTuple):
    """A checked request of `createbytalkingphoto`; `resolution` is as it was sent."""

    photo: str
    audio: str
    prompt: str
    resolution: Any
    webhook_url: str

    @property
    def topic(self) -> Topic:
        """What the job is about: the gestures, or the photo."""
        return Topic(self.prompt or subject(self.photo))

    @property
    def operation(self) -> str:
        """What is done, as the file says it."""
        return "talking photo"

    @property
    def size(self) -> tuple[int, int]:
        """The photo is not fetched, so nobody knows its shape."""
        return content_video.SQUARE

    def seconds(self, settings: ServiceSettings) -> float:
        """Return how long the video is: as long as the sound."""
        return seconds_of(self.audio, settings)


def _read_resolution(value: Any, settings: ServiceSettings) -> Any:
    if options_of(settings, TalkingPhotoOptions).talking_photo_strict and value not in RESOLUTIONS:
        raise ValueError
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError  # noqa: TRY004 - a value that does not fit, whatever its type
    return value


_RESOLUTION: Final = Kind(
    f"a text, {' or '.join(RESOLUTIONS)}",
    {"type": ["string", "number"], "description": f"{' or '.join(RESOLUTIONS)}, as text"},
    _read_resolution,
    RESOLUTIONS,
)


def _input(values: Values) -> TalkingPhoto:
    names = ("talking_photo_url", "audio_url", "prompt", "resolution", "webhookUrl")
    return TalkingPhoto(*(values[name] for name in names))


def _created(job: Job, input: TalkingPhoto, context: Context) -> Record:
    return {
        "_id": job.id,
        "create_time": content_video.created_ms(job),
        "uid": job.account.uid,
        "type": 5,
        "from": 2,
        "video_lock_duration": input.seconds(context.settings),
        "deduction_lock_duration": job.cost,
        "external_video": "",
        "talking_photo": input.photo,
        "video": "",
        "video_status": int(Status.QUEUEING),
        "prompt": input.prompt,
        "resolution": input.resolution,
        "faceswap_quality": 2,
        "storage_loc": 1,
        "__v": 0,
    }


def _shown(job: Job, input: TalkingPhoto, status: Status, base: str, context: Context) -> Record:
    more = {"video_id": context.keyed_random.hex(32, "video", job.id)}
    return content_video.fields(_created(job, input, context), job, status, context, more)


def _price(input: TalkingPhoto, settings: ServiceSettings) -> int:
    return content_video.credits_by_10_seconds(input.seconds(settings))


FAMILY: Final = content_video.family(
    "talking_photo",
    content_video.create(
        "createbytalkingphoto",
        "/api/open/v3/content/video/createbytalkingphoto",
        Body(
            {
                "talking_photo_url": Field(WEB_URL, required=True),
                "audio_url": Field(WEB_URL, required=True),
                "prompt": Field(ANY_TEXT, ""),
                "resolution": Field(_RESOLUTION, RESOLUTIONS[0]),
                "webhookUrl": Field(URL, ""),
            },
            _input,
        ),
        TalkingPhoto,
        _created,
        {
            "talking_photo_url": "https://example.com/portrait.jpg",
            "audio_url": "https://example.com/speech.mp3",
            "prompt": "he waves",
            "resolution": "720",
        },
    ),
    _shown,
    _price,
    WebhookInfo("talking photo"),
    TalkingPhotoOptions,
)
