"""The files of videos of images and of texts (contract section 15)."""

from __future__ import annotations

from typing import Final

from mock_akool.akool.families.family import Context, FileNaming, drawing_of
from mock_akool.akool.families.generated_videos.prices import step
from mock_akool.akool.families.generated_videos.requests import NO_AUDIO, Video, VideoSound
from mock_akool.akool.jobs import Job
from mock_akool.core.media import MediaSpec

FILE_HOST: Final = "d2qf6ukcym4kn9.cloudfront.net"
_SIDES: Final = ((1280, 720), (1920, 1080), (3840, 2160))
"""Pixels. The image is not fetched, so nobody knows its shape."""


def _stem(job: Job, context: Context) -> str:
    return str(job.stamp_ms)


def names(job: Job, input: Video, context: Context) -> list[str]:
    """Return the names of a video's files, of which there is one."""
    return [f"{job.stamp_ms}-{context.keyed_random.integer(0, 9999, 'file', job.id):04}.mp4"]


def _shows(job: Job, input: Video, name: str, context: Context) -> MediaSpec:
    operation = (
        "new sound" if isinstance(input, VideoSound) else "image to video" if input.image_url else "text to video"
    )
    silent = input.audio_type in (0, NO_AUDIO)
    size = _SIDES[step(input.resolution)]
    return drawing_of(job, size, operation, "MP4", context, seconds=input.seconds, silent=silent)


FILES: Final = FileNaming(FILE_HOST, ("mp4",), _stem, names, _shows)
