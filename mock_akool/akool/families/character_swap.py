"""A person of an image takes the place of one in a video, by `characterSwap/create` (contract section 16).

Its two status words are no mistake: the create says `status`, the reader `video_status`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Final, NamedTuple

from mock_akool.akool.codes import MESSAGES, Code
from mock_akool.akool.families import content_video
from mock_akool.akool.families.family import Context, Pending, Record, WebhookInfo
from mock_akool.akool.families.inputs import WEB_URL, YES_OR_NO, check_plan, lenient, seconds_of, subject
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ERROR_CODE, ServiceSettings
from mock_akool.akool.validation import ANY_TEXT, TEXT, URL, Body, Field, Values, one_of
from mock_akool.core.options import option
from mock_akool.core.schema import NAME
from mock_akool.core.timeline import Status

MODEL: Final = "wavespeed-ai/wan-2.2/animate"
_NEWER: Final = "kwaivgi/kling-"
MODES: Final = ("animate", "replace")
_RATES: Final = {"480p": 5, "720p": 10, "1080p": 15}
"""Credits for each 5 s, once begun (contract section 16)."""
_SIZES: Final = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080)}
_MOST_SECONDS: Final = 120
_NEWER_SECONDS: Final = (3, 30)
"""How long a video of the newer models may be, by a draft of the documentation; the others take 1 to 120 s."""
_MOST_PROMPT, _MOST_LONGER_PROMPT = 500, 5000


class CharacterSwapOptions(content_video.ContentVideoOptions):
    """The settings of character swaps."""

    no_credit_code_character_swap: int = option(
        int(Code.CREDITS_INSUFFICIENT),
        ERROR_CODE,
        "the code when credits run out for a character swap",
        section="16",
        mark="C",
    )
    webhook_type_character_swap: str = option(
        "character swap", NAME, "the `type` in webhooks about a character swap", section="16", mark="C"
    )


class CharacterSwap(NamedTuple):
    """A checked request of `characterSwap/create`; `duration` is in seconds, None for that of the video."""

    image: str
    video: str
    duration: float | None
    resolution: str
    mode: str
    prompt: str
    model_name: str
    character_orientation: str | None
    keep_original_sound: bool | None
    webhook_url: str

    @property
    def topic(self) -> Topic:
        """What the job is about: its prompt, or the video."""
        return Topic(self.prompt or subject(self.video), model_name=self.model_name)

    @property
    def operation(self) -> str:
        """What is done, as the file says it."""
        return f"character swap {self.mode}"

    @property
    def size(self) -> tuple[int, int]:
        """The size that the resolution stands for; the video is not fetched, so nobody knows its shape."""
        return _SIZES[self.resolution]

    def seconds(self, settings: ServiceSettings) -> float:
        """Return how long the video is: as was asked, or as long as the one that was sent."""
        return seconds_of(self.video, settings) if self.duration is None else self.duration


def _check(values: Values) -> Iterable[str]:
    if "model_name" not in values:
        return
    is_newer = values["model_name"].startswith(_NEWER)
    most = _MOST_LONGER_PROMPT if is_newer else _MOST_PROMPT
    if len(values.get("prompt", "")) > most:
        yield f"prompt has {len(values['prompt'])} characters; at most {most} are read"
    seconds, (least_s, most_s) = values.get("duration"), _NEWER_SECONDS
    if is_newer and seconds is not None and not least_s <= seconds <= most_s:
        yield f"duration is {seconds:g}; {values['model_name']} takes {least_s} to {most_s}"


_NAMES: Final = (
    *("image", "video", "duration", "resolution", "mode", "prompt", "model_name"),
    *("character_orientation", "keep_original_sound", "webhookurl"),
)


def _input(values: Values) -> CharacterSwap:
    return CharacterSwap(*(values[name] for name in _NAMES))


def _allow(input: CharacterSwap, settings: ServiceSettings) -> None:
    check_plan("characterSwap/create", settings)


def _common(job: Job, input: CharacterSwap, context: Context) -> Record:
    created_ms = content_video.created_ms(job)
    return {
        "_id": job.id,
        "create_time": created_ms,
        "uid": job.account.uid,
        "team_id": job.account.team_id,
        "video_duration": input.seconds(context.settings),
        "deduction_credit": job.cost,
        "resolution": input.resolution,
        "file_name": f"CharacterSwap_{created_ms}.mp4",
        "image_url": input.image,
        "video_url": input.video,
        "prompt": input.prompt,
        "webhookUrl": input.webhook_url,
    }


def _created(job: Job, input: CharacterSwap, context: Context) -> Record:
    echoed: dict[str, Any] = {
        "character_orientation": input.character_orientation,
        "keep_original_sound": input.keep_original_sound,
    }
    return {
        **_common(job, input, context),
        "status": int(Status.QUEUEING),
        "mode": input.mode,
        "model_name": input.model_name,
        **{name: value for name, value in echoed.items() if value is not None},
    }


def _shown(job: Job, input: CharacterSwap, status: Status, base: str, context: Context) -> Record:
    record = _common(job, input, context)
    if status >= Status.COMPLETED:
        record["update_time"] = job.stamp_ms
    if status is Status.FAILED:
        ending = job.timeline.ending
        record["deduction_credit"] = content_video.charged(job, status)
        record["faceswap_fail_reason"] = "; ".join(ending.reasons) or MESSAGES[Code.VIDEO_ERROR]
    return record


def _price(input: CharacterSwap, settings: ServiceSettings) -> int:
    return _RATES[input.resolution] * math.ceil(input.seconds(settings) / 5)


def _refunds(settings: ServiceSettings) -> bool:
    return True


FAMILY: Final = content_video.family(
    "character_swap",
    content_video.create(
        "characterSwap/create",
        "/api/open/v4/characterSwap/create",
        Body(
            {
                "image": Field(WEB_URL, required=True),
                "video": Field(WEB_URL, required=True),
                "duration": Field(lenient(1, _MOST_SECONDS, is_whole=False)),
                "resolution": Field(one_of(tuple(_RATES)), "720p"),
                "mode": Field(one_of(MODES), MODES[0]),
                "prompt": Field(ANY_TEXT, ""),
                "model_name": Field(TEXT, MODEL),
                "character_orientation": Field(ANY_TEXT),
                "keep_original_sound": Field(YES_OR_NO),
                "webhookurl": Field(URL, ""),
            },
            _input,
            _check,
        ),
        CharacterSwap,
        _created,
        {
            "image": "https://example.com/person.jpg",
            "video": "https://example.com/dance.mp4",
            "duration": 5,
            "resolution": "720p",
        },
        webhook_field="webhookurl",
        allow=_allow,
    ),
    _shown,
    _price,
    WebhookInfo("character swap", (Status.COMPLETED, Status.FAILED), attrgetter("webhook_type_character_swap")),
    CharacterSwapOptions,
    pending=Pending.ABSENT,
    refunds=_refunds,
)
