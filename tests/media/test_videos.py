"""Videos: real files that say which job they are of."""

from __future__ import annotations

import pytest

from mock_akool.core.media import MediaSpec
from mock_akool.media.videos import _FOLDER, render
from tools.make_videos import SIZES, command


def spec(width: int, height: int, job_id: str = "6955b9009ece54a84f2f98c3") -> MediaSpec:
    return MediaSpec(job_id, 0, width, height, "", "", (), "face swap", "MP4")


def boxes(file: bytes) -> dict[bytes, bytes]:
    """Return the boxes of a file or of a box, by their type."""
    found, at = {}, 0
    while at < len(file):
        size = int.from_bytes(file[at : at + 4])
        assert 8 <= size <= len(file) - at
        found[file[at + 4 : at + 8]] = file[at + 8 : at + size]
        at += size
    return found


@pytest.mark.parametrize(
    ("width", "height", "shown"), [(1920, 1080, (640, 360)), (720, 1280, (360, 640)), (512, 512, (480, 480))]
)
def test_it_has_the_shape_that_is_nearest(width: int, height: int, shown: tuple[int, int]) -> None:
    file = render(spec(width, height))
    assert file == render(spec(width, height))
    movie = boxes(boxes(file)[b"moov"])
    # The header of a track ends with its width and height, in 16.16 bits.
    track = boxes(movie[b"trak"])[b"tkhd"] if b"trak" in movie else b""
    sizes = [file[at - 8 : at] for at in _ends(file, b"tkhd")]
    assert track
    assert tuple(int.from_bytes(sizes[0][place : place + 4]) >> 16 for place in (0, 4)) == shown
    assert b"avc1" in file
    assert b"mp4a" in file


def _ends(file: bytes, kind: bytes) -> list[int]:
    """Return where boxes of a type end."""
    found, at = [], file.find(kind)
    while at >= 0:
        found.append(at - 4 + int.from_bytes(file[at - 4 : at]))
        at = file.find(kind, at + 1)
    return found


def test_its_comment_names_the_job() -> None:
    for job_id, told in (("6955b9009ece54a84f2f98c3", b"6955b9009ece54a84f2f98c3"), ("ä", b"\\xe4")):
        file = render(spec(640, 360, job_id=job_id))
        comment = boxes(boxes(boxes(boxes(file)[b"moov"])[b"udta"])[b"meta"][4:])[b"ilst"]
        data = boxes(boxes(comment)[b"\xa9cmt"])[b"data"]
        assert data[8:] == b"mock-akool job=" + told + b" face swap"


def test_nothing_of_the_film_moves() -> None:
    for shape in SIZES:
        constant = (_FOLDER / f"{shape}.mp4").read_bytes()
        width, height = map(int, SIZES[shape].split("x"))
        file = render(spec(width, height))
        begin = constant.index(b"moov") - 4
        assert file[:begin] == constant[:begin]
        assert boxes(constant)[b"moov"] == boxes(file)[b"moov"][: len(boxes(constant)[b"moov"])]


def test_the_films_are_small_and_of_the_sizes_that_they_were_made_of() -> None:
    files = {path.stem: path.stat().st_size for path in _FOLDER.glob("*.mp4")}
    assert files.keys() == SIZES.keys()
    assert all(size > 1_000 for size in files.values())
    assert sum(files.values()) < 200_000
    assert command("ffmpeg", "tall")[-1].endswith("tall.mp4")
