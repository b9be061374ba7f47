"""What is said of a video of an image or a text: when it is made, in a batch, with a new sound, and later."""

from __future__ import annotations

from typing import Final

from mock_akool.akool.families.family import Context, Record
from mock_akool.akool.families.generated_videos import models
from mock_akool.akool.families.generated_videos.effects import EFFECT_NAMES
from mock_akool.akool.families.generated_videos.files import FILES, names
from mock_akool.akool.families.generated_videos.requests import NO_AUDIO, SingleVideo, Video, VideoSound
from mock_akool.akool.jobs import Job
from mock_akool.core.clock import NS_PER_MS
from mock_akool.core.timeline import Status

_NAMED: Final = 24
"""How many characters of the prompt a file's name has."""
_NOT_QUITE_S: Final = 0.063
"""A finished video is so much longer than was asked for."""
OLD_TYPE: Final = 15


def _file_name(input: Video) -> str:
    return f"{'Image' if input.image_url else 'Text'}2Video_{input.prompt[:_NAMED]}.mp4"


def _of_image(input: Video) -> Record:
    return {"image_url": input.image_url} if input.image_url else {}


def _of_effect(input: Video) -> Record:
    name = EFFECT_NAMES.get(input.effect_code)
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


def created(job: Job, input: SingleVideo, context: Context) -> Record:
    """Return the record in the answer to `image2Video/createBySourcePrompt`."""
    return {
        **_begun(job, input, context),
        "audio_type": input.audio_type or NO_AUDIO,
        "audio_url": input.audio_url,
        **_of_effect(input),
    }


def batch_row(job: Job, input: Video, context: Context) -> Record:
    """Return the row of a video in `successList`."""
    return {
        **_begun(job, input, context),
        "model_name": input.model_name,
        "batch_id": f"{job.created_ns // NS_PER_MS}_{job.account.uid}",
        "batch_count": input.rows,
        **({"last_image_url": input.last_image_url} if input.last_image_url else {}),
    }


def with_sound(job: Job, input: VideoSound, context: Context) -> Record:
    """Return the record in the answer to `image2Video/updateVideoAudio`."""
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


def fields(job: Job, input: Video, status: Status, base: str, context: Context) -> Record:
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
        "effect_name": EFFECT_NAMES.get(input.effect_code, ""),
        "effect_code": input.effect_code,
        "deduction_credit": 0 if given_back else job.cost,
        "only_add_audio": adds_sound,
    }
    if input.image_url:
        record["image_url"] = input.image_url
    if done:
        record["sub_type"] = sub_type(input)
    return record


def sub_type(input: Video) -> int:
    """Return the type of the models that make such a video."""
    return models.FROM_IMAGE if input.image_url else models.FROM_TEXT


def old_fields(job: Job, input: Video, status: Status, base: str, context: Context) -> Record:
    """Return what the old readers, those of `content/video`, say of a video, without its status and address."""
    return {
        "_id": job.id,
        "create_time": job.created_ns // NS_PER_MS + job.place,
        "uid": job.account.uid,
        "team_id": job.account.team_id,
        "type": OLD_TYPE,
        "sub_type": sub_type(input),
        "credentialId": context.keyed_random.hex(24, "credential", job.account.id),
        "prompt": input.prompt,
        "resolution": input.resolution,
        "external_video": FILES.url(base, names(job, input, context)[0]) if status is Status.COMPLETED else "",
    }
