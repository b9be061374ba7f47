"""What the families share whose jobs `content/video/infobymodelid` shows (contract section 16)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, Protocol

from mock_akool.akool.accounts import Account
from mock_akool.akool.codes import MESSAGES, UNKNOWN_MESSAGE, Code
from mock_akool.akool.families import image
from mock_akool.akool.families.family import (
    Context,
    Create,
    Family,
    FileNaming,
    Pending,
    Reading,
    Record,
    Results,
    WebhookInfo,
    World,
    drawing_of,
    first,
    no_limit,
    no_other_ids,
    one_in_query,
    one_job,
)
from mock_akool.akool.families.inputs import MediaOptions, refunds
from mock_akool.akool.jobs import Job, JobInput
from mock_akool.akool.settings import ERROR_CODE, ServiceSettings
from mock_akool.akool.validation import Body
from mock_akool.core.clock import NS_PER_MS
from mock_akool.core.media import MediaSpec
from mock_akool.core.options import option
from mock_akool.core.schema import FLAG, Schema
from mock_akool.core.timeline import Status

EXTENSIONS: Final = ("mp4",)
WIDE: Final = (1280, 720)
SQUARE: Final = (720, 720)
_OBSERVED_S: Final = 50.0

RECORD_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["_id", "create_time"],
    "properties": {
        "_id": {"type": "string", "pattern": "^[0-9a-f]{24}$"},
        "create_time": {"type": "integer"},
        "video_status": {"enum": [int(status) for status in Status]},
        "video": {"type": "string"},
        "error_code": {"type": "integer"},
        "error_reason": {"type": "string"},
    },
}

RESULTS: Final = Results(
    endpoint="video/infobymodelid",
    path="/api/open/v3/content/video/infobymodelid",
    ids=one_in_query("video_model_id"),
    status_word="video_status",
    result_word="video",
    pending=Pending.EMPTY,
    query={"video_model_id": "the job's `_id`"},
    data_schema=RECORD_SCHEMA,
)
"""Shows the videos of several families; a family takes part by a `Reading` of it."""


class ContentVideoOptions(MediaOptions):
    """The settings that these families share."""

    video_error_fields: bool = option(
        True, FLAG, "a failed video says why in `error_code` and `error_reason`", section="16", mark="C"
    )
    video_error_code: int = option(
        int(Code.VIDEO_ERROR), ERROR_CODE, "the `error_code` of a failed video", section="16", mark="C"
    )


class VideoInput(JobInput, Protocol):
    """A checked request that makes a video."""

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of the video in pixels, as far as they are known: no input is fetched."""

    @property
    def operation(self) -> str:
        """What is done, as the file says it."""

    def seconds(self, settings: ServiceSettings) -> float:
        """Return how long the video is taken to be."""


def credits_by_10_seconds(seconds: float, credits: int = 10) -> int:
    """Return what a video costs: so many credits for each 10 s, once begun (contract section 16)."""
    return credits * math.ceil(seconds / 10)


# Records


def created_ms(job: Job) -> int:
    """Return the `create_time` of a job, in milliseconds."""
    return job.created_ns // NS_PER_MS + job.place


def charged(job: Job, status: Status) -> Any:
    """Return the credits that the job was charged in the end: none before that, nor when it gave them back."""
    ending = job.timeline.ending
    is_paid = status is Status.COMPLETED or (status is Status.FAILED and not ending.refund)
    return job.cost if is_paid else 0


def errors(job: Job, status: Status, context: Context) -> Record:
    """Return what a record says of a failure; nothing while there is none."""
    options = context.options(ContentVideoOptions)
    if status is not Status.FAILED or not options.video_error_fields:
        return {}
    usual = MESSAGES.get(options.video_error_code, UNKNOWN_MESSAGE)
    return {
        "error_code": options.video_error_code,
        "error_reason": "; ".join(job.timeline.ending.reasons) or usual,
    }


