"""Which job a file is of: its id and its family stand in the metadata of every kind, where foreign readers find it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, Final

import av
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from mock_akool import MockAkool
from mock_akool.akool.families import FAMILIES, Family
from mock_akool.core.http import Request
from mock_akool.core.media import MediaSpec
from mock_akool.media.files import render
from mock_akool.media.notes import note_of

SPEC = MediaSpec(
    "6955b9009ece54a84f2f98c3", 7, 320, 180, "A fox", "", (), "lipsync", "", seconds=1, family="talking_photo"
)


def in_container(name: str) -> Callable[[bytes], str]:
    """Return what reads a tag by FFmpeg, as `ffprobe` does."""

    def read(file: bytes) -> str:
        with av.open(BytesIO(file), "r") as container:
            return str(container.metadata[name])

    return read


def of_jpeg(file: bytes) -> str:
    comment = Image.open(BytesIO(file)).info["comment"]
    assert isinstance(comment, bytes)
    return comment.decode()


def of_png(file: bytes) -> str:
    image = Image.open(BytesIO(file))
    assert isinstance(image, PngImageFile)
    return str(image.text["Comment"])


def of_srt(file: bytes) -> str:
    """Return the text of the first subtitle, by FFmpeg."""
    with av.open(BytesIO(file), "r", format="srt") as container:
        return next(bytes(packet) for packet in container.demux()).decode()


READERS: Final[dict[str, Callable[[bytes], str]]] = {
    "JPEG": of_jpeg,
    "PNG": of_png,
    "MP4": in_container("comment"),
    "MP3": in_container("title"),
    "WAV": in_container("title"),
    "SRT": of_srt,
}


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize("videos", ["drawn", "constant"])
def test_every_kind_of_file_says_its_job_and_family(format: str, videos: str) -> None:
    spec = SPEC._replace(format=format)
    assert READERS[format](render(spec, videos)) == (
        "mock-akool job=6955b9009ece54a84f2f98c3 family=talking_photo lipsync"
    )


@pytest.mark.parametrize("format", READERS)
def test_any_id_can_be_read(format: str) -> None:
    for job_id, read in (("ä\u6f22\n\0", r"\xe4\u6f22\n\x00"), ("x" * 9_000, "x" * 4_000)):
        said = READERS[format](render(SPEC._replace(format=format, job_id=job_id), "constant"))
        assert said == f"mock-akool job={read} family=talking_photo lipsync"


def test_what_is_not_known_is_left_out() -> None:
    assert note_of(SPEC._replace(family="", operation="", tiles=(1, 2))) == f"mock-akool job={SPEC.job_id} tile=1,2"


def files_of(family: Family[Any]) -> Iterator[tuple[str, MediaSpec, bytes]]:
    """Yield the id of the job, what a file shows, and the file, of every file of an example of each create."""
    mock = MockAkool(queueing=0, processing=0, square_1080p=96, square_4k=96, videos="constant")
    for create in family.creates:
        if create.parent_field:
            continue
        headers = {"x-api-key": "key", "content-type": "application/json"}
        mock.answer(Request.build("POST", create.path, "", headers, json.dumps(create.example).encode()))
        mock.clock.advance(5)
    for handle in mock.jobs:
        job = mock.engine.job(handle.id)
        assert job is not None
        for file in mock.engine.files_of(job, mock.clock.now_ns()):
            yield job.id, file.shows, mock.application.media_cache.get(file.shows)


@pytest.mark.parametrize("family", [each for each in FAMILIES if each.makes_files], ids=lambda family: family.name)
def test_the_files_of_every_family_do_so(family: Family[Any]) -> None:
    found = list(files_of(family))
    assert found or all(create.parent_field for create in family.creates)
    for job_id, shows, file in found:
        assert READERS[shows.format](file).startswith(f"mock-akool job={job_id} family={family.name}")
