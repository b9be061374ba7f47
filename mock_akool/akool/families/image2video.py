"""Videos of images and of texts, their sound, and what reads, lists and deletes them (contract section 15)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import parse_qs

from mock_akool.akool.accounts import Account, Credits
from mock_akool.akool.codes import Code, Profile
from mock_akool.akool.errors import AkoolError, ParameterError
from mock_akool.akool.families import content_video, video_models
from mock_akool.akool.families.family import (
    Answer,
    Asked,
    Context,
    Create,
    Family,
    FileNaming,
    Reading,
    Record,
    Results,
    Service,
    Unknown,
    WebhookInfo,
    World,
    drawing_of,
    in_result,
    options_of,
    several_in_body,
    success_of,
)
from mock_akool.akool.families.inputs import (
    PROMPT_NUMBERS,
    WEB_URL,
    YES_OR_NO,
    MediaOptions,
    PatternNumber,
    check_plan,
    lenient,
    number_for,
    refunds,
    several,
    unusable,
)
from mock_akool.akool.families.lists import Page, Query, note_shown, own_rows
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ERROR_CODE, ServiceSettings
from mock_akool.akool.validation import ANY_TEXT, TEXT, URL, Body, Field, Kind, Values, one_of, text_up_to
from mock_akool.core.clock import NS_PER_MS
from mock_akool.core.media import MediaSpec
from mock_akool.core.options import option
from mock_akool.core.schema import FLAG, NAME, Schema, nearest, number
from mock_akool.core.timeline import Status

FILE_HOST: Final = "d2qf6ukcym4kn9.cloudfront.net"
_BASE: Final = "/api/open/v4/image2Video"

RESOLUTIONS: Final = ("720p", "1080p", "4k")
"""What a single create takes, and the steps of the price."""
_RATES: Final = {Profile.OBSERVED: (20, 30, 40), Profile.DOCUMENTED: (4, 5, 6)}
"""Credits for a second of video at each of these resolutions (contract section 15)."""
_SIDES: Final = ((1280, 720), (1920, 1080), (3840, 2160))
"""Pixels. The image is not fetched, so nobody knows its shape."""
_LINES: Final = re.compile(r"(\d{1,5})p?", re.ASCII)
_MOST_LINES: Final = (720, 1080)

OWN_AUDIO: Final = 2
NO_AUDIO: Final = 3
_MOST_PROMPT: Final = 5000
_MOST_NEGATIVE: Final = 1000
_MOST_SHOTS: Final = 5
_MOST_COUNT: Final = 10
_LONGEST_S: Final = 60
_LONG_S: Final = 10
"""From so many seconds on a video needs a higher plan."""
_NAMED: Final = 24
"""How many characters of the prompt a file's name has."""
_NOT_QUITE_S: Final = 0.063
"""A finished video is so much longer than was asked for."""
_OLD_TYPE: Final = 15

BAD_IDS_MESSAGE: Final = "Failed to get results"
_STILL_PROCESSING: Final = "video resource is processing, please try again later"
_NOT_FOUND: Final = "video resource not found"


class Effect(NamedTuple):
    """An effect of the vendor's sample: `code` is what a request names it by."""

    id: str
    name: str
    code: str

    @property
    def row(self) -> Record:
        """Its row in the list of effects."""
        files = f"https://static.website-files.org/assets/Image_to_Video/Lora/{self.name}"
        return {
            "_id": self.id,
            "create_time": 1752576694502,
            "logo": f"{files}.png",
            "name": self.name,
            "video_url": f"{files}.mp4",
            "effect_code": self.code,
        }


EFFECTS: Final = (
    Effect("687632b95a0f52799eeed701", "Squish", "squish_89244231312"),
    Effect("687632ba5a0f52799eeed887", "Cakeify", "cakeify_24743216"),
    Effect("687632bc5a0f52799eeed929", "Samurai", "samurai_99757865"),
)
_EFFECT_NAMES: Final = {each.code: each.name for each in EFFECTS}
_DOCUMENTED_COUNT: Final = 10
"""The vendor's sample says so many, beside three rows."""


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