_DOCUMENTED: Final = (
    *("_id", "create_time", "uid", "type", "from", "video_lock_duration", "deduction_lock_duration"),
    *("external_video", "faceswap_quality", "storage_loc"),
)
_SAMPLE: Final = {"type": 2, "from": 1}
"""What the one sample of the documentation says, which is the same on five pages."""


def fields(created: Record, job: Job, status: Status, context: Context, more: Record) -> Record:
    """Return what a record says: what it said at the creation, and what newer records have.

    Of profile documented that is what the vendor's sample has. `more` is what the family has beside that.
    """
    newer = {"team_id": job.account.team_id, "deduction_duration": charged(job, status)}
    if not context.observed:
        created = {key: created[key] for key in _DOCUMENTED if key in created} | _SAMPLE
    return created | newer | more | errors(job, status, context)


# Files


def _names(job: Job, input: VideoInput, context: Context) -> list[str]:
    return image.numbered_names(job, "", EXTENSIONS[0], 1, context)


def video_spec(job: Job, input: VideoInput, context: Context) -> MediaSpec:
    """Return what the video of a job shows."""
    seconds = input.seconds(context.settings)
    return drawing_of(job, input.size, input.operation, "MP4", context, seconds=seconds)


def _shows(job: Job, input: VideoInput, name: str, context: Context) -> MediaSpec:
    return video_spec(job, input, context)


FILES: Final = FileNaming(image.FILE_HOST, EXTENSIONS, image.stamp_stem, _names, _shows)
"""Videos are called `<13-digit ms>-<4 digits>.mp4` (contract section 16)."""


# Families


def _observed_s(input: VideoInput) -> float:
    return _OBSERVED_S


def create(
    endpoint: str,
    path: str,
    input: Body[Any],
    input_type: type[Any],
    record: Callable[[Job, Any, Context], Record],
    example: Mapping[str, Any],
    *,
    webhook_field: str = "webhookUrl",
    allow: Callable[[Any, ServiceSettings], None] = no_limit,
    find: Callable[[Any, World, Account, int], Any] | None = None,
    jobs: Callable[[Any], int] = one_job,
    refuse_rows: Callable[[Any, Mapping[int, int]], Any] | None = None,
    batch_ids: str = "",
    body: Callable[[Sequence[Record], Any, Context], Mapping[str, Any]] | None = None,
) -> Create[Any]:
    """Return an endpoint that creates videos; all of these are as in `Create`."""
    return Create(
        endpoint=endpoint,
        path=path,
        input=input,
        input_type=input_type,
        record=record,
        example=example,
        webhook_field=webhook_field,
        reply=first,
        record_schema=RECORD_SCHEMA,
        allow=allow,
        find=find,
        jobs=jobs,
        refuse_rows=refuse_rows,
        batch_ids=batch_ids,
        body=body,
    )


def family(
    name: str,
    create: Create[Any],
    shown: Callable[[Job, Any, Status, str, Context], Record],
    price: Callable[[Any, ServiceSettings], int],
    webhook: WebhookInfo,
    options: type[ContentVideoOptions],
    *,
    files: FileNaming = FILES,
    pending: Pending | None = None,
    other_ids: Callable[[Job, Context], Mapping[str, str]] = no_other_ids,
    refunds: Callable[[ServiceSettings], bool] = refunds,
) -> Family[Any]:
    """Return a family of one create whose jobs the shared reader shows.

    Its setting `no_credit_code_<name>` is the code of a create that the account cannot pay.
    """
    return Family(
        name=name,
        creates=(create,),
        readings=(Reading(RESULTS, shown, pending=pending),),
        price=price,
        files=files,
        webhook=webhook,
        no_credit_code=attrgetter(f"no_credit_code_{name}"),
        refunds=refunds,
        other_ids=other_ids,
        observed_s=_observed_s,
        options=options,
    )
