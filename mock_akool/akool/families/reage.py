"""Faces of an image or a video are made older or younger: `imgreage`, `vidreage` (contract section 13)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from mock_akool.akool.families import faceswap
from mock_akool.akool.families.faceswap_v3 import FACES, MODIFIED
from mock_akool.akool.families.family import Context, Create, Family, Reading, Record, first
from mock_akool.akool.families.inputs import lenient, refunds, seconds_of, subject
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import URL, Body, Field, Values
from mock_akool.core.timeline import Status

_YEARS: Final = 30


class ReageImage(NamedTuple):
    """A checked request of `imgreage`. `face_reage` is in years, `modified` the URL of the image."""

    modified: str
    face_reage: int
    webhook_url: str

    @property
    def topic(self) -> Topic:
        """What the job is about: what is changed."""
        return Topic(subject(self.modified))

    @property
    def operation(self) -> str:
        """What is done, as its file says it."""
        return f"reage {self.face_reage:+}"


class ReageVideo(ReageImage):
    """A checked request of `vidreage`; `modified` is the URL of the video."""

    __slots__ = ()


def _check(values: Values) -> Iterable[str]:
    if values.get("targetImage") == ():
        yield "targetImage must not be empty"


def _image(values: Values) -> ReageImage:
    return ReageImage(values["modifyImage"], values["face_reage"], values["webhookUrl"])


def _video(values: Values) -> ReageVideo:
    return ReageVideo(values["modifyVideo"], values["face_reage"], values["webhookUrl"])


def _fields(name: str) -> dict[str, Field]:
    return {
        "targetImage": Field(FACES, required=True),
        "face_reage": Field(lenient(-_YEARS, _YEARS), required=True),
        name: Field(MODIFIED, required=True),
        "webhookUrl": Field(URL, ""),
    }


def _created(job: Job, input: ReageImage, context: Context) -> Record:
    return {"_id": job.id, "url": FAMILY.result_url(job, job.file_base, context), "job_id": faceswap.job_id(job)}


def _shown(job: Job, input: ReageImage, status: Status, base: str, context: Context) -> Record:
    seconds = seconds_of(input.modified, context.settings) if isinstance(input, ReageVideo) else 0
    return faceswap.row(job, status, context, seconds=seconds)


def _modified(input: ReageImage) -> tuple[str, bool]:
    return input.modified, isinstance(input, ReageVideo)


def _price(input: ReageImage, settings: ServiceSettings) -> int:
    return faceswap.price(input.modified, settings, of_video=isinstance(input, ReageVideo))


def _observed_s(input: ReageImage) -> float:
    return 50.0 if isinstance(input, ReageVideo) else 35.0


_EXAMPLE: Final = {
    "targetImage": [{"path": "https://example.com/face.jpg", "opts": "262,175:363,175:313,215:277,272"}],
    "face_reage": 10,
}

FAMILY: Final = Family[ReageImage](
    name="reage",
    creates=(
        Create(
            endpoint="imgreage",
            path="/api/open/v3/faceswap/highquality/imgreage",
            input=Body(_fields("modifyImage"), _image, _check),
            input_type=ReageImage,
            record=_created,
            example={**_EXAMPLE, "modifyImage": "https://example.com/portrait.jpg"},
            webhook_field="webhookUrl",
            reply=first,
            record_schema=faceswap.CREATED_SCHEMA,
            msg=faceswap.IMAGE_MESSAGE,
        ),
        Create(
            endpoint="vidreage",
            path="/api/open/v3/faceswap/highquality/vidreage",
            input=Body(_fields("modifyVideo"), _video, _check),
            input_type=ReageVideo,
            record=_created,
            example={**_EXAMPLE, "modifyVideo": "https://example.com/party.mp4"},
            webhook_field="webhookUrl",
            reply=first,
            record_schema=faceswap.CREATED_SCHEMA,
            # The page of the video shows the message of the image.
            msg=faceswap.IMAGE_MESSAGE,
        ),
    ),
    readings=(Reading(faceswap.RESULTS, _shown),),
    price=_price,
    files=faceswap.naming(_modified, as_input=False),
    webhook=faceswap.WEBHOOK,
    no_credit_code=faceswap.no_credit_code,
    refunds=refunds,
    other_ids=faceswap.other_ids,
    observed_s=_observed_s,
    options=faceswap.SwapOptions,
)