# Requests


class Video(NamedTuple):
    """A checked request that makes videos. `seconds` is how long each will be, `rows` how many are asked for.

    `image_url` is `""` for a video of a text, and `negative_prompt` None where it is not said. `audio_type` is 1 for
    sound that is made, 2 for that of `audio_url` and 3 for none; 0 where it is not said. `refused` are the
    codes of those rows of a batch that are in `errorList`. `parent_id` is the video that gets a new sound.
    """

    prompt: str
    image_url: str
    resolution: str
    seconds: int
    negative_prompt: str | None
    extend_prompt: bool
    audio_type: int
    audio_url: str
    effect_code: str
    model_name: str
    last_image_url: str
    rows: int
    refused: tuple[int, ...]
    webhook_url: str
    parent_id: str

    @property
    def topic(self) -> Topic:
        """What the job is about."""
        return Topic(self.prompt, model_name=self.model_name)


class SingleVideo(Video):
    """A checked request of `image2Video/createBySourcePrompt`."""

    __slots__ = ()


class ImageBatch(Video):
    """A checked request of `image2Video/createBySourcePrompt/batch`."""

    __slots__ = ()


class TextBatch(Video):
    """A checked request of `text2Video/createByPrompt/batch`."""

    __slots__ = ()


class VideoSound(Video):
    """A checked request of `image2Video/updateVideoAudio`; all but the sound is that of the video before."""

    __slots__ = ()


V = TypeVar("V", bound=Video)


def _made(kind: type[V], values: Values, **more: Any) -> V:
    """Return a request of a kind from what its fields are read as, and what they do not say."""
    found = {
        "prompt": values.get("prompt", ""),
        "image_url": values.get("image_url", ""),
        "resolution": values.get("resolution") or "",
        "seconds": values.get("video_length") or 0,
        "negative_prompt": values.get("negative_prompt"),
        "extend_prompt": values.get("extend_prompt", False),
        "audio_type": values.get("audio_type") or 0,
        "audio_url": values.get("audio_url", ""),
        "effect_code": values.get("effect_code", ""),
        "model_name": values.get("model_name") or "",
        "last_image_url": values.get("last_image_url", ""),
        "rows": values.get("count", 1),
        "refused": (),
        "webhook_url": values["webhookurl"],
        "parent_id": values.get("pre_video_id", ""),
    }
    return kind(**found | more)


LONG_PROMPT: Final = text_up_to(_MOST_PROMPT, TEXT)
_NUMBER: Final = lenient(1, _LONGEST_S)


def _read_five_or_ten(value: Any, settings: ServiceSettings) -> int:
    seconds: int = _NUMBER.read(value, settings)
    if seconds not in _LENGTHS:
        raise ValueError
    return seconds


_LENGTHS: Final = (5, 10)
_FIVE_OR_TEN: Final = Kind("5 or 10", {"enum": list(_LENGTHS)}, _read_five_or_ten)
_EFFECT: Final = one_of(tuple(_EFFECT_NAMES))


def _read_effect(value: Any, settings: ServiceSettings) -> str:
    return "" if value == "" else str(_EFFECT.read(value, settings))


_EFFECT_OR_NONE: Final = Kind(f"{_EFFECT.wants}, or empty text", {"type": "string"}, _read_effect, _EFFECT.words)


def _check_audio(values: Values) -> Iterable[str]:
    if values.get("audio_type") == OWN_AUDIO and values.get("audio_url") == "":
        yield "audio_url is missing; with audio_type 2 it takes the URL of a sound"


def _single(values: Values) -> SingleVideo:
    return _made(SingleVideo, values)


