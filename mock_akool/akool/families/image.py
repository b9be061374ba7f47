"""What the image families share: words, sizes, names of files, and the endpoint that shows their jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mock_akool.akool.codes import DEFAULT_REASON, Code
from mock_akool.akool.families.family import Context, FileNaming, Record, Results, WebhookInfo, one_in_query
from mock_akool.akool.jobs import Job
from mock_akool.akool.overrides import texts
from mock_akool.akool.settings import ERROR_CODE
from mock_akool.core.clock import NS_PER_MS
from mock_akool.core.media import MediaSpec
from mock_akool.core.options import Options, option
from mock_akool.core.schema import FLAG, TEXT, Optional, Schema, one_of, whole
from mock_akool.core.timeline import Status

BUTTONS: Final = ("U1", "U2", "U3", "U4", "V1", "V2", "V3", "V4")
"""The buttons of a completed job, in the order of the wire (contract sections 5 and 6)."""

SCALES: Final = ("1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3")

FILE_HOST: Final = "d2qf6ukcym4kn9.cloudfront.net"
"""The host of image files (contract section 8)."""

EXTENSIONS: Final = ("jpg", "jpeg", "png")

WEBHOOK: Final = WebhookInfo("image")

GRID: Final = (1, 2, 3, 4)
GRID_AND_TILES: Final = (GRID, (1,), (2,), (3,), (4,))
"""What each file of a job of four images shows: all four together, then each by itself."""

BY_PROFILE: Final = "profile"
"""The value of settings whose default depends on the profile."""

LONG_SIDES: Final = {"1080p": 1152, "4k": 1536}
"""Pixels of the long side by resolution."""

RECORD_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["_id", "create_time", "image_status"],
    "properties": {
        "_id": {"type": "string", "pattern": "^[0-9a-f]{24}$"},
        "create_time": {"type": "integer"},
        "image_status": {"enum": [int(status) for status in Status]},
        "deduction_credit": {"type": "integer"},
        "image": {"type": "string"},
        "upscaled_urls": {"type": "array", "items": {"type": "string"}},
        "buttons": {"type": "array", "items": {"type": "string"}},
        "used_buttons": {"type": "array", "items": {"type": "string"}},
        "error_reasons": {"type": "array", "items": {"type": "string"}},
    },
}

OVERRIDABLE: Final = {"upscaled_urls": texts("URLs"), "buttons": texts("buttons")}
"""What a scenario may say of a result beside the address of the image."""

RESULTS: Final = Results(
    endpoint="infobymodelid",
    path="/api/open/v3/content/image/infobymodelid",
    ids=one_in_query("image_model_id"),
    status_word="image_status",
    result_word="image",
    query={"image_model_id": "the job's `_id`"},
    data_schema=RECORD_SCHEMA,
    section="6",
)
"""Shows v3, v4 and button jobs alike (contract section 6)."""


class ImageOptions(Options):
    """The settings of the image families."""

    prompt_suffix: str = option(
        "", TEXT, "what the service's rewrite appends to a v3 prompt; empty: the same text", section="3", mark="C"
    )
    meitu_model: bool = option(
        True,
        FLAG,
        "v4 takes the Meitu model; the service was seen to take the two of WaveSpeed only",
        section="4",
        mark="C",
    )
    meitu_rules: bool = option(
        False,
        FLAG,
        "`parameter` and the source image of the Meitu model must be as its page says",
        section="4",
        mark="D",
    )
    v4_batch_rows: str = option(
        BY_PROFILE,
        one_of((BY_PROFILE, "full", "short")),
        "the rows of a v4 batch: `full`, as a single image has; `short`, as in the sample of the page; "
        "`profile`: full in profile observed, short in documented",
        section="4",
        mark="D",
    )
    v4_credits_1080p: int | None = option(
        None,
        Optional(whole(0, 10**6)),
        "what a v4 image costs at 1080p; none: 3 in profile observed, 1 in documented",
        section="7",
        mark="C",
    )
    v4_credits_4k: int | None = option(
        None,
        Optional(whole(0, 10**6)),
        "what a v4 image costs at 4k; none: 4 in profile observed, 1 in documented",
        section="7",
        mark="C",
    )
    variations: str = option(
        BY_PROFILE,
        one_of((BY_PROFILE, "four", "one")),
        "what a V button makes: `four` images and their grid, or `one` image; "
        "`profile`: four in profile observed, one in documented",
        section="5",
        mark="D",
    )
    v4_buttons: bool = option(True, FLAG, "a completed v4 job offers the eight buttons", section="5", mark="C")
    button_unavailable_code: int = option(
        int(Code.CANNOT_OPERATE),
        ERROR_CODE,
        "the code for a button that the parent does not offer",
        section="5",
        mark="C",
    )
    button_used_code: int = option(
        int(Code.ALREADY_OPERATED), ERROR_CODE, "the code for a button that was used before", section="5", mark="C"
    )
    documented_type: int = option(
        3, whole(0, 10**6), "the `type` of a completed v3 record in profile documented", section="6", mark="C"
    )
    square_1080p: int = option(
        1024, whole(64, 4096), "the side of a 1:1 image at 1080p, in pixels", section="8", mark="C"
    )
    square_4k: int = option(1536, whole(64, 4096), "the side of a 1:1 image at 4k, in pixels", section="8", mark="C")


def common_record(job: Job) -> Record:
    """Return what the records of `createbyprompt` and `createbybutton` share."""
    return {
        "faceswap_quality": 2,
        "deduction_credit": job.cost,
        "buttons": [],
        "used_buttons": [],
        "upscaled_urls": [],
        "_id": job.id,
        "create_time": job.created_ns // NS_PER_MS,
        "from": 1,
        "image_status": int(Status.QUEUEING),
    }


def shown_fields(created: Record, job: Job, status: Status, upscaled: Sequence[str], offered: Sequence[str]) -> Record:
    """Return what a record says at a status: that of the creation, and what came since (contract section 6).

    `upscaled` are the addresses of single images and `offered` the buttons, both once the job is completed.
    """
    record = created | {
        "image_status": int(status),
        "buttons": [],
        "used_buttons": list(job.used),
        "upscaled_urls": [],
    }
    if status is Status.COMPLETED:
        record["upscaled_urls"] = list(upscaled)
        record["buttons"] = [each for each in offered if each not in job.used]
    elif status is Status.FAILED:
        ending = job.timeline.ending
        record["error_reasons"] = list(ending.reasons or (DEFAULT_REASON,))
        if ending.refund:
            record["deduction_credit"] = 0
    return record


def numbered_names(job: Job, style: str, ending: str, count: int, context: Context) -> list[str]:
    """Return names of files as `<13-digit ms><style>-<4 digits>.<ending>` (contract section 8)."""
    digits = context.keyed_random.integer(0, 9999, "file", job.id)
    # Steps of 1,111 keep the names of one job apart.
    return [f"{job.stamp_ms}{style}-{(digits + 1111 * n) % 10_000:04}.{ending}" for n in range(count)]


def uuid_style(job: Job, context: Context) -> str:
    """Return the part of a file's name that is a UUID."""
    return f"-{context.keyed_random.uuid4('file', job.id)}"


