"""Four images by `createbyprompt` (contract section 3)."""

from __future__ import annotations

from typing import Final, NamedTuple

from mock_akool.akool.families import image
from mock_akool.akool.families.family import Context, Create, Family, FileNaming, Reading, Record
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import TEXT, URL, Body, Field, Values, one_of
from mock_akool.core.media import MediaSpec
from mock_akool.core.timeline import Status

ENDPOINT: Final = "createbyprompt"
_RESOLUTION: Final = "1080p"

_DOCUMENTED_COMPLETED: Final = (
    "faceswap_quality",
    "deduction_credit",
    "buttons",
    "used_buttons",
    "upscaled_urls",
    "_id",
    "create_time",
    "uid",
    "type",
    "image_status",
    "image",
)
"""The keys of the completed sample on the vendor's page."""


class ImageV3(NamedTuple):
    """A checked request of `createbyprompt`."""

    prompt: str
    scale: str
    source_image: str | None
    webhook_url: str

    @property
    def topic(self) -> Topic:
        """What the job is about."""
        return Topic(self.prompt, self.scale)


def _input(values: Values) -> ImageV3:
    return ImageV3(
        prompt=values["prompt"],
        scale=values["scale"],
        source_image=values["source_image"] or None,
        webhook_url=values["webhookUrl"],
    )


def _created(job: Job, input: ImageV3, context: Context) -> Record:
    record = image.common_record(job) | {
        "uid": job.account.uid,
        "type": 4,
        "origin_prompt": input.prompt,
        "prompt": input.prompt + context.options(image.ImageOptions).prompt_suffix,
    }
    if input.source_image is not None:
        record["source_image"] = input.source_image
    return record


def _fields(job: Job, input: ImageV3, status: Status, base: str, context: Context) -> Record:
    single = image.file_urls(FILES, job, base, context)[1:] if context.observed else []
    return image.shown_fields(_created(job, input, context), job, status, single, image.BUTTONS)


def _finish(job: Job, status: Status, record: Record, context: Context) -> Record:
    if status is not Status.COMPLETED or context.observed:
        return record
    record["type"] = context.options(image.ImageOptions).documented_type
    return {key: record[key] for key in _DOCUMENTED_COMPLETED}


def _names(job: Job, input: ImageV3, context: Context) -> list[str]:
    style, ending = ("", "jpg") if context.observed else (image.uuid_style(job, context), "png")
    return image.numbered_names(job, style, ending, len(image.GRID_AND_TILES), context)


def _shows(job: Job, input: ImageV3, name: str, context: Context) -> MediaSpec:
    tiles = image.GRID_AND_TILES[_names(job, input, context).index(name)]
    return image.image_spec(job, name, tiles, _RESOLUTION, context)


def _price(input: ImageV3, settings: ServiceSettings) -> int:
    """Return the credits of a job (contract section 7)."""
    return 2


def _observed_s(input: ImageV3) -> float:
    return 29.0


FILES: Final = FileNaming(image.FILE_HOST, image.EXTENSIONS, image.stamp_stem, _names, _shows)

FAMILY: Final = Family[ImageV3](
    name="image_v3",
    creates=(
        Create(
            endpoint=ENDPOINT,
            path="/api/open/v3/content/image/createbyprompt",
            input=Body(
                {
                    "prompt": Field(TEXT, required=True),
                    "scale": Field(one_of(image.SCALES), image.SCALES[0]),
                    "source_image": Field(URL, ""),
                    "webhookUrl": Field(URL, ""),
                },
                _input,
            ),
            input_type=ImageV3,
            record=_created,
            example={"prompt": "a red fox", "scale": "1:1"},
            webhook_field="webhookUrl",
            record_schema=image.RECORD_SCHEMA,
            section="3",
        ),
    ),
    readings=(Reading(image.RESULTS, _fields, _finish),),
    price=_price,
    files=FILES,
    webhook=image.WEBHOOK,
    observed_s=_observed_s,
    options=image.ImageOptions,
    overridable=image.OVERRIDABLE,
)