def _allow_single(input: SingleVideo, settings: ServiceSettings) -> None:
    options = video_options(settings)
    if options.i2v_require_negative and input.negative_prompt is None:
        raise ParameterError("negative_prompt is missing, and i2v_require_negative is on")
    if options.i2v_require_audio_type and not input.audio_type:
        raise ParameterError("audio_type is missing, and i2v_require_audio_type is on; send 1, 2 or 3")
    _check_length(input, settings)


def _check_length(input: Video, settings: ServiceSettings) -> None:
    if input.seconds >= _LONG_S:
        check_plan(f"a video of {input.seconds} s", settings)


# Batches


def _model_of(kind: int) -> Kind:
    """Return the kind that takes the value of a model of a type."""
    words = tuple(model.value for model in video_models.MODELS[kind])

    def read(value: Any, settings: ServiceSettings) -> str:
        if isinstance(value, str) and (value in words or (value and video_options(settings).i2v_any_model)):
            return value
        near = nearest(value, words) if isinstance(value, str) else None
        raise unusable("", value, f"a `value` of aigModel/list?types[]={kind}{f', such as {near}' if near else ''}")

    return Kind(f"a `value` of `aigModel/list?types[]={kind}`", {"type": "string"}, read)


def _read_shot(value: Any, where: str, settings: ServiceSettings) -> int:
    if not isinstance(value, dict):
        raise unusable(where, value, "an object with duration and prompt")
    if not isinstance(value.get("prompt"), str) or not value["prompt"].strip():
        raise unusable(f"{where}.prompt", value.get("prompt"), "a text that is not blank")
    seconds = value.get("duration")
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= _LONGEST_S:
        raise unusable(f"{where}.duration", seconds, f"a whole number from 1 to {_LONGEST_S}")
    return seconds


_SHOTS: Final = several(
    f"a list of up to {_MOST_SHOTS} objects with duration and prompt",
    _read_shot,
    {
        "type": "object",
        "required": ["duration", "prompt"],
        "properties": {"duration": {"type": "integer"}, "prompt": {"type": "string"}},
    },
)


def _check_batch(kind: int, *, needs_resolution: bool) -> Callable[[Values], Iterable[str]]:
    """Return what finds mistakes between the fields of a batch, by what its model takes."""

    def check(values: Values) -> Iterable[str]:
        if "model_name" not in values:
            return
        model = _model(kind, values)
        if model is None:
            # Nobody knows what it takes.
            return
        resolution, seconds, count = values.get("resolution"), values.get("video_length"), values.get("count", 1)
        if needs_resolution and "resolution" in values and resolution is None and model.resolutions:
            yield f"resolution is missing; {model.value} takes {', '.join(model.resolutions)}"
        if resolution is not None and model.resolutions and resolution not in model.resolutions:
            yield f"resolution is {resolution!r}; {model.value} takes {', '.join(model.resolutions)}"
        if seconds is not None and seconds not in model.durations:
            yield f"video_length is {seconds}; {model.value} takes {', '.join(map(str, model.durations))}"
        if count > model.max_count:
            yield f"count is {count}; {model.value} takes up to {model.max_count}"
        yield from _check_shots(model, values.get("multi_prompt", ()), seconds)

    return check


def _check_shots(model: video_models.Model, shots: Sequence[int], seconds: int | None) -> Iterable[str]:
    if shots and not model.takes_shots:
        yield f"multi_prompt is given, and {model.value} takes none"
    elif len(shots) > _MOST_SHOTS:
        yield f"multi_prompt has {len(shots)} parts; it takes up to {_MOST_SHOTS}"
    elif shots and seconds is not None and sum(shots) != seconds:
        yield f"the durations of multi_prompt add up to {sum(shots)}, and video_length is {seconds}"


def _model(kind: int, values: Values) -> video_models.Model | None:
    """Return the model that a batch asks for, or the first; None for one that no list has."""
    name = values["model_name"]
    return video_models.MODELS[kind][0] if name is None else video_models.known(kind, name)


