"""A video of an avatar that speaks, by `talkingavatar/create` (contract section 16)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from mock_akool.akool.codes import Code
from mock_akool.akool.families import content_video
from mock_akool.akool.families.family import Context, Record, WebhookInfo, options_of
from mock_akool.akool.families.inputs import is_web_url, lenient, seconds_of, several, subject, unusable
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ERROR_CODE, ServiceSettings
from mock_akool.akool.validation import URL, Body, Field, Kind, Values
from mock_akool.core.options import option
from mock_akool.core.schema import FLAG, whole
from mock_akool.core.timeline import Status

WIDTH, HEIGHT = 3840, 2160
"""The only size that the documentation allows."""
VENDORS, OWN = 2, 3
"""Whose an avatar is, as `avatar_from` says it."""
_MOST_PIXELS: Final = 7680
_COLOUR: Final = re.compile(r"#?[0-9a-f]{3,8}", re.IGNORECASE | re.ASCII)


class TalkingAvatarOptions(content_video.ContentVideoOptions):
    """The settings of talking avatars."""

    no_credit_code_talking_avatar: int = option(
        int(Code.QUOTA_NOT_ENOUGH),
        ERROR_CODE,
        "the code when credits run out for a talking avatar",
        section="16",
        mark="D",
    )
    talking_avatar_strict_size: bool = option(
        False,
        FLAG,
        f"a talking avatar takes the size {WIDTH}×{HEIGHT} only",
        section="16",
        mark="C",
    )
    tts_text_limit: int = option(
        5000,
        whole(1, 10**6),
        "how many characters of text an avatar speaks at most: 5000, 10000 or 50000, by plan",
        section="16",
        mark="D",
    )


class TalkingAvatar(NamedTuple):
    """A checked request of `talkingavatar/create`: sides in pixels, and what is spoken: a sound's URL, or a text."""

    width: int
    height: int
    audio: str
    text: str
    webhook_url: str

    @property
    def topic(self) -> Topic:
        """What the job is about: what is spoken."""
        return Topic(self.text or subject(self.audio))

    @property
    def operation(self) -> str:
        """What is done, as the file says it."""
        return "talking avatar"

    @property
    def size(self) -> tuple[int, int]:
        """The size that was asked for."""
        return self.width, self.height

    def seconds(self, settings: ServiceSettings) -> float:
        """Return how long the video is: as long as the sound."""
        return seconds_of(self.audio, settings)


# Elements


class _Speech(NamedTuple):
    audio: str
    text: str


class _Avatar(NamedTuple):
    has_id: bool
    has_url: bool


_NUMBER: Final = lenient(-1_000_000, 1_000_000, is_whole=False)
_NUMBERS: Final = ("scale_x", "scale_y", "offset_x", "offset_y", "width", "height")


def _read_element(value: Any, where: str, settings: ServiceSettings) -> _Speech | _Avatar | None:
    if not isinstance(value, dict):
        raise unusable(where, value, "an object with type")
    for name in _NUMBERS:
        if value.get(name) is not None:
            try:
                _NUMBER.read(value[name], settings)
            except ValueError:
                raise unusable(f"{where}.{name}", value[name], "a number") from None
    match value.get("type"):
        case "image":
            _check_background(value.get("url"), where, settings)
            return None
        case "avatar":
            return _read_avatar(value, where, settings)
        case "audio":
            return _read_speech(value, where, settings)
        case str():
            return None
        case other:
            raise unusable(f"{where}.type", other, "image, avatar or audio")


def _is_url(value: object, settings: ServiceSettings) -> bool:
    return isinstance(value, str) and bool(value) and (is_web_url(value) or not settings.check_urls)


def _check_background(url: Any, where: str, settings: ServiceSettings) -> None:
    if not _is_url(url, settings) and not (isinstance(url, str) and _COLOUR.fullmatch(url)):
        raise unusable(f"{where}.url", url, "an http or https URL, or a colour such as #ffffff00")


def _read_avatar(value: Mapping[str, Any], where: str, settings: ServiceSettings) -> _Avatar:
    avatar_id, url = value.get("avatar_id"), value.get("url")
    if url and not _is_url(url, settings):
        raise unusable(f"{where}.url", url, "an http or https URL")
    if avatar_id and not isinstance(avatar_id, str):
        raise unusable(f"{where}.avatar_id", avatar_id, "a text")
    return _Avatar(bool(avatar_id), bool(url))


