"""From a record to the JSON of the wire: the only writer of the wire's keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mock_akool.akool.codes import CDN_URL, DEFAULT_REASON, MESSAGES, Code, Profile
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.families.dispatch import file_set, offered_buttons
from mock_akool.akool.families.image_button import PressButton
from mock_akool.akool.families.image_v3 import CreateV3
from mock_akool.akool.families.image_v4 import CreateV4
from mock_akool.akool.jobs import Job
from mock_akool.akool.scenarios.model import MISSING
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.clock import NS_PER_MS
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.timeline import Status

if TYPE_CHECKING:
    from mock_akool.akool.scenarios.model import Result

Record = dict[str, Any]

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_to_ascii_json = json.JSONEncoder(separators=(",", ":")).encode

_DOCUMENTED_COMPLETED_V3: Final = (
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


def encode(value: object) -> bytes:
    """Return compact JSON in UTF-8."""
    try:
        return _to_json(value).encode()
    except UnicodeEncodeError:
        # A lone surrogate, which a client may send as \\ud800, has no UTF-8: like JavaScript, escape it.
        return _to_ascii_json(value).encode()


def success(data: object) -> bytes:
    """Return the envelope of a success."""
    return encode({"code": int(Code.OK), "msg": MESSAGES[Code.OK], "data": data})


def error_body(error: AkoolError, settings: ServiceSettings) -> bytes:
    """Return the envelope of a business error (contract section 1)."""
    body: Record = {"code": int(error.code), "msg": error.msg}
    if settings.error_data == "null":
        body["data"] = None
    return encode(body)


def token_body(token: str) -> bytes:
    """Return the reply of getToken: the token at the top level, no `data` (contract section 2)."""
    return encode({"code": int(Code.OK), "token": token})


def balance_body(credits: int) -> bytes:
    """Return the reply of quota/info (contract section 7)."""
    return success({"credit": credits})


def unknown_route(settings: ServiceSettings) -> tuple[str, bytes]:
    """Return the content type and the body of HTTP 404."""
    if settings.unknown_route_body == "text":
        return "text/plain; charset=utf-8", b"Not Found"
    return "application/json; charset=utf-8", encode({"code": 404, "msg": "Not Found"})


def storage_error(code: str, message: str) -> bytes:
    """Return the XML that S3 sends instead of a file."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    ).encode()


class Wire:
    """Writes the records of jobs for one engine."""

    def __init__(self, settings: ServiceSettings, keyed_random: KeyedRandom) -> None:
        self._settings = settings
        self._keyed_random = keyed_random
        self._observed = settings.profile is Profile.OBSERVED

    def created(self, jobs: Sequence[Job]) -> bytes:
        """Return the reply of a create: an object for one job, an array for several (contract section 4)."""
        records = [self._as_created(job) for job in jobs]
        return success(records if len(records) > 1 else records[0])

    def info(self, job: Job, status: Status, file_base: str) -> bytes:
        """Return the reply of infobymodelid: what the job's record says at `status` (contract section 6)."""
        record = self._as_created(job) | {
            "image_status": int(status),
            "buttons": [],
            "used_buttons": list(job.used_buttons),
            "upscaled_urls": [],
        }
        if status is Status.COMPLETED:
            record |= self._result(job, file_base)
            if isinstance(job.input, CreateV3) and not self._observed:
                record["type"] = self._settings.documented_type
                record = {key: record[key] for key in _DOCUMENTED_COMPLETED_V3}
            if job.result is not None:
                _spoil(record, job.result)
        elif status is Status.FAILED:
            ending = job.timeline.ending
            record["error_reasons"] = list(ending.reasons or (DEFAULT_REASON,))
            if ending.refund:
                record["deduction_credit"] = 0
        return success(record)

    def callback(self, job: Job, status: int, job_id: str) -> bytes:
        """Return the payload of a callback that claims `status` of `job_id` (contract section 9)."""
        payload: Record = {"_id": job_id, "status": int(status), "type": "image"}
        if status == Status.COMPLETED:
            payload["url"] = (
                f"{job.file_base or CDN_URL}/{file_set(job, self._keyed_random, self._settings.profile).image}"
            )
        return encode(payload)

    def _result(self, job: Job, file_base: str) -> Record:
        image, upscaled = file_set(job, self._keyed_random, self._settings.profile)
        file_base = file_base or CDN_URL
        if isinstance(job.input, CreateV3) and not self._observed:
            upscaled = ()
        return {
            "image": f"{file_base}/{image}",
            "upscaled_urls": [f"{file_base}/{name}" for name in upscaled],
            "buttons": [each for each in offered_buttons(job, self._settings) if each not in job.used_buttons],
        }

    def _as_created(self, job: Job) -> Record:
        match job.input:
            case CreateV3() as input:
                return self._v3(job, input)
            case CreateV4() as input:
                return self._v4(job, input)
            case PressButton() as input:
                return self._pressed(job, input)

    def _v3(self, job: Job, input: CreateV3) -> Record:
        record = _common(job) | {
            "uid": job.account.uid,
            "type": 4,
            "origin_prompt": input.prompt,
            "prompt": input.prompt + self._settings.prompt_suffix,
        }
        if input.source_image is not None:
            record["source_image"] = input.source_image
        return record

    def _v4(self, job: Job, input: CreateV4) -> Record:
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
        if self._observed:
            record["task_id"] = self._keyed_random.hex(32, "task", job.id)
        return record

    def _pressed(self, job: Job, input: PressButton) -> Record:
        return _common(job) | {
            "image_content_model_id": input.parent_id,
            "op_button": input.button,
            "op_buttonMessageId": self._keyed_random.alphanumerics(20, "message", job.id),
        }


def _spoil(record: Record, result: Result) -> None:
    """Let the record say what a script wants its result to be."""
    for key, said in (("image", result.image), ("upscaled_urls", result.upscaled_urls), ("buttons", result.buttons)):
        if said is MISSING:
            record.pop(key, None)
        elif said is not None:
            record[key] = list(said) if isinstance(said, tuple) else said


def _common(job: Job) -> Record:
    """What the records of `createbyprompt` and `createbybutton` share."""
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