def _batch(kind: int, made: type[V]) -> Callable[[Values], V]:
    """Return what makes the request of a batch from its fields."""

    def make(values: Values) -> V:
        model = _model(kind, values)
        sounds = values["generate_audio"] and (model is None or model.has_audio)
        resolutions, durations = (("720p",), (5,)) if model is None else (model.resolutions, model.durations)
        usual = "720p" if "720p" in resolutions or not resolutions else resolutions[0]
        return _made(
            made,
            values,
            model_name=values["model_name"] if model is None else model.value,
            resolution=values["resolution"] or (usual if resolutions else ""),
            seconds=values["video_length"] or (5 if 5 in durations else durations[0]),
            audio_type=1 if sounds else NO_AUDIO,
        )

    return make


def _less_refused(input: V, world: World, account: Account, now_ns: int) -> V:
    """Return a batch with the number of rows that the settings refuse; raises AkoolError when these are all."""
    settings = world.context.settings
    options = video_options(settings)
    refused = int(number_for(input.prompt, options.i2v_batch_errors, 0))
    if refused >= input.rows:
        code = options.i2v_batch_error_code
        raise settings.refusal(code, reason=f"i2v_batch_errors refuses all {input.rows} rows of this batch")
    return input._replace(refused=(options.i2v_batch_error_code,) * refused)


def _refuse_rows(input: V, refused: Mapping[int, int]) -> V:
    """Return a batch of which scripts refuse these rows, too."""
    return input._replace(refused=(*input.refused, *refused.values()))


def _jobs(input: Video) -> int:
    return input.rows - len(input.refused)


def _rows_and_errors(records: Sequence[Record], input: Video, context: Context) -> Mapping[str, Any]:
    """Return the body of the answer to a batch: the rows that were made, and those that were refused."""
    refusals = map(context.settings.refusal, input.refused)
    errors = [{"code": int(each.code), "msg": each.msg} for each in refusals]
    return success_of({"successList": list(records), "errorList": errors}).body


def batch_fields(kind: int, *, needs_length: bool) -> dict[str, Field]:
    """Return the fields that the batches of images and of texts share."""
    return {
        "model_name": Field(_model_of(kind)),
        "negative_prompt": Field(text_up_to(_MOST_NEGATIVE, ANY_TEXT) if kind == video_models.FROM_TEXT else ANY_TEXT),
        "extend_prompt": Field(YES_OR_NO, False),
        "resolution": Field(TEXT),
        "video_length": Field(lenient(1, _LONGEST_S), required=needs_length),
        "count": Field(lenient(1, _MOST_COUNT), 1),
        "generate_audio": Field(YES_OR_NO, False),
        "webhookurl": Field(URL, ""),
    }


# Sound for a video


def _sound(values: Values) -> VideoSound:
    return _made(VideoSound, values)


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


# Prices


def _step(resolution: str) -> int:
    """Return which of the resolutions that have a price this is: 0 for 720p and below, 1 for 1080p, 2 above."""
    found = _LINES.fullmatch(resolution.lower())
    if found is None:
        return 2 if resolution.lower().endswith("k") else 0
    return sum(int(found.group(1)) > most for most in _MOST_LINES)


def _price(input: Video, settings: ServiceSettings) -> Credits:
    """Return the credits of one video, or of its new sound (contract section 15)."""
    if isinstance(input, VideoSound):
        return 5 if input.seconds <= 5 else 10
    usual = input.seconds * _RATES[settings.profile][_step(input.resolution)]
    if not input.model_name or input.audio_type == NO_AUDIO:
        return usual
    kind = video_models.FROM_TEXT if isinstance(input, TextBatch) else video_models.FROM_IMAGE
    model = video_models.known(kind, input.model_name)
    own = None if model is None else model.audio_surcharge
    surcharge = video_options(settings).i2v_audio_surcharge if own is None else own
    dearer = usual * (1 + Decimal(str(surcharge)))
    return int(dearer) if dearer == int(dearer) else dearer