def _read_speech(value: Mapping[str, Any], where: str, settings: ServiceSettings) -> _Speech:
    url, text, voice = value.get("url"), value.get("input_text"), value.get("voice_id")
    if url:
        if not _is_url(url, settings):
            raise unusable(f"{where}.url", url, "an http or https URL")
        return _Speech(str(url), "")
    if not isinstance(text, str) or not text.strip():
        raise unusable(f"{where}.input_text", text, "a text, with voice_id, where there is no url")
    if not isinstance(voice, str) or not voice:
        raise unusable(f"{where}.voice_id", voice, "the id of a voice, with input_text")
    limit = options_of(settings, TalkingAvatarOptions).tts_text_limit
    if len(text) > limit:
        raise unusable(f"{where}.input_text", f"{text[:20]}…", f"at most {limit} characters (setting tts_text_limit)")
    return _Speech("", text)


_ELEMENTS: Final = several(
    "a list of elements: image, avatar and audio",
    _read_element,
    {
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {"enum": ["image", "avatar", "audio"]},
            **{name: {"type": "string"} for name in ("url", "avatar_id", "input_text", "voice_id")},
            **{name: {"type": "number"} for name in _NUMBERS},
        },
    },
)


def _side(usual: int) -> Kind:
    any_side = lenient(1, _MOST_PIXELS)

    def read(value: Any, settings: ServiceSettings) -> int:
        found: int = any_side.read(value, settings)
        if options_of(settings, TalkingAvatarOptions).talking_avatar_strict_size and found != usual:
            raise ValueError
        return found

    return Kind(f"a number of pixels, {usual}", any_side.schema, read)


def _check(values: Values) -> Iterable[str]:
    elements = values.get("elements")
    if elements is None:
        return
    avatars = [each for each in elements if isinstance(each, _Avatar)]
    if not avatars:
        yield 'elements has no avatar; it needs one of type "avatar"'
    if not any(isinstance(each, _Speech) for each in elements):
        yield 'elements has no audio; it needs one of type "audio"'
    for each in avatars:
        if not each.has_id and not each.has_url:
            yield "the avatar has neither avatar_id nor url; give one of them"
        elif not each.has_id and values.get("avatar_from", OWN) != OWN:
            yield f"the avatar has a url, which needs avatar_from {OWN}"


def _input(values: Values) -> TalkingAvatar:
    speech = next(each for each in values["elements"] if isinstance(each, _Speech))
    return TalkingAvatar(values["width"], values["height"], speech.audio, speech.text, values["webhookUrl"])


# Records


def _other_ids(job: Job, context: Context) -> Mapping[str, str]:
    return {
        "video_id": context.keyed_random.uuid4("video", job.id),
        "task_id": context.keyed_random.hex(24, "task", job.id),
    }


def _created(job: Job, input: TalkingAvatar, context: Context) -> Record:
    return {
        "_id": job.id,
        "uid": job.account.uid,
        **_other_ids(job, context),
        "video_status": int(Status.QUEUEING),
        "video": "",
        "create_time": content_video.created_ms(job),
    }


def _shown(job: Job, input: TalkingAvatar, status: Status, base: str, context: Context) -> Record:
    return {
        "_id": job.id,
        "create_time": content_video.created_ms(job),
        "uid": job.account.uid,
        "video_id": _other_ids(job, context)["video_id"],
        "deduction_duration": content_video.charged(job, status),
        **content_video.errors(job, status, context),
    }


def _price(input: TalkingAvatar, settings: ServiceSettings) -> int:
    return content_video.credits_by_10_seconds(input.seconds(settings))


FAMILY: Final = content_video.family(
    "talking_avatar",
    content_video.create(
        "talkingavatar/create",
        "/api/open/v3/talkingavatar/create",
        Body(
            {
                "width": Field(_side(WIDTH), WIDTH),
                "height": Field(_side(HEIGHT), HEIGHT),
                "avatar_from": Field(lenient(VENDORS, OWN), VENDORS),
                "elements": Field(_ELEMENTS, required=True),
                "webhookUrl": Field(URL, ""),
            },
            _input,
            _check,
        ),
        TalkingAvatar,
        _created,
        {
            "width": WIDTH,
            "height": HEIGHT,
            "avatar_from": VENDORS,
            "elements": [
                {"type": "image", "url": "#ffffff00", "scale_x": 1, "scale_y": 1, "offset_x": 0, "offset_y": 0},
                {"type": "avatar", "avatar_id": "Alinna_emotionsdance_02", "scale_x": 1, "scale_y": 1},
                {"type": "audio", "input_text": "Hello, how are you?", "voice_id": "6889b628662160e2caad5dbc"},
            ],
        },
    ),
    _shown,
    _price,
    WebhookInfo("avatar"),
    TalkingAvatarOptions,
    other_ids=_other_ids,
)
