"""What the face swaps and reage share: settings, prices, files, how a result is read, deleted and cancelled."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, Protocol, TypeVar

from mock_akool.akool.codes import Code
from mock_akool.akool.families.family import (
    OK_MESSAGE,
    Answer,
    Asked,
    Context,
    Create,
    Family,
    FileNaming,
    Pending,
    Reading,
    Record,
    Results,
    Service,
    Unknown,
    WebhookInfo,
    drawing_of,
    in_result,
    no_limit,
    options_of,
    several_in_body,
    several_in_query,
    success_of,
)
from mock_akool.akool.families.inputs import (
    MediaOptions,
    base_name,
    extension_of,
    refunds,
    seconds_of,
    several,
    subject,
    unusable,
)
from mock_akool.akool.jobs import Job, JobInput, Topic
from mock_akool.akool.settings import ERROR_CODE, ServiceSettings
from mock_akool.akool.validation import Body, Kind
from mock_akool.core.clock import NS_PER_MS, NS_PER_S
from mock_akool.core.dates import digits, iso
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.media import MediaSpec
from mock_akool.core.options import option
from mock_akool.core.schema import FLAG, NAME, Optional, Schema, number, whole
from mock_akool.core.timeline import Status, failed

FILE_HOST: Final = "d2qf6ukcym4kn9.cloudfront.net"
ENDPOINTS: Final = (
    "specifyimage",
    "specifyvideo",
    "faceswapByImage",
    "faceswapPlusByImage",
    "imgreage",
    "vidreage",
)
"""The endpoints whose jobs listbyids shows."""
_PATIENCE: Final = "Please be patient! If your results are not generated in three hours, please check your input"
IMAGE_MESSAGE: Final = f"{_PATIENCE} image."
VIDEO_MESSAGE: Final = f"{_PATIENCE} video."
"""The `msg` of v3 swaps and reage; only their beginning and their end are known (contract section 12)."""

_SIDE: Final = 1024
"""Pixels. The inputs are not fetched, so nobody knows how large a result would be."""
_WIDE: Final = (640, 360)
_IMAGE_FORMATS: Final = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG"}
_VIDEO_EXTENSIONS: Final = ("mp4", "m4v")
EXTENSIONS: Final = (*_IMAGE_FORMATS, *_VIDEO_EXTENSIONS)
_BEFORE_CREATION_NS: Final = 3 * NS_PER_MS
_LANDMARKS: Final = "x,y:x,y:x,y:x,y"


class SwapOptions(MediaOptions):
    """The settings of face swap and reage."""

    no_credit_code_faceswap: int = option(
        int(Code.QUOTA_NOT_ENOUGH),
        ERROR_CODE,
        "the code when credits run out for a face swap or reage",
        section="12",
        mark="D",
    )
    faceswap_image_credits: int = option(
        4, whole(0, 10**6), "what a face swap or reage of an image costs", section="12", mark="C"
    )
    faceswap_video_credits_per_10s: int = option(
        10, whole(0, 10**6), "what each 10 s of a video cost, once begun", section="12", mark="C"
    )
    v3_accept_data_urls: bool = option(True, FLAG, "a v3 face swap takes data URLs as `path`", section="13", mark="C")
    swap_strict_opts: bool = option(
        False, FLAG, f"`opts` of another form than {_LANDMARKS} is refused", section="13", mark="C"
    )
    plus_require_bbox: bool = option(
        False, FLAG, "each face of `face_mapping` must have a `bbox`", section="13", mark="C"
    )
    faceswap_fail_field: str | None = option(
        None,
        Optional(NAME),
        "the key of a failed row that says why; none is known",
        section="13",
        mark="C",
    )
    listbyids_delay: float = option(
        0,
        number(0, 86_400, "a number of seconds"),
        "how many seconds after its creation listbyids shows a job",
        section="13",
        mark="C",
    )


def swap_options(settings: ServiceSettings) -> SwapOptions:
    """Return the settings of face swap and reage."""
    return options_of(settings, SwapOptions)


class SwapInput(JobInput, Protocol):
    """A checked request that changes faces: it swaps those of an image, unless it says otherwise."""

    __slots__ = ()

    @property
    def modified(self) -> str:
        """The URL of the image or video that is changed."""

    @property
    def topic(self) -> Topic:
        """What the job is about: what is changed."""
        return Topic(subject(self.modified))

    @property
    def of_video(self) -> bool:
        """Whether a video is changed."""
        return False

    @property
    def operation(self) -> str:
        """What is done, as its file says it."""
        return "face swap"


def _price(input: SwapInput, settings: ServiceSettings) -> int:
    """Return the credits for changing an image or a video (contract section 12)."""
    options = swap_options(settings)
    if not input.of_video:
        return options.faceswap_image_credits
    return options.faceswap_video_credits_per_10s * math.ceil(seconds_of(input.modified, settings) / 10)


def _observed_s(input: SwapInput) -> float:
    return 50.0 if input.of_video else 35.0


# Faces of a request

_FACE_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["path"],
    "properties": {
        "path": {"type": "string"},
        "opts": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    },
}


def faces(takes_path: Mapping[str, Any]) -> Kind:
    """Return the kind that takes a list of `{path, opts}`.

    `takes_path` says whether a value will do as `path`, by what such values are called. What is read of each is whether
    it has `opts`.
    """
    wants = " or ".join(takes_path)

    def read(value: Any, where: str, settings: ServiceSettings) -> bool:
        if not isinstance(value, dict):
            raise unusable(where, value, "an object with path and opts")
        path, opts = value.get("path"), value.get("opts")
        if settings.check_urls and not any(fits(path, settings) for fits in takes_path.values()):
            raise unusable(f"{where}.path", path, wants)
        if not isinstance(path, str) or not path:
            raise unusable(f"{where}.path", path, wants)
        texts = opts if isinstance(opts, list) else [] if opts is None else [opts]
        strict = swap_options(settings).swap_strict_opts
        for each in texts:
            if not isinstance(each, str) or (strict and not is_landmarks(each)):
                raise unusable(f"{where}.opts", opts, f"a text such as {_LANDMARKS!r}, or a list of such")
        return any(texts)

    return several("a list of objects with path and opts", read, _FACE_SCHEMA)


def is_landmarks(text: str) -> bool:
    """Return whether a text has the form of `landmarks_str`: four points, each two whole numbers."""
    points = [point.split(",") for point in text.split(":")]
    return len(points) == 4 and all(len(point) == 2 and all(map(_is_whole, point)) for point in points)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdigit()


# Records

_iso: Final = lru_cache(maxsize=1024)(iso)
_digits: Final = lru_cache(maxsize=1024)(digits)
"""Jobs are listed again and again: a list of 50 that is not known yet costs a fifth less so."""


def job_id(job: Job) -> str:
    """Return the `job_id`: the UTC time 3 ms before the creation, and 4 digits (contract section 12)."""
    return f"{_digits(job.created_ns - _BEFORE_CREATION_NS)}-{int(job.id[-6:], 16) % 10_000:04}"


def _other_ids(job: Job, context: Context) -> Mapping[str, str]:
    """Return the `job_id`, by which a job is cancelled and nothing else is found."""
    return {"job_id": job_id(job)}


def created(job: Job, input: SwapInput, context: Context) -> Record:
    """Return the reply to a create of v4."""
    return {"_id": job.id, "job_id": job_id(job)}


def created_with_url(files: FileNaming) -> Callable[[Job, SwapInput, Context], Record]:
    """Return what makes the reply to a create of v3: the final address is there before the file is."""

    def record(job: Job, input: SwapInput, context: Context) -> Record:
        url = files.url(job.file_base, files.names(job, input, context)[0])
        return {"_id": job.id, "url": url, "job_id": job_id(job)}

    return record


def _row(job: Job, input: SwapInput, status: Status, base: str, context: Context) -> Record:
    """Return the row of listbyids without its status and address."""
    seconds = seconds_of(input.modified, context.settings) if input.of_video else 0
    record: Record = {
        "_id": job.id,
        "createdAt": _iso(job.created_ns),
        "deduction_duration": 0,
        "image": 0 if seconds else 1,
        "uid": job.account.uid,
        "video_duration": seconds,
    }
    if context.observed:
        record["job_id"] = job_id(job)
    else:
        ended = status is Status.COMPLETED
        record |= {
            "faceswap_type": 1,
            "faceswap_quality": 2,
            "deduction_status": 1,
            "update_time": job.stamp_ms if ended else job.created_ns // NS_PER_MS,
            "userId": job.account.id,
        }
    field = swap_options(context.settings).faceswap_fail_field
    if status is Status.FAILED and field:
        record[field] = "; ".join(job.timeline.ending.reasons) or "failed"
    return record


# Files


@lru_cache(maxsize=1024)
def _drawn(keyed_random: KeyedRandom, job_id: str) -> tuple[str, int]:
    """Return what is drawn for a name of a job's file: its creation asks for that, and each list of jobs again."""
    return keyed_random.uuid4("file", job_id), keyed_random.integer(0, 9999, "file", job_id)