def stamp_stem(job: Job, context: Context) -> str:
    """Return what the names of the job's files begin with."""
    return str(job.stamp_ms)


def size_of(scale: str, resolution: str, options: ImageOptions) -> tuple[int, int]:
    """Return width and height in pixels: the long side by resolution, sides multiples of 8 (contract section 8)."""
    across, _, down = scale.partition(":")
    if across == down or not down:
        # `Original` has no ratio that we could know without fetching the source image, which we never do.
        side = options.square_4k if resolution == "4k" else options.square_1080p
        return side, side
    long_side, ratio = LONG_SIDES[resolution], int(across) / int(down)
    short = round(long_side * min(ratio, 1 / ratio) / 8) * 8
    return (long_side, short) if ratio > 1 else (short, long_side)


def image_spec(
    job: Job,
    name: str,
    tiles: tuple[int, ...],
    resolution: str,
    context: Context,
    *,
    operation: str = "",
    coloured_as: str = "",
) -> MediaSpec:
    """Return what an image file shows; see `MediaSpec`."""
    topic = job.origin.topic
    width, height = size_of(topic.scale, resolution, context.options(ImageOptions))
    return MediaSpec(
        job_id=job.id,
        seed=context.keyed_random.seed,
        width=width,
        height=height,
        prompt=topic.prompt,
        ratio=topic.scale,
        tiles=tiles,
        operation=operation,
        format="PNG" if name.endswith(".png") else "JPEG",
        coloured_as=coloured_as,
    )


def file_urls(files: FileNaming, job: Job, base: str, context: Context) -> list[str]:
    """Return the addresses of all files of the job; an empty `base` is the real host."""
    return [files.url(base, name) for name in files.names(job, job.input, context)]
