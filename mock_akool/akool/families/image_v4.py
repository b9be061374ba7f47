"""One image, or a batch of up to four jobs of one image each, by `createBySourcePrompt` (contract section 4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from mock_akool.akool.codes import Code, Profile
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.families import image, image_meitu
from mock_akool.akool.families.family import Context, Create, Family, FileNaming, Reading, Record, options_of
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import (
    ANY_TEXT,
    URL,
    URLS,
    Body,
    Field,
    Kind,
    UnusableError,
    Values,
    harmless,
    number,
    one_of,
    whole,
)
from mock_akool.core.clock import NS_PER_MS
from mock_akool.core.media import MediaSpec
from mock_akool.core.schema import shown
from mock_akool.core.timeline import Status

ENDPOINT: Final = "createBySourcePrompt"

TEXT_MODEL: Final = "wavespeed-ai/flux-krea-dev-lora"
IMAGE_MODEL: Final = "wavespeed-ai/flux-kontext-dev"
MEITU_MODEL: Final = "meitu/yunxiu-pro/image-to-image"
_MODELS: Final = (TEXT_MODEL, IMAGE_MODEL, MEITU_MODEL)
_IMAGE_MODELS: Final = (IMAGE_MODEL, MEITU_MODEL)

ORIGINAL_SCALE: Final = "Original"
RESOLUTIONS: Final = ("1080p", "4k")

_PRICES: Final = {
    Profile.OBSERVED: {"1080p": 3, "4k": 4},
    Profile.DOCUMENTED: {"1080p": 1, "4k": 1},
}
"""Credits for one image (contract section 7)."""

_DOCUMENTED_BATCH_ROW: Final = (
    "_id",
    "uid",
    "team_id",
    "create_time",
    "prompt",
    "image_status",
    "deduction_credit",
    "model_name",
    "type",
    "from",
    "sub_type",
)
"""The keys of a row in the sample of a batch on the vendor's page."""

_SOURCE_IMAGES_REQUIRED: Final = "source_images is required for image-to-image model"


class ImageV4(NamedTuple):
    """A checked request of `createBySourcePrompt`. `source_image` is `""` for a text job."""

    prompt: str
    model_name: str
    source_image: str
    scale: str
    resolution: str
    batch_quantity: int
    similar: float
    negative_prompt: str | None
    webhook_url: str

    @property
    def from_image(self) -> bool:
        """Whether this is an image-to-image job."""
        return bool(self.source_image)

    @property
    def topic(self) -> Topic:
        """What the job is about."""
        return Topic(self.prompt, self.scale, self.model_name)


def _model(values: Values) -> str | None:
    """Return the model that is asked for, or chosen by whether there is a source image; None when it is wrong."""
    if "model_name" not in values or "source_images" not in values:
        return None
    chosen: str | None = values["model_name"]
    return chosen or (IMAGE_MODEL if _source(values) else TEXT_MODEL)


def _source(values: Values) -> str:
    """Return the first source image; the others are not used."""
    urls: tuple[str, ...] = values["source_images"]
    return urls[0] if urls else ""


def _check(values: Values) -> Iterable[str]:
    model = _model(values)
    if model in _IMAGE_MODELS and not _source(values):
        raise AkoolError(
            Code.PARAMETER_ERROR,
            _SOURCE_IMAGES_REQUIRED,
            reason=f"source_images is missing, and model_name {model!r} makes an image of another one; "
            f"give a list of one URL, or model_name {TEXT_MODEL!r}",
        )
    if model == MEITU_MODEL:
        yield from _check_meitu(values)
    elif "prompt" in values and not values["prompt"].strip():
        yield "prompt is missing or blank; it takes a text"
    if model == TEXT_MODEL and values.get("scale") == ORIGINAL_SCALE:
        yield f"scale is {ORIGINAL_SCALE!r}; without a source image it takes one of {', '.join(image.SCALES)}"


def _check_meitu(values: Values) -> Iterable[str]:
    """Yield what is wrong with a request of the Meitu model, which takes no prompt."""
    parameter: image_meitu.Parameter | None = values.get("parameter")
    if "parameter" in values and parameter is None:
        yield f"parameter is missing; model_name {MEITU_MODEL!r} takes an object there"
    if parameter is None or parameter.mistakes is None:
        return
    yield from parameter.mistakes
    source = _source(values)
    why = image_meitu.source_mistake(source)
    if why:
        yield f"source_images[0] is {shown(harmless(source))}; {why}"


def _read_model(value: Any, settings: ServiceSettings) -> str:
    known: str = _ANY_MODEL.read(value, settings)
    if known == MEITU_MODEL and not options_of(settings, image.ImageOptions).meitu_model:
        raise UnusableError(f" is {known!r}, and meitu_model is off; it takes {_WAVESPEED.wants}")
    return known