def _naming(*, as_input: bool) -> FileNaming:
    """Return how results are called: `final_<base name>-<uuid4>-<4 digits>.<extension>` (contract section 12).

    `as_input` keeps the extension of the input, where that is one of an image or a video; otherwise it is jpg or mp4.
    """

    def stem(job: Job, context: Context) -> str:
        input: Any = job.input
        return f"final_{base_name(input.modified)}-{_drawn(context.keyed_random, job.id)[0]}"

    def names(job: Job, input: SwapInput, context: Context) -> list[str]:
        given = extension_of(input.modified)
        usual, known = ("mp4", _VIDEO_EXTENSIONS) if input.of_video else ("jpg", tuple(_IMAGE_FORMATS))
        ending = given if as_input and given in known else usual
        return [f"{stem(job, context)}-{_drawn(context.keyed_random, job.id)[1]:04}.{ending}"]

    def shows(job: Job, input: SwapInput, name: str, context: Context) -> MediaSpec:
        size = _WIDE if input.of_video else (_SIDE, _SIDE)
        format = "MP4" if input.of_video else _IMAGE_FORMATS[name.rpartition(".")[2]]
        seconds = seconds_of(input.modified, context.settings) if input.of_video else 0
        return drawing_of(job, size, input.operation, format, context, seconds=seconds)

    return FileNaming(FILE_HOST, EXTENSIONS, stem, names, shows)