def _observed_s(input: Video) -> float:
    return 40.0 if input.seconds <= 5 else 75.0


# Records


def _file_name(input: Video) -> str:
    return f"{'Image' if input.image_url else 'Text'}2Video_{input.prompt[:_NAMED]}.mp4"


def _of_image(input: Video) -> Record:
    return {"image_url": input.image_url} if input.image_url else {}


def _of_effect(input: Video) -> Record:
    name = _EFFECT_NAMES.get(input.effect_code)
    return {} if name is None else {"effect_name": name, "effect_code": input.effect_code}


def _begun(job: Job, input: Video, context: Context) -> Record:
    """Return what all records of a creation begin with."""
    return {
        "_id": job.id,
        "create_time": job.created_ns // NS_PER_MS + job.place,
        "uid": job.account.uid,
        "team_id": job.account.team_id,
        "status": int(Status.QUEUEING),
        "webhookUrl": input.webhook_url,
        "resolution": input.resolution,
        "file_name": _file_name(input),
        **_of_image(input),
        "prompt": input.prompt,
        "negative_prompt": input.negative_prompt or "",
        "extend_prompt": input.extend_prompt,
        "deduction_credit": job.cost,
        **({"video_duration": input.seconds} if context.observed else {}),
    }


def _created(job: Job, input: SingleVideo, context: Context) -> Record:
    return {
        **_begun(job, input, context),
        "audio_type": input.audio_type or NO_AUDIO,
        "audio_url": input.audio_url,
        **_of_effect(input),
    }


def _row(job: Job, input: Video, context: Context) -> Record:
    """Return the row of a video in `successList`."""
    return {
        **_begun(job, input, context),
        "model_name": input.model_name,
        "batch_id": f"{job.created_ns // NS_PER_MS}_{job.account.uid}",
        "batch_count": input.rows,
        **({"last_image_url": input.last_image_url} if input.last_image_url else {}),
    }


def _with_sound(job: Job, input: VideoSound, context: Context) -> Record:
    return {
        **_begun(job, input, context),
        "update_time": job.created_ns // NS_PER_MS,
        "video_duration": _length(input),
        "audio_type": input.audio_type,
        "audio_url": input.audio_url,
        **_of_effect(input),
        "pre_video_id": input.parent_id,
        "only_add_audio": True,
    }


def _length(input: Video) -> float:
    """Return how long a finished video is, in seconds."""
    return input.seconds + _NOT_QUITE_S


def _fields(job: Job, input: Video, status: Status, base: str, context: Context) -> Record:
    """Return the row of resultsByIds without its status and address."""
    done = status is Status.COMPLETED
    adds_sound = isinstance(input, VideoSound)
    created_ms = job.created_ns // NS_PER_MS + job.place
    given_back = status is Status.FAILED and job.timeline.ending.refund
    record: Record = {
        "_id": job.id,
        "create_time": created_ms,
        "uid": job.account.uid,
        "team_id": job.account.team_id,
        "update_time": job.stamp_ms if done else created_ms,
        "video_duration": _length(input) if done or adds_sound else input.seconds,
        "webhookUrl": input.webhook_url,
        "file_name": _file_name(input),
        "prompt": input.prompt,
        "resolution": input.resolution,
        "audio_type": input.audio_type or NO_AUDIO,
        "audio_url": input.audio_url,
        "effect_name": _EFFECT_NAMES.get(input.effect_code, ""),
        "effect_code": input.effect_code,
        "deduction_credit": 0 if given_back else job.cost,
        "only_add_audio": adds_sound,
    }
    if input.image_url:
        record["image_url"] = input.image_url
    if done:
        record["sub_type"] = _sub_type(input)
    return record


def _sub_type(input: Video) -> int:
    return video_models.FROM_IMAGE if input.image_url else video_models.FROM_TEXT