_ANY_MODEL: Final = one_of(_MODELS)
_WAVESPEED: Final = one_of((TEXT_MODEL, IMAGE_MODEL))
_MODEL: Final = Kind(_ANY_MODEL.wants, _ANY_MODEL.schema, _read_model, _ANY_MODEL.words)


def _input(values: Values) -> ImageV4:
    model = _model(values) or TEXT_MODEL
    return ImageV4(
        prompt=values["prompt"],
        model_name=model,
        source_image=_source(values) if model in _IMAGE_MODELS else "",
        scale=values["scale"],
        resolution=values["resolution"],
        batch_quantity=values["batch_quantity"],
        similar=values["similar"],
        negative_prompt=values["negative_prompt"] or None,
        webhook_url=values["webhookurl"],
    )


def _created(job: Job, input: ImageV4, context: Context) -> Record:
    """Return the record right after the creation: that of a batch may lack fields."""
    record = _whole(job, input, context)
    rows = context.options(image.ImageOptions).v4_batch_rows
    is_short = rows == "short" or (rows == image.BY_PROFILE and not context.observed)
    if input.batch_quantity == 1 or not is_short:
        return record
    return {key: record[key] for key in _DOCUMENTED_BATCH_ROW}


def _whole(job: Job, input: ImageV4, context: Context) -> Record:
    created_ms = job.created_ns // NS_PER_MS + job.place
    record: Record = {
        "_id": job.id,
        "uid": job.account.uid,
        "team_id": job.account.team_id,
        "create_time": created_ms,
        "prompt": input.prompt,
        "origin_prompt": input.prompt,
        "source_image": input.source_image,
        "image_status": int(Status.QUEUEING),
        "image_sub_status": 1,
        "deduction_credit": job.cost,
        "model_name": input.model_name,
        "provider": input.model_name.partition("/")[0],
        "type": 4,
        "from": 4,
        "sub_type": 40002 if input.from_image else 40001,
        "file_name": f"ImageGenerator_{created_ms}.png",
    }
    if context.observed:
        record["task_id"] = context.keyed_random.hex(32, "task", job.id)
    return record


def offered_buttons(settings: ServiceSettings) -> tuple[str, ...]:
    """Return the buttons of a completed v4 job (contract section 5)."""
    return image.BUTTONS if options_of(settings, image.ImageOptions).v4_buttons else ()


def _fields(job: Job, input: ImageV4, status: Status, base: str, context: Context) -> Record:
    urls = image.file_urls(FILES, job, base, context)
    created = _whole(job, input, context)
    return image.shown_fields(created, job, status, urls, offered_buttons(context.settings))


def _names(job: Job, input: ImageV4, context: Context) -> list[str]:
    return image.numbered_names(job, image.uuid_style(job, context), "jpeg", 1, context)


def _shows(job: Job, input: ImageV4, name: str, context: Context) -> MediaSpec:
    return image.image_spec(job, name, (), input.resolution, context)


def _price(input: ImageV4, settings: ServiceSettings) -> int:
    options = options_of(settings, image.ImageOptions)
    chosen = options.v4_credits_4k if input.resolution == "4k" else options.v4_credits_1080p
    return _PRICES[settings.profile][input.resolution] if chosen is None else chosen


def _observed_s(input: ImageV4) -> float:
    return 56.0 if input.from_image else 35.0


def _jobs(input: ImageV4) -> int:
    return input.batch_quantity


FILES: Final = FileNaming(image.FILE_HOST, image.EXTENSIONS, image.stamp_stem, _names, _shows)

FAMILY: Final = Family[ImageV4](
    name="image_v4",
    creates=(
        Create(
            endpoint=ENDPOINT,
            path="/api/open/v4/content/image/createBySourcePrompt",
            input=Body(
                {
                    "prompt": Field(ANY_TEXT, ""),
                    "model_name": Field(_MODEL),
                    "source_images": Field(URLS, ()),
                    "parameter": Field(image_meitu.PARAMETER),
                    "scale": Field(one_of((*image.SCALES, ORIGINAL_SCALE)), image.SCALES[0]),
                    "resolution": Field(one_of(RESOLUTIONS), RESOLUTIONS[-1]),
                    "batch_quantity": Field(whole(1, 4), 1),
                    "similar": Field(number(0, 1), 0.5),
                    "negative_prompt": Field(ANY_TEXT, ""),
                    "webhookurl": Field(URL, ""),
                },
                _input,
                _check,
                needed=("prompt",),
            ),
            input_type=ImageV4,
            record=_created,
            example={"prompt": "a red fox", "resolution": "4k", "batch_quantity": 1},
            webhook_field="webhookurl",
            record_schema=image.RECORD_SCHEMA,
            section="4",
            jobs=_jobs,
        ),
    ),
    readings=(Reading(image.RESULTS, _fields),),
    price=_price,
    files=FILES,
    webhook=image.WEBHOOK,
    observed_s=_observed_s,
    options=image.ImageOptions,
    overridable=image.OVERRIDABLE,
)