AS_INPUT: Final = _naming(as_input=True)
"""Files that keep the extension of the input."""
AS_USUAL: Final = _naming(as_input=False)
"""Files that are jpg or mp4."""


# Reading


def _is_listed(job: Job, now_ns: int, settings: ServiceSettings) -> bool:
    delay_s = swap_options(settings).listbyids_delay
    return not delay_s or now_ns >= job.created_ns + round(delay_s * NS_PER_S)


ROW_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["_id", "createdAt", "faceswap_status", "url"],
    "properties": {
        "_id": {"type": "string", "pattern": "^[0-9a-f]{24}$"},
        "createdAt": {"type": "string", "format": "date-time"},
        "faceswap_status": {"enum": [int(status) for status in Status]},
        "url": {"type": "string"},
        "job_id": {"type": "string"},
    },
}

_CREATED_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["_id", "job_id"],
    "properties": {"_id": {"type": "string"}, "job_id": {"type": "string"}, "url": {"type": "string"}},
}

RESULTS: Final = Results(
    endpoint="listbyids",
    path="/api/open/v3/faceswap/result/listbyids",
    ids=several_in_query("_ids"),
    status_word="faceswap_status",
    result_word="url",
    pending=Pending.FINAL,
    unknown=Unknown.LEFT_OUT,
    reply=in_result,
    query={"_ids": "the `_id` of each job, with commas between them"},
    data_schema={
        "type": "object",
        "required": ["result"],
        "properties": {"result": {"type": "array", "items": ROW_SCHEMA}},
    },
    is_listed=_is_listed,
)
"""Shows the jobs of all face swaps and of reage (contract section 13)."""


# Families

I = TypeVar("I", bound=SwapInput)  # noqa: E741 - the input of a family


def family(
    name: str, *creates: Create[Any], files: FileNaming = AS_USUAL, pending: Pending | None = None
) -> Family[Any]:
    """Return a family that changes faces; `pending` is what stands in the place of the address until it is done."""
    return Family(
        name=name,
        creates=creates,
        readings=(Reading(RESULTS, _row, pending=pending),),
        price=_price,
        files=files,
        webhook=WebhookInfo("faceswap"),
        no_credit_code=attrgetter("no_credit_code_faceswap"),
        refunds=refunds,
        other_ids=_other_ids,
        observed_s=_observed_s,
        options=SwapOptions,
    )


def create(
    endpoint: str,
    path: str,
    input: Body[I],
    input_type: type[I],
    record: Callable[[Job, SwapInput, Context], Record],
    example: Mapping[str, Any],
    *,
    msg: str = OK_MESSAGE,
    allow: Callable[[I, ServiceSettings], None] = no_limit,
) -> Create[I]:
    """Return an endpoint that creates a job which changes faces; all of these are as in `Create`."""
    return Create(
        endpoint=endpoint,
        path=path,
        input=input,
        input_type=input_type,
        record=record,
        example=example,
        webhook_field="webhookUrl",
        record_schema=_CREATED_SCHEMA,
        msg=msg,
        allow=allow,
    )


# Deleting, cancelling


def _own_jobs(asked: Asked, job_ids: Sequence[str]) -> Iterator[Job]:
    """Yield the account's face swaps with these ids; others pass silently (contract section 13)."""
    for each in job_ids:
        job = asked.own_job(each)
        if job is not None and job.endpoint in ENDPOINTS:
            yield job


def _delete(asked: Asked) -> Answer:
    for job in _own_jobs(asked, asked.input):
        asked.world.delete_for_client(job.id, asked.now_ns)
    return success_of()


def _cancel(asked: Asked) -> Answer:
    wanted = set(asked.input)
    for job in asked.world.jobs(asked.own.api_key):
        if job.deleted_ns is None and job.endpoint in ENDPOINTS and job_id(job) in wanted:
            if asked.world.change_of(job, asked.now_ns).status < Status.COMPLETED:
                asked.world.fail(job.id, failed("cancelled", refund=True), asked.now_ns)
            else:
                asked.world.delete_for_client(job.id, asked.now_ns)
    return success_of()


SERVICES: Final = (
    Service(
        endpoint="faceswap/delbyids",
        path="/api/open/v3/faceswap/result/delbyids",
        answer=_delete,
        input=several_in_body("_ids"),
        example={"_ids": "…"},
    ),
    Service(
        endpoint="faceswap/job/del",
        path="/api/open/v3/faceswap/job/del",
        answer=_cancel,
        input=several_in_body("job_ids"),
        example={"job_ids": "…"},
    ),
)
"""Both deletes: of results by their `_id`, and of jobs by their `job_id`, which cancels those under way."""