def _old_fields(job: Job, input: Video, status: Status, base: str, context: Context) -> Record:
    """Return what the old readers, those of `content/video`, say of a video, without its status and address."""
    return {
        "_id": job.id,
        "create_time": job.created_ns // NS_PER_MS + job.place,
        "uid": job.account.uid,
        "team_id": job.account.team_id,
        "type": _OLD_TYPE,
        "sub_type": _sub_type(input),
        "credentialId": context.keyed_random.hex(24, "credential", job.account.id),
        "prompt": input.prompt,
        "resolution": input.resolution,
        "external_video": FILES.url(base, _names(job, input, context)[0]) if status is Status.COMPLETED else "",
    }


# Files


def _stem(job: Job, context: Context) -> str:
    return str(job.stamp_ms)


def _names(job: Job, input: Video, context: Context) -> list[str]:
    return [f"{job.stamp_ms}-{context.keyed_random.integer(0, 9999, 'file', job.id):04}.mp4"]


def _shows(job: Job, input: Video, name: str, context: Context) -> MediaSpec:
    operation = (
        "new sound" if isinstance(input, VideoSound) else "image to video" if input.image_url else "text to video"
    )
    return drawing_of(job, _SIDES[_step(input.resolution)], operation, "MP4", context)


FILES: Final = FileNaming(FILE_HOST, ("mp4",), _stem, _names, _shows)


# Reading


def _refuse_ids(reason: str, settings: ServiceSettings) -> AkoolError:
    return AkoolError(video_options(settings).i2v_bad_ids_code, BAD_IDS_MESSAGE, reason=reason)


_ID: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{24}$"}
_STATUS: Final[Schema] = {"enum": [int(status) for status in Status]}
_CREATED_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["_id", "create_time", "status", "webhookUrl", "prompt", "deduction_credit"],
    "properties": {
        "_id": _ID,
        "create_time": {"type": "integer"},
        "uid": {"type": "integer"},
        "team_id": {"type": "string"},
        "status": _STATUS,
        "webhookUrl": {"type": "string"},
        "file_name": {"type": "string"},
        "prompt": {"type": "string"},
        "deduction_credit": {"type": "number"},
    },
}
_BATCH_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["successList", "errorList"],
    "properties": {
        "successList": {"type": "array", "items": _CREATED_SCHEMA},
        "errorList": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "msg"],
                "properties": {"code": {"type": "integer"}, "msg": {"type": "string"}},
            },
        },
    },
}
_ROW_SCHEMA: Final[Schema] = {
    **_CREATED_SCHEMA,
    "required": [*_CREATED_SCHEMA["required"], "update_time", "video_duration", "only_add_audio"],
    "properties": {
        **_CREATED_SCHEMA["properties"],
        "update_time": {"type": "integer"},
        "video_duration": {"type": "number"},
        "video_url": {"type": "string"},
        "only_add_audio": {"type": "boolean"},
    },
}


def _list_of(name: str, items: Schema, *more: str) -> Schema:
    """Return the schema of an object with a list, and with numbers of these names."""
    numbers: Schema = {each: {"type": "integer"} for each in more}
    return {
        "type": "object",
        "required": [name, *more],
        "properties": {name: {"type": "array", "items": items}, **numbers},
    }


def _answer_schema(data: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["code", "msg"],
        "properties": {"code": {"type": "integer"}, "msg": {"type": "string"}, "data": data},
    }


RESULTS: Final = Results(
    endpoint="resultsByIds",
    path=f"{_BASE}/resultsByIds",
    ids=several_in_body("_ids"),
    status_word="status",
    result_word="video_url",
    unknown=Unknown.LEFT_OUT,
    method="POST",
    reply=in_result,
    data_schema=_list_of("result", _ROW_SCHEMA),
    refuse=_refuse_ids,
)
"""Shows the videos of images and of texts."""


_OLD_READING: Final = Reading(content_video.RESULTS, _old_fields)
"""How the reader of other videos shows one."""


# Families


def family(name: str, *creates: Create[Any], webhook: WebhookInfo) -> Family[Any]:
    """Return a family of videos; all but the name, the creates and the webhooks is the same for each."""
    return Family(
        name=name,
        creates=creates,
        readings=(Reading(RESULTS, _fields), _OLD_READING),
        price=_price,
        files=FILES,
        webhook=webhook,
        no_credit_code=attrgetter("no_credit_code_image2video"),
        refunds=refunds,
        observed_s=_observed_s,
        options=VideoOptions,
    )


def batch(
    endpoint: str,
    path: str,
    kind: int,
    made: type[V],
    fields: dict[str, Field],
    example: dict[str, Any],
    *,
    needs_resolution: bool,
) -> Create[V]:
    """Return an endpoint that makes several videos at once; `kind` is the type of its models."""
    return Create(
        endpoint=endpoint,
        path=path,
        input=Body(
            {**fields, **batch_fields(kind, needs_length=needs_resolution)},
            _batch(kind, made),
            _check_batch(kind, needs_resolution=needs_resolution),
            needed=("resolution",) if needs_resolution else (),
        ),
        input_type=made,
        record=_row,
        example=example,
        webhook_field="webhookurl",
        body=_rows_and_errors,
        body_schema=_BATCH_SCHEMA,
        record_schema=_CREATED_SCHEMA,
        jobs=_jobs,
        refuse_rows=_refuse_rows,
        batch_ids="`successList` of the create has an `_id` for each video",
        allow=_check_length,
        find=_less_refused,
    )


_IMAGE: Final = {"image_url": Field(WEB_URL, required=True), "prompt": Field(TEXT, required=True)}
_EXAMPLE: Final = {
    "image_url": "https://example.com/fox.png",
    "prompt": "the fox turns its head",
    "resolution": "720p",
    "video_length": 5,
}

FAMILY: Final = family(
    "image2video",
    Create(
        endpoint="image2Video/createBySourcePrompt",
        path=f"{_BASE}/createBySourcePrompt",
        input=Body(
            {
                **_IMAGE,
                "negative_prompt": Field(ANY_TEXT),
                "resolution": Field(one_of(RESOLUTIONS), required=True),
                "audio_type": Field(lenient(1, NO_AUDIO)),
                "audio_url": Field(URL, ""),
                "video_length": Field(_FIVE_OR_TEN, required=True),
                "extend_prompt": Field(YES_OR_NO, False),
                "is_premium_model": Field(YES_OR_NO, False),
                "effect_code": Field(_EFFECT_OR_NONE, ""),
                "webhookurl": Field(URL, ""),
            },
            _single,
            _check_audio,
        ),
        input_type=SingleVideo,
        record=_created,
        example=_EXAMPLE,
        webhook_field="webhookurl",
        record_schema=_CREATED_SCHEMA,
        allow=_allow_single,
    ),
    batch(
        "image2Video/createBySourcePrompt/batch",
        f"{_BASE}/createBySourcePrompt/batch",
        video_models.FROM_IMAGE,
        ImageBatch,
        {**_IMAGE, "last_image_url": Field(URL, ""), "multi_prompt": Field(_SHOTS, ())},
        {**_EXAMPLE, "model_name": "AkoolImage2VideoFastV1", "count": 2},
        needs_resolution=True,
    ),
    Create(
        endpoint="updateVideoAudio",
        path=f"{_BASE}/updateVideoAudio",
        input=Body(
            {
                "pre_video_id": Field(TEXT, required=True),
                "audio_type": Field(lenient(1, OWN_AUDIO), required=True),
                "audio_url": Field(URL, ""),
                "webhookurl": Field(URL, ""),
            },
            _sound,
            _check_audio,
        ),
        input_type=VideoSound,
        record=_with_sound,
        example={"pre_video_id": "…", "audio_type": 1},
        webhook_field="webhookurl",
        record_schema=_CREATED_SCHEMA,
        parent=_parent,
        parent_field="pre_video_id",
        check=_check_parent,
        find=_inherit,
    ),
    webhook=WebhookInfo("image to video", chosen=attrgetter("webhook_type_image2video")),
)


# Lists, deleting


def _effects(asked: Asked) -> Answer:
    count = len(EFFECTS) if asked.world.context.observed else _DOCUMENTED_COUNT
    return success_of({"result": [each.row for each in EFFECTS], "count": count}, "Success")


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


def _models(asked: Asked) -> Answer:
    try:
        query = parse_qs(asked.request.query, max_num_fields=_MOST_QUERY_FIELDS)
    except ValueError:
        raise ParameterError(f"the query has over {_MOST_QUERY_FIELDS} fields") from None
    types = query.get("types[]", ())
    if not types:
        raise ParameterError("types[] is missing from the query; give one such as types[]=1501")
    context = asked.world.context
    surcharge = context.options(VideoOptions).i2v_audio_surcharge
    kinds = dict.fromkeys(int(each) for each in types if each.isascii() and each.isdigit() and len(each) < _MOST_DIGITS)
    found = [row for kind in kinds for row in video_models.rows(kind, surcharge, observed=context.observed)]
    return success_of(sorted(found, key=_sort, reverse=True))


_MOST_DIGITS: Final = 10
_MOST_QUERY_FIELDS: Final = 100


def _sort(row: Record) -> int:
    sort: int = row["sort"]
    return sort


def _old_list(asked: Asked) -> Answer:
    query = Query.of(asked.request)
    if query.text("sub_type"):
        raise ParameterError("sub_type is given, which this list refuses; leave it out")
    has_rows = query.text("type") in ("", str(_OLD_TYPE))
    own = [row for row in own_rows(asked, _OLD_READING, [FAMILY]) if row.record["sub_type"] == video_models.FROM_IMAGE]
    page = Page.of(own if has_rows else [], query)
    rows = [row.record for row in page.items]
    return success_of({"count": page.whole, "result": rows}, shown=note_shown(asked, page.items))


_MODEL_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["sort", "type", "label", "value", "resolutionList", "durationList", "maxCount"],
    "properties": {"sort": {"type": "integer"}, "type": {"type": "integer"}, "value": {"type": "string"}},
}

SERVICES: Final = (
    Service(
        endpoint="image2Video/effects",
        path=f"{_BASE}/effects",
        answer=_effects,
        method="GET",
        schema=_answer_schema(
            _list_of("result", {"type": "object", "required": ["_id", "name", "effect_code"]}, "count")
        ),
    ),
    Service(
        endpoint="image2Video/delbyids",
        path=f"{_BASE}/delbyids",
        answer=_delete,
        input=several_in_body("_ids"),
        example={"_ids": "…"},
        schema=_answer_schema(
            {
                "type": "object",
                "required": ["successIds", "noPermissionItems"],
                "properties": {
                    "successIds": {"type": "array", "items": _ID},
                    "noPermissionItems": {
                        "type": "array",
                        "items": {"type": "object", "required": ["_id", "msg"]},
                    },
                },
            }
        ),
    ),
    Service(
        endpoint="aigModel/list",
        path="/api/open/v4/aigModel/list",
        answer=_models,
        method="GET",
        query={"types[]": "1501 for models that make videos of images, 1502 of texts, 2101 of characters"},
        schema=_answer_schema({"type": "array", "items": _MODEL_SCHEMA}),
    ),
    Service(
        endpoint="content/video/list",
        path="/api/open/v3/content/video/list",
        answer=_old_list,
        method="GET",
        query={"page": "which page, from 1", "size": "how many rows it has", "type": "15; others have no rows"},
        schema=_answer_schema(_list_of("result", {"type": "object", "required": ["_id", "type", "video"]}, "count")),
    ),
)
"""Lists of effects, models and videos, and the delete."""
